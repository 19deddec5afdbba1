package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/transport"
)

// Exit codes. The table that people read is the help topic exit-codes; a test
// compares the two.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitNeeded      = 4
	exitSaysNo      = 5
	exitHTTP        = 22
	exitNotRunnable = 126
	exitNotFound    = 127
	exitInterrupted = 130
	exitTerminated  = 143
)

// failure is an error that knows its exit code or the next thing to type.
type failure struct {
	code int // 0: whatever the error underneath says
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usagef is an error in what was typed or configured.
func usagef(format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// hinted adds the next thing to type.
func hinted(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &failure{err: err, hint: fmt.Sprintf(format, args...)}
}

// withCode fixes the exit code of an error.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: code, err: err}
}

// silent ends the program with a code and no words: all has been said.
type silent struct{ code int }

func (s silent) Error() string { return fmt.Sprintf("exit %d", s.code) }

// exitCode is the one place that turns an error into an exit code.
func exitCode(err error) int {
	var quiet silent
	var stopped interrupted
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &quiet):
		return quiet.code
	case errors.As(err, &stopped):
		return signalCode(stopped.signal)
	}
	for f := range failures(err) {
		if f.code != 0 {
			return f.code
		}
	}
	return domainCode(err)
}

// failures yields the failures that err is made of, outermost first: one may
// carry the hint and another the code.
func failures(err error) iter.Seq[*failure] {
	return func(yield func(*failure) bool) {
		for {
			f, ok := errors.AsType[*failure](err)
			if !ok || !yield(f) {
				return
			}
			err = f.err
		}
	}
}

// domainCode reads the code off the errors of the rooms below.
func domainCode(err error) int {
	var (
		refused      *auth.RefusedError
		stillRefused *auth.StillRefusedError
		needed       *auth.InputError
		over         *auth.OverError
		elsewhere    *auth.ElsewhereError
		challenge    *auth.UnsupportedChallengeError
		disabled     *auth.FlowDisabledError
		verdict      *jwt.VerifyError
		origin       *transport.OriginError
		plain        *transport.PlainHTTPError
		service      *auth.ServiceError
		caller       *auth.CallerError
		uncalled     *awscred.MissingError
		given        *auth.GivenError
	)
	if advice := adviceFor(err); advice.exit != 0 {
		return advice.exit
	}
	if advice := awsAdviceFor(err); advice.exit != 0 {
		return advice.exit
	}
	switch {
	case errors.As(err, &caller) && caller.Code == "AccessDeniedException":
		return exitRefused
	case errors.As(err, &caller), errors.As(err, &uncalled):
		return exitNeeded
	case errors.As(err, &over), errors.As(err, &elsewhere), errors.As(err, &needed), errors.As(err, &challenge):
		return exitNeeded
	case errors.As(err, &refused), errors.As(err, &stillRefused):
		return exitRefused
	case errors.As(err, &service) && service.Code == "InvalidPasswordException":
		return exitRefused
	case errors.As(err, &verdict):
		return exitSaysNo
	case errors.As(err, &disabled), errors.As(err, &origin), errors.As(err, &plain), errors.As(err, &given):
		return exitUsage
	}
	return exitFailed
}

