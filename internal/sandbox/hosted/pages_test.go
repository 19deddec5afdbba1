package hosted

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// shows checks a page: its path, its heading and something on it.
func (v view) shows(t *testing.T, name, path, heading, text string) view {
	t.Helper()
	if v.path != path || v.location != nil || !strings.Contains(v.body, "<h1>"+heading+"</h1>") || !strings.Contains(v.body, text) {
		t.Fatalf("%s: %d %s to %v, want %s %q with %q:\n%s", name, v.status, v.path, v.location, path, heading, text, v.body)
	}
	return v
}

// sent is the latest code of a user.
func (w *world) sent(username string) string {
	w.t.Helper()
	code := ""
	for _, m := range w.h.Store.Messages() {
		if m.Username == username {
			code = m.Code
		}
	}
	if code == "" {
		w.t.Fatalf("nothing was sent to %s", username)
	}
	return code
}

// TestLoginPage: who gets in with a password, and what the others read.
func TestLoginPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser().signIn(asking("web"), "ann", password).code(t)
	w.browser().signIn(asking("web"), "ann@example.com", password).code(t)
	w.browser().signIn(asking("backend"), "ann", password).code(t)
	for _, tt := range []struct{ user, password, heading, text string }{
		{"ann", "wrong", "Sign in", "Incorrect username or password."},
		{"nobody", password, "Sign in", "Incorrect username or password."},
		{"", password, "Sign in", "Incorrect username or password."},
		{"off", password, "Sign in", "User is disabled."},
		{"reset", password, "Sign in", "Password reset required for the user"},
		{"fresh", password, "Confirm your account", "User is not confirmed."},
	} {
		v := w.browser().signIn(asking("web"), tt.user, tt.password).shows(t, tt.user, "/login", tt.heading, tt.text)
		if v.status != http.StatusBadRequest || v.header.Get("Set-Cookie") != "" || !strings.Contains(v.body, "<title>Error: ") || !strings.Contains(v.body, `aria-describedby="problem"`) {
			t.Errorf("%s: %d %v %s", tt.user, v.status, v.header, v.body)
		}
	}
	b := w.browser()
	for range 5 {
		b.signIn(asking("web"), "bob", "wrong")
	}
	b.signIn(asking("web"), "bob", password).shows(t, "locked", "/login", "Sign in", "Password attempts exceeded")

	hinted := w.browser().open("/login?" + asking("web", "login_hint", `"><b>x`).Encode())
	hinted.shows(t, "login_hint", "/login", "Sign in", `value="&#34;&gt;&lt;b&gt;x"`)
	if strings.Contains(hinted.body, "<b>") {
		t.Error("login_hint is markup")
	}
	if v := w.browser().open("/login?" + asking("bare").Encode()); strings.Contains(v.body, "Google") {
		t.Error("a client without the provider shows it")
	}
	if v := w.browser().open("/login?" + asking("googleonly").Encode()); strings.Contains(v.body, `type="password"`) || !strings.Contains(v.body, "Continue with Google") {
		t.Errorf("a client without the pool asks for a password: %s", v.body)
	}
	if v := w.browser().open("/login?" + asking("web", "redirect_uri", "https://evil.example/").Encode()); v.path != "/error" {
		t.Errorf("a bad request is shown at %s", v.path)
	}
}

