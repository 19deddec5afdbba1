package jwt

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func resign(t testing.TB, signed string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, signerOne().Key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestParse(t *testing.T) {
	t.Parallel()
	raw := sign(t, idClaims())
	token, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if token.Raw != raw || token.Algorithm != "RS256" || token.KeyID != "first/key+one=" || token.Type != "" {
		t.Errorf("token is %q %q %q", token.Algorithm, token.KeyID, token.Type)
	}
	if len(token.Header) != 2 || token.Header.String("kid") != token.KeyID {
		t.Errorf("header is %v", token.Header)
	}
	if got := token.Claims.Strings("cognito:groups"); !slices.Equal(got, []string{"admin", "readers"}) {
		t.Errorf("groups are %q", got)
	}
	if got, ok := token.Claims.Time("exp"); !ok || !got.Equal(testNow.Add(59*time.Minute)) {
		t.Errorf("exp is %v %v", got, ok)
	}
	if !json.Valid(token.ClaimsJSON) || len(token.Signature) != 256 {
		t.Errorf("payload %q, %d bytes of signature", token.ClaimsJSON, len(token.Signature))
	}
	shown := string(mustJSON(t, token))
	if strings.Contains(shown, raw) || strings.Contains(shown, raw[strings.LastIndexByte(raw, '.')+1:]) {
		t.Error("a marshalled Token holds the credential")
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const header = `{"alg":"RS256","kid":"k"}`
	good := b64(header) + "." + b64(`{"sub":"a"}`) + "." + b64("sig!")
	if _, err := Parse(good); err != nil {
		t.Fatalf("positive control: %v", err)
	}
	payload := func(p string) string { return b64(header) + "." + b64(p) + "." + b64("sig!") }
	head := func(h string) string { return b64(h) + "." + b64(`{}`) + "." + b64("sig!") }
	if _, err := Parse(payload(strings.Repeat(`{"a":`, 31) + `{}` + strings.Repeat(`}`, 31))); err != nil {
		t.Errorf("depth 32: %v", err)
	}
	for _, tt := range []struct{ name, raw, want string }{
		{"empty", "", "it is empty"},
		{"word", "abc", "1 part"},
		{"two parts", b64(header) + "." + b64(`{}`), "it has 2 parts, a token has 3"},
		{"four parts", good + ".abc", "it has 4 parts"},
		{"five parts of nothing", "a.b.c.d.e", "it has 5 parts"},
		{"too big", strings.Repeat("a", MaxSize+1), "more than the 65536"},
		{"leading space", " " + good, "white space at byte 1 of its header"},
		{"trailing newline", good + "\n", "white space at byte 7 of its signature"},
		{"newline inside", good[:10] + "\n" + good[10:], "white space at byte 11 of its header"},
		{"carriage return", good[:10] + "\r" + good[10:], "white space"},
		{"padding", good + "==", "it has a = at byte 7 of its signature"},
		{"base64", good[:5] + "+" + good[6:], "it has a + at byte 6 of its header"},
		{"foreign byte", good[:5] + "\x1b" + good[6:], `"\x1b"`},
		{"not ASCII", good[:5] + "é" + good[6:], `"\xc3"`},
		{"trailing bits", good[:len(good)-1] + "R", "the last character of its signature"},
		{"one character", "e." + strings.SplitN(good, ".", 2)[1], "has 1 character, which base64url never has"},
		{"impossible length", good + "AAA", "has 9 characters, which base64url never has"},
		{"header text", head(`foo`), "the header is not a JSON object"},
		{"header array", head(`[]`), "the header is not a JSON object"},
		{"header empty", "." + b64(`{}`) + ".", "the header is not a JSON object"},
		{"no alg", head(`{"kid":"k"}`), "names no alg"},
		{"alg empty", head(`{"alg":""}`), "names no alg"},
		{"alg number", head(`{"alg":5}`), "alg is the number 5, want a string"},
		{"kid null", head(`{"alg":"RS256","kid":null}`), "kid is null, want a string"},
		{"typ array", head(`{"alg":"RS256","typ":[1]}`), "typ is an array of 1, want a string"},
		{"alg twice", head(`{"alg":"RS256","alg":"none"}`), `the header holds "alg" twice`},
		{"payload text", payload(`foo`), "the payload is not a JSON object"},
		{"payload empty", payload(``), "the payload is not a JSON object"},
		{"payload string", payload(`"a"`), "the payload is not a JSON object"},
		{"two objects", payload(`{} {}`), `is not JSON: "{" at byte 4, want the end`},
		{"exp twice", payload(`{"exp":1,"exp":2}`), `the payload holds "exp" twice`},
		{"twice by escape", payload(`{"exp":1,"\u0065xp":2}`), `the payload holds "exp" twice`},
		{"twice below", payload(`{"a":[{"b":1,"b":1}]}`), `the payload holds "b" twice`},
		{"deep", payload(strings.Repeat(`{"a":`, 32) + `{}` + strings.Repeat(`}`, 32)), "deeper than 32"},
		{"deep arrays", payload(`{"a":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`), "deeper than 32"},
		{"bad UTF-8", payload("{\"a\":\"\xff\"}"), "the payload is not UTF-8"},
		{"lone surrogate", payload(`{"a":"\ud800"}`), "half a surrogate"},
		{"surrogate and letter", payload(`{"a":"\ud800\u0041"}`), "half a surrogate"},
		{"byte order mark", payload("\xef\xbb\xbf{}"), "is not a JSON object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token, err := Parse(tt.raw)
			if got := asParseError(t, err); !strings.Contains(got, tt.want) {
				t.Errorf("reason is %q, want %q in it", got, tt.want)
			}
			if token.Raw != "" || token.Claims != nil {
				t.Error("something of a refused token was returned")
			}
			if len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestParseEncrypted(t *testing.T) {
	t.Parallel()
	jwe := b64(`{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`) + ".a.b.c.d"
	if _, err := Parse(jwe); !errors.Is(err, ErrEncrypted) {
		t.Errorf("error is %v, want ErrEncrypted", err)
	}
	if got := outcome(verify(jwe, idPolicy())); !strings.HasPrefix(got, "form:encrypted algorithm:unjudged kid:unjudged signature:unjudged exp:unjudged") {
		t.Errorf("report is %s", got)
	}
}

func TestParseHugeIsFast(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{strings.Repeat("a", 2<<20), strings.Repeat(".", 2<<20)} {
		start := time.Now()
		_, err := Parse(raw)
		if got := asParseError(t, err); !strings.Contains(got, "2097152 bytes") {
			t.Errorf("reason is %q", got)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	token, err := Parse(b64(`{"alg":"x"}`) + "." + b64(`{"s":"a","l":["a","b"],"m":["a",1],"e":[],"n":null,
		"t":1763701200,"f":1763701200.5,"x":1e3,"big":1e300,"far":253402300800,"neg":-1,"q":"1763701200"}`) + ".")
	if err != nil {
		t.Fatal(err)
	}
	c := token.Claims
	if c.String("s") != "a" || c.String("l") != "" || c.String("none") != "" {
		t.Error("String")
	}
	if !slices.Equal(c.Strings("s"), []string{"a"}) || !slices.Equal(c.Strings("l"), []string{"a", "b"}) || c.Strings("m") != nil || c.Strings("n") != nil || len(c.Strings("e")) != 0 {
		t.Error("Strings")
	}
	for name, want := range map[string]int64{"t": 1763701200000, "f": 1763701200500, "x": 1000000, "neg": -1000} {
		if got, ok := c.Time(name); !ok || got.UnixMilli() != want {
			t.Errorf("%s is %v %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"big", "far", "q", "s", "n", "none"} {
		if _, ok := c.Time(name); ok {
			t.Errorf("%s is a time", name)
		}
	}
}

// TestDecoderAgrees compares our decoder with encoding/json, document by
// document: the grammar is the same, only duplicates, depth, encoding and the
// outermost type are judged more strictly.
func TestDecoderAgrees(t *testing.T) {
	t.Parallel()
	for _, s := range decoderSeeds {
		agree(t, []byte(s))
	}
}

var decoderSeeds = []string{
	`{}`, ` { "a" : 1 } `, `{"a":[1,-0.5e+10,true,false,null,"x",{},[]]}`, `{"a":"\u00e9\ud83d\ude00\n\\\"\/"}`,
	`{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":1,}`, `{"a":[1,]}`, `{,}`, `{"a"}`, `{"a":}`,
	`{"a":tru}`, `{"a":nul`, `{"a":"`, `{"a":"\`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\uZZZZ"}`, "{\"a\":\"\t\"}", "{\"a\":\"\\n\t\"}", `{'a':1}`,
	`{"a":1}x`, `[`, `null`, `{"a":1 "b":2}`, `{"a":[1 2]}`, `{"":""}`, "{\"\u2028\":1}", `{"a":Infinity}`, `{"a":"\u0000"}`, "{\"a\":1}\x00", "\x00", `{"a":"\ud83dx"}`,
}

func FuzzDecodeObject(f *testing.F) {
	for _, s := range decoderSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

func agree(t *testing.T, data []byte) {
	t.Helper()
	ours, err := decodeObject(data)
	if v, anyErr := DecodeJSON(data); err == nil && (anyErr != nil || !reflect.DeepEqual(v, any(ours))) {
		t.Fatalf("%q: %v as an object; DecodeJSON: %v, %v", data, ours, v, anyErr)
	} else if _, isObject := v.(map[string]any); isObject && err != nil {
		t.Fatalf("%q: %v, DecodeJSON takes the object", data, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var theirs map[string]any
	theirErr := d.Decode(&theirs)
	if theirErr == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			theirErr = errors.New("trailing data")
		}
	}
	switch {
	case err == nil && theirErr != nil:
		t.Fatalf("%q: accepted, encoding/json: %v", data, theirErr)
	case err == nil && !reflect.DeepEqual(ours, theirs):
		t.Fatalf("%q: %v, encoding/json: %v", data, ours, theirs)
	case err != nil && theirErr == nil && theirs != nil:
		for _, stricter := range []string{"twice", "deeper", "UTF-8", "surrogate"} {
			if strings.Contains(err.Error(), stricter) {
				return
			}
		}
		t.Fatalf("%q: %v, encoding/json accepts", data, err)
	case err != nil && !utf8.ValidString(err.Error()):
		t.Fatalf("%q: the error is not UTF-8", data)
	}
}

// TestDecodeJSON: a document may be any value; the strictness is that of an object.
func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]any{
		" null ": nil, "true": true, `"a"`: "a", "1.50": json.Number("1.50"), "[]": []any{}, `{"a":[1]}`: map[string]any{"a": []any{json.Number("1")}},
	} {
		if got, err := DecodeJSON([]byte(document)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v", document, got, err)
		}
	}
	for document, want := range map[string]string{
		"": "is not JSON", "[] []": "is not JSON", "\xff": "is not UTF-8", `[{"a":1,"\u0061":2}]`: `holds "a" twice`, `"\ud800"`: "surrogate",
		strings.Repeat("[", 33) + strings.Repeat("]", 33): "nests deeper than 32",
	} {
		if v, err := DecodeJSON([]byte(document)); err == nil || v != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %q", document, v, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sign(f, idClaims()))
	f.Add(sign(f, accessClaims()))
	f.Add(b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".")
	f.Add(b64(`{"alg":"RS256","crit":["b64"],"b64":false}`) + "." + b64(`{"exp":1e9,"aud":["a"]}`) + ".AA")
	f.Add(b64(`{"enc":"x"}`) + "....")
	f.Add("a.b.c")
	f.Add("e30\n.e30.")
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := Parse(raw)
		if balancer, refused := ParseALB(raw); err == nil && (refused != nil || !reflect.DeepEqual(token, balancer)) {
			t.Fatalf("a balancer's token may be padded, but this is not: %v", refused)
		} else if err != nil && refused == nil && !strings.Contains(raw, "=") {
			t.Fatalf("only padding is taken in addition: %q", raw)
		}
		report := verify(raw, idPolicy())
		if report.OK() != (report.Err() == nil) {
			t.Fatal("OK and Err differ")
		}
		if err != nil {
			if report.OK() {
				t.Fatalf("verified what does not parse: %q", raw)
			}
			return
		}
		encode := base64.RawURLEncoding.EncodeToString
		if again := encode(token.HeaderJSON) + "." + encode(token.ClaimsJSON) + "." + encode(token.Signature); again != raw || token.Raw != raw {
			t.Fatalf("%q reassembles to %q", raw, again)
		}
	})
}
