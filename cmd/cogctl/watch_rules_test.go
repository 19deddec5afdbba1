package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// command finds what a command line runs, with its flags set.
func (r *processTrace) command() *cobra.Command {
	cmd, rest, err := newRoot(newApp()).Find(r.Args)
	if err != nil {
		return &cobra.Command{}
	}
	_ = cmd.ParseFlags(rest) // a usage error prints nothing
	return cmd
}

// mayPrint is what the command is there to print on standard output.
func (r *processTrace) mayPrint() func(needle) bool {
	cmd := r.command()
	switch cmd.CommandPath() {
	case "cogctl token", "cogctl token print":
		asked := map[string][]string{"": {anIDToken, anAccessToken}, "id": {anIDToken}, "access": {anAccessToken}, "refresh": {aRefreshToken}}
		kinds := asked[cmd.Flag("type").Value.String()]
		return func(n needle) bool {
			// The payloads of ID and access token have parts in common.
			return n.kind == aToken || slices.Contains(kinds, n.kind) || n.form == aPiece && n.kind != aRefreshToken
		}
	case "cogctl call":
		return func(n needle) bool { return strings.Contains(r.answers, n.text) }
	case "cogctl can-i":
		if cmd.Flag("dump-event").Changed { // an event holds the token, that is its purpose
			return may(anIDToken, anAccessToken, aToken)
		}
	case "cogctl exec": // what its program prints
		return func(needle) bool { return true }
	case "cogctl credentials":
		return may(anAWSSecret, anAWSSession)
	case "cogctl sign":
		return may(anAWSSession, aSignature, anAPIKey)
	case "cogctl sandbox codes":
		return may(aCode, aPassword) // what it sends to new users is a password
	case "cogctl sandbox totp":
		return may(aTOTPSecret)
	case "cogctl account mfa enable":
		if flag := cmd.Flag("print-secret"); flag != nil && flag.Changed {
			return may(aTOTPSecret)
		}
	case "cogctl sandbox":
		return may(aControlKey, aClientSecret, aPassword) // how to use it
	}
	return nil
}

// mayKeep is what a stored session, device or AWS session holds: what it was given, and
// none of what it was got with.
func mayKeep(n needle) bool {
	return may(anIDToken, anAccessToken, aRefreshToken, aToken, aDeviceSecret, anAWSSecret, anAWSSession)(n)
}

// mayArgs is what people may write into a command line: a token to look at, and a
// code, which serves once.
func (r *processTrace) mayArgs() func(needle) bool {
	switch r.command().CommandPath() {
	case "cogctl token decode", "cogctl token verify":
		return may(anIDToken, anAccessToken, aToken)
	case "cogctl account confirm", "cogctl account verify", "cogctl account reset-password":
		return may(aCode)
	}
	return nil
}

// handedOn is what of a child's environment is our doing: all but what the user's
// own variables were already. COGCTL_* are ours in either case.
func (r *processTrace) handedOn(environ []string) []string {
	inSandbox := len(r.Args) > 0 && r.Args[0] == "sandbox"
	inExec := r.command().CommandPath() == "cogctl exec"
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "COGCTL_") {
			return slices.Contains(r.Environ, entry)
		}
		if inExec && name == "COGCTL_TOKEN" {
			return true
		}
		// What a sandbox gives to the program in it, as its help says.
		return inSandbox && (name == "COGCTL_PASSWORD" || name == "COGCTL_SANDBOX_CONTROL_KEY")
	})
}
