// Package importer reads what other tools know about a user pool, and says what a
// profile can be made of it: the outputs of Amplify (both generations),
// Terraform, CloudFormation and the CDK, an OpenID Connect discovery document,
// and a profile that cogctl exported.
//
//	found, err := importer.Read("amplify_outputs.json", data)
//	found.Fields["client_id"]        // each candidate, and where it stands
//
// The files are taken for foreign: they are bounded in size and depth, may name a
// key only once, and hold nothing that is not seen when it is shown. JavaScript is
// read as far as it is one object literal, and never run. Values are literal: what
// looks like a reference to a secret is refused, and a secret is only noticed.
//
// Where names are free, as in Terraform, CloudFormation and the CDK, they are
// guessed from the name and the form of the value. What fits twice is found twice:
// the choice is for a person to make.
package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cogctl/cogctl/internal/config"
)

// MaxSize is the largest source that is read, in bytes.
const MaxSize = 1 << 20

// maxValue is the longest value that is taken, in bytes.
const maxValue = 2048

// Found is what a source says.
type Found struct {
	Format string                 // for people: "Amplify Gen 2 (amplify_outputs.json)"
	Fields map[string][]Candidate // by key of a profile; several are a choice to make
	APIs   []API
	// Secrets are client secrets that stand in the source. They are here so that
	// they can be kept out of everything.
	Secrets []string
	LeftOut []string      // what was seen and is not taken: "data.url: GraphQL"
	Profile *config.Draft // of a profile that cogctl exported, instead of all that
}

// Candidate is a value for a setting.
type Candidate struct {
	Values []string // one, or the items of a list
	From   string   // where it stands in the source: "auth.user_pool_id"
}

// API is an API that the source names.
type API struct {
	Name string // "" where the source has none for it
	URL  string
	From string
}

// Read finds out what the source is, and reads it. source names it in errors.
// Text that is neither JSON, JavaScript nor TOML gives a *SyntaxError or
// *config.SyntaxError with line and column.
func Read(source string, data []byte) (Found, error) {
	if len(data) > MaxSize {
		return Found{}, fmt.Errorf("%s is larger than %d KiB", source, MaxSize>>10)
	}
	content := decoded(data)
	if !utf8.ValidString(content) {
		at := strings.IndexFunc(content, func(r rune) bool { return r == utf8.RuneError })
		return Found{}, placed(source, content, max(at, 0), "not UTF-8 text")
	}
	if strings.TrimSpace(content) == "" {
		return Found{}, fmt.Errorf("%s is empty", source)
	}
	switch formOf(content) {
	case formTOML:
		d, err := config.ReadDraft(source, []byte(content))
		if err != nil {
			return Found{}, err
		}
		return Found{Format: "a profile of cogctl's", Profile: &d}, checkDraft(source, d)
	case formScript:
		root, err := readScript(source, content)
		if err != nil {
			return Found{}, err
		}
		return readTree(&finder{source: source, data: content, root: root})
	}
	root, err := readJSON(source, content)
	if err != nil {
		return Found{}, err
	}
	return readTree(&finder{source: source, data: content, root: root})
}

// decoded is text without a byte order mark: PowerShell's > writes UTF-16.
func decoded(data []byte) string {
	if len(data) >= 2 && data[0] == 0xff && data[1] == 0xfe && len(data)%2 == 0 {
		units := make([]uint16, 0, len(data)/2)
		for i := 2; i+1 < len(data); i += 2 {
			units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
		}
		return string(utf16.Decode(units))
	}
	return strings.TrimPrefix(string(data), "\ufeff")
}

type form byte

const (
	formJSON form = iota
	formScript
	formTOML
)

// formOf tells the three notations by how the text begins.
func formOf(content string) form {
	content = strings.TrimSpace(content)
	switch c := content[0]; {
	case c == '{':
		return formJSON
	case c == '[':
		rest := strings.TrimSpace(content[1:])
		if rest == "" || strings.IndexByte("{[]\"-0123456789", rest[0]) >= 0 {
			return formJSON
		}
		return formTOML
	case c == '/':
		return formScript
	case c == '#':
		return formTOML
	}
	word := (&reader{data: content}).word()
	switch {
	case slices.Contains([]string{"const", "let", "var", "export", "module", "import", "function", "class", "window"}, word),
		strings.HasPrefix(content, `"use `), strings.HasPrefix(content, "'use "):
		return formScript
	case word == "profiles" || word == "default_profile":
		return formTOML
	}
	return formJSON
}

// readTree tells the format of an object by the keys that mark it.
func readTree(f *finder) (Found, error) {
	f.found.Fields = map[string][]Candidate{}
	root := f.root
	has := func(path ...string) bool { return root.get(path...) != nil }
	switch {
	case root.kind == array:
		f.cloudFormation()
	case root.kind != object:
		return Found{}, placed(f.source, f.data, root.at, "want an object, not "+string(root.kind))
	case has("profiles"):
		return f.exported()
	case has("auth", "plugins"), has("api", "plugins"), has("CognitoUserPool"):
		f.mobile()
	case has("aws_project_region"), has("aws_user_pools_id"):
		f.generationOne()
	case has("auth", "user_pool_id"), has("auth", "aws_region"), has("version") && (has("auth") || has("data") || has("storage") || has("custom")):
		f.generationTwo()
	case has("Stacks"), has("Outputs"):
		f.cloudFormation()
	case has("issuer") && (has("jwks_uri") || has("authorization_endpoint")):
		f.discovery()
	case f.isTerraform():
		f.terraform()
	case f.isCDK():
		f.cdk()
	default:
		f.found.Format = "keys and values"
		f.guess(root, "", "")
	}
	f.settle()
	if f.err == nil && len(f.found.Fields) == 0 && len(f.found.APIs) == 0 {
		f.err = fmt.Errorf("%s (%s) holds nothing that a profile can be made of: no user pool id, client id, domain or API URL", f.source, f.found.Format)
	}
	return f.found, f.err
}

