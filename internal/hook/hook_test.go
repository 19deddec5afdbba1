package hook

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// need skips where a language is not installed.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("no %s here", program)
	}
}

// folder holds files for one test.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func environ() []string { return []string{"PATH=" + os.Getenv("PATH"), "GIVEN=1"} }

// outcome is how an event ended.
type outcome struct {
	answer  string // JSON
	message string // of a FunctionError
	kind    string
	said    string // a part of it
}

// check runs one event and compares.
func check(t *testing.T, r Runner, want outcome) {
	t.Helper()
	var said []byte
	r.Said = func(text []byte) { said = text }
	if r.Environ == nil {
		r.Environ = environ()
	}
	answer, err := r.Invoke(t.Context(), []byte(`{"a":{"b":["ü",1]}}`))
	var raised *FunctionError
	switch {
	case want.kind == "" && want.message == "":
		if err != nil || string(answer) != want.answer {
			t.Errorf("%s: %s, %v; want %s", r, answer, err, want.answer)
		}
	case !errors.As(err, &raised) || raised.Message != want.message || raised.Type != want.kind:
		t.Errorf("%s: %s, %v; want %s %q", r, answer, err, want.kind, want.message)
	}
	if !strings.Contains(string(said), want.said) {
		t.Errorf("%s said %q, want %q in it", r, said, want.said)
	}
}

const pythonFile = `
import os, sys, threading, time, subprocess
import sibling

def echo(event, context):
    print("from print")
    os.write(1, b"from descriptor 1\n")
    subprocess.run(["sh", "-c", "echo from a child"])
    return event

def context(event, context):
    left = context.get_remaining_time_in_millis()
    return [context.function_name, context.function_version, len(context.aws_request_id), 0 < left <= 10000]

def unauthorized(event, context):
    raise Exception("Unauthorized")

class Mine(Exception):
    pass

def mine(event, context):
    raise Mine("no", 1)

def key(event, context):
    return event["nothing"]

def unfit(event, context):
    return {1, 2}

def leaves(event, context):
    sys.exit(3)

def dies(event, context):
    os._exit(7)

def nothing(event, context):
    pass

def environ(event, context):
    return [os.environ.get("GIVEN"), os.environ.get("HOME"), sibling.VALUE, os.path.basename(os.getcwd()) == os.path.basename(os.path.dirname(__file__))]

def thread(event, context):
    threading.Thread(target=lambda: time.sleep(60)).start()
    return 1

class Handlers:
    @staticmethod
    def inner(event, context):
        return "inner"
`

func TestPython(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	dir := folder(t, map[string]string{
		"authorizer.py": pythonFile, "sibling.py": "VALUE = 'beside'", "broken.py": "def f(:\n", "lost.py": "import no_such_module_here",
	})
	for function, want := range map[string]outcome{
		"authorizer.py:echo":           {answer: `{"a": {"b": ["\u00fc", 1]}}`, said: "from print"},
		"authorizer.py:context":        {answer: `["authorizer", "$LATEST", 36, true]`},
		"authorizer.py:unauthorized":   {message: "Unauthorized", kind: "Exception"},
		"authorizer.py:mine":           {message: "('no', 1)", kind: "Mine", said: "Traceback"},
		"authorizer.py:key":            {message: "'nothing'", kind: "KeyError"},
		"authorizer.py:unfit":          {message: "Unable to marshal response: Object of type set is not JSON serializable", kind: "Runtime.MarshalError"},
		"authorizer.py:leaves":         {message: "Runtime exited with exit status: 3", kind: "Runtime.ExitError"},
		"authorizer.py:nothing":        {answer: "null"},
		"authorizer.py:environ":        {answer: `["1", null, "beside", true]`},
		"authorizer.py:thread":         {answer: "1"},
		"authorizer.py:Handlers.inner": {answer: `"inner"`},
		"authorizer.py:missing":        {message: "Handler 'missing' missing on module 'authorizer'", kind: "Runtime.HandlerNotFound"},
		"lost.py:f":                    {message: "Unable to import module 'lost': No module named 'no_such_module_here'", kind: "Runtime.ImportModuleError"},
	} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			check(t, Runner{Python: function, Dir: dir}, want)
		})
	}
	_, err := Runner{Python: "broken.py:f", Dir: dir, Environ: environ()}.Invoke(t.Context(), []byte("{}"))
	if raised := (*FunctionError)(nil); !errors.As(err, &raised) || raised.Type != "Runtime.UserCodeSyntaxError" {
		t.Errorf("a file with a syntax error: %v", err)
	}
	_, err = Runner{Python: "authorizer.py:dies", Dir: dir, Environ: environ()}.Invoke(t.Context(), []byte("{}"))
	if err == nil || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("a function that ends its process: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "__pycache__")); err == nil {
		t.Error("a __pycache__ was left beside the file")
	}
}

