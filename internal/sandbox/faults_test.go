package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

func makeUser(t *testing.T, s *Sandbox, name string) error {
	t.Helper()
	_, err := sdk(s).AdminCreateUser(t.Context(), &idp.AdminCreateUserInput{
		UserPoolId: aws.String(DefaultPoolID), Username: &name, MessageAction: "SUPPRESS",
	})
	return err
}

func exists(s *Sandbox, name string) bool {
	_, there := s.store.Find(DefaultPoolID, name)
	return there
}

func code(err error) string {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		return refusal.ErrorCode()
	}
	return ""
}

// TestFaults: each kind, before and after the operation has done its work.
func TestFaults(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	tests := []struct {
		fault string
		code  string // "" is a broken connection, "ok" none at all
		done  bool
	}{
		{`{"kind": "status"}`, "InternalErrorException", false},
		{`{"kind": "status", "when": "after", "status": 503}`, "InternalErrorException", true},
		{`{"kind": "throttle"}`, "TooManyRequestsException", false},
		{`{"kind": "throttle", "when": "after"}`, "TooManyRequestsException", true},
		{`{"kind": "reset"}`, "", false},
		{`{"kind": "reset", "when": "after"}`, "", true},
		{`{"kind": "delay", "delay": "1ms"}`, "ok", true},
		{`{"kind": "delay", "delay": "1ms", "when": "after"}`, "ok", true},
		{`{"kind": "status", "operation": "AdminCreateUser"}`, "InternalErrorException", false},
		{`{"kind": "status", "operation": "*"}`, "InternalErrorException", false},
		{`{"kind": "status", "operation": "GetUser"}`, "ok", true},
		{`{"kind": "status", "operation": "POST /"}`, "ok", true},
		{`{"kind": "status", "skip": 1}`, "ok", true},
	}
	for i, tt := range tests {
		control(t, s, "DELETE", "/faults", "", 200, nil)
		control(t, s, "POST", "/faults", tt.fault, 200, nil)
		name := fmt.Sprint("user", i)
		err := makeUser(t, s, name)
		if got := code(err); got != tt.code && tt.code != "ok" || (err == nil) != (tt.code == "ok") {
			t.Errorf("%s: %v", tt.fault, err)
		}
		if exists(s, name) != tt.done {
			t.Errorf("%s: done is %v, want %v", tt.fault, !tt.done, tt.done)
		}
	}
}

