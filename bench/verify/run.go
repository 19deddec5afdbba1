package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command verifies the bench's tokens on so many cores.
func (b *bench) command(cores int) *exec.Cmd {
	cmd := exec.Command(b.cogctl, "token", "verify", "--batch", "--jwks", b.keys, "--issuer", b.issuer, "--client-id", b.client, "--use", "access")
	cmd.Env = []string{"GOMAXPROCS=" + strconv.Itoa(cores)} // and no HOME: nothing of the machine's counts
	return cmd
}

// raw does the signatures alone.
func (b *bench) raw() *exec.Cmd {
	cmd := exec.Command(b.self, "-raw", b.keys)
	cmd.Env = []string{"GOMAXPROCS=1"}
	return cmd
}

// node is aws-jwt-verify, which works on one core whatever there are.
func (b *bench) node() *exec.Cmd {
	cmd := exec.Command("node", b.script, b.keys, b.issuer, b.client)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	return cmd
}

// against runs cogctl and another program in turn and returns how many times as
// fast cogctl is.
func (b *bench) against(name string, other func() *exec.Cmd, cores int, out io.Writer) (float64, error) {
	var ours, theirs []time.Duration // of processor time on one core, of the clock on more
	for i := range b.rounds + 1 {
		u, err := b.once(b.command(cores), cores)
		if err != nil {
			return 0, err
		}
		t, err := b.once(other(), cores)
		if err != nil {
			return 0, err
		}
		if i > 0 { // the first round only warms the page cache
			ours, theirs = append(ours, u), append(theirs, t)
		}
	}
	u, t := median(ours), median(theirs)
	fmt.Fprintf(out, "%d core(s): cogctl %6.0f ms (%5.1f us a token)   %s %6.0f ms (%5.1f us)   %.2f times as fast\n",
		cores, ms(u), 1000*ms(u)/float64(b.options.tokens), name, ms(t), 1000*ms(t)/float64(b.options.tokens), float64(t)/float64(u))
	return float64(t) / float64(u), nil
}

// once runs a program over the tokens, all of which it must take. What it costs is
// processor time where one core is meant, which other work on the machine does not
// change, else time on the clock.
func (b *bench) once(cmd *exec.Cmd, cores int) (time.Duration, error) {
	tokens, err := os.Open(b.tokens)
	if err != nil {
		return 0, err
	}
	defer tokens.Close()
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tokens, &out, &said
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, said.String())
	}
	if valid := strings.Count(out.String(), `"valid":true`); valid != b.options.tokens {
		return 0, fmt.Errorf("%s took %d of %d tokens", filepath.Base(cmd.Path), valid, b.options.tokens)
	}
	if cores == 1 {
		took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return took, nil
}

// peak is the most memory that a batch of so many lines has had, in bytes. It is
// read while the program waits for the end of its input.
func (b *bench) peak(lines int) (int64, error) {
	data, err := os.ReadFile(b.tokens)
	if err != nil {
		return 0, err
	}
	cmd := b.command(2)
	input, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	fed := make(chan error, 1)
	go func() {
		var err error
		for left := lines; left > 0 && err == nil; left -= b.options.tokens {
			_, err = input.Write(data)
		}
		fed <- err
	}()
	// The verdicts of all lines but the last portions have come when the input is
	// written; the rest follow at once.
	counted := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, output)
		counted <- n
	}()
	if err := <-fed; err != nil {
		return 0, err
	}
	peak, err := highWater(cmd.Process.Pid)
	input.Close()
	<-counted
	if failed := cmd.Wait(); err == nil {
		err = failed
	}
	return peak, err
}

// highWater reads VmHWM of a process (proc(5)), in bytes.
func highWater(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, fmt.Errorf("no VmHWM of process %d", pid)
	}
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	return kb << 10, err
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
