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

// Fetch gets a public document of an issuer, such as its discovery document:
// status 200, at most 1 MiB after decompression, by https or from a loopback
// host, with at most 2 redirects, to the same origin. What names the document in
// errors.
func Fetch(ctx context.Context, client *http.Client, what, rawURL string) ([]byte, error) {
	d, err := fetchDocument(ctx, client, wanted{what: what, url: rawURL})
	return d.data, err
}

// wanted is a document to fetch: what names it in errors, and etag, when not
// empty, is that of the copy at hand.
type wanted struct{ what, url, etag string }

type document struct {
	data      []byte
	etag      string
	unchanged bool // the copy at hand is still right
}

// statusError is an answer that is not the document.
type statusError struct {
	wanted
	status int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("fetching %s from %s: it answered %d %s", e.what, e.url, e.status, http.StatusText(e.status))
}

func fetchDocument(ctx context.Context, client *http.Client, w wanted) (document, error) {
	u, err := address(w.what, w.url)
	if err != nil {
		return document{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return document{}, fmt.Errorf("%s of %s: %w", w.what, w.url, err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	if w.etag != "" {
		request.Header.Set("If-None-Match", w.etag)
	}
	within := *client
	within.CheckRedirect = sameOriginOnly
	within.Jar = nil // the document is public: nothing of the user goes along
	response, err := within.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the URL is named once, by us
		}
		return document{}, fmt.Errorf("fetching %s from %s: %w", w.what, w.url, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && w.etag != "":
		return document{unchanged: true}, nil
	case response.StatusCode != http.StatusOK:
		return document{}, &statusError{w, response.StatusCode}
	}
	data, err := readAtMost(response.Body, maxKeys)
	if err != nil {
		return document{}, fmt.Errorf("fetching %s from %s: reading the answer: %w", w.what, w.url, err)
	}
	return document{data: data, etag: usableETag(response.Header)}, nil
}

func readAtMost(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}

// usableETag leaves out what is no entity tag (RFC 9110 section 8.8.3) or too
// long to keep.
func usableETag(h http.Header) string {
	tag := h.Get("ETag")
	opaque := strings.TrimPrefix(tag, "W/")
	if len(tag) > 256 || len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}
	for _, c := range []byte(opaque[1 : len(opaque)-1]) {
		if c <= ' ' || c > '~' || c == '"' {
			return ""
		}
	}
	return tag
}

// keysURL is address for key sets.
func keysURL(raw string) (*url.URL, error) { return address("keys", raw) }

// CheckKeysURL says why nobody would fetch keys from an address: it is none, holds a
// password, or is plain http beyond this machine.
func CheckKeysURL(raw string) error {
	_, err := keysURL(raw)
	return err
}

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
