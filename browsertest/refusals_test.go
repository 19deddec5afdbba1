//go:build browser

package browsertest

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// testRefusals: what ends a sign-in without a session.
func testRefusals(t *testing.T, b tab) {
	s := newStack(t)
	other := s.login("--username", "ann")
	b.open(other.address)
	b.password("bob", sandbox.DefaultPassword)
	b.closing(s, "Not signed in")
	b.looks("another")
	if said := other.end(3); !strings.Contains(said, "signed in as bob (bob@example.com), not as ann") {
		t.Errorf("the terminal says %s", said)
	}
	s.signedOut()

	cancelled := s.login("--prompt", "login")
	b.open(cancelled.address)
	b.onPage("Sign in")
	if err := cancelled.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cancelled.end(130)
	s.signedOut()

	late := s.login("--timeout", "1s")
	if said := late.end(4); !strings.Contains(said, s.callback) {
		t.Errorf("the terminal says %s", said)
	}

	broken := s.login()
	s.control("POST", "/faults", `{"operation":"POST /oauth2/token","kind":"status","status":500}`, nil)
	b.open(broken.address)
	b.closing(s, "Something went wrong")
	b.looks("failed")
	broken.end(1)
	s.signedOut()
	s.control("DELETE", "/faults", "", nil)
	well := s.login()
	b.open(well.address)
	b.closing(s, "Signed in")
	well.end(0)
	s.signedIn("bob")
}

// testStrays: pages that are no part of a sign-in, and do not end one.
func testStrays(t *testing.T, b tab) {
	s := newStack(t)
	l := s.login()
	b.open(s.callback + "?code=x&state=" + strings.Repeat("A", 43))
	b.at("Nothing to do here · cogctl")
	b.looks("callback")
	// What came from elsewhere stays in the way back.
	b.do("forget the way back", chromedp.Navigate("about:blank"), page.ResetNavigationHistory())
	l.waits()

	address, err := url.Parse(l.address)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("redirect_uri", s.callback+"/")
	mismatch := *address
	mismatch.RawQuery = query.Encode()
	b.open(mismatch.String())
	b.onPage("Something went wrong")
	b.says("redirect_mismatch")
	b.looks("mismatch")

	// A form of a page whose browser has lost its cookies since.
	b.open(l.address)
	b.onPage("Sign in")
	b.fill("#username", "ann")
	b.fill("#password", sandbox.DefaultPassword)
	b.do("lose the cookies", loseCookies())
	b.send()
	b.onPage("Error: This form cannot be taken")
	b.looks("not-ours")
	l.waits()
	b.open(l.address)
	b.password("ann", sandbox.DefaultPassword)
	b.closing(s, "Signed in")
	l.end(0)
	s.signedIn("ann")
}

// testHandedOver: cogctl opens the browser itself, by what BROWSER names.
func testHandedOver(t *testing.T, b tab) {
	s := newStack(t)
	file := filepath.Join(t.TempDir(), "address")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, told := s.start(s.with("BROWSER="+self+" "+handOver+" "+file), []string{"login", "--web", "--timeout", "60s"})
	var handed []byte
	for deadline := time.Now().Add(patience); len(handed) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		handed, _ = os.ReadFile(file)
	}
	if address := <-told; address == "" || string(handed) != address {
		t.Fatalf("the browser was given %q, the terminal told %q", handed, address)
	}
	b.open(string(handed))
	b.password("ann", sandbox.DefaultPassword)
	b.closing(s, "Signed in")
	l.end(0)
	s.signedIn("ann")
}
