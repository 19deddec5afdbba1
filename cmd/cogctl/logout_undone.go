package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
)

// undoneError says which steps of a sign-out failed at Cognito; the others are nil.
type undoneError struct {
	others error // the end of the user's other sessions
	token  error // the end of this session's refresh token
}

func (u *undoneError) Error() string {
	switch {
	case u.others == nil:
		return "its refresh token was not revoked: " + u.token.Error()
	case u.token == nil, sameTrouble(u.others, u.token):
		return "the user's other sessions were not ended: " + u.others.Error()
	}
	return "the user's other sessions were not ended: " + u.others.Error() +
		"; and its refresh token was not revoked: " + u.token.Error()
}

func (u *undoneError) Unwrap() []error {
	return slices.DeleteFunc([]error{u.others, u.token}, func(err error) bool { return err == nil })
}

// sameTrouble reports whether both steps failed because no answer came, which needs to be
// said only once.
func sameTrouble(first, second error) bool {
	var a, b *auth.NoAnswerError
	return errors.As(first, &a) && errors.As(second, &b)
}

// undoneHint says what the steps that failed leave behind, and what to do about it.
func (l logout) undoneHint(session auth.Session, err error) string {
	undone, ok := errors.AsType[*undoneError](err)
	if !ok {
		return ""
	}
	var left []string
	if undone.token != nil {
		left = append(left, l.tokenHint(undone.token))
	}
	if undone.others != nil {
		left = append(left, l.othersHint(session, undone.others))
	}
	return strings.Join(left, "\n")
}

// tokenHint is about a refresh token that was not revoked.
func (l logout) tokenHint(err error) string {
	const still = "its refresh token stays good at Cognito until it expires"
	switch code, _ := serverWord(err); code {
	case "UnsupportedOperationException":
		return "the app client has token revocation switched off: " + still + "; cogctl login and then cogctl logout --global end it"
	case "UnauthorizedException":
		return "the client secret is not this app client's, or the token is another's: " + still
	case "UnsupportedTokenTypeException":
		return "Cognito does not know it as a refresh token"
	}
	if auth.Unheard(err) {
		return still + ", unless that was done and only its answer is missing"
	}
	return still
}

// othersHint is about sessions elsewhere that go on.
func (l logout) othersHint(session auth.Session, err error) string {
	_, message := serverWord(err)
	switch message = strings.ToLower(message); {
	case strings.Contains(message, "required scopes"):
		return "the user's other sessions go on: to end them takes a sign-in with the scope " + auth.SelfServiceScope + ": " + l.scopedLogin(session)
	case strings.Contains(message, "user is disabled"):
		return "an administrator disabled the account: the user's other sessions cannot be refreshed"
	}
	login := []string{"login", "--username", l.user}
	if l.all { // said once for all of them
		login = login[:1]
	}
	return "the user's other sessions go on: " + l.next(login...) + " and then " + l.next("logout", "--global") + " end them"
}
