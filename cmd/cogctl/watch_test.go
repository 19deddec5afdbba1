package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// watcher collects the traces of a script's processes and searches them for
// secrets when the script is over.
type watcher struct {
	folder  string
	known   []canary
	planted []*regexp.Regexp // findings that there must be
}

type watcherKey struct{}

// watch begins to watch a script.
func watch(env *testscript.Env) error {
	folder, err := os.MkdirTemp("", "cogctl-trace-")
	if err != nil {
		return err
	}
	env.Setenv(traceVariable, folder)
	w := &watcher{folder: folder}
	env.Values[watcherKey{}] = w
	env.Defer(func() {
		defer os.RemoveAll(folder)
		found, err := w.search()
		if err != nil {
			env.T().Fatal(err)
		}
		found, missed := w.sift(found)
		if len(found) > 0 {
			env.T().Fatal("secrets where none belong:\n" + strings.Join(found, "\n"))
		}
		if len(missed) > 0 {
			env.T().Fatal("planted, and not found: " + strings.Join(missed, ", "))
		}
	})
	return nil
}

// scriptLeaks says that the script shows a secret on purpose, to see that it is
// found.
func scriptLeaks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: leaks REGEXP")
	}
	w := watched(ts)
	w.planted = append(w.planted, regexp.MustCompile(args[0]))
}

// sift parts what was planted from what was not, and names what was planted and
// not found.
func (w *watcher) sift(found []string) (others, missed []string) {
	for _, planted := range w.planted {
		if !slices.ContainsFunc(found, planted.MatchString) {
			missed = append(missed, planted.String())
		}
	}
	return slices.DeleteFunc(found, func(finding string) bool {
		return slices.ContainsFunc(w.planted, func(p *regexp.Regexp) bool { return p.MatchString(finding) })
	}), missed
}

func watched(ts *testscript.TestScript) *watcher { return ts.Value(watcherKey{}).(*watcher) }

// sandbox notes the secrets of the script's sandbox.
func (w *watcher) sandbox(s stack) error {
	w.known = append(w.known,
		canary{aPassword, sandbox.DefaultPassword}, canary{aPassword, sandbox.TemporaryPassword},
		canary{aClientSecret, s.secrets[sandbox.SecretClientID]}, canary{aClientSecret, s.secrets[sandbox.MachineClientID]},
		canary{aControlKey, s.ControlKey})
	_, body, err := control(s.Control, s.ControlKey, http.MethodGet, "/users/totp/totp", "")
	if err == nil {
		w.gather(body, controlKinds())
	}
	return err
}

// transcript takes what a terminal showed for the standard error of a run and,
// where all is set, for its standard output.
func (w *watcher) transcript(args []string, shown string, all bool) error {
	path, err := os.MkdirTemp(w.folder, "run-")
	if err != nil {
		return err
	}
	t := &trace{path: path}
	t.writeJSON("about.json", aboutProcess{Args: args})
	t.write("terminal", []byte(shown))
	if all {
		t.write("terminal-out", nil)
	}
	return nil
}

// processTrace is the trace of one process, read.
type processTrace struct {
	path string
	aboutProcess
	answers string // of APIs, as against those of the user pool
}

// search reads the traces and looks for what should not be there.
func (w *watcher) search() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(w.folder, "run-*"))
	if err != nil {
		return nil, err
	}
	canaries := w.known
	var haystacks []haystack
	seen := map[string]bool{} // files stay the same from run to run
	for _, path := range paths {
		r := processTrace{path: path}
		if err := r.read("about.json", &r.aboutProcess); err != nil {
			return nil, err
		}
		canaries = append(canaries, r.secrets()...)
		stacks, err := r.haystacks()
		if err != nil {
			return nil, err
		}
		for _, h := range stacks {
			if !seen[h.where+h.text] {
				seen[h.where+h.text] = true
				haystacks = append(haystacks, h)
			}
		}
	}
	return leaks(canaries, haystacks), nil
}

func (r *processTrace) read(name string, into any) error {
	data, err := os.ReadFile(filepath.Join(r.path, name))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// glob returns the files of a pattern, by name.
func (r *processTrace) glob(pattern string) map[string][]byte {
	paths, _ := filepath.Glob(filepath.Join(r.path, pattern))
	files := map[string][]byte{}
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil {
			files[filepath.Base(path)] = data
		}
	}
	return files
}

