package awscred_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/cache"
)

// cloud stands for an identity pool and STS: it notes what it was asked, and answers
// each operation with the function of its name.
type cloud struct {
	*httptest.Server
	mutex   sync.Mutex
	asked   []string // "GetId {…}"
	answers map[string]func(n int) (status int, body string)
	header  http.Header // besides
	counts  map[string]int
}

const (
	poolID   = "us-east-1:11112222-3333-4444-5555-666677778888"
	identity = "us-east-1:aaaabbbb-cccc-dddd-eeee-ffff00001111"
	another  = "us-east-1:99998888-7777-6666-5555-444433332222"
	provider = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E"
	role     = "arn:aws:iam::123456789012:role/Reader"
)

func newCloud(t *testing.T) *cloud {
	c := &cloud{counts: map[string]int{}, header: http.Header{}}
	c.answers = map[string]func(int) (int, string){
		"GetId": says(200, `{"IdentityId":"`+identity+`"}`),
		"GetCredentialsForIdentity": func(n int) (int, string) {
			return 200, c.credentials(identity, fmt.Sprintf("Secret/%d+=", n), time.Now().Add(time.Hour))
		},
		"GetOpenIdToken": says(200, `{"IdentityId":"`+identity+`","Token":"open.id.token"}`),
		"AssumeRoleWithWebIdentity": says(200, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>wJalrXUtnFEMI</SecretAccessKey><SessionToken>AQoDYXdz</SessionToken>
<Expiration>`+time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339)+`</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/Reader/ann</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`),
	}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func says(status int, body string) func(int) (int, string) {
	return func(int) (int, string) { return status, body }
}

func (c *cloud) credentials(id, secret string, ends time.Time) string {
	data, _ := json.Marshal(map[string]any{"IdentityId": id, "Credentials": map[string]any{
		"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretKey": secret, "SessionToken": "AQoDYXdz", "Expiration": float64(ends.UnixMilli()) / 1000}})
	return string(data)
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSCognitoIdentityService.")
	if op == "" {
		form, _ := url.ParseQuery(string(body))
		op = form.Get("Action")
	}
	c.mutex.Lock()
	c.asked = append(c.asked, op+" "+string(body))
	c.counts[op]++
	n := c.counts[op]
	answer := c.answers[op]
	c.mutex.Unlock()
	if answer == nil || r.Method != http.MethodPost || r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	status, text := answer(n)
	for name, values := range c.header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// pool is the identity pool at c, asked by a user.
func (c *cloud) pool() awscred.IdentityPool {
	return awscred.IdentityPool{
		ID: poolID, Endpoint: c.URL, STS: c.URL, Now: time.Now,
		HTTP:  &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Logins: func(context.Context) (map[string]string, error) {
			return map[string]string{provider: "ann.id.token"}, nil
		},
	}
}

const key = "0123abcd"

func memory(now func() time.Time) *cache.Dir[awscred.Held] {
	return cache.Open[awscred.Held](cache.Options{Now: now})
}

func get(t *testing.T, p awscred.IdentityPool, d *cache.Dir[awscred.Held]) (awscred.Credentials, error) {
	t.Helper()
	return p.Source(d, key, 5*time.Minute, func(err error) { t.Logf("warned: %v", err) })(t.Context())
}

func TestEnhanced(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.pool()
	p.RoleARN = role
	d := memory(time.Now)
	got, err := get(t, p, d)
	if err != nil {
		t.Fatal(err)
	}
	if got.SecretAccessKey != "Secret/1+=" || got.IdentityID != identity || got.ARN != role || got.AccountID != "123456789012" || time.Until(got.Expires).Round(time.Minute) != time.Hour {
		t.Errorf("%+v", got)
	}
	if again, err := get(t, p, d); err != nil || again != got {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	want := []string{
		`GetId {"IdentityPoolId":"` + poolID + `","Logins":{"` + provider + `":"ann.id.token"}}`,
		`GetCredentialsForIdentity {"IdentityId":"` + identity + `","Logins":{"` + provider + `":"ann.id.token"},"CustomRoleArn":"` + role + `"}`,
	}
	if diff := cmp.Diff(want, c.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// TestGuest: a guest sends no Logins at all.
func TestGuest(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.pool()
	p.Logins = nil
	if _, err := get(t, p, memory(time.Now)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`GetId {"IdentityPoolId":"` + poolID + `"}`, `GetCredentialsForIdentity {"IdentityId":"` + identity + `"}`}, c.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.pool()
	p.Basic, p.RoleARN, p.SessionName = true, role, "ann müller@example.com/x"
	got, err := get(t, p, memory(time.Now))
	if err != nil {
		t.Fatal(err)
	}
	if got.AccountID != "123456789012" || got.ARN != "arn:aws:sts::123456789012:assumed-role/Reader/ann" || got.IdentityID != identity || got.SessionToken != "AQoDYXdz" {
		t.Errorf("%+v", got)
	}
	form, _ := url.ParseQuery(strings.TrimPrefix(c.asked[2], "AssumeRoleWithWebIdentity "))
	want := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role},
		"RoleSessionName": {"ann-m-ller@example.com-x"}, "WebIdentityToken": {"open.id.token"}}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	c.answers["AssumeRoleWithWebIdentity"] = says(403, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>`)
	_, err = get(t, p, memory(time.Now))
	if service := (*awscred.ServiceError)(nil); !errors.As(err, &service) || service.Code != "AccessDenied" ||
		err.Error() != "role "+role+": AssumeRoleWithWebIdentity: Not authorized to perform sts:AssumeRoleWithWebIdentity (AccessDenied)" {
		t.Errorf("refused: %v", err)
	}
}

// TestKept: the credentials are renewed five minutes early, the identity is kept, and
// an identity that the pool does not know any more is asked for anew, once.
func TestKept(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.pool()
	ahead := time.Duration(0)
	p.Now = func() time.Time { return time.Now().Add(ahead) }
	d := memory(p.Now)
	c.answers["GetCredentialsForIdentity"] = func(n int) (int, string) {
		return 200, c.credentials(identity, fmt.Sprint("Secret", n), time.Now().Add(ahead+time.Hour))
	}
	c.header.Set("Date", "none") // or the clock would be seen to be ahead
	count := func(op string) int { return c.counts[op] }
	for _, step := range []struct {
		after       time.Duration
		ids, cashed int
	}{{0, 1, 1}, {54 * time.Minute, 1, 1}, {56 * time.Minute, 1, 2}, {100 * time.Minute, 1, 2}, {10 * time.Hour, 1, 3}} {
		ahead = step.after
		if _, err := get(t, p, d); err != nil || count("GetId") != step.ids || count("GetCredentialsForIdentity") != step.cashed {
			t.Errorf("after %s: GetId %d, GetCredentialsForIdentity %d times: %v", step.after, count("GetId"), count("GetCredentialsForIdentity"), err)
		}
	}
	for n, gone := range []string{
		`{"__type":"ResourceNotFoundException","message":"Identity 'x' not found."}`,
		`{"__type":"NotAuthorizedException","message":"Access to Identity 'x' is forbidden."}`,
		`{"__type":"NotAuthorizedException","message":"Logins don't match. Please include at least one valid login for this identity or identity pool."}`,
	} {
		ahead += 10 * time.Hour
		refuse := c.counts["GetCredentialsForIdentity"] + 1
		c.answers["GetCredentialsForIdentity"] = func(n int) (int, string) {
			if n == refuse {
				return 400, gone
			}
			return 200, c.credentials(another, "Secret", time.Now().Add(ahead+time.Hour))
		}
		if got, err := get(t, p, d); err != nil || got.IdentityID != another || count("GetId") != n+2 {
			t.Errorf("%s: %+v, GetId %d times: %v", gone, got.IdentityID, count("GetId"), err)
		}
		ahead += 10 * time.Hour
		c.answers["GetCredentialsForIdentity"] = says(400, gone)
		before := count("GetId")
		if _, err := get(t, p, d); err == nil || count("GetId") != before+1 {
			t.Errorf("%s, always: GetId %d times more: %v", gone, count("GetId")-before, err)
		}
		c.counts["GetId"] = n + 2
	}
}

// TestLoginsBeforeLock: a program may run for a login, so no lock may be held then.
func TestLoginsBeforeLock(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.pool()
	folder := filepath.Join(t.TempDir(), "credentials")
	d := cache.Open[awscred.Held](cache.Options{Now: time.Now, Path: folder})
	p.Logins = func(ctx context.Context) (map[string]string, error) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		other := cache.Open[awscred.Held](cache.Options{Now: time.Now, Path: folder})
		_, err := other.Update(ctx, key, func(_ context.Context, old awscred.Held, _ bool) (awscred.Held, error) {
			return old, errors.New("had it")
		})
		if err == nil || err.Error() != "had it" {
			t.Errorf("the lock is held: %v", err)
		}
		return nil, nil
	}
	if _, err := get(t, p, d); err != nil {
		t.Fatal(err)
	}
}

