package main

import (
	"context"
	"fmt"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
)

// profileOrSetUp is the profile or, on a terminal that has none, what the
// person there answers, written down as the profile "default".
func (a *app) profileOrSetUp(ctx context.Context) (*config.Profile, error) {
	p, err := a.profile()
	if err != nil || p.Name() != "" || p.Get("user_pool_id").Set() || p.Get("client_id").Set() || p.Get("from").Set() || !a.person(p) {
		return p, err
	}
	fmt.Fprint(a.stderr, "No profile yet. These are on the user pool's page in the AWS console.\n")
	values, err := a.setUpAnswers(ctx)
	if err != nil {
		return nil, err
	}
	path, err := a.configPath()
	if err != nil {
		return nil, err
	}
	if err := config.Create(path, "default", values, true); err != nil {
		return nil, withCode(exitUsage, err)
	}
	fmt.Fprintf(a.stderr, "Wrote the profile \"default\" to %s\n", redact.Visible(path))
	a.profiled = nil
	return a.profile()
}

// setUpQuestions are put in this order; an empty answer leaves the field out.
var setUpQuestions = []struct{ field, prompt string }{
	{"user_pool_id", "User pool id (us-east-1_Ab12Cd34E): "},
	{"client_id", "App client id: "},
	{"client_secret", "App client secret, as a reference (env:NAME, file:PATH, cmd:COMMAND); empty if it has none: "},
	{"domain", "Hosted UI domain, empty if none (https://acme.auth.us-east-1.amazoncognito.com): "},
	{"api_url", "URL of your API, empty for later: "},
}

// setUpAnswers asks, checking each answer as it comes.
func (a *app) setUpAnswers(ctx context.Context) (map[string]string, error) {
	values := map[string]string{}
	for _, question := range setUpQuestions {
		for {
			answer, err := a.terminal.askOptional(ctx, question.prompt)
			if err != nil {
				return nil, err
			}
			if answer == "" {
				break
			}
			if err := config.Check(question.field, answer); err != nil {
				fmt.Fprintf(a.stderr, "%s\n", redact.Visible(err.Error()))
				continue
			}
			values[question.field] = answer
			break
		}
	}
	return values, nil
}
