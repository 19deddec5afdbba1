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
	kindArray             // an array of strings
)

func (k claimKind) String() string {
	return [...]string{"a string", "a number of seconds", "a string or an array of strings", "an array of strings"}[k]
}

func (k claimKind) fits(v any) bool {
	switch k {
	case kindDate:
		_, ok := asTime(v)
		return ok
	case kindStrings:
		_, single := v.(string)
		return single || kindArray.fits(v)
	case kindArray:
		array, ok := v.([]any)
		return ok && !slices.ContainsFunc(array, func(v any) bool { return !kindString.fits(v) })
	}
	_, ok := v.(string)
	return ok
}

// kindOf returns the type of the claims whose type is fixed (RFC 7519 section
// 4.1, RFC 9068 section 2.2, OpenID Connect Core section 2, and Cognito's own); a
// wrong one is refused even when nobody asked for the claim, because the next
// reader of the token may take it for something else.
func kindOf(claim string) (kind claimKind, fixed bool) {
	switch claim {
	case "exp", "nbf", "iat", "auth_time":
		return kindDate, true
	case "aud":
		return kindStrings, true
	case "cognito:groups", "cognito:roles":
		return kindArray, true
	case "iss", "sub", "jti", "scope", "client_id", "token_use", "nonce", "azp", "at_hash", "username",
		"cognito:username", "cognito:preferred_role", "origin_jti", "event_id", "device_key":
		return kindString, true
	}
	return 0, false
}

