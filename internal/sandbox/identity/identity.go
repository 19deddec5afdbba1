// Package identity answers for the AWS services that turn a sign-in into AWS
// credentials: Amazon Cognito identity pools (AWS JSON 1.1) and the Security
// Token Service (the query protocol, answers in XML); and for two that take AWS
// credentials and give secrets, Secrets Manager and Parameter Store. It uses AWS's
// words. What AWS
// was not seen to say is marked UNCONFIRMED.
//
// A login is a token of an identity provider: of a user pool of the sandbox, or
// of the stand-in for a social provider. logins.go judges it by the provider's
// keys, as strictly as AWS does. An identity is found by its logins (store). The
// enhanced flow, GetCredentialsForIdentity, chooses a role by the pool's rules
// and the token's claims (roles.go); the classic one, GetOpenIdToken, gives a
// token that AssumeRoleWithWebIdentity of sts.go takes. In both the role's trust
// policy must let the identity in (trust.go). keys.go makes the credentials,
// principal.go knows their owners again, and secrets.go asks them for permission.
package identity

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/awsjson"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// maxBody is the largest request body in bytes. A token has up to 64 KiB.
const maxBody = 256 << 10

// TargetPrefix begins the X-Amz-Target of identity pools.
const TargetPrefix = "AWSCognitoIdentityService."

var protocol = awsjson.Service{MaxBody: maxBody, TooLarge: errTooLarge, Internal: errInternal}

// Provider is where an identity provider's tokens come from.
type Provider struct {
	Issuer string // the iss of its tokens
	Keys   jwt.KeySet
}

// Handler is the identity pools and the Security Token Service. Every field is
// needed, but Count.
type Handler struct {
	Store     *store.Store
	Region    string
	AccountID string // 12 digits
	Now       func() time.Time
	Random    io.Reader

	// Issuer is the iss of the OpenID tokens; AWS's is
	// https://cognito-identity.amazonaws.com. OpenIDKey makes the key that signs
	// them, and gives the same one each time.
	Issuer    func() string
	OpenIDKey func() (*jwt.Signer, error)

	// UserPool finds the keys of a user pool, and Social those of a social
	// provider, by the name it has in Logins: accounts.google.com.
	UserPool func(poolID string) (Provider, bool)
	Social   func(name string) (Provider, bool)

	// Count is told each call of a known operation before it is judged. It is
	// called from many goroutines. nil is allowed.
	Count func(ctx context.Context, call string)
}

// operations is the table of what identity pools serve.
var operations = sync.OnceValue(func() map[string]operation {
	return map[string]operation{
		"GetId":                     public((*Handler).getID),
		"GetCredentialsForIdentity": public((*Handler).getCredentialsForIdentity),
		"GetOpenIdToken":            public((*Handler).getOpenIDToken),
		"ListIdentityPools":         signed("ListIdentityPools", (*Handler).listIdentityPools),
		"DescribeIdentityPool":      signed("DescribeIdentityPool", (*Handler).describeIdentityPool),
		"GetIdentityPoolRoles":      signed("GetIdentityPoolRoles", (*Handler).getIdentityPoolRoles),
	}
})

// operation is a row of the table.
type operation func(h *Handler, r *http.Request, body []byte) (any, error)

// public adapts a typed operation that needs no AWS credentials.
func public[In, Out any](f func(*Handler, context.Context, In) (Out, error)) operation {
	return func(h *Handler, r *http.Request, body []byte) (any, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		return f(h, r.Context(), in)
	}
}

// Handles says whether a POST to / is for this package: the target of another
// service is not, and a form is for STS.
func Handles(r *http.Request) bool {
	target := r.Header.Get("X-Amz-Target")
	return strings.HasPrefix(target, TargetPrefix) || secretOperation(target) != nil || isQuery(r)
}

// ServeHTTP answers a request that Handles says yes to. Whatever goes wrong
// inside is an internal error that says nothing about it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := store.NewID(h.Random)
	if err != nil {
		id = "00000000-0000-4000-8000-000000000000"
	}
	w.Header().Set("X-Amzn-Requestid", id)
	// Clients learn the server's time from this header, so it follows our clock.
	w.Header().Set("Date", h.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("Cache-Control", "no-store")
	if isQuery(r) {
		h.serveSTS(w, r, id)
		return
	}
	protocol.Serve(w, func() (any, error) { return h.dispatch(w, r) })
}

// dispatch finds and runs the operation.
func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request) (any, error) {
	target := r.Header.Get("X-Amz-Target")
	name := strings.TrimPrefix(target, TargetPrefix)
	op, known := operations()[name]
	if secret := secretOperation(target); secret != nil {
		op, known = secret, true
		_, name, _ = strings.Cut(target, ".")
	}
	if !known {
		return nil, &Error{Type: "UnknownOperationException"}
	}
	body, err := protocol.ReadBody(w, r)
	if err != nil {
		return nil, err
	}
	h.count(r.Context(), name)
	return op(h, r, body)
}

func (h *Handler) count(ctx context.Context, call string) {
	if h.Count != nil {
		h.Count(ctx, call)
	}
}

// decode reads one JSON object. The parser's own words could quote the body.
func decode(body []byte, in any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil // as {}: then the required members are missing
	}
	if awsjson.Unmarshal(body, in) != nil {
		return &Error{Type: "SerializationException", Message: "The request body is not a JSON object of this operation"}
	}
	return nil
}
