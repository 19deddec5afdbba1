package userpool

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

// Pages is what the hosted pages of one app client do with its pool. Unlike the
// API, the pages need none of the client's ExplicitAuthFlows and no secret hash:
// they are Cognito's own. Every refusal is an *Error, whose Message can be
// shown.
type Pages struct {
	h      *Handler
	client store.Client
}

// Pages is for one request of the pages.
func (h *Handler) Pages(client store.Client) Pages { return Pages{h, client} }

// Step is where a sign-in on the pages stands: at a challenge, or, where
// Challenge is "", at its end.
type Step struct {
	Username    string // the real one, not the alias that was typed
	Challenge   string // a ChallengeNameType, or ""
	Session     string
	Destination string   // where a code went, masked; or ""
	Choices     []string // of SELECT_MFA_TYPE
	Required    []string // of NEW_PASSWORD_REQUIRED: the attributes that are asked for
}

// SignIn judges a password. Remembered devices count for nothing on the pages.
func (p Pages) SignIn(username, password string) (Step, error) {
	user, known := p.h.native(p.client, username)
	if !known && !p.client.HidesUsers() {
		return Step{}, errUserNotFound
	}
	if !known {
		user.Username = p.h.fakeUsername(p.client.PoolID, username)
	}
	if err := p.h.judgePassword(p.client, user, known, password); err != nil {
		return Step{}, err
	}
	out, err := p.h.passwordProved(attempt{client: p.client, user: user, pages: true})
	return stepOf(user.Username, out), err
}

// Continue goes on as after the right password, for somebody who has just
// chosen it.
func (p Pages) Continue(username string) (Step, error) {
	user, known := p.h.native(p.client, username)
	if !known {
		return Step{}, errUserNotFound
	}
	if err := checkState(user); err != nil {
		return Step{}, err
	}
	out, err := p.h.passwordProved(attempt{client: p.client, user: user, pages: true})
	return stepOf(user.Username, out), err
}

// native finds a user who can sign in with what he knows or has. Whoever comes
// from an identity provider is known there only.
func (h *Handler) native(client store.Client, name string) (store.User, bool) {
	user, known := h.Store.Find(client.PoolID, name)
	if user.Status == store.ExternalProvider {
		return store.User{}, false
	}
	return user, known
}

// Answer judges the answer to the challenge of a step. responses are those of
// the API, without USERNAME.
func (p Pages) Answer(s Step, responses map[string]string) (Step, error) {
	all := maps.Clone(responses)
	all["USERNAME"] = s.Username
	if p.client.Secret != "" {
		all["SECRET_HASH"] = srp.SecretHash(s.Username, p.client.ID, p.client.Secret)
	}
	out, err := p.h.respond(p.client, respondInput{
		ChallengeName: s.Challenge, ClientID: p.client.ID, ChallengeResponses: all, Session: s.Session, pages: true,
	})
	return stepOf(s.Username, out), err
}

func stepOf(username string, out authOutput) Step {
	s := Step{
		Username: cmp.Or(out.ChallengeParameters["USER_ID_FOR_SRP"], username), Challenge: out.ChallengeName,
		Session: out.Session, Destination: out.ChallengeParameters["CODE_DELIVERY_DESTINATION"],
	}
	// What is no JSON here is not there.
	_ = json.Unmarshal([]byte(out.ChallengeParameters["MFAS_CAN_CHOOSE"]), &s.Choices)
	_ = json.Unmarshal([]byte(out.ChallengeParameters["requiredAttributes"]), &s.Required)
	return s
}

// BeginSetup gives an MFA_SETUP step its TOTP secret, in base32.
func (p Pages) BeginSetup(ctx context.Context, s Step) (secret string, next Step, err error) {
	out, err := p.h.associateSoftwareToken(ctx, associateInput{Session: s.Session})
	s.Session = out.Session
	return out.SecretCode, s, err
}

// FinishSetup proves the secret with a code and goes on. When the code is
// wrong, s is good for another try.
func (p Pages) FinishSetup(ctx context.Context, s Step, code string) (Step, error) {
	out, err := p.h.verifySoftwareToken(ctx, verifyTokenInput{Session: s.Session, UserCode: code})
	if err != nil {
		return Step{}, err
	}
	s.Session = out.Session
	return p.Answer(s, map[string]string{})
}

