package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cogctl/cogctl/internal/loopback"
)

const (
	examplePoolID         = "us-east-1_Ab12Cd34E"
	exampleIdentityPoolID = "us-east-1:11112222-3333-4444-5555-666677778888"
)

// CheckName judges the name of a profile or of one of its APIs: 1 to 64 of
// A-Z a-z 0-9 . _ and -. Names become parts of messages, file names and shell
// output, so they hold nothing that could mean something there.
func CheckName(name string) error {
	if len(name) >= 1 && len(name) <= 64 && only(name, "._-") {
		return nil
	}
	return fmt.Errorf("%q is not a name: 1 to 64 of A-Z a-z 0-9 . _ -", shorten(name))
}

// only reports whether s holds nothing but ASCII letters, digits and the
// characters of more.
func only(s, more string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(more, c) >= 0:
		default:
			return false
		}
	}
	return true
}

// shorten keeps a value in a message to a length that a line can take.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// checkPoolID follows the API's pattern for UserPoolId,
// [\w-]+_[0-9a-zA-Z]+ and at most 55 characters.
func checkPoolID(id string) error {
	prefix, suffix, found := cutLast(id, "_")
	if found && len(id) <= 55 && prefix != "" && only(prefix, "_-") && suffix != "" && only(suffix, "") {
		return nil
	}
	hint := ""
	switch {
	case strings.HasPrefix(id, "arn:"):
		if _, last, ok := cutLast(id, "/"); ok && checkPoolID(last) == nil {
			hint = "; of this ARN only the last part is wanted: " + last
		}
	case strings.Contains(id, ":"):
		hint = "; with a colon it looks like an identity pool id"
	}
	return fmt.Errorf("%q is not a user pool id: one looks like %s%s", shorten(id), examplePoolID, hint)
}

// checkIdentityPoolID follows the API's pattern for IdentityPoolId, [\w-]+:[0-9a-f-]+
// and at most 55 characters, but for what stands behind the colon: emulators have
// other words there.
func checkIdentityPoolID(id string) error {
	region, rest, found := strings.Cut(id, ":")
	if found && len(id) <= 55 && region != "" && only(region, "_-") && rest != "" && only(rest, "_-") {
		return nil
	}
	hint := ""
	switch {
	case strings.HasPrefix(id, "arn:"):
		if _, last, ok := cutLast(id, "/"); ok && checkIdentityPoolID(last) == nil {
			hint = "; of this ARN only the last part is wanted: " + last
		}
	case checkPoolID(id) == nil:
		hint = "; this one looks like a user pool's"
	}
	return fmt.Errorf("%q is not an identity pool id: one looks like %s%s", shorten(id), exampleIdentityPoolID, hint)
}

