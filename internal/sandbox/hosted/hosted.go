// Package hosted is the domain of a user pool: the OAuth 2.0 endpoints below
// /oauth2, and the pages where people sign in and up. It holds to what Cognito
// was seen or is documented to do; what is neither is marked UNCONFIRMED, and
// then the stricter of the plausible ways was taken.
//
// A request for authorization is read in request.go and nowhere else: every page
// carries it in its query and judges it anew. authorize.go answers it; token.go
// and client.go are the token endpoint, account.go what takes a token and the
// sign-out. session.go is what a browser is known by. Pages are built from
// elements (markup.go), so that every text is escaped, and share one frame
// (page.go): no script, no external resource. login.go, challenge.go, signup.go
// and forgot.go are the pages of the pool, standin.go is the page of the social
// provider that the sandbox stands in for.
//
// One domain serves all pools: the client_id of a request names the pool.
package hosted

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// maxForm is the largest form in bytes.
const maxForm = 64 << 10

// Handler serves a domain. Every field is needed, but Count, URL and SocialSigner.
type Handler struct {
	Store  *store.Store
	Pool   *userpool.Handler // judges sign-ins and makes tokens
	Now    func() time.Time
	Random io.Reader
	// Key ties forms to browsers: secret, at least 16 random bytes, the same for
	// the life of the handler.
	Key []byte
	// Count is told each call of an OAuth endpoint: "POST /oauth2/token", and
	// where there is more to say, such as the grant type, a detail. Only known
	// names appear. It is called from many goroutines. nil is allowed.
	Count func(ctx context.Context, call, detail string)
	// URL is the domain's own, and SocialSigner the key of the stand-in for
	// social providers, the same each time. They are for ID tokens of the
	// stand-in and may be nil where nobody wants one.
	URL          func() string
	SocialSigner func() (*jwt.Signer, error)
}

// Register adds the domain's paths to a mux. The query of a request is never
// written anywhere.
func (h *Handler) Register(mux *http.ServeMux) {
	get, post, both := []string{http.MethodGet}, []string{http.MethodPost}, []string{http.MethodGet, http.MethodPost}
	for _, route := range []struct {
		path    string
		methods []string
		serve   http.HandlerFunc
	}{
		{"/oauth2/authorize", get, h.authorize},
		{"/oauth2/token", post, h.token},
		{"/oauth2/revoke", post, h.revoke},
		{"/oauth2/userInfo", both, h.userInfo},
		{"/oauth2/idpresponse", get, h.idpResponse},
		{"/login", both, h.login},
		{"/mfa", both, h.answer},
		{"/changePassword", both, h.answer},
		{"/signup", both, h.signUp},
		{"/confirmUser", both, h.confirmUser},
		{"/resendcode", both, h.resendCode},
		{"/forgotPassword", both, h.forgotPassword},
		{"/confirmForgotPassword", both, h.confirmForgotPassword},
		{"/logout", get, h.logout},
		{"/error", get, h.errorPage},
		{standInPath + "{provider}", both, h.standIn},
	} {
		mux.Handle(route.path, limited(route.methods, route.serve))
	}
}

// limited sets what every answer of the domain has, and refuses other methods
// and large bodies. That AWS answers 405 is UNCONFIRMED.
func limited(methods []string, serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			writeError(w, &fault{status: http.StatusMethodNotAllowed, code: "invalid_request"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		serve(w, r)
	})
}

func (h *Handler) count(r *http.Request, detail string) {
	if h.Count != nil {
		h.Count(r.Context(), r.Method+" "+r.URL.Path, detail)
	}
}

// randomText is n random bytes in hex.
func (h *Handler) randomText(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(h.Random, b); err != nil {
		return "", fmt.Errorf("read %d random bytes: %w", n, err)
	}
	return fmt.Sprintf("%x", b), nil
}

// said is the text of a refusal, for a person; anything else that went wrong
// inside stays unsaid.
func said(err error) string {
	if refusal, ok := errors.AsType[*userpool.Error](err); ok {
		return refusal.Message
	}
	return "Something went wrong here. Please try again."
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*userpool.Error](err)
	return ok
}

func isType(err error, name string) bool {
	refusal, ok := errors.AsType[*userpool.Error](err)
	return ok && refusal.Type == name
}

// trouble is what is wrong with a form, in words, and with which field of it; ""
// where it is none in particular. A password is that in both its fields.
type trouble struct{ text, field string }

func troubleOf(err error) trouble {
	t := trouble{text: said(err)}
	switch {
	case isType(err, "CodeMismatchException"), isType(err, "ExpiredCodeException"):
		t.field = "code"
	case isType(err, "InvalidPasswordException"):
		t.field = "password"
	case isType(err, "UsernameExistsException"):
		t.field = "username"
	}
	return t
}

// differ is the trouble of two passwords that should be one.
func differ() trouble { return trouble{"The two passwords are not the same.", "password"} }
