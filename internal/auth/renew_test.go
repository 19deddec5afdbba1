package auth_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/jwt"
)

func stored(t *testing.T, path string, s auth.Session) *cache.Dir[auth.Session] {
	t.Helper()
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := cache.Open[auth.Session](cache.Options{Path: path, Now: time.Now})
	_, err := dir.Update(t.Context(), "k", func(context.Context, auth.Session, bool) (auth.Session, error) { return s, nil })
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestWaitersDoNotRepeat: jobs that want the same session at once, of a server in
// trouble, are patient together and not one after the other; each is told what the
// server says to it. Who comes later has patience of his own.
func TestWaitersDoNotRepeat(t *testing.T) {
	t.Parallel()
	r := newRefresher(t, auth.Session{}, refused(500, "InternalErrorException", "Something failed"))
	synctest.Test(t, func(t *testing.T) { checkWaiters(t, r) })
}

// checkWaiters runs where the clock stands while anything runs. No socket is waited at
// there: the server is called. Pauses last 50 ms at least, and the first one half the
// patience at most: whoever has patience of his own sends twice or more, and all jobs
// together have at most six pauses, after each of which something is sent again.
func checkWaiters(t *testing.T, r *refresher) {
	r.renewer.Client = auth.NewClient(auth.ClientConfig{
		Region: "us-east-1", UserPoolID: "us-east-1_Sandbox01", ClientID: "abc", Endpoint: r.server.URL, HTTP: &http.Client{Transport: called{r.server}}, Now: time.Now,
		Patience: 300 * time.Millisecond,
	})
	renew := func() error {
		_, err := cache.Cached(r.dir, "k", time.Minute, r.renewer.Renew)(t.Context())
		return err
	}
	if renew() == nil {
		t.Fatal("a refresh that failed gave a session")
	}
	alone := len(r.server.sent())
	const jobs = 12
	results := make(chan error, jobs)
	for range jobs {
		go func() { results <- renew() }()
	}
	for range jobs {
		var service *auth.ServiceError
		if err := <-results; !errors.As(err, &service) || service.Status != 500 || service.Message != "Something failed" {
			t.Errorf("told as %v", err)
		}
	}
	if together := len(r.server.sent()) - alone; alone < 2 || together < jobs || together > jobs+6 {
		t.Errorf("one asked the server %d times, %d together %d times", alone, jobs, together)
	}
	before := len(r.server.sent())
	if err := renew(); err == nil || len(r.server.sent())-before < 2 {
		t.Errorf("one that came later asked %d times: %v", len(r.server.sent())-before, err)
	}
	if r.kept().Refresh != "r-1" {
		t.Error("the session is not as it was")
	}
}

// called is a server without a network.
type called struct{ server *wrongServer }

func (c called) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.server.serve(w, r)
	return w.Result(), nil
}

// issuer makes tokens that are all right but for what a test changes.
type issuer struct {
	signer *jwt.Signer
	name   string
}

var signer = sync.OnceValue(func() *jwt.Signer {
	s, err := jwt.NewSigner(rand.Reader)
	if err != nil {
		panic(err)
	}
	return s
})

// keySet holds the key of signer, and no other.
func keySet(t *testing.T) jwt.KeySet {
	t.Helper()
	data, err := jwt.MarshalKeys(signer().Public())
	if err != nil {
		t.Fatal(err)
	}
	keys, _, err := jwt.ParseKeys(data, "test")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (i issuer) pair(t *testing.T, change func(id, access map[string]any)) map[string]any {
	t.Helper()
	now := time.Now().Unix()
	id := map[string]any{"sub": "s-1", "aud": "abc", "token_use": "id", "iss": i.name, "iat": now, "exp": now + 3600, "cognito:username": "ann"}
	access := map[string]any{"sub": "s-1", "client_id": "abc", "token_use": "access", "iss": i.name, "iat": now, "exp": now + 3600, "username": "ann"}
	change(id, access)
	rawID, err := i.signer.Sign(id)
	if err != nil {
		t.Fatal(err)
	}
	rawAccess, err := i.signer.Sign(access)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"AuthenticationResult": map[string]any{"IdToken": rawID, "AccessToken": rawAccess, "ExpiresIn": 3600, "TokenType": "Bearer"}}
}