// wrongType returns the first claim, by name, that has not the type it must have
// and that no check of its own looks at, "" when there is none.
func (j *judge) wrongType() string {
	first := ""
	for name, v := range j.token.Claims {
		if kind, fixed := kindOf(name); fixed && !kind.fits(v) && !j.judges(name) && (first == "" || name < first) {
			first = name
		}
	}
	if first == "" {
		return ""
	}
	kind, _ := kindOf(first)
	return first + " is " + describe(j.token.Claims[first]) + ", want " + kind.String()
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
		return len(j.policy.ClientIDs) > 0 && j.policy.Signer == "" && j.audienceClaim() == claim
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
// present, the others when the policy asks. The calls are spelt out, as function
// values would put the judge on the heap for each token.
func (j *judge) claims() {
	if j.asked(CheckSigner) && j.readable(CheckSigner) {
		j.signer()
	}
	if j.readable(CheckExpiry) {
		j.expiry()
	}
	if j.asked(CheckNotBefore) {
		j.notBefore()
	}
	if j.asked(CheckIssuedAt) {
		j.issuedAt()
	}
	if j.asked(CheckIssuer) && j.readable(CheckIssuer) {
		j.issuer()
	}
	if j.asked(CheckAudience) && j.readable(CheckAudience) {
		j.audience()
	}
	if j.asked(CheckTokenUse) && j.readable(CheckTokenUse) {
		j.tokenUse()
	}
	if j.asked(CheckScope) && j.readable(CheckScope) {
		j.scope()
	}
	if j.asked(CheckGroup) && j.readable(CheckGroup) {
		j.group()
	}
	if j.asked(CheckNonce) && j.readable(CheckNonce) {
		j.nonce()
	}
	for _, rule := range j.policy.Claims {
		j.rule(rule)
	}
}

// asked says whether a check is to be made.
func (j *judge) asked(check string) bool {
	p, claim := &j.policy, ""
	switch check {
	case CheckSigner:
		return p.Signer != ""
	case CheckIssuer:
		return len(p.Issuers) > 0
	case CheckAudience:
		return len(p.ClientIDs) > 0
	case CheckScope:
		return len(p.Scopes) > 0
	case CheckGroup:
		return len(p.Groups) > 0
	case CheckNonce:
		return p.Nonce != ""
	case CheckTokenUse:
		if p.Use != "" && p.Use != "any" {
			return true
		}
		claim = "token_use"
	default: // nbf, iat
		claim = check
	}
	_, present := j.token.Claims[claim]
	return present
}

// readable fails a check when there are no claims to judge.
func (j *judge) readable(name string) bool {
	switch {
	case j.unread != nil:
		j.fail(name, CodeUnjudged, "not judged: the token cannot be read")
	case j.claimsUnread != nil:
		j.fail(name, CodeUnjudged, "not judged: the payload cannot be read")
	default:
		return true
	}
	return false
}

func (j *judge) rule(rule ClaimRule) {
	if !j.readable(rule.check()) {
		return
	}
	if code, detail := rule.judge(j.token.Claims); code != "" {
		j.fail(rule.check(), code, detail)
	} else {
		j.pass(rule.check(), detail)
	}
}

// date returns a NumericDate claim, or fails the check of that name.
func (j *judge) date(claim string, in Claims) (time.Time, bool) {
	t, ok := in.Time(claim)
	switch v, present := in[claim]; {
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
	exp, ok := j.expires()
	if !ok {
		return
	}
	now := j.policy.Now
	switch {
	case now.Before(exp):
		j.pass(CheckExpiry, since("expires in ", exp.Sub(now), "", "exp", exp))
	case now.Add(-j.policy.Leeway).Before(exp):
		j.pass(CheckExpiry, since("expired ", now.Sub(exp), " ago, within the leeway of "+j.policy.Leeway.String(), "exp", exp))
	default:
		j.fail(CheckExpiry, CodeExpired, since("expired ", now.Sub(exp), " ago", "exp", exp))
	}
}

func (j *judge) notBefore() {
	if nbf, ok := j.date("nbf", j.token.Claims); ok {
		ahead := nbf.Sub(j.policy.Now)
		if ahead > j.policy.Leeway {
			j.fail(CheckNotBefore, CodeNotYetValid, since("valid only in ", ahead, "", "nbf", nbf))
			return
		}
		j.pass(CheckNotBefore, "valid since "+instant(nbf))
	}
}

func (j *judge) issuedAt() {
	if iat, ok := j.date("iat", j.token.Claims); ok {
		ahead := iat.Sub(j.policy.Now)
		if ahead > j.policy.Leeway {
			j.fail(CheckIssuedAt, CodeIssuedInFuture, since("issued ", ahead, " in the future", "iat", iat)+": is a clock wrong?")
			return
		}
		j.pass(CheckIssuedAt, since("issued ", max(0, j.policy.Now.Sub(iat)), " ago", "iat", iat))
	}
}

// want is a check that a claim names one of some values.
type want struct {
	check, claim, code string
	values             []string
	in                 Claims // where the claim is: nil means the payload
	kind               claimKind
}

func (j *judge) claim(w want) (v any, present bool) {
	if w.in != nil {
		v, present = w.in[w.claim]
		return v, present
	}
	v, present = j.token.Claims[w.claim]
	return v, present
}

func (w want) String() string { return ", want " + oneOf(w.values) }

// equals checks a claim that is one string.
func (j *judge) equals(w want) {
	v, present := j.claim(w)
	s, isString := v.(string)
	switch {
	case !present:
		j.fail(w.check, w.code, w.claim+" is missing"+w.String())
	case !isString:
		j.fail(w.check, CodeClaimType, w.claim+" is "+describe(v)+w.String())
	case !slices.Contains(w.values, s):
		j.fail(w.check, w.code, w.claim+" is "+quote(s)+w.String())
	default:
		j.pass(w.check, said(s, w.claim, " is "))
	}
}

// overlaps checks a claim that is one string or several: one match is enough.
func (j *judge) overlaps(w want) {
	v, present := j.token.Claims[w.claim]
	switch {
	case !present:
		j.fail(w.check, w.code, w.claim+" is missing"+w.String())
	case !w.kind.fits(v):
		j.fail(w.check, CodeClaimType, w.claim+" is "+describe(v)+", want "+w.kind.String())
	default:
		j.overlap(w, asStrings(v))
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
		j.pass(w.check, said(h, w.claim, verb))
		return
	}
	shown := "empty"
	if len(have) > 0 {
		shown = list(have, quote)
	}
	j.fail(w.check, w.code, w.claim+" is "+shown+w.String())
}

func (j *judge) issuer() {
	w := want{check: CheckIssuer, claim: "iss", code: CodeIssuerMismatch, values: j.policy.Issuers}
	if j.policy.Signer != "" {
		j.balancerIssuer(w)
		return
	}
	j.equals(w)
}

// tokenUse: Cognito says id or access; other issuers have no such claim.
func (j *judge) tokenUse() {
	w := want{check: CheckTokenUse, claim: "token_use", code: CodeTokenUseMismatch, values: []string{"id", "access"}}
	switch use := j.policy.Use; use {
	case "", "any", "either":
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
	w := want{check: CheckAudience, claim: j.audienceClaim(), code: CodeClientMismatch, values: j.policy.ClientIDs, kind: kindStrings}
	switch {
	case j.policy.Signer != "":
		w.claim, w.in = "client", j.token.Header
		j.equals(w)
	case w.claim == "client_id":
		j.equals(w)
	default:
		j.overlaps(w)
	}
}

// scope: OAuth's list of words (RFC 6749 section 3.3); one of those asked for is
// enough, as at API Gateway.
func (j *judge) scope() {
	w := want{check: CheckScope, claim: "scope", code: CodeScopeMismatch, values: j.policy.Scopes}
	if s, ok := j.token.Claims["scope"].(string); ok {
		j.overlap(w, strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })) // no other white space parts them
		return
	}
	j.equals(w) // absent, or of another type
}

func (j *judge) group() {
	j.overlaps(want{check: CheckGroup, claim: "cognito:groups", code: CodeGroupMismatch, values: j.policy.Groups, kind: kindArray})
}

// nonce: OpenID Connect Core section 3.1.3.7, step 11.
func (j *judge) nonce() {
	j.equals(want{check: CheckNonce, claim: "nonce", code: CodeNonceMismatch, values: []string{j.policy.Nonce}})
}
