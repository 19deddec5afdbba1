package jwt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/cogctl/cogctl/internal/loopback"
)

// maxRedirects is how many redirects a fetch follows, all of them within one
// origin: who decides about the keys decides about every token.
const maxRedirects = 2

// Fetch gets a public document of an issuer, such as its key set: status 200, at
// most 1 MiB after decompression, by https or from a loopback host, with at most
// 2 redirects, to the same origin. What names the document in errors.
func Fetch(ctx context.Context, client *http.Client, what, rawURL string) ([]byte, error) {
	u, err := address(what, rawURL)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", what, rawURL, err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	within := *client
	within.CheckRedirect = sameOriginOnly
	within.Jar = nil // the document is public: nothing of the user goes along
	response, err := within.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the URL is named once, by us
		}
		return nil, fmt.Errorf("fetching %s from %s: %w", what, rawURL, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching %s from %s: it answered %d %s", what, rawURL, response.StatusCode, http.StatusText(response.StatusCode))
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxKeys+1))
	if err == nil && len(data) > maxKeys {
		err = fmt.Errorf("more than %d bytes", maxKeys)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching %s from %s: reading the answer: %w", what, rawURL, err)
	}
	return data, nil
}

// keysURL is address for key sets.
func keysURL(raw string) (*url.URL, error) { return address("keys", raw) }

// address refuses addresses at which an attacker on the way, or a slip in the
// configuration, could put keys of its own.
func address(what, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the address of the " + what + " is not a URL") // err would repeat a password in it
	case u.User != nil:
		return nil, errors.New("the address of the " + what + ", " + u.Redacted() + ", holds a user name: refused")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the address of the " + what + " is " + quote(raw) + ", want https://…")
	case u.Scheme == "http" && !loopback.IsLoopback(u.Hostname()):
		return nil, errors.New("the address of the " + what + ", " + raw + ", is plain http beyond this machine: refused")
	}
	return u, nil
}

func sameOriginOnly(request *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("it redirects more than 2 times")
	}
	if to, from := origin(request.URL), origin(via[0].URL); to != from {
		return errors.New("it redirects to another origin, " + quote(to) + ": not followed")
	}
	return nil
}

// origin is scheme, host and port (RFC 6454), with the default port spelt out.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
