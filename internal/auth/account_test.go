package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
)

// served is a client of a server that answers as serve does, and how often it
// was asked.
func served(t *testing.T, serve http.HandlerFunc) (*auth.Client, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	return newWorld(server.URL, server.URL, "client", "secret", time.Now).client, &asked
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// singles are the operations that are sent once.
func singles(c *auth.Client) map[string]func(context.Context) error {
	a := auth.Account{Client: c, Username: "ann", Token: "token"}
	return map[string]func(context.Context) error{
		"SignUp":         func(ctx context.Context) error { _, err := c.SignUp(ctx, auth.SignUp{Username: "ann"}); return err },
		"ConfirmSignUp":  func(ctx context.Context) error { return c.ConfirmSignUp(ctx, auth.Confirmation{Username: "ann"}) },
		"ResendCode":     func(ctx context.Context) error { _, err := c.ResendCode(ctx, "ann", nil); return err },
		"ForgotPassword": func(ctx context.Context) error { _, err := c.ForgotPassword(ctx, "ann", nil); return err },
		"ResetPassword":  func(ctx context.Context) error { return c.ResetPassword(ctx, auth.Confirmation{Username: "ann"}) },
		"ChangePassword": func(ctx context.Context) error { return a.ChangePassword(ctx, "old", "new") },
		"Update": func(ctx context.Context) error {
			_, err := a.Update(ctx, []auth.Attribute{{Name: "email", Value: "x"}}, nil)
			return err
		},
		"SendCode":        func(ctx context.Context) error { _, err := a.SendCode(ctx, "email", nil); return err },
		"VerifyAttribute": func(ctx context.Context) error { return a.VerifyAttribute(ctx, "email", "1") },
		"Delete":          func(ctx context.Context) error { return a.Delete(ctx) },
		"NewTOTP":         func(ctx context.Context) error { _, err := a.NewTOTP(ctx); return err },
		"VerifyTOTP":      func(ctx context.Context) error { return a.VerifyTOTP(ctx, "000000", "") },
	}
}

// TestSentOnce: what may have taken effect is not repeated, and an answer that
// leaves it open is told as such; one that does not is not.
func TestSentOnce(t *testing.T) {
	t.Parallel()
	broken := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		serve   http.HandlerFunc
		unknown bool
	}{
		"no answer":         {broken, true},
		"broken down":       {says(500, `{"__type":"InternalErrorException","message":"x"}`), true},
		"a gateway between": {says(502, "<html>"), true},
		"no JSON":           {says(200, "<html>"), true},
		"refused":           {says(400, `{"__type":"NotAuthorizedException","message":"x"}`), false},
		"throttled":         {says(400, `{"__type":"TooManyRequestsException","message":"Rate exceeded"}`), false},
		"forbidden between": {says(403, "<html>"), false},
		"a redirect":        {says(302, ""), false},
	} {
		client, asked := served(t, c.serve)
		for op, call := range singles(client) {
			if name == "no JSON" && op == "Delete" {
				continue // its answer has no body that the SDK would read
			}
			asked.Store(0)
			err := call(t.Context())
			var unknown *auth.UnknownOutcomeError
			if err == nil || errors.As(err, &unknown) != c.unknown {
				t.Errorf("%s: %s: %v; want an unknown outcome: %v", name, op, err, c.unknown)
			}
			if asked.Load() != 1 {
				t.Errorf("%s: %s was sent %d times", name, op, asked.Load())
			}
		}
	}
}

