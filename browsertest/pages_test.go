//go:build browser

package browsertest

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pquerna/otp/totp"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// TestPages has one Chromium for all, and a tab without cookies for each.
func TestPages(t *testing.T) {
	chromium := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, tab)
	}{
		{"faults", testFaults},
		{"sign-in", testSignIn},
		{"sign-up", testSignUp},
		{"forgot", testForgot},
		{"new-password", testNewPassword},
		{"second-factor", testSecondFactor},
		{"set-up", testSetUp},
		{"social", testSocial},
		{"refusals", testRefusals},
		{"strays", testStrays},
		{"handed-over", testHandedOver},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newTab(t, chromium)) })
	}
}

// password signs in on the page that asks for name and password.
func (b tab) password(username, password string) {
	b.t.Helper()
	b.onPage("Sign in")
	b.fill("#username", username)
	b.fill("#password", password)
	b.send()
}

// testSignIn: a wrong password and then the right one, by keyboard alone; then the
// browser is signed in, until logout --browser or --prompt login.
func testSignIn(t *testing.T, b tab) {
	s := newStack(t)
	l := s.login()
	b.open(l.address)
	b.onPage("Sign in")
	b.looks("page")
	b.keys("ann" + kb.Tab + "Wr0ng-password!" + kb.Enter)
	b.onPage("Error: Sign in")
	b.says("Incorrect username or password.")
	b.wrong("password", "username", "password")
	b.looks("wrong")
	l.waits()
	s.signedOut()
	b.keys(sandbox.DefaultPassword + kb.Enter) // the name is still there
	b.closing(s, "Signed in")
	b.looks("done")
	l.end(0)
	s.signedIn("ann")
	if out, _ := s.run(0, "call", "GET", "/myendpoint"); !strings.Contains(out, `"ann"`) {
		t.Errorf("call says %s", out)
	}

	again := s.login()
	b.open(again.address)
	b.closing(s, "Signed in") // nothing was asked
	again.end(0)

	anew := s.login("--prompt", "login")
	b.open(anew.address)
	b.password("bob", sandbox.DefaultPassword)
	b.closing(s, "Signed in")
	anew.end(0)
	s.signedIn("bob")

	_, said := s.run(0, "logout", "--browser")
	s.signedOut()
	b.open(addressIn(t, said))
	b.onPage("Sign in")
	last := s.login()
	b.open(last.address)
	b.password("ann", sandbox.DefaultPassword)
	b.closing(s, "Signed in")
	last.end(0)
	s.signedIn("ann")
}

// addressIn is the address that a command told.
func addressIn(t *testing.T, said string) string {
	t.Helper()
	for _, line := range strings.Fields(said) {
		if strings.HasPrefix(line, "http://") {
			return line
		}
	}
	t.Fatalf("there is no address in %q", said)
	return ""
}

func testSignUp(t *testing.T, b tab) {
	s := newStack(t)
	l := s.login()
	b.open(l.address)
	b.onPage("Sign in")
	b.press(`a[href^="/signup"]`)
	b.onPage("Sign up")
	b.wrong("username")
	b.looks("page")
	fill := func(again string) {
		b.fill("#username", "zoe")
		b.fill(`[name="requiredAttributes[email]"]`, "zoe@example.com")
		b.fill("#password", "Brand-new-0!")
		b.fill("#confirm_password", again)
		b.send()
	}
	fill("Brand-new-1!")
	b.onPage("Error: Sign up")
	b.says("The two passwords are not the same.")
	b.wrong("password", "password", "confirm_password")
	b.looks("different")
	fill("Brand-new-0!")
	b.onPage("Confirm your account")
	b.says("z***@e***")
	b.looks("confirm")
	b.fill("#code", wrong(s.code("zoe")))
	b.send()
	b.onPage("Error: Confirm your account")
	b.looks("wrong-code")
	b.press("form button.plain")
	b.onPage("Confirm your account")
	b.says("A new code is on its way.")
	b.looks("resent")
	l.waits()
	b.fill("#code", s.code("zoe"))
	b.send()
	b.closing(s, "Signed in") // the password is not asked again
	l.end(0)
	s.signedIn("zoe")
}