// finder takes values out of a tree. The first thing that is wrong stops it.
type finder struct {
	source, data string
	root         *node
	found        Found
	pairs        []pair
	err          error
}

// failAt notes what is wrong, and where.
func (f *finder) failAt(n *node, format string, args ...any) {
	if f.err == nil {
		f.err = placed(f.source, f.data, n.at, fmt.Sprintf(format, args...))
	}
}

// member takes what stands at a path of an object, if it is there.
func (f *finder) member(key string, n *node, from string) {
	values, ok := f.strings(n, from)
	if !ok || len(values) == 0 {
		return
	}
	switch key {
	case "scopes", "callback_urls":
		f.add(key, n, from, split(values))
		return
	case "domain":
		values[0] = originOf(values[0])
	}
	if len(values) > 1 {
		f.failAt(n, "%s is a list, want one value", from)
		return
	}
	f.add(key, n, from, values)
}

// strings is a string or a list of strings, without empty ones.
func (f *finder) strings(n *node, from string) ([]string, bool) {
	var values []string
	switch {
	case n == nil || n.kind == null:
		return nil, false
	case n.kind == text:
		values = []string{n.text}
	case n.kind == array:
		for _, item := range n.items {
			if item.kind != text {
				f.failAt(item, "%s holds %s, want strings", from, item.kind)
				return nil, false
			}
			values = append(values, item.text)
		}
	default:
		f.failAt(n, "%s is %s, want a string", from, n.kind)
		return nil, false
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" }), true
}

// add takes a value, checked, once.
func (f *finder) add(key string, n *node, from string, values []string) {
	for _, v := range values {
		if err := checkValue(key, v); err != nil {
			f.failAt(n, "%s: %v", from, err)
			return
		}
	}
	for _, c := range f.found.Fields[key] {
		if slices.Equal(c.Values, values) {
			return
		}
	}
	f.found.Fields[key] = append(f.found.Fields[key], Candidate{Values: values, From: from})
}

// checkValue refuses what cannot be seen, or be the setting of that key.
func checkValue(key, value string) error {
	switch {
	case len(value) > maxValue:
		return fmt.Errorf("a value of %d characters", len(value))
	case unprintable(value):
		return errors.New("a value with characters that cannot be seen")
	case config.IsReference(value) && key != "callback_urls" && key != "scopes":
		return errors.New("looks like a reference to a secret, which is not taken from a file")
	}
	return config.Check(nameOf(key), value)
}

// checkDraft is checkValue for a whole profile.
func checkDraft(source string, d config.Draft) error {
	for _, s := range d.Settings() {
		for _, v := range s.Values {
			if unprintable(v) || len(v) > maxValue {
				return fmt.Errorf("%s: %s: a value with characters that cannot be seen, or too long", source, s.Key())
			}
		}
	}
	return nil
}

// api takes the URL of an API.
func (f *finder) api(name string, n *node, from string) {
	values, ok := f.strings(n, from)
	if !ok || len(values) == 0 {
		return
	}
	address := strings.TrimRight(values[0], "/")
	if err := checkValue("api.url", address); err != nil || len(values) > 1 {
		f.failAt(n, "%s: %v", from, errors.Join(err, only(values)))
		return
	}
	if slices.ContainsFunc(f.found.APIs, func(a API) bool { return a.URL == address }) {
		return
	}
	f.found.APIs = append(f.found.APIs, API{Name: apiName(name), URL: address, From: from})
}

func only(values []string) error {
	if len(values) > 1 {
		return errors.New("a list, want one URL")
	}
	return nil
}

// secret notes a client secret without taking it.
func (f *finder) secret(n *node) {
	if n != nil && n.kind == text && n.text != "" {
		f.found.Secrets = append(f.found.Secrets, n.text)
	}
}

// leaveOut notes what is there and is not taken.
func (f *finder) leaveOut(n *node, from, why string) {
	if n != nil && n.kind != null && (n.kind != text || n.text != "") {
		f.found.LeftOut = append(f.found.LeftOut, from+": "+why)
	}
}

// settle makes the names of the APIs different ones.
func (f *finder) settle() {
	seen := map[string]int{}
	for i, a := range f.found.APIs {
		if seen[a.Name]++; seen[a.Name] > 1 {
			f.found.APIs[i].Name = strings.TrimPrefix(fmt.Sprintf("%s-%d", a.Name, seen[a.Name]), "-")
		}
	}
}

// apiName keeps of a name what can be one of ours.
func apiName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && (isWord(byte(r), true) && r != '$' || r == '-' || r == '.') {
			return r
		}
		return '-'
	}, name)
	return name[:min(len(name), 60)]
}

// split takes apart what some tools write as one string.
func split(values []string) []string {
	var items []string
	for _, v := range values {
		items = append(items, strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return items
}

// originOf makes the URL of a domain's host, or of any page of it, that of the
// domain. Amplify and Terraform write the bare host.
func originOf(domain string) string {
	if !strings.Contains(domain, "://") {
		domain = "https://" + domain
	}
	scheme, rest, _ := strings.Cut(domain, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return scheme + "://" + rest
}
