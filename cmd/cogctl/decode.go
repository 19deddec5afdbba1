package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/jwt"
)

type decodeOptions struct {
	kind  string // of the session's tokens
	raw   bool
	claim string
	out   jqFilter
}

func newTokenDecode(a *app) *cobra.Command {
	var o decodeOptions
	cmd := &cobra.Command{
		Use:   "decode [TOKEN|-]",
		Short: "Show what a token says, without trusting it",
		Long: `Show header and claims of a token as JSON: the one on standard input (-), the
operand, or without either the session's own. What people paste is understood: a
bare token, "Bearer …", a whole header line, JSON that holds tokens.

A claim whose text is JSON itself, such as a map in a custom attribute, is shown as
JSON; --raw shows every claim as it stands in the token. Of a refresh token, which
is encrypted, only the header can be shown.

--claim prints one claim, a string without quotes; dots lead into objects, as in
--claim address.country or --claim identities.0.userId. A claim that is not there
is an error, which names those that are. --jq takes header and claims together.

Nothing is verified: anybody can write such a token; cogctl token verify judges
it. An operand stays in the shell's history, so standard input is the better way.`,
		Example: `  cogctl token print | cogctl token decode -
  cogctl token decode
  cogctl token decode --type access --claim scope
  cogctl token decode --jq '.claims."cognito:groups"[]'`,
		Args: operands(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return runTokenDecode(cmd.Context(), a, args, &o) },
	}
	cmd.Flags().StringVar(&o.kind, "type", "", "which token of the session, or of several that are pasted: id, access or refresh")
	cmd.Flags().BoolVar(&o.raw, "raw", false, "show claims whose text is JSON as the text that they are")
	cmd.Flags().StringVar(&o.claim, "claim", "", "print this claim alone")
	o.out.flag(cmd)
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"id", "access", "refresh"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// decoded is the JSON of token decode; its members are stable.
type decoded struct {
	Header    json.RawMessage `json:"header"`
	Claims    json.RawMessage `json:"claims,omitempty"`    // absent where only the issuer can read them
	Encrypted bool            `json:"encrypted,omitempty"` // a JWE, as Cognito's refresh tokens are
}

func runTokenDecode(ctx context.Context, a *app, args []string, o *decodeOptions) error {
	if o.claim != "" && o.out.given() {
		return usagef("--claim and --jq both choose what is printed: leave one of them out")
	}
	raw, err := a.pastedToken(ctx, args, o.kind)
	if err != nil {
		return err
	}
	parse := jwt.Parse
	if strings.Contains(raw, "=") { // a load balancer's, which alone has padding
		parse = jwt.ParseALB
	}
	token, err := parse(raw)
	if errors.Is(err, jwt.ErrEncrypted) {
		return a.printEncrypted(ctx, raw, o)
	}
	if err != nil {
		return err
	}
	if exp, ok := token.Claims.Time("exp"); ok {
		a.note("not verified; exp is %s", until(exp, a.now()))
	}
	if o.claim != "" {
		return a.printClaim(token.Claims, o.claim)
	}
	d := decoded{Header: token.HeaderJSON, Claims: token.ClaimsJSON}
	if !o.raw {
		d.Claims = withNestedJSON(token.ClaimsJSON)
	}
	return a.printAnswer(ctx, &jsonOutput{filter: o.out}, d)
}

// printEncrypted shows the part of a JWE that everybody can read.
func (a *app) printEncrypted(ctx context.Context, raw string, o *decodeOptions) error {
	if o.claim != "" {
		return fmt.Errorf("no claim %q can be shown: %w", o.claim, jwt.ErrEncrypted)
	}
	header, err := jwt.EncryptedHeader(raw)
	if err != nil {
		return err
	}
	a.note("%v", jwt.ErrEncrypted)
	return a.printAnswer(ctx, &jsonOutput{filter: o.out}, decoded{Header: header, Encrypted: true})
}

// printClaim prints one claim: a string as it is, everything else as JSON.
func (a *app) printClaim(claims jwt.Claims, path string) error {
	value, found := claimAt(map[string]any(claims), path)
	if !found {
		names := slices.Sorted(maps.Keys(claims))
		return hinted(fmt.Errorf("the token has no claim %q", path), "it has %s", strings.Join(names, ", "))
	}
	if text, ok := value.(string); ok {
		if _, err := fmt.Fprintln(a.foreign(), text); err != nil {
			return writeFailed(err)
		}
		return nil
	}
	return a.printJSON(value)
}

// maxPaste bounds what is read from standard input, in bytes.
const maxPaste = 1 << 20

// pastedToken finds the token that is meant: the operand, standard input, or
// the session's.
func (a *app) pastedToken(ctx context.Context, args []string, kind string) (string, error) {
	pasted, err := a.pasted(ctx, args, kind)
	if err != nil {
		return "", err
	}
	raw, err := jwt.ExtractKind(pasted, kind)
	a.redactor.Add(raw)
	return raw, err
}

// pasted is the text that holds the token which is meant.
func (a *app) pasted(ctx context.Context, args []string, kind string) (string, error) {
	if len(args) == 0 {
		t, err := a.token(ctx, wanted{kind: kind})
		return t.Raw, err
	}
	text := args[0]
	switch {
	case strings.TrimSpace(text) == "":
		return "", usagef("the operand is empty, and should be a token: is the variable set that it comes from?")
	case text == "-":
		data, err := io.ReadAll(io.LimitReader(a.input(ctx), maxPaste+1))
		switch {
		case err != nil:
			return "", fmt.Errorf("read the token from standard input: %w", err)
		case len(data) > maxPaste:
			return "", fmt.Errorf("standard input holds more than %d bytes: that is no token", maxPaste)
		case strings.TrimSpace(string(data)) == "":
			return "", withCode(exitUsage, errors.New("standard input is empty: pipe a token in, or name it"))
		}
		text = string(data)
	}
	a.redactor.Add(text)
	return text, nil
}
