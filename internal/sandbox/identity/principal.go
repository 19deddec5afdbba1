package identity

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sigv4"
)

// Principal finds who signs with an access key: a user, or a role's session,
// whether or not it has ended.
func (h *Handler) Principal(accessKeyID string) (gateway.Principal, bool) {
	key, known := h.Store.Key(accessKeyID)
	if !known {
		return gateway.Principal{}, false
	}
	p := gateway.Principal{
		Credentials: sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, SessionToken: key.SessionToken},
		Expires:     key.Expires, AccountID: h.AccountID, ARN: key.ARN, UserID: key.UserID, Tags: key.Tags,
		IdentityID: key.IdentityID, IdentityPoolID: key.IdentityPoolID, AMR: key.AMR,
	}
	if len(key.AMR) > 0 {
		p.AuthType, p.AuthProvider = key.AMR[0], strings.Join(key.AMR[1:], ",")
	}
	document := key.Policy
	if key.Role != "" {
		role, _ := h.Store.Role(key.Role)
		document = role.Policy
	}
	if document != "" {
		policy, err := gateway.ParsePolicy([]byte(document))
		if err != nil {
			return gateway.Principal{}, false // CheckRole has refused such a role
		}
		p.Policies = []gateway.Policy{policy}
	}
	return p, true
}

// CheckRole says what cannot be read in a role.
func CheckRole(role store.Role) error {
	if _, _, err := roleName(role.ARN); err != nil {
		return err
	}
	if role.Policy != "" {
		if _, err := gateway.ParsePolicy([]byte(role.Policy)); err != nil {
			return err
		}
	}
	_, err := parseTrust(role.Trust)
	return err
}

// errSessionOver is the refusal of a session that has ended. Its code has no
// "Exception" at STS.
var errSessionOver = &sigv4.VerifyError{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}

// Caller verifies the signature of a request for a service. The error is a
// *sigv4.VerifyError. STS takes signatures of the last 15 minutes, others five
// (for Secrets Manager, Systems Manager and Cognito UNCONFIRMED).
func (h *Handler) Caller(r *http.Request, body []byte, scope sigv4.Scope) (gateway.Principal, error) {
	now := h.Now()
	window := 5 * time.Minute
	if scope.Service == stsService {
		window = 15 * time.Minute
	}
	var found gateway.Principal
	v := sigv4.Verifier{Scope: scope, Window: window}
	_, err := v.Verify(r, sigv4.PayloadHash(body), func(id string) (sigv4.Credentials, bool) {
		p, known := h.Principal(id)
		found = p
		return p.Credentials, known
	}, now)
	switch {
	case err != nil:
		return gateway.Principal{}, err
	case !found.Expires.IsZero() && !now.Before(found.Expires):
		return gateway.Principal{}, errSessionOver
	}
	return found, nil
}

// Demand is what a signed operation wants its caller to be allowed to do.
type Demand struct {
	Region   string // to sign for; "" is the handler's
	Service  string // to sign for
	Action   string // SERVICE:OPERATION
	Resource string // ARN, or *
}

// Require verifies the signature of an operation of one of the JSON protocols,
// and asks the caller's policies. Its refusals are *Error.
func (h *Handler) Require(r *http.Request, body []byte, d Demand) error {
	who, err := h.Caller(r, body, sigv4.Scope{Region: cmp.Or(d.Region, h.Region), Service: d.Service})
	if err != nil {
		refusal, ok := errors.AsType[*sigv4.VerifyError](err)
		if !ok {
			return err
		}
		return &Error{Type: refusal.Code, Message: refusal.Message}
	}
	if !who.Allows(r, d.Action, d.Resource, h.Now()) {
		return &Error{Type: "AccessDeniedException", Message: "User: " + who.ARN + " is not authorized to perform: " + d.Action +
			" on resource: " + d.Resource + " because no identity-based policy allows the " + d.Action + " action"}
	}
	return nil
}
