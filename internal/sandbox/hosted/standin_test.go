package hosted

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

const gina = "100000000000000000001"

// TestStandIn signs in at the provider: a user of her own, in a group of the
// provider's.
func TestStandIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	v := b.open("/oauth2/authorize?"+asking("web", "identity_provider", "Google", "scope", "openid").Encode()).
		shows(t, "stand-in", "/standin/Google", "Google (a stand-in)", "Gina Example")
	v = b.submit(v, "/standin/Google").shows(t, "nobody", "/standin/Google", "Google (a stand-in)", "Choose somebody")
	code := b.submit(v, "/standin/Google", "person", gina).code(t)
	tokens := w.call("/oauth2/token", "", redeeming(code)).ok(t)
	got := map[string]any{}
	id := claims(t, tokens.text("id_token"))
	for _, name := range []string{"cognito:username", "cognito:groups", "email", "email_verified", "name", "identities", "nonce"} {
		got[name] = id[name]
	}
	want := map[string]any{
		"cognito:username": "Google_" + gina, "cognito:groups": []any{poolID + "_Google"}, "email": "gina@example.org", "email_verified": false,
		"name": "Gina Example", "nonce": "n-1",
		"identities": []any{map[string]any{
			"userId": gina, "providerName": "Google", "providerType": "Google", "issuer": nil, "primary": "true", "dateCreated": "1793891045000",
		}},
	}
	if diff := cmp.Diff(asText(t, want), asText(t, got)); diff != "" {
		t.Errorf("ID token (-want +got):\n%s", diff)
	}
	user, _ := w.h.Store.Find(poolID, "Google_"+gina)
	if user.Status != store.ExternalProvider || user.HasPassword() {
		t.Errorf("the user is %v", user)
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(user.Attributes["identities"]), &list); err != nil || len(list) != 1 {
		t.Errorf("identities: %q, %v", user.Attributes["identities"], err)
	}
}

// TestStandInAgain: the same person is the same user, single sign-on knows where
// from, and her password is none of the pool's.
func TestStandInAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	b.submit(b.open("/oauth2/authorize?"+asking("web", "identity_provider", "Google").Encode()), "/standin/Google", "person", gina).code(t)
	b.open("/oauth2/authorize?" + asking("web").Encode()).code(t)
	b.open("/oauth2/authorize?" + asking("web", "identity_provider", "Google").Encode()).code(t)
	if v := b.open("/oauth2/authorize?" + asking("bare", "scope", "openid").Encode()); v.location != nil {
		t.Error("a client without the provider took her")
	}
	again := w.browser()
	v := again.open("/oauth2/authorize?" + asking("web", "identity_provider", "Google").Encode())
	again.submit(v, "/standin/Google", "email", " GINA@example.org").code(t)
	for range 2 {
		b := w.browser()
		v := b.open("/oauth2/authorize?" + asking("web", "identity_provider", "Google").Encode())
		b.submit(v, "/standin/Google", "email", "stranger@example.net").code(t)
	}
	external := 0
	for _, u := range w.h.Store.Users(poolID) {
		if u.Status == store.ExternalProvider {
			external++
		}
	}
	if external != 2 {
		t.Errorf("%d users from outside, want 2", external)
	}

}

