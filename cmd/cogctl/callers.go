package main

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/config"
)

// callersVariable tells a program that we start for a secret which profiles are
// waiting for it. When that program is cogctl again, with one of these profiles,
// it would start itself for ever.
const callersVariable = "COGCTL_CALLERS"

// noProfile stands, among those that wait, for settings that no profile has.
const noProfile = "(no profile)"

// callers are the profiles that wait for us, outermost first.
func (a *app) callers() []string {
	return strings.FieldsFunc(a.getenv(callersVariable), func(r rune) bool { return r == ',' })
}

// refuseLoop is an error when the profile waits for us already.
func (a *app) refuseLoop(profile string) error {
	if profile == "" {
		profile = noProfile
	}
	if !slices.Contains(a.callers(), profile) {
		return nil
	}
	return usagef("the profile %q waits for this very command: a cmd: reference in it, or a credential_process, runs cogctl with the same profile (%s)",
		profile, strings.Join(append(a.callers(), profile), " -> "))
}

// childEnviron is the environment of a program that we start: without the
// secrets meant for us, and with the profiles that wait.
func (a *app) childEnviron(profile string) []string {
	if profile == "" {
		profile = noProfile
	}
	kept := slices.DeleteFunc(a.programEnviron(), func(entry string) bool {
		return strings.HasPrefix(entry, callersVariable+"=")
	})
	return append(kept, callersVariable+"="+strings.Join(append(a.callers(), profile), ","))
}

// programEnviron is childEnviron for a program whose answer nobody waits for: it may
// use cogctl as the user does.
func (a *app) programEnviron() []string { return config.ChildEnv(a.environ) }

// adoptChildEnviron makes the environment of our children our own, for a library
// that starts programs by itself: a credential_process of ~/.aws gets none of the
// secrets meant for us, and knows which profile waits. We still know what was
// taken out.
func (a *app) adoptChildEnviron() {
	kept := map[string]bool{}
	for _, entry := range a.childEnviron(a.profiled.Name()) {
		name, value, _ := strings.Cut(entry, "=")
		kept[name] = true
		if name == callersVariable {
			_ = os.Setenv(name, value)
		}
	}
	hidden := map[string]string{}
	for _, entry := range a.environ {
		if name, value, _ := strings.Cut(entry, "="); name != "" && !kept[name] {
			hidden[name] = value
			_ = os.Unsetenv(name)
		}
	}
	getenv := a.getenv
	a.getenv = func(name string) string {
		if value, found := hidden[name]; found {
			return value
		}
		return getenv(name)
	}
}

// awsChain stands, among those that wait, for AWS's own chain with a profile of
// ~/.aws. A credential_process there that is cogctl with another profile of ours may
// come back to the chain as well.
func awsChain(profile string) string {
	return "(~/.aws " + strings.NewReplacer(",", ";", "\x00", "").Replace(cmp.Or(profile, "default")) + ")"
}

// refuseAWSLoop is an error when AWS's own chain waits for us already.
func (a *app) refuseAWSLoop(profile string) error {
	if !slices.Contains(a.callers(), awsChain(profile)) {
		return nil
	}
	return usagef("your own AWS credentials wait for this very command: a credential_process of ~/.aws runs cogctl, which asks for them again (%s)",
		strings.Join(append(a.callers(), awsChain(profile)), " -> "))
}

// waitForAWS is adoptChildEnviron for AWS's own chain.
func (a *app) waitForAWS(profile string) {
	a.adoptChildEnviron()
	_ = os.Setenv(callersVariable, os.Getenv(callersVariable)+","+awsChain(profile))
}