// checkRole follows the pattern of role ARNs, with any partition:
// arn:aws:iam::123456789012:role/path/name.
func checkRole(arn string) error {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[3] == "" && len(parts[4]) == 12 && len(arn) <= 2048 &&
		strings.Trim(parts[4], "0123456789") == "" && strings.HasPrefix(parts[5], "role/") && only(parts[5], "/_+=,.@-") {
		return nil
	}
	return fmt.Errorf("%q is not the ARN of a role: one looks like arn:aws:iam::123456789012:role/Reader", shorten(arn))
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// checkRegion admits one DNS label: the region becomes part of host names, and
// a dot or a slash in it would lead requests elsewhere.
func checkRegion(region string) error {
	if len(region) <= 32 && only(region, "-") && region == strings.ToLower(region) && strings.Trim(region, "-") == region {
		return nil
	}
	return fmt.Errorf("%q is not a region: one looks like us-east-1", shorten(region))
}

// regionOf returns the region in front of a pool id, or "".
func regionOf(poolID, sep string) string {
	region, _, found := strings.Cut(poolID, sep)
	if !found || checkRegion(region) != nil {
		return ""
	}
	return region
}

// checkWord refuses what no identifier holds. Identifiers of other issuers
// have their own forms (Google's client ids have dots), so it asks no more.
func checkWord(text string) error {
	for _, r := range text {
		if r <= ' ' || r == 0x7f {
			return fmt.Errorf("%q holds a space or a control character", shorten(text))
		}
	}
	return nil
}

// checkURL admits https anywhere and http on this machine only, because
// credentials go to these URLs. The value is not shown when it may hold a
// password before an "@".
func checkURL(text string) error {
	shown := strconv.Quote(shorten(text))
	if strings.Contains(text, "@") {
		shown = "the URL"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a URL", shown)
	case u.User != nil:
		return errors.New("the URL holds a user name or password: give it without")
	case u.Scheme == "" || u.Host == "":
		if !strings.Contains(text, "//") && checkURL("https://"+text) == nil {
			return fmt.Errorf("%s lacks the scheme: https://%s", shown, text)
		}
		return fmt.Errorf("%s is not a URL of the form https://HOST", shown)
	case u.Hostname() == "" || !goodPort(u.Port()):
		return fmt.Errorf("%s has no good host and port", shown)
	case u.Scheme == "http" && !loopback.IsLoopback(u.Hostname()):
		return fmt.Errorf("%s is plain http, which is allowed to this machine (localhost) only", shown)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is not an https URL", shown)
	case strings.ContainsAny(text, "?#"):
		return fmt.Errorf("%s has a query or a fragment, which do not belong there", shown)
	}
	return nil
}

func goodPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// checkCallback admits any absolute URL: an app client may register one of
// its own scheme (myapp://signed-in).
func checkCallback(text string) error {
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		return errors.New("the callback URL holds a user name or password")
	case err != nil || u.Scheme == "" || u.Host == "" && u.Path == "" && u.Opaque == "":
		return fmt.Errorf("%q is not a callback URL: one looks like http://localhost:17170/callback", shorten(text))
	case u.Opaque != "" && u.Opaque[0] >= '0' && u.Opaque[0] <= '9': // localhost:17170/callback
		return fmt.Errorf("%q lacks the scheme: http://%s", shorten(text), shorten(text))
	case u.Fragment != "": // RFC 6749 section 3.1.2
		return fmt.Errorf("%q has a fragment, which a callback URL may not have", shorten(text))
	}
	return nil
}

func checkStorage(text string) error {
	if text == "keyring" {
		return errors.New(`"keyring" is not offered: this version has file and none`)
	}
	return oneOf("file", "none")(text)
}

// checkUsername refuses what comes of a variable that was not set, or of a file with
// other line ends. User pools take no white space at all in a username; other issuers
// may, within one.
func checkUsername(name string) error {
	trimmed := strings.TrimSpace(name)
	switch {
	case trimmed == "":
		return fmt.Errorf("%q is blank", shorten(name))
	case trimmed != name:
		return fmt.Errorf("%q begins or ends with white space", shorten(name))
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q has control characters", shorten(name))
	case strings.ContainsRune(name, utf8.RuneError):
		return fmt.Errorf("%q is not UTF-8 text", name)
	}
	return nil
}

func oneOf(choices ...string) func(string) error {
	return func(text string) error {
		for _, c := range choices {
			if text == c {
				return nil
			}
		}
		return fmt.Errorf("%q is none of %s%s", shorten(text), strings.Join(choices, ", "), suggest(text, choices))
	}
}

// parseBool reads what people write into variables: 1, true, yes or on, and
// their opposites.
func parseBool(text string) (string, error) {
	switch strings.ToLower(text) {
	case "1", "t", "true", "y", "yes", "on":
		return "true", nil
	case "0", "f", "false", "n", "no", "off":
		return "false", nil
	}
	return "", fmt.Errorf("%q is neither true nor false", shorten(text))
}

// IsReference reports whether a value in the file stands for a secret kept
// elsewhere. Package secret resolves env:, file: and cmd:; the others are
// recognised, so that they are not taken for the secret itself.
func IsReference(text string) bool {
	scheme, _, found := strings.Cut(text, ":")
	if !found {
		return false
	}
	switch scheme {
	case "env", "file", "cmd", "keyring", "secretsmanager", "ssm":
		return true
	}
	return false
}

// Check reports whether text will do for the setting of that name, so that an
// answer can be put right before anything is written.
func Check(name, text string) error {
	f, ok := field(name)
	if !ok {
		return fmt.Errorf("there is no setting %q", name)
	}
	if _, err := f.normal(text); err != nil {
		return &ValueError{Field: name, Place: name, Err: err}
	}
	return nil
}