// secrets are those that the run was given, sent, got and kept.
func (r *processTrace) secrets() []canary {
	var w watcher
	for _, entry := range r.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if kind, secret := givenKinds()[name]; secret && !config.IsReference(value) {
			w.add(kind, value)
		} else if strings.HasPrefix(name, "COGCTL_ANSWER_CUSTOM_CHALLENGE") {
			w.add(aCode, value)
		}
	}
	for name, sent := range r.glob("sent-*") {
		got, _ := os.ReadFile(filepath.Join(r.path, "got"+strings.TrimPrefix(name, "sent")))
		r.answers += w.exchanges(sent, got)
	}
	for _, session := range r.glob("sessions/*") {
		w.gather(session, sessionKinds())
	}
	for _, file := range r.glob("files/config/config.toml") {
		for _, match := range regexp.MustCompile(`(?m)^(client_secret|password|totp_secret) *= *"(.*)"`).FindAllSubmatch(file, -1) {
			if value := string(match[2]); !config.IsReference(value) {
				w.add(aLiteral, value)
			}
		}
	}
	return w.known
}

func (w *watcher) add(kind, value string) {
	switch kind {
	case anIDToken, anAccessToken, aRefreshToken, aToken:
		if raw, err := jwt.Extract(value); err == nil {
			value = raw
		}
		kind = kindOfToken(value, kind)
	}
	if value != "" {
		w.known = append(w.known, canary{kind, value})
	}
}

// givenKinds are the variables that hold secrets.
func givenKinds() map[string]string {
	kinds := map[string]string{"COGCTL_SANDBOX_CONTROL_KEY": aControlKey}
	for _, f := range config.Fields() {
		if f.Secret && f.Env != "" {
			kinds[f.Env] = aPassword
		}
	}
	maps.Copy(kinds, map[string]string{"COGCTL_CLIENT_SECRET": aClientSecret, "COGCTL_TOTP_SECRET": aTOTPSecret, "COGCTL_MFA_CODE": aCode, "COGCTL_TOKEN": aToken,
		"COGCTL_API_KEY": anAPIKey, "AWS_SECRET_ACCESS_KEY": anAWSSecret, "AWS_SESSION_TOKEN": anAWSSession})
	return kinds
}

// wireKinds are the members of requests and answers of the user pool API that
// hold secrets.
func wireKinds() map[string]string {
	return map[string]string{
		"PASSWORD": aPassword, "NEW_PASSWORD": aPassword, "Password": aPassword, "ProposedPassword": aPassword, "PreviousPassword": aPassword,
		"SECRET_HASH": aProof, "SecretHash": aProof, "PASSWORD_CLAIM_SIGNATURE": aProof, "ClientSecret": aClientSecret,
		"IdToken": anIDToken, "AccessToken": anAccessToken, "RefreshToken": aRefreshToken, "REFRESH_TOKEN": aRefreshToken, "Token": aRefreshToken,
		"SMS_MFA_CODE": aCode, "EMAIL_OTP_CODE": aCode, "SMS_OTP_CODE": aCode, "SOFTWARE_TOKEN_MFA_CODE": aCode,
		"ConfirmationCode": aCode, "UserCode": aCode, "Code": aCode,
		"SecretKey": anAWSSecret, "SessionToken": anAWSSession,
		"Session": aSession, "SecretCode": aTOTPSecret, "PasswordVerifier": aDeviceSecret,
	}
}

// controlKinds are those of the sandbox's control listener.
func controlKinds() map[string]string {
	return map[string]string{"code": aCode, "next": aCode, "secret": aTOTPSecret}
}

// sessionKinds are those of stored sessions.
func sessionKinds() map[string]string {
	return map[string]string{
		"id_token": anIDToken, "access_token": anAccessToken, "refresh_token": aRefreshToken,
		"password": aDeviceSecret, "device_password": aDeviceSecret, "secret": aDeviceSecret, "verifier": aDeviceSecret,
		"SecretAccessKey": anAWSSecret, "SessionToken": anAWSSession,
	}
}

// gather adds the members of a JSON text, at any depth, that kinds names.
func (w *watcher) gather(data []byte, kinds map[string]string) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, element := range v {
				walk(element)
			}
		case map[string]any:
			// Other challenges have names for answers.
			if responses, ok := v["ChallengeResponses"].(map[string]any); ok && v["ChallengeName"] == "CUSTOM_CHALLENGE" {
				w.add(aCode, fmt.Sprint(responses["ANSWER"]))
			}
			for name, member := range v {
				text, isText := member.(string)
				if kind := kinds[name]; isText && kind != "" {
					w.add(kind, text)
				}
				walk(member)
			}
		}
	}
	var v any
	if json.Unmarshal(data, &v) == nil {
		walk(v)
	}
}

