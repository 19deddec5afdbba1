package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/cogctl/cogctl/"

// mayImport says, for each room, which other rooms it may know. Imports point
// down only; auth and sandbox never see each other, so that neither can be
// right because the other is wrong in the same way.
var mayImport = map[string][]string{
	"internal/atomicfile":       {},
	"internal/redact":           {},
	"internal/jwt":              {"loopback"},
	"internal/srp":              {},
	"internal/sigv4":            {},
	"internal/request":          {},
	"internal/loopback":         {},
	"internal/transport":        {"redact", "loopback"},
	"internal/cache":            {"atomicfile"},
	"internal/nettest":          {},
	"internal/config":           {"atomicfile", "loopback"},
	"internal/auth":             {"jwt", "srp", "cache", "loopback", "redact"},
	"internal/awscred":          {"cache", "loopback", "redact"},
	"internal/gateway":          {"jwt", "sigv4"},
	"internal/hook":             {"loopback"},
	"internal/secret":           {"redact", "config", "sigv4"},
	"internal/importer":         {"config", "loopback"},
	"internal/sandbox":          {"jwt", "srp", "gateway", "hook", "loopback", "atomicfile", "sandbox/store", "sandbox/userpool", "sandbox/hosted", "sandbox/identity"},
	"internal/sandbox/awsjson":  {},
	"internal/sandbox/hosted":   {"jwt", "srp", "loopback", "sandbox/store", "sandbox/userpool"},
	"internal/sandbox/identity": {"jwt", "gateway", "sigv4", "sandbox/awsjson", "sandbox/store"},
	"internal/sandbox/store":    {"srp"},
	"internal/sandbox/userpool": {"jwt", "srp", "sandbox/awsjson", "sandbox/store"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p listed
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}

// TestLayers keeps the arrows between the rooms as they are drawn above, cobra
// in this package, and AWS's SDK in the rooms that speak to AWS.
func TestLayers(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, module+"internal/...") {
		room := strings.TrimPrefix(p.ImportPath, module)
		may, known := mayImport[room]
		if !known {
			t.Errorf("%s is a new room: say here what it may import", room)
		}
		for _, path := range p.Imports {
			switch other, ours := strings.CutPrefix(path, module); {
			case ours && !slices.Contains(may, strings.TrimPrefix(other, "internal/")):
				t.Errorf("%s imports %s", room, other)
			case strings.HasPrefix(path, "github.com/aws/") && room != "internal/auth" && room != "internal/awscred":
				t.Errorf("%s imports %s: AWS's SDK belongs to auth and awscred", room, path)
			case strings.HasPrefix(path, "github.com/spf13/"), path == "golang.org/x/term", path == "flag":
				t.Errorf("%s imports %s: the command line belongs to cmd", room, path)
			}
		}
	}
}

// outside are the things of the process that only this package may touch.
var outside = regexp.MustCompile(`\b(os\.(Stdin|Stdout|Stderr|Getenv|LookupEnv|Environ|Args|Exit)|time\.Now|http\.Default(Client|Transport)|func init\(\))\b`)

