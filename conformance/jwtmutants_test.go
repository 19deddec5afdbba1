//go:build conformance

package conformance

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

const (
	jwtPool   = "us-east-1_Differ001"
	jwtClient = "2iqdo52jkqg0q2cqbe76qah08"
	jwtIssuer = "https://cognito-idp.us-east-1.amazonaws.com/" + jwtPool
)

// forger makes tokens: good ones, and each as bad as its mutation says.
type forger struct {
	one, two *jwt.Signer // both in the key set
	outside  *jwt.Signer // and one that is not
	now      time.Time
	random   *mathrand.Rand
}

// members are those of a header or payload; nil takes one away.
type members = map[string]any

func changed(base, change members) members {
	out := maps.Clone(base)
	maps.Copy(out, change)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

func (f *forger) at(d time.Duration) int64 { return f.now.Add(d).Unix() }

func (f *forger) idClaims() members {
	return members{
		"sub": "1f8e6a1c-7d0b", "aud": jwtClient, "iss": jwtIssuer, "token_use": "id", "exp": f.at(time.Hour), "iat": f.at(-time.Minute),
		"auth_time": f.at(-time.Minute), "cognito:username": "ann", "cognito:groups": []string{"admin", "readers"}, "email": "ann@example.com",
		"email_verified": true, "jti": fmt.Sprintf("%x", f.random.Uint64()),
	}
}

func (f *forger) accessClaims() members {
	return changed(f.idClaims(), members{
		"aud": nil, "email": nil, "email_verified": nil, "cognito:username": nil,
		"token_use": "access", "client_id": jwtClient, "username": "ann", "scope": "openid content/read",
	})
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func (f *forger) header() members { return members{"kid": f.one.KeyID, "alg": "RS256"} }

// signed signs the two parts as they stand.
func (f *forger) signed(key *jwt.Signer, parts string) string {
	digest := sha256.Sum256([]byte(parts))
	return parts + "." + b64(string(must(rsa.SignPKCS1v15(nil, key.Key, crypto.SHA256, digest[:]))))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (f *forger) texts(header, payload string) string {
	return f.signed(f.one, b64(header)+"."+b64(payload))
}

func (f *forger) withHeader(change members) string {
	return f.texts(text(changed(f.header(), change)), text(f.idClaims()))
}

func (f *forger) rawHeader(header string) string { return f.texts(header, text(f.idClaims())) }

// rawPayload puts members as text into the payload of an ID token, in place of
// those of the same names.
func (f *forger) rawPayload(without, extra string) string {
	claims := f.idClaims()
	for _, name := range strings.Fields(without) {
		delete(claims, name)
	}
	payload := text(claims)
	return f.texts(text(f.header()), payload[:len(payload)-1]+","+extra+"}")
}

func (f *forger) withID(change members) string {
	return f.texts(text(f.header()), text(changed(f.idClaims(), change)))
}

func (f *forger) withAccess(change members) string {
	return f.texts(text(f.header()), text(changed(f.accessClaims(), change)))
}

// parts of a good token.
func (f *forger) parts() (header, payload, signature string) {
	p := strings.Split(f.withID(nil), ".")
	return p[0], p[1], p[2]
}

// otherAlgorithms are signatures that are right, by an algorithm that is not allowed.
func (f *forger) otherAlgorithms(alg string) string {
	parts := b64(text(members{"kid": f.one.KeyID, "alg": alg})) + "." + b64(text(f.idClaims()))
	hash, digest := crypto.SHA256, []byte(nil)
	switch alg[2:] {
	case "384":
		sum := sha512.Sum384([]byte(parts))
		hash, digest = crypto.SHA384, sum[:]
	case "512":
		sum := sha512.Sum512([]byte(parts))
		hash, digest = crypto.SHA512, sum[:]
	default:
		sum := sha256.Sum256([]byte(parts))
		digest = sum[:]
	}
	var signature []byte
	switch alg[:2] {
	case "HS": // the public key for a secret: what a verifier falls for that lets the token choose
		mac := hmac.New(sha256.New, x509.MarshalPKCS1PublicKey(&f.one.Key.PublicKey))
		mac.Write([]byte(parts))
		signature = mac.Sum(nil)
	case "PS":
		signature = must(rsa.SignPSS(rand.Reader, f.one.Key, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	default:
		signature = must(rsa.SignPKCS1v15(nil, f.one.Key, hash, digest))
	}
	return parts + "." + b64(string(signature))
}

// looseBits sets a bit that base64url leaves zero at the end of a part.
func looseBits(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last|1])
}

// headerMutations change the header, or how the token is signed.
func (f *forger) headerMutations() map[string]func() string {
	head := func(change members) func() string { return func() string { return f.withHeader(change) } }
	raw := func(header string) func() string { return func() string { return f.rawHeader(header) } }
	alg := func(name string) func() string { return func() string { return f.otherAlgorithms(name) } }
	kid := text(f.one.KeyID)
	return map[string]func() string{
		"typ JWT": head(members{"typ": "JWT"}), "typ at+jwt": head(members{"typ": "at+jwt"}), "typ a number": head(members{"typ": 1}),
		"kid missing": head(members{"kid": nil}), "kid empty": head(members{"kid": ""}), "kid unknown": head(members{"kid": "nobody"}),
		"kid a number": head(members{"kid": 1}), "kid an array": head(members{"kid": []string{f.one.KeyID}}), "kid null": raw(`{"kid":null,"alg":"RS256"}`),
		"kid of the other key": head(members{"kid": f.two.KeyID}), "kid in lower case": head(members{"kid": strings.ToLower(f.one.KeyID)}),
		"kid with a space": head(members{"kid": f.one.KeyID + " "}), "kid __proto__": head(members{"kid": "__proto__"}),
		"kid constructor": head(members{"kid": "constructor"}), "kid a path": head(members{"kid": "../../etc/passwd"}),
		"kid with NUL": head(members{"kid": f.one.KeyID + "\x00"}),
		"alg missing":  head(members{"alg": nil}),
		"alg a number": head(members{"alg": 256}), "alg null": raw(`{"kid":` + kid + `,"alg":null}`), "alg empty": head(members{"alg": ""}),
		"alg none": head(members{"alg": "none"}), "alg NONE": head(members{"alg": "NONE"}), "alg rs256": head(members{"alg": "rs256"}),
		"alg RS256 with a space": head(members{"alg": "RS256 "}), "alg ES256": head(members{"alg": "ES256"}), "alg EdDSA": head(members{"alg": "EdDSA"}),
		"alg none without a signature": func() string { return b64(text(members{"alg": "none"})) + "." + b64(text(f.idClaims())) + "." },
		"HS256 by the public key":      alg("HS256"), "signed RS384": alg("RS384"), "signed RS512": alg("RS512"), "signed PS256": alg("PS256"),
		"crit": head(members{"crit": []string{"exp"}}), "crit empty": head(members{"crit": []string{}}),
		"crit b64": head(members{"crit": []string{"b64"}, "b64": false}),
		"jwk":      head(members{"jwk": members{"kty": "RSA", "n": "AQAB", "e": "AQAB"}}), "jku": head(members{"jku": "https://evil.example/keys"}),
		"x5u and x5c": head(members{"x5u": "https://evil.example/", "x5c": []string{"AAAA"}}), "zip": head(members{"zip": "DEF"}),
		"alg twice": raw(`{"kid":` + kid + `,"alg":"none","alg":"RS256"}`), "kid twice": raw(`{"kid":"x","kid":` + kid + `,"alg":"RS256"}`),
		"alg by escapes":          raw(`{"kid":` + kid + `,"\u0061lg":"RS25\u0036"}`),
		"header with white space": raw(" \n{ \"kid\" :\t" + kid + ` , "alg" : "RS256" } `), "header with a BOM": raw("\ufeff" + text(f.header())),
		"header an array": raw(`["RS256"]`), "header a string": raw(`"RS256"`), "header null": raw(`null`), "header a number": raw(`1`),
		"header cut": raw(`{"kid":` + kid + `,"alg":"RS256"`), "header and more": raw(text(f.header()) + "{}"), "header in single quotes": raw(`{'alg':'RS256'}`),
		"header with a trailing comma": raw(`{"kid":` + kid + `,"alg":"RS256",}`), "header not UTF-8": raw("{\"kid\":" + kid + ",\"alg\":\"RS256\",\"x\":\"\xff\"}"),
		"by a key outside": func() string { return f.signed(f.outside, b64(text(f.header()))+"."+b64(text(f.idClaims()))) },
		"by the other key": func() string { return f.signed(f.two, b64(text(f.header()))+"."+b64(text(f.idClaims()))) },
		"the other key and its kid": func() string {
			return f.signed(f.two, b64(text(members{"kid": f.two.KeyID, "alg": "RS256"}))+"."+b64(text(f.idClaims())))
		},
	}
}

// formMutations change the compact form and the signature.
func (f *forger) formMutations() map[string]func() string {
	h, p, s := f.parts()
	form := func(token string) func() string { return func() string { return token } }
	bytesOf := func(n int, c byte) string { return b64(strings.Repeat(string([]byte{c}), n)) }
	signature := string(must(base64.RawURLEncoding.DecodeString(s)))
	return map[string]func() string{
		"two parts": form(h + "." + p), "four parts": form(h + "." + p + "." + s + ".x"), "one part": form(h), "dots": form(".."), "no header": form("." + p + "." + s),
		"no payload": form(h + ".." + s), "no signature": form(h + "." + p + "."), "five parts": form(h + ".a.b.c.d"),
		"an encrypted token": form(b64(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".a.b.c.d"),
		"padded signature":   form(h + "." + p + "." + s + "=="), "over-padded signature": form(h + "." + p + "." + s + "==="),
		"padded header": func() string {
			return f.signed(f.one, base64.URLEncoding.EncodeToString([]byte(ragged(text(f.header()))))+"."+p)
		},
		"loose bits in the signature": form(h + "." + p + "." + looseBits(s)),
		"loose bits in the header":    func() string { return f.signed(f.one, looseBits(b64(ragged(text(f.header()))))+"."+p) },
		"loose bits in the header, signed without": func() string {
			token := f.signed(f.one, b64(ragged(text(f.header())))+"."+p)
			head, rest, _ := strings.Cut(token, ".")
			return looseBits(head) + "." + rest
		},
		"base64 of the other alphabet": form(h + "." + p + "." + strings.NewReplacer("-", "+", "_", "/").Replace(s)),
		"a space inside":               form(h + ". " + p + "." + s), "a tab inside": form(h + "." + p + "\t." + s), "a NUL inside": form(h + "." + p + ".\x00" + s),
		"white space around": form(" \t" + h + "." + p + "." + s + "  "), "Bearer": form("Bearer " + h + "." + p + "." + s),
		"quotes": form(`"` + h + "." + p + "." + s + `"`), "a wide dot": form(h + "\u3002" + p + "." + s), "zero width": form(h + "\u200b." + p + "." + s),
		"a NBSP around": form("\u00a0" + h + "." + p + "." + s), "a comma for a dot": form(h + "," + p + "," + s),
		"zeros for a signature": form(h + "." + p + "." + bytesOf(256, 0)), "ones for a signature": form(h + "." + p + "." + bytesOf(256, 0xff)),
		"one byte of signature": form(h + "." + p + "." + b64("\x01")), "a signature cut": form(h + "." + p + "." + s[:300]), "a signature with more": form(h + "." + p + "." + s + "AAAA"),
		"a signature with a zero before": form(h + "." + p + "." + b64("\x00"+signature)), "a signature with a zero behind": form(h + "." + p + "." + b64(signature+"\x00")),
		"the modulus for a signature":     form(h + "." + p + "." + b64(string(f.one.Key.N.Bytes()))),
		"a longer signature than its key": form(h + "." + p + "." + bytesOf(512, 7)),
		"upper case":                      form(strings.ToUpper(h + "." + p + "." + s)), "header and payload swapped": form(p + "." + h + "." + s),
		"the hash without its name": func() string {
			digest := sha256.Sum256([]byte(h + "." + p))
			return h + "." + p + "." + b64(string(must(rsa.SignPKCS1v15(nil, f.one.Key, 0, digest[:]))))
		},
		"more than 64 KiB": func() string { return f.withID(members{"x": strings.Repeat("a", 70000)}) },
		"40 KiB":           func() string { return f.withID(members{"x": strings.Repeat("a", 40000)}) },
	}
}

// ragged adds a space where base64 would need no padding.
func ragged(s string) string {
	if len(s)%3 == 0 {
		s += " "
	}
	return s
}