const nodeFile = `
const fs = require("fs");
exports.echo = async (event) => { console.log("from console"); fs.writeSync(1, "from descriptor 1\n"); return event; };
exports.context = async (event, context) => [context.functionName, context.awsRequestId.length, context.getRemainingTimeInMillis() > 0];
exports.called = (event, context, callback) => setTimeout(() => callback(null, "called"), 5);
exports.refused = (event, context, callback) => callback("Unauthorized");
exports.refusedError = (event, context, callback) => callback(new TypeError("no"));
exports.thrown = () => { throw new RangeError("far"); };
exports.rejected = async () => { throw new Error("Unauthorized"); };
exports.text = async () => { throw "plain"; };
exports.later = (event, context, callback) => { setTimeout(() => { throw new Error("later"); }, 1); };
exports.nothing = () => {};
exports.undefinedToo = async () => undefined;
exports.circle = async () => { const a = {}; a.a = a; return a; };
exports.timer = async () => { setInterval(() => {}, 1000); return 1; };
exports.succeed = (event, context) => context.succeed("old");
exports.environ = async () => [process.env.GIVEN, process.env.HOME === undefined, require("./sibling.js").value];
exports.long = async () => "x".repeat(300000);
`

func TestNode(t *testing.T) {
	t.Parallel()
	need(t, "node")
	dir := folder(t, map[string]string{
		"index.js": nodeFile, "sibling.js": "exports.value = 'beside'",
		"module.mjs": "export const handler = async (event) => ({ esm: import.meta.url.startsWith('file:') });\nexport default { inner: { f: () => Promise.resolve(2) } };\n",
		"lost.mjs":   "import 'no-such-module-here';", "broken.js": "exports.f = (;",
		"whole.js": "module.exports = { handler: async () => 'whole' };",
	})
	for function, want := range map[string]outcome{
		"index.js:echo":         {answer: `{"a":{"b":["ü",1]}}`, said: "from console"},
		"index.js:context":      {answer: `["index",36,true]`},
		"index.js:called":       {answer: `"called"`},
		"index.js:refused":      {message: "Unauthorized", kind: "string"},
		"index.js:refusedError": {message: "no", kind: "TypeError"},
		"index.js:thrown":       {message: "far", kind: "RangeError", said: "RangeError: far"},
		"index.js:rejected":     {message: "Unauthorized", kind: "Error"},
		"index.js:text":         {message: "plain", kind: "string"},
		"index.js:later":        {message: "later", kind: "Error"},
		"index.js:nothing":      {answer: "null"},
		"index.js:undefinedToo": {answer: "null"},
		"index.js:timer":        {answer: "1"},
		"index.js:succeed":      {answer: `"old"`},
		"index.js:environ":      {answer: `["1",true,"beside"]`},
		"index.js:long":         {answer: `"` + strings.Repeat("x", 300000) + `"`},
		"index.js:missing":      {message: "index.missing is undefined or not exported", kind: "Runtime.HandlerNotFound"},
		"whole.js:handler":      {answer: `"whole"`},
		"module.mjs:handler":    {answer: `{"esm":true}`},
		"module.mjs:inner.f":    {answer: `2`},
	} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			check(t, Runner{Node: function, Dir: dir}, want)
		})
	}
	for function, kind := range map[string]string{
		"index.js:circle": "Runtime.MarshalError", "lost.mjs:f": "Runtime.ImportModuleError", "broken.js:f": "Runtime.UserCodeSyntaxError",
	} {
		_, err := Runner{Node: function, Dir: dir, Environ: environ()}.Invoke(t.Context(), []byte("{}"))
		if raised := (*FunctionError)(nil); !errors.As(err, &raised) || raised.Type != kind {
			t.Errorf("%s: %v, want %s", function, err, kind)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	need(t, "sh")
	dir := folder(t, map[string]string{"here.sh": "#!/bin/sh\ncat >/dev/null\necho '\"here\"'\n"})
	sh := func(script string) Runner { return Runner{Command: []string{"sh", "-c", script}, Dir: dir} }
	for script, want := range map[string]outcome{
		"cat":                              {answer: `{"a":{"b":["ü",1]}}`},
		"echo aside >&2; echo true":        {answer: "true", said: "aside"},
		`echo '{"errorMessage": "plain"}'`: {message: "plain"},
		`echo '{"errorMessage": 1}'`:       {answer: `{"errorMessage": 1}`},
		`echo "[\"$GIVEN\", \"$HOME\"]"`:   {answer: `["1", ""]`},
		`echo '{"principalId":"a","errorMessage":"no error"}'`:                                      {answer: `{"principalId":"a","errorMessage":"no error"}`},
		`echo '{"errorMessage": "Unauthorized", "errorType": "E", "stackTrace": ["here"]}'; exit 3`: {message: "Unauthorized", kind: "E"},
	} {
		check(t, sh(script), want)
	}
	if runtime.GOOS != "windows" {
		check(t, Runner{Command: []string{"./here.sh"}, Dir: dir}, outcome{answer: `"here"`})
	}
	for script, want := range map[string]string{
		"exit 3":                       "exit status 3",
		"echo 1; echo why >&2; exit 3": "exit status 3: why",
		"echo nonsense":                `its answer is not JSON: "nonsense"`,
		"true":                         "its answer is not JSON: it is empty",
		"head -c 3000000 /dev/zero":    "its answer is longer than 1048576 bytes",
		"yes":                          "its answer is longer than 1048576 bytes",
		`printf '"'; head -c 1048576 /dev/zero | tr '\0' x; printf '"'`: "its answer is longer than 1048576 bytes",
	} {
		r := sh(script)
		r.Environ = environ()
		answer, err := r.Invoke(t.Context(), []byte("{}"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %.100s, %v; want %q", script, answer, err, want)
		}
	}
}

// TestLeavesNothing: neither a slow function nor what one left behind lives on.
func TestLeavesNothing(t *testing.T) {
	t.Parallel()
	need(t, "sh")
	if runtime.GOOS == "windows" {
		t.Skip("asks about processes as Unix has them")
	}
	for name, script := range map[string]string{
		"slow":        "sleep 60 & echo $! >&2; echo $$ >&2; sleep 60",
		"left behind": "sleep 60 >/dev/null 2>&1 & echo $! >&2; echo 1",
		"deaf":        "trap '' TERM INT HUP; (trap '' TERM INT HUP; sleep 60) & echo $! >&2; sleep 60; sleep 60",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said string
			// A shell on a busy machine needs its time before it names a process.
			for limit := 300 * time.Millisecond; said == ""; limit *= 3 {
				if limit > 30*time.Second {
					t.Fatal("the script named no process")
				}
				r := Runner{Command: []string{"sh", "-c", script}, Environ: environ(), Timeout: limit, Said: func(b []byte) { said = string(b) }}
				began := time.Now()
				_, err := r.Invoke(t.Context(), []byte("{}"))
				if late := (*TimeoutError)(nil); name != "left behind" && (!errors.As(err, &late) || late.After != r.Timeout) {
					t.Errorf("the error is %v", err)
				}
				if took := time.Since(began); took > limit+20*time.Second {
					t.Errorf("it took %s", took)
				}
			}
			for _, pid := range strings.Fields(said) {
				if number, err := strconv.Atoi(pid); err != nil || lives(number) {
					t.Errorf("process %s lives on (%v)", pid, err)
				}
			}
		})
	}
}

// lives gives a killed process a moment to be reaped by whoever does that here.
func lives(pid int) bool {
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return false
		}
	}
	return true
}

func TestSaidIsBounded(t *testing.T) {
	t.Parallel()
	need(t, "sh")
	var said []byte
	r := Runner{Command: []string{"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo 1"}, Environ: environ(), Said: func(b []byte) { said = b }}
	if answer, err := r.Invoke(t.Context(), []byte("{}")); err != nil || string(answer) != "1" {
		t.Fatalf("%s, %v", answer, err)
	}
	if len(said) > maxSaid+100 || !strings.HasSuffix(string(said), "(more was left out)\n") {
		t.Errorf("%d bytes were kept: …%q", len(said), said[max(0, len(said)-30):])
	}
}
