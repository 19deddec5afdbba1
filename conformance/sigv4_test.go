//go:build conformance

package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// asked is a request to sign, as the peers' scripts read it. The URL holds the
// request-target as net/http writes it.
type asked struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
	Token   string      `json:"token"`
	Service string      `json:"service"`
	Date    string      `json:"date"`
	Params  bool        `json:"params"`
}

// answered is what a peer made of it.
type answered struct{ Authorization, Canonical, Error string }

// difference is a way in which a peer signs otherwise: the part of the canonical
// request that differs, for which requests, and why ours stands.
type difference struct {
	part string
	when func(asked) bool
	why  string
}

// botocore's two ways with a query, and aws4, with all in which they differ. What
// is not listed here is a failure, and so is a kind that does not occur.
var signers = []struct {
	name        string
	params      bool
	same        int // of 2,000, at least
	differences []difference
}{
	{name: "botocore", params: true, same: 1800, differences: []difference{
		{"path", s3Path, "botocore takes S3's path as it stands, because its own serializer has escaped all of it; S3 escapes what it has read, a raw ! becomes %21 (aws4 agrees)"},
		{"query", notUTF8, "the query is text for Python: bytes that are no UTF-8 become U+FFFD, and another request is sent"},
	}},
	{name: "botocore, the query in the URL", same: 1100, differences: []difference{
		{"path", s3Path, "as above"},
		{"query", notCanonical, "botocore takes a query in a URL as it stands and only sorts it; the server escapes what it has read (aws4, and botocore with parameters, agree)"},
	}},
	{name: "aws4", same: 1500, differences: []difference{
		{"error", notUTF8, "decodeURI throws at bytes that are no UTF-8"},
		{"path", rewritten, "aws4 decodes and encodes the whole target where there is a character that it does not know, and sends that path instead"},
		{"path", s3Slash, "aws4 takes an escaped slash and a plus in S3's path for a slash and a space; %2F and %2B are sent (botocore agrees)"},
		{"query", rewritten, "the same for the query: what was %26 becomes %2526 there"},
		{"query", notUTF8, "as botocore: U+FFFD"},
		{"query", emptyName, "aws4 drops a parameter without a name, and does not send it (botocore agrees with us)"},
		{"query", s3Twice, "aws4 signs only the first of S3's parameters of one name (botocore agrees with us)"},
		{"headers", spacedValues, "aws4 joins repeated headers before it trims them; AWS's own suite trims each value (get-header-value-trim, botocore agrees)"},
	}},
}

// TestSignatureDifferential signs 2,000 requests with ours, botocore and aws4, the
// same headers each time, and compares signatures.
func TestSignatureDifferential(t *testing.T) {
	const requests = 2000
	all := generate(t, requests)
	for _, s := range signers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			given := slices.Clone(all)
			for i := range given {
				given[i].Params = s.params
			}
			answers := signWith(t, s.name, given)
			seen := make([]int, len(s.differences))
			same := 0
			for i, a := range given {
				parts := compare(t, a, answers[i])
				if len(parts) == 0 {
					same++
				}
				for _, part := range parts {
					kind := slices.IndexFunc(s.differences, func(d difference) bool { return d.part == part && d.when(a) })
					if kind < 0 {
						t.Errorf("%s differs for %+v\ntheirs %+v", part, a, answers[i])
						continue
					}
					seen[kind]++
				}
			}
			t.Logf("%d of %d signatures are the same", same, requests)
			if same < s.same {
				t.Errorf("only %d of %d signatures are the same, want %d", same, requests, s.same)
			}
			for i, d := range s.differences {
				t.Logf("%4d: the %s: %s", seen[i], d.part, d.why)
				if seen[i] == 0 {
					t.Errorf("no request differs in the %s: %s", d.part, d.why)
				}
			}
		})
	}
}

