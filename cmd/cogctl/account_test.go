package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
)

func TestShellWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"ann": "ann", "ann@example.com": "ann@example.com", "+15555550101": "+15555550101", "李": "李",
		"": "''", "a'b": `'a'\''b'`, "$HOME": "'$HOME'", "a b;c": "'a b;c'", "`x`": "'`x`'", "~ann": "'~ann'", "a\\": `'a\'`,
	} {
		if got := shellWord(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

// TestCodesAreSecret: a code, however it was typed, is not shown again.
func TestCodesAreSecret(t *testing.T) {
	t.Parallel()
	a := newApp()
	code, err := a.cleanCode(" 481 516\n")
	if err != nil || code != "481516" {
		t.Fatalf("%q, %v", code, err)
	}
	if said := a.redactor.String("the server says: 481516 is wrong"); strings.Contains(said, code) {
		t.Errorf("said: %s", said)
	}
}

// TestDashed: a user whose name looks like a flag stands behind the flags.
func TestDashed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, line, want string }{
		{"ann", "account confirm ann CODE --force-alias --profile x", "account confirm ann CODE --force-alias --profile x"},
		{"-a", "login --username -a --profile x", "login --username -a --profile x"},
		{"-a", "account confirm -a CODE --force-alias --profile x", "account confirm --force-alias --profile x -- -a CODE"},
		{"-a", "account get", "account get"},
		{"", "account get", "account get"},
	} {
		if got := strings.Join(dashed(strings.Fields(c.line), c.user), " "); got != c.want {
			t.Errorf("%q of %q: %q, want %q", c.line, c.user, got, c.want)
		}
	}
}

// TestSwitchOn: a factor is switched on without touching the others, but that
// only one can be preferred.
func TestSwitchOn(t *testing.T) {
	t.Parallel()
	const totp, sms, email = auth.FactorTOTP, auth.FactorSMS, auth.FactorEmail
	for _, c := range []struct {
		factor    auth.Factor
		preferred bool
		before    auth.Factor
		want      []auth.MFAChange
	}{
		{totp, false, "", []auth.MFAChange{{Factor: totp, Enabled: true}}},
		{totp, false, sms, []auth.MFAChange{{Factor: totp, Enabled: true}}},
		{totp, false, totp, []auth.MFAChange{{Factor: totp, Enabled: true, Preferred: true}}},
		{totp, true, "", []auth.MFAChange{{Factor: totp, Enabled: true, Preferred: true}}},
		{totp, true, totp, []auth.MFAChange{{Factor: totp, Enabled: true, Preferred: true}}},
		{totp, true, email, []auth.MFAChange{{Factor: totp, Enabled: true, Preferred: true}, {Factor: email, Enabled: true}}},
		{sms, true, "NEW_MFA", []auth.MFAChange{{Factor: sms, Enabled: true, Preferred: true}}},
	} {
		if diff := cmp.Diff(c.want, switchOn(c.factor, c.preferred, c.before)); diff != "" {
			t.Errorf("%s, preferred %v, before %q:\n%s", c.factor, c.preferred, c.before, diff)
		}
	}
}

// TestAccountErrors: each of Cognito's words for a no has its exit code and tells
// what to do next.
func TestAccountErrors(t *testing.T) {
	t.Parallel()
	file, err := config.Read(filepath.Join(t.TempDir(), "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	profile, _, err := file.Resolve(config.Inputs{Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	s := signIn{app: newApp(), profile: profile, user: "ann"}
	refused := func(code, message string) error {
		return &auth.RefusedError{Op: "x", Code: code, Message: message}
	}
	service := func(code, message string) error {
		return &auth.ServiceError{Op: "x", Code: code, Message: message}
	}
	const denied = "NotAuthorizedException"
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{refused("UserNotConfirmedException", "User is not confirmed."), 3, "cogctl account confirm ann CODE\ncogctl account resend ann sends a new code"},
		{refused("PasswordResetRequiredException", "Password reset required for the user"), 3, "cogctl account forgot-password ann sends a code and sets a new password"},
		{refused("UserNotFoundException", "User does not exist."), 3, "check the name, and the user pool: cogctl profile show"},
		{refused(denied, "SignUp is not permitted for this user pool"), 3, "only an administrator makes users in this user pool"},
		{refused(denied, "User cannot be confirmed. Current status is CONFIRMED"), 3, "it is confirmed already: cogctl login --username ann"},
		{refused(denied, "Client x is configured with secret but SECRET_HASH was not received"), 2, "check client_secret: cogctl profile show"},
		{refused(denied, "SecretHash does not match for the client: x"), 2, "check client_secret: cogctl profile show"},
		{refused(denied, "User is disabled."), 3, "an administrator disabled the account, and only one can enable it"},
		{refused(denied, "Invalid Access Token"), 3, "cogctl login --username ann"},
		{refused(denied, "Access Token does not have required scopes"), 4, "sign in with the scope aws.cognito.signin.user.admin: cogctl login --username ann"},
		{service("UsernameExistsException", "User already exists"), 3, ""},
		{service("AliasExistsException", "x"), 3, ""},
		{service("LimitExceededException", "Attempt limit exceeded, please try after some time."), 3, "Cognito allows a few tries an hour: wait before the next one"},
		{service("TooManyFailedAttemptsException", "x"), 3, "Cognito allows a few tries an hour: wait before the next one"},
		{service("TooManyRequestsException", "Rate exceeded"), 1, "nothing was done: Cognito has too many requests of this kind; try again in a minute"},
		{service("InvalidParameterException", "Invalid phone number format."), 1, "phone numbers begin with + and the country's code, without spaces: phone_number=+12065550100"},
		{service("InvalidParameterException", "Cannot resend codes. Auto verification not turned on."), 1, noAddress},
		{refused(denied, "Cannot resend codes. Auto verification not turned on."), 3, noAddress},
		{service("InvalidPasswordException", "x"), 3, "choose a password that the user pool's policy allows: COGCTL_NEW_PASSWORD"},
		{service("PasswordHistoryPolicyViolationException", "x"), 3, "choose a password that this account has not had before: COGCTL_NEW_PASSWORD"},
		{service("EnableSoftwareTokenMFAException", "x"), 3, ""},
		{service("InvalidParameterException", "User is already confirmed."), 1, "cogctl login --username ann"},
		{service("InvalidParameterException", "x"), 1, ""},
		{service("InternalErrorException", "x"), 1, ""},
		{&auth.UnknownOutcomeError{Op: "x", Err: io.ErrUnexpectedEOF}, 1, "look first"},
	} {
		told := s.told(c.err, map[string]string{lostReply: "look first"})
		if exitCode(told) != c.code || hintFor(told) != c.hint {
			t.Errorf("%v: exit %d, hint %q; want %d, %q", c.err, exitCode(told), hintFor(told), c.code, c.hint)
		}
	}
	own := s.told(refused("CodeMismatchException", "x"), map[string]string{"CodeMismatchException": "the command's own"})
	if hintFor(own) != "the command's own" || exitCode(own) != exitRefused {
		t.Errorf("the command's own hint: %q, exit %d", hintFor(own), exitCode(own))
	}
}
