package jwt

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxKeys is how many bytes a JWK set may have.
const maxKeys = 1 << 20

// A Key is a public key that verifies signatures.
type Key struct {
	ID        string // kid
	Algorithm string // alg, "" when the key does not say
	Public    crypto.PublicKey
}

// A KeySet finds keys by their id. The error is an *UnknownKeyError when the
// set was read and has no such key, anything else when it could not be read.
type KeySet interface {
	Key(ctx context.Context, kid string) (Key, error)
}

// UnknownKeyError says that a key set has no usable key with an id.
type UnknownKeyError struct {
	KeyID   string
	Source  string        // the URL or file of the set
	Have    []string      // ids of the usable keys, sorted
	Dropped []string      // why other keys of the set are not usable
	Reason  string        // why the key is not there, when it is not for Have and Dropped to say
	Wait    time.Duration // how long the set is not fetched again; 0 when it may be, or is no remote set
}

func (e *UnknownKeyError) Error() string {
	s := "kid " + quote(e.KeyID)
	switch {
	case e.Reason != "":
		s += " is not at " + e.Source + ": " + e.Reason
	case len(e.Have) == 0:
		s += " is not there: " + e.Source + " holds no usable key"
	case len(e.Have) == 1:
		s += " is not the one key of " + e.Source + " (" + name(e.Have[0]) + ")"
	default:
		s += " is not among the " + strconv.Itoa(len(e.Have)) + " keys of " + e.Source + " (" + list(e.Have, name) + ")"
	}
	if len(e.Dropped) > 0 {
		s += "; not usable: " + list(e.Dropped, func(s string) string { return s })
	}
	if e.Wait > 0 {
		s += "; fetched a moment ago, again in " + duration(e.Wait+time.Second-1)
	}
	return s
}

var errNoID = errors.New("no kid, so no token can name it")

// A FormatError says that a document is no JWK set (RFC 7517 section 5), or not
// what else it should be.
type FormatError struct {
	Source string
	Status int    // HTTP status, 0 when the document did not come by HTTP
	Found  string // what it looks like: "HTML", "an empty document", …
	Want   string // what it should be; empty means a JWK set
}

func (e *FormatError) Error() string {
	said := " holds "
	if e.Status != 0 {
		said = " answered " + strconv.Itoa(e.Status) + " with "
	}
	return e.Source + said + e.Found + ", not " + cmp.Or(e.Want, "a JWK set")
}

// StaticKeys is a set of keys that does not change. The zero value is empty.
type StaticKeys struct {
	source  string
	keys    map[string]Key
	dropped []string
}

// NewStaticKeys makes a set of keys at hand. Unfit keys are left out as
// ParseKeys does, and named in the UnknownKeyError.
func NewStaticKeys(source string, keys ...Key) StaticKeys {
	set, _ := collect(source, keys, nil)
	return set
}

