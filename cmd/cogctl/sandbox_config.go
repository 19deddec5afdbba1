package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// readSeed is what the sandbox starts with: the default one, or what a file says.
func readSeed(path string) (sandbox.Seed, error) {
	if path == "" {
		return sandbox.DefaultSeed(), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return sandbox.Seed{}, withCode(exitUsage, fmt.Errorf("--config: %w", err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, sandbox.MaxFile+1))
	if err != nil {
		return sandbox.Seed{}, withCode(exitUsage, fmt.Errorf("--config: %w", err))
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return sandbox.Seed{}, err
	}
	seed, err := sandbox.ParseSeed(data, folder)
	var at *sandbox.FileError
	if errors.As(err, &at) {
		return seed, hinted(usagef("%s%s: %v", path, at.Place(), err), "cogctl help sandbox-file has an example")
	}
	return seed, err
}

func (o sandboxOptions) checkPorts() error {
	for _, p := range []struct {
		flag string
		port int
	}{{"cloud-port", o.cloudPort}, {"api-port", o.apiPort}, {"control-port", o.controlPort}} {
		if p.port < 0 || p.port > 65535 {
			return usagef("--%s %d: a port is 0 (a free one) to 65535", p.flag, p.port)
		}
	}
	return nil
}

// unfit is what is wrong with a file that was read, as far as only its pools can tell.
func (o sandboxOptions) unfit(err error) error {
	if o.config == "" {
		return err
	}
	return hinted(usagef("%s: %v", o.config, err), "cogctl help sandbox-file has an example")
}

// notStarted is why there is no sandbox: a port, mostly, that somebody else has.
func (o sandboxOptions) notStarted(err error) error {
	if o.cloudPort == 0 && o.apiPort == 0 && o.controlPort == 0 {
		return err
	}
	return hinted(err, "--cloud-port, --api-port and --control-port choose the ports; 0 takes a free one")
}

// sandboxOptions gives the sandbox the outside world that its routes may lead to:
// programs that have nothing of the caller's accounts, and servers on this machine.
func (a *app) sandboxOptions(seed sandbox.Seed) sandbox.Options {
	network := a.network.Clone()
	network.DisableCompression = true // an answer passes as it is
	network.MaxResponseHeaderBytes = 1 << 20
	return sandbox.Options{
		Now: a.now, Seed: seed, Network: network,
		Environ: withoutAccounts(a.environ), StartChild: a.startChild, Said: a.handlerSaid,
	}
}

// handlerSaid passes on what a program behind a route wrote.
func (a *app) handlerSaid(handler string, text []byte) {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		fmt.Fprintf(&b, "cogctl: sandbox: %s: %s\n", redact.Visible(handler), redact.Visible(strings.TrimRight(line, "\r\n")))
	}
	_, _ = io.WriteString(a.redactedStderr(), b.String())
}

// withoutAccounts is an environment with nothing in it that leads to an account:
// no COGCTL_* and no AWS_*. Who waits for this run goes on: a program that is reached
// by way of a sandbox may come back to it as well.
func withoutAccounts(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		upper := strings.ToUpper(entry)
		return !strings.HasPrefix(entry, callersVariable+"=") &&
			(strings.HasPrefix(upper, "COGCTL_") || strings.HasPrefix(upper, "AWS_"))
	})
}