// TestRefreshedTokensMustBeTheSameUsers refuses tokens of somebody else, of
// another client or signed by another key, and keeps the old session.
func TestRefreshedTokensMustBeTheSameUsers(t *testing.T) {
	t.Parallel()
	const name = "https://issuer.example"
	other, err := jwt.NewSigner(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := keySet(t)
	for label, row := range map[string]struct {
		signer *jwt.Signer
		change func(id, access map[string]any)
		good   bool
	}{
		"control":            {signer(), func(id, access map[string]any) {}, true},
		"other user":         {signer(), func(id, access map[string]any) { id["sub"], access["sub"] = "s-2", "s-2" }, false},
		"other access sub":   {signer(), func(id, access map[string]any) { access["sub"] = "s-2" }, false},
		"other client":       {signer(), func(id, access map[string]any) { id["aud"] = "xyz" }, false},
		"other access token": {signer(), func(id, access map[string]any) { access["client_id"] = "xyz" }, false},
		"other issuer":       {signer(), func(id, access map[string]any) { id["iss"] = "https://evil.example" }, false},
		"not an ID token":    {signer(), func(id, access map[string]any) { id["token_use"] = "access" }, false},
		"nobody":             {signer(), func(id, access map[string]any) { delete(id, "sub") }, false},
		"expired":            {signer(), func(id, access map[string]any) { id["exp"] = time.Now().Unix() - 3600 }, false},
		"foreign key":        {other, func(id, access map[string]any) {}, false},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			answer := issuer{row.signer, name}.pair(t, row.change)
			server := newWrongServer(t, func(string, map[string]any) (int, any) { return 200, answer })
			w := newWorld(server.URL, name, "abc", "", time.Now)
			w.verifier.Keys = keys
			dir := stored(t, t.TempDir(), auth.Session{Endpoint: server.URL, Typed: "ann", Username: "ann", Subject: "s-1", TokenIssuer: name, ID: "x", Access: "y", Refresh: "r"})
			renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base, Needed: errors.New("sign in")}
			session, err := cache.Cached(dir, "k", time.Minute, renewer.Renew)(t.Context())
			if (err == nil) != row.good {
				t.Fatalf("err %v, want good %v", err, row.good)
			}
			kept, found, readErr := dir.Read("k")
			if readErr != nil || !found || kept.Refresh != "r" {
				t.Fatalf("the session was lost: %v %v", found, readErr)
			}
			if row.good && (session.Refresh != "r" || kept.ID == "x") {
				t.Error("the refreshed tokens were not saved beside the old refresh token")
			}
			if !row.good && kept.ID != "x" {
				t.Error("tokens that were refused were saved")
			}
		})
	}
}

// TestAccessTokenIsNotLost: a refresh whose access token is missing, or cannot be
// read, does not replace a good one; verified or not.
func TestAccessTokenIsNotLost(t *testing.T) {
	t.Parallel()
	const name = "https://issuer.example"
	good := issuer{signer(), name}.pair(t, func(id, access map[string]any) {})
	tokens := good["AuthenticationResult"].(map[string]any)
	keys := keySet(t)
	evil := issuer{signer(), name}.pair(t, func(id, access map[string]any) { access["sub"], access["client_id"] = "s-2", "evil" })
	for label, row := range map[string]struct {
		change func(result map[string]any)
		good   bool
	}{
		"control": {func(map[string]any) {}, true},
		"missing": {func(result map[string]any) { delete(result, "AccessToken") }, false},
		"garbage": {func(result map[string]any) { result["AccessToken"] = "garbage" }, false},
		"padded":  {func(result map[string]any) { result["AccessToken"] = fmt.Sprint(result["AccessToken"]) + "=" }, false},
		"somebody's": {func(result map[string]any) {
			result["AccessToken"] = evil["AuthenticationResult"].(map[string]any)["AccessToken"]
		}, false},
		"ID is missing": {func(result map[string]any) { delete(result, "IdToken") }, false},
	} {
		for _, unverified := range []bool{false, true} {
			result := maps.Clone(tokens)
			row.change(result)
			server := newWrongServer(t, func(string, map[string]any) (int, any) {
				return 200, map[string]any{"AuthenticationResult": result}
			})
			w := newWorld(server.URL, "http://127.0.0.1:1", "abc", "", time.Now)
			w.verifier.Issuers = []string{name}
			if !unverified {
				w.verifier.Keys = keys
			}
			old := auth.Session{Endpoint: server.URL, Typed: "ann", Subject: "s-1", TokenIssuer: name, Refresh: "r", Unverified: unverified,
				ID: fmt.Sprint(tokens["IdToken"]), Access: fmt.Sprint(tokens["AccessToken"])}
			renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}
			if _, err := renewer.Renew(t.Context(), old, true); (err == nil) != row.good {
				t.Errorf("%s, unverified %v: %v", label, unverified, err)
			}
		}
	}
}