// TestGoesAlong: what was given beside the point of an operation is sent with it.
func TestGoesAlong(t *testing.T) {
	t.Parallel()
	const member = `"ClientMetadata":{"trigger":"hint"}`
	hint := map[string]string{"trigger": "hint"}
	var body string
	c, _ := served(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body = string(data)
		says(200, `{"Status":"SUCCESS"}`)(w, r)
	})
	a := auth.Account{Client: c, Username: "ann", Token: "token"}
	for _, row := range []struct {
		want string
		call func(context.Context) error
	}{
		{member, func(ctx context.Context) error {
			_, err := c.SignUp(ctx, auth.SignUp{Username: "ann", Metadata: hint})
			return err
		}},
		{`"ValidationData":[{"Name":"a","Value":"b"}]`, func(ctx context.Context) error {
			_, err := c.SignUp(ctx, auth.SignUp{Username: "ann", Validation: []auth.Attribute{{Name: "a", Value: "b"}}})
			return err
		}},
		{member, func(ctx context.Context) error {
			return c.ConfirmSignUp(ctx, auth.Confirmation{Username: "ann", Metadata: hint})
		}},
		{`"ForceAliasCreation":true`, func(ctx context.Context) error {
			return c.ConfirmSignUp(ctx, auth.Confirmation{Username: "ann", Force: true})
		}},
		{member, func(ctx context.Context) error { _, err := c.ResendCode(ctx, "ann", hint); return err }},
		{member, func(ctx context.Context) error { _, err := c.ForgotPassword(ctx, "ann", hint); return err }},
		{member, func(ctx context.Context) error {
			return c.ResetPassword(ctx, auth.Confirmation{Username: "ann", Metadata: hint})
		}},
		{member, func(ctx context.Context) error {
			_, err := a.Update(ctx, []auth.Attribute{{Name: "email", Value: "x"}}, hint)
			return err
		}},
		{member, func(ctx context.Context) error { _, err := a.SendCode(ctx, "email", hint); return err }},
		{`"FriendlyDeviceName":"ci"`, func(ctx context.Context) error { return a.VerifyTOTP(ctx, "123456", "ci") }},
		{`"SMSMfaSettings":{"Enabled":true}`, func(ctx context.Context) error {
			return a.SetMFA(ctx, auth.MFAChange{Factor: auth.FactorSMS, Enabled: true})
		}},
		{`"EmailMfaSettings":{}`, func(ctx context.Context) error { return a.SetMFA(ctx, auth.MFAChange{Factor: auth.FactorEmail}) }},
	} {
		if err := row.call(t.Context()); err != nil || !strings.Contains(body, row.want) {
			t.Errorf("%v, sent %s, want %s", err, body, row.want)
		}
	}
}

// TestNeverSent: where no connection opens, nothing can have happened; where the
// program is stopped in the middle, nobody knows.
func TestNeverSent(t *testing.T) {
	t.Parallel()
	closed := newWorld(fmt.Sprintf("http://127.0.0.1:%d", freePort(t)), "", "client", "", time.Now).client
	stopped, stop := context.WithCancel(t.Context())
	hangs, _ := served(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is a client that goes away noticed
		stop()
		<-r.Context().Done()
	})
	var unknown *auth.UnknownOutcomeError
	if err := closed.ConfirmSignUp(t.Context(), auth.Confirmation{Username: "ann", Code: "1"}); err == nil || errors.As(err, &unknown) {
		t.Errorf("nobody listens: %v", err)
	}
	if err := hangs.ConfirmSignUp(stopped, auth.Confirmation{Username: "ann", Code: "1"}); !errors.Is(err, context.Canceled) || !errors.As(err, &unknown) {
		t.Errorf("stopped: %v", err)
	}
}

// TestReadsRepeated: a throttle is waited out where that harms nobody.
func TestReadsRepeated(t *testing.T) {
	t.Parallel()
	var throttled atomic.Bool
	client, asked := served(t, func(w http.ResponseWriter, r *http.Request) {
		if throttled.CompareAndSwap(false, true) {
			says(400, `{"__type":"TooManyRequestsException","message":"Rate exceeded"}`)(w, r)
			return
		}
		says(200, `{"Username":"ann","UserAttributes":[{"Name":"email","Value":"a"}],"UserMFASettingList":["SOFTWARE_TOKEN_MFA","NEW_MFA"],"PreferredMfaSetting":"EMAIL_OTP"}`)(w, r)
	})
	user, err := auth.Account{Client: client, Username: "ann", Token: "token"}.User(t.Context())
	if err != nil || asked.Load() != 2 {
		t.Fatalf("asked %d times: %v", asked.Load(), err)
	}
	if user.Attributes["email"] != "a" || fmt.Sprint(user.MFA) != "[totp NEW_MFA]" || user.Preferred != auth.FactorEmail {
		t.Errorf("%+v", user)
	}
}