// TestOutsideWorld keeps streams, environment, clock and exit out of the rooms:
// they come in as fields and parameters.
func TestOutsideWorld(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`, module+"internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if strings.HasSuffix(filepath.Dir(path), "nettest") { // for tests only, see banned
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(data), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if found := outside.FindString(code); found != "" {
				t.Errorf("%s:%d: %s belongs to cmd", path, n+1, found)
			}
		}
	}
}

// TestConnectionsApart: where tests start servers, those of one leave the connections
// of the others alone, see nettest.
func TestConnectionsApart(t *testing.T) {
	t.Parallel()
	starting, apart := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		dir := filepath.Dir(path)
		starting[dir] = starting[dir] || startsServer.Match(data)
		apart[dir] = apart[dir] || bytes.Contains(data, []byte("nettest.Tests{")) || strings.HasSuffix(dir, "nettest")
		return err
	})
	if err != nil || len(starting) < 10 {
		t.Fatal(len(starting), err)
	}
	for dir, starts := range starting {
		if starts && !apart[dir] {
			t.Errorf("the tests in %s start servers: their TestMain runs nettest.Tests", dir)
		}
	}
}

var startsServer = regexp.MustCompile(`httptest\.New(TLS|Unstarted)?Server\(`)

// banned are imports that cost start-up time or size, with the reason.
var banned = map[string]string{
	"testing":         "test code in the program",
	"expvar":          "registers handlers at start",
	"net/http/pprof":  "registers handlers at start",
	"runtime/metrics": "fills tables at start; runtime.ReadMemStats tells of memory",
	"html/template":   "costs start-up of every run; internal/sandbox/hosted builds its pages from elements",
	"github.com/aws/aws-sdk-go-v2/service/ssm":            "costs one hello-world of start-up",
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager": "one signed POST does",
}

func TestBannedImports(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if why, found := banned[path]; found {
			t.Errorf("the program imports %s: %s", path, why)
		}
	}
}

// maxInit bounds what package initialisation may cost in all, in times what it costs a
// program that only imports reference: a ratio, because the speed of a virtual machine
// was seen to change by a third within minutes. Every run pays it, also cogctl token in
// a loop. It was 3.3 to 3.6 (1.16 ms at best) when this was written; 0.5 of it is
// gojq's, which --jq needs: an expression that picks one member of an answer saves a
// script a jq of its own, which costs more than that, and which CI images and Windows do
// not have.
const maxInit = 4.1

const reference = `package main

import (
	_ "encoding/xml"
	_ "html/template"
	_ "net/http"
)

func main() {}
`

// TestInitTime adds up what GODEBUG=inittrace=1 reports, of each package the least of
// several runs: a busy machine only ever adds, so on one there are more.
func TestInitTime(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/main.go", []byte(reference), 0o600); err != nil {
		t.Fatal(err)
	}
	for binary, what := range map[string]string{"cogctl": ".", "reference": dir + "/main.go"} {
		if out, err := exec.Command("go", "build", "-o", dir+"/"+binary, what).CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	ours, others := map[string]float64{}, map[string]float64{}
	ratio := 0.0
	for i := 0; i < 15 || i < 150 && ratio > maxInit; i++ {
		traceInit(t, dir+"/cogctl", ours)
		traceInit(t, dir+"/reference", others)
		ratio = sum(ours) / sum(others)
	}
	t.Logf("package initialisation: %.2f ms, %.2f times the reference's", sum(ours), ratio)
	if ratio <= maxInit {
		return
	}
	slowest := slices.SortedFunc(maps.Keys(ours), func(a, b string) int { return cmp.Compare(ours[b], ours[a]) })
	for _, name := range slowest[:10] {
		t.Logf("%.3f ms  %s", ours[name], name)
	}
	t.Errorf("package initialisation takes %.2f times what the reference takes, more than %.1f", ratio, maxInit)
}

// traceInit runs a program once for addTrace.
func traceInit(t *testing.T, binary string, least map[string]float64) {
	t.Helper()
	cmd := exec.Command(binary, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace strings.Builder
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	addTrace(least, trace.String())
}

func sum(times map[string]float64) (total float64) {
	for _, ms := range times {
		total += ms
	}
	return total
}

// addTrace reads lines such as "init net/http @0.5 ms, 0.012 ms clock, …" and keeps
// the least of each package.
func addTrace(least map[string]float64, trace string) {
	for _, line := range strings.Split(trace, "\n") {
		before, after, found := strings.Cut(line, "@")
		fields := strings.Fields(after)
		if !found || len(fields) < 3 {
			continue
		}
		name := strings.TrimSpace(strings.TrimPrefix(before, "init "))
		ms, err := strconv.ParseFloat(fields[2], 64)
		if old, known := least[name]; err == nil && (!known || ms < old) {
			least[name] = ms
		}
	}
}
