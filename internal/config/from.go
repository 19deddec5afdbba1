package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fillable are the settings that one secret may fill, in the order in which they
// are looked for. Where requests go is for the file to say, but for the places of
// the sign-in itself.
func fillable() []string {
	return []string{
		"region", "user_pool_id", "client_id", "client_secret", "domain", "issuer",
		"username", "password", "new_password", "totp_secret",
	}
}

// Filling is one secret that fills several settings.
type Filling struct {
	From Value // a reference, from the user's own file
	// Keys has the key in the secret for each setting that the file maps.
	Keys map[string]string
	// Settings are those that nobody gave. A mapped one must be in the secret, any
	// other is taken when the secret has a key of its name.
	Settings []string
}

// Filling returns the profile's from and map; false without.
func (p *Profile) Filling() (Filling, bool) {
	f := Filling{From: p.Get("from"), Keys: maps.Clone(p.filling)}
	for _, name := range fillable() {
		switch p.Get(name).Origin.Kind {
		case KindUnset, KindDerived, KindDefault:
			f.Settings = append(f.Settings, name)
		}
	}
	return f, f.From.Set()
}

// Fill gives a setting that nobody gave its value from a secret. It is literal: a
// secret names no file and no program. The error does not hold it.
func (p *Profile) Fill(name, text string, origin Origin) error {
	f, ok := field(name)
	if !ok || !slices.Contains(fillable(), name) {
		return fmt.Errorf("%s cannot be filled from a secret", name)
	}
	text, err := f.normal(strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("%s: what stands there will not do for %s", origin.Text, name)
	}
	p.values[name] = Value{text, origin}
	if region := regionOf(text, "_"); name == "user_pool_id" && region != "" && !p.Get("region").Set() {
		p.values["region"] = Value{region, Origin{KindDerived, "the user pool id, " + origin.Text}}
	}
	return nil
}

// fillings collects the map of from.
func (r *resolution) fillings() {
	r.profile.filling = map[string]string{}
	for name, v := range r.texts("map", strings.Clone) {
		if !slices.Contains(fillable(), name) {
			r.failures = append(r.failures, fmt.Errorf("%s: map: %q is not one of %s", v.Origin.Text, shorten(name), strings.Join(fillable(), ", ")))
			continue
		}
		if v.Text == "" {
			r.failures = append(r.failures, fmt.Errorf("%s: map: no key is given for %s", v.Origin.Text, name))
			continue
		}
		r.profile.filling[name] = v.Text
	}
	switch from := r.profile.Get("from"); {
	case !from.Set():
	case !IsReference(from.Text):
		r.failures = append(r.failures, fmt.Errorf("%s: from is a reference, such as secretsmanager:NAME", from.Origin.Text))
	case from.Origin.Kind == KindEnv && !keptByAWS(from.Text):
		r.failures = append(r.failures, fmt.Errorf("%s names a secret that AWS keeps, secretsmanager:NAME or ssm:/path; a file or a program is named in config.toml only", from.Origin.Text))
	}
}

// keptByAWS tells the references that a variable may hold: whoever sets the variables
// of a job can then choose among the secrets that the job's own AWS credentials may
// read, but name no file to read and no program to run.
func keptByAWS(ref string) bool {
	return strings.HasPrefix(ref, "secretsmanager:") || strings.HasPrefix(ref, "ssm:")
}
