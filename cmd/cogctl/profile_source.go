package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/importer"
	"github.com/cogctl/cogctl/internal/loopback"
)

// readSource reads a file, standard input, or an issuer's discovery document.
func (a *app) readSource(ctx context.Context, source string) (importer.Found, error) {
	if strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://") {
		return a.discoverSource(ctx, source)
	}
	from, name := a.input(ctx), "standard input"
	if source != "-" {
		file, err := os.Open(source)
		if err != nil {
			return importer.Found{}, withCode(exitUsage, err)
		}
		defer file.Close()
		from, name = file, source
	}
	data, err := io.ReadAll(io.LimitReader(from, importer.MaxSize+1))
	if err != nil {
		return importer.Found{}, fmt.Errorf("read %s: %w", name, err)
	}
	found, err := importer.Read(name, data)
	return found, withCode(exitUsage, err)
}

// wellKnown is where issuers have their discovery document.
const wellKnown = "/.well-known/openid-configuration"

// discoverSource asks an issuer, given by its own URL or by that of its document.
// Some issuers end in a slash, which the document's URL does not show.
func (a *app) discoverSource(ctx context.Context, address string) (importer.Found, error) {
	if err := config.Check("issuer", address); err != nil {
		return importer.Found{}, withCode(exitUsage, err)
	}
	issuer := strings.TrimSuffix(address, wellKnown)
	p, err := auth.Discover(ctx, a.http(), issuer)
	if refused, ok := errors.AsType[*auth.DiscoveryError](err); ok && refused.Refused && !strings.HasSuffix(issuer, "/") {
		if other, err2 := auth.Discover(ctx, a.http(), issuer+"/"); err2 == nil {
			p, err = other, nil
		}
	}
	if err != nil {
		return importer.Found{}, err
	}
	found, err := importer.OfIssuer(p.Issuer, p.Authorization)
	return found, withCode(exitUsage, err)
}

// readPool asks a user pool, with the caller's AWS credentials. Which app client
// is meant must be known before it can be asked.
func (i *imported) readPool(ctx context.Context, id string) error {
	if err := config.Check("user_pool_id", id); err != nil {
		return withCode(exitUsage, err)
	}
	p, err := i.app.profile()
	if err != nil {
		return err
	}
	s := poolSettings{UserPoolID: id, Endpoint: strings.TrimRight(p.Get("endpoints.user_pool").Text, "/")}
	if s.Region, _, _ = strings.Cut(id, "_"); i.app.flags["region"] != "" {
		s.Region = i.app.flags["region"]
	}
	credentials := i.app.caller(ctx, s)
	described, err := i.app.client(s, "").DescribePool(ctx, credentials)
	if err != nil {
		return permitted(err)
	}
	i.found = importer.Found{Format: described.Name, Fields: map[string][]importer.Candidate{}}
	i.note("user_pool_id", "the user pool", id)
	if s.Endpoint != "" {
		i.note("endpoints.user_pool", p.Get("endpoints.user_pool").Origin.Text, s.Endpoint)
	}
	switch {
	case described.CustomDomain != "":
		i.note("domain", "the user pool", "https://"+described.CustomDomain)
	case described.Domain != "" && s.Endpoint == "": // an emulator's prefix is no host of AWS's
		i.note("domain", "the user pool", "https://"+described.Domain+".auth."+s.Region+".amazoncognito.com")
	}
	for _, c := range described.Clients {
		i.note("client_id", "the app client "+c.Name, c.ID)
	}
	return i.readClient(ctx, s)
}

// readClient asks for the app client that is chosen.
func (i *imported) readClient(ctx context.Context, s poolSettings) error {
	chosen, err := i.pick(ctx, "client_id")
	if err != nil || len(chosen.Values) == 0 {
		return err
	}
	s.ClientID = chosen.Values[0]
	i.found.Fields["client_id"] = []importer.Candidate{chosen}
	client := i.app.client(s, "")
	described, secret, err := client.DescribeClient(ctx, i.app.caller(ctx, s))
	if err != nil {
		return permitted(err)
	}
	i.app.redactor.Add(secret)
	i.secret = described.HasSecret
	from := "the app client " + described.Name
	i.note("scopes", from, described.Scopes...)
	i.note("callback_urls", from, described.CallbackURLs...)
	return nil
}

// note adds a candidate.
func (i *imported) note(key, from string, values ...string) {
	if len(values) > 0 && !slices.Contains(values, "") {
		i.found.Fields[key] = append(i.found.Fields[key], importer.Candidate{Values: values, From: strings.TrimSpace(from)})
	}
}

