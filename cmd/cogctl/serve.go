package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/loopback"
	"github.com/cogctl/cogctl/internal/redact"
)

// served is a program to run beside an endpoint with credentials for it.
type served struct {
	source        awscred.Source
	path          string
	command       []string
	environ       []string
	folder, token string // private to the run; what the endpoint wants to hear
}

// serveChild runs the program while an endpoint on this machine gives it AWS
// credentials. They are had once before it starts: a program that cannot have any
// need not start.
func (a *app) serveChild(ctx context.Context, s served) error {
	if _, err := s.source(ctx); err != nil {
		return err
	}
	listener, err := loopback.Listen(ctx, "127.0.0.1", 0)
	if err != nil {
		return err
	}
	defer listener.Close()
	if s.folder, err = os.MkdirTemp("", "cogctl-exec-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.folder)
	s.token = rand.Text() + rand.Text() // 260 bits
	tokenFile := filepath.Join(s.folder, "token")
	if err := os.WriteFile(tokenFile, []byte(s.token), 0o600); err != nil {
		return err
	}
	a.redactor.Add(s.token)
	// The program outlives the signal that would end us, and so do its credentials.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	path := "/" + rand.Text()
	server := a.credentialServer(running, awscred.Endpoint{
		Host: listener.Addr().String(), Path: path, Token: s.token, Source: s.source,
		Tell: func(err error) string { return a.redactor.String(redact.Visible(err.Error())) },
	})
	defer server.Close()
	go func() { _ = server.Serve(listener) }()
	go a.keepFresh(running, s.source)

	child := exec.Command(s.path)
	child.Args = s.command
	child.Env = append(a.shielded(s),
		"AWS_CONTAINER_CREDENTIALS_FULL_URI="+listener.URL()+path,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="+tokenFile,
		// SDKs from before 2023 know only this one; the others prefer the file.
		"AWS_CONTAINER_AUTHORIZATION_TOKEN="+s.token)
	return a.runChild(ctx, child, s.command[0])
}

// credentialServer serves the endpoint to a program that is on this machine and in a
// hurry: SDKs wait a second or two.
func (a *app) credentialServer(ctx context.Context, endpoint awscred.Endpoint) *http.Server {
	return &http.Server{
		Handler: endpoint, BaseContext: func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// keepFresh renews the credentials as soon as that is due, so that an SDK need not
// wait for it. A failure is told to the SDK when it asks.
func (a *app) keepFresh(ctx context.Context, source awscred.Source) {
	const least, most = 30 * time.Second, time.Hour
	for ctx.Err() == nil {
		wait := least
		if c, err := source(ctx); err == nil {
			if wait = most; !c.Expires.IsZero() {
				wait = min(max(c.Expires.Sub(a.now())-awsMargin+time.Second, least), most)
			}
		}
		if a.pause(ctx, wait) != nil {
			return
		}
	}
}

// shielded is the program's environment with the files of ~/.aws hidden whose default
// profile has credentials: every SDK would take those before it asks the endpoint.
// Files that cannot be read are hidden, too: an SDK may read what we cannot.
func (a *app) shielded(s served) []string {
	environ := slices.Clone(s.environ)
	home, _ := os.UserHomeDir()
	for _, file := range []struct{ variable, name string }{
		{"AWS_CONFIG_FILE", "config"}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials"},
	} {
		path := a.getenv(file.variable)
		if path == "" {
			path = filepath.Join(home, ".aws", file.name)
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || err == nil && !defaultHasCredentials(string(data)) {
			continue
		}
		a.note("the program does not see %s: its default profile has credentials of its own", path)
		environ = slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, file.variable+"=") })
		environ = append(environ, file.variable+"="+filepath.Join(s.folder, "none"))
	}
	return environ
}

// defaultHasCredentials tells whether the default profile of a file of ~/.aws leads to
// credentials, by whichever of the keys
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html has for it.
func defaultHasCredentials(text string) bool {
	inDefault := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if section, found := strings.CutPrefix(line, "["); found {
			section, _, _ = strings.Cut(section, "]")
			words := strings.Fields(section)
			inDefault = len(words) > 0 && strings.EqualFold(words[len(words)-1], "default") &&
				(len(words) == 1 || strings.EqualFold(words[0], "profile"))
			continue
		}
		key, _, found := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !inDefault || !found {
			continue
		}
		for _, begins := range []string{"aws_access_key", "aws_secret_access_key", "aws_session_token", "credential_process", "credential_source",
			"role_arn", "source_profile", "sso_", "web_identity_token_file", "login_session"} {
			if strings.HasPrefix(key, begins) {
				return true
			}
		}
	}
	return false
}