// TestOneExchange: fifty at once send one.
func TestOneExchange(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.pool()
	folder := filepath.Join(t.TempDir(), "credentials")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			d := cache.Open[awscred.Held](cache.Options{Now: time.Now, Path: folder}) // as a process of its own
			if got, err := get(t, p, d); err != nil || got.SecretAccessKey != "Secret/1+=" {
				t.Errorf("%q, %v", got.SecretAccessKey, err)
			}
		})
	}
	all.Wait()
	if len(c.asked) != 2 {
		t.Errorf("%d requests, want 2", len(c.asked))
	}
}

// TestWrongClock: the end of the credentials is told by the local clock, by which it is
// judged.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-3 * time.Hour, -10 * time.Second, 10 * time.Second, 3 * time.Hour} {
		c := newCloud(t)
		p := c.pool()
		p.Now = func() time.Time { return time.Now().Add(ahead) }
		d := memory(p.Now)
		got, err := get(t, p, d)
		if err != nil {
			t.Fatal(err)
		}
		if left := got.Expires.Sub(p.Now()); (left - time.Hour).Abs() > time.Minute {
			t.Errorf("%s ahead: %s are left by the local clock", ahead, left)
		}
		if _, err := get(t, p, d); err != nil || len(c.asked) != 2 {
			t.Errorf("%s ahead: %d requests, %v", ahead, len(c.asked), err)
		}
	}
}

