package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// tokenRequest is what an application's own token endpoint takes, as JSON or as
// a form.
type tokenRequest struct {
	Username string `json:"username"`
	Password string `json:"password"`
	ClientID string `json:"client_id"` // "" means the public client
}

// tokenEndpoint is POST /oauth/token of an application that signs its users in
// itself, with the app client's secret on the server, and hands out what it
// got. It is no endpoint of OAuth's, and none of Cognito's.
func (s *Sandbox) tokenEndpoint(w http.ResponseWriter, r *http.Request) {
	in, ok := readTokenRequest(r)
	if !ok || in.Username == "" || in.Password == "" {
		writeJSON(w, http.StatusBadRequest, message("username and password are needed, as JSON or as a form"))
		return
	}
	if in.ClientID == "" {
		in.ClientID = PublicClientID
	}
	tokens, challenge, err := s.pool.PasswordSignIn(in.ClientID, in.Username, in.Password)
	refusal, refused := errors.AsType[*userpool.Error](err)
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case refused:
		writeJSON(w, http.StatusUnauthorized, message(refusal.Message))
	case err != nil:
		writeJSON(w, http.StatusInternalServerError, message("Internal server error"))
	case challenge != "":
		writeJSON(w, http.StatusForbidden, message("this user cannot sign in here: "+challenge+" is asked"))
	default:
		writeJSON(w, http.StatusOK, map[string]string{"id_token": tokens.ID, "refresh_token": tokens.Refresh})
	}
}

func readTokenRequest(r *http.Request) (tokenRequest, bool) {
	r.Body = http.MaxBytesReader(nil, r.Body, 64<<10)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		err := r.ParseForm()
		return tokenRequest{r.PostForm.Get("username"), r.PostForm.Get("password"), r.PostForm.Get("client_id")}, err == nil
	}
	var in tokenRequest
	err := json.NewDecoder(r.Body).Decode(&in)
	return in, err == nil
}

// received is what POST /upload answers: enough to see that every byte came.
type received struct {
	Size        int64  `json:"size"`   // bytes
	SHA256      string `json:"sha256"` // hex
	ContentType string `json:"content_type"`
}

func upload(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	n, err := io.Copy(hash, r.Body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, message("the request body ended early"))
		return
	}
	writeJSON(w, http.StatusOK, received{n, hex.EncodeToString(hash.Sum(nil)), r.Header.Get("Content-Type")})
}