// TestStandInElsewhere: whoever comes from a provider has no other way in, not
// even with an address that was verified since.
func TestStandInElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *store.Pool) { p.FirstFactors = []string{"PASSWORD", "EMAIL_OTP"} })
	b := w.browser()
	v := b.open("/oauth2/authorize?" + asking("web", "identity_provider", "Google", "scope", "openid aws.cognito.signin.user.admin").Encode())
	tokens := w.call("/oauth2/token", "", redeeming(b.submit(v, "/standin/Google", "person", gina).code(t))).ok(t)
	if _, err := w.h.Store.Update(poolID, "Google_"+gina, false, func(u *store.User) error {
		u.Attributes["email_verified"] = "true"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.browser().signIn(asking("web"), "Google_"+gina, password).shows(t, "password", "/login", "Sign in", "Incorrect username or password.")
	w.api("InitiateAuth", map[string]any{"AuthFlow": "USER_AUTH", "ClientId": "web", "AuthParameters": map[string]string{
		"USERNAME": "Google_" + gina, "PREFERRED_CHALLENGE": "EMAIL_OTP"}})
	for operation, in := range map[string]map[string]string{
		"ForgotPassword": {"ClientId": "web", "Username": "Google_" + gina},
		"ChangePassword": {"AccessToken": tokens.text("access_token"), "ProposedPassword": "Another1!"},
	} {
		if got := w.api(operation, in); got.status != http.StatusBadRequest || got.text("__type") != "NotAuthorizedException" {
			t.Errorf("%s: %d %s", operation, got.status, got.raw)
		}
	}
	if sent := w.h.Store.Messages(); len(sent) != 0 {
		t.Errorf("codes were sent: %v", sent)
	}
	w.api("InitiateAuth", map[string]any{"AuthFlow": "USER_AUTH", "ClientId": "web", "AuthParameters": map[string]string{
		"USERNAME": "ann", "PREFERRED_CHALLENGE": "EMAIL_OTP"}}).ok(t)
	if sent := w.h.Store.Messages(); len(sent) != 1 {
		t.Errorf("control: ann was sent %v", sent)
	}
}

// TestIDPResponse: a state is good once, for five minutes, in its browser.
func TestIDPResponse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	query := "/oauth2/authorize?" + asking("web", "identity_provider", "Google", "prompt", "login").Encode()
	// comeBack is where the stand-in sends the browser, without going there.
	comeBack := func(b *browser) string {
		path, form := b.open(query).fill(t, "/standin/Google", "person", gina)
		following := b.client.CheckRedirect
		b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		defer func() { b.client.CheckRedirect = following }()
		return b.post(path, form).location.String()
	}
	here := func(name string, v view) {
		if v.path != "/error" || v.location != nil {
			t.Errorf("%s: at %s, to %v", name, v.path, v.location)
		}
	}
	mine, attacker := w.browser(), w.browser()
	response := comeBack(mine)
	theirs := comeBack(attacker)
	here("another browser", attacker.open(response))
	here("a browser without cookies", w.browser().open(response))
	here("no state", mine.open("/oauth2/idpresponse?code=x"))
	here("a state of nobody's", mine.open("/oauth2/idpresponse?code=x&state=y"))
	here("the attacker's answer", mine.open(theirs))
	mine.open(response).code(t)
	here("a second time", mine.open(response))
	attacker.open(theirs).code(t)

	late := comeBack(mine)
	w.wait(5*time.Minute + time.Second)
	here("after five minutes", mine.open(late))
}

// TestStandInFails: what is told to the application.
func TestStandInFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.browser()
	query := "/oauth2/authorize?" + asking("web", "identity_provider", "Google", "prompt", "login").Encode()
	fails := func(name string, v view, code, description string) {
		t.Helper()
		if v.location == nil || v.location.Query().Get("error") != code || v.location.Query().Get("error_description") != description ||
			v.location.Query().Get("state") != "s t/a+te" || !strings.HasPrefix(v.location.String(), callback) {
			t.Errorf("%s: %d %s to %v", name, v.status, v.path, v.location)
		}
	}
	v := mine.open(query)
	fails("cancelled", mine.submit(v, "/standin/Google", "cancel", "yes"), "access_denied", "User cancelled the sign-in at Google.")
	path, _ := mine.open(query).fill(t, "/standin/Google")
	_, state, _ := strings.Cut(path, "?")
	fails("a made-up code", mine.open("/oauth2/idpresponse?code=x&"+state), "invalid_request", "Google Error - 400 Bad Request error getting token")

	w.browser().submit(mine.open(query), "/standin/Google") // the form of another browser: nothing comes of it
	if err := w.h.Store.Create(poolID, store.User{Username: "Google_" + "100000000000000000002", Sub: "x", Status: store.Confirmed}, false); err != nil {
		t.Fatal(err)
	}
	v = mine.open(query)
	fails("a name that somebody took", mine.submit(v, "/standin/Google", "person", "100000000000000000002"), "invalid_request", "User already exists")
	fresh := w.browser()
	v = fresh.open(query)
	fresh.submit(v, "/standin/Google", "person", gina).code(t)
	v = fresh.open(query)
	if _, err := w.h.Store.Update(poolID, "Google_"+gina, false, func(u *store.User) error { u.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	fails("disabled", fresh.submit(v, "/standin/Google", "person", gina), "invalid_request", "User is disabled.")
	if v := w.browser().open("/standin/Facebook?state=x"); v.status != http.StatusNotFound {
		t.Errorf("a provider that is not there: %d", v.status)
	}
}