// wrong is another code of the same length.
func wrong(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func testForgot(t *testing.T, b tab) {
	s := newStack(t)
	l := s.login()
	b.open(l.address)
	b.onPage("Sign in")
	b.press(`a[href^="/forgotPassword"]`)
	b.onPage("Forgot your password?")
	b.looks("page")
	b.fill("#username", "ann")
	b.send()
	b.onPage("Set a new password")
	b.looks("new")
	set := func(code string) {
		b.fill("#code", code)
		b.fill("#password", "Brand-new-0!")
		b.fill("#confirm_password", "Brand-new-0!")
		b.send()
	}
	set(wrong(s.code("ann")))
	b.onPage("Error: Set a new password")
	b.wrong("code", "code")
	b.looks("wrong-code")
	set(s.code("ann"))
	b.onPage("Sign in")
	b.says("Your password is changed.")
	b.looks("changed")
	b.fill("#password", sandbox.DefaultPassword)
	b.send()
	b.onPage("Error: Sign in") // the old one
	b.fill("#password", "Brand-new-0!")
	b.send()
	b.closing(s, "Signed in")
	l.end(0)
	s.signedIn("ann")
}

func testNewPassword(t *testing.T, b tab) {
	s := newStack(t)
	l := s.login()
	b.open(l.address)
	b.password("new", sandbox.TemporaryPassword)
	b.onPage("Choose a new password")
	b.looks("page")
	b.fill("#new_password", "short")
	b.fill("#confirm_password", "short")
	b.send()
	b.onPage("Error: Choose a new password")
	b.looks("short")
	b.fill("#new_password", "Brand-new-0!")
	b.fill("#confirm_password", "Brand-new-0!")
	b.send()
	b.closing(s, "Signed in")
	l.end(0)
	s.signedIn("new")
}

// testSecondFactor: an authenticator, and a user with two factors who chooses one.
func testSecondFactor(t *testing.T, b tab) {
	s := newStack(t, func(p *sandbox.Pool) {
		for i, u := range p.Users {
			if u.Username == "sms" {
				p.Users[i].MFA = []string{"SMS_MFA", "SOFTWARE_TOKEN_MFA"}
			}
		}
	})
	l := s.login()
	b.open(l.address)
	b.password("totp", sandbox.DefaultPassword)
	b.onPage("Enter the code")
	b.says("authenticator app")
	b.looks("totp")
	b.fill("#code", wrong(s.authenticator("totp")))
	b.send()
	b.onPage("Error: Enter the code")
	b.looks("wrong-code")
	l.waits()
	b.fill("#code", s.authenticator("totp"))
	b.send()
	b.closing(s, "Signed in")
	l.end(0)
	s.signedIn("totp")

	two := s.login("--prompt", "login")
	b.open(two.address)
	b.password("sms", sandbox.DefaultPassword)
	b.onPage("Choose how to get a code")
	b.looks("choice")
	b.press(`input[value="SMS_MFA"]`)
	b.send()
	b.onPage("Enter the code")
	b.looks("sms")
	b.fill("#code", s.code("sms"))
	b.send()
	b.closing(s, "Signed in")
	two.end(0)
	s.signedIn("sms")
}

// testSetUp adds an authenticator on the way in, as another library's.
func testSetUp(t *testing.T, b tab) {
	s := newStack(t, func(p *sandbox.Pool) { p.MFA, p.MFATypes = "ON", []string{"SOFTWARE_TOKEN_MFA"} })
	l := s.login()
	b.open(l.address)
	b.password("bob", sandbox.DefaultPassword)
	b.onPage("Set up an authenticator app")
	b.looks("page")
	var secret string
	b.do("read the key", chromedp.Text("#secret", &secret, chromedp.ByQuery))
	code, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b.fill("#code", wrong(code))
	b.send()
	b.onPage("Error: Set up an authenticator app")
	b.looks("wrong-code")
	var still string
	b.do("read the key", chromedp.Text("#secret", &still, chromedp.ByQuery))
	if still != secret {
		t.Error("after a wrong code the key is another")
	}
	b.fill("#code", code)
	b.send()
	b.closing(s, "Signed in")
	l.end(0)
	s.signedIn("bob")
}

// testSocial: through the stand-in of a social provider, and back from it without.
func testSocial(t *testing.T, b tab) {
	s := newStack(t)
	l := s.login("--provider", "google")
	b.open(l.address)
	b.onPage("Google (a stand-in)")
	b.looks("page")
	b.send() // nobody is chosen
	b.onPage("Error: Google (a stand-in)")
	b.looks("nobody")
	b.press("button[name=cancel]")
	b.closing(s, "Not signed in")
	b.says("access_denied")
	b.looks("cancelled")
	if said := l.end(3); !strings.Contains(said, "access_denied") {
		t.Errorf("the terminal says %s", said)
	}
	s.signedOut()

	again := s.login()
	b.open(again.address)
	b.onPage("Sign in")
	b.do("continue with Google", chromedp.Click(`//a[text()="Continue with Google"]`, chromedp.BySearch))
	b.onPage("Google (a stand-in)")
	b.press("fieldset label")
	b.send()
	b.closing(s, "Signed in")
	again.end(0)
	s.signedIn("Google_100000000000000000001")

	stranger := s.login("--provider", "google", "--prompt", "login")
	b.open(stranger.address)
	b.onPage("Google (a stand-in)")
	b.fill("#email", "ivan@example.org")
	b.send()
	b.closing(s, "Signed in")
	stranger.end(0)
	if out, _ := s.run(0, "status"); !strings.Contains(out, "ivan@example.org") {
		t.Errorf("status: %s", out)
	}
}