func TestFaultLog(t *testing.T) {
	t.Parallel()
	s, log := run(t, DefaultSeed())
	login, err := passwordIn(t, s, "ann")
	if err != nil {
		t.Fatal(err)
	}
	var first Fault
	control(t, s, "POST", "/faults", `{"kind": "reset", "when": "after", "operation": "InitiateAuth REFRESH_TOKEN_AUTH", "count": 1}`, 200, &first)
	control(t, s, "POST", "/faults", `{"kind": "status", "operation": "GET /open", "skip": 1, "count": 1, "status": 502}`, 200, nil)
	refresh := func() error {
		_, err := sdk(s).InitiateAuth(t.Context(), &idp.InitiateAuthInput{
			AuthFlow: "REFRESH_TOKEN", ClientId: aws.String(PublicClientID),
			AuthParameters: map[string]string{"REFRESH_TOKEN": *login.AuthenticationResult.RefreshToken},
		})
		return err
	}
	if _, err := passwordIn(t, s, "bob"); err != nil {
		t.Errorf("another flow is hit: %v", err)
	}
	if refresh() == nil {
		t.Error("the first refresh was answered")
	}
	if err := refresh(); err != nil {
		t.Errorf("the second refresh: %v", err)
	}
	for i, want := range []int{200, 502, 200} {
		if res, _ := get(t, "GET", s.Endpoints().API+"/open", nil); res.StatusCode != want {
			t.Errorf("call %d of the API: %d, want %d", i+1, res.StatusCode, want)
		}
	}
	var report faultReport
	control(t, s, "GET", "/faults", "", 200, &report)
	want := []FaultHit{
		{Number: 1, Time: start, Operation: "InitiateAuth REFRESH_TOKEN_AUTH", Fault: first.ID, Kind: "reset", When: "after"},
		{Number: 2, Time: start, Operation: "GET /open", Fault: first.ID + 1, Kind: "status", When: "before"},
	}
	if diff := cmp.Diff(want, report.Log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if len(report.Faults) != 2 || report.Faults[0].Hits != 1 {
		t.Errorf("faults %+v", report.Faults)
	}
	if got := s.Stats()["InitiateAuth REFRESH_TOKEN_AUTH"]; got != 2 {
		t.Errorf("%d refreshes were run, want 2", got)
	}
	control(t, s, "DELETE", "/faults", "", 200, &report)
	if len(report.Faults) != 0 || len(report.Log) != 2 {
		t.Errorf("after clearing: %+v", report)
	}
	for _, e := range log.all() {
		if e.Path == "/open" && e.Status == 502 {
			return
		}
	}
	t.Error("no event of the faulty answer")
}

// TestChance: the same seed hits the same calls, another one others, and the
// chance of one fault does not depend on another.
func TestChance(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return start }
	hits := func(rules ...Fault) (list []int) {
		f := newFaults(now)
		last := 0
		for _, rule := range rules {
			last = f.add(rule).ID
		}
		for i := range 2000 {
			if struck, hit := f.strike("GetUser", true); hit && struck.ID == last {
				list = append(list, i)
			}
		}
		return list
	}
	tenth := Fault{Kind: "status", Percent: 10, Seed: 7}
	a, b := hits(tenth), hits(tenth)
	if !cmp.Equal(a, b) || len(a) < 150 || len(a) > 250 {
		t.Errorf("%d and %d of 2000 calls were hit, want about 200, the same", len(a), len(b))
	}
	other := tenth
	other.Seed = 8
	if cmp.Equal(a, hits(other)) {
		t.Error("another seed hits the same calls")
	}
	f := newFaults(now)
	f.add(Fault{Kind: "status", Count: 1})
	f.add(Fault{Kind: "reset", Count: 1})
	for i, want := range []string{"status", "reset", ""} {
		if struck, _ := f.strike("GetUser", true); struck.Kind != want || len(f.log) != min(i+1, 2) {
			t.Errorf("call %d met %q with %d hits, want %q: one call, one fault", i+1, struck.Kind, len(f.log), want)
		}
	}
	behind := map[int]bool{}
	for _, i := range a {
		behind[i] = true
	}
	for _, i := range hits(other, tenth) {
		if !behind[i] {
			t.Fatalf("call %d is hit beside another fault only", i)
		}
	}
}

// TestHold: the operation is done, and its answer waits to be let go.
func TestHold(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	wait := func(held int) {
		t.Helper()
		var report faultReport
		for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(2 * time.Millisecond) {
			if control(t, s, "GET", "/faults", "", 200, &report); report.Held == held {
				return
			}
		}
		t.Fatalf("%d calls are held, want %d", report.Held, held)
	}
	control(t, s, "POST", "/faults", `{"kind": "hold", "when": "after", "operation": "AdminCreateUser", "count": 2}`, 200, nil)
	answered := make(chan error)
	go func() { answered <- makeUser(t, s, "held") }()
	wait(1)
	if !exists(s, "held") {
		t.Error("the operation was not run")
	}
	select {
	case err := <-answered:
		t.Fatalf("it was answered: %v", err)
	default:
	}
	control(t, s, "POST", "/faults/release", "", 200, nil)
	if err := <-answered; err != nil {
		t.Errorf("after the release: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", s.Endpoints().Cloud+"/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.AdminCreateUser")
	go func() {
		res, err := http.DefaultClient.Do(r)
		if err == nil {
			res.Body.Close()
		}
		answered <- err
	}()
	wait(1)
	cancel()
	if err := <-answered; err == nil {
		t.Error("a held call was answered")
	}
	wait(0)
}

func TestFaultRefusals(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	for body, text := range map[string]string{
		`{}`:                                   "kind",
		`{"kind": "magic"}`:                    "magic",
		`{"kind": "reset", "when": "never"}`:   "never",
		`{"kind": "status", "status": 200}`:    "200",
		`{"kind": "delay"}`:                    "needs one",
		`{"kind": "reset", "delay": "1s"}`:     "delay goes with",
		`{"kind": "throttle", "status": 503}`:  "status with the kind status",
		`{"kind": "status", "percent": 101}`:   "percent",
		`{"kind": "status", "count": -1}`:      "negative",
		`{"kind": "status", "id": 3}`:          "given by the sandbox",
		`{"kind": "status", "probability": 1}`: "probability",
	} {
		if got := control(t, s, "POST", "/faults", body, 400, nil); !strings.Contains(got, text) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// FuzzOperationOf: whatever a body is, it comes through whole.
func FuzzOperationOf(f *testing.F) {
	f.Add("AWSCognitoIdentityProviderService.InitiateAuth", `{"AuthFlow":"REFRESH_TOKEN"}`)
	f.Add("x", `{"ChallengeName":1}`)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, target, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header["X-Amz-Target"] = []string{target}
		operationOf(r)
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != body {
			t.Errorf("%d bytes of %d came through: %v", len(got), len(body), err)
		}
	})
}

func TestOperationOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target, body, want string
		pool               bool
	}{
		{"S.InitiateAuth", `{"AuthFlow":"REFRESH_TOKEN"}`, "InitiateAuth REFRESH_TOKEN_AUTH", true},
		{"S.RespondToAuthChallenge", `{"ChallengeName":"SMS_MFA"}`, "RespondToAuthChallenge SMS_MFA", true},
		{"S.GetUser", `not JSON`, "GetUser", true},
		{"", "", "POST /x", false},
	} {
		r := httptest.NewRequest("POST", "/x", strings.NewReader(tt.body))
		r.Header.Set("X-Amz-Target", tt.target)
		if got, pool := operationOf(r); got != tt.want || pool != tt.pool {
			t.Errorf("%s %s: %q, %v", tt.target, tt.body, got, pool)
		}
	}
}