// ParseKeys reads a JWK set. Keys that must not verify signatures (private,
// symmetric, weak, for another use, without an id, or two under one id) are
// left out and reported; they do not spoil the others, since issuers may
// publish keys of many kinds. The error is a *FormatError when data is no JWK
// set at all. source is the URL or file name used in messages.
func ParseKeys(data []byte, source string) (StaticKeys, []error, error) {
	if len(data) > maxKeys {
		return StaticKeys{}, nil, &FormatError{Source: source, Found: "more than " + strconv.Itoa(maxKeys) + " bytes"}
	}
	document, err := decodeObject(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if err != nil {
		return StaticKeys{}, nil, &FormatError{Source: source, Found: looksLike(data, err)}
	}
	members, ok := document["keys"].([]any)
	if !ok {
		return StaticKeys{}, nil, &FormatError{Source: source, Found: describeObject(document)}
	}
	var keys []Key
	var dropped []error
	for i, member := range members {
		key, err := parseKey(member)
		if err != nil {
			label := "key " + strconv.Itoa(i+1)
			if key.ID != "" {
				label = "key " + quote(key.ID)
			}
			dropped = append(dropped, errors.New(label+": "+err.Error()))
			continue
		}
		keys = append(keys, key)
	}
	set, dropped := collect(source, keys, dropped)
	return set, dropped, nil
}

// Key returns the key with the id kid, or an *UnknownKeyError.
func (s StaticKeys) Key(_ context.Context, kid string) (Key, error) {
	if key, ok := s.keys[kid]; ok {
		return key, nil
	}
	return Key{}, s.unknown(kid)
}

// IDs returns the ids of the keys, sorted.
func (s StaticKeys) IDs() []string {
	return slices.Sorted(maps.Keys(s.keys))
}

// Dropped says why other keys of the set are not usable.
func (s StaticKeys) Dropped() []string { return s.dropped }

func (s StaticKeys) unknown(kid string) *UnknownKeyError {
	return &UnknownKeyError{
		KeyID:   kid,
		Source:  cmp.Or(s.source, "the key set"),
		Have:    s.IDs(),
		Dropped: s.dropped,
	}
}

// collect makes a set of the fit keys among keys. Two different keys under one
// id are both left out: which of them a reader takes would depend on the reader.
func collect(source string, keys []Key, dropped []error) (StaticKeys, []error) {
	set := StaticKeys{source: source, keys: make(map[string]Key, len(keys))}
	clash := make(map[string]bool)
	for _, key := range keys {
		if err := fit(key); err != nil {
			dropped = append(dropped, errors.New("key "+quote(key.ID)+": "+err.Error()))
			continue
		}
		if other, there := set.keys[key.ID]; there && !sameKey(other, key) {
			clash[key.ID] = true
		}
		set.keys[key.ID] = key
	}
	for _, id := range slices.Sorted(maps.Keys(clash)) {
		delete(set.keys, id)
		dropped = append(dropped, errors.New("key "+quote(id)+": two different keys have this id"))
	}
	for _, err := range dropped {
		set.dropped = append(set.dropped, err.Error())
	}
	return set, dropped
}

func sameKey(a, b Key) bool {
	public, ok := a.Public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(b.Public) && a.Algorithm == b.Algorithm
}

// fit says why a key must not verify signatures.
func fit(key Key) error {
	if key.ID == "" {
		return errNoID
	}
	switch public := key.Public.(type) {
	case *rsa.PublicKey:
		return fitRSA(public)
	case *ecdsa.PublicKey:
		return fitECDSA(public)
	case ed25519.PublicKey:
		if len(public) == ed25519.PublicKeySize {
			return nil
		}
	}
	return errors.New("it is " + keyKind(key.Public) + ", not a public key for signatures")
}

func keyKind(key any) string {
	switch key.(type) {
	case *rsa.PublicKey:
		return "an RSA key"
	case *ecdsa.PublicKey:
		return "an elliptic-curve key"
	case ed25519.PublicKey:
		return "an Ed25519 key"
	case []byte:
		return "a symmetric key"
	case nil:
		return "no key"
	}
	return "a key of another kind"
}

// parseKey reads one JWK (RFC 7517 section 4). The returned key has at least
// its ID when that could be read. Errors carry nothing of the key material.
func parseKey(member any) (Key, error) {
	jwk, ok := member.(map[string]any)
	if !ok {
		return Key{}, errors.New("it is " + describe(member) + ", not an object")
	}
	key := Key{ID: Claims(jwk).String("kid"), Algorithm: Claims(jwk).String("alg")}
	if err := checkMembers(jwk); err != nil {
		return key, err
	}
	if key.ID == "" {
		return key, errNoID
	}
	// go-jose gets what our decoder understood, never the text itself, so the
	// two cannot read one document differently.
	text, err := json.Marshal(jwk)
	if err != nil {
		return key, err
	}
	var read jose.JSONWebKey
	switch err := read.UnmarshalJSON(text); {
	case errors.Is(err, jose.ErrUnsupportedKeyType):
		return key, errors.New("keys of type " + describe(jwk["kty"]) + " are not supported")
	case err != nil:
		return key, errors.New("it cannot be read as " + describe(jwk["kty"]) + " key")
	}
	key.Public = read.Key
	return key, nil
}

// checkMembers looks at the members that say what a key is for.
func checkMembers(jwk map[string]any) error {
	for _, member := range []string{"kid", "alg", "use", "kty"} {
		if v, present := jwk[member]; present {
			if _, ok := v.(string); !ok {
				return errors.New(member + " is " + describe(v) + ", want a string")
			}
		}
	}
	for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, present := jwk[secret]; present {
			return errors.New("it holds secret key material (member " + secret + "), which no published set should")
		}
	}
	if use, present := jwk["use"]; present && use != "sig" {
		return errors.New("its use is " + describe(use) + ", want \"sig\"")
	}
	if _, present := jwk["key_ops"]; present && !slices.Contains(Claims(jwk).Strings("key_ops"), "verify") {
		return errors.New("its key_ops do not have \"verify\"")
	}
	return nil
}

// looksLike names a document that is not a JSON object.
func looksLike(data []byte, reason error) string {
	head := bytes.ToLower(bytes.TrimSpace(data[:min(len(data), 2048)]))
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	switch {
	case len(head) == 0:
		return "nothing"
	case bytes.HasPrefix(head, []byte("<?xml")) && !bytes.Contains(head, []byte("<html")):
		return "XML"
	case head[0] == '<':
		return "HTML"
	case bytes.HasPrefix(head, []byte("-----begin")):
		return "PEM"
	case head[0] == '{':
		return "a document that " + reason.Error()
	case head[0] == '[':
		return "a JSON array"
	}
	return "text"
}

// describeObject names a JSON object without an array of keys.
func describeObject(document map[string]any) string {
	switch {
	case document["keys"] != nil:
		return "JSON whose keys are " + describe(document["keys"])
	case document["kty"] != nil:
		return `a single JWK (write {"keys":[…]} around it)`
	case document["jwks_uri"] != nil:
		return "an OpenID discovery document (its jwks_uri is " + describe(document["jwks_uri"]) + ")"
	}
	return `JSON without "keys"`
}
