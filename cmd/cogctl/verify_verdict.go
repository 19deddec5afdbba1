package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
)

// verdict is the JSON of token verify; its members are stable. Codes are, details
// are for people and not.
type verdict struct {
	Valid      bool            `json:"valid"`
	Checks     []jwt.Check     `json:"checks"`
	NotChecked []jwt.Skip      `json:"not_checked,omitempty"` // absent in a batch
	Header     json.RawMessage `json:"header,omitempty"`      // as far as it could be read
	Claims     json.RawMessage `json:"claims,omitempty"`
	JudgedBy   *judgedBy       `json:"judged_by,omitempty"` // absent in a batch
}

// judgedBy is what the token was held against.
type judgedBy struct {
	Time       time.Time `json:"time"` // of this machine's clock
	Leeway     float64   `json:"leeway_seconds"`
	Keys       string    `json:"keys"` // where they come from
	Unfit      []string  `json:"unfit_keys,omitempty"`
	Algorithms []string  `json:"algorithms"`
	Issuers    []string  `json:"issuers,omitempty"`
	ClientIDs  []string  `json:"client_ids,omitempty"`
	Use        string    `json:"use"`
	Scopes     []string  `json:"scopes,omitempty"`
	Groups     []string  `json:"groups,omitempty"`
	Claims     []string  `json:"claims,omitempty"`
	Balancer   string    `json:"load_balancer,omitempty"`
}

func newVerdict(r jwt.Report) verdict {
	out := verdict{Valid: r.OK(), Checks: r.Checks}
	if r.Token.Header != nil {
		out.Header = r.Token.HeaderJSON
	}
	if r.Token.Claims != nil {
		out.Claims = r.Token.ClaimsJSON
	}
	return out
}

func (v *verification) judgedBy() *judgedBy {
	algorithms := v.policy.Algorithms
	switch {
	case len(algorithms) > 0:
	case v.policy.Signer != "":
		algorithms = []string{"ES256"}
	default:
		algorithms = []string{"RS256"}
	}
	return &judgedBy{
		Time: v.now().UTC(), Leeway: v.policy.Leeway.Seconds(), Keys: v.source, Unfit: v.unfit(), Algorithms: algorithms,
		Issuers: v.policy.Issuers, ClientIDs: v.policy.ClientIDs, Use: v.use,
		Scopes: v.policy.Scopes, Groups: v.policy.Groups, Claims: v.rules, Balancer: v.policy.Signer,
	}
}

// printVerdict prints the verdict in the form that was asked for, and returns it as
// an error.
func (a *app) printVerdict(ctx context.Context, v *verification, r jwt.Report, o *judgeOptions) error {
	tabled := false
	var err error
	switch {
	case o.out.wanted():
		full := newVerdict(r)
		full.NotChecked, full.JudgedBy = v.policy.Skipped(r.Token), v.judgedBy()
		err = a.printAnswer(ctx, &o.out, full)
	case isTerminal(a.stdout):
		tabled = true
		err = a.printChecks(v, r)
	case r.OK():
		err = a.printJSON(json.RawMessage(r.Token.ClaimsJSON))
	}
	if err != nil {
		return err
	}
	return v.refusal(r, tabled)
}

// printChecks is the table for people.
func (a *app) printChecks(v *verification, r jwt.Report) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	for _, c := range r.Checks {
		mark := "ok"
		switch {
		case c.Code == jwt.CodeUnjudged, c.Code == jwt.CodeKeysUnavailable:
			mark = "?"
		case !c.OK:
			mark = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", mark, cell(c.Name), cell(c.Detail))
	}
	for _, s := range v.policy.Skipped(r.Token) {
		fmt.Fprintf(w, "-\t%s\tnot checked: %s\n", s.Name, s.Detail)
	}
	fmt.Fprintf(w, "\tkeys\t%s\n", cell(v.source))
	for _, reason := range v.unfit() {
		fmt.Fprintf(w, "\t\tnot used: %s\n", cell(reason))
	}
	return writeFailed(w.Flush())
}

