package main

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
)

// TestStoredAnswers: what each question is answered by without a person, and what
// is named when it is missing.
func TestStoredAnswers(t *testing.T) {
	t.Parallel()
	environ := map[string]string{}
	a := newApp()
	a.getenv = func(name string) string { return environ[name] }
	file, err := config.Read(filepath.Join(t.TempDir(), "none.toml"))
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := file.Resolve(config.Inputs{Getenv: a.getenv})
	if err != nil {
		t.Fatal(err)
	}
	full := signIn{app: a, profile: p, secrets: credentials{newPassword: "New-1", mfaCode: "123456"}}
	bare := signIn{app: a, profile: p}
	for _, row := range []struct {
		question auth.Question
		variable string // that answers instead
		stored   string // what full answers
		named    string // what bare names
	}{
		{auth.Question{Item: auth.ItemNewPassword, Username: "ann"}, "", "New-1", "COGCTL_NEW_PASSWORD"},
		{auth.Question{Item: auth.ItemSMSCode, Name: "SMS_MFA"}, "COGCTL_ANSWER_SMS_MFA", "123456", "COGCTL_MFA_CODE"},
		{auth.Question{Item: auth.ItemTOTP, Name: "SOFTWARE_TOKEN_MFA"}, "COGCTL_ANSWER_SOFTWARE_TOKEN_MFA", "123456", "COGCTL_TOTP_SECRET"},
		{auth.Question{Item: auth.ItemMFAKind, Name: "SELECT_MFA_TYPE", Options: []string{"A", "by variable"}}, "COGCTL_ANSWER_SELECT_MFA_TYPE", "", "COGCTL_ANSWER_SELECT_MFA_TYPE"},
		{auth.Question{Item: auth.ItemAttribute, Name: "custom:team"}, "COGCTL_ANSWER_CUSTOM_TEAM", "", "COGCTL_ANSWER_CUSTOM_TEAM"},
	} {
		if row.stored != "" {
			if got, err := full.storedAnswers()(t.Context(), row.question); got != row.stored {
				t.Errorf("%s: %q, %v", row.question.Item, got, err)
			}
		}
		_, err := bare.storedAnswers()(t.Context(), row.question)
		var needed *auth.InputError
		if !errors.As(err, &needed) || !slices.Contains(needed.Answers, row.named) {
			t.Errorf("%s: %v names %v", row.question.Item, err, needed)
		}
		if row.variable != "" {
			environ[row.variable] = "by variable"
			if got, err := bare.storedAnswers()(t.Context(), row.question); got != "by variable" {
				t.Errorf("%s by %s: %q, %v", row.question.Item, row.variable, got, err)
			}
			delete(environ, row.variable)
		}
	}
}

// storing is a sign-in with what is stored as given, and an empty environment.
func storing(t *testing.T, secrets credentials) signIn {
	t.Helper()
	a := newApp()
	a.getenv = func(string) string { return "" }
	p, err := a.profile()
	if err != nil {
		t.Fatal(err)
	}
	return signIn{app: a, profile: p, secrets: secrets}
}

// TestStoredChoices: what lies at hand chooses only what is offered, and a password only
// the way that does not send it.
func TestStoredChoices(t *testing.T) {
	t.Parallel()
	s := storing(t, credentials{password: "Passw0rd!", totpSecret: "JBSWY3DPEHPK3PXP"})
	for _, row := range []struct {
		item    auth.Item
		options []string
		chosen  string // empty: a person would have to
	}{
		{auth.ItemFirstFactor, []string{"EMAIL_OTP", "PASSWORD", "PASSWORD_SRP"}, "PASSWORD_SRP"},
		{auth.ItemFirstFactor, []string{"EMAIL_OTP", "PASSWORD"}, ""},
		{auth.ItemMFAKind, []string{"SMS_MFA", "SOFTWARE_TOKEN_MFA"}, "SOFTWARE_TOKEN_MFA"},
		{auth.ItemMFAKind, []string{"SMS_MFA", "EMAIL_OTP"}, ""},
	} {
		chosen, err := s.storedAnswers()(t.Context(), auth.Question{Item: row.item, Name: "SELECT", Options: row.options})
		var needed *auth.InputError
		if chosen != row.chosen || errors.As(err, &needed) != (row.chosen == "") {
			t.Errorf("%q: %q, %v", row.options, chosen, err)
		}
	}
}

// TestAnotherStoredAnswer: only a code of a stored secret that served already has
// another one after it, and not for ever.
func TestAnotherStoredAnswer(t *testing.T) {
	t.Parallel()
	s := storing(t, credentials{totpSecret: "JBSWY3DPEHPK3PXP", mfaCode: "123456"})
	used := "Your software token has already been used once."
	for _, row := range []struct {
		question auth.Question
		another  bool
	}{
		{auth.Question{Item: auth.ItemTOTP, Retry: used, Refused: 1}, true},
		{auth.Question{Item: auth.ItemTOTP, Retry: used, Refused: 2}, true},
		{auth.Question{Item: auth.ItemTOTP, Retry: used, Refused: 3}, false},
		{auth.Question{Item: auth.ItemTOTP, Retry: "Invalid code or auth state for the user.", Refused: 1}, false},
		{auth.Question{Item: auth.ItemTOTP, Retry: "the server asks for the code again"}, false},
		{auth.Question{Item: auth.ItemEmailCode, Retry: used, Refused: 1}, false},
	} {
		if another := s.hasAnother(row.question); another != row.another {
			t.Errorf("%+v: %v", row.question, another)
		}
	}
	if without := storing(t, credentials{mfaCode: "123456"}); without.hasAnother(auth.Question{Item: auth.ItemTOTP, Retry: used, Refused: 1}) {
		t.Error("another code is said to come of no secret")
	}
	// A code that was given is the only one.
	s.app.getenv = func(name string) string {
		return map[string]string{"COGCTL_ANSWER_SOFTWARE_TOKEN_MFA": "123456"}[name]
	}
	if s.hasAnother(auth.Question{Item: auth.ItemTOTP, Name: "SOFTWARE_TOKEN_MFA", Retry: used, Refused: 1}) {
		t.Error("another code is said to stand behind the one that was given")
	}
}
