package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
)

// poolSettings is what a profile says about its user pool, made complete.
type poolSettings struct {
	Region, UserPoolID, ClientID string
	Domain                       string   // of the hosted pages; may be empty
	Foreign                      bool     // an OpenID Connect issuer that is no user pool
	Endpoint                     string   // of the user pool API; without a pool the issuer or the domain
	Emulated                     bool     // the endpoint is not AWS's own
	Issuer                       string   // what sessions are filed under
	Issuers                      []string // what iss may be; none where only a domain is known
	JWKS                         string   // URL of the key set; empty where the issuer must be asked
}

// place is where a sign-in happens, for people.
func (s poolSettings) place() string {
	if s.UserPoolID == "" {
		return s.Issuer
	}
	return s.UserPoolID
}

// wantsPool is an error where there is no user pool. what is the command or flag that needs
// one.
func (s poolSettings) wantsPool(what string) error {
	if s.UserPoolID != "" {
		return nil
	}
	return hinted(usagef("%s needs a user pool, and the profile names only %s", what, s.Issuer),
		"set user_pool_id in the profile, or COGCTL_USER_POOL_ID")
}

// pool reads the user pool's settings. What is missing is named, with the
// variable that would give it.
func pool(p *config.Profile) (poolSettings, error) { return poolFor(p, true) }

// poolFor is pool; client tells whether an app client must be named.
func poolFor(p *config.Profile, client bool) (poolSettings, error) {
	s := poolSettings{
		Region:     p.Get("region").Text,
		UserPoolID: p.Get("user_pool_id").Text,
		ClientID:   p.Get("client_id").Text,
		Domain:     strings.TrimRight(p.Get("domain").Text, "/"),
		JWKS:       p.Get("endpoints.jwks").Text,
	}
	var missing []string
	if region, id, ok := auth.PoolOfIssuer(p.Get("issuer").Text); ok && s.UserPoolID == "" {
		s.Region, s.UserPoolID = region, id
	}
	if s.UserPoolID == "" && s.Domain == "" && !p.Get("issuer").Set() {
		missing = append(missing, "COGCTL_USER_POOL_ID (--user-pool-id)")
	}
	if s.ClientID == "" && client {
		missing = append(missing, "COGCTL_CLIENT_ID (--client-id)")
	}
	if len(missing) > 0 {
		return s, hinted(usagef("no user pool to sign in to: %s not set", strings.Join(missing, " and ")),
			"cogctl login on a terminal asks for them; cogctl profile create writes a profile")
	}
	if s.UserPoolID == "" {
		return withoutPool(s, p.Get("issuer").Text)
	}
	return s.ofPool(p), nil
}

// ofPool completes the settings of a user pool that is named.
func (s poolSettings) ofPool(p *config.Profile) poolSettings {
	// The region of a pool is in its id; the setting may be that of the API. Emulators have
	// ids that begin with something else.
	if region, _, _ := strings.Cut(s.UserPoolID, "_"); strings.Count(region, "-") >= 2 {
		s.Region = region
	}
	override := strings.TrimRight(p.Get("endpoints.user_pool").Text, "/")
	s.Endpoint, s.Emulated = override, override != ""
	if !s.Emulated {
		s.Endpoint = auth.Endpoint(s.Region)
	}
	s.Issuers = auth.Issuers(s.Region, s.UserPoolID, override)
	if issuer := p.Get("issuer"); issuer.Set() {
		s.Issuers = []string{strings.TrimRight(issuer.Text, "/"), issuer.Text}
	}
	s.Issuer = s.Issuers[0]
	if s.JWKS == "" {
		s.JWKS = s.Issuer + "/.well-known/jwks.json"
	}
	return s
}

// withoutPool completes the settings where no user pool is named: those of another issuer,
// or of a user pool's domain, of which nobody can tell which pool it belongs to.
func withoutPool(s poolSettings, issuer string) (poolSettings, error) {
	if issuer != "" && s.Domain != "" {
		return s, hinted(usagef("domain (%s) is of a user pool, and issuer (%s) is none", s.Domain, issuer),
			"leave one of them out, or set user_pool_id (COGCTL_USER_POOL_ID)")
	}
	if issuer != "" {
		s.Issuer, s.Endpoint, s.Foreign = issuer, issuer, true
		s.Issuers = []string{issuer}
		return s, nil
	}
	s.Issuer, s.Endpoint = s.Domain, s.Domain
	return s, nil
}

// credentials are a sign-in's secrets, resolved: commands were run and files
// read before any lock is taken.
type credentials struct {
	clientSecret string
	password     string
	newPassword  string
	mfaCode      string
	totpSecret   string
	answers      map[string]string // of the profile, by the name of the question
}

