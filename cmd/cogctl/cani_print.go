package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/redact"
)

// canIVerdict is the JSON of can-i; its members are stable. Codes are, details are
// for people and not.
type canIVerdict struct {
	Allowed    bool         `json:"allowed"`
	Authorizer string       `json:"authorizer"`
	API        gateway.Kind `json:"api"` // REST or HTTP
	Method     string       `json:"method"`
	Path       string       `json:"path"`
	MethodARN  string       `json:"method_arn"`
	Assumed    []string     `json:"assumed,omitempty"` // what nobody said
	Token      *judgedToken `json:"token,omitempty"`
	Signer     string       `json:"signer,omitempty"` // of AWS_IAM: whose credentials signed
	Checks     []jwt.Check  `json:"checks"`

	// TokenChecks are those of cogctl token verify on the token that a Lambda
	// authorizer got.
	TokenChecks []jwt.Check `json:"token_checks,omitempty"`

	Answer *refusedAnswer `json:"answer,omitempty"` // of API Gateway, when refused

	// What the function of a Lambda authorizer answered: API Gateway keeps this.
	Principal string          `json:"principal,omitempty"`
	Policy    *gateway.Policy `json:"policy,omitempty"`
	Context   map[string]any  `json:"context,omitempty"`
	Narrow    bool            `json:"policy_is_of_this_method_only,omitempty"`

	OtherPasses string `json:"other_token_passes,omitempty"` // id or access

	decision gateway.Decision
	byARN    bool // the method's ARN counts
	advice   string
}

type judgedToken struct {
	Kind string `json:"type"`
	From string `json:"from"`
}

type refusedAnswer struct {
	Status  int         `json:"status"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
}

func (q *question) verdict(d gateway.Decision) *canIVerdict {
	v := &canIVerdict{
		Allowed: d.Allow, Authorizer: q.options.authorizer, API: q.options.apiKind(), Method: q.request.Method, Path: q.path,
		MethodARN: q.deployment.MethodARN(q.request.Method, q.request.URL.EscapedPath()), Assumed: q.assumptions(), Checks: d.Checks,
		Principal: d.Principal, Policy: d.Policy, Context: d.Returned, decision: d, byARN: q.options.isLambda() || q.options.authorizer == byIAM,
	}
	v.Signer = q.signer
	if q.token.Raw != "" {
		v.Token = &judgedToken{q.token.Kind, q.token.From}
	}
	if !d.Allow {
		v.Answer = &refusedAnswer{d.Status, d.Headers, string(d.Body)}
	}
	if d.Allow && d.Policy != nil && q.options.apiKind() == gateway.REST {
		another := q.deployment.MethodARN("GET", "/a-method-that-is-not-there")
		v.Narrow = d.Policy.Evaluate(gateway.ActionInvoke, another, nil).Effect != gateway.EffectAllow
	}
	return v
}

// print writes the verdict for people.
func (v *canIVerdict) print(a *app) error {
	rows := [][2]string{{"decision", "allowed"}, {"request", v.Method + " " + v.Path}, {"authorizer", fmt.Sprintf("%s (%s API)", v.Authorizer, v.API)}}
	if v.Answer != nil {
		rows[0][1] = fmt.Sprintf("refused: HTTP %d %s", v.Answer.Status, v.Answer.Body)
		for _, name := range []string{"X-Amzn-Errortype", "Www-Authenticate"} {
			if value := v.Answer.Headers.Get(name); value != "" {
				rows = append(rows, [2]string{strings.ToLower(name), value})
			}
		}
	}
	switch {
	case v.Signer != "":
		rows = append(rows, [2]string{"signed with", v.Signer})
	case v.Token != nil:
		kind := strings.TrimLeft(v.Token.Kind+" token", " ")
		rows = append(rows, [2]string{"token", fmt.Sprintf("the %s (%s)", kind, v.Token.From)})
	default:
		rows = append(rows, [2]string{"token", "none, or that of -H or the query"})
	}
	if v.byARN {
		rows = append(rows, [2]string{"method ARN", v.MethodARN})
	}
	if len(v.Assumed) > 0 {
		rows = append(rows, [2]string{"assumed", strings.Join(v.Assumed, ", ")})
	}
	if v.Principal != "" {
		rows = append(rows, [2]string{"principal", v.Principal})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	if err := printChecks(a.stdout, v.Checks); err != nil {
		return writeFailed(err)
	}
	if failed := (jwt.Report{Checks: v.TokenChecks}).Failed(); len(failed) > 0 {
		fmt.Fprintln(a.stdout, "\nthe token itself, by cogctl token verify")
		if err := printChecks(a.stdout, failed); err != nil {
			return writeFailed(err)
		}
	}
	return v.printKept(a)
}

func printChecks(to io.Writer, checks []jwt.Check) error {
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w)
	for _, c := range checks {
		mark := "ok"
		if !c.OK {
			mark = "NO"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", mark, cell(c.Name), cell(c.Detail))
	}
	return w.Flush()
}

// printKept shows what API Gateway would keep of a function's answer.
func (v *canIVerdict) printKept(a *app) error {
	for _, part := range []struct {
		title string
		value any
		there bool
	}{{"policy", v.Policy, v.Policy != nil}, {"context", v.Context, len(v.Context) > 0}} {
		if !part.there {
			continue
		}
		text, err := json.MarshalIndent(part.value, "", "  ")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(a.foreign(), "\n%s\n%s\n", part.title, text); err != nil {
			return writeFailed(err)
		}
	}
	return nil
}

// remark says on standard error what is worth a second look.
func (v *canIVerdict) remark(a *app) {
	if v.Narrow {
		a.warn("the policy does not allow every method, and API Gateway keeps it for the token and uses it for all of them (300 s unless the authorizer's TTL says otherwise): a call of another method is refused meanwhile")
	}
	v.compare(a)
}

// functionSaid passes on what the user's function wrote, without the tokens.
func (a *app) functionSaid(text []byte) {
	for line := range slices.Values(strings.Split(strings.TrimRight(string(text), "\n"), "\n")) {
		fmt.Fprintf(a.redactedStderr(), "cogctl: function: %s\n", redact.Visible(strings.TrimRight(line, "\r")))
	}
}
