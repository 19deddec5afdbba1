package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/redact"
)

// answersBy names, for each thing a sign-in may ask for, what answers it
// without a person.
var answersBy = map[auth.Item][]string{
	auth.ItemPassword:    {"COGCTL_PASSWORD", "--password-stdin"},
	auth.ItemNewPassword: {"COGCTL_NEW_PASSWORD"},
	auth.ItemTOTP:        {"COGCTL_TOTP_SECRET", "COGCTL_MFA_CODE"},
	auth.ItemSMSCode:     {"COGCTL_MFA_CODE"},
	auth.ItemEmailCode:   {"COGCTL_MFA_CODE"},
}

const answerPrefix = "COGCTL_ANSWER_"

// answerVariable is the variable that answers the challenge, or gives the attribute, of
// that name: COGCTL_ANSWER_SELECT_MFA_TYPE, COGCTL_ANSWER_GIVEN_NAME.
func answerVariable(name string) string {
	return answerPrefix + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

// answerName is the name under which a stored answer to q is looked up; empty where none
// may be. The server names the attributes that it wants, and could call one of them
// CUSTOM_CHALLENGE to get at the answer to the pool's own question, which may be all that a
// sign-in takes.
func answerName(q auth.Question) string {
	if q.Item == auth.ItemAttribute && strings.HasPrefix(answerVariable(q.Name), answerPrefix+customChallenge) {
		return ""
	}
	return q.Name
}

// storedAnswers answers from the environment and the profile alone, without a person. It may
// be used while the session's lock is held.
func (s signIn) storedAnswers() auth.Ask {
	return func(ctx context.Context, q auth.Question) (string, error) {
		if q.Retry != "" && !s.hasAnother(q) {
			return "", auth.ErrNoOther
		}
		if answer, from := s.answerTo(answerName(q)); answer != "" {
			if len(q.Options) > 0 {
				return offered(q, answer, from)
			}
			s.app.redactor.Add(answer)
			return answer, asText(from, answer)
		}
		switch {
		case q.Item == auth.ItemNewPassword && s.secrets.newPassword != "":
			return s.secrets.newPassword, nil
		case q.Item == auth.ItemTOTP && s.secrets.totpSecret != "":
			return s.totpCode(ctx, q.ServerTime)
		case codeWanted(q) && s.secrets.mfaCode != "":
			return s.secrets.mfaCode, nil
		case q.Item == auth.ItemPassword && s.secrets.password != "":
			return s.secrets.password, nil
		case q.Item == auth.ItemFirstFactor && s.secrets.password != "" && slices.Contains(q.Options, "PASSWORD_SRP"):
			return "PASSWORD_SRP", nil
		case q.Item == auth.ItemMFAKind && s.secrets.totpSecret != "" && slices.Contains(q.Options, totpKind):
			return totpKind, nil
		}
		return "", s.inputNeeded(q)
	}
}

// answerTo is the stored answer to the question of that name, and where it came from: the
// environment, or else the profile's answers. Both are empty when there is none.
func (s signIn) answerTo(name string) (answer, from string) {
	if name == "" {
		return "", ""
	}
	variable := answerVariable(name)
	if answer := s.app.getenv(variable); answer != "" {
		return answer, variable
	}
	name = strings.TrimPrefix(variable, answerPrefix)
	if answer = s.secrets.answers[name]; answer == "" {
		return "", ""
	}
	return answer, s.profile.Answers()[name].Origin.Text
}

// codeWanted reports whether mfa_code answers a question.
func codeWanted(q auth.Question) bool {
	return slices.Contains(answersBy[q.Item], "COGCTL_MFA_CODE")
}

// mostStored is how many codes of a stored TOTP secret one challenge gets. They are half a
// minute apart, and a server that takes none must not collect them.
const mostStored = 3

// hasAnother reports whether there is another stored answer to q after one was refused. Only
// a TOTP secret has one: where its code was used already, elsewhere, the next one may be
// taken. After a wrong code the next would be wrong as well.
func (s signIn) hasAnother(q auth.Question) bool {
	if q.Item != auth.ItemTOTP || s.secrets.totpSecret == "" || q.Refused >= mostStored {
		return false
	}
	answer, _ := s.answerTo(answerName(q)) // outranks the secret, and has no successor
	return answer == "" && strings.Contains(q.Retry, "already been used")
}

// offered is the option that a stored answer chooses. The answer is no secret, so the error
// shows it, with from, which says where it came from.
func offered(q auth.Question, answer, from string) (string, error) {
	for _, option := range q.Options {
		if strings.EqualFold(answer, option) {
			return option, nil
		}
	}
	return "", usagef("%s: %q is not offered to %s: choose one of %s", from, answer, q.Username, strings.Join(q.Options, ", "))
}

// totpKind is SELECT_MFA_TYPE's word for an authenticator app.
const totpKind = "SOFTWARE_TOKEN_MFA"

// unlockedAnswers is storedAnswers for where no lock is held, so that a program may be run to
// look for a code that was just sent. looking is called before each such run.
func (s signIn) unlockedAnswers(looking func()) auth.Ask {
	stored := s.storedAnswers()
	return func(ctx context.Context, q auth.Question) (string, error) {
		answer, err := stored(ctx, q)
		var needed *auth.InputError
		if !errors.As(err, &needed) || !codeWanted(q) {
			return answer, err
		}
		value, name := codeLater(s.profile, q.Name)
		if name == "" {
			return answer, err
		}
		looking()
		return s.app.resolve(ctx, s.profile, value)
	}
}

// asker answers from what is stored and, when a person is there, asks them for
// the rest at the terminal. No lock may be held.
func (s signIn) asker() auth.Ask {
	stored := s.unlockedAnswers(func() {})
	if !s.app.person(s.profile) {
		return stored
	}
	return func(ctx context.Context, q auth.Question) (string, error) {
		var missing *auth.InputError
		if q.Retry != "" && s.hasAnother(q) { // no lock is held, and the wait is half a minute
			s.app.note("the code was used already; waiting for the next")
			s.app.flush()
		}
		if answer, err := stored(ctx, q); err == nil || !errors.As(err, &missing) && !errors.Is(err, auth.ErrNoOther) {
			return answer, err
		}
		if q.Retry != "" {
			fmt.Fprintf(s.app.redactedStderr(), "%s\n", redact.Visible(q.Retry))
		}
		switch q.Item {
		case auth.ItemPassword:
			return s.app.secretAnswer(ctx, fmt.Sprintf("Password for %s: ", q.Username))
		case auth.ItemNewPassword:
			return s.app.askNewPassword(ctx, q.Username)
		case auth.ItemMFAKind, auth.ItemFirstFactor:
			if q.Passkey {
				fmt.Fprintln(s.app.stderr, "A passkey answers in the browser only: cogctl login --web")
			}
			return s.app.choose(ctx, q)
		case auth.ItemAuthenticator:
			if q.Retry == "" {
				s.app.redactor.Add(q.Secret)
				s.showAuthenticator(q.Username, q.Secret)
			}
		case auth.ItemAnswer:
			fmt.Fprintf(s.app.redactedStderr(), "%s\n", redact.Visible(q.Details))
		}
		typed, err := s.app.terminal.askAgain(ctx, cell(s.app.redactor.String(prompt(q))))
		if err == nil && (codeWanted(q) || q.Item == auth.ItemAuthenticator) {
			return s.app.cleanCode(typed)
		}
		return typed, err
	}
}

// prompt is the question as it is put to a person. Names and addresses in it come from the
// server, so callers show it by cell: nothing in it may begin a line of its own, which
// could look like another question.
func prompt(q auth.Question) string {
	switch {
	case q.Item == auth.ItemAnswer:
		return fmt.Sprintf("The answer of %s: ", q.Username)
	case q.Item == auth.ItemAttribute:
		return fmt.Sprintf("%s of %s: ", q.Name, q.Username)
	case q.SentTo != "":
		return fmt.Sprintf("The %s to %s: ", q.Item, q.SentTo)
	}
	return fmt.Sprintf("The %s, for %s: ", q.Item, q.Username)
}

// choose lets a person pick by number.
func (a *app) choose(ctx context.Context, q auth.Question) (string, error) {
	for {
		for i, option := range q.Options {
			fmt.Fprintf(a.stderr, "  %d  %s\n", i+1, cell(option))
		}
		answer, err := a.terminal.askAgain(ctx, fmt.Sprintf("The %s, 1 to %d: ", q.Item, len(q.Options)))
		if err != nil {
			return "", err
		}
		for i, option := range q.Options {
			if answer == fmt.Sprint(i+1) || strings.EqualFold(answer, option) {
				return option, nil
			}
		}
		fmt.Fprintf(a.stderr, "That is none of them: type a number from 1 to %d, or a name as it stands here.\n", len(q.Options))
	}
}

// askNewPassword asks for a new password twice, because what is not shown is easily
// mistyped.
func (a *app) askNewPassword(ctx context.Context, username string) (string, error) {
	for {
		first, err := a.secretAnswer(ctx, fmt.Sprintf("New password for %s: ", username))
		if err != nil {
			return "", err
		}
		second, err := a.secretAnswer(ctx, "The same again: ")
		if err != nil || first == second {
			return first, err
		}
		fmt.Fprintln(a.stderr, "The two differ.")
	}
}

// secretAnswer asks without showing what is typed, and tells the redactor the answer.
func (a *app) secretAnswer(ctx context.Context, prompt string) (string, error) {
	answer, err := a.terminal.askSecret(ctx, cell(prompt))
	a.redactor.Add(answer)
	return answer, err
}

// inputNeeded is the error for a question that nobody is there to answer. It names what
// would answer it.
func (s signIn) inputNeeded(q auth.Question) error {
	subject := q.Username
	// With the name as it was typed: jobs use that, and look for the session under it.
	login := s.next("login", "--username", s.user)
	answers := slices.Clone(answersBy[q.Item])
	if q.Item == auth.ItemAttribute {
		subject = q.Username + ": " + q.Name
	}
	if q.Item == auth.ItemAuthenticator {
		return hinted(&auth.InputError{Item: q.Item, Subject: subject}, "set the second factor up once, on a terminal: %s", login)
	}
	if q.Details != "" {
		subject += " (" + q.Details + ")"
	}
	if name := answerName(q); name != "" {
		answers = append(answers, answerVariable(name))
	}
	if len(q.Options) > 0 {
		subject += " (" + strings.Join(q.Options, ", ") + ")"
	}
	needed := &auth.InputError{Item: q.Item, Subject: subject, Answers: answers}
	if _, name := codeLater(s.profile, q.Name); codeWanted(q) && name != "" {
		return hinted(needed, "the profile's %s is looked up only by a sign-in that was asked for: %s", name, login)
	}
	if q.Item == auth.ItemSMSCode || q.Item == auth.ItemEmailCode {
		other := "let an authenticator app be the second factor: " + s.next("account", "mfa", "enable", "totp")
		if q.First {
			other = "begin with a password, where the user has one: --flow srp, and COGCTL_PASSWORD"
		}
		return hinted(needed, "%s\neach sign-in sends another code: sign in once on a terminal (%s),\nor %s", hintFor(needed), login, other)
	}
	return needed
}

// withCaller adds to what is missing the AWS credentials of the flow that takes them,
// where there are none.
func (l *login) withCaller(ctx context.Context, needed *auth.InputError) error {
	if l.profile.Get("flow").Text != "admin" {
		return needed
	}
	_, err := l.app.caller(ctx, l.pool).Retrieve(ctx)
	if err == nil {
		return needed
	}
	return hinted(withCode(exitNeeded, fmt.Errorf("%w; %w", needed, err)), "%s", lines(setHint(needed), hintFor(err)))
}
