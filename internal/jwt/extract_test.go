package jwt

import (
	"strings"
	"testing"
)

func TestExtract(t *testing.T) {
	t.Parallel()
	id, access := sign(t, idClaims()), sign(t, accessClaims())
	jwe := b64(`{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`) + ".aaaa.bbbb.cccc.dddd"
	answer := `{"access_token":"` + access + `","id_token":"` + id + `","refresh_token":"` + jwe + `","token_type":"Bearer"}`
	wrapped := func(prefix, s string, width int) string {
		s = prefix + s
		var lines []string
		for ; len(s) > width; s = s[width:] {
			lines = append(lines, s[:width])
		}
		return strings.Join(append(lines, s), "\n")
	}
	padded := "eyJ0eXAiOiJKV1QifQ==.eyJhIjoiYiJ9.c2lnbg=="
	unsigned := b64(`{"alg":"none"}`) + "." + b64(`{"sub":"a"}`) + "."
	for _, tt := range []struct{ name, pasted, want string }{
		{"two unsigned", unsigned + "\n" + unsigned, unsigned},
		{"bare", id, id},
		{"space around", "\n  " + id + " \r\n", id},
		{"Bearer", "Bearer " + id, id},
		{"bearer", "bearer  " + id, id},
		{"header line", "Authorization: Bearer " + id, id},
		{"header without scheme", "authorization: " + id, id},
		{"curl", `curl -H "Authorization: Bearer ` + id + `" https://api.example.com/v1/items.json`, id},
		{"double quotes", `"` + id + `"`, id},
		{"single quotes and comma", "'" + id + "',", id},
		{"assignment", "export TOKEN=" + id + ";", id},
		{"token answer", answer, id},
		{"initiate-auth answer", `{"AuthenticationResult": {"AccessToken": "` + access + `", "ExpiresIn": 3600, "IdToken": "` + id + `"}}`, id},
		{"camel case", `{"accessToken":"` + access + `"}`, access},
		{"access before unnamed", `["` + id + `",{"access_token":"` + access + `"}]`, access},
		{"JSON in JSON", `{"body":"{\"access_token\":\"` + access + `\",\"id_token\":\"` + id + `\"}"}`, id},
		{"redirect", "https://app.example.com/cb#access_token=" + access + "&id_token=" + id + "&state=x", id},
		{"first of two", access + "\n" + id, access},
		{"refresh token alone", "refresh: " + jwe, jwe},
		{"refresh token last", jwe + " " + id, id},
		{"a word on the next line", id + "\nok", id},
		{"lines of several widths", "Bearer " + id + "\nfirst\nsecond-and-longer", id},
		{"lines of several widths, wrapped token", id[:80] + "\n" + id[80:100] + "\n" + id[100:150], id[:80]},
		{"wrapped", wrapped("", id, 80), id},
		{"wrapped behind Bearer", wrapped("Authorization: Bearer ", id, 64), id},
		{"unsigned", b64(`{"alg":"none"}`) + "." + b64("{}") + ".", b64(`{"alg":"none"}`) + "." + b64("{}") + "."},
		{"load balancer", "x-amzn-oidc-data: " + padded, padded},
		{"property", "token.id=" + id, id},
		{"padding added", "Bearer " + id + "==", id + "=="},
		// What is broken goes on to Parse, which says how.
		{"two parts", "Bearer " + id[:strings.LastIndexByte(id, '.')], id[:strings.LastIndexByte(id, '.')]},
		{"no token", "Bearer hello", "hello"},
		{"padded", "Authorization: Bearer eyJhbGciOiJub25lIn0=.e30=.AA==", "eyJhbGciOiJub25lIn0=.e30=.AA=="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := Extract(tt.pasted); err != nil || got != tt.want {
				t.Errorf("got %.60q… %v, want %.60q…", got, err, tt.want)
			}
		})
	}
	for _, pasted := range []string{"", "  \n", "Bearer", "Bearer ", "no token here", "see eCJ5eXl5.b.c there", "see www.example.com there", `{"secret":"hunter22"}`, "[]", "<html>", "\"", strings.Repeat("a", maxPaste+1)} {
		got, err := Extract(pasted)
		if err == nil {
			t.Errorf("%.40q gives %.40q", pasted, got)
		} else if strings.Contains(err.Error(), "hunter22") {
			t.Error("the error shows what was pasted")
		}
	}
}

func FuzzExtract(f *testing.F) {
	id := b64(`{"alg":"RS256"}`) + "." + b64(`{"sub":"a"}`) + ".AAAA"
	for _, s := range []string{id, "Bearer " + id, `{"id_token":"` + id + `"}`, "-H 'Authorization: " + id + "'", id[:10] + "\n" + id[10:], "a b", "\"'`", "-h -h x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pasted string) {
		got, err := Extract(pasted)
		if err != nil {
			return
		}
		if got == "" || strings.ContainsAny(got, " \t\r\n\"") {
			t.Fatalf("%q gives %q", pasted, got)
		}
		if again, err := Extract(got); err != nil || again != got {
			t.Fatalf("%q gives %q, and that %q %v", pasted, got, again, err)
		}
	})
}

func TestEncryptedHeader(t *testing.T) {
	t.Parallel()
	const header = `{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`
	if got, err := EncryptedHeader(b64(header) + ".aaaa.bbbb.cccc.dddd"); err != nil || string(got) != header {
		t.Errorf("%s %v", got, err)
	}
	for _, raw := range []string{"", "a.b.c.d.e", b64(header), b64(header) + ".a.b", b64("[]") + ".a.b.c.d", b64(header) + ".a.b.c.d.e", "=" + b64(header) + ".a.b.c.d"} {
		if got, err := EncryptedHeader(raw); err == nil {
			t.Errorf("%q: %s", raw, got)
		}
	}
}