// hintFor is what to do about an error of the rooms below; empty when nothing
// better than its own words is known.
func hintFor(err error) string {
	for f := range failures(err) {
		if f.hint != "" {
			return f.hint
		}
	}
	var (
		needed   *auth.InputError
		disabled *auth.FlowDisabledError
		keys     *auth.KeysError
		lock     *cache.LockError
		refused  *auth.RefusedError
		service  *auth.ServiceError
		lost     *auth.LostReplyError
		caller   *auth.CallerError
		uncalled *awscred.MissingError
		again    *auth.StillRefusedError
		unknown  *auth.UnsupportedChallengeError
		newer    *cache.NewerError
		nobody   *config.UnknownProfileError
	)
	switch {
	case errors.As(err, &unknown) && unknown.Name == "WEB_AUTHN":
		return "cogctl login --web"
	case errors.As(err, &unknown) && unknown.Why == "":
		return "a newer cogctl may; or sign in on the pool's own pages: cogctl login --web"
	case errors.As(err, &again):
		return "another " + guessed(again) + " is tried at once, and this one by cogctl login on a terminal"
	case errors.As(err, &lost) && lost.Challenge == "NEW_PASSWORD_REQUIRED":
		return "nobody knows if the new password was set: sign in with it, or with the old one where that is refused"
	case errors.As(err, &newer):
		return "use the newer cogctl, or move that file out of the way: cogctl login then makes a new one"
	case errors.As(err, &nobody) && len(nobody.Names) == 0:
		return fmt.Sprintf("cogctl profile create %s --user-pool-id ID --client-id ID", shellWord(nobody.Name))
	case errors.As(err, &uncalled):
		return "this takes AWS credentials of yours: aws configure, aws sso login, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case errors.As(err, &caller) && caller.Code == "AccessDeniedException":
		return "your AWS credentials need cognito-idp:AdminInitiateAuth and cognito-idp:AdminRespondToAuthChallenge"
	case errors.As(err, &caller):
		return "renew your AWS credentials: aws sts get-caller-identity shows if they are good"
	case errors.As(err, &needed) && len(needed.Answers) > 0:
		return setHint(needed)
	case errors.As(err, &disabled) && len(disabled.Try) > 0:
		return fmt.Sprintf("try --flow %s, or allow %s in the app client's authentication flows", otherFlows(disabled.Try), allowed(disabled.Flow))
	case errors.As(err, &disabled):
		return fmt.Sprintf("allow %s in the app client's authentication flows", allowed(disabled.Flow))
	case errors.As(err, &keys) && keys.Emulated:
		return "a server without a key set (an emulator) needs: cogctl login --no-verify-id-token"
	case errors.As(err, &lock) && lock.Err == nil && lock.Turns > 1:
		return "others were at it in turn, and what they report tells why that takes so long: most often a server that is slow or fails; try again later"
	case errors.As(err, &lock) && lock.Err == nil: // somebody has it
		return "wait for that process, whose server may be slow to answer, or end it if it hangs"
	case errors.As(err, &refused) && refusedHints[refused.Code] != "":
		return refusedHints[refused.Code]
	case errors.As(err, &service) && service.Code == "InvalidPasswordException" && !strings.HasPrefix(service.Op, atRefresh):
		return "choose a password that the user pool's policy allows: COGCTL_NEW_PASSWORD"
	}
	return cmp.Or(adviceFor(err).hint, awsAdviceFor(err).hint)
}

// setHint names what answers everything that is missing, each thing on a line.
func setHint(needed *auth.InputError) string {
	hint := "set " + strings.Join(needed.Answers, " or ")
	for _, other := range needed.Also {
		hint = lines(hint, setHint(other))
	}
	return hint
}

// otherFlows is a list of flows as a sentence has it.
func otherFlows(flows []string) string {
	last := len(flows) - 1
	if last == 0 {
		return flows[0]
	}
	text := strings.Join(flows[:last], ", ") + " or " + flows[last]
	if flows[last] == "admin" {
		text += " (with AWS credentials)"
	}
	return text
}

// allowed is the name that the app client's settings give to a flow.
func allowed(flow string) string { return "ALLOW_" + flow }

// refusedHints maps AWS error types to what helps.
var refusedHints = map[string]string{
	"UserNotConfirmedException":      "the sign-up was never confirmed: cogctl account confirm USERNAME CODE\ncogctl account resend USERNAME sends a new code",
	"PasswordResetRequiredException": "an administrator asked for a new password: cogctl account forgot-password USERNAME",
}

// guessed is what was wrong at a sign-in that is not tried again yet.
func guessed(again *auth.StillRefusedError) string {
	if again.Refusal.Code == "CodeMismatchException" {
		return "code"
	}
	return "password"
}

// report prints an error once: as text with its hint, or as JSON where the
// command's output is JSON too.
func report(w io.Writer, err error, asJSON bool) {
	var quiet silent
	if err == nil || errors.As(err, &quiet) {
		return
	}
	message, hint := redact.Visible(err.Error()), redact.Visible(hintFor(err))
	if asJSON {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": message, "hint": hint, "exit_code": exitCode(err)})
		return
	}
	fmt.Fprintf(w, "cogctl: %s\n", message)
	if hint != "" {
		fmt.Fprintf(w, "        %s\n", strings.ReplaceAll(hint, "\n", "\n        "))
	}
}

// cause prefers the signal that ended a context over "context canceled".
func cause(ctx context.Context, err error) error {
	var stopped interrupted
	if err != nil && errors.As(context.Cause(ctx), &stopped) && errors.Is(err, context.Canceled) {
		return stopped
	}
	return err
}