func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	seed := DefaultSeed()
	s, _ := run(t, seed)
	const form, asJSON = "application/x-www-form-urlencoded", "application/json"
	post := func(kind, body string) (int, map[string]string) {
		t.Helper()
		res, err := http.Post(s.Endpoints().API+"/oauth/token", kind, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var out map[string]string
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, out
	}
	for kind, body := range map[string]string{
		form:                       "username=ann&password=Passw0rd%21&client_id=" + SecretClientID,
		asJSON + "; charset=utf-8": `{"username": "ann", "password": "Passw0rd!"}`,
	} {
		status, out := post(kind, body)
		if status != 200 || len(out) != 2 || out["id_token"] == "" || out["refresh_token"] == "" {
			t.Fatalf("%s: %d, %d members", kind, status, len(out))
		}
		client := seed.Pools[0].Clients[0]
		if kind == form {
			client = seed.Pools[0].Clients[1]
		}
		in := &idp.GetTokensFromRefreshTokenInput{ClientId: &client.ID, RefreshToken: aws.String(out["refresh_token"])}
		if client.Secret != "" {
			in.ClientSecret = &client.Secret
		}
		if _, err := sdk(s).GetTokensFromRefreshToken(t.Context(), in); err != nil {
			t.Errorf("%s: refresh: %v", kind, err)
		}
		if res, _ := get(t, "GET", s.Endpoints().API+"/myendpoint", map[string]string{"Authorization": out["id_token"]}); res.StatusCode != 200 {
			t.Errorf("%s: the API says %d", kind, res.StatusCode)
		}
	}
	for body, want := range map[string]int{
		`{"username": "ann", "password": "wrong"}`:     401,
		`{"username": "sms", "password": "Passw0rd!"}`: 403,
		`{"username": "ann"}`:                          400,
		`no JSON`:                                      400,
		`{"username": "ann", "password": "Passw0rd!", "client_id": "none"}`: 401,
	} {
		if status, out := post(asJSON, body); status != want || out["message"] == "" || out["id_token"] != "" {
			t.Errorf("%s: %d, want %d", body, status, want)
		}
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	login, err := passwordIn(t, s, "bob")
	if err != nil {
		t.Fatal(err)
	}
	post := func(token string, size int) (int, received) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.Endpoints().API+"/upload", strings.NewReader(strings.Repeat("a", size)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", token)
		r.Header.Set("Content-Type", "application/pdf")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var out received
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, out
	}
	// SHA-256 of a million times "a": FIPS 180-4's own example.
	want := received{1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "application/pdf"}
	if status, got := post(*login.AuthenticationResult.IdToken, 1_000_000); status != 200 || got != want {
		t.Errorf("%d %+v", status, got)
	}
	if status, _ := post(*login.AuthenticationResult.AccessToken, 10); status != 401 {
		t.Errorf("with the access token: %d", status)
	}
	if status, _ := post("", 10); status != 401 {
		t.Errorf("without a token: %d", status)
	}
}
