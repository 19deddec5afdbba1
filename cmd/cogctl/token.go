package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
)

func newToken(a *app) *cobra.Command {
	print := newTokenPrint(a)
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print, decode, verify or refresh a token (token alone prints it)",
		Long:  print.Long,
		Example: `  cogctl token
  cogctl token print --type access
  cogctl token decode
  cogctl token verify`,
		Args: subcommandOnly,
		RunE: print.RunE,
	}
	cmd.Flags().AddFlagSet(print.Flags())
	cmd.AddCommand(print, newTokenDecode(a), newTokenVerify(a), newTokenRefresh(a))
	return cmd
}

type tokenOptions struct {
	kind   string
	minTTL time.Duration
	header bool
	out    jsonOutput
}

func newTokenPrint(a *app) *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print a token that is good now",
		Long: `Print a token of the session, refreshed first when it has run out. Where a
password is at hand (COGCTL_PASSWORD or the profile) and nobody is signed in, it
signs in. It never asks: without a session it exits 4.

The ID token is what a REST API with a Cognito authorizer without scopes takes;
the access token is for authorizers with scopes and for Cognito itself. The
profile's api.auth sets the default, otherwise it is the ID token; machines and
issuers other than Cognito have the access token for it. COGCTL_TOKEN, when set,
is printed instead.`,
		Example: `  cogctl token print
  cogctl token print --type access --min-ttl 10m
  cogctl token print --header
  cogctl token print --json`,
		Args: operands(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runTokenPrint(cmd.Context(), a, &o) },
	}
	cmd.Flags().StringVar(&o.kind, "type", "", "which token: id, access or refresh")
	cmd.Flags().DurationVar(&o.minTTL, "min-ttl", margin, "refresh when the token serves less than this")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"id", "access", "refresh"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&o.header, "header", false, "print it as an Authorization header")
	o.out.flags(cmd, "print JSON with type and expiry")
	return cmd
}

func runTokenPrint(ctx context.Context, a *app, o *tokenOptions) error {
	switch {
	case o.minTTL < 0:
		return usagef("--min-ttl %s is negative", o.minTTL)
	case o.header && o.out.wanted():
		return usagef("--header and --json are two forms: choose one")
	case o.header && o.kind == "refresh":
		return usagef("a refresh token goes into no header")
	}
	t, err := a.token(ctx, wanted{kind: o.kind, min: o.minTTL})
	if err == nil && t.Expires != nil && t.Expires.Before(a.now().Add(o.minTTL)) {
		a.warn(fmt.Sprintf("the %s token serves until %s: less than --min-ttl %s", t.Kind, until(*t.Expires, a.now()), o.minTTL))
	}
	switch {
	case err != nil:
		return err
	case o.out.wanted():
		return a.printAnswer(ctx, &o.out, t)
	case o.header:
		return a.println("Authorization: Bearer " + t.Raw)
	}
	return a.println(t.Raw)
}

// tokenView is a token to be printed or sent. Its JSON members are stable.
type tokenView struct {
	Kind    string     `json:"type"`
	Raw     string     `json:"token"`
	Expires *time.Time `json:"expires,omitempty"`
	From    string     `json:"from"`
}

// wanted says which token is meant.
type wanted struct {
	kind     string        // id, access or refresh, as asked for; empty when nobody did
	fallback string        // the kind then; empty for the profile's choice
	min      time.Duration // how long it must still serve
}

// token finds the token that is meant: COGCTL_TOKEN, else the session's.
func (a *app) token(ctx context.Context, w wanted) (tokenView, error) {
	if w.kind != "" {
		if err := oneOf("type", w.kind, "id", "access", "refresh"); err != nil {
			return tokenView{}, err
		}
	}
	if given := a.getenv("COGCTL_TOKEN"); given != "" {
		return a.givenToken(given, w.kind)
	}
	s, dir, err := a.whose()
	if err != nil {
		return tokenView{}, err
	}
	if w.kind == "" {
		w.kind = w.fallback
	}
	if w.kind == "" {
		w.kind = s.defaultKind(s.profile.Get("api_auth").Text)
	}
	session, err := s.current(ctx, dir, w.min)
	if err != nil {
		return tokenView{}, err
	}
	return sessionToken(session, w.kind)
}

