package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// TestOTPAuth: the link says whose the secret is, whatever the name holds.
func TestOTPAuth(t *testing.T) {
	t.Parallel()
	s := signIn{pool: poolSettings{UserPoolID: "us-east-1_Ab12Cd34E"}}
	for _, name := range []string{"ann", "ann@example.com", "a/b?c#d%41&secret=x", "-ä+"} {
		u, err := url.Parse(s.otpauth(name, "JBSWY3DP"))
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Cognito us-east-1_Ab12Cd34E:"+name {
			t.Errorf("%q: %v, %v", name, u, err)
			continue
		}
		if q := u.Query(); len(q) != 2 || q.Get("secret") != "JBSWY3DP" || q.Get("issuer") != "Cognito us-east-1_Ab12Cd34E" {
			t.Errorf("%q: %v", name, q)
		}
	}
}

// TestTOTPCode: the code is the one of the server's time, and no step's code is
// given out twice, not even to another process.
func TestTOTPCode(t *testing.T) {
	t.Parallel()
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	environ := map[string]string{
		"COGCTL_CONFIG_DIR": t.TempDir() + "/c", "COGCTL_CACHE_DIR": t.TempDir() + "/k",
		"COGCTL_USER_POOL_ID": "us-east-1_Ab12Cd34E", "COGCTL_CLIENT_ID": "abc", "COGCTL_USERNAME": "ann",
	}
	run := func() signIn {
		a := newApp()
		a.getenv = func(name string) string { return environ[name] }
		a.stderr = devNull(t)
		s, _, err := a.whose()
		if err != nil {
			t.Fatal(err)
		}
		s.secrets.totpSecret = strings.ToLower(secret[:4] + " " + secret[4:])
		return s
	}
	at := time.Unix(1_800_000_000/30*30+29, 0) // one second before the next step
	for i, step := range []time.Time{at, at.Add(time.Second)} {
		want, err := totp.GenerateCode(secret, step)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := run().totpCode(t.Context(), at)
		if err != nil || got != want {
			t.Errorf("code %d: %q (%v), want %q", i+1, got, err, want)
		}
		if waited := time.Since(began); i == 1 && waited < 900*time.Millisecond {
			t.Errorf("the second code was given out after %v, before its time", waited)
		}
	}
	// The third waits for the step after that.
	third := run()
	var waits time.Duration
	third.app.pause = func(_ context.Context, d time.Duration) error { waits = d; return nil }
	later, _ := totp.GenerateCode(secret, at.Add(31*time.Second))
	if got, err := third.totpCode(t.Context(), at); err != nil || got != later || waits != 31*time.Second {
		t.Errorf("the third code: %q (%v) after %v, want %q", got, err, waits, later)
	}
	// A clock that was set back by hours does not make anybody wait that long.
	early := at.Add(-3 * time.Hour)
	want, _ := totp.GenerateCode(secret, early)
	if got, err := run().totpCode(t.Context(), early); err != nil || got != want {
		t.Errorf("with the clock set back: %q (%v), want %q", got, err, want)
	}
	wrong := run()
	wrong.secrets.totpSecret = "not base32!"
	if _, err := wrong.totpCode(t.Context(), at.Add(time.Hour)); exitCode(err) != exitUsage || strings.Contains(err.Error(), "not base32!") {
		t.Errorf("a secret that is none: %v", err)
	}
}

// TestTOTPWaitIsTold: --debug tells what the time is for that a job waits for another
// code, before it waits where no lock is held; without it a script hears nothing.
func TestTOTPWaitIsTold(t *testing.T) {
	t.Parallel()
	for _, debug := range []string{"", "true"} {
		a, text := overheard(t, debug)
		at := time.Unix(1_800_000_000/30*30+7, 0)
		a.now = func() time.Time { return at }
		atPause := ""
		a.pause = func(_ context.Context, d time.Duration) error {
			if atPause = ""; d > 0 {
				atPause = text()
			}
			return nil
		}
		s, _, err := a.whose()
		if err != nil {
			t.Fatal(err)
		}
		s.secrets.totpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
		const waiting, waited = "cogctl: debug: the last TOTP code was used already; waiting 23s for the next\n", "cogctl: debug: the last TOTP code was used already; waited 23s for the next\n"
		for i, step := range []struct {
			wait          func() error
			before, after string
		}{
			{func() error { return s.awaitCode(t.Context()) }, "", ""},
			{func() error { _, err := s.totpCode(t.Context(), at); return err }, "", ""},
			{func() error { return s.awaitCode(t.Context()) }, waiting, waiting},
			{func() error { _, err := s.totpCode(t.Context(), at); return err }, waiting, waiting + waited},
		} {
			if err := step.wait(); err != nil {
				t.Fatal(err)
			}
			a.flush()
			if debug == "" {
				step.before, step.after = "", ""
			}
			if atPause != step.before || text() != step.after {
				t.Errorf("debug %q, step %d: at the pause %q, then %q; want %q, %q", debug, i, atPause, text(), step.before, step.after)
			}
		}
	}
}

// overheard is a run and what it said to standard error until now.
func overheard(t *testing.T, debug string) (*app, func() string) {
	t.Helper()
	environ := map[string]string{
		"COGCTL_CONFIG_DIR": t.TempDir() + "/c", "COGCTL_CACHE_DIR": t.TempDir() + "/k", "COGCTL_DEBUG": debug,
		"COGCTL_USER_POOL_ID": "us-east-1_Ab12Cd34E", "COGCTL_CLIENT_ID": "abc", "COGCTL_USERNAME": "ann",
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { said.Close() })
	a := newApp()
	a.getenv = func(name string) string { return environ[name] }
	a.stderr = said
	return a, func() string {
		data, err := os.ReadFile(said.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}
