package jwt

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Names of checks, in the order of a Report.
const (
	CheckForm      = "form"      // readable, and every claim of the type it must have
	CheckAlgorithm = "algorithm" // alg is allowed, and the one of the key
	CheckKeyID     = "kid"       // the key set has the key
	CheckSignature = "signature"
	CheckSigner    = "signer" // only for tokens of an Application Load Balancer
	CheckExpiry    = "exp"
	CheckNotBefore = "nbf" // only when the token has it
	CheckIssuedAt  = "iat" // only when the token has it
	CheckIssuer    = "iss"
	CheckAudience  = "audience" // aud or client_id
	CheckTokenUse  = "token_use"
	CheckScope     = "scope"
	CheckGroup     = "group"
	CheckNonce     = "nonce"
	// then one "claim NAME" for each of Policy.Claims
)

// Codes of failed checks. They are stable; details are not.
const (
	CodeMalformed         = "malformed"
	CodeEncrypted         = "encrypted"
	CodeCritical          = "critical_header"    // crit names extensions
	CodeClaimType         = "claim_type"         // a claim has the wrong JSON type
	CodeAlgorithmRefused  = "algorithm_refused"  // not in Policy.Algorithms
	CodeAlgorithmMismatch = "algorithm_mismatch" // not the alg of the key
	CodeKeyIDMissing      = "kid_missing"
	CodeUnknownKey        = "unknown_key"
	CodeKeysUnavailable   = "keys_unavailable" // the key set could not be read
	CodeSignatureInvalid  = "signature_invalid"
	CodeUnjudged          = "unjudged" // an earlier failure left nothing to judge
	CodeExpired           = "expired"
	CodeClaimMissing      = "claim_missing"
	CodeNotYetValid       = "not_yet_valid"
	CodeIssuedInFuture    = "issued_in_future"
	CodeSignerMismatch    = "signer_mismatch" // another load balancer made the token
	CodeIssuerMismatch    = "issuer_mismatch"
	CodeClientMismatch    = "client_mismatch"
	CodeTokenUseMismatch  = "token_use_mismatch"
	CodeScopeMismatch     = "scope_mismatch"
	CodeGroupMismatch     = "group_mismatch"
	CodeNonceMismatch     = "nonce_mismatch"
	CodeClaimMismatch     = "claim_mismatch"
	CodePolicy            = "policy_invalid" // the policy cannot be applied: a mistake of the caller
)

// A Policy says what a token must be. Empty fields ask for nothing, except
// Algorithms and Now.
type Policy struct {
	Algorithms []string      // allowed JWS algorithms, of those that Algorithms lists; empty means RS256 alone, what Cognito signs with
	Issuers    []string      // iss must equal one
	ClientIDs  []string      // the audience must be one; see CheckAudience
	Use        string        // token_use: "id", "access", "either" of them; "any" or "" for both and for tokens without
	Now        time.Time     // the time to judge by; required
	Leeway     time.Duration // how far the clocks may differ, for exp, nbf and iat
	Scopes     []string      // at least one must be in scope
	Groups     []string      // at least one must be in cognito:groups
	Nonce      string        // the nonce sent with the authorization request
	Claims     []ClaimRule   // each must hold

	// Signer is the ARN of an Application Load Balancer and says that the token is
	// one that it adds to requests (x-amzn-oidc-data). Such a token is signed with
	// ES256 (what empty Algorithms means then), its parts may be padded, and its
	// header holds what is in the claims of others: signer, which must be this ARN,
	// iss, client (the app client) and exp. An iss or exp in the payload counts too.
	// Every balancer of a region has its key at one address, so that without the
	// signer anybody's balancer could make the token.
	Signer string
}

// A Check is one thing that was judged. Detail is for people and ready for a
// terminal: what the token says is quoted and cut in it.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Code   string `json:"code,omitempty"` // set when not OK
}

// A Report holds the outcome of every check, also of those after a failure.
// What could not be judged is a failed check that says why; what was not asked
// for, Policy.Skipped lists.
type Report struct {
	Token  Token   `json:"-"` // as far as it could be read; do not trust it unless OK
	Checks []Check `json:"checks"`
}

// OK says whether all checks passed. A report without checks is not OK.
func (r Report) OK() bool {
	for _, c := range r.Checks {
		if !c.OK {
			return false
		}
	}
	return len(r.Checks) > 0
}

// Failed returns the checks that did not pass, in order.
func (r Report) Failed() []Check {
	var failed []Check
	for _, c := range r.Checks {
		if !c.OK {
			failed = append(failed, c)
		}
	}
	return failed
}

// Err returns nil when the report is OK, else a *VerifyError.
func (r Report) Err() error {
	if r.OK() {
		return nil
	}
	return &VerifyError{Checks: r.Failed()}
}

// VerifyError lists all failed checks of a token.
type VerifyError struct{ Checks []Check }

func (e *VerifyError) Error() string {
	if len(e.Checks) == 0 {
		return "the token was not checked"
	}
	details := make([]string, len(e.Checks))
	for i, c := range e.Checks {
		details[i] = c.Name + ": " + c.Detail
	}
	return "the token is refused: " + strings.Join(details, "; ")
}

// Has says whether a check failed with one of the codes.
func (e *VerifyError) Has(codes ...string) bool {
	for _, c := range e.Checks {
		for _, code := range codes {
			if c.Code == code {
				return true
			}
		}
	}
	return false
}

