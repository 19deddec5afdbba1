package hosted

import (
	"errors"
	"net/url"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// socialFor is how long an ID token of a stand-in is good.
const socialFor = time.Hour

// SocialIssuer is the iss of the ID tokens of a social provider's stand-in.
// Google's own is https://accounts.google.com.
func (h *Handler) SocialIssuer(provider string) string {
	return h.URL() + standInPath + url.PathEscape(provider)
}

// SocialToken is an ID token as a social provider gives it to an app of its
// own: for a client of that provider, signed with a key of the stand-in's. more
// are further claims, such as the nonce.
func (h *Handler) SocialToken(who store.Assertion, clientID string, more url.Values) (string, error) {
	if h.URL == nil || h.SocialSigner == nil {
		return "", errors.New("the stand-in has no key")
	}
	signer, err := h.SocialSigner()
	if err != nil {
		return "", err
	}
	now := h.Now()
	claims := map[string]any{
		"iss": h.SocialIssuer(who.Provider), "azp": clientID, "aud": clientID, "sub": who.Subject,
		"email": who.Email, "email_verified": true, "name": who.Name,
		"iat": now.Unix(), "exp": now.Add(socialFor).Unix(),
	}
	for name := range more {
		claims[name] = more.Get(name)
	}
	return signer.Sign(claims)
}

// Somebody is who has an e-mail address at a provider: the same one each time.
func Somebody(provider, email string) (store.Assertion, bool) {
	who, ok := chosen(url.Values{"email": {email}})
	who.Provider = provider
	return who, ok
}
