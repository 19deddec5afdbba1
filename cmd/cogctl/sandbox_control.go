package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/sandbox"
)

func newSandboxCodes(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "codes",
		Short: "List the codes that the sandbox would have sent",
		Long: `List the codes and temporary passwords that the sandbox would have sent by SMS and
e-mail, the oldest first. For use within sandbox -- CMD; elsewhere with the variables
of cogctl help sandbox-control.`,
		Example: "  cogctl sandbox codes\n  cogctl sandbox codes --json",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runSandboxCodes(cmd.Context(), a, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func runSandboxCodes(ctx context.Context, a *app, asJSON bool) error {
	var codes []sandbox.Code
	if err := a.control(ctx, "/codes", &codes); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(codes)
	}
	rows := [][2]string{}
	for _, c := range codes {
		rows = append(rows, [2]string{c.Username, fmt.Sprintf("%s  %s to %s at %s", c.Code, c.Kind, c.Destination, c.Sent.Local().Format(time.TimeOnly))})
	}
	return a.table(rows)
}

func newSandboxTOTP(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "totp USER",
		Short: "Print the secret of a sandbox user's authenticator app",
		Long: `Print the secret of the authenticator app of a sandbox user (the user totp has one),
as COGCTL_TOTP_SECRET wants it. For use within sandbox -- CMD; elsewhere with the
variables of cogctl help sandbox-control.`,
		Example: "  cogctl sandbox totp totp\n  COGCTL_TOTP_SECRET=$(cogctl sandbox totp totp) cogctl login --username totp",
		Args:    operands(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runSandboxTOTP(cmd.Context(), a, args[0]) },
	}
}

func runSandboxTOTP(ctx context.Context, a *app, user string) error {
	var authenticator struct{ Secret string }
	if err := a.control(ctx, "/users/"+url.PathEscape(user)+"/totp", &authenticator); err != nil {
		return err
	}
	return a.println(authenticator.Secret)
}

// control asks the control listener of the sandbox that this process runs in.
func (a *app) control(ctx context.Context, path string, into any) error {
	base, key := a.getenv("COGCTL_SANDBOX_CONTROL_URL"), a.getenv("COGCTL_SANDBOX_CONTROL_KEY")
	if base == "" || key == "" {
		return hinted(usagef("this is no sandbox: COGCTL_SANDBOX_CONTROL_URL is not set"), "cogctl sandbox -- CMD sets it for CMD; cogctl help sandbox-control")
	}
	a.redactor.Add(key)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return usagef("COGCTL_SANDBOX_CONTROL_URL %q is no URL", base)
	}
	r.Header.Set(sandbox.KeyHeader, key)
	answer, err := a.http().Do(r)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return hinted(fmt.Errorf("ask the sandbox at %s: %w", base, err), "is it still running? cogctl sandbox -- CMD gives CMD a new one")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		var refusal struct{ Message string }
		_ = json.NewDecoder(answer.Body).Decode(&refusal)
		return fmt.Errorf("the sandbox answers %d: %s", answer.StatusCode, redact.Visible(refusal.Message))
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("the answer of the sandbox: %w", err)
	}
	return nil
}
