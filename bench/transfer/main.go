// Command transfer measures the memory of cogctl call while it sends and gets much:
// its VmHWM, in whole processes, against a server that verifies the signature and
// every byte.
//
//	go run ./bench/transfer                  print the figures, for 1 GB
//	go run ./bench/transfer -size 256 -check and exit 1 when a bar is missed
//
// The server keeps its answer to an upload back until the memory has been read. What
// the quarter of the size takes is measured too: memory that grows with the size
// would be found long before it meets the ceiling.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// What is still good, in KiB: the most that a run takes, and what it takes more of
// than for a quarter of the size.
const (
	ceiling = 64 << 10
	slope   = 8 << 10
)

var errMissed = errors.New("a bar is missed")

type options struct {
	size  int64 // MiB
	check bool
}

func main() {
	var o options
	flag.Int64Var(&o.size, "size", 1024, "how many `MiB` to send and to get")
	flag.BoolVar(&o.check, "check", false, "exit 1 when a bar is missed")
	flag.Parse()
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/transfer:", err)
		os.Exit(1)
	}
}

// transfer is one way to call.
type transfer struct {
	name string
	args []string // {file} is a file of the size, {url} the server's address
	pipe bool     // standard input brings the size
}

func transfers() []transfer {
	bearer, sigv4 := []string{"call", "{url}/", "--auth", "id", "-s", "-S"}, []string{"call", "{url}/", "--auth", "sigv4", "--aws", "-s", "-S"}
	with := func(base []string, more ...string) []string { return append(base[:len(base):len(base)], more...) }
	return []transfer{
		{"bearer  up    --data-binary @FILE", with(bearer, "--data-binary", "@{file}"), false},
		{"bearer  up    --data-binary @-", with(bearer, "--data-binary", "@-"), true},
		{"bearer  up    -T -", with(bearer, "-T", "-"), true},
		{"bearer  up    -d @FILE", with(bearer, "-d", "@{file}"), false},
		{"bearer  down", with(bearer, "-H", "X-Down: 1"), false},
		{"bearer  down  -o FILE", with(bearer, "-H", "X-Down: 1", "-o", os.DevNull), false},
		{"sigv4   up    --data-binary @FILE", with(sigv4, "--data-binary", "@{file}"), false},
		{"sigv4   up    --data-binary @-", with(sigv4, "--data-binary", "@-"), true},
		{"sigv4   up    -T -", with(sigv4, "-T", "-"), true},
		{"sigv4   down", with(sigv4, "-H", "X-Down: 1"), false},
	}
}

// bench is one run of this program.
type bench struct {
	cogctl, dir string
	server      *server
}

func run(o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "transfer")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{cogctl: filepath.Join(dir, "cogctl"), dir: dir}
	if err := build(b.cogctl); err != nil {
		return err
	}
	if b.server, err = listen(); err != nil {
		return err
	}
	defer b.server.Close()
	missed := false
	for _, t := range transfers() {
		small, _, err := b.measure(t, o.size<<20/4)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		large, took, err := b.measure(t, o.size<<20)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Fprintf(out, "%-36s %5d MiB: VmHWM %5.1f MiB (bar %d), a quarter of it %5.1f MiB; %5.2f s\n",
			t.name, o.size, float64(large)/1024, ceiling>>10, float64(small)/1024, took.Seconds())
		missed = missed || large > ceiling || large-small > slope
	}
	if missed && o.check {
		return errMissed
	}
	return nil
}

// build makes the binary as a release has it.
func build(binary string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/cogctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}

// measure runs one transfer of size bytes and returns its VmHWM, in KiB.
func (b bench) measure(t transfer, size int64) (used int, took time.Duration, err error) {
	cmd := exec.Command(b.cogctl)
	for _, arg := range t.args {
		switch arg {
		case "{url}/":
			arg = b.server.url
		case "@{file}":
			if err := b.file(size); err != nil {
				return 0, 0, err
			}
			arg = "@" + filepath.Join(b.dir, "body")
		}
		cmd.Args = append(cmd.Args, arg)
	}
	cmd.Env = []string{
		"HOME=" + b.dir, "TMPDIR=" + os.TempDir(), "PATH=" + os.Getenv("PATH"), "COGCTL_CONFIG_DIR=" + b.dir, "COGCTL_CACHE_DIR=" + b.dir,
		"COGCTL_API_URL=" + b.server.url, "COGCTL_REGION=us-east-1", "COGCTL_TOKEN=" + token,
		"AWS_ACCESS_KEY_ID=" + keyID, "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_EC2_METADATA_DISABLED=true",
	}
	got := &checked{left: size}
	cmd.Stdout, cmd.Stderr = got, os.Stderr
	if t.pipe {
		if cmd.Stdin, err = pipe(size); err != nil {
			return 0, 0, err
		}
		defer cmd.Stdin.(*os.File).Close()
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	memory := watch(cmd.Process.Pid)
	b.server.expect(size, memory.read)
	err = cmd.Wait()
	used = memory.stop()
	switch {
	case err != nil:
		return used, 0, fmt.Errorf("%w; the server says: %v", err, b.server.trouble())
	case b.server.trouble() != nil:
		return used, 0, b.server.trouble()
	case strings.Contains(t.name, "down") && got.left != 0 && !strings.Contains(t.name, "-o"):
		return used, 0, fmt.Errorf("%d bytes of the answer are missing", got.left)
	case used == 0:
		return 0, 0, errors.New("its memory could not be read: this needs /proc")
	}
	return used, time.Since(began), nil
}
