package gateway

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func routes(kind Kind, lines string) []Route {
	var out []Route
	for line := range strings.SplitSeq(lines, ",") {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if method == "-" {
			method = ""
		}
		out = append(out, Route{Name: strings.TrimSpace(line), Method: method, Path: path, Kind: kind})
	}
	return out
}

func TestRoutePrecedence(t *testing.T) {
	t.Parallel()
	// The first five are AWS's own example ("Working with routes for HTTP APIs").
	const pets = "GET /pets/dog/1, GET /pets/dog/{id}, GET /pets/{proxy+}, ANY /{proxy+}"
	const items = "GET /items, POST /items, ANY /items/{id}, GET /items/{id}, GET /items/new, GET /items/{id}/notes, GET /items/new/{x}, GET /"
	for _, tt := range []struct {
		kind          Kind
		table         string
		method, path  string
		want          string // Name of the route, "" = none
		name, capture string
	}{
		{HTTP, pets, "GET", "/pets/dog/1", "GET /pets/dog/1", "", ""},
		{HTTP, pets, "GET", "/pets/dog/2", "GET /pets/dog/{id}", "id", "2"},
		{HTTP, pets, "GET", "/pets/cat/1", "GET /pets/{proxy+}", "proxy", "cat/1"},
		{HTTP, pets, "POST", "/test/5", "ANY /{proxy+}", "proxy", "test/5"},
		{HTTP, pets, "POST", "/pets/dog/1", "ANY /{proxy+}", "proxy", "pets/dog/1"},
		{REST, pets, "POST", "/pets/dog/1", "", "", ""},
		{REST, pets, "POST", "/test/5", "ANY /{proxy+}", "proxy", "test/5"},
		{REST, pets, "GET", "/", "", "", ""},
		{HTTP, pets, "GET", "/", "", "", ""},

		{REST, items, "GET", "/items", "GET /items", "", ""},
		{REST, items, "POST", "/items", "POST /items", "", ""},
		{REST, items, "DELETE", "/items", "", "", ""},
		{REST, items, "GET", "/items/7", "GET /items/{id}", "id", "7"},
		{REST, items, "PUT", "/items/7", "ANY /items/{id}", "id", "7"},
		{REST, items, "PATCHY", "/items/7", "", "", ""},
		{REST, items, "GET", "/items/new", "GET /items/new", "", ""},
		{REST, items, "PUT", "/items/new", "", "", ""},
		{HTTP, items, "PUT", "/items/new", "ANY /items/{id}", "id", "new"},
		{REST, items, "GET", "/items/new/notes", "GET /items/new/{x}", "x", "notes"},
		{REST, items, "GET", "/items/7/notes", "GET /items/{id}/notes", "id", "7"},
		{REST, items, "GET", "/", "GET /", "", ""},
		{REST, items, "get", "/items", "", "", ""},
		{REST, items, "HEAD", "/items", "", "", ""},
		{REST, items, "GET", "/Items", "", "", ""},
		{REST, items, "GET", "/items/", "", "", ""},
		{REST, items, "GET", "//items", "", "", ""},
		{REST, items, "GET", "/items//notes", "", "", ""},
		{REST, items, "GET", "/items/7/", "", "", ""},
		{REST, items, "GET", "/items/7/notes/8", "", "", ""},

		{REST, items, "GET", "/%69tems", "GET /items", "", ""},
		{REST, items, "GET", "/items%2F7", "", "", ""},
		{REST, items, "GET", "/items/a%2Fb", "GET /items/{id}", "id", "a/b"},
		{REST, items, "GET", "/items/a%2Fnotes", "GET /items/{id}", "id", "a/notes"},
		{REST, items, "GET", "/items/%20%25%C3%A4", "GET /items/{id}", "id", " %ä"},
		{REST, items, "GET", "/items/%FF%00", "GET /items/{id}", "id", "\xff\x00"},
		{REST, items, "GET", "/items/...", "GET /items/{id}", "id", "..."},
		{REST, items, "GET", "/items/.", "", "", ""},
		{REST, items, "GET", "/items/..", "", "", ""},
		{REST, items, "GET", "/x/../items", "", "", ""},
		{REST, items, "GET", "/items/%2e%2E", "", "", ""},
		{REST, items, "GET", "/items/a%2F..%2Fb", "", "", ""},
		{REST, items, "GET", "/items/..%5Cb", "", "", ""},
		{HTTP, pets, "GET", "/open/../pets", "", "", ""},

		{REST, "- /x, GET /y", "GET", "/x", "- /x", "", ""},
		{REST, " /x, any /y", "GET", "/y", "any /y", "", ""},
		{REST, "get /x", "GET", "/x", "get /x", "", ""},
		{REST, "GET x", "GET", "/x", "", "", ""},
		{REST, "GET /{a+}/b", "GET", "/x/b", "", "", ""},
		{REST, "GET /{a", "GET", "/{a", "GET /{a", "", ""},
		{REST, "GET /{a}, GET /{b}", "GET", "/x", "GET /{a}", "a", "x"},
		{REST, "GET /{a}, POST /{b}", "POST", "/x", "POST /{b}", "b", "x"},
	} {
		u, err := url.Parse("http://api.example" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		a := &API{Kind: tt.kind, Routes: routes(tt.kind, tt.table)}
		r := httptest.NewRequest(tt.method, "/", nil)
		r.URL = u
		found, kind, ok := a.find(r)
		if ok != (tt.want != "") || found.route.Name != tt.want || kind != tt.kind {
			t.Errorf("%s %s %s: %q, want %q", tt.kind, tt.method, tt.path, found.route.Name, tt.want)
			continue
		}
		if tt.name != "" && found.values[tt.name] != tt.capture || tt.name == "" && len(found.values) > 0 {
			t.Errorf("%s %s: values %q", tt.method, tt.path, found.values)
		}
	}
}

// TestRouteOrder: the order of the table decides nothing but ties.
func TestRouteOrder(t *testing.T) {
	t.Parallel()
	table := routes(HTTP, "ANY /{proxy+}, GET /{a}/{b}, GET /{a}/x, GET /x/{b}, ANY /x/x, GET /x/x")
	want := []string{"GET /x/x", "ANY /x/x", "GET /x/{b}", "GET /{a}/x", "GET /{a}/{b}", "ANY /{proxy+}"}
	for len(table) > 0 {
		a := &API{Routes: table}
		found, _, ok := a.find(httptest.NewRequest("GET", "/x/x", nil))
		if !ok || found.route.Name != want[0] {
			t.Fatalf("found %q, want %q", found.route.Name, want[0])
		}
		var rest []Route
		for _, r := range table {
			if r.Name != want[0] {
				rest = append(rest, r)
			}
		}
		table, want = rest, want[1:]
	}
}

// FuzzRoute: no path and no pattern makes the lookup panic; a literal route
// matches exactly its own path; and captured values, put back, give the path.
func FuzzRoute(f *testing.F) {
	for _, s := range [][2]string{
		{"/items/{id}", "/items/7"}, {"/{proxy+}", "/a/b%2Fc"}, {"/", "/"}, {"", ""}, {"/{", "//"}, {"/{+}", "/%"},
		{"/{}/x", "/y/x"}, {"/a/{b+}", "/a/"}, {"/{a}/{a}", "/1/2"}, {"*", "*"}, {"/a", "/a/../a"}, {"/{x}", "/%2e%2e"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		u, err := url.Parse(path)
		if err != nil {
			u = &url.URL{Path: path}
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = u
		a := &API{Routes: []Route{{Path: pattern}}}
		found, _, ok := a.find(r)
		if !ok {
			if pattern == u.Path && !strings.ContainsAny(path, "{}.%\\") && strings.HasPrefix(pattern, "/") && u.Host == "" {
				t.Errorf("%q does not match itself", path)
			}
			return
		}
		for name, value := range found.values {
			if value == "" {
				t.Errorf("pattern %q on %q: %q is empty", pattern, path, name)
			}
		}
		for part := range strings.SplitSeq(u.Path, "/") {
			if part == ".." || part == "." {
				t.Errorf("pattern %q takes %q", pattern, path)
			}
		}
		if strings.Count(pattern, "{") == 1 && len(found.values) == 1 {
			for name, value := range found.values {
				back := strings.NewReplacer("{"+name+"+}", value, "{"+name+"}", value).Replace(pattern)
				if back != u.Path {
					t.Errorf("pattern %q on %q: %q gives %q back", pattern, path, value, back)
				}
			}
		}
	})
}

// TestANY is of the methods that API Gateway knows, as it writes them.
func TestANY(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "ANY", "any"} {
		a := &API{Routes: []Route{{Method: name, Path: "/a"}}}
		for method, want := range map[string]bool{"GET": true, "HEAD": true, "PATCH": true, "get": false, "TRACE": false, "ANY": false, "PROPFIND": false} {
			r := httptest.NewRequest("GET", "/a", nil)
			r.Method = method
			if _, _, ok := a.find(r); ok != want {
				t.Errorf("%q on %q: %v", method, name, ok)
			}
		}
	}
}
