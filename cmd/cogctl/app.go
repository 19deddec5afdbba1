package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/atomicfile"
	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/secret"
	"github.com/cogctl/cogctl/internal/transport"
)

// app is the outside world, and the one place where objects are made of it.
// Each method builds one object and holds no logic of its own.
type app struct {
	stdin          io.Reader
	stdout, stderr *os.File
	getenv         func(string) string
	environ        []string
	now            func() time.Time
	pause          func(context.Context, time.Duration) error // waits until that much of now has gone
	network        *http.Transport                            // the process's connections, without limits
	terminal       terminal
	redactor       *redact.Redactor
	startChild     func(start func() error) error

	saving  atomic.Int32 // sessions on their way into their files
	patient atomic.Bool  // a program of the user's decides when this run ends
	held    notes
	trace   io.Writer // gets the lines of --debug, asked for or not; nil for nobody

	flags    map[string]string // the global flags that were given, by field name
	jsonMode bool              // the command's output is JSON, so errors are too
	profiled *config.Profile   // what profile() made, so that it warns once

	running    context.Context        // ends with this run
	awsSecrets map[string]*secret.AWS // by profile
	filled     map[string]error       // what became of the from of a profile
}

func newApp() *app {
	return &app{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		getenv: os.Getenv, environ: os.Environ(),
		now: time.Now, pause: auth.Pause,
		network: &http.Transport{
			Proxy:                  proxyFor,
			DialContext:            dial,
			TLSHandshakeTimeout:    10 * time.Second,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: transport.DefaultMaxHeader,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			ExpectContinueTimeout:  time.Second,
		},
		terminal:   terminal{stderr: os.Stderr, getenv: os.Getenv, open: openTTY},
		redactor:   &redact.Redactor{},
		startChild: func(start func() error) error { return start() },
		flags:      map[string]string{},
	}
}

// execute runs one command line.
func execute(ctx context.Context, a *app, args []string) error {
	a.running = ctx
	root := newRootFor(a, args)
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	return cause(ctx, err)
}

// exit prints err, once, and returns the process's exit code.
func (a *app) exit(err error) int {
	a.flush()
	report(a.redactedStderr(), a.placed(err), a.jsonMode)
	return exitCode(err)
}

// placed adds to trouble with a file of our own what ends it.
func (a *app) placed(err error) error {
	var at *fs.PathError
	var odd *atomicfile.NotRegularError
	dir, homeless := a.stateDir()
	if homeless != nil || hintFor(err) != "" {
		return err
	}
	if errors.As(err, &odd) && strings.HasPrefix(odd.Path, dir) {
		return hinted(err, "move it out of the way: cogctl login then makes a new one")
	}
	if !errors.As(err, &at) {
		return err
	}
	// A folder that cannot be made is told by the first of its parents that fails.
	if !strings.HasPrefix(at.Path, dir) && !strings.HasPrefix(dir, at.Path) {
		return err
	}
	return hinted(err, "COGCTL_CONFIG_DIR may name another folder; storage = \"none\" in the profile keeps no session")
}

// configDir is where config.toml is.
func (a *app) configDir() (string, error) {
	if dir := a.getenv("COGCTL_CONFIG_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("no home for the configuration: %v; set COGCTL_CONFIG_DIR", err)
	}
	return filepath.Join(dir, "cogctl"), nil
}

// stateDir is where sessions are kept. On Windows the configuration folder
// roams between machines, which tokens must not.
func (a *app) stateDir() (string, error) {
	if runtime.GOOS != "windows" || a.getenv("COGCTL_CONFIG_DIR") != "" {
		return a.configDir()
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", usagef("no home for the sessions: %v; set COGCTL_CONFIG_DIR", err)
	}
	return filepath.Join(dir, "cogctl"), nil
}

// cacheDir is where key sets are kept.
func (a *app) cacheDir() (string, error) {
	if dir := a.getenv("COGCTL_CACHE_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", usagef("no home for the cache: %v; set COGCTL_CACHE_DIR", err)
	}
	return filepath.Join(dir, "cogctl"), nil
}

func (a *app) configPath() (string, error) {
	dir, err := a.configDir()
	return filepath.Join(dir, "config.toml"), err
}

// configFile reads config.toml; a file that is not there is an empty one.
func (a *app) configFile() (*config.File, error) {
	path, err := a.configPath()
	if err != nil {
		return nil, err
	}
	file, err := config.Read(path)
	return file, withCode(exitUsage, err)
}

// profile is what flags, environment and file come to.
func (a *app) profile() (*config.Profile, error) {
	if a.profiled != nil {
		return a.profiled, nil
	}
	file, err := a.configFile()
	_, homeless := a.configPath()
	if homeless != nil {
		file, err = config.NoFile(), nil // flags and variables may be enough
	}
	if err != nil {
		return nil, err
	}
	p, warnings, err := file.Resolve(config.Inputs{Flags: a.flags, Getenv: a.getenv})
	for _, warning := range warnings {
		a.warnDaily(warning)
	}
	if homeless != nil && errors.As(err, new(*config.UnknownProfileError)) {
		err = homeless // where the profile would be
	}
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	if err := a.refuseLoop(p.Name()); err != nil {
		return nil, err
	}
	a.profiled = p
	return p, nil
}