// TestUnverifiedSessionIsVerifiedWhenItCanBe: once the key set is there, a session
// that was begun without it does not go on without it.
func TestUnverifiedSessionIsVerifiedWhenItCanBe(t *testing.T) {
	t.Parallel()
	const name = "https://issuer.example"
	keys := keySet(t)
	other, err := jwt.NewSigner(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for by, good := range map[*jwt.Signer]bool{signer(): true, other: false} {
		answer := issuer{by, name}.pair(t, func(id, access map[string]any) {})
		server := newWrongServer(t, func(string, map[string]any) (int, any) { return 200, answer })
		w := newWorld(server.URL, name, "abc", "", time.Now)
		w.verifier.Keys = keys
		renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}
		session, err := renewer.Renew(t.Context(), auth.Session{Endpoint: server.URL, Typed: "ann", Subject: "s-1", TokenIssuer: name, Refresh: "r", Unverified: true}, true)
		if (err == nil) != good || session.Unverified == good {
			t.Errorf("good signature %v: %v, unverified %v", good, err, session.Unverified)
		}
	}
}

// TestTrackedDevice: the device's key goes along with a refresh; without Cognito
// knowing it, the refusal does not prove that the session is over.
func TestTrackedDevice(t *testing.T) {
	t.Parallel()
	var sent []string
	server := newWrongServer(t, func(_ string, body map[string]any) (int, any) {
		parameters, _ := body["AuthParameters"].(map[string]any)
		if parameters["PASSWORD"] != nil {
			return 200, map[string]any{"AuthenticationResult": map[string]any{"IdToken": "x.y.z", "AccessToken": "x.y.z", "RefreshToken": "r",
				"NewDeviceMetadata": map[string]string{"DeviceKey": "us-east-1_d-1", "DeviceGroupKey": "-g"}}}
		}
		sent = append(sent, fmt.Sprint(parameters["DEVICE_KEY"]))
		return 400, fault("NotAuthorizedException", "Invalid Refresh Token")
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	w.verifier.Skip = true
	tokens, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	session, err := w.verifier.Begin(t.Context(), w.base, tokens)
	if err != nil {
		t.Fatal(err)
	}
	dir := stored(t, t.TempDir(), session)
	renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base, Needed: errors.New("sign in")}
	if _, err := cache.Cached(dir, "k", 2*time.Hour, renewer.Renew)(t.Context()); err == nil {
		t.Error("a refused refresh gave a session")
	}
	if kept, found, err := dir.Read("k"); err != nil || !found || kept.Refresh != "r" {
		t.Errorf("the session was forgotten: %v %v", found, err)
	}
	if !slices.Equal(sent, []string{"us-east-1_d-1"}) {
		t.Errorf("DEVICE_KEY sent: %q", sent)
	}
}

// TestUnverifiedSessionsStayUnverified: a session of a server without a key set can
// be refreshed, but not into somebody else's.
func TestUnverifiedSessionsStayUnverified(t *testing.T) {
	t.Parallel()
	const name = "https://issuer.example"
	for subject, good := range map[string]bool{"s-1": true, "s-2": false} {
		answer := issuer{signer(), name}.pair(t, func(id, access map[string]any) { id["sub"], access["sub"] = subject, subject })
		server := newWrongServer(t, func(string, map[string]any) (int, any) { return 200, answer })
		w := newWorld(server.URL, name, "abc", "", time.Now) // whose key set cannot be had
		old := auth.Session{Endpoint: server.URL, Typed: "ann", Subject: "s-1", TokenIssuer: name, ID: "x", Refresh: "r", Unverified: true}
		renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}
		session, err := renewer.Renew(t.Context(), old, true)
		if (err == nil) != good || (good && (!session.Unverified || session.ID == "x")) {
			t.Errorf("sub %s: %v, unverified %v", subject, err, session.Unverified)
		}
	}
	// The control: a verified session is not refreshed without keys.
	answer := issuer{signer(), name}.pair(t, func(id, access map[string]any) {})
	server := newWrongServer(t, func(string, map[string]any) (int, any) { return 200, answer })
	w := newWorld(server.URL, "http://127.0.0.1:1", "abc", "", time.Now)
	renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}
	if _, err := renewer.Renew(t.Context(), auth.Session{Endpoint: server.URL, Typed: "ann", Subject: "s-1", TokenIssuer: name, Refresh: "r"}, true); err == nil {
		t.Error("refreshed without a key set")
	}
}

