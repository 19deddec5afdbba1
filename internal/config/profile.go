package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Profile is the settings of one run, whether or not a profile of the file is
// among their sources.
type Profile struct {
	name   string
	values map[string]Value
	lists  map[string][]string
	named  []API // from [profiles.NAME.apis.*], in the order of the file

	answers map[string]Value  // from [profiles.NAME.answers]
	logins  map[string]Value  // from [profiles.NAME.logins]
	filling map[string]string // from [profiles.NAME.map]
}

// API is one API that a profile calls.
type API struct {
	Name string   // "" for the one of [profiles.NAME.api]
	URL  Value    // base URL
	Auth Value    // id, access, sigv4 or none; unset leaves the choice to the caller
	Also []string // further origins that get the same credentials
	Key  Value    // API key; from the file it may be a reference
}

// Name is the profile in use, or "" when there is none.
func (p *Profile) Name() string { return p.name }

// Get returns a setting by Field.Name. One that nobody gave, and a name that is
// no field, is the zero Value.
func (p *Profile) Get(name string) Value { return p.values[name] }

// List returns the items of a list setting.
func (p *Profile) List(name string) []string { return slices.Clone(p.lists[name]) }

// Answers returns what [profiles.NAME.answers] answers to questions of a sign-in, by
// the name that the question has. A value may be a reference.
func (p *Profile) Answers() map[string]Value { return maps.Clone(p.answers) }

// LoginProfile begins a login that is another profile's sign-in: "profile:google".
const LoginProfile = "profile:"

// Logins returns what [profiles.NAME.logins] gives the identity pool for each provider:
// a token or a reference to one, or [LoginProfile] with a profile's name behind it.
func (p *Profile) Logins() map[string]Value { return maps.Clone(p.logins) }

// APIs returns the names of the APIs under [profiles.NAME.apis].
func (p *Profile) APIs() []string {
	names := make([]string, 0, len(p.named))
	for _, a := range p.named {
		names = append(names, a.Name)
	}
	return names
}

// API returns an API by name; "" means the one that --api chose, and without
// that the one of [profiles.NAME.api]. The flags --api-url and --auth go before
// the file for every API, the variables COGCTL_API_URL, COGCTL_API_AUTH and
// COGCTL_API_KEY only for the unnamed one, which they describe. The unnamed API may have no
// URL; a name that does not exist, or has no URL, is an error.
func (p *Profile) API(name string) (API, error) {
	if name == "" {
		name = p.Get("api").Text
	}
	url, auth := p.Get("api_url"), p.Get("api_auth")
	if name == "" {
		return API{URL: url, Auth: auth, Also: p.List("api_also"), Key: p.Get("api_key")}, nil
	}
	i := slices.IndexFunc(p.named, func(a API) bool { return a.Name == name })
	if i < 0 {
		there := "it has none under a name"
		if len(p.named) > 0 {
			there = "it has " + strings.Join(p.APIs(), ", ")
		}
		return API{}, fmt.Errorf("no API %q in profile %q: %s%s", shorten(name), p.name, there, suggest(name, p.APIs()))
	}
	api := p.named[i]
	api.Also = slices.Clone(api.Also)
	if url.Origin.Kind == KindFlag {
		api.URL = url
	}
	if auth.Origin.Kind == KindFlag {
		api.Auth = auth
	}
	if !api.URL.Set() {
		return API{}, fmt.Errorf("the API %q of profile %q has no url", name, p.name)
	}
	return api, nil
}

// answers collects the answers, by names that are one in any case.
func (r *resolution) answers() {
	r.profile.answers = r.texts("answers", strings.ToUpper)
}

// logins collects the logins, and tells of those that stand in the file themselves.
func (r *resolution) logins() {
	r.profile.logins = r.texts("logins", strings.Clone)
	for _, name := range slices.Sorted(maps.Keys(r.profile.logins)) {
		v := r.profile.logins[name]
		other, isProfile := strings.CutPrefix(v.Text, LoginProfile)
		switch {
		case v.Text == "":
			r.failures = append(r.failures, fmt.Errorf("%s: logins: nothing is given for %q", v.Origin.Text, shorten(name)))
		case isProfile && !r.file.Has(other):
			r.failures = append(r.failures, &UnknownProfileError{Name: other, Origin: v.Origin, Path: r.file.path, Names: r.file.Names()})
		case !isProfile && !IsReference(v.Text):
			r.warnings = append(r.warnings, fmt.Sprintf("%s: the login for %q stands in the file itself; a reference keeps it out", v.Origin.Text, shorten(name)))
		}
	}
}

// texts collects the texts of a table whose names are free; the nearest profile of
// the chain that has one counts.
func (r *resolution) texts(table string, fold func(string) string) map[string]Value {
	found := map[string]Value{}
	for _, s := range r.chain {
		for _, e := range s.entries {
			if len(e.path) != 2 || e.path[0] != table {
				continue
			}
			name := fold(e.path[1])
			if _, nearer := found[name]; !nearer {
				v := r.given(s, e)
				found[name] = Value{v.text, v.origin}
			}
		}
	}
	return found
}

// apis collects the named APIs. Each key is taken from the nearest profile of
// the chain that has it.
func (r *resolution) apis() {
	seen := make(map[string]bool)
	for _, s := range r.chain {
		for _, e := range s.entries {
			if len(e.path) < 2 || e.path[0] != "apis" {
				continue
			}
			api := r.api(e.path[1])
			key := strings.Join(e.path, ".")
			if len(e.path) == 3 && !seen[key] {
				seen[key] = true
				r.setAPI(api, s, e)
			}
		}
	}
}

func (r *resolution) api(name string) *API {
	named := &r.profile.named
	i := slices.IndexFunc(*named, func(a API) bool { return a.Name == name })
	if i < 0 {
		i = len(*named)
		*named = append(*named, API{Name: name})
	}
	return &(*named)[i]
}

func (r *resolution) setAPI(api *API, s *section, e entry) {
	f, _, _ := e.meaning()
	v := r.given(s, e)
	value, err := r.judge(f, v)
	if err != nil {
		r.failures = append(r.failures, &ValueError{Field: strings.Join(e.path, "."), Origin: v.origin, Place: v.place, Err: err})
		return
	}
	switch f.Name {
	case "api_url":
		api.URL = value
	case "api_auth":
		api.Auth = value
	case "api_also":
		api.Also = v.items
	case "api_key":
		api.Key = value
		r.warnLiteral(strings.Join(e.path, "."), f, v)
	}
}
