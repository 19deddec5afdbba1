package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/cogctl/cogctl/internal/loopback"
)

// checkURL lets an event go to this machine only: it holds the caller's token.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no URL", text)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("%q is no http address", u.Redacted())
	case u.User != nil:
		return fmt.Errorf("%q holds a user name or password, which is not sent", u.Redacted())
	case !loopback.IsLoopback(u.Hostname()):
		return fmt.Errorf("%q is not on this machine: the event holds a token, and goes to loopback only", u.Redacted())
	}
	return nil
}

// post lets a server answer. A redirect is no answer, wherever it leads.
func (r Runner) post(ctx context.Context, event []byte) ([]byte, error) {
	if r.Client == nil {
		return nil, errors.New("there is no way to post to it")
	}
	client := *r.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	answer, err := judge(bytes.TrimSpace(body))
	if raised := (*FunctionError)(nil); errors.As(err, &raised) {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d: %s", response.StatusCode, excerpt(bytes.TrimSpace(body)))
	}
	return answer, err
}
