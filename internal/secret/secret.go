// Package secret turns a reference such as "env:DEV_SECRET" into the value it
// stands for, so that a configuration file need not hold the value itself.
//
//	env:NAME   an environment variable
//	file:PATH  the text of a file, without the newline at its end
//	cmd:ARGV   what a program prints, without the newline at its end
//
//	keyring:SERVICE/NAME      a password of the desktop's keyring
//	secretsmanager:NAME#KEY   a secret of AWS Secrets Manager, or one key of it
//	ssm:/PATH                 a parameter of AWS's Parameter Store, decrypted
//
// Only values read from the user's own configuration file may be resolved:
// the caller decides that by a value's origin. A value that came from a flag,
// the environment or a server is literal whatever it looks like, because its
// sender must not be able to name a file to read or a program to run.
package secret

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/config"
)

// MaxSize is the most bytes a file or a program may give.
const MaxSize = 64 << 10

// Resolver reads references. Its fields are the outside world.
type Resolver struct {
	// Getenv looks up the variable of an env: reference.
	Getenv func(string) string
	// Environ is the whole environment of the programs a cmd: reference
	// starts, already without this program's own secrets. Nil means empty.
	Environ []string
	// Home replaces "~" in file:~/PATH. Empty refuses such a path.
	Home string
	// Start starts a program in the way the process starts programs of the
	// user's; nil just starts it.
	Start func(start func() error) error
	// Timeout ends a cmd: program, and the wait for the keyring, which may ask
	// for its own password; zero means 30 seconds.
	Timeout time.Duration
	// Keyring looks a password up; nil refuses keyring: references.
	Keyring func(service, name string) (string, error)
	// AWS reads secretsmanager: and ssm: references; nil refuses them.
	AWS *AWS
}

// Resolve returns the value ref stands for. Text that is no reference comes
// back as it is, with isReference false. An empty value is an error: an unset
// variable or an empty file is a mistake better told here than by a server.
// Errors name the reference and never hold the value, nor what a program
// printed on its standard output.
func (r Resolver) Resolve(ctx context.Context, ref string) (value string, isReference bool, err error) {
	if !config.IsReference(ref) {
		return ref, false, nil
	}
	scheme, rest, _ := strings.Cut(ref, ":")
	switch scheme {
	case "env":
		value, err = r.env(rest)
	case "file":
		value, err = r.file(rest)
	case "cmd":
		value, err = r.cmd(ctx, rest)
	case "keyring":
		value, err = r.keyring(ctx, rest)
	case "secretsmanager", "ssm":
		value, err = r.aws(ctx, scheme, rest)
	default:
		err = fmt.Errorf("%s: there are no such references", ref)
	}
	if err != nil {
		return "", true, err
	}
	return value, true, nil
}

// aws reads a secret or a parameter.
func (r Resolver) aws(ctx context.Context, scheme, rest string) (value string, err error) {
	if r.AWS == nil {
		return "", fmt.Errorf("%s:%s: not read here", scheme, rest)
	}
	if scheme == "ssm" {
		value, err = r.AWS.parameter(ctx, rest)
	} else {
		value, err = r.AWS.secretsManager(ctx, rest)
	}
	if err == nil {
		value, err = clean(value)
	}
	if err != nil {
		return "", fmt.Errorf("%s:%s: %w", scheme, rest, err)
	}
	return value, nil
}

// keyring reads SERVICE/NAME; only NAME may have slashes in it. The keyring cannot
// be told to stop, so that at the end of the time it is left alone.
func (r Resolver) keyring(ctx context.Context, rest string) (string, error) {
	service, name, found := strings.Cut(rest, "/")
	if !found || service == "" || name == "" {
		return "", fmt.Errorf("keyring:%s: write keyring:SERVICE/NAME", rest)
	}
	if r.Keyring == nil {
		return "", fmt.Errorf("keyring:%s: not read here", rest)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.Timeout, defaultTimeout))
	defer cancel()
	type result struct {
		value string
		err   error
	}
	got := make(chan result, 1)
	go func() {
		value, err := r.Keyring(service, name)
		got <- result{value, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("keyring:%s: no answer: %w", rest, ctx.Err())
	case k := <-got:
		value, err := k.value, k.err
		if err == nil {
			value, err = clean(value)
		}
		if err != nil {
			return "", fmt.Errorf("keyring:%s: %w", rest, err)
		}
		return value, nil
	}
}

func (r Resolver) env(name string) (string, error) {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return "", fmt.Errorf("env:%s: not the name of an environment variable", name)
	}
	value := r.Getenv(name)
	if value == "" {
		return "", fmt.Errorf("env:%s: the variable is unset or empty", name)
	}
	return value, nil
}

func (r Resolver) file(name string) (string, error) {
	path, err := r.expand(name)
	if err != nil {
		return "", fmt.Errorf("file:%s: %w", name, err)
	}
	data, err := readFile(path)
	if err != nil {
		return "", fmt.Errorf("file:%s: %w", name, err)
	}
	// Editors on Windows put a byte order mark before UTF-8 text.
	text, err := clean(strings.TrimPrefix(string(data), "\ufeff"))
	if err != nil {
		return "", fmt.Errorf("file:%s: %w", name, err)
	}
	return text, nil
}

// expand makes name absolute. A path relative to wherever the program happens
// to be started would let the working directory choose the secret.
func (r Resolver) expand(name string) (string, error) {
	inHome := len(name) > 1 && name[0] == '~' && os.IsPathSeparator(name[1])
	switch {
	case inHome && r.Home == "":
		return "", errors.New("the home directory is not known; give the whole path")
	case inHome:
		return filepath.Join(r.Home, name[2:]), nil
	case !filepath.IsAbs(name):
		return "", errors.New("give the whole path, or one that begins with ~/")
	}
	return name, nil
}

// readFile reads a regular file of at most MaxSize bytes. Pipes and devices
// are refused before they are opened: opening one can wait for ever.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(data) > MaxSize {
		return nil, errTooLong
	}
	return data, nil
}

var (
	errTooLong = fmt.Errorf("longer than %d KiB", MaxSize>>10)
	errEmpty   = errors.New("empty")
	errNUL     = errors.New("it holds a NUL byte, so it is not plain text (UTF-16, as older PowerShells write with >, is not read: save it as UTF-8)")
)

// clean removes the newlines at the end, as $(…) in a shell does.
func clean(text string) (string, error) {
	text = strings.TrimRight(text, "\r\n")
	switch {
	case text == "":
		return "", errEmpty
	case strings.ContainsRune(text, 0):
		return "", errNUL
	}
	return text, nil
}

// cause strips the operation and the path from a file error: the reference in
// front of it already says both.
func cause(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
