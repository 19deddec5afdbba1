package config

import (
	"slices"
	"strings"
	"sync"
)

// Field is one setting: its names in each place, and what it takes. An empty
// Flag, Env or Key means the setting cannot be given there.
type Field struct {
	Name  string // "user_pool_id": the name in code, in Inputs.Flags and for Profile.Get
	Flag  string // "user-pool-id", without dashes
	Env   string // "COGCTL_USER_POOL_ID"
	Key   string // TOML path inside a profile: "user_pool_id", "api.url"
	Usage string // one line for help texts

	Global bool // the flag belongs to every command, not to a few
	Secret bool // never shown; in the file it may be a reference
	List   bool // several items: an array in TOML, else separated by spaces or commas
	Bool   bool // "true" or "false"
	Later  bool // taken and checked, but nothing uses it yet: help does not name it

	Default string
	check   func(string) error // of each item, never called with ""
}

// Fields returns the table of all settings, in the order in which a listing
// shows them. The one top-level key of the file, default_profile, is the file's
// counterpart of the field "profile", which therefore has no Key of its own.
func Fields() []Field { return slices.Clone(table()) }

// table is read only; it is built when it is first needed.
var table = sync.OnceValue(func() []Field { return append(signInFields(), otherFields()...) })

// signInFields is the first half of the table: who signs in, where and how.
func signInFields() []Field {
	return []Field{
		{Name: "profile", Flag: "profile", Env: "COGCTL_PROFILE", Global: true, Usage: "profile to use"},
		{Name: "region", Flag: "region", Env: "COGCTL_REGION", Key: "region", Global: true, check: checkRegion,
			Usage: "AWS region; read from the user pool id when it is not given"},
		{Name: "user_pool_id", Flag: "user-pool-id", Env: "COGCTL_USER_POOL_ID", Key: "user_pool_id", Global: true, check: checkPoolID,
			Usage: "user pool id, such as " + examplePoolID},
		{Name: "client_id", Flag: "client-id", Env: "COGCTL_CLIENT_ID", Key: "client_id", Global: true, check: checkWord,
			Usage: "app client id"},
		{Name: "client_secret", Env: "COGCTL_CLIENT_SECRET", Key: "client_secret", Secret: true,
			Usage: "app client secret"},
		{Name: "domain", Flag: "domain", Env: "COGCTL_DOMAIN", Key: "domain", Global: true, check: checkURL,
			Usage: "URL of the hosted sign-in pages"},
		{Name: "issuer", Flag: "issuer", Env: "COGCTL_ISSUER", Key: "issuer", Global: true, check: checkURL,
			Usage: "URL of another OpenID Connect issuer"},
		{Name: "identity_pool_id", Flag: "identity-pool-id", Env: "COGCTL_IDENTITY_POOL_ID", Key: "identity_pool_id", Global: true, check: checkIdentityPoolID,
			Usage: "identity pool id, REGION:GUID"},
		{Name: "username", Flag: "username", Env: "COGCTL_USERNAME", Key: "username", Global: true, check: checkUsername,
			Usage: "user to sign in"},
		{Name: "password", Env: "COGCTL_PASSWORD", Key: "password", Secret: true, Usage: "password"},
		{Name: "new_password", Env: "COGCTL_NEW_PASSWORD", Key: "new_password", Secret: true, Usage: "new password, where the old one must be changed"},
		{Name: "mfa_code", Env: "COGCTL_MFA_CODE", Key: "mfa_code", Secret: true, Usage: "code of a second factor"},
		{Name: "totp_secret", Env: "COGCTL_TOTP_SECRET", Key: "totp_secret", Secret: true, Usage: "secret that second-factor codes are computed from"},
		{Name: "token", Env: "COGCTL_TOKEN", Secret: true, Usage: "token to use instead of a session's"},
		{Name: "flow", Flag: "flow", Env: "COGCTL_FLOW", Key: "flow", Default: "auto", check: oneOf("auto", "srp", "password", "browser", "client-credentials", "custom", "custom-srp", "choice", "admin"),
			Usage: "how to sign in; cogctl login --help lists the flows"},
		{Name: "scopes", Flag: "scope", Env: "COGCTL_SCOPES", Key: "scopes", List: true, Usage: "scopes to ask for"},
		{Name: "callback_urls", Flag: "callback-url", Key: "callback_urls", List: true, check: checkCallback,
			Default: "http://localhost:17170/callback http://localhost:17171/callback",
			Usage:   "registered callback URLs; the first free one is used"},
		{Name: "from", Env: "COGCTL_FROM", Key: "from", Usage: "one secret that fills several settings; map says how"},
		{Name: "storage", Key: "storage", Default: "file", check: checkStorage, Usage: "where sessions are kept: file or none"},
		{Name: "api", Flag: "api", check: CheckName, Usage: "which of the profile's APIs to call"},
	}
}