func (a *app) credentials(ctx context.Context, p *config.Profile) (c credentials, err error) {
	for _, field := range []struct {
		name string
		into *string
	}{{"client_secret", &c.clientSecret}, {"password", &c.password}, {"new_password", &c.newPassword},
		{"mfa_code", &c.mfaCode}, {"totp_secret", &c.totpSecret}} {
		if field.name == "mfa_code" && isReference(p.Get(field.name)) {
			continue // resolved when the code was sent, see codeLater
		}
		if *field.into, err = a.reveal(ctx, p, field.name); err != nil {
			return c, err
		}
	}
	c.answers = map[string]string{}
	for name, value := range p.Answers() {
		if isSent(name) && isReference(value) {
			continue // as with mfa_code
		}
		if strings.HasPrefix(name, "SELECT_") && !config.IsReference(value.Text) {
			c.answers[name] = value.Text // a choice is no secret
			continue
		}
		if c.answers[name], err = a.resolve(ctx, p, value); err != nil {
			return c, err
		}
	}
	return c, nil
}

// isReference reports whether a value is a reference in the user's own file, such as a
// program that looks for a message with a code.
func isReference(v config.Value) bool {
	return v.Origin.Kind == config.KindFile && config.IsReference(v.Text)
}

// isSent reports whether the answer to a question is a code that was sent for it.
func isSent(question string) bool {
	return question == "SMS_MFA" || question == "EMAIL_OTP" || question == "SMS_OTP"
}

// codeLater is the reference by which the profile gives the code for a question, to be
// resolved when the question is asked: the answer to that question, or else mfa_code. name
// is what to call it in messages, and empty where there is none.
func codeLater(p *config.Profile, question string) (value config.Value, name string) {
	if v := p.Answers()[question]; isSent(question) && isReference(v) {
		return v, "answer " + question
	}
	if v := p.Get("mfa_code"); isReference(v) {
		return v, "mfa_code"
	}
	return config.Value{}, ""
}

// looksForCodes reports whether the profile gives any code by a reference, see codeLater.
func looksForCodes(p *config.Profile) bool {
	for question := range p.Answers() {
		if _, name := codeLater(p, question); name != "" {
			return true
		}
	}
	return isReference(p.Get("mfa_code"))
}

// reveal returns the value of a secret setting, its reference resolved; empty when it is not
// set.
func (a *app) reveal(ctx context.Context, p *config.Profile, name string) (string, error) {
	v := p.Get(name)
	if !v.Set() {
		return "", nil
	}
	return a.resolve(ctx, p, v)
}

// resolve returns what a value stands for. Only the user's own file may hold
// references; a value from anywhere else is taken as it is.
func (a *app) resolve(ctx context.Context, p *config.Profile, v config.Value) (string, error) {
	value := v.Text
	if v.Origin.Kind == config.KindFile {
		resolved, _, err := a.secrets(p).Resolve(ctx, v.Text)
		if err != nil {
			return "", unresolved(fmt.Errorf("%s: %w", v.Origin.Text, err))
		}
		value = resolved
	}
	a.redactor.Add(value)
	if err := asText(v.Origin.Text, value); err != nil {
		return "", err
	}
	return value, nil
}

// asText refuses what is not UTF-8: in a request it would become something else, and a
// new password one that nobody knows.
func asText(from, value string) error {
	if strings.ContainsRune(value, utf8.RuneError) {
		return usagef("%s is not UTF-8 text: it may come from a file, or a shell, of another encoding", from)
	}
	return nil
}

// lastSignIn names who signed in last with a profile: a user by the name as it was typed, or
// the app client itself, and for which scopes and resources.
type lastSignIn struct {
	Typed     string   `json:"typed"`
	Machine   bool     `json:"machine,omitempty"`
	Scopes    []string `json:"scopes,omitempty"`
	Resources []string `json:"resources,omitempty"`
}

// lastSignInKey is the key under which it is stored.
func lastSignInKey(p *config.Profile, s poolSettings) string {
	return auth.SessionKey(s.Issuer, s.ClientID, "profile "+p.Name())
}

// lastSignIn reads who signed in last.
func (a *app) lastSignIn(p *config.Profile, s poolSettings) (lastSignIn, error) {
	dir, err := a.lastSignIns(p)
	if err != nil {
		return lastSignIn{}, err
	}
	last, _, err := dir.Read(lastSignInKey(p, s))
	return last, err
}

// username tells which user's session is meant: the name given on the command line
// or in the environment, else the last to sign in, else the profile's.
func username(p *config.Profile, last lastSignIn) string {
	v := p.Get("username")
	if ofThisRun(v) || last.Typed == "" {
		return v.Text
	}
	return last.Typed
}
