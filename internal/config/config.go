// Package config finds the settings of one run: from flags, from COGCTL_*
// environment variables, from the profile in use and from defaults, in this
// order. Every value knows where it came from, so that an error or a listing
// can name the flag, the variable or the line to change.
//
// One table ([Fields]) names every setting with its flag, its variable and its
// TOML key; nothing is read that does not stand there.
//
//	f, err := config.Read(path)               // absent: an empty file
//	p, warnings, err := f.Resolve(config.Inputs{Flags: flags, Getenv: getenv})
//	p.Get("user_pool_id")                     // Text and Origin
//
// The file is the user's own: it may name programs that produce secrets
// (client_secret = "cmd:…"), so one that other users can change is refused.
// References are not resolved here, only kept: whether a value may be resolved
// depends on its origin being [KindFile].
//
// Mistakes in the profile in use are errors with file, line and column;
// mistakes elsewhere in the file are warnings, so that a broken profile does
// not stop the work with another one.
package config

import "strings"

// Kind is where a value came from.
type Kind string

// The kinds, in order of precedence but for KindUnset. A derived value was
// computed from another one (the region from the user pool id).
const (
	KindUnset   Kind = ""
	KindFlag    Kind = "flag"
	KindEnv     Kind = "env"
	KindFile    Kind = "file"
	KindDerived Kind = "derived"
	KindDefault Kind = "default"
)

// Origin tells where a value came from: Kind for the program, Text for people
// ("--region", "COGCTL_REGION", "config.toml:7 (profile dev)", "default").
type Origin struct {
	Kind Kind
	Text string
}

// Value is one setting. A list has its items in Text separated by spaces;
// Profile.List has them exactly. A boolean is "true" or "false".
type Value struct {
	Text   string
	Origin Origin
}

// Set reports whether there is a value. An empty text counts as none, whoever
// gave it: --domain "" switches a profile's domain off for one run.
func (v Value) Set() bool { return v.Text != "" }

// Bool reports whether the value is "true".
func (v Value) Bool() bool { return v.Text == "true" }

// Inputs is what a run was given besides the file.
type Inputs struct {
	// Flags holds the flags that were given, by Field.Name; a flag that was
	// not given must be absent. A list flag's items are separated by spaces.
	Flags map[string]string
	// Getenv reads the environment. An empty variable counts as unset.
	Getenv func(string) string
}

// ChildEnv returns environ ("NAME=value" strings) without the variables that
// hold secrets meant for this program: those of every secret field and the
// answers to sign-in questions (COGCTL_ANSWER_*), and the sandbox's own keys.
// Every child process must get its environment through here. Names are compared without regard to case, as
// Windows does.
func ChildEnv(environ []string) []string {
	secret := make(map[string]bool)
	for _, f := range table() {
		if f.Secret && f.Env != "" {
			secret[f.Env] = true
		}
	}
	kept := make([]string, 0, len(environ))
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		name = strings.ToUpper(name)
		if !secret[name] && !strings.HasPrefix(name, "COGCTL_ANSWER_") && name != "COGCTL_SANDBOX_CONTROL_KEY" && name != "COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY" {
			kept = append(kept, entry)
		}
	}
	return kept
}