// otherFields is the second half of the table: the API, the endpoints, and what
// concerns the program rather than the sign-in.
func otherFields() []Field {
	return []Field{
		{Name: "api_url", Flag: "api-url", Env: "COGCTL_API_URL", Key: "api.url", Global: true, check: checkURL,
			Usage: "base URL of the API to call"},
		{Name: "api_auth", Flag: "auth", Env: "COGCTL_API_AUTH", Key: "api.auth", check: oneOf("id", "access", "sigv4", "none"),
			Usage: "what authorizes a call: id, access, sigv4 or none"},
		{Name: "api_also", Key: "api.also", List: true, check: checkURL, Usage: "further origins that get the same credentials"},
		{Name: "identity_pool.flow", Key: "identity_pool.flow", check: oneOf("enhanced", "basic"),
			Usage: "how the identity pool gives credentials: enhanced, or basic (classic)"},
		{Name: "identity_pool.role", Key: "identity_pool.role", check: checkRole,
			Usage: "ARN of the role to have; the basic flow needs it"},
		{Name: "identity_pool.guest", Key: "identity_pool.guest", Bool: true,
			Usage: "be a guest of the identity pool: send no login"},
		{Name: "api_key", Env: "COGCTL_API_KEY", Key: "api.key", Secret: true, Usage: "API key, sent as x-api-key along with a call"},
		{Name: "endpoints.user_pool", Env: "COGCTL_ENDPOINT_USER_POOL", Key: "endpoints.user_pool", check: checkURL,
			Usage: "URL that replaces the user pool's"},
		{Name: "endpoints.identity_pool", Env: "COGCTL_ENDPOINT_IDENTITY_POOL", Key: "endpoints.identity_pool", check: checkURL,
			Usage: "URL that replaces the identity pool's"},
		{Name: "endpoints.sts", Env: "COGCTL_ENDPOINT_STS", Key: "endpoints.sts", check: checkURL,
			Usage: "URL that replaces the one of STS"},
		{Name: "endpoints.secretsmanager", Key: "endpoints.secretsmanager", check: checkURL,
			Usage: "URL that replaces the one of Secrets Manager"},
		{Name: "endpoints.ssm", Key: "endpoints.ssm", check: checkURL,
			Usage: "URL that replaces the one of Parameter Store"},
		{Name: "endpoints.jwks", Env: "COGCTL_ENDPOINT_JWKS", Key: "endpoints.jwks", check: checkURL,
			Usage: "URL that replaces the one of the signing keys"},
		{Name: "endpoints.lambda", Env: "COGCTL_ENDPOINT_LAMBDA", Key: "endpoints.lambda", check: checkURL,
			Usage: "URL that replaces the one of Lambda, for can-i --handler-lambda"},
		{Name: "from_aws_env", Later: true, Key: "endpoints.from_aws_env", Bool: true, Default: "false",
			Usage: "obey AWS_ENDPOINT_URL and its relatives"},
		{Name: "config_dir", Env: "COGCTL_CONFIG_DIR", Usage: "directory of config.toml and the sessions"},
		{Name: "cache_dir", Env: "COGCTL_CACHE_DIR", Usage: "directory of the caches"},
		{Name: "debug", Flag: "debug", Env: "COGCTL_DEBUG", Key: "debug", Global: true, Bool: true, Default: "false",
			Usage: "show what is sent and received, without secrets"},
		{Name: "no_input", Flag: "no-input", Env: "COGCTL_NO_INPUT", Key: "no_input", Global: true, Bool: true, Default: "false",
			Usage: "never ask, fail instead"},
		{Name: "color", Later: true, Flag: "color", Env: "COGCTL_COLOR", Key: "color", Global: true, Default: "auto", check: oneOf("auto", "always", "never"),
			Usage: "colour the output: auto, always or never"},
	}
}

// field finds a field by name.
func field(name string) (Field, bool) {
	for _, f := range table() {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// items splits the text of a list as flags and variables have it.
func items(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
}

// normal returns text as it is kept for f: a boolean as "true" or "false".
// The error does not hold the text of a secret.
func (f Field) normal(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if f.Bool {
		return parseBool(text)
	}
	list := []string{text}
	if f.List {
		list = items(text)
	}
	return text, f.checkAll(list)
}

func (f Field) checkAll(list []string) error {
	if f.check == nil {
		return nil
	}
	for _, item := range list {
		if item == "" {
			continue
		}
		if err := f.check(item); err != nil {
			return err
		}
	}
	return nil
}
