package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// claim is what a request says of its signature.
type claim struct {
	query         bool // the query form
	algorithm     string
	credential    string // without the slashes that AWS ignores at its end
	signedHeaders string
	signature     string
	token         string
	stamp         string // the time as X-Amz-Date has it
	at            time.Time
	expires       time.Duration // of the query form; 0 in the header form

	// The elements of credential.
	keyID, date string
	scope       Scope
	terminator  string
}

// readClaim reads the header or the query form, in AWS's order: is there a
// signature, is it complete, is its date one, are algorithm and credential.
func readClaim(r *http.Request) (claim, error) {
	values := r.Header[authorizationHeader]
	_, query := incoming(r)
	_, presigned := parameter(query, algorithmParam)
	var c claim
	var date string
	var err error
	switch {
	case presigned > 0 && len(values) > 0:
		return claim{}, refuse(InvalidSignature, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	case presigned > 0:
		c, date, err = readQuery(query)
	case len(values) == 0:
		return claim{}, refuse(MissingAuthenticationToken, "Missing Authentication Token")
	default:
		date = dateOf(r.Header)
		c, err = readHeader(strings.Join(values, ", "), date)
		c.token = strings.Join(r.Header[tokenHeader], ",")
	}
	if err != nil {
		return claim{}, err
	}
	if c.at, c.stamp, err = readDate(date); err != nil {
		return claim{}, err
	}
	if c.algorithm != Algorithm {
		return claim{}, refuse(IncompleteSignature, "Unsupported AWS 'algorithm': '"+c.algorithm+"' (only "+Algorithm+" for now). ")
	}
	return c, c.splitCredential()
}

// readHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…".
// What is given back to the client in a refusal is the hash of the value, as
// AWS's servers have it since about 2023: a token sent by mistake stays out of
// logs. UNCONFIRMED: that the hash covers the whole value, and its place in the
// text of what is missing.
func readHeader(value, date string) (claim, error) {
	sum := sha256.Sum256([]byte(value))
	hashed := base64.StdEncoding.EncodeToString(sum[:])
	algorithm, list, _ := strings.Cut(strings.TrimSpace(value), " ")
	found := make(map[string]string, 3)
	for part := range strings.SplitSeq(list, ",") {
		name, value, equals := strings.Cut(strings.TrimSpace(part), "=")
		_, twice := found[name]
		if !equals && list != "" || twice {
			return claim{}, refuse(IncompleteSignature, "Invalid key=value pair (missing equal-sign) in Authorization header"+
				" (hashed with SHA-256 and encoded with Base64): '"+hashed+"'.")
		}
		found[name] = value
	}
	var missing []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if found[name] == "" {
			missing = append(missing, "Authorization header requires '"+name+"' parameter.")
		}
	}
	if date == "" {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if missing != nil {
		return claim{}, refuse(IncompleteSignature, strings.Join(missing, " ")+
			" (Hashed with SHA-256 and encoded with Base64) Authorization="+hashed)
	}
	return claim{algorithm: algorithm, credential: found["Credential"],
		signedHeaders: found["SignedHeaders"], signature: found["Signature"]}, nil
}

// readQuery reads the parameters of a presigned URL. UNCONFIRMED: the texts.
func readQuery(query string) (c claim, date string, err error) {
	c.query = true
	var expires string
	for _, p := range []struct {
		name string
		to   *string
	}{
		{algorithmParam, &c.algorithm}, {credentialParam, &c.credential}, {signatureParam, &c.signature},
		{signedHeadersParam, &c.signedHeaders}, {dateParam, &date}, {expiresParam, &expires}, {tokenParam, &c.token},
	} {
		value, count := parameter(query, p.name)
		if count > 1 || count == 0 && p.name != tokenParam {
			return claim{}, "", refuse(IncompleteSignature, "AWS query-string parameters must include '"+p.name+"' once. Re-examine the query-string parameters.")
		}
		*p.to = value
	}
	seconds, err := strconv.ParseUint(expires, 10, 32)
	if err != nil || seconds == 0 || seconds > uint64(maxExpires/time.Second) {
		return claim{}, "", refuse(IncompleteSignature, "X-Amz-Expires must be a number of seconds between 1 and 604800. Got '"+expires+"'.")
	}
	c.expires = time.Duration(seconds) * time.Second
	return c, date, nil
}

// dateOf is the time of the header form: X-Amz-Date, or Date without it. A
// doubled X-Amz-Date counts once when both are equal.
func dateOf(h http.Header) string {
	values := h[dateHeader]
	if len(values) == 2 && values[0] == values[1] {
		return values[0]
	}
	if len(values) > 0 {
		return strings.Join(values, ",")
	}
	return h.Get("Date")
}

// readDate reads the basic form of ISO 8601, or a Date header's own form.
func readDate(date string) (at time.Time, stamp string, err error) {
	at, err = time.Parse(timeLayout, date)
	if err != nil {
		at, err = http.ParseTime(date)
	}
	if err != nil || at.Year() < 0 || at.Year() > 9999 {
		return time.Time{}, "", refuse(IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got '"+date+"'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	at = at.UTC()
	return at, at.Format(timeLayout), nil
}

// splitCredential reads keyid/date/region/service/term.
func (c *claim) splitCredential() error {
	given := c.credential
	c.credential = strings.TrimRight(given, "/")
	parts := strings.Split(c.credential, "/")
	if len(parts) != 5 {
		return refuse(IncompleteSignature, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '"+given+"'")
	}
	c.keyID, c.date, c.terminator = parts[0], parts[1], parts[4]
	c.scope = Scope{Region: parts[2], Service: parts[3]}
	return nil
}

func (c *claim) signsHost() bool {
	for name := range strings.SplitSeq(c.signedHeaders, ";") {
		if strings.EqualFold(name, "host") {
			return true
		}
	}
	return false
}

// statedPayload is the hash that the request states and signs, "" for none.
func (c *claim) statedPayload(r *http.Request) string {
	for name := range strings.SplitSeq(c.signedHeaders, ";") {
		if name == "x-amz-content-sha256" {
			return r.Header.Get(payloadHeader)
		}
	}
	if c.query {
		_, query := incoming(r)
		value, _ := parameter(query, payloadHeader)
		return value
	}
	return ""
}