// otherProfile is what the file alone says about a profile that is not the one in
// use: flags and variables are for that one.
func (a *app) otherProfile(name string) (*config.Profile, error) {
	file, err := a.configFile()
	if err != nil {
		return nil, err
	}
	p, _, err := file.Resolve(config.Inputs{Flags: map[string]string{"profile": name}, Getenv: func(string) string { return "" }})
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return p, a.refuseLoop(p.Name())
}

// secrets resolves references such as env:NAME in the user's own file, for p.
func (a *app) secrets(p *config.Profile) secret.Resolver {
	home, _ := os.UserHomeDir()
	return secret.Resolver{Getenv: a.getenv, Environ: a.childEnviron(p.Name()), Home: home, Start: a.startChild,
		Keyring: fromKeyring, AWS: a.secretStore(p)}
}

// http is the client for everything that is not the user's own API call:
// bounded, and never following a redirect.
func (a *app) http() *http.Client {
	return transport.Client(a.recorded(a.network))
}

// api is the way to the user's own API: without limits, and with the bytes as the
// server sends them, as curl does without --compressed.
func (a *app) api() http.RoundTripper {
	network := a.network.Clone()
	network.DisableCompression = true
	network.MaxResponseHeaderBytes = 1 << 20
	return transport.Phases{Base: a.recorded(network)}
}

// recorded notes each exchange with a server, for --debug.
func (a *app) recorded(base http.RoundTripper) http.RoundTripper {
	if !a.debugging() && a.trace == nil {
		return base
	}
	return transport.Record{Base: base, Report: a.debugEvent, Now: a.now, Redactor: a.redactor}
}

// client is the app client of p's user pool.
func (a *app) client(s poolSettings, clientSecret string) *auth.Client {
	return auth.NewClient(auth.ClientConfig{
		Region: s.Region, UserPoolID: s.place(), ClientID: s.ClientID, ClientSecret: clientSecret,
		Endpoint: s.Endpoint, HTTP: a.http(), Now: a.now, Random: rand.Reader, Pause: a.pause, Redactor: a.redactor,
	})
}

// verifier checks tokens of p's user pool against its key set.
func (a *app) verifier(s poolSettings) auth.Verifier {
	return auth.Verifier{
		Keys: a.keys(s.JWKS), Issuers: s.Issuers, ClientID: s.ClientID, Emulated: s.Emulated,
		Foreign: s.Foreign, Learn: a.learnKeys(s),
	}
}

// keys is the key set at a URL.
func (a *app) keys(url string) jwt.KeySet {
	disk := a.keyFiles()
	return &jwt.RemoteKeys{URL: url, Client: a.http(), Now: a.now, Load: disk.loadKeys, Store: disk.storeKeys, Lock: disk.lock}
}

// caller is the AWS credentials of whoever runs this, found at once, as that may
// run programs and no lock is held yet. That there are none is told when they are
// wanted: a refresh does without.
func (a *app) caller(ctx context.Context, s poolSettings) aws.CredentialsProvider {
	a.adoptChildEnviron()
	found, err := awscred.Caller{Region: s.Region}.Retrieve(ctx)
	a.redactor.Add(found.SecretAccessKey, found.SessionToken)
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return found, err })
}

// sessions is where sign-ins are kept.
func (a *app) sessions(p *config.Profile) (*cache.Dir[auth.Session], error) {
	return storage[auth.Session](a, p, "sessions")
}

// awsCredentials is where what an identity pool gave is kept.
func (a *app) awsCredentials(p *config.Profile) (*cache.Dir[awscred.Held], error) {
	return storage[awscred.Held](a, p, "credentials")
}

// lastSignIns remembers, for each profile, who signed in last.
func (a *app) lastSignIns(p *config.Profile) (*cache.Dir[lastSignIn], error) {
	return storage[lastSignIn](a, p, "current")
}

func storage[T any](a *app, p *config.Profile, name string) (*cache.Dir[T], error) {
	options := cache.Options{Now: a.now, Warn: func(text string) { a.later("warning: %s", text) }, Busy: a.busy}
	if p.Get("storage").Text != "none" {
		dir, err := a.stateDir()
		if err != nil {
			return nil, err
		}
		options.Path = filepath.Join(dir, name)
	}
	return cache.Open[T](options), nil
}

// person tells whether somebody is there to answer questions.
func (a *app) person(p *config.Profile) bool {
	return a.terminal.person(p != nil && p.Get("no_input").Text == "true")
}

// completeProfiles names the profiles to a shell that completes.
func (a *app) completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	file, err := a.configFile()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return file.Names(), cobra.ShellCompDirectiveNoFileComp
}