// TestForms: a form counts only with the token of this browser and this form.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := asking("web")
	b, other := w.browser(), w.browser()
	path, form := b.open("/login?"+query.Encode()).fill(t, "/login", "username", "ann", "password", password)
	_, foreign := other.open("/login?"+query.Encode()).fill(t, "/login")
	_, forgot := b.open("/forgotPassword?"+query.Encode()).fill(t, "/forgotPassword")
	_, scoped := b.open("/login?"+asking("web", "scope", "content/read").Encode()).fill(t, "/login")
	for name, token := range map[string]string{
		"none": "", "another browser's": foreign.Get("_csrf"), "another form's": forgot.Get("_csrf"), "another request's": scoped.Get("_csrf"), "rubbish": "x",
	} {
		bad := url.Values{"username": {"ann"}, "password": {password}, "_csrf": {token}}
		if v := b.post(path, bad); v.status != http.StatusForbidden || v.location != nil {
			t.Errorf("%s: %d, to %v", name, v.status, v.location)
		}
	}
	if v := w.browser().post(path, form); v.status != http.StatusForbidden {
		t.Errorf("a browser without the cookie: %d", v.status)
	}
	r, err := http.NewRequest(http.MethodPost, w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://evil.example")
	if v := b.do(r); v.status != http.StatusForbidden {
		t.Errorf("from another site: %d", v.status)
	}
	b.post(path, form).code(t)

	v := b.open("/login?" + query.Encode())
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "same-origin",
	} {
		if got := v.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	csp := v.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'sha256-", "form-action 'self' http://localhost:17170"} {
		if !strings.Contains(csp, part) {
			t.Errorf("the policy %q has no %s", csp, part)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "javascript:", " on", "style="} {
		if bad == " on" && !strings.Contains(v.body, ` onclick`) {
			continue
		}
		if strings.Contains(v.body, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

// TestMethods: other methods than those that are served.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, allow := range map[string]string{
		"/oauth2/authorize": "GET", "/oauth2/token": "POST", "/oauth2/revoke": "POST", "/oauth2/userInfo": "GET, POST",
		"/oauth2/idpresponse": "GET", "/login": "GET, POST", "/logout": "GET", "/error": "GET",
	} {
		for _, method := range []string{"PUT", "GET", "POST"} {
			r, err := http.NewRequest(method, w.server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := w.send(r)
			if refused := got.status == http.StatusMethodNotAllowed; refused == strings.Contains(allow, method) || refused && got.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", method, path, got.status, got.header.Get("Allow"))
			}
		}
	}
}

// TestErrorPage: texts of the query are text.
func TestErrorPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.browser().open("/error?" + url.Values{"error": {"<img src=x>"}, "client_id": {strings.Repeat("é", 300)}}.Encode())
	if v.status != http.StatusBadRequest || strings.Contains(v.body, "<img") || !strings.Contains(v.body, "error: &lt;img src=x&gt;") ||
		!strings.Contains(v.body, strings.Repeat("é", 200)+"...") {
		t.Errorf("%d %s", v.status, v.body)
	}
}

// TestChallengePages: each challenge with a wrong answer first.
func TestChallengePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	totp := func() string {
		u, _ := w.h.Store.Find(poolID, "totp")
		return userpool.TOTPCode(u.TOTP.Secret, userpool.TOTPStep(w.clock()))
	}
	for _, tt := range []struct {
		user, text string
		code       func() string
	}{
		{"sms", "+*******0101", func() string { return w.sent("sms") }},
		{"mail", "m***@e***", func() string { return w.sent("mail") }},
		{"totp", "authenticator app", totp},
	} {
		b := w.browser()
		v := b.signIn(asking("web"), tt.user, password).shows(t, tt.user, "/login", "Enter the code", tt.text)
		v = b.submit(v, "/mfa", "code", "000000x").shows(t, tt.user, "/mfa", "Enter the code", "Invalid code or auth state for the user.")
		if !strings.Contains(v.body, tt.text) {
			t.Errorf("%s: the second page does not say %q", tt.user, tt.text)
		}
		if got := b.open("/oauth2/authorize?" + asking("web").Encode()); got.location != nil {
			t.Errorf("%s is in without the code", tt.user)
		}
		code := tt.code()
		b.submit(v, "/mfa", "code", code[:3]+" "+code[3:]+" ").code(t)
	}

	b := w.browser()
	v := b.signIn(asking("web"), "both", password).shows(t, "both", "/login", "Choose how to get a code", "A text message")
	v = b.submit(v, "/mfa", "answer", "EMAIL_OTP").shows(t, "both", "/mfa", "Choose how to get a code", "not one of the available")
	v = b.submit(v, "/mfa", "answer", "SMS_MFA").shows(t, "both", "/mfa", "Enter the code", "+*******0101")
	b.submit(v, "/mfa", "code", w.sent("both")).code(t)

	v = b.signIn(asking("web", "prompt", "login"), "sms", password)
	w.wait(3*time.Minute + time.Second)
	b.submit(v, "/mfa", "code", w.sent("sms")).shows(t, "too late", "/mfa", "Sign in", "session is expired")
	if got := b.open("/mfa?" + asking("web").Encode()); got.path != "/login" {
		t.Errorf("GET /mfa shows %s", got.path)
	}
}

func TestNewPasswordPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *store.Pool) { p.RequiredAttributes = []string{"email", "nickname"} })
	b := w.browser()
	type_ := func(v view, first, second, nickname string) view {
		return b.submit(v, "/changePassword", "new_password", first, "confirm_password", second, "userAttributes.nickname", nickname)
	}
	v := b.signIn(asking("web"), "new", password).shows(t, "first", "/login", "Choose a new password", "Nickname")
	v.shows(t, "hint", "/login", "Choose a new password", "At least 8 characters, with an upper-case letter")
	v = type_(v, "Another1!", "Another2!", "N").shows(t, "two", "/changePassword", "Choose a new password", "not the same")
	v = type_(v, "short", "short", "N").shows(t, "policy", "/changePassword", "Choose a new password", "Password did not conform with policy")
	v = type_(v, "Another1!", "Another1!", "").shows(t, "attribute", "/changePassword", "Choose a new password", "nickname is missing")
	type_(v, "Another1!", "Another1!", "Newt").code(t)
	if u, _ := w.h.Store.Find(poolID, "new"); u.Status != store.Confirmed || u.Attributes["nickname"] != "Newt" {
		t.Errorf("the user is %v", u)
	}
	w.browser().signIn(asking("web"), "new", password).shows(t, "old", "/login", "Sign in", "Incorrect")
	w.browser().signIn(asking("web"), "new", "Another1!").code(t)
}

// TestSetUpPage: where the pool wants a second factor and there is none.
func TestSetUpPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *store.Pool) { p.MFA, p.MFATypes = "ON", []string{store.TOTPMFA} })
	b := w.browser()
	v := b.signIn(asking("web"), "ann", password).shows(t, "first", "/login", "Set up an authenticator app", "otpauth://totp/")
	secret := func(v view) string {
		_, after, _ := strings.Cut(v.body, `<code id="secret">`)
		key, _, _ := strings.Cut(after, "</code>")
		return strings.ReplaceAll(key, " ", "")
	}
	key := secret(v)
	v = b.submit(v, "/mfa", "code", "12345").shows(t, "form", "/mfa", "Set up an authenticator app", "userCode")
	v = b.submit(v, "/mfa", "code", "000000").shows(t, "wrong", "/mfa", "Set up an authenticator app", "Code mismatch")
	if secret(v) != key || key == "" {
		t.Errorf("the key %q became %q", key, secret(v))
	}
	session := v.session(t)
	kept, err := w.h.Store.SessionOf(session, "MFA_SETUP", w.clock())
	if err != nil || userpool.TOTPText(kept.TOTP) != key {
		t.Fatalf("the session has %v, %v", kept, err)
	}
	b.submit(v, "/mfa", "code", userpool.TOTPCode(kept.TOTP, userpool.TOTPStep(w.clock()))).code(t)
	w.wait(time.Minute)
	w.browser().signIn(asking("web"), "ann", password).shows(t, "next time", "/login", "Enter the code", "authenticator")
}

func (v view) session(t *testing.T) string {
	t.Helper()
	_, form := v.fill(t, "/")
	return form.Get("session")
}

// TestSessionStaysOnPages: the Session of a page is worth nothing at the API.
func TestSessionStaysOnPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	v := b.signIn(asking("web"), "sms", password)
	answer := func(session string) answer {
		return w.api("RespondToAuthChallenge", map[string]any{"ClientId": "web", "ChallengeName": "SMS_MFA", "Session": session,
			"ChallengeResponses": map[string]string{"USERNAME": "sms", "SMS_MFA_CODE": w.sent("sms")}})
	}
	if got := answer(v.session(t)); got.status != 400 || got.text("message") != "Invalid session for the user." {
		t.Errorf("at the API: %d %s", got.status, got.raw)
	}
	b.submit(v, "/mfa", "code", w.sent("sms")).code(t)
	begun := w.api("InitiateAuth", map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": map[string]string{"USERNAME": "sms", "PASSWORD": password},
	}).ok(t)
	path, form := b.signIn(asking("web", "prompt", "login"), "sms", password).fill(t, "/mfa", "code", w.sent("sms"))
	form.Set("session", begun.text("Session"))
	b.post(path, form).shows(t, "the API's session", "/mfa", "Enter the code", "Invalid session for the user.")
	begun = w.api("InitiateAuth", map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": map[string]string{"USERNAME": "sms", "PASSWORD": password},
	}).ok(t)
	answer(begun.text("Session")).ok(t)
}

