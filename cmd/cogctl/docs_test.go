package main

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/cogctl/cogctl/internal/config"
)

var update = flag.Bool("update", false, "write the generated completions and man pages anew")

// TestGenerated compares completions/ and docs/man/ with what the command tree
// says now. go test ./cmd/cogctl -run TestGenerated -update writes them.
func TestGenerated(t *testing.T) {
	t.Parallel()
	for folder, files := range map[string]map[string][]byte{
		"../../completions": completionFiles(t),
		"../../docs/man":    manPages(t),
	} {
		if *update {
			rewrite(t, folder, files)
			continue
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Error(err)
			} else if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
				t.Errorf("%s/%s is not what the commands say now: run this test with -update", folder, name)
			}
		}
		present, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range present {
			if _, made := files[entry.Name()]; !made {
				t.Errorf("%s/%s is not generated any more: run this test with -update", folder, entry.Name())
			}
		}
	}
}

func rewrite(t *testing.T, folder string, files map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func completionFiles(t *testing.T) map[string][]byte {
	t.Helper()
	root := newRoot(newApp())
	files := map[string][]byte{}
	for name, generate := range map[string]func(*bytes.Buffer) error{
		"cogctl.bash": func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) },
		"_cogctl":     func(b *bytes.Buffer) error { return root.GenZshCompletion(b) },
		"cogctl.fish": func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) },
		"cogctl.ps1":  func(b *bytes.Buffer) error { return root.GenPowerShellCompletionWithDesc(b) },
	} {
		var b bytes.Buffer
		if err := generate(&b); err != nil {
			t.Fatal(err)
		}
		files[name] = b.Bytes()
	}
	return files
}

func manPages(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	epoch := time.Unix(0, 0)
	walk(fullRoot(), func(cmd *cobra.Command) {
		cmd.DisableAutoGenTag = true
		var b bytes.Buffer
		header := &doc.GenManHeader{Section: "1", Date: &epoch, Source: "cogctl", Manual: "cogctl manual"}
		if err := doc.GenMan(cmd, header, &b); err != nil {
			t.Fatal(err)
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		files[name] = b.Bytes()
	})
	return files
}

// fullRoot is the tree with the texts of the help topics in it.
func fullRoot() *cobra.Command {
	root := newRoot(newApp())
	for _, t := range topics() {
		for _, cmd := range root.Commands() {
			if cmd.Name() == t.name {
				cmd.Long = t.text()
			}
		}
	}
	return root
}

// walk visits every command that help shows, root first.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		if !child.Hidden && child.Name() != "help" {
			walk(child, visit)
		}
	}
}

// TestHelp holds each command's help to a form: what people read first must be
// there, and fit.
func TestHelp(t *testing.T) {
	t.Parallel()
	walk(fullRoot(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || strings.ToUpper(cmd.Short[:1]) != cmd.Short[:1] {
			t.Errorf("%s: Short %q: a phrase with a capital and no full stop", path, cmd.Short)
		}
		for _, line := range strings.Split(cmd.Long, "\n") {
			if len(line) > 100 && !isGenerated(cmd) {
				t.Errorf("%s: a help line of %d characters: %s", path, len(line), line)
			}
		}
		if cmd.Runnable() && cmd.Example == "" && !isGenerated(cmd) {
			t.Errorf("%s has no example", path)
		}
		for _, line := range examples(cmd) {
			if !strings.Contains(line, "cogctl") {
				t.Errorf("%s: example without cogctl: %s", path, line)
			}
		}
	})
}

// isGenerated tells cobra's own commands from ours.
func isGenerated(cmd *cobra.Command) bool {
	return strings.HasPrefix(cmd.CommandPath(), "cogctl completion")
}

func examples(cmd *cobra.Command) []string {
	var lines []string
	for _, line := range strings.Split(cmd.Example, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestNoSuchCommand walks the tree: a mistyped word below any group of commands
// is a usage error, never quietly an operand.
func TestNoSuchCommand(t *testing.T) {
	t.Parallel()
	walk(newRoot(newApp()), func(cmd *cobra.Command) {
		if !cmd.HasSubCommands() {
			return
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "frob")
		a := newApp()
		a.stdout, a.stderr = devNull(t), devNull(t)
		if err := execute(t.Context(), a, args); exitCode(err) != exitUsage {
			t.Errorf("cogctl %s: %v (exit %d), want exit %d", strings.Join(args, " "), err, exitCode(err), exitUsage)
		}
	})
}

func devNull(t *testing.T) *os.File {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestExitCodesTopic compares the help topic with the codes in use: the constants
// of errors.go, and the numbers of curl that package transport gives. A code that
// is in one and not in the other is told.
func TestExitCodesTopic(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"23": true} // curl's for output that cannot be written, in call.go
	for path, constant := range map[string]string{
		"errors.go":                            `(?m)^\texit[A-Z]\w*\s+= (\d+)`,
		"../../internal/transport/curlcode.go": `(?m)^\tCurl[A-Z]\w*\s+= (\d+)`,
	} {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(constant).FindAllSubmatch(source, -1)
		if len(found) < 5 {
			t.Fatalf("%s: %d constants found; bring the expression up to date", path, len(found))
		}
		for _, match := range found {
			used[string(match[1])] = true
		}
	}
	told := map[string]bool{}
	for _, line := range strings.Split(exitCodesTopic, "\n") {
		line = strings.ReplaceAll(line, "--no-fail gives 0", "")
		for _, number := range regexp.MustCompile(`\b\d+\b`).FindAllString(line, -1) {
			told[number] = true
		}
	}
	for _, prose := range []string{"400"} { // HTTP 400, and no exit code
		delete(told, prose)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Keys(told))); diff != "" {
		t.Errorf("exit codes (-in use +in the help topic):\n%s", diff)
	}
}

// TestBuilders: the table that start-up builds one command from knows every
// command of the whole tree, by every name.
func TestBuilders(t *testing.T) {
	t.Parallel()
	left := builders()
	for _, cmd := range newRoot(newApp()).Commands() {
		if !cmd.Runnable() || slices.Contains([]string{"help", "completion"}, cmd.Name()) {
			continue
		}
		for _, name := range append(cmd.Aliases, cmd.Name()) {
			build, found := left[name]
			if !found || build(newApp()).Name() != cmd.Name() {
				t.Errorf("builders does not make %s for %q", cmd.Name(), name)
			}
			delete(left, name)
		}
	}
	if len(left) > 0 {
		t.Errorf("builders knows more than the tree: %v", left)
	}
}

// TestEnvironmentTopic: every variable that the program looks at is in the help
// topic.
func TestEnvironmentTopic(t *testing.T) {
	t.Parallel()
	topic := environmentTopic()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	later := map[string]bool{}
	for _, field := range config.Fields() {
		if field.Env != "" && !field.Later && !strings.Contains(topic, field.Env) {
			t.Errorf("%s is not in cogctl help environment", field.Env)
		}
		later[field.Env] = field.Later
	}
	for _, source := range sources {
		data, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(source, "_test.go") || source == "topics.go" {
			continue
		}
		for _, name := range regexp.MustCompile(`COGCTL_[A-Z0-9_]+`).FindAllString(string(data), -1) {
			answer, isAnswer := strings.CutPrefix(name, "COGCTL_ANSWER_")
			switch {
			case later[name], strings.HasPrefix(name, "COGCTL_SANDBOX_"):
			case isAnswer && strings.Contains(topic, answer), strings.Contains(topic, name):
			default:
				t.Errorf("%s: %s is not in cogctl help environment", source, name)
			}
		}
	}
}
