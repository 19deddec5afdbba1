//go:build conformance

package conformance

import (
	"encoding/json"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// trial is a token and what was done to it.
type trial struct{ mutation, token string }

// ground is one way to judge tokens, said to both.
type ground struct {
	flags      []string
	properties members
	trials     []trial
}

func grounds() []*ground {
	return []*ground{
		{properties: members{}},
		{flags: []string{"--use", "id"}, properties: members{"tokenUse": "id"}},
		{flags: []string{"--use", "access", "--scope", "content/read", "--scope", "x"}, properties: members{"tokenUse": "access", "scope": []string{"content/read", "x"}}},
		{flags: []string{"--group", "admin"}, properties: members{"groups": []string{"admin"}}},
		{flags: []string{"--leeway", "10m"}, properties: members{"graceSeconds": 600}},
	}
}

// awsDiffers are the mutations on which aws-jwt-verify and cogctl do not agree, with
// the reason. Where nothing else is said cogctl refuses what the other takes: two
// readers could understand such a token in two ways, or a claim has not the type that
// its definition gives it.
var awsDiffers = map[string]string{
	"exp missing":                       "exp is required: a token that never ends is none of Cognito's",
	"EXP":                               "exp is required",
	"exp far away":                      "a date beyond the year 9999 is no date that software agrees on",
	"exp in milliseconds":               "a date beyond the year 9999: milliseconds for seconds",
	"aud an array":                      "cogctl takes it: a token may be for several (RFC 7519, section 4.1.3); Cognito's own name one",
	"aud an array of one":               "cogctl takes it",
	"iat future":                        "a token from the future shows a wrong clock or a forger",
	"crit":                              "crit demands what the reader must understand (RFC 7515, section 4.1.11)",
	"crit empty":                        "crit must not be empty",
	"crit b64":                          "crit demands what the reader must understand",
	"typ a number":                      "typ is a string (RFC 7515, section 4.1.9)",
	"alg twice":                         "a member twice: readers take the first or the last",
	"kid twice":                         "a member twice",
	"exp twice":                         "a member twice",
	"exp twice by escapes":              "a member twice",
	"aud twice":                         "a member twice",
	"payload with one claim twice":      "a member twice",
	"payload with a claim twice within": "a member twice",
	"header not UTF-8":                  "replaced by U+FFFD there; strings with other bytes would be equal",
	"payload not UTF-8":                 "replaced by U+FFFD there",
	"payload with an overlong byte":     "replaced by U+FFFD there",
	"payload with half a surrogate":     "no character: readers replace it in different ways",
	"payload 40 deep":                   "nesting is bounded",
	"payload 2000 deep":                 "nesting is bounded",
	"padded signature":                  "RFC 7515 has no padding: one token would have several forms",
	"padded header":                     "RFC 7515 has no padding",
	"loose bits in the signature":       "bits that base64url leaves zero: one token would have several forms",
	"loose bits in the header":          "bits that base64url leaves zero",
	"more than 64 KiB":                  "size is bounded",
	"white space around":                "cogctl takes it: white space around a line of a batch is no part of the token",
	"groups a string":                   "Cognito's groups are an array",
	"groups mixed":                      "Cognito's groups are an array of strings; the other stops looking at the first match",
	"groups mixed, other":               "Cognito's groups are an array of strings; the other looks only when it is asked for a group",
	"groups a number":                   "the other looks only when it is asked for a group",
	"groups an object":                  "the other looks only when it is asked for a group",
	"groups null":                       "the other looks only when it is asked for a group",
	"groups nested":                     "the other looks only when it is asked for a group",
	"groups in a string":                "the other looks only when it is asked for a group",
	"ID token with client_id a number":  "client_id is a string (RFC 8693, section 4.3)",
	"auth_time of another type":         "auth_time is a date", "nonce of another type": "nonce is a string", "at_hash of another type": "at_hash is a string",
	"azp of another type": "azp is a string", "username of another type": "username is a string", "cognito:username of another type": "it is a string",
	"cognito:roles of another type": "it is an array of strings", "cognito:preferred_role of another type": "it is a string",
	"origin_jti of another type": "it is a string", "event_id of another type": "it is a string", "device_key of another type": "it is a string",
}

// TestJWTVerify gives 5000 tokens, good ones and bad ones, to AWS's verifier and to
// cogctl token verify --batch: the same verdicts, but for the kinds of token that
// are listed. The same tokens go through go-jose, against our reading of them.
func TestJWTVerify(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := newForger(t, seed)
	all := f.grounds(5010)
	keys := must(jwt.MarshalKeys(f.one.Public(), f.two.Public()))
	t.Run("aws-jwt-verify", func(t *testing.T) {
		t.Parallel()
		compareAWS(t, all, keys)
	})
	t.Run("go-jose", func(t *testing.T) {
		t.Parallel()
		compareJose(t, all, f)
	})
}

func newForger(t *testing.T, seed uint64) *forger {
	t.Helper()
	f := &forger{now: time.Now(), random: mathrand.New(mathrand.NewPCG(seed, 1))}
	for _, signer := range []**jwt.Signer{&f.one, &f.two, &f.outside} {
		*signer = must(jwt.NewSigner(nil))
	}
	f.outside.KeyID = f.one.KeyID
	return f
}

// grounds are the grounds with trials: every named mutation on each, and so many
// tokens in all, the rest of them changed at random.
func (f *forger) grounds(count int) []*ground {
	all := grounds()
	named := map[string]func() string{}
	for _, more := range []map[string]func() string{f.headerMutations(), f.formMutations(), f.payloadMutations(), f.claimMutations()} {
		maps.Copy(named, more)
	}
	var base []trial
	for _, name := range slices.Sorted(maps.Keys(named)) {
		tr := trial{name, named[name]()}
		base = append(base, tr)
		for _, g := range all {
			g.trials = append(g.trials, tr)
		}
	}
	good := f.many(200)
	seen := map[string]bool{}
	for i := 0; len(seen) < count-len(base); i++ {
		tr := f.splice(good, base)
		if i%4 > 0 {
			tr = trial{"changed at random", f.scramble(good[f.random.IntN(len(good))])}
		}
		if g := all[i%len(all)]; !seen[tr.token] && strings.TrimSpace(tr.token) != "" {
			seen[tr.token] = true
			g.trials = append(g.trials, tr)
		}
	}
	return all
}

// many are good tokens.
func (f *forger) many(n int) []string {
	tokens := make([]string, n)
	for i := range tokens {
		if tokens[i] = f.withID(nil); i%2 == 0 {
			tokens[i] = f.withAccess(nil)
		}
	}
	return tokens
}

// splice makes a token of the parts of several.
func (f *forger) splice(good []string, base []trial) trial {
	pick := func() []string {
		if token := base[f.random.IntN(len(base))].token; f.random.IntN(2) == 0 && strings.Count(token, ".") == 2 {
			return strings.Split(token, ".")
		}
		return strings.Split(good[f.random.IntN(len(good))], ".")
	}
	a, b := pick(), strings.Split(good[f.random.IntN(len(good))], ".")
	return trial{"spliced", []string{a[0] + "." + a[1] + "." + b[2], a[0] + "." + b[1] + "." + b[2], b[0] + "." + a[1] + "." + b[2]}[f.random.IntN(3)]}
}

// scramble changes a token in a few places. One time in ten it leaves it alone.
func (f *forger) scramble(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_..=+/ %\x00é"
	if f.random.IntN(10) == 0 {
		return token
	}
	for range 1 + f.random.IntN(3) {
		at := f.random.IntN(len(token))
		c := string([]rune(alphabet)[f.random.IntN(len([]rune(alphabet)))])
		switch f.random.IntN(5) {
		case 0:
			token = token[:at] + token[at+1:]
		case 1:
			token = token[:at] + c + token[at:]
		case 2:
			token = token[:at+1]
		case 3: // the end, where bits are left over
			token = token[:len(token)-1] + c
		default:
			token = token[:at] + c + token[at+1:]
		}
		if !strings.Contains(token, ".") {
			break
		}
	}
	return strings.ToValidUTF8(token, "x")
}

func compareAWS(t *testing.T, all []*ground, keys []byte) {
	dir := t.TempDir()
	var theirs []string
	verdicts := make([][]string, len(all))
	var running sync.WaitGroup
	running.Go(func() { theirs = awsVerdicts(t, dir, all, keys) })
	running.Go(func() {
		for i, g := range all {
			verdicts[i] = cogctlVerdicts(t, dir, g, keys)
		}
	})
	running.Wait()
	differed, count, accepted := map[string]bool{}, 0, 0
	for i, g := range all {
		if len(verdicts[i]) != len(g.trials) || len(theirs) < count+len(g.trials) {
			t.Fatalf("%v: %d verdicts of cogctl on %d tokens, %d of aws-jwt-verify in all", g.flags, len(verdicts[i]), len(g.trials), len(theirs))
		}
		for k, tr := range g.trials {
			our, their := verdicts[i][k], theirs[count]
			count++
			if our == "ok" {
				accepted++
			}
			if (our == "ok") == (their == "ok") {
				continue
			}
			kind := kindOf(tr, our)
			if differed[kind] = true; awsDiffers[kind] == "" {
				t.Errorf("%v: %s: cogctl says %s, aws-jwt-verify %s\n%s", g.flags, tr.mutation, our, their, tr.token)
			}
		}
	}
	stale(t, awsDiffers, differed)
	t.Logf("%d verdicts, %d tokens accepted, %d kinds of difference", count, accepted, len(differed))
}

// kindOf names the kind of a difference: the mutation, or for those at random the
// mutation that they come to.
func kindOf(tr trial, our string) string {
	switch {
	case tr.mutation != "changed at random" && tr.mutation != "spliced":
		return tr.mutation
	case strings.Contains(our, "its header has bits"):
		return "loose bits in the header, signed without"
	case strings.Contains(our, "bits that base64url leaves zero"):
		return "loose bits in the signature"
	case strings.Contains(our, "it has a ="):
		return "padded signature"
	case strings.Trim(tr.token, " \t") != tr.token:
		return "white space around"
	}
	return tr.mutation + ": " + our
}

// stale tells entries of a list that nothing calls for any more.
func stale(t *testing.T, listed map[string]string, differed map[string]bool) {
	t.Helper()
	for kind := range listed {
		if !differed[kind] {
			t.Errorf("%q is listed as a difference, and there is none", kind)
		}
	}
}

// awsVerdicts are those of aws-jwt-verify: "ok" or the name of the error.
func awsVerdicts(t *testing.T, dir string, all []*ground, keys []byte) []string {
	type policy struct {
		Properties members  `json:"properties"`
		Tokens     []string `json:"tokens"`
	}
	run := struct {
		Keys     json.RawMessage `json:"keys"`
		Pool     string          `json:"userPoolId"`
		Policies []policy        `json:"policies"`
	}{Keys: keys, Pool: jwtPool}
	for _, g := range all {
		p := policy{Properties: changed(g.properties, members{"clientId": []string{"another", jwtClient}})}
		for _, tr := range g.trials {
			p.Tokens = append(p.Tokens, tr.token)
		}
		run.Policies = append(run.Policies, p)
	}
	path := filepath.Join(dir, "run.json")
	data, err := json.Marshal(run)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	cmd := node(t, "jwt-verify.mjs", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Error(err)
	}
	return strings.Fields(string(out))
}

// cogctlVerdicts are those of a batch: "ok" or what failed.
func cogctlVerdicts(t *testing.T, dir string, g *ground, keys []byte) []string {
	path := filepath.Join(dir, "keys.json")
	if err := os.WriteFile(path, keys, 0o600); err != nil {
		t.Error(err)
		return nil
	}
	var lines strings.Builder
	for _, tr := range g.trials {
		lines.WriteString(tr.token + "\n")
	}
	args := []string{"token", "verify", "--batch", "--jwks", path, "--user-pool-id", jwtPool, "--client-id", "another", "--client-id", jwtClient, "--leeway", "0"}
	r := newCogctl(t).feed(t, lines.String(), append(args, g.flags...)...)
	if r.code != 5 {
		t.Errorf("cogctl %v: exit %d, want 5\n%s", g.flags, r.code, r.stderr)
	}
	var verdicts []string
	for decoder := json.NewDecoder(strings.NewReader(r.stdout)); decoder.More(); {
		var v struct {
			Valid  bool
			Failed []jwt.Check
		}
		if err := decoder.Decode(&v); err != nil {
			t.Error(err)
			return nil
		}
		verdict := "ok"
		if !v.Valid {
			verdict = ""
			for _, c := range v.Failed {
				verdict += c.Name + ":" + c.Code + " (" + c.Detail + ") "
			}
		}
		verdicts = append(verdicts, verdict)
	}
	return verdicts
}
