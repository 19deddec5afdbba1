package jwt

// A Skip is a check that was not made, and why.
type Skip struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// Skipped returns the checks that Verify does not make of this token under the
// policy, in the order of a Report: a verdict without them is only half of what
// a reader may take it for. The nonce and the rules on claims are left out; who
// does not ask for those expects nothing.
func (p Policy) Skipped(t Token) []Skip {
	j := judge{policy: p, token: t}
	absent := func(claim string) string {
		if t.Claims == nil {
			return "the claims cannot be read"
		}
		return "the token has no " + claim
	}
	var skipped []Skip
	for _, s := range []Skip{
		{CheckNotBefore, absent("nbf")},
		{CheckIssuedAt, absent("iat")},
		{CheckIssuer, "no issuer was asked for: whoever has a key of the set may have issued the token"},
		{CheckAudience, "no client was asked for: a token for any client of the issuer passes"},
		{CheckTokenUse, "none was asked for, and " + absent("token_use")},
		{CheckScope, "no scope was asked for"},
		{CheckGroup, "no group was asked for"},
	} {
		if !j.asked(s.Name) {
			skipped = append(skipped, s)
		}
	}
	return skipped
}

// passedOver names the members of the header that offer a key, or an address to
// get one from (RFC 7515 section 4.1.2 to 4.1.6). They are never used: who
// forges a token writes its header too.
func (t *Token) passedOver() string {
	var names []string
	if len(t.Header) > 2 { // Cognito's are alg and kid
		for _, name := range []string{"jku", "jwk", "x5u", "x5c"} {
			if _, present := t.Header[name]; present {
				names = append(names, name)
			}
		}
	}
	if names == nil {
		return ""
	}
	return "; the header's own " + list(names, func(s string) string { return s }) + " was passed over"
}
