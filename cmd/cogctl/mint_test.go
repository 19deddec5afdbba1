package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogctl/cogctl/internal/jwt"
)

// What minted tokens are of: a user pool, and a load balancer.
const (
	mintPool     = "us-east-1_Mint00001"
	mintClient   = "mintclient"
	mintBalancer = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/mint/50dc6c495c0c9188"
	mintKeyID    = "0a1b2c3d-0000-4000-8000-0123456789ab"
)

// mint makes tokens of a user pool that is nowhere, good ones and bad ones.
type mint struct {
	signer, other *jwt.Signer
	balancer      *ecdsa.PrivateKey
	now           time.Time
	foreign       string // URL of an issuer that is no user pool
}

func (m *mint) claims(change map[string]any) map[string]any {
	claims := map[string]any{
		"sub": "1f8e6a1c", "aud": mintClient, "token_use": "id", "email": "ann@example.com", "cognito:groups": []string{"admin"},
		"iss": "https://cognito-idp.us-east-1.amazonaws.com/" + mintPool, "iat": m.now.Unix(), "exp": m.now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// token signs claims; header holds what differs from the usual one.
func (m *mint) token(header, change map[string]any) string {
	head := map[string]any{"kid": m.signer.KeyID, "alg": "RS256"}
	maps.Copy(head, header)
	maps.DeleteFunc(head, func(_ string, v any) bool { return v == nil })
	encode := base64.RawURLEncoding
	if head["signer"] != nil {
		encode = base64.URLEncoding
	}
	part := func(v any) string {
		data, _ := json.Marshal(v)
		return encode.EncodeToString(data)
	}
	text := part(head) + "." + part(m.claims(change))
	return text + "." + encode.EncodeToString(m.sign(fmt.Sprint(head["alg"]), text))
}

func (m *mint) sign(alg, text string) []byte {
	digest := sha256.Sum256([]byte(text))
	switch alg {
	case "none":
		return nil
	case "HS256": // with the public key for a secret
		mac := hmac.New(sha256.New, x509.MarshalPKCS1PublicKey(&m.signer.Key.PublicKey))
		mac.Write([]byte(text))
		return mac.Sum(nil)
	case "ES256":
		r, s, err := ecdsa.Sign(rand.Reader, m.balancer, digest[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	signature, err := rsa.SignPKCS1v15(nil, m.signer.Key, crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return signature
}

// all are the tokens by the names of the files they go to.
func (m *mint) all() map[string]string {
	type h = map[string]any
	at := func(d time.Duration) int64 { return m.now.Add(d).Unix() }
	access := h{"aud": nil, "email": nil, "token_use": "access", "client_id": mintClient, "scope": "openid content/read"}
	balancer := h{"kid": mintKeyID, "alg": "ES256", "signer": mintBalancer, "iss": m.foreign, "client": mintClient, "exp": at(time.Minute), "typ": "JWT"}
	elsewhere := maps.Clone(balancer)
	elsewhere["signer"] = strings.Replace(mintBalancer, "mint", "evil", 1)
	user := h{"aud": nil, "token_use": nil, "iat": nil, "cognito:groups": nil, "iss": m.foreign, "exp": at(time.Minute)}
	otherKey := *m
	otherKey.signer = &jwt.Signer{KeyID: m.signer.KeyID, Key: m.other.Key}
	id := m.token(nil, nil)
	return map[string]string{
		"id": id, "access": m.token(nil, access),
		"updated":     m.token(nil, h{"iss": "https://issuer-cognito-idp.us-east-1.amazonaws.com/" + mintPool}),
		"expired":     m.token(nil, h{"exp": at(-182 * time.Second), "iat": at(-time.Hour)}),
		"notyet":      m.token(nil, h{"nbf": at(10 * time.Minute)}),
		"future":      m.token(nil, h{"iat": at(10 * time.Minute)}),
		"noexp":       m.token(nil, h{"exp": nil}),
		"otherclient": m.token(nil, h{"aud": "somebody-else"}),
		"otherissuer": m.token(nil, h{"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other0001"}),
		"otherkey":    otherKey.token(nil, nil),
		"unknownkey":  m.token(h{"kid": "gone"}, nil),
		"nokey":       m.token(h{"kid": nil}, nil),
		"none":        m.token(h{"alg": "none"}, nil),
		"hs256":       m.token(h{"alg": "HS256"}, nil),
		"crit":        m.token(h{"crit": []string{"exp"}}, nil),
		"badtype":     m.token(nil, h{"exp": "soon"}),
		"padded":      id + "==",
		"cut":         id[:len(id)-1],
		"jwe":         base64.RawURLEncoding.EncodeToString([]byte(`{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`)) + ".aaaa.bbbb.cccc.dddd",
		"nested": m.token(nil, h{"custom:plan": `{"tier":"gold","seats":[1,2]}`, "custom:n": "12", "address": h{"country": "NL"},
			"identities": []any{h{"userId": "g-1", "providerName": "Google"}}, "big": json.Number("9007199254740993")}),
		"lost":     m.token(nil, h{"iss": m.foreign + "/other", "token_use": nil}),
		"foreign":  m.token(nil, h{"iss": m.foreign, "token_use": nil}),
		"balancer": m.token(balancer, user), "elsewhere": m.token(elsewhere, user),
	}
}

// serve is an issuer's key set, its discovery document, and a balancer's keys.
func (m *mint) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": m.foreign, "jwks_uri": m.foreign + "/keys"})
	case "/keys":
		_, _ = w.Write(m.keys())
	case "/elb/" + mintKeyID:
		der, _ := x509.MarshalPKIXPublicKey(&m.balancer.PublicKey)
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	case "/elb/" + strings.ToUpper(mintKeyID):
		http.NotFound(w, r)
	default:
		http.Error(w, "down", http.StatusServiceUnavailable)
	}
}

// keys is the key set; one key of it is unfit.
func (m *mint) keys() []byte {
	data, err := jwt.MarshalKeys(m.signer.Public())
	if err != nil {
		panic(err)
	}
	return []byte(strings.Replace(string(data), `"keys":[`, `"keys":[{"kty":"oct","kid":"shared","k":"AAAA"},`, 1))
}

// scriptMint writes tokens and keys.json into the script's folder, and serves the
// keys at $MINT: /keys by discovery, /elb/ID, /down.
func scriptMint(ts *testscript.TestScript, neg bool, args []string) {
	m := mint{now: time.Now()}
	var err error
	m.signer, err = jwt.NewSigner(nil)
	ts.Check(err)
	m.other, err = jwt.NewSigner(nil)
	ts.Check(err)
	m.balancer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(m.serve))
	ts.Defer(server.Close)
	m.foreign = server.URL
	ts.Setenv("MINT", server.URL)
	ts.Setenv("BALANCER", mintBalancer)
	ts.Check(os.WriteFile(ts.MkAbs("keys.json"), m.keys(), 0o600))
	for name, token := range m.all() {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(token+"\n"), 0o600))
	}
}
