package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/jwt"
)

func newTokenDecode(a *app) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use:   "decode [TOKEN|-]",
		Short: "Show what a token says, without trusting it",
		Long: `Show header and claims of a token as JSON: the one on standard input (-), the
operand, or without either the session's own. What people paste is understood: a
bare token, "Bearer …", a whole header line, JSON that holds tokens.

Nothing is verified: anybody can write such a token. An operand stays in the
shell's history, so standard input is the better way.`,
		Example: `  cogctl token print | cogctl token decode -
  cogctl token decode
  cogctl token decode --type access`,
		Args: operands(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return runTokenDecode(cmd.Context(), a, args, kind) },
	}
	cmd.Flags().StringVar(&kind, "type", "", "which token of the session: id or access")
	return cmd
}

// decoded is the JSON of token decode.
type decoded struct {
	Header json.RawMessage `json:"header"`
	Claims json.RawMessage `json:"claims"`
}

func runTokenDecode(ctx context.Context, a *app, args []string, kind string) error {
	raw, err := a.pastedToken(ctx, args, kind)
	if err != nil {
		return err
	}
	token, err := jwt.Parse(raw)
	if err != nil {
		return err
	}
	if exp, ok := token.Claims.Time("exp"); ok {
		a.note("not verified; exp is %s", until(exp, a.now()))
	}
	return a.printJSON(decoded{Header: token.HeaderJSON, Claims: token.ClaimsJSON})
}

// maxPaste bounds what is read from standard input, in bytes.
const maxPaste = 1 << 20

// pastedToken finds the token that is meant: the operand, standard input, or
// the session's.
func (a *app) pastedToken(ctx context.Context, args []string, kind string) (string, error) {
	if len(args) == 0 {
		if kind == "refresh" {
			return "", usagef("a refresh token is encrypted for Cognito alone: there is nothing to decode")
		}
		t, err := a.token(ctx, wanted{kind: kind})
		return t.Raw, err
	}
	pasted := args[0]
	if pasted == "-" {
		data, err := io.ReadAll(io.LimitReader(a.input(ctx), maxPaste+1))
		switch {
		case err != nil:
			return "", fmt.Errorf("read the token from standard input: %w", err)
		case len(data) > maxPaste:
			return "", fmt.Errorf("standard input holds more than %d bytes: that is no token", maxPaste)
		case len(data) == 0:
			return "", withCode(exitUsage, errors.New("standard input is empty: pipe a token in, or name it"))
		}
		pasted = string(data)
	}
	a.redactor.Add(pasted)
	raw, err := jwt.Extract(pasted)
	a.redactor.Add(raw)
	return raw, err
}