// TestOld: credentials that still serve are given where new ones cannot be had now,
// and not where they are refused.
func TestOld(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status int
		left   time.Duration
		given  bool
	}{{503, 3 * time.Minute, true}, {503, 10 * time.Second, false}, {400, 3 * time.Minute, false}} {
		c := newCloud(t)
		p := c.pool()
		d := memory(time.Now)
		c.answers["GetCredentialsForIdentity"] = func(n int) (int, string) {
			if n == 1 {
				return 200, c.credentials(identity, "old", time.Now().Add(row.left))
			}
			return row.status, `{"__type":"Whatever"}`
		}
		if _, err := get(t, p, d); err != nil {
			t.Fatal(err)
		}
		var warned error
		got, err := p.Source(d, key, 5*time.Minute, func(err error) { warned = err })(t.Context())
		if row.given != (err == nil && got.SecretAccessKey == "old" && warned != nil) {
			t.Errorf("%+v: %q, %v, warned %v", row, got.SecretAccessKey, err, warned)
		}
	}
}

// TestRetry: what had no effect is sent again, nothing else is.
func TestRetry(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status int
		body   string
		calls  int
	}{
		{400, `{"__type":"TooManyRequestsException"}`, 3},
		{429, ``, 3},
		{500, `{"__type":"InternalErrorException"}`, 1},
		{502, `<html>`, 1},
		{400, `{"__type":"NotAuthorizedException"}`, 1},
		{307, ``, 1},
	} {
		c := newCloud(t)
		p := c.pool()
		c.header.Set("Location", c.URL+"/elsewhere")
		c.answers["GetId"] = func(n int) (int, string) {
			if n < 3 {
				return row.status, row.body
			}
			return 200, `{"IdentityId":"` + identity + `"}`
		}
		_, err := get(t, p, memory(time.Now))
		if c.counts["GetId"] != row.calls || (err == nil) != (row.calls == 3) {
			t.Errorf("%d %s: sent %d times: %v", row.status, row.body, c.counts["GetId"], err)
		}
	}
	closed := newCloud(t)
	p := closed.pool()
	closed.Close()
	pauses := 0
	p.Pause = func(context.Context, time.Duration) error { pauses++; return nil }
	_, err := get(t, p, memory(time.Now))
	if none := (*awscred.NoAnswerError)(nil); !errors.As(err, &none) || pauses > 0 || !awscred.Passing(err) || strings.Contains(err.Error(), "Post") {
		t.Errorf("nobody listens: %d pauses, %v", pauses, err)
	}
	p.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("network is unreachable")}
	})}
	if _, err := get(t, p, memory(time.Now)); pauses < 3 || err == nil {
		t.Errorf("no network: %d pauses, %v", pauses, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
