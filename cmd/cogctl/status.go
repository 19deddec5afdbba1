package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/jwt"
)

func newStatus(a *app) *cobra.Command {
	var out jsonOutput
	cmd := &cobra.Command{
		Use:     "status",
		Aliases: []string{"whoami"},
		Short:   "Show who is signed in, and until when",
		Long: `Show who is signed in with the profile, the groups, where the tokens came from
and when they expire. Nothing is sent: the answer is what is stored here.

Exits 4 when nobody is signed in.`,
		Example: "  cogctl status\n  cogctl status --json\n  cogctl status --jq .sub",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), a, &out) },
	}
	out.flags(cmd, "print JSON")
	return cmd
}

// statusReport is the JSON of status; its members are stable.
type statusReport struct {
	Profile       string            `json:"profile"`
	SignedIn      bool              `json:"signed_in"`
	Typed         string            `json:"typed,omitempty"`
	Username      string            `json:"username,omitempty"`
	Subject       string            `json:"sub,omitempty"`
	Email         string            `json:"email,omitempty"`
	Groups        []string          `json:"groups,omitempty"`
	PreferredRole string            `json:"preferred_role,omitempty"` // of the token; an identity pool may go by it
	Machine       bool              `json:"machine,omitempty"`        // the app client itself
	Scopes        []string          `json:"scopes,omitempty"`
	UserPool      string            `json:"user_pool_id"`
	ClientID      string            `json:"client_id"`
	Issuer        string            `json:"issuer"`
	Verified      bool              `json:"id_token_verified"`
	SignedInAt    *time.Time        `json:"signed_in_at,omitempty"`
	Expires       *time.Time        `json:"expires,omitempty"`
	Fresh         bool              `json:"fresh"`
	Refresh       bool              `json:"has_refresh_token"`
	RefreshBy     string            `json:"refresh_by,omitempty"` // empty: REFRESH_TOKEN_AUTH
	Rotates       bool              `json:"refresh_token_rotates,omitempty"`
	InFlight      *time.Time        `json:"refresh_unanswered_since,omitempty"`
	Overrides     map[string]string `json:"endpoint_overrides,omitempty"`
	AWS           *awsStatus        `json:"aws,omitempty"`
	TokenFrom     string            `json:"token_from"` // what call and token use
}

func runStatus(ctx context.Context, a *app, out *jsonOutput) error {
	p, err := a.profile()
	if err != nil {
		return err
	}
	if p.Get("identity_pool_id").Set() && !a.hasToken(p) {
		return a.guestStatus(ctx, p, out)
	}
	s, dir, err := a.whose()
	if err != nil {
		return err
	}
	session, _, err := s.find(dir)
	if err != nil {
		return err
	}
	report := newStatusReport(s.profile, s.pool, session)
	report.Fresh = session.GoodFor(a.now(), 0)
	report.TokenFrom = "session"
	if report.AWS, err = a.awsStatus(s.profile); err != nil {
		return err
	}
	if a.getenv("COGCTL_TOKEN") != "" {
		report.TokenFrom = "COGCTL_TOKEN"
		a.warn("COGCTL_TOKEN is set: call and token use it, not the session")
	}
	if out.wanted() {
		err = a.printAnswer(ctx, out, report)
	} else if session.Live() {
		err = a.table(report.rows(a.now()))
	}
	if err == nil && !report.SignedIn {
		err = s.needed()
	}
	return err
}

func newStatusReport(p *config.Profile, s poolSettings, session auth.Session) statusReport {
	r := statusReport{Profile: p.Name(), UserPool: s.UserPoolID, ClientID: s.ClientID, Issuer: s.Issuer, Overrides: overrides(p)}
	if !session.Live() {
		return r
	}
	r.SignedIn, r.Typed, r.Username, r.Subject = true, session.Typed, session.Username, session.Subject
	r.SignedInAt, r.Expires, r.Refresh = &session.SignedIn, &session.Expires, session.Refresh != ""
	r.Machine, r.Scopes = session.Machine, session.Scopes
	r.RefreshBy, r.Rotates = string(session.By), session.Rotates
	if session.InFlight != nil {
		r.InFlight = &session.InFlight.Sent
	}
	r.Verified = !session.Unverified
	if id, err := jwt.Parse(session.ID); err == nil {
		r.PreferredRole = id.Claims.String("cognito:preferred_role")
		r.Groups, r.Email = id.Claims.Strings("cognito:groups"), id.Claims.String("email")
	}
	return r
}

// overrides lists the endpoints that are not AWS's own.
func overrides(p *config.Profile) map[string]string {
	found := map[string]string{}
	for _, field := range config.Fields() {
		if v := p.Get(field.Name); (strings.HasPrefix(field.Name, "endpoints.") || field.Name == "issuer") && v.Set() {
			found[field.Name] = v.Text + " (" + v.Origin.Text + ")"
		}
	}
	return found
}

func (r statusReport) rows(now time.Time) [][2]string {
	rows := [][2]string{
		{"user", r.Username},
		{"profile", r.Profile},
		{"sub", r.Subject},
		{"e-mail", r.Email},
		{"groups", strings.Join(r.Groups, ", ")},
		{"role by token", r.PreferredRole},
		{"scopes", strings.Join(r.Scopes, " ")},
		{"user pool", r.UserPool},
		{"app client", r.ClientID},
		{"signed in", until(*r.SignedInAt, now)},
		{"tokens end", until(*r.Expires, now)},
	}
	switch {
	case r.Machine:
		rows[0] = [2]string{"machine", r.Typed}
	case r.Typed != r.Username:
		rows[0][1] += " (typed " + r.Typed + ")"
	}
	if r.UserPool == "" && r.Overrides["issuer"] == "" {
		rows = append(rows, [2]string{"issuer", r.Issuer})
	}
	switch {
	case r.Machine:
		rows = append(rows, [2]string{"refresh", "none: another token is asked for when this one ends"})
	case !r.Refresh:
		rows = append(rows, [2]string{"refresh", "none: sign in again when the tokens end"})
	}
	if r.InFlight != nil {
		rows = append(rows, [2]string{"refresh", "sent at " + until(*r.InFlight, now) + ", not answered yet"})
	}
	switch {
	case !r.Verified && r.Machine:
		rows = append(rows, [2]string{"verified", "no: the access token is not one to be read here"})
	case !r.Verified:
		rows = append(rows, [2]string{"verified", "no: --no-verify-id-token was given"})
	}
	rows = append(rows, r.AWS.rows(now)...)
	for _, field := range config.Fields() {
		if at, overridden := r.Overrides[field.Name]; overridden {
			rows = append(rows, [2]string{field.Name, at})
		}
	}
	kept := rows[:0]
	for _, row := range rows {
		if row[1] != "" {
			kept = append(kept, row)
		}
	}
	return kept
}
