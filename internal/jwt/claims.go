package jwt

import (
	"slices"
	"strings"
	"time"
)

// claimKind is the JSON type a claim must have.
type claimKind int

const (
	kindString  claimKind = iota
	kindDate              // NumericDate
	kindStrings           // a string or an array of strings
)

func (k claimKind) String() string {
	return [...]string{"a string", "a number of seconds", "a string or an array of strings"}[k]
}

func (k claimKind) fits(v any) bool {
	switch k {
	case kindDate:
		_, ok := asTime(v)
		return ok
	case kindStrings:
		return asStrings(v) != nil
	}
	_, ok := v.(string)
	return ok
}

// typedClaims are the claims whose type is fixed (RFC 7519 section 4.1, and
// Cognito's own); a wrong one is refused even when nobody asked for the claim,
// because the next reader of the token may take it for something else.
var typedClaims = [...]struct {
	name string
	kind claimKind
}{
	{"iss", kindString}, {"sub", kindString}, {"aud", kindStrings}, {"jti", kindString},
	{"exp", kindDate}, {"nbf", kindDate}, {"iat", kindDate},
	{"scope", kindString}, {"token_use", kindString}, {"client_id", kindString},
	{"cognito:groups", kindStrings}, {"nonce", kindString},
}

// judges says whether a check of its own looks at the claim, so that one fault
// is not reported twice.
func (j *judge) judges(claim string) bool {
	switch claim {
	case "exp", "nbf", "iat", "token_use":
		return true
	case "iss":
		return len(j.policy.Issuers) > 0
	case "aud", "client_id":
		return len(j.policy.ClientIDs) > 0 && j.audienceClaim() == claim
	case "scope":
		return len(j.policy.Scopes) > 0
	case "cognito:groups":
		return len(j.policy.Groups) > 0
	case "nonce":
		return j.policy.Nonce != ""
	}
	return false
}

// claims makes the checks on claims: exp always, nbf, iat and token_use when
// present, the others when the policy asks.
func (j *judge) claims() {
	p := &j.policy
	_, hasUse := j.token.Claims["token_use"]
	_, hasNotBefore := j.token.Claims["nbf"]
	_, hasIssuedAt := j.token.Claims["iat"]
	for _, c := range [...]struct {
		name  string
		asked bool
		check func(*judge)
	}{
		{CheckExpiry, true, (*judge).expiry},
		{CheckNotBefore, hasNotBefore, (*judge).notBefore},
		{CheckIssuedAt, hasIssuedAt, (*judge).issuedAt},
		{CheckIssuer, len(p.Issuers) > 0, (*judge).issuer},
		{CheckAudience, len(p.ClientIDs) > 0, (*judge).audience},
		{CheckTokenUse, hasUse || p.Use != "" && p.Use != "any", (*judge).tokenUse},
		{CheckScope, len(p.Scopes) > 0, (*judge).scope},
		{CheckGroup, len(p.Groups) > 0, (*judge).group},
		{CheckNonce, p.Nonce != "", (*judge).nonce},
	} {
		switch {
		case !c.asked:
		case j.unread != nil:
			j.fail(c.name, CodeUnjudged, "not judged: the token cannot be read")
		case j.claimsUnread != nil:
			j.fail(c.name, CodeUnjudged, "not judged: the payload cannot be read")
		default:
			c.check(j)
		}
	}
}

// date returns a NumericDate claim, or fails the check of that name.
func (j *judge) date(claim string) (time.Time, bool) {
	t, ok := j.token.Claims.Time(claim)
	switch v, present := j.token.Claims[claim]; {
	case !present:
		j.fail(claim, CodeClaimMissing, claim+" is missing")
		return t, false
	case !ok:
		j.fail(claim, CodeClaimType, claim+" is "+describe(v)+", want "+kindDate.String())
		return t, false
	case j.policy.Now.IsZero():
		j.fail(claim, CodePolicy, "no time was given to judge "+claim+" by")
		return t, false
	}
	return t, true
}

// expiry: a token is dead from the second exp on (RFC 7519 section 4.1.4).
func (j *judge) expiry() {
	exp, ok := j.date("exp")
	if !ok {
		return
	}
	now, at := j.policy.Now, " (exp "+instant(exp)+")"
	switch {
	case now.Before(exp):
		j.pass(CheckExpiry, "expires in "+duration(exp.Sub(now))+at)
	case now.Add(-j.policy.Leeway).Before(exp):
		j.pass(CheckExpiry, "expired "+duration(now.Sub(exp))+" ago, within the leeway of "+j.policy.Leeway.String()+at)
	default:
		j.fail(CheckExpiry, CodeExpired, "expired "+duration(now.Sub(exp))+" ago"+at)
	}
}