// SignUp makes a user. destination is where the code went, masked, or "" when
// none was sent.
func (p Pages) SignUp(ctx context.Context, username, password string, attributes map[string]string) (destination string, err error) {
	in := signUpInput{ClientID: p.client.ID, Username: username, Password: password, SecretHash: p.hash(username)}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		in.UserAttributes = append(in.UserAttributes, attribute{name, attributes[name]})
	}
	if password == "" {
		return "", validate(present("password", password)) // the form has it
	}
	out, err := p.h.signUp(ctx, in)
	return out.CodeDeliveryDetails.destination(), err
}

func (d *codeDelivery) destination() string {
	if d == nil {
		return ""
	}
	return d.Destination
}

// Confirm ends a sign-up with the code that was sent.
func (p Pages) Confirm(ctx context.Context, username, code string) error {
	_, err := p.h.confirmSignUp(ctx, confirmSignUpInput{
		ClientID: p.client.ID, Username: username, ConfirmationCode: code, SecretHash: p.hash(username),
	})
	return err
}

// Resend sends the code of a sign-up again.
func (p Pages) Resend(ctx context.Context, username string) (destination string, err error) {
	out, err := p.h.resendConfirmationCode(ctx, p.forUser(username))
	return out.CodeDeliveryDetails.destination(), err
}

// Forgot sends a code that sets a new password.
func (p Pages) Forgot(ctx context.Context, username string) (destination string, err error) {
	out, err := p.h.forgotPassword(ctx, p.forUser(username))
	return out.CodeDeliveryDetails.destination(), err
}

// Reset sets a new password with such a code.
func (p Pages) Reset(ctx context.Context, username, code, password string) error {
	_, err := p.h.confirmForgotPassword(ctx, confirmForgotInput{
		forUserInput: p.forUser(username), ConfirmationCode: code, Password: password,
	})
	return err
}

func (p Pages) forUser(username string) forUserInput {
	return forUserInput{ClientID: p.client.ID, Username: username, SecretHash: p.hash(username)}
}

func (p Pages) hash(username string) string {
	if p.client.Secret == "" {
		return ""
	}
	return srp.SecretHash(username, p.client.ID, p.client.Secret)
}

// Welcome says whether a user may sign in at all.
func Welcome(user store.User) error { return checkState(user) }

// Federate returns the user whom an identity provider vouches for. One who
// comes for the first time is made, as <provider>_<subject>, in a group of the
// provider's; his attributes follow what the provider says each time. As with
// the default attribute mapping, an address counts as not verified.
func (p Pages) Federate(a store.Assertion) (store.User, error) {
	h, poolID, now := p.h, p.client.PoolID, p.h.Now()
	username, group := a.Provider+"_"+a.Subject, poolID+"_"+a.Provider
	attributes := map[string]string{"email": a.Email, "email_verified": "false", "name": a.Name}
	there, known := h.Store.Find(poolID, username)
	if known && there.Status != store.ExternalProvider {
		return store.User{}, errUsernameExists // somebody signed up under that name
	}
	if !known {
		sub, err := store.NewID(h.Random)
		if err != nil {
			return store.User{}, err
		}
		if err := h.Store.AddGroup(poolID, store.Group{Name: group}); err != nil {
			return store.User{}, err
		}
		first := maps.Clone(attributes)
		first[identities] = jsonText([]map[string]any{{
			"userId": a.Subject, "providerName": a.Provider, "providerType": a.Provider,
			"issuer": nil, "primary": "true", "dateCreated": fmt.Sprint(now.UnixMilli()),
		}})
		err = h.Store.Create(poolID, store.User{
			Username: username, Sub: sub, Status: store.ExternalProvider, Attributes: first,
			Groups: []string{group}, Created: now, Modified: now,
		}, false)
		if err != nil {
			return store.User{}, err
		}
	}
	user, err := h.Store.Update(poolID, username, false, func(u *store.User) error {
		maps.Copy(u.Attributes, attributes)
		return nil
	})
	if err != nil {
		return store.User{}, err
	}
	return user, checkState(user)
}
