//go:build conformance

package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// awsProgram is py/aws.py: the CLI with its modules loaded once for all the runs of a
// test. Where the CLI is no script, each run is the program itself.
type awsProgram struct {
	t    *testing.T
	path string
	env  []string

	mu      sync.Mutex
	started bool
	process *os.Process // nil: there is none
	in      io.Writer
	out     *json.Decoder
}

// run is one run of the CLI; ok is false where it has to be run another way.
func (p *awsProgram) run(t *testing.T, c awsCLI, args []string) (r result, ok bool) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started {
		p.started = true
		p.start()
	}
	if p.process == nil {
		return result{}, false
	}
	env := map[string]string{}
	for _, entry := range c.env {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	request, err := json.Marshal(map[string]any{"args": args, "env": env})
	if err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(time.Minute, func() { p.process.Kill() }).Stop()
	var answer struct {
		Code           int
		Stdout, Stderr string
	}
	if _, err := p.in.Write(append(request, '\n')); err != nil {
		t.Fatalf("py/aws.py: %v", err)
	}
	if err := p.out.Decode(&answer); err != nil {
		t.Fatalf("aws %s: py/aws.py: %v", args[2], err)
	}
	return result{code: answer.Code, stdout: answer.Stdout, stderr: answer.Stderr}, true
}

func (p *awsProgram) start() {
	p.t.Helper()
	program, err := os.ReadFile(p.path)
	if err != nil {
		p.t.Fatal(err)
	}
	first, _, _ := bytes.Cut(program, []byte("\n"))
	interpreter, isScript := strings.CutPrefix(strings.TrimSpace(string(first[:min(len(first), 200)])), "#!")
	if !isScript || !strings.Contains(interpreter, "python") {
		return
	}
	cmd := exec.Command(interpreter, "py/aws.py", p.path)
	cmd.Env = p.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		return
	}
	p.t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	p.in, p.out = in, json.NewDecoder(out)
	var ready bool
	if err := p.out.Decode(&ready); err != nil || !ready {
		p.t.Logf("each run loads the AWS CLI anew: py/aws.py: %v\n%s", err, stderr.String())
		return
	}
	p.process = cmd.Process
}
