package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

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
