package auth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestNoNonceSent is the sign-in at a provider that never returns one: none goes out,
// so none may come back, and all else is judged as ever.
func TestNoNonceSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(id, access map[string]any)
		want   string // in the error; empty: accepted
	}{
		"none comes back":  {func(id, _ map[string]any) { delete(id, "nonce") }, ""},
		"one comes back":   {func(id, _ map[string]any) { id["nonce"] = "another's" }, "nonce"},
		"an empty one":     {func(id, _ map[string]any) { id["nonce"] = "" }, "nonce"},
		"null":             {func(id, _ map[string]any) { id["nonce"] = nil }, "nonce"},
		"wrong at_hash":    {func(id, _ map[string]any) { delete(id, "nonce"); id["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }, "at_hash"},
		"another audience": {func(id, _ map[string]any) { delete(id, "nonce"); id["aud"] = "client2" }, "aud"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newFakeProvider(t)
			p.claims = c.change
			f := p.flow()
			f.NoNonce = true
			pending, asked := p.begun(t, f)
			if asked.Has("nonce") || pending.Nonce != "" || !asked.Has("code_challenge") {
				t.Errorf("the request: %v", asked)
			}
			tokens, err := f.Finish(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c0de-1"}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.verifier().Begin(t.Context(), auth.Session{Typed: "ann", By: auth.ByOAuth, TokenURL: f.Provider.Token}, tokens)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}