// exchanges reads the HTTP of one connection, adds the secrets in it, and returns
// the answers of others than the user pool: what call is there to print.
func (w *watcher) exchanges(sent, got []byte) (answers string) {
	requests, responses := bufio.NewReader(bytes.NewReader(sent)), bufio.NewReader(bytes.NewReader(got))
	for {
		request, err := http.ReadRequest(requests)
		if err != nil {
			return answers
		}
		asked, _ := io.ReadAll(request.Body) // what there is of a broken one
		var answer []byte
		response, err := http.ReadResponse(responses, request)
		for err == nil && response.StatusCode < 200 {
			response, err = http.ReadResponse(responses, request)
		}
		if err == nil {
			answer, _ = io.ReadAll(response.Body)
		}
		key := request.Header.Get(sandbox.KeyHeader)
		switch {
		case request.Header.Get("X-Amz-Target") != "":
			w.gather(asked, wireKinds())
			w.gather(answer, wireKinds())
		case key != "":
			w.add(aControlKey, key)
			w.gather(answer, controlKinds())
		case strings.HasPrefix(request.URL.Path, "/oauth"):
			form, _ := url.ParseQuery(string(asked))
			w.add(aRefreshToken, form.Get("refresh_token"))
			w.add(aClientSecret, form.Get("client_secret"))
			w.gather(answer, sessionKinds())
			answers += string(answer) // which call may have been told to ask for
		default:
			w.authorization(request.Header)
			if err == nil {
				answers += fmt.Sprint(response.Header) + string(answer)
			}
		}
	}
}

// authorization adds what authorized a call. Of a signature only itself is secret.
func (w *watcher) authorization(h http.Header) {
	value := h.Get("Authorization")
	if _, signature, signed := strings.Cut(value, ", Signature="); signed {
		w.add(aSignature, signature)
		w.add(anAWSSession, h.Get("X-Amz-Security-Token"))
	} else {
		w.add(aToken, strings.TrimPrefix(value, "Bearer "))
	}
	w.add(anAPIKey, h.Get(apiKeyHeader))
}

// haystacks are the texts of a run, with what each may hold.
func (r *processTrace) haystacks() ([]haystack, error) {
	of := "cogctl " + strings.Join(r.Args, " ")
	list := []haystack{{"the command line", strings.Join(r.Args, "\n"), r.mayArgs()}}
	for name, text := range r.glob("*") {
		h := haystack{where: name + " of " + of, text: string(text)}
		_, all := r.glob("terminal-out")["terminal-out"]
		switch {
		case name == "stdout":
			h.may = r.mayPrint()
		case name == "terminal":
			// People see the codes that they type, and the secret of an authenticator
			// that they set up.
			h.may = may(aCode, aTOTPSecret)
			if print := r.mayPrint(); all {
				h.may = func(n needle) bool { return print(n) || may(aCode, aTOTPSecret)(n) }
			}
		case strings.HasPrefix(name, "child-"):
			var child childProcess
			if err := r.read(name, &child); err != nil {
				return nil, err
			}
			h.text = strings.Join(slices.Concat(child.Args, r.handedOn(child.Environ)), "\n")
		case name != "stderr" && name != "debug":
			continue
		}
		list = append(list, h)
	}
	for name, text := range r.glob("sessions/*") {
		list = append(list, haystack{where: "the session's " + name, text: string(text), may: mayKeep})
	}
	for _, place := range []string{"temp", "home"} {
		for name, text := range r.glob("files/" + place + "/*") {
			list = append(list, haystack{where: "the " + place + " folder's " + name, text: string(text)})
		}
	}
	for name, text := range r.glob("files/cache/*") {
		list = append(list, haystack{where: "the cache's " + name, text: string(text)})
	}
	for name, text := range r.glob("files/config/*") {
		h := haystack{where: "the configuration's " + name, text: string(text)}
		switch name {
		case "config.toml":
			h.may = may(aLiteral) // the user's own doing, and warned about
		case "backend-secret", "machine-secret":
			h.may = may(aClientSecret) // the sandbox's, for its profiles backend and machine
		}
		list = append(list, h)
	}
	return list, nil
}
