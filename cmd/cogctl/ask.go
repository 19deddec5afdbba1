package main

import (
	"context"
	"fmt"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
)

// answersBy names, for each thing a sign-in may ask for, what answers it
// without a person.
var answersBy = map[auth.Item][]string{
	auth.ItemPassword:    {"COGCTL_PASSWORD", "--password-stdin"},
	auth.ItemNewPassword: {"COGCTL_NEW_PASSWORD"},
}

// storedAnswers answers from the environment and the profile alone.
func (a *app) storedAnswers(c credentials) auth.Ask {
	return func(_ context.Context, q auth.Question) (string, error) {
		if q.Item == auth.ItemNewPassword && c.newPassword != "" {
			return c.newPassword, nil
		}
		return "", inputNeeded(q)
	}
}

// askPerson answers from what is stored, else asks at the terminal.
func (a *app) askPerson(c credentials) auth.Ask {
	stored := a.storedAnswers(c)
	return func(ctx context.Context, q auth.Question) (string, error) {
		if answer, err := stored(ctx, q); err == nil {
			return answer, nil
		}
		if q.Retry != "" {
			fmt.Fprintf(a.stderr, "%s\n", redact.Visible(q.Retry))
		}
		switch q.Item {
		case auth.ItemPassword:
			return a.secretAnswer(ctx, fmt.Sprintf("Password for %s: ", q.Username))
		case auth.ItemNewPassword:
			return a.askNewPassword(ctx, q.Username)
		}
		return a.terminal.ask(ctx, redact.Visible(fmt.Sprintf("%s of %s: ", q.Name, q.Username)))
	}
}

// askNewPassword asks twice: what is not shown is easily mistyped.
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

// secretAnswer asks without showing, and lets the redactor know the answer.
func (a *app) secretAnswer(ctx context.Context, prompt string) (string, error) {
	answer, err := a.terminal.askSecret(ctx, redact.Visible(prompt))
	a.redactor.Add(answer)
	return answer, err
}

// inputNeeded says what would answer a question when nobody is there.
func inputNeeded(q auth.Question) error {
	subject := q.Username
	if q.Name != "" {
		subject = q.Name + " of " + q.Username
	}
	return &auth.InputError{Item: q.Item, Subject: subject, Answers: answersBy[q.Item]}
}

// asker answers questions by the terminal when a person is there.
func (a *app) asker(p *config.Profile, c credentials) auth.Ask {
	if a.person(p) {
		return a.askPerson(c)
	}
	return a.storedAnswers(c)
}