// TestSignUpPages: sign-up, a wrong code, a new one, and in.
func TestSignUpPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	enter := func(name, email, first, second string) view {
		return b.submit(b.open("/signup?"+asking("web").Encode()), "/signup",
			"username", name, "requiredAttributes[email]", email, "password", first, "confirm_password", second)
	}
	enter("carl", "carl@example.com", "Passw0rd!", "Passw0rd?").shows(t, "two", "/signup", "Sign up", "not the same")
	enter("carl", "carl@example.com", "short", "short").shows(t, "policy", "/signup", "Sign up", "Password did not conform")
	enter("carl", "carl", password, password).shows(t, "email", "/signup", "Sign up", "Invalid email address format.")
	enter("ann", "carl@example.com", password, password).shows(t, "taken", "/signup", "Sign up", "User already exists")
	v := enter("carl", "carl@example.com", password, password).shows(t, "code", "/signup", "Confirm your account", "c***@e***")
	v = b.submit(v, "/confirmUser", "code", "x").shows(t, "wrong", "/confirmUser", "Confirm your account", "Invalid verification code provided")
	old := w.sent("carl")
	v = b.submit(v, "/resendcode").shows(t, "again", "/resendcode", "Confirm your account", "A new code is on its way.")
	if w.sent("carl") != old {
		v = b.submit(v, "/confirmUser", "code", old).shows(t, "old code", "/confirmUser", "Confirm your account", "Invalid verification code provided")
	}
	b.submit(v, "/confirmUser", "code", w.sent("carl")).code(t)
	if u, _ := w.h.Store.Find(poolID, "carl"); u.Status != store.Confirmed || u.Attributes["email_verified"] != "true" {
		t.Errorf("the user is %v", u)
	}

	// Without having chosen the password here, a code signs nobody in.
	for name, forge := range map[string]func(url.Values){
		"no ticket":        func(f url.Values) { f.Del("ticket") },
		"somebody else's":  func(f url.Values) { f.Set("username", "dora") },
		"a made-up ticket": func(f url.Values) { f.Set("ticket", "x") },
	} {
		b := w.browser()
		for _, user := range []string{"dora", "emil"} {
			if w.h.Store.Delete(poolID, user) == nil {
				continue
			}
		}
		sign := func(user string) view {
			return b.submit(b.open("/signup?"+asking("web").Encode()), "/signup",
				"username", user, "requiredAttributes[email]", user+"@example.com", "password", password, "confirm_password", password)
		}
		sign("dora")
		path, form := sign("emil").fill(t, "/confirmUser")
		forge(form)
		form.Set("code", w.sent(form.Get("username")))
		b.post(path, form).shows(t, name, "/confirmUser", "Sign in", "Your account is confirmed.")
	}
	closed := newWorld(t, func(p *store.Pool) { p.AdminCreateOnly = true })
	if v := closed.browser().open("/signup?" + asking("web").Encode()); strings.Contains(v.body, "<form") {
		t.Error("a closed pool has a sign-up form")
	}
	if v := closed.browser().open("/login?" + asking("web").Encode()); strings.Contains(v.body, "/signup") {
		t.Error("a closed pool links to the sign-up")
	}
}

func TestForgotPasswordPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	v := b.submit(b.open("/forgotPassword?"+asking("web").Encode()), "/forgotPassword", "username", "ann").
		shows(t, "sent", "/forgotPassword", "Set a new password", "a***@e***")
	enter := func(v view, code, first, second string) view {
		return b.submit(v, "/confirmForgotPassword", "code", code, "password", first, "confirm_password", second)
	}
	v = enter(v, "x", "Another1!", "Another1!").shows(t, "wrong", "/confirmForgotPassword", "Set a new password", "Invalid verification code provided")
	v = enter(v, w.sent("ann"), "Another1!", "Another2!").shows(t, "two", "/confirmForgotPassword", "Set a new password", "not the same")
	v = enter(v, w.sent("ann"), "short", "short").shows(t, "policy", "/confirmForgotPassword", "Set a new password", "Password did not conform")
	v = enter(v, w.sent("ann"), "Another1!", "Another1!").shows(t, "done", "/confirmForgotPassword", "Sign in", "Your password is changed.")
	b.submit(v, "/login", "username", "ann", "password", "Another1!").code(t)
	w.browser().signIn(asking("web"), "ann", password).shows(t, "old", "/login", "Sign in", "Incorrect")
	// Whether somebody exists is not told.
	b.submit(b.open("/forgotPassword?"+asking("web").Encode()), "/forgotPassword", "username", "nobody").
		shows(t, "nobody", "/forgotPassword", "Set a new password", "n***@e***")
	b.submit(b.open("/forgotPassword?"+asking("web").Encode()), "/forgotPassword", "username", "new").
		shows(t, "new", "/forgotPassword", "Forgot your password?", "cannot be reset")
}