func TestDevicePages(t *testing.T) {
	t.Parallel()
	const device = `{"DeviceKey":"k%s","DeviceLastAuthenticatedDate":1700000000.5,"DeviceAttributes":[{"Name":"dev:device_remembered_status","Value":"remembered"},{"Name":"device_name"}]}`
	client, asked := served(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 1000)
		n, _ := r.Body.Read(body)
		if strings.Contains(string(body[:n]), `"PaginationToken":"next"`) {
			says(200, `{"Devices":[`+fmt.Sprintf(device, "2")+`]}`)(w, r)
			return
		}
		says(200, `{"Devices":[`+fmt.Sprintf(device, "1")+`],"PaginationToken":"next"}`)(w, r)
	})
	devices, err := auth.Account{Client: client, Token: "token"}.Devices(t.Context())
	if err != nil || len(devices) != 2 || devices[0].Key != "k1" || devices[1].Key != "k2" || asked.Load() != 2 {
		t.Fatalf("%+v %v", devices, err)
	}
	if d := devices[1]; !d.Remembered || d.LastUsed == nil || d.LastUsed.Unix() != 1700000000 || d.Created != nil {
		t.Errorf("%+v", d)
	}
	endless, _ := served(t, says(200, `{"Devices":[],"PaginationToken":"again"}`))
	if _, err := (auth.Account{Client: endless, Token: "token"}).Devices(t.Context()); err == nil || !strings.Contains(err.Error(), "no end") {
		t.Errorf("a list without an end: %v", err)
	}
}

// TestTOTPSecrets: a secret goes onto standard output and into a link.
func TestTOTPSecrets(t *testing.T) {
	t.Parallel()
	for secret, ok := range map[string]bool{
		"JBSWY3DPEHPK3PXP": true, "": false, "JBSWY3DP\nrm -rf": false, "jbswy3dp": false, "J&issuer=x": false, "\u001b[31m": false,
	} {
		client, _ := served(t, says(200, fmt.Sprintf(`{"SecretCode":%q}`, secret)))
		got, err := auth.Account{Client: client, Token: "token"}.NewTOTP(t.Context())
		if (err == nil) != ok || ok && got.Secret != secret {
			t.Errorf("%q: %+v %v", secret, got, err)
		}
	}
	client, _ := served(t, says(200, `{"Status":"ERROR"}`))
	if err := (auth.Account{Client: client, Token: "token"}).VerifyTOTP(t.Context(), "000000", ""); err == nil {
		t.Error("the status ERROR is no error")
	}
}

func TestLacksScope(t *testing.T) {
	t.Parallel()
	signer, err := jwt.NewSigner(nil)
	if err != nil {
		t.Fatal(err)
	}
	for scope, lacks := range map[string]bool{
		auth.SelfServiceScope: false, "openid " + auth.SelfServiceScope + " email": false,
		"": false, "openid": true, "x" + auth.SelfServiceScope: true,
	} {
		token, err := signer.Sign(map[string]any{"token_use": "access", "scope": scope})
		if err != nil {
			t.Fatal(err)
		}
		if auth.LacksScope(token) != lacks {
			t.Errorf("scope %q: want %v", scope, lacks)
		}
	}
	if auth.LacksScope("opaque") {
		t.Error("an opaque token is the server's to judge")
	}
}

func TestTokenEnded(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&auth.RefusedError{Code: "NotAuthorizedException", Message: "Access Token has expired"}:                   true,
		&auth.RefusedError{Code: "NotAuthorizedException", Message: "Access Token has been revoked"}:              true,
		&auth.RefusedError{Code: "NotAuthorizedException", Message: "Invalid Access Token"}:                       false,
		&auth.RefusedError{Code: "NotAuthorizedException", Message: "Access Token does not have required scopes"}: false,
		&auth.RefusedError{Code: "NotAuthorizedException", Message: "Incorrect username or password."}:            false,
		&auth.RefusedError{Code: "ForbiddenException", Message: "Access Token has expired"}:                       false,
		&auth.UnknownOutcomeError{Op: "x", Err: errors.New("Access Token has expired")}:                           false,
	} {
		if auth.TokenEnded(err) != want {
			t.Errorf("%v: want %v", err, want)
		}
	}
}
