package userpool

import (
	"crypto/subtle"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

const customChallenge = "CUSTOM_CHALLENGE"

// wrongAnswers is how many wrong answers our stand-in for the trigger
// DefineAuthChallenge forgives: after the first and the second it has the
// question asked again, with the third it fails the authentication.
const wrongAnswers = 3

// initiateCustom is CUSTOM_AUTH: the user's questions one after another, after
// SRP where the client asks for it by CHALLENGE_NAME=SRP_A. A user without
// questions, or who does not exist, is one whom the trigger does not let in.
func (h *Handler) initiateCustom(client store.Client, p map[string]string) (authOutput, error) {
	pool, _ := h.Store.Pool(client.PoolID)
	if !pool.CustomAuth {
		return authOutput{}, errNoCustomTrigger
	}
	if err := h.checkParameters(client, p, "USERNAME"); err != nil {
		return authOutput{}, err
	}
	if p["CHALLENGE_NAME"] == "SRP_A" {
		return h.initiateSRP(client, p, true)
	}
	user, known := h.native(client, p["USERNAME"])
	switch {
	case !known && !client.HidesUsers():
		return authOutput{}, errUserNotFound
	case !known:
		return authOutput{}, errWrongPassword
	}
	if err := checkState(user); err != nil {
		return authOutput{}, err
	}
	if err := checkDevice(user, p["DEVICE_KEY"]); err != nil {
		return authOutput{}, err
	}
	return h.ask(attempt{client: client, user: user, device: p["DEVICE_KEY"]}, store.Session{})
}

// ask asks the question that s is at.
func (h *Handler) ask(a attempt, s store.Session) (authOutput, error) {
	if s.Asked >= len(a.user.Questions) {
		return authOutput{}, errWrongPassword
	}
	s.Challenge = customChallenge
	return h.challenge(a, s, map[string]string{"USERNAME": a.user.Username, "question": a.user.Questions[s.Asked].Question})
}

// answerQuestion judges the ANSWER of CUSTOM_CHALLENGE. A wrong one is no
// error: the same question comes again with another Session.
func (h *Handler) answerQuestion(client store.Client, in respondInput) (authOutput, error) {
	a, session, err := h.opened(client, in, "ANSWER")
	if err != nil {
		return authOutput{}, err
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	if session.Asked >= len(a.user.Questions) {
		return authOutput{}, errWrongPassword
	}
	want := a.user.Questions[session.Asked].Answer
	right := subtle.ConstantTimeCompare([]byte(want), []byte(in.ChallengeResponses["ANSWER"])) == 1
	switch {
	case right && session.Asked+1 == len(a.user.Questions):
		return h.signIn(a)
	case right:
		session.Asked++
	default:
		session.Wrong++
	}
	if session.Wrong >= wrongAnswers {
		return authOutput{}, errWrongPassword
	}
	return h.ask(a, store.Session{Asked: session.Asked, Wrong: session.Wrong})
}