// permitted names the permissions that a refusal of the caller's asks for.
func permitted(err error) error {
	if caller, ok := errors.AsType[*auth.CallerError](err); ok && caller.Code == "AccessDeniedException" {
		return hinted(err, "your AWS credentials need cognito-idp:DescribeUserPool, cognito-idp:ListUserPoolClients and cognito-idp:DescribeUserPoolClient")
	}
	return err
}

// importable are the keys that sources have, in the order in which they are
// settled.
func importable() []string {
	return []string{"user_pool_id", "client_id", "region", "domain", "issuer", "identity_pool_id", "scopes", "callback_urls", "endpoints.user_pool"}
}

// fill makes the draft: of each setting what was found, and what the flags say.
func (i *imported) fill(ctx context.Context) error {
	for _, key := range importable() {
		chosen, err := i.pick(ctx, key)
		if err != nil {
			return err
		}
		if len(chosen.Values) == 0 {
			continue
		}
		if err := i.draft.Set(strings.Split(key, "."), chosen.Values...); err != nil {
			return withCode(exitUsage, err)
		}
		i.from[key] = chosen.From
	}
	if err := i.fillAPIs(); err != nil {
		return err
	}
	return i.fillFlags()
}

// warnElsewhere tells of an imported profile what leads its sign-ins away from AWS: in
// a list of settings it is easily overlooked, and a script sees no list.
func (i *imported) warnElsewhere() {
	if i.found.Profile == nil {
		return
	}
	for _, s := range i.found.Profile.Settings() {
		value := strings.Join(s.Values, " ")
		u, err := url.Parse(value)
		if s.Path[0] != "endpoints" || value == "false" || err == nil && loopback.IsLoopback(u.Hostname()) {
			continue
		}
		i.app.warn(fmt.Sprintf("%s = %s: sign-ins, with their passwords and tokens, go there or are judged by it; keep it only if you trust where this profile comes from", s.Key(), value))
	}
}

// fillAPIs writes the only API as the profile's, several under their names.
func (i *imported) fillAPIs() error {
	for _, api := range i.found.APIs {
		path := []string{"api", "url"}
		if api.Name != "" && len(i.found.APIs) > 1 {
			path = []string{"apis", api.Name, "url"}
		}
		if err := i.draft.Set(path, api.URL); err != nil {
			return withCode(exitUsage, err)
		}
		i.from[strings.Join(path, ".")] = api.From
	}
	return nil
}

// fillFlags writes the settings that were given as flags over what was found.
func (i *imported) fillFlags() error {
	for _, field := range config.Fields() {
		value, given := i.app.flags[field.Name]
		if !given || field.Key == "" || field.Name == "debug" || field.Name == "no_input" || field.Name == "color" {
			continue
		}
		if value == "" {
			return usagef("--%s is given without a value", field.Flag)
		}
		if err := i.draft.Set(strings.Split(field.Key, "."), value); err != nil {
			return withCode(exitUsage, err)
		}
		i.from[field.Key] = "--" + field.Flag
	}
	return nil
}

// pick settles one setting: by its flag, by being the only one, by its variable
// where that is one of several, or by asking a person.
func (i *imported) pick(ctx context.Context, key string) (importer.Candidate, error) {
	candidates := i.found.Fields[key]
	field := fieldOf(key)
	if value := i.app.flags[field.Name]; value != "" && len(candidates) > 0 {
		return importer.Candidate{Values: []string{value}, From: "--" + field.Flag}, nil
	}
	switch len(candidates) {
	case 0:
		return importer.Candidate{}, nil
	case 1:
		return candidates[0], nil
	}
	if field.Env != "" {
		for _, c := range candidates {
			if value := i.app.getenv(field.Env); value != "" && value == strings.Join(c.Values, " ") {
				return c, nil
			}
		}
	}
	var options []string
	for _, c := range candidates {
		options = append(options, fmt.Sprintf("%s (%s)", strings.Join(c.Values, " "), c.From))
	}
	if !i.app.present() {
		return importer.Candidate{}, undecided(field, i.source, options)
	}
	answer, err := i.app.choose(ctx, auth.Question{Item: auth.Item(key), Options: options})
	if err != nil {
		return importer.Candidate{}, err
	}
	return candidates[slices.Index(options, answer)], nil
}

// undecided says what would choose where nobody is there to.
func undecided(field config.Field, source string, options []string) error {
	err := fmt.Errorf("%s has several values for %s: %s", source, field.Name, strings.Join(options, ", "))
	if field.Flag == "" {
		return withCode(exitNeeded, err)
	}
	if field.Env == "" {
		return withCode(exitNeeded, hinted(err, "choose with --%s", field.Flag))
	}
	return withCode(exitNeeded, hinted(err, "choose with --%s or %s", field.Flag, field.Env))
}