// Verify judges a token by keys and a policy. It never fails as a call: what
// went wrong, be it with the token, the keys or the policy, is in the report.
//
// It checks what AWS asks for (structure, kid, signature, exp, aud or
// client_id, iss, token_use) and more strictly: exp is required, and an iat in
// the future fails.
func Verify(ctx context.Context, raw string, keys KeySet, p Policy) Report {
	j := judge{policy: p, checks: make([]Check, 0, 12)}
	var err error
	if j.token, err = parseHeader(raw, padding(p.Signer != "")); err != nil {
		j.token, j.unread = Token{Raw: raw}, err
	} else if err = j.token.parseClaims(); err != nil {
		j.claimsUnread = err
	}
	j.form(err)
	j.key(ctx, keys)
	j.claims()
	return Report{Token: j.token, Checks: j.checks}
}

// judge collects the checks of one token.
type judge struct {
	policy       Policy
	token        Token
	unread       error // why nothing of the token could be read
	claimsUnread error // why the claims alone could not
	checks       []Check
}

func (j *judge) pass(name, detail string) {
	j.checks = append(j.checks, Check{Name: name, OK: true, Detail: detail})
}

func (j *judge) fail(name, code, detail string) {
	j.checks = append(j.checks, Check{Name: name, Detail: detail, Code: code})
}

// form reports on the reading itself, crit, and the types of claims that no
// check of their own looks at.
func (j *judge) form(err error) {
	if err != nil {
		j.malformed(err)
		return
	}
	if crit, present := j.token.Header["crit"]; present {
		// RFC 7515 section 4.1.11: extensions one does not know make it invalid.
		j.fail(CheckForm, CodeCritical, "the header demands extensions (crit is "+describe(crit)+"), none is known here")
		return
	}
	if wrong := j.wrongType(); wrong != "" {
		j.fail(CheckForm, CodeClaimType, wrong)
		return
	}
	if j.policy.Signer != "" {
		if wrong := j.wrongHeader(); wrong != "" {
			j.fail(CheckForm, CodeClaimType, wrong)
			return
		}
	}
	j.pass(CheckForm, "three parts, header and payload are JSON objects")
}

func (j *judge) malformed(err error) {
	var parse *ParseError
	switch {
	case errors.Is(err, ErrEncrypted):
		j.fail(CheckForm, CodeEncrypted, ErrEncrypted.Error())
	case errors.As(err, &parse):
		j.fail(CheckForm, CodeMalformed, parse.Reason)
	default:
		j.fail(CheckForm, CodeMalformed, err.Error())
	}
}

// key finds the key and checks what hangs on it.
func (j *judge) key(ctx context.Context, keys KeySet) {
	if j.unread != nil {
		for _, name := range []string{CheckAlgorithm, CheckKeyID, CheckSignature} {
			j.fail(name, CodeUnjudged, "not judged: the token cannot be read")
		}
		return
	}
	key, code, err := j.find(ctx, keys)
	algorithmOK := j.algorithm(key, err == nil)
	if err != nil {
		j.fail(CheckKeyID, code, err.Error()+j.token.passedOver())
	} else {
		j.pass(CheckKeyID, said(key.ID, "the key set has the key ")+j.token.passedOver())
	}
	j.signature(key, err == nil, algorithmOK)
}

func (j *judge) find(ctx context.Context, keys KeySet) (key Key, code string, err error) {
	switch {
	case keys == nil:
		return Key{}, CodePolicy, errors.New("no key set was given")
	case j.token.KeyID == "":
		return Key{}, CodeKeyIDMissing, errors.New("the header has no kid, so no key can be chosen")
	}
	if key, err = keys.Key(ctx, j.token.KeyID); err == nil {
		return key, "", nil
	}
	var unknown *UnknownKeyError
	if errors.As(err, &unknown) {
		return key, CodeUnknownKey, err
	}
	return key, CodeKeysUnavailable, err
}

// algorithm pins the algorithm: to the policy first, since the token is not to
// choose how it is judged, then to the key.
func (j *judge) algorithm(key Key, found bool) bool {
	alg := j.token.Algorithm
	allowed := j.policy.Algorithms
	switch {
	case len(allowed) == 0 && j.policy.Signer != "":
		allowed = []string{"ES256"}
	case len(allowed) == 0:
		allowed = []string{"RS256"}
	}
	for _, a := range allowed {
		if a != alg {
			continue
		}
		if found && key.Algorithm != "" && key.Algorithm != alg {
			j.fail(CheckAlgorithm, CodeAlgorithmMismatch, "alg is "+quote(alg)+", but the key "+quote(key.ID)+" is for "+quote(key.Algorithm))
			return false
		}
		j.pass(CheckAlgorithm, said(alg, "alg is "))
		return true
	}
	j.fail(CheckAlgorithm, CodeAlgorithmRefused, "alg is "+quote(alg)+", want "+oneOf(allowed))
	return false
}

func (j *judge) signature(key Key, found, algorithmOK bool) {
	verify, known := verifierFor(j.token.Algorithm)
	_, critical := j.token.Header["crit"]
	unjudged := ""
	switch {
	case !algorithmOK:
		unjudged = "its algorithm is refused"
	case !found:
		unjudged = "there is no key to check it with"
	case critical:
		unjudged = "the header demands unknown extensions"
	case !known:
		unjudged = "signatures with " + quote(j.token.Algorithm) + " cannot be checked here"
	}
	if unjudged != "" {
		j.fail(CheckSignature, CodeUnjudged, "not judged: "+unjudged)
		return
	}
	if err := verify(key.Public, j.token.signed, j.token.Signature); err != nil {
		j.fail(CheckSignature, CodeSignatureInvalid, err.Error())
		return
	}
	j.pass(CheckSignature, said(key.ID, j.token.Algorithm, " by the key "))
}
