package jwt

import "time"

// What differs for tokens of an Application Load Balancer: see Policy.Signer.

// signer: the keys of one address sign for all balancers of a region.
func (j *judge) signer() {
	j.equals(want{check: CheckSigner, claim: "signer", code: CodeSignerMismatch, values: []string{j.policy.Signer}, in: j.token.Header})
}

// wrongHeader returns a member of a balancer's header that has the wrong type
// and that no check of its own looks at, "" when there is none.
func (j *judge) wrongHeader() string {
	for _, m := range []struct {
		name   string
		judged bool
	}{{"iss", len(j.policy.Issuers) > 0}, {"client", len(j.policy.ClientIDs) > 0}} {
		if v, present := j.token.Header[m.name]; present && !m.judged && !kindString.fits(v) {
			return "the header's " + m.name + " is " + describe(v) + ", want a string"
		}
	}
	return ""
}

// expires returns the time a token ends, or fails the check. A balancer writes
// it in the header and, with the claims of the issuer, often in the payload: the
// earlier one counts.
func (j *judge) expires() (time.Time, bool) {
	if j.policy.Signer == "" {
		return j.date("exp", j.token.Claims)
	}
	exp, ok := j.date("exp", j.token.Header)
	if _, twice := j.token.Claims["exp"]; !ok || !twice {
		return exp, ok
	}
	other, ok := j.date("exp", j.token.Claims)
	if other.Before(exp) {
		return other, ok
	}
	return exp, ok
}

// balancerIssuer: the header says for which issuer the balancer vouches, and a
// payload that names one must name the same.
func (j *judge) balancerIssuer(w want) {
	v, twice := j.token.Claims["iss"]
	if s, ok := v.(string); twice && (!ok || s != j.token.Header.String("iss")) {
		j.fail(CheckIssuer, CodeIssuerMismatch, "iss is "+describe(v)+" in the payload, but "+describe(j.token.Header["iss"])+" in the header")
		return
	}
	w.in = j.token.Header
	j.equals(w)
}