// defaultKind is the token that api.auth asks for. A person's default is the ID
// token: a REST API whose Cognito authorizer has no scopes takes no other. Machines
// have none, and what is not Cognito's is for the issuer's own clients.
func (a *app) defaultKind(apiAuth string) string {
	if a.getenv("COGCTL_TOKEN") == "" {
		if s, _, err := a.whose(); err == nil {
			return s.defaultKind(apiAuth)
		}
	}
	return signIn{}.defaultKind(apiAuth)
}

// defaultKind is that of the app for a sign-in that is settled.
func (s signIn) defaultKind(apiAuth string) string {
	switch {
	case apiAuth == "id" || apiAuth == "access":
		return apiAuth
	case s.machine != nil || s.pool.Foreign:
		return "access"
	}
	return "id"
}

// givenToken takes COGCTL_TOKEN, which outranks sessions.
func (a *app) givenToken(pasted, kind string) (tokenView, error) {
	a.redactor.Add(pasted)
	raw, err := jwt.Extract(pasted)
	if err != nil {
		return tokenView{}, withCode(exitUsage, fmt.Errorf("COGCTL_TOKEN: %w", err))
	}
	a.redactor.Add(raw)
	view := tokenView{Kind: kind, Raw: raw, From: "COGCTL_TOKEN"}
	token, err := jwt.Parse(raw)
	if err != nil {
		return view, nil // opaque tokens exist; their kind is whatever was asked for
	}
	if exp, ok := token.Claims.Time("exp"); ok {
		view.Expires = &exp
	}
	use := token.Claims.String("token_use")
	if kind != "" && use != "" && kind != use {
		return view, usagef("COGCTL_TOKEN holds an %s token, but the %s token is asked for", use, kind)
	}
	if use != "" {
		view.Kind = use
	}
	return view, nil
}

// sessionToken picks one of a session's tokens.
func sessionToken(s auth.Session, kind string) (tokenView, error) {
	view := tokenView{Kind: kind, From: "session of " + s.Username, Expires: &s.Expires}
	switch kind {
	case "id":
		view.Raw = s.ID
	case "access":
		view.Raw = s.Access
	case "refresh":
		view.Raw, view.Expires = s.Refresh, nil
	}
	if view.Raw == "" {
		return view, hinted(fmt.Errorf("the session of %s has no %s token", s.Username, kind), "--type access or --type id may be there")
	}
	return view, nil
}

func newTokenRefresh(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh",
		Short: "Refresh the session now",
		Long: `Refresh the session's tokens now, whether they need it or not: after a change of
groups or attributes, which tokens made before do not show.`,
		Example: "  cogctl token refresh",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runTokenRefresh(cmd.Context(), a) },
	}
}

func runTokenRefresh(ctx context.Context, a *app) error {
	s, dir, err := a.whose()
	if err != nil {
		return err
	}
	stored, exact, err := s.find(dir)
	if err != nil {
		return err
	}
	if !exact {
		return s.mistaken(stored)
	}
	s = s.as(stored)
	ask := auth.Ask(nil) // a refresh was asked for, not a sign-in; a machine's is one
	if s.machine != nil {
		ask = s.storedAnswers()
	}
	if s.secrets.clientSecret, err = a.reveal(ctx, s.profile, "client_secret"); err != nil {
		return err
	}
	renewer, err := s.renewer(ctx, ask)
	if err != nil {
		return err
	}
	session, err := dir.Update(ctx, s.key(), renewer.Renew)
	if err := a.unsaved(s.explained(err)); err != nil {
		return err
	}
	a.warnClock(session)
	a.note("refreshed the session of %s; the tokens serve until %s", session.Username, until(session.Expires, a.now()))
	return nil
}