// decided are the failed checks that were judged: what only follows from them is
// left out, and so are keys that could not be had.
func decided(r jwt.Report) []jwt.Check {
	return slices.DeleteFunc(r.Failed(), func(c jwt.Check) bool {
		return c.Code == jwt.CodeUnjudged || c.Code == jwt.CodeKeysUnavailable
	})
}

// refusal is the verdict as an error; nil when all is well. Without keys there is no
// verdict, unless something else is wrong with the token anyway.
func (v *verification) refusal(r jwt.Report, tabled bool) error {
	if r.OK() {
		return nil
	}
	failed := decided(r)
	if len(failed) == 0 {
		err := fmt.Errorf("keys could not be read, so there is no verdict: %s", keysTrouble(r))
		if v.named {
			return err
		}
		return hinted(err, "--jwks names a key set, by file or URL")
	}
	var err error = &jwt.VerifyError{Checks: failed}
	if tabled {
		err = withCode(exitSaysNo, fmt.Errorf("the token is refused: %d of %d checks failed", len(failed), len(r.Checks)))
	}
	var hints []string
	for _, c := range failed {
		if hint := v.fix(c, r.Token); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	if len(hints) == 0 {
		return err
	}
	return hinted(err, "%s", strings.Join(hints, "\n"))
}

// keysTrouble is why the keys could not be had.
func keysTrouble(r jwt.Report) string {
	for _, c := range r.Failed() {
		if c.Code == jwt.CodeKeysUnavailable {
			return c.Detail
		}
	}
	return "there is no key set"
}

// fix is what to do about a failed check; empty where its own words are enough.
func (v *verification) fix(c jwt.Check, t jwt.Token) string {
	switch c.Code {
	case jwt.CodeEncrypted:
		return "verify the ID token or the access token: a refresh token is for Cognito alone"
	case jwt.CodeExpired:
		return "cogctl token print gives one that is good now; cogctl token refresh renews the session"
	case jwt.CodeNotYetValid, jwt.CodeIssuedInFuture:
		return "compare this machine's clock, which the token was judged by: date -u"
	case jwt.CodeAlgorithmRefused:
		if jwt.KnownAlgorithm(t.Algorithm) {
			return "--alg " + t.Algorithm + ", if its issuer signs so"
		}
		return "nobody should take such a token: anybody can make one"
	case jwt.CodeUnknownKey:
		return "another issuer signed it, or with a key that is retired: compare its iss with the keys' address, " + v.source
	case jwt.CodeTokenUseMismatch:
		return useFix(t)
	case jwt.CodeClientMismatch:
		return clientFix(t)
	case jwt.CodeIssuerMismatch:
		return issuerFix(t)
	case jwt.CodeSignerMismatch:
		return "another load balancer made it: --alb names the one that is meant"
	case jwt.CodeScopeMismatch:
		if t.Claims.String("token_use") == "id" {
			return "an ID token has no scopes: verify the access token"
		}
		return "scopes are given at sign-in: cogctl login --scope"
	case jwt.CodeGroupMismatch:
		return "groups are those of the sign-in or the last refresh: cogctl token refresh after a change"
	}
	return ""
}

func useFix(t jwt.Token) string {
	switch use := t.Claims.String("token_use"); use {
	case "id", "access":
		return "the token is an " + map[string]string{"id": "ID", "access": "access"}[use] + " token: --use " + use
	}
	return "tokens of other issuers have no token_use: --use any"
}

func clientFix(t jwt.Token) string {
	ids := t.Claims.Strings("aud")
	if id := t.Claims.String("client_id"); id != "" {
		ids = []string{id}
	}
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("the token is for %q: --client-id, if that client's tokens are to be taken", ids[0])
}

func issuerFix(t jwt.Token) string {
	if _, id, ok := auth.PoolOfIssuer(t.Claims.String("iss")); ok {
		return "the token comes from the user pool " + id + ": --user-pool-id, if that is the one you mean"
	}
	return "--issuer names whose tokens are to be taken, to the letter"
}
