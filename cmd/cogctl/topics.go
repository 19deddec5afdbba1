package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
)

// topic is a help topic. Its text is made when it is asked for: every run builds
// the command tree, and few ask for help.
type topic struct {
	name, short string
	text        func() string
}

func topics() []topic {
	return []topic{
		{"environment", "Environment variables", environmentTopic},
		{"exit-codes", "Exit codes", func() string { return exitCodesTopic }},
		{"config", "The file config.toml", configTopic},
		{"tokens", "Which token goes where, and what each is not", func() string { return tokensTopic }},
		{"sandbox-file", "The file of sandbox --config", func() string { return sandboxFileTopic }},
		{"sandbox-control", "Clock, faults and settings of a sandbox", func() string { return sandboxControlTopic }},
	}
}

// newTopics makes commands without work of the topics, as cobra has it.
func newTopics() []*cobra.Command {
	var commands []*cobra.Command
	for _, t := range topics() {
		cmd := &cobra.Command{Use: t.name, Short: t.short}
		cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
			c.Long = t.text()
			c.Parent().HelpFunc()(c, args)
		})
		commands = append(commands, cmd)
	}
	return commands
}

// environmentTopic is made of the same table as the flags and the file's keys.
func environmentTopic() string {
	var b strings.Builder
	b.WriteString("A flag outranks its variable, a variable the profile. With enough of them set no\nfile is needed.\n\n")
	for _, field := range config.Fields() {
		if field.Env != "" && !field.Later {
			fmt.Fprintf(&b, "  %-32s %s\n", field.Env, field.Usage)
		}
	}
	b.WriteString(`
  COGCTL_ANSWER_<NAME>             answers the question of that name:
    SELECT_MFA_TYPE, SELECT_CHALLENGE
                                   one of those that are offered
    CUSTOM_CHALLENGE, CUSTOM_CHALLENGE_2, ...
                                   what the pool's own triggers ask, in turn
    SMS_MFA, EMAIL_OTP, SOFTWARE_TOKEN_MFA, ...
                                   a code; COGCTL_MFA_CODE serves for any
    CONFIRM_SIGN_UP, CONFIRM_FORGOT_PASSWORD, VERIFY_USER_ATTRIBUTE
                                   the code that was sent for it
    GIVEN_NAME and other attributes
                                   what a first sign-in requires
  COGCTL_SANDBOX_...               given by cogctl sandbox -- CMD to CMD
  COGCTL_CALLERS                   given to programs that are started for a secret:
                                   the profiles that wait for it
  COGCTL_EXEC                      given by cogctl exec to its program: the profile;
                                   there is no exec within exec
  AWS_ACCESS_KEY_ID, AWS_PROFILE, ...
                                   your AWS credentials, for --aws, --flow admin and
                                   profile import --from-pool only; cogctl exec gives
                                   its program others, and COGCTL_TOKEN
  AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE
                                   cogctl exec --serve looks there, too, for what would
                                   come before the credentials that it serves
  VISUAL, EDITOR                   your editor, for profile edit
  CI                               when set, nobody is asked anything, and no browser
                                   is opened
  BROWSER                          opens the sign-in page: a command line, without a
                                   shell; the address replaces %s or comes last
  DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION, SSH_TTY
                                   without a display, or by SSH, only BROWSER is tried
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY
                                   as everywhere, but never for this machine

AWS_ENDPOINT_URL and its kin are ignored: a stray one must not send a password
elsewhere. Use COGCTL_ENDPOINT_USER_POOL, and for AWS credentials
COGCTL_ENDPOINT_IDENTITY_POOL and COGCTL_ENDPOINT_STS. A login goes to an emulator or
to another server only where it comes from one, or where config.toml says so.
`)
	return b.String()
}

const exitCodesTopic = `  0    ok
  1    failed: the network, a server's fault, a full disk
  2    usage or configuration: a client_secret that is wrong, too
  3    refused: a wrong password, a disabled user, not allowed to sign in
  4    sign-in or input is needed, and nobody is there to give it
  5    verification or authorization says no, also of a token that cannot be read.
       Keys that cannot be had are no verdict: token verify then fails with 1,
       unless something that needs no key is wrong with the token anyway

call:
  22   the API answered with HTTP 400 or more, or not as --expect wants
       (--no-fail gives 0; --expect decides by itself)
  6 7 18 23 26 28 35 47 52 55 56 60 65
       the network on the way to the API, with curl's numbers

exec -- CMD, sandbox -- CMD:
       CMD's own; 126 when it cannot be run, 127 when it is not found

  130  interrupted (Ctrl-C)
  143  terminated
`

// configTopicText comes before the list of keys, which the table of fields gives.
const configTopicText = `config.toml is in the folder cogctl of the user's configuration folder (on Linux
~/.config/cogctl), or in COGCTL_CONFIG_DIR. An unknown key in the profile in use
is an error.

  default_profile = "dev"

  [profiles.base]
  region = "us-east-1"

  [profiles.dev]
  inherits = "base"
  user_pool_id = "us-east-1_Ab12Cd34E"
  client_id = "2iqdo52jkqg0q2cqbe76qah08"
  client_secret = "env:DEV_SECRET"
  username = "ann@example.com"

  [profiles.dev.api]
  url = "https://abc123.execute-api.us-east-1.amazonaws.com/v1"
  auth = "id"

  [profiles.dev.apis.orders]
  url = "https://def456.execute-api.us-east-1.amazonaws.com"
  auth = "access"

  [profiles.dev.identity_pool]
  role = "arn:aws:iam::123456789012:role/Reader"

  [profiles.dev.logins]
  "accounts.google.com" = "cmd:gcloud auth print-identity-token"
  "login.example.com" = "profile:example"

  [profiles.dev.answers]
  SELECT_MFA_TYPE = "SOFTWARE_TOKEN_MFA"

  [profiles.dev.endpoints]
  user_pool = "http://127.0.0.1:9400"

A secret may be a reference, read when it is needed: env:NAME, file:PATH,
cmd:COMMAND with arguments (run without a shell), keyring:SERVICE/NAME, or with your
own AWS credentials secretsmanager:NAME, secretsmanager:NAME#KEY of one that is a
JSON object, and ssm:/PATH. from = "secretsmanager:NAME" fills settings that are not
given from the keys of their names, or as map = { client_id = "app_id" } says.
References are taken from this file only; a value from a flag or a variable is
literal, but for COGCTL_FROM, which names a secret of AWS. A reference in mfa_code, or
in the answers SMS_MFA, EMAIL_OTP and SMS_OTP, is read when a sign-in that was asked
for wants the code: it may look for the message. The answers, which may be references
too, are for the questions that COGCTL_ANSWER_<NAME> answers: see cogctl help environment.

AWS credentials come by identity_pool_id. What it is shown is the profile's own sign-in
or, where there are logins, these instead, each by the name that the identity pool has
for the provider: a reference to a token, or profile:NAME for the sign-in of another
profile. A program is run for a token when credentials are wanted, about once an hour.

Keys of a profile:

`

func configTopic() string {
	var b strings.Builder
	b.WriteString(configTopicText)
	for _, field := range config.Fields() {
		if field.Key != "" && !field.Later {
			fmt.Fprintf(&b, "  %-24s %s\n", field.Key, field.Usage)
		}
	}
	return b.String()
}