// TestRefreshTokenGoesNowhereElse: a session issued at one endpoint is not
// refreshed at another.
func TestRefreshTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	server := newWrongServer(t, func(string, map[string]any) (int, any) {
		return 400, fault("NotAuthorizedException", "Invalid Refresh Token")
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base, Needed: errors.New("sign in")}
	_, err := renewer.Renew(t.Context(), auth.Session{Typed: "ann", Refresh: "r", Endpoint: "https://elsewhere.example"}, true)
	var elsewhere *auth.ElsewhereError
	if !errors.As(err, &elsewhere) || len(server.sent()) != 0 {
		t.Errorf("err %v, calls %v", err, server.sent())
	}
	// The control: at its own endpoint it is sent.
	_, err = renewer.Renew(t.Context(), auth.Session{Typed: "ann", Refresh: "r", Endpoint: server.URL}, true)
	if err == nil || len(server.sent()) != 1 {
		t.Errorf("err %v, calls %v", err, server.sent())
	}
}

// TestRefusedPasswordIsRemembered: the same wrong password is not tried again
// for a while, another one is; refusals that no password changes are no matter.
func TestRefusedPasswordIsRemembered(t *testing.T) {
	t.Parallel()
	now := time.Now()
	clock := func() time.Time { return now }
	refuse := true
	server := newWrongServer(t, func(string, map[string]any) (int, any) {
		if refuse {
			return 400, fault("NotAuthorizedException", "Incorrect username or password.")
		}
		return 400, fault("UserNotConfirmedException", "User is not confirmed.")
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", clock)
	dir := cache.Open[auth.Session](cache.Options{Path: filepath.Join(t.TempDir(), "s"), Now: clock})
	try := func(password string) error {
		mark, err := w.base.Mark(password)
		if err != nil {
			t.Fatal(err)
		}
		renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base, Mark: mark,
			SignIn: auth.Password{Client: w.client, Username: "ann", Password: password, Ask: nobody}}
		_, err = cache.Cached(dir, "k", time.Minute, renewer.Renew)(t.Context())
		return err
	}
	expect := func(label, password string, calls int) {
		t.Helper()
		if err := try(password); err == nil || len(server.sent()) != calls {
			t.Errorf("%s: err %v after %d calls, want %d", label, err, len(server.sent()), calls)
		}
	}
	expect("first", "wrong", 1)
	expect("the same", "wrong", 1)
	expect("another", "wrong too", 2)
	expect("the same again", "wrong too", 2)
	now = now.Add(5*time.Minute - time.Second)
	expect("just before five minutes are over", "wrong too", 2)
	now = now.Add(time.Second)
	expect("five minutes later", "wrong too", 3)
	refuse = false
	now = now.Add(auth.RefusalLasts)
	expect("no matter of the password", "wrong", 4)
	expect("no matter of the password", "wrong", 5)
	records, err := dir.List()
	if err != nil || len(records) != 1 || records[0].Value.Refused == nil {
		t.Fatalf("records %v, %v", records, err)
	}
	if data, _ := json.Marshal(records[0].Value); strings.Contains(string(data), `"wrong`) {
		t.Errorf("the note holds the password: %s", data)
	}
}
