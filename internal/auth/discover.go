package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/loopback"
	"github.com/cogctl/cogctl/internal/redact"
)

// discoveryTTL is how long a stored discovery document serves. Endpoints move
// about never; whoever finds one that does not answer drops the copy.
const discoveryTTL = 24 * time.Hour

// Discovery finds the endpoints of OpenID Connect issuers.
type Discovery struct {
	Client *http.Client // its redirect policy is replaced: at most 2, to the same origin

	// Now, Load and Store, when set, keep a copy for a day across processes, as
	// those of jwt.RemoteKeys do. What Load returns is checked like a fetched
	// document.
	Now   func() time.Time
	Load  func(url string) (data []byte, fetched time.Time, ok bool)
	Store func(url string, data []byte)
}

// Discover is Discovery without copies.
func Discover(ctx context.Context, c *http.Client, issuer string) (Provider, error) {
	return Discovery{Client: c}.Provider(ctx, issuer)
}

// DiscoveryURL is where an issuer's discovery document is (OpenID Connect
// Discovery 1.0, section 4.1).
func DiscoveryURL(issuer string) string {
	return strings.TrimRight(issuer, "/") + "/.well-known/openid-configuration"
}

// Provider returns the endpoints that issuer's discovery document names, each
// checked: the document must be that issuer's, to the letter, and an endpoint
// must be one to which codes and secrets may go. An endpoint that is not there is
// empty. The error is a *DiscoveryError.
func (d Discovery) Provider(ctx context.Context, issuer string) (Provider, error) {
	address := DiscoveryURL(issuer)
	if d.Load != nil {
		data, fetched, ok := d.Load(address)
		age := time.Duration(0)
		if ok {
			age = d.Now().Sub(fetched)
		}
		if ok && -leeway <= age && age < discoveryTTL {
			if p, err := readDiscovery(issuer, data); err == nil {
				return p, nil
			}
		}
	}
	data, err := jwt.Fetch(ctx, d.Client, "OpenID configuration", address)
	if err != nil {
		return Provider{}, &DiscoveryError{Issuer: issuer, Err: err}
	}
	p, err := readDiscovery(issuer, data)
	if err != nil {
		return Provider{}, &DiscoveryError{Issuer: issuer, Err: err, Refused: true}
	}
	if d.Store != nil {
		d.Store(address, data)
	}
	return p, nil
}

// DiscoveryError is a discovery document that could not be had, or that is not to
// be believed.
type DiscoveryError struct {
	Issuer  string
	Err     error
	Refused bool // it came, and is refused
}

func (e *DiscoveryError) Error() string {
	return fmt.Sprintf("find the endpoints of the issuer %s: %v", e.Issuer, e.Err)
}

func (e *DiscoveryError) Unwrap() error { return e.Err }

// discoveryDocument is the part of an issuer's metadata that is used (OpenID
// Connect Discovery 1.0, section 3; RFC 8414, section 2; RP-Initiated Logout 1.0).
type discoveryDocument struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	NamesItself   bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207, section 3
}

// readDiscovery reads and checks the document that was found for issuer.
func readDiscovery(issuer string, data []byte) (Provider, error) {
	var d discoveryDocument
	if err := json.Unmarshal(data, &d); err != nil {
		return Provider{}, errors.New("its answer is not an OpenID configuration, which is a JSON object")
	}
	if d.Issuer != issuer { // section 4.3: identical
		return Provider{}, fmt.Errorf("its OpenID configuration is that of the issuer %q, not of %q", redact.Cut(d.Issuer), issuer)
	}
	if d.JWKS == "" {
		return Provider{}, errors.New("its OpenID configuration has no jwks_uri, so no token could be verified")
	}
	home, err := url.Parse(issuer)
	if err != nil {
		return Provider{}, errors.New("it is not a URL")
	}
	local := loopback.IsLoopback(home.Hostname())
	for _, endpoint := range []struct{ name, url string }{
		{"authorization_endpoint", d.Authorization}, {"token_endpoint", d.Token}, {"revocation_endpoint", d.Revocation},
		{"end_session_endpoint", d.EndSession}, {"userinfo_endpoint", d.UserInfo}, {"jwks_uri", d.JWKS},
	} {
		if endpoint.url == "" {
			continue
		}
		if err := checkEndpoint(endpoint.url, local); err != nil {
			return Provider{}, fmt.Errorf("the %s of its OpenID configuration %w: refused", endpoint.name, err)
		}
	}
	return Provider{
		Issuer: d.Issuer, Authorization: d.Authorization, Token: d.Token, Revocation: d.Revocation,
		EndSession: d.EndSession, UserInfo: d.UserInfo, JWKS: d.JWKS,
		NamesItself: d.NamesItself,
		// Without the list, basic is what there is (section 3).
		PostAuth: slices.Contains(d.AuthMethods, "client_secret_post") && !slices.Contains(d.AuthMethods, "client_secret_basic"),
	}, nil
}

// checkEndpoint refuses endpoints to which no secret may go. An issuer elsewhere
// must not point at services of this machine or of its link, which answer nobody
// else; local says that the issuer itself is on this machine.
func checkEndpoint(raw string, local bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.User != nil:
		return errors.New("holds a user name")
	case u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("is %q, not an https URL", redact.Cut(raw))
	case u.Fragment != "": // RFC 6749, sections 3.1 and 3.2
		return fmt.Errorf("is %q, with a fragment", redact.Cut(raw))
	case !local && inward(u.Hostname()):
		return fmt.Errorf("is %q, on this machine or its link, which the issuer is not", redact.Cut(raw))
	case u.Scheme == "http" && !(local && loopback.IsLoopback(u.Hostname())):
		return fmt.Errorf("is %q, plain http", redact.Cut(raw))
	}
	return nil
}

// inward tells hosts that are this machine or its own link, such as the metadata
// service of a cloud, in any of the spellings that some resolver understands. A
// host that ends in a number is an address or nothing (URL Standard, section 3.5).
func inward(host string) bool {
	host = strings.TrimRight(host, ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip.Zone() != ""
	}
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || strings.Trim(last, "0123456789") == "" || loopback.IsLoopback(host)
}
