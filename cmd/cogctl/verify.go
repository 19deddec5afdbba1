package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/jwt"
)

// judgeOptions are what token verify is asked for.
type judgeOptions struct {
	jwks       string // file or URL
	clients    severalClients
	use        string
	algorithms []string
	scopes     []string
	groups     []string
	claims     []string
	leeway     time.Duration
	alb        string // ARN of a load balancer
	batch      bool
	out        jsonOutput
}

const verifyHelp = `Judge a token: the one on standard input (-), the operand, or without either the
session's own. Every check is made and told: the form, the algorithm (RS256 unless
--alg says otherwise), the key, the signature, exp (which must be there), nbf, iat,
the issuer, the app client (aud of an ID token, client_id of an access token), and
what the flags ask for. exit 5 says that one of them failed.

The user pool and the app client come from the profile or from flags. Without a
profile: --user-pool-id with --client-id, --issuer for any OpenID Connect issuer
(its keys are found by discovery), or --jwks with a file or URL of keys. What nobody
named is not checked, and told as such. Time is this machine's clock.

On a terminal there is a table of the checks; elsewhere the claims of a token that
passed, as JSON, and nothing of one that did not. --json prints the whole verdict:
valid, checks (name, ok, code, detail), not_checked, header, claims, judged_by. --jq
is for that verdict, with or without --json: .valid, .claims.email.

What people paste is understood as by token decode; of several tokens the one that
--use names is judged, else the ID token.

--scope and --group want one of those given; --claim is a condition of its own:
  name=value  name!=value  name~regexp    dots lead into objects, and of an array
                                          any element will do
  A claim that is not there fits none of them.

--alb judges what an Application Load Balancer adds to requests (x-amzn-oidc-data):
ES256 by the keys of the balancer's region, and no other balancer's token.

--batch takes one bare token a line from standard input and prints one verdict a line as
JSON, in the same order: line, valid, and the checks that failed. Blank lines are
passed over. With --json each verdict has all checks, header and claims.

When the keys cannot be had there is no verdict: exit 1, unless a check that needs
no key has failed anyway.`

func newTokenVerify(a *app) *cobra.Command {
	var o judgeOptions
	cmd := &cobra.Command{
		Use:   "verify [TOKEN|-]",
		Short: "Judge a token, and tell every check",
		Long:  verifyHelp,
		Example: `  cogctl token verify
  cogctl token print --type access | cogctl token verify - --use access
  cogctl token verify --json --jq .valid
  cogctl token verify --claim email=ann@example.com --group admin
  cogctl token print | cogctl token verify --batch`,
		Args: operands(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return runTokenVerify(cmd.Context(), a, args, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.jwks, "jwks", "", "`file or URL` of the key set; with --alb the URL below which the keys are")
	f.Var(&o.clients, "client-id", "app client whose tokens are taken; may be repeated")
	f.StringVar(&o.use, "use", "any", "which kind of token it must be: id, access or any")
	f.StringArrayVar(&o.algorithms, "alg", nil, "`algorithm` that is allowed, instead of RS256; may be repeated")
	f.StringArrayVar(&o.scopes, "scope", nil, "`scope` that it must have; of several, one")
	f.StringArrayVar(&o.groups, "group", nil, "`group` that the user must be in; of several, one")
	f.StringArrayVar(&o.claims, "claim", nil, "`condition` on a claim, such as email=ann@example.com; may be repeated")
	f.DurationVar(&o.leeway, "leeway", 30*time.Second, "how far clocks may differ")
	f.StringVar(&o.alb, "alb", "", "`ARN` of the load balancer that must have made it")
	f.BoolVar(&o.batch, "batch", false, "judge one token a line from standard input")
	o.out.flags(cmd, "print the whole verdict as JSON")
	_ = cmd.RegisterFlagCompletionFunc("use", cobra.FixedCompletions([]string{"id", "access", "any"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("alg", cobra.FixedCompletions(jwt.Algorithms(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// severalClients is --client-id where more than one will do. To what reads the
// global flag of that name it is the first.
type severalClients []string

func (s *severalClients) Set(id string) error { *s = append(*s, id); return nil }
func (s *severalClients) Type() string        { return "id" }
func (s *severalClients) String() string {
	if len(*s) == 0 {
		return ""
	}
	return (*s)[0]
}

func runTokenVerify(ctx context.Context, a *app, args []string, o *judgeOptions) error {
	if err := oneOf("use", o.use, "id", "access", "any"); err != nil {
		return err
	}
	v, err := a.verification(o)
	if err != nil {
		return err
	}
	if o.batch {
		if len(args) > 0 && args[0] != "-" {
			return usagef("--batch reads tokens from standard input and takes no operand")
		}
		return a.verifyBatch(ctx, v, o)
	}
	text, err := a.pasted(ctx, args, a.kindToVerify(args, o.use))
	if err != nil {
		return err
	}
	raw, err := jwt.ExtractKind(text, o.use)
	a.redactor.Add(raw)
	report := v.judge(ctx, raw)
	if err != nil {
		report.Checks[0].Detail = err.Error()
	}
	return a.printVerdict(ctx, v, report, o)
}

// kindToVerify is which of the session's tokens is meant when none is named. One in
// COGCTL_TOKEN is what it is: the verdict says whether that was wanted.
func (a *app) kindToVerify(args []string, use string) string {
	if len(args) > 0 || use == "any" || a.getenv("COGCTL_TOKEN") != "" {
		return ""
	}
	return use
}
