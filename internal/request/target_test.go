package request

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	const v1 = "https://api.example.com/v1"
	tests := []struct{ base, path, want string }{
		{v1, "/x", v1 + "/x"},
		{v1, "x", v1 + "/x"},
		{v1 + "/", "/x", v1 + "/x"},
		{v1 + "/", "x", v1 + "/x"},
		{v1, "/x/", v1 + "/x/"},
		{v1, "", v1},
		{v1 + "/", "", v1 + "/"},
		{v1, "/", v1 + "/"},
		{v1, "?q=1", v1 + "?q=1"},
		{v1 + "/", "?q=1", v1 + "/?q=1"},
		{v1, "x?q=1&r=/../", v1 + "/x?q=1&r=/../"},
		{v1, "x?u=http://other", v1 + "/x?u=http://other"},
		{v1, "/x#frag", v1 + "/x"},
		{v1, "#frag", v1},
		{v1, "//evil.com", v1 + "//evil.com"},
		{v1, "///evil.com", v1 + "///evil.com"},
		{v1, "@evil.com/", v1 + "/@evil.com/"},
		{v1, "/@evil.com/", v1 + "/@evil.com/"},
		{v1, ":pass@evil.com/", v1 + "/:pass@evil.com/"},
		{v1, ".evil.com", v1 + "/.evil.com"},
		{v1, ":8443/x", v1 + "/:8443/x"},
		{v1, `\evil.com`, v1 + "/%5Cevil.com"},
		{v1, "https:evil.com", v1 + "/https:evil.com"},
		{v1, "x/http://other", v1 + "/x/http://other"},
		{v1, "/a%2Fb", v1 + "/a%2Fb"},
		{v1, "/a%2fb/ü x", v1 + "/a%2fb/%C3%BC%20x"},
		{v1, `/"<>^{|}[]'` + "`", v1 + "/%22%3C%3E%5E%7B%7C%7D[]'%60"},
		{v1, "/x?a=b c&d=%zz&e=1;2&f=ü", v1 + "/x?a=b%20c&d=%zz&e=1;2&f=%C3%BC"},
		{v1, "/...", v1 + "/..."},
		{v1, "ab/x", v1 + "/ab/x"},
		{v1, "1:/x", v1 + "/1:/x"},
		{"https://api.example.com", "//evil.com", "https://api.example.com//evil.com"},
		{"https://api.example.com", "@evil.com", "https://api.example.com/@evil.com"},
		{"https://api.example.com", ".evil.com", "https://api.example.com/.evil.com"},
		{"https://api.example.com", ":8443", "https://api.example.com/:8443"},
		{"https://api.example.com", "?q=1", "https://api.example.com?q=1"},
		{"https://api.example.com", "", "https://api.example.com"},
		{"https://api.example.com/a%2Fb", "x", "https://api.example.com/a%2Fb/x"},
		{"http://[::1]:9400/v1", "x", "http://[::1]:9400/v1/x"},
	}
	for _, tt := range tests {
		u, err := Join(tt.base, tt.path)
		if err != nil {
			t.Errorf("Join(%q, %q): %v", tt.base, tt.path, err)
			continue
		}
		base, _ := url.Parse(tt.base)
		if u.String() != tt.want || u.Host != base.Host || u.User != nil {
			t.Errorf("Join(%q, %q) = %q, want %q", tt.base, tt.path, u, tt.want)
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	const v1 = "https://api.example.com/v1"
	tests := []struct{ base, path, inText, inTip string }{
		{v1, "http://other", "is a URL", ""},
		{v1, "C:/Program Files/Git/x/y", "Git Bash", "(x/y)"},
		{v1, "C:/Program Files/Git/x", "Git Bash", "MSYS_NO_PATHCONV=1"},
		{v1, `d:\msys64\x`, "Git Bash", "without"},
		{v1, "../admin", `".."`, ""},
		{v1, "/x/../admin", `".."`, ""},
		{v1, "/x/%2e%2E/admin", `"%2e%2E"`, ""},
		{v1, "/x/./y", `"."`, ""},
		{v1, "/x/..", `".."`, ""},
		{v1, "/x/..?q=1", `".."`, ""},
		{v1, "/a%zz", "invalid URL escape", ""},
		{v1, "/a\nb", "control character", ""},
		{v1 + "?q=1", "x", "has a query", ""},
		{v1 + "?", "x", "has a query", ""},
		{v1 + "/../x", "y", `".."`, ""},
		{"https://u:secret-word@api.example.com", "x", "user name or password", ""},
		{"https://u:secret-word@api.example.com:port", "x", "not a URL", ""},
		{"ftp://api.example.com", "x", "not an http", ""},
		{"api.example.com", "x", "not an http", ""},
		{"https://", "x", "names no host", ""},
		{"", "x", "not an http", ""},
	}
	for _, tt := range tests {
		u, err := Join(tt.base, tt.path)
		ue, ok := errors.AsType[*UsageError](err)
		if !ok {
			t.Errorf("Join(%q, %q) = %v, %v", tt.base, tt.path, u, err)
			continue
		}
		if tt.inTip == "without" {
			tt.inTip = "leave the leading slash out"
		}
		if !strings.Contains(ue.Error(), tt.inText) || !strings.Contains(ue.Hint(), tt.inTip) || strings.Contains(ue.Text+ue.Tip, "secret-word") {
			t.Errorf("Join(%q, %q): %q, hint %q", tt.base, tt.path, ue.Text, ue.Tip)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	const v1 = "https://api.example.com/v1"
	for _, tt := range []struct{ base, target, want string }{
		{v1, "/x", v1 + "/x"},
		{v1, "http://other.example/x?q=a b#f", "http://other.example/x?q=a%20b"},
		{"", "HTTPS://other.example/x", "https://other.example/x"},
		{v1, "//other.example/x", v1 + "//other.example/x"},
		{"", "/x", ""},
		{"", "C:/Program Files/Git/x", ""},
		{v1, "ftp://other.example", ""},
		{v1, "file:///etc/passwd", ""},
		{v1, "https://u:p@other.example", ""},
		{v1, "https://other.example/../x", ""},
		{v1, "https:///x", ""},
	} {
		u, err := Resolve(tt.base, tt.target)
		if tt.want == "" {
			if ue, ok := errors.AsType[*UsageError](err); !ok {
				t.Errorf("Resolve(%q, %q) = %v, %v", tt.base, tt.target, u, err)
			} else if tt.target == "/x" && !strings.Contains(ue.Hint(), "COGCTL_API_URL") {
				t.Errorf("no way out: %q", ue.Hint())
			}
			continue
		}
		if err != nil || u.String() != tt.want {
			t.Errorf("Resolve(%q, %q) = %v, %v, want %q", tt.base, tt.target, u, err, tt.want)
		}
	}
}

// Whatever the path: the scheme, the host and the path of the base stay, in
// the value and after the round trip through text that a client makes.
func FuzzJoin(f *testing.F) {
	for _, s := range []string{
		"/x", "x", "//evil.com", "@evil.com/", "/a%2Fb", "?q=1", "", "http://other", "C:/x", "../x", "/%2e%2e/", ":80",
		"\\evil", "#", "?#", "/x?a=b c", "\x00", "%", "é", "https:evil.com", ";", "[::1]", "\t//evil.com", " //evil.com",
	} {
		f.Add(s)
	}
	bases := []string{"https://api.example.com/v1", "https://api.example.com", "https://api.example.com/v1/", "http://[::1]:9400/a%2Fb"}
	f.Fuzz(func(t *testing.T, path string) {
		for _, base := range bases {
			u, err := Join(base, path)
			if err != nil {
				if _, ok := errors.AsType[*UsageError](err); !ok {
					t.Fatalf("%T: %v", err, err)
				}
				continue
			}
			again, err := url.Parse(u.String())
			if err != nil {
				t.Fatalf("Join(%q, %q) = %q does not parse: %v", base, path, u, err)
			}
			b, _ := url.Parse(base)
			for _, u := range []*url.URL{u, again} {
				prefix := strings.TrimSuffix(b.EscapedPath(), "/")
				rest, under := strings.CutPrefix(u.EscapedPath(), prefix)
				if u.Scheme != b.Scheme || u.Host != b.Host || u.User != nil || u.Opaque != "" || u.Fragment != "" ||
					!under || rest != "" && rest[0] != '/' {
					t.Fatalf("Join(%q, %q) = %#v", base, path, u)
				}
				for _, segment := range strings.Split(u.EscapedPath(), "/") {
					if s, _ := url.PathUnescape(segment); s == "." || s == ".." {
						t.Fatalf("Join(%q, %q) = %q has a dot segment", base, path, u)
					}
				}
				if strings.ContainsFunc(u.RequestURI(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
					t.Fatalf("Join(%q, %q): request line %q", base, path, u.RequestURI())
				}
			}
		}
	})
}