// compare signs a with ours, for the header set of theirs, and names the parts in
// which the canonical requests differ. Our own must verify.
func compare(t *testing.T, a asked, theirs answered) []string {
	t.Helper()
	if theirs.Error != "" {
		return []string{"error"}
	}
	signature := regexp.MustCompile(`SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$`).FindStringSubmatch(theirs.Authorization)
	if signature == nil {
		return []string{"authorization"}
	}
	r := a.request(t)
	signer := &sigv4.Signer{Headers: strings.Split(signature[1], ";")}
	at, err := time.Parse("20060102T150405Z", a.Date)
	if err != nil {
		t.Fatal(err)
	}
	credentials := sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: a.Token}
	payload := sigv4.PayloadHash([]byte(a.Body))
	trace, err := signer.Sign(r, payload, credentials, sigv4.Scope{Region: "us-east-1", Service: a.Service}, at)
	if err != nil {
		t.Fatalf("%+v: %v", a, err)
	}
	find := func(string) (sigv4.Credentials, bool) { return credentials, true }
	if _, err := sigv4.Verify(r, payload, find, at); err != nil {
		t.Errorf("%+v: %v", a, err)
	}
	var parts []string
	ours, other := split(trace.CanonicalRequest), split(theirs.Canonical)
	for part, text := range ours {
		if text != other[part] {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 && trace.Signature != signature[2] {
		return []string{"signature"}
	}
	return parts
}

// split names the parts of a canonical request.
func split(canonical string) map[string]string {
	lines := strings.Split(canonical, "\n")
	n := len(lines)
	if n < 6 {
		return map[string]string{"all": canonical}
	}
	return map[string]string{"method": lines[0], "path": lines[1], "query": lines[2],
		"headers": strings.Join(lines[3:n-2], "\n"), "names": lines[n-2], "payload": lines[n-1]}
}

func (a asked) request(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequest(a.Method, a.URL, strings.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	if a.Body == "" {
		r.Body, r.ContentLength = nil, 0
	}
	for _, h := range a.Headers {
		r.Header.Add(h[0], h[1])
	}
	return r
}

// generate makes requests out of every character that a URL gives a meaning to.
func generate(t *testing.T, n int) []asked {
	random := rand.New(rand.NewPCG(2026, 4))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	plain := []string{"a", "Z", "0", "-", ".", "_", "~", "%20", "%25", "%C3%BC", "%E2%82%AC"}
	reserved := []string{":", "@", "!", "$", "'", "(", ")", "*", ",", ";", "+", "%21", "%2A", "%3A"}
	odd := []string{"ü", "日", "[", "]", "|", "\"", "<", "^", "`", "{", "%41", "%e2%82%ac"}
	var level int // of the request at hand: how strange its characters are
	text := func(longest int, extra ...string) string {
		var b strings.Builder
		for range random.IntN(longest + 1) {
			from := [][]string{plain, slices.Concat(reserved, extra), odd}[random.IntN(1+level)]
			b.WriteString(pick(from...))
		}
		if level == 2 && random.IntN(20) == 0 {
			b.WriteString("%FF")
		}
		return b.String()
	}
	query := func() string {
		var parameters []string
		for range random.IntN(5) {
			name := pick("a", "b", text(3, "/", "?", "%26", "%3D"))
			parameters = append(parameters, name+pick("=", "=", "=", "")+text(4, "=", "/", "?", "%26", "%2B"))
		}
		return strings.Join(parameters, pick("&", "&", "&", "&&"))
	}
	var all []asked
	for len(all) < n {
		level = []int{0, 1, 1, 2}[random.IntN(4)]
		path := ""
		for range random.IntN(5) {
			path += "/" + pick(text(4, "&", "=", "%2F", "%2f"), ".", "..", "", text(4), "prod")
		}
		scheme := pick("https", "http")
		u, err := url.Parse(scheme + "://" + pick("abc.execute-api.us-east-1.amazonaws.com", "api.example.com:8443", "api.example.com:443", "api.example.com:80", "127.0.0.1:9400") +
			path + pick("?"+query(), "?"+query(), ""))
		if err != nil {
			continue
		}
		a := asked{Method: pick("GET", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"), Date: fmt.Sprintf("2024%02d%02dT%02d0509Z", 1+random.IntN(12), 1+random.IntN(28), random.IntN(24)),
			Service: pick("execute-api", "execute-api", "execute-api", "execute-api", "es", "s3"), Token: pick("", "", "IQoJb3JpZ2lu+/EXAMPLE=="),
			Headers: [][2]string{}, URL: u.Scheme + "://" + u.Host + u.RequestURI()}
		if a.Method != "GET" && a.Method != "HEAD" && random.IntN(3) > 0 {
			a.Body = pick(`{"k":"v"}`, "a=1&b=2", "ü\r\n", " ")
			a.Headers = append(a.Headers, [2]string{"Content-Type", pick("application/json", "text/plain;  charset=utf-8")})
		}
		for range random.IntN(4) {
			a.Headers = append(a.Headers, [2]string{pick("X-Amz-Meta-A", "X-Amz-Meta-B", "X-Custom", "Accept"),
				pick("v", "\"a   b\"", " around ", "folded\r\n   line", "tab\tbed", "", "a,b")})
		}
		all = append(all, a)
	}
	return all
}

// signWith runs a peer once for all requests.
func signWith(t *testing.T, name string, all []asked) []answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", "py/sign.py")
	if name == "aws4" {
		cmd = node(t, "sign.mjs")
	}
	var in, stderr bytes.Buffer
	encoder := json.NewEncoder(&in)
	for _, a := range all {
		if err := encoder.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s (apt-get install python3-botocore; npm --prefix conformance/js ci): %v\n%s", name, err, stderr.String())
	}
	var answers []answered
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a answered
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if err := lines.Err(); err != nil || len(answers) != len(all) {
		t.Fatalf("%s answered %d of %d (%v)", name, len(answers), len(all), err)
	}
	return answers
}

// The requests for which a difference is known.

func (a asked) parts() (path, query string) {
	_, target, _ := strings.Cut(a.URL, "://")
	_, target, found := strings.Cut(target, "/")
	if !found {
		return "/", ""
	}
	path, query, _ = strings.Cut("/"+target, "?")
	return path, query
}

var (
	badBytes = regexp.MustCompile(`(?i)%FF`)
	// What aws4 knows; and the one form of a path and of a query.
	aws4Knows  = regexp.MustCompile(`^[0-9A-Za-z;,/?:@&=+$\-_.!~*'()#%]*$`)
	strictPath = regexp.MustCompile(`^([0-9A-Za-z\-_.~/]|%([013-9A-F][0-9A-F]|2[0-9A-F]))*$`)
	needless   = regexp.MustCompile(`%(4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9A]|3[0-9]|2D|2E|5F|7E)`)
	strictPair = regexp.MustCompile(`^([0-9A-Za-z\-_.~]|%[0-9A-F]{2})+=([0-9A-Za-z\-_.~]|%[0-9A-F]{2})*$`)
)

func notUTF8(a asked) bool { return badBytes.MatchString(a.URL) }

func s3Path(a asked) bool {
	path, _ := a.parts()
	return a.Service == "s3" && (!strictPath.MatchString(path) || needless.MatchString(path))
}

// notCanonical: a query that is not in its one form already.
func notCanonical(a asked) bool {
	_, query := a.parts()
	for p := range strings.SplitSeq(query, "&") {
		if !strictPair.MatchString(p) || needless.MatchString(p) {
			return true
		}
	}
	return false
}

func rewritten(a asked) bool {
	path, query := a.parts()
	return !aws4Knows.MatchString(path + "?" + query)
}

func s3Slash(a asked) bool {
	path, _ := a.parts()
	return a.Service == "s3" && (strings.Contains(strings.ToUpper(path), "%2F") || strings.Contains(path, "+"))
}

func emptyName(a asked) bool {
	_, query := a.parts()
	for p := range strings.SplitSeq(query, "&") {
		if strings.HasPrefix(p, "=") {
			return true
		}
	}
	return false
}

func s3Twice(a asked) bool {
	_, query := a.parts()
	values, _ := url.ParseQuery(strings.ReplaceAll(query, ";", "%3B"))
	for _, v := range values {
		if len(v) > 1 {
			return a.Service == "s3"
		}
	}
	return false
}

func spacedValues(a asked) bool {
	count := make(map[string]int)
	for _, h := range a.Headers {
		count[h[0]]++
	}
	return slices.ContainsFunc(a.Headers, func(h [2]string) bool { return count[h[0]] > 1 && strings.TrimSpace(h[1]) != h[1] })
}
