package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// A PayloadAuthorizer is an Authorizer that decides by the body too. It gets
// the body's SHA-256 in hex instead of the body, so that nobody else's stream
// is used up: [API] reads the body, which has its limit, before it asks.
type PayloadAuthorizer interface {
	Authorizer
	DecidePayload(ctx context.Context, r *http.Request, payloadHash string) Decision
}

// ask lets an authorizer decide. For one that wants to know the body, the body
// is read, and put back as it was.
func (a *API) ask(authorizer Authorizer, r *http.Request) Decision {
	p, wants := authorizer.(PayloadAuthorizer)
	if !wants || r.Body == nil || r.Body == http.NoBody {
		return authorizer.Decide(r.Context(), r)
	}
	limit, kind := cmp.Or(a.MaxBody, MaxBody), callOf(r).kind
	if r.ContentLength > limit {
		return tooLarge(kind, limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return tooLarge(kind, limit)
	}
	if err != nil {
		return badRequest(kind)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return p.DecidePayload(r.Context(), r, sigv4.PayloadHash(body))
}

// badRequest is the answer to a body that ended early. Its texts are
// UNCONFIRMED; hardly anybody is left to read them.
func badRequest(k Kind) Decision {
	if k == HTTP {
		return refuseHTTP(http.StatusBadRequest, "Bad Request", "", nil)
	}
	return refuseREST(http.StatusBadRequest, "Bad Request", "BadRequestException", nil)
}
