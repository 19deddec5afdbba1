package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
)

// machine is an app client that signs in by itself, and for what.
type machine struct {
	scopes    []string // none: all that it may have
	resources []string
}

// name is what its session is called: "abc (content/read)".
func (m *machine) name(clientID string) string {
	what := slices.Concat(m.scopes, m.resources)
	if len(what) == 0 {
		return clientID
	}
	slices.Sort(what)
	return clientID + " (" + strings.Join(what, " ") + ")"
}

// settle tells whose session is meant, a user's or a machine's.
func (s *signIn) settle(last lastSignIn) {
	s.user = username(s.profile, last)
	if !s.isMachine(last) {
		return
	}
	m := &machine{scopes: s.profile.List("scopes")}
	// What this run says outranks the last sign-in, which alone knows of resources.
	if last.Machine && (!ofThisRun(s.profile.Get("scopes")) || sameSet(m.scopes, last.Scopes)) {
		m.scopes, m.resources = last.Scopes, last.Resources
	}
	s.become(m)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (s *signIn) become(m *machine) { s.machine, s.user = m, m.name(s.pool.ClientID) }

// isMachine tells whether the app client signs in by itself: because that was
// asked for, or was done last, or is what auto comes to.
func (s *signIn) isMachine(last lastSignIn) bool {
	flow := s.profile.Get("flow")
	auto := flow.Text == "" || flow.Text == "auto"
	switch {
	case ofThisRun(flow) && !auto:
		return flow.Text == flowMachine
	case ofThisRun(s.profile.Get("username")) && s.user != "":
		return false
	case last.Machine, flow.Text == flowMachine:
		return true
	case last.Typed != "", !auto:
		return false
	}
	return s.chosenFlow() == flowMachine
}

// chosenFlow is the flow that auto stands for here.
func (s *signIn) chosenFlow() string {
	set := func(name string) bool { return s.profile.Get(name).Set() }
	return chooseFlow(flowFacts{
		foreign: s.pool.Foreign,
		secret:  set("client_secret"), username: s.user != "", password: set("password") || s.typedPassword,
		person: s.app.person(s.profile), domain: s.pool.Domain != "",
	})
}

// notAUser refuses the name of a user where an app client signs in.
func (s *signIn) notAUser(name string) error {
	return hinted(usagef("--flow %s signs in an app client by itself, and --username %q names a user", flowMachine, name), "leave one of them out")
}

// ofThisRun tells a value of this run from one of the file.
func ofThisRun(v config.Value) bool {
	return v.Origin.Kind == config.KindFlag || v.Origin.Kind == config.KindEnv
}

// machineFlow is the way a machine signs in.
func (s signIn) machineFlow(ctx context.Context, client *auth.Client) (auth.Flow, error) {
	provider, err := s.app.provider(ctx, s.pool)
	if err != nil {
		return nil, err
	}
	return auth.ClientCredentials{Client: client, Provider: provider, Scopes: s.machine.scopes, Resources: s.machine.resources}, nil
}

// machineExplained says what to check where a machine was refused.
func (s signIn) machineExplained(err error) error {
	var refused *auth.RefusedError
	var still *auth.StillRefusedError
	var code string
	switch {
	case errors.As(err, &refused):
		code = refused.Code
	case errors.As(err, &still):
		code = still.Refusal.Code
	default:
		return err
	}
	scopes := "none were asked for, which is all that the app client has"
	if len(s.machine.scopes) > 0 {
		scopes = strings.Join(s.machine.scopes, " ") + ", from " + s.scopesFrom()
	}
	hints := map[string]string{
		"invalid_client": fmt.Sprintf("check client_id (%s, from %s) and client_secret (from %s)\na client without a secret cannot sign in by itself",
			s.pool.ClientID, s.profile.Get("client_id").Origin.Text, s.profile.Get("client_secret").Origin.Text),
		"unauthorized_client":    fmt.Sprintf("the app client %s may not sign in by itself: its allowed OAuth flows lack client_credentials\na user of it signs in with cogctl login --username NAME", s.pool.ClientID),
		"invalid_scope":          "check the scopes (" + scopes + ")\na scope is RESOURCE-SERVER/NAME, as the user pool's resource servers have them, and the app client must allow it",
		"invalid_grant":          "at Cognito the app client has no custom scope to give (check its allowed scopes: " + scopes + "), or a trigger of the user pool said no",
		"invalid_target":         "check --resource: the issuer does not know it, or not for these scopes",
		"unsupported_grant_type": "the issuer gives no tokens to machines",
	}
	hint := hints[code]
	if hint == "" {
		hint = "check client_id, client_secret and scopes: cogctl profile show"
	}
	if code == "invalid_grant" {
		return hinted(err, "%s", hint) // a refusal, whatever the settings
	}
	return withCode(exitUsage, hinted(err, "%s", hint))
}

// scopesFrom is where the scopes were found.
func (s signIn) scopesFrom() string {
	if origin := s.profile.Get("scopes").Origin.Text; slices.Equal(s.profile.List("scopes"), s.machine.scopes) && origin != "" {
		return origin
	}
	return "the last sign-in"
}

// nowhere tells an endpoint that was not reached, or is none.
func nowhere(err error) bool {
	var none *auth.NoAnswerError
	return errors.As(err, &none)
}

// warnScopes tells which of the scopes asked for were not granted, where the
// server said what it granted.
func (s signIn) warnScopes(session auth.Session) {
	if s.machine == nil || session.Scopes == nil {
		return
	}
	lacking := slices.DeleteFunc(slices.Clone(s.machine.scopes), func(scope string) bool { return slices.Contains(session.Scopes, scope) })
	if len(lacking) > 0 {
		s.app.warn(fmt.Sprintf("%s granted %s, and not %s", s.pool.place(), strings.Join(session.Scopes, " "), strings.Join(lacking, " ")))
	}
}

// checkScopes refuses what no scope is (RFC 6749, section 3.3): the server's own
// words for it would name none.
func checkScopes(scopes []string) error {
	for _, scope := range scopes {
		if strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return usagef("--scope %q: a scope has no spaces, quotes or backslashes in it", scope)
		}
	}
	return nil
}
