package userpool

import (
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// attempt is a sign-in on its way from one challenge to the next.
type attempt struct {
	client store.Client
	user   store.User
	device string // the DEVICE_KEY of a confirmed device of the user, or ""
	pages  bool   // made on the pages: it ends without tokens
	typed  string // of a user who does not exist: the name that was typed
}

// challenge answers with a challenge that is bound to a new Session.
func (h *Handler) challenge(a attempt, s store.Session, parameters map[string]string) (authOutput, error) {
	s.PoolID, s.ClientID, s.Username, s.Device = a.client.PoolID, a.client.ID, a.user.Username, a.device
	s.Pages, s.Typed = a.pages, a.typed
	id, err := h.putSession(a.client, s)
	if err != nil {
		return authOutput{}, err
	}
	parameters["USER_ID_FOR_SRP"] = a.user.Username
	return authOutput{ChallengeName: s.Challenge, ChallengeParameters: parameters, Session: id}, nil
}

// putSession keeps s and returns the Session value it is found by.
func (h *Handler) putSession(client store.Client, s store.Session) (string, error) {
	id, err := h.randomText(sessionBytes)
	if err != nil {
		return "", err
	}
	now := h.Now()
	h.Store.PutSession(id, s, now, now.Add(client.SessionFor()))
	return id, nil
}

// opened looks up what an answer belongs to, and leaves its Session unused:
// whoever finds the answer good takes it with h.take, whoever does not leaves
// it for the next try. names are the responses that must be there.
func (h *Handler) opened(client store.Client, in respondInput, names ...string) (attempt, store.Session, error) {
	p := in.ChallengeResponses
	if err := h.checkParameters(client, p, append([]string{"USERNAME"}, names...)...); err != nil {
		return attempt{}, store.Session{}, err
	}
	if in.Session == "" {
		return attempt{}, store.Session{}, errMissing("Session")
	}
	session, err := h.Store.Session(in.Session, in.ChallengeName, client.ID, h.Now())
	if err != nil {
		return attempt{}, store.Session{}, sessionError(err)
	}
	if session.Pages != in.pages {
		// Begun on the pages, it can go on only there.
		return attempt{}, store.Session{}, errSession
	}
	a := attempt{client: client, user: store.User{Username: session.Username}, device: session.Device, pages: session.Pages, typed: session.Typed}
	if session.Unknown {
		if typed := p["USERNAME"]; !strings.EqualFold(typed, session.Username) && h.fakeUsername(session.PoolID, typed) != session.Username {
			return attempt{}, store.Session{}, errSession
		}
		return a, session, nil
	}
	user, known := h.Store.Find(session.PoolID, p["USERNAME"])
	if !known || user.Username != session.Username {
		return attempt{}, store.Session{}, errSession
	}
	if err := checkState(user); err != nil {
		return attempt{}, store.Session{}, err
	}
	a.user = user
	if key := p["DEVICE_KEY"]; key != "" {
		a.device = key
	}
	return a, session, checkDevice(user, a.device)
}

// take uses a Session up.
func (h *Handler) take(client store.Client, in respondInput) error {
	_, err := h.Store.TakeSession(in.Session, in.ChallengeName, client.ID, h.Now())
	if err != nil {
		return sessionError(err)
	}
	return nil
}

// checkDevice wants a DEVICE_KEY to name a confirmed device of the user. The
// word "device" in the refusal tells clients to try again without.
func checkDevice(user store.User, key string) error {
	if key == "" {
		return nil
	}
	if _, known := user.Device(key); !known {
		return errNoDevice
	}
	return nil
}