func (j *judge) notBefore() {
	if nbf, ok := j.date("nbf"); ok {
		ahead := nbf.Sub(j.policy.Now)
		if ahead > j.policy.Leeway {
			j.fail(CheckNotBefore, CodeNotYetValid, "valid only in "+duration(ahead)+" (nbf "+instant(nbf)+")")
			return
		}
		j.pass(CheckNotBefore, "valid since "+instant(nbf))
	}
}

func (j *judge) issuedAt() {
	if iat, ok := j.date("iat"); ok {
		ahead := iat.Sub(j.policy.Now)
		if ahead > j.policy.Leeway {
			j.fail(CheckIssuedAt, CodeIssuedInFuture, "issued "+duration(ahead)+" in the future (iat "+instant(iat)+"): is a clock wrong?")
			return
		}
		j.pass(CheckIssuedAt, "issued "+duration(max(0, j.policy.Now.Sub(iat)))+" ago (iat "+instant(iat)+")")
	}
}

// want is a check that a claim names one of some values.
type want struct {
	check, claim, code string
	values             []string
}

func (w want) String() string { return ", want " + oneOf(w.values) }

// equals checks a claim that is one string.
func (j *judge) equals(w want) {
	v, present := j.token.Claims[w.claim]
	s, isString := v.(string)
	switch {
	case !present:
		j.fail(w.check, w.code, w.claim+" is missing"+w.String())
	case !isString:
		j.fail(w.check, CodeClaimType, w.claim+" is "+describe(v)+w.String())
	case !slices.Contains(w.values, s):
		j.fail(w.check, w.code, w.claim+" is "+quote(s)+w.String())
	default:
		j.pass(w.check, w.claim+" is "+quote(s))
	}
}

// overlaps checks a claim that is one string or several: one match is enough.
func (j *judge) overlaps(w want) {
	v, present := j.token.Claims[w.claim]
	have := j.token.Claims.Strings(w.claim)
	switch {
	case !present:
		j.fail(w.check, w.code, w.claim+" is missing"+w.String())
	case have == nil:
		j.fail(w.check, CodeClaimType, w.claim+" is "+describe(v)+", want "+kindStrings.String())
	default:
		j.overlap(w, have)
	}
}

func (j *judge) overlap(w want, have []string) {
	for _, h := range have {
		if !slices.Contains(w.values, h) {
			continue
		}
		verb := " has "
		if len(have) == 1 {
			verb = " is "
		}
		j.pass(w.check, w.claim+verb+quote(h))
		return
	}
	shown := "empty"
	if len(have) > 0 {
		shown = list(have, quote)
	}
	j.fail(w.check, w.code, w.claim+" is "+shown+w.String())
}

func (j *judge) issuer() {
	j.equals(want{CheckIssuer, "iss", CodeIssuerMismatch, j.policy.Issuers})
}

// tokenUse: Cognito says id or access; other issuers have no such claim.
func (j *judge) tokenUse() {
	w := want{CheckTokenUse, "token_use", CodeTokenUseMismatch, []string{"id", "access"}}
	switch use := j.policy.Use; use {
	case "", "any":
	case "id", "access":
		w.values = []string{use}
	default:
		j.fail(CheckTokenUse, CodePolicy, "the policy wants token_use "+quote(use)+", which is not "+oneOf(w.values))
		return
	}
	j.equals(w)
}

// audienceClaim is where a token names the app client: Cognito's ID tokens in
// aud, its access tokens in client_id. Tokens of other issuers have no
// token_use; as API Gateway does, client_id counts there only without an aud.
func (j *judge) audienceClaim() string {
	if j.token.Claims.String("token_use") == "access" {
		return "client_id"
	}
	_, hasAudience := j.token.Claims["aud"]
	_, hasUse := j.token.Claims["token_use"]
	if !hasAudience && !hasUse {
		return "client_id"
	}
	return "aud"
}

func (j *judge) audience() {
	w := want{CheckAudience, j.audienceClaim(), CodeClientMismatch, j.policy.ClientIDs}
	if w.claim == "client_id" {
		j.equals(w)
		return
	}
	j.overlaps(w)
}

// scope: OAuth's list of words (RFC 6749 section 3.3); one of those asked for is
// enough, as at API Gateway.
func (j *judge) scope() {
	w := want{CheckScope, "scope", CodeScopeMismatch, j.policy.Scopes}
	if s, ok := j.token.Claims["scope"].(string); ok {
		j.overlap(w, strings.Fields(s))
		return
	}
	j.equals(w) // absent, or of another type
}

func (j *judge) group() {
	j.overlaps(want{CheckGroup, "cognito:groups", CodeGroupMismatch, j.policy.Groups})
}

// nonce: OpenID Connect Core section 3.1.3.7, step 11.
func (j *judge) nonce() {
	j.equals(want{CheckNonce, "nonce", CodeNonceMismatch, []string{j.policy.Nonce}})
}
