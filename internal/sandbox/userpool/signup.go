package userpool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// signUpCode names the codes of SignUp in the store.
const signUpCode = "SignUp"

// codeFor is how long the code of a sign-up or an attribute lasts, recoveryFor
// that of a forgotten password.
const (
	codeFor     = 24 * time.Hour
	recoveryFor = time.Hour
)

type signUpInput struct {
	ClientID       string `json:"ClientId"`
	Username       string
	Password       string
	SecretHash     string
	UserAttributes []attribute
	ignored
}

type signUpOutput struct {
	UserConfirmed       bool
	UserSub             string
	CodeDeliveryDetails *codeDelivery `json:",omitempty"` // absent when there is nowhere to send one
	Session             string        `json:",omitempty"` // for ConfirmSignUp; where the client may use USER_AUTH
}

type codeDelivery struct {
	AttributeName  string
	DeliveryMedium string
	Destination    string // masked
}

func (h *Handler) signUp(_ context.Context, in signUpInput) (signUpOutput, error) {
	err := validate(clientID(in.ClientID), usernameShape(in.Username), atMost("password", in.Password, 256))
	if err != nil {
		return signUpOutput{}, err
	}
	client, err := h.clientFor(in.ClientID, in.Username, in.SecretHash)
	if err != nil {
		return signUpOutput{}, err
	}
	pool, _ := h.Store.Pool(client.PoolID)
	if pool.AdminCreateOnly {
		return signUpOutput{}, errSignUpClosed
	}
	if err := checkNewPassword(pool, in.Password); err != nil {
		return signUpOutput{}, err
	}
	attributes, err := attributeMap(pool, in.UserAttributes, false)
	if err != nil {
		return signUpOutput{}, err
	}
	user, err := h.newUser(pool, in.Username, attributes)
	if err != nil {
		return signUpOutput{}, err
	}
	if lacking := missing(pool, user.Attributes); lacking != nil {
		return signUpOutput{}, errParameter("Attributes did not conform to the schema: %s: The attribute is required", strings.Join(lacking, ", "))
	}
	user.Status = store.Unconfirmed
	if in.Password != "" {
		if user.Verifier, err = store.NewVerifier(h.Random, pool.ID, user.Username, in.Password); err != nil {
			return signUpOutput{}, err
		}
	}
	if err := h.Store.Create(pool.ID, user, false); err != nil {
		return signUpOutput{}, createError(err, errUsernameExists)
	}
	delivery, err := h.sendCode(pool, user, outgoing{kind: signUpCode, message: signUpCode, to: pool.AutoVerified, life: codeFor})
	if err != nil {
		return signUpOutput{}, err
	}
	session, err := h.signUpSession(client, user)
	return signUpOutput{UserSub: user.Sub, CodeDeliveryDetails: delivery, Session: session}, err
}

// checkNewPassword judges the password of a sign-up. None at all is good where
// the pool signs in by code, which no policy says; how AWS words the refusal
// elsewhere is UNCONFIRMED.
func checkNewPassword(pool store.Pool, password string) error {
	if password != "" {
		return checkPolicy(pool.Policy, password)
	}
	if pool.FirstFactor(store.EmailMFA) || pool.FirstFactor(choiceSMS) {
		return nil
	}
	return validate(present("password", password))
}

// clientFor finds the client of an operation that has SecretHash as a member,
// and checks it.
func (h *Handler) clientFor(id, username, hash string) (store.Client, error) {
	client, ok := h.Store.Client(id)
	if !ok {
		return store.Client{}, errNoClient(id)
	}
	return client, checkSecretHash(client, username, hash, "SecretHash does not match for the client: "+id)
}

// newUser builds a user without status and password. In a pool whose usernames
// are e-mail addresses or phone numbers the name goes into the attribute, and
// the username itself becomes the sub.
func (h *Handler) newUser(pool store.Pool, name string, attributes map[string]string) (store.User, error) {
	sub, err := store.NewID(h.Random)
	if err != nil {
		return store.User{}, err
	}
	now := h.Now()
	user := store.User{Username: name, Sub: sub, Attributes: attributes, Created: now, Modified: now}
	byEmail, byPhone := slices.Contains(pool.UsernameAttributes, "email"), slices.Contains(pool.UsernameAttributes, "phone_number")
	switch {
	case byEmail && isEmail(name):
		user.Username, attributes["email"] = sub, name
	case byPhone && isPhone(name):
		user.Username, attributes["phone_number"] = sub, name
	case byPhone:
		return store.User{}, errPhoneUsername
	case byEmail:
		return store.User{}, errEmailUsername
	case isEmail(name) && slices.Contains(pool.AliasAttributes, "email"):
		return store.User{}, errAliasUsername
	}
	return user, nil
}

func createError(err error, exists *Error) error {
	switch {
	case errors.Is(err, store.ErrUsernameExists):
		return exists
	case errors.Is(err, store.ErrAliasExists):
		return errAliasExists
	}
	return err
}

// outgoing is a code that is to be sent.
type outgoing struct {
	kind    string // what it is for, in the store
	message string // the operation that sends it, in the mailbox
	to      []string
	life    time.Duration
}

// sendCode puts a new code into the mailbox, in the place of the last one of
// its kind. It returns nil where the user has none of the attributes it could
// go to.
func (h *Handler) sendCode(pool store.Pool, user store.User, o outgoing) (*codeDelivery, error) {
	delivery, to := deliveryTo(o.to, user.Attributes)
	if delivery == nil {
		return nil, nil
	}
	code, err := h.drawCode(6)
	if err != nil {
		return nil, err
	}
	now := h.Now()
	h.Store.PutCode(store.Code{PoolID: pool.ID, Username: user.Username, Kind: o.kind, Value: code, Expires: now.Add(o.life)})
	h.Store.Post(store.Message{
		PoolID: pool.ID, Username: user.Username, Kind: o.message, Destination: to, Code: code, Sent: now,
	})
	return delivery, nil
}

// deliveryTo chooses the first of the named attributes that the user has.
func deliveryTo(names []string, attributes map[string]string) (masked *codeDelivery, to string) {
	for _, name := range names {
		to := attributes[name]
		switch {
		case to == "":
		case name == "email":
			return &codeDelivery{AttributeName: name, DeliveryMedium: "EMAIL", Destination: maskEmail(to)}, to
		case name == "phone_number":
			return &codeDelivery{AttributeName: name, DeliveryMedium: "SMS", Destination: maskPhone(to)}, to
		}
	}
	return nil, ""
}

// fakeDelivery is where a code for a user who does not exist is said to go. It
// follows from the name, so that asking twice tells nothing.
func fakeDelivery(name string) *codeDelivery {
	email := name
	if !isEmail(name) {
		email = name + "@e"
	}
	return &codeDelivery{AttributeName: "email", DeliveryMedium: "EMAIL", Destination: maskEmail(email)}
}

// maskEmail shows a destination as AWS does: a***@e***.
func maskEmail(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	return firstRune(local) + "***@" + firstRune(domain) + "***"
}

// maskPhone leaves the last four digits: +*******1234.
func maskPhone(phone string) string {
	digits := strings.TrimPrefix(phone, "+")
	shown := max(0, len(digits)-4)
	return "+" + strings.Repeat("*", shown) + digits[shown:]
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

type confirmSignUpInput struct {
	ClientID           string `json:"ClientId"`
	Username           string
	ConfirmationCode   string
	SecretHash         string
	ForceAliasCreation bool
	Session            string // of SignUp
	ignored
}

type confirmSignUpOutput struct {
	Session string `json:",omitempty"`
}

// confirmSignUp answers an unknown user, where the client hides users, as a
// code that is over.
func (h *Handler) confirmSignUp(_ context.Context, in confirmSignUpInput) (confirmSignUpOutput, error) {
	err := validate(clientID(in.ClientID), usernameShape(in.Username),
		code("confirmationCode", in.ConfirmationCode), sessionShape(in.Session))
	if err != nil {
		return confirmSignUpOutput{}, err
	}
	client, err := h.clientFor(in.ClientID, in.Username, in.SecretHash)
	if err != nil {
		return confirmSignUpOutput{}, err
	}
	user, known := h.Store.Find(client.PoolID, in.Username)
	switch {
	case !known && client.HidesUsers():
		return confirmSignUpOutput{}, errCodeExpired
	case !known:
		return confirmSignUpOutput{}, &Error{Type: "UserNotFoundException", Message: "Username/client id combination not found."} // UNCONFIRMED
	case user.Status != store.Unconfirmed:
		return confirmSignUpOutput{}, errCannotConfirm(user.Status)
	}
	proved, err := h.provedBySignUp(client, user, in.Session)
	if err != nil {
		return confirmSignUpOutput{}, err
	}
	code := store.Code{PoolID: client.PoolID, Username: user.Username, Kind: signUpCode, Value: in.ConfirmationCode}
	if err := h.Store.CheckCode(code, h.Now()); err != nil {
		return confirmSignUpOutput{}, codeError(err)
	}
	if err := h.confirm(client.PoolID, user.Username, in.ForceAliasCreation); err != nil {
		return confirmSignUpOutput{}, createError(err, errUsernameExists)
	}
	h.Store.DropCode(code)
	session, err := h.confirmedSession(client, user, proved)
	return confirmSignUpOutput{session}, err
}

// What the Sessions of SignUp and ConfirmSignUp wait for: no challenge has such a
// name, so RespondToAuthChallenge takes none of them.
const (
	signsUp  = "SignUp"
	signedUp = "ConfirmSignUp"
)

// signUpSession is the Session by which ConfirmSignUp knows who typed the password of
// the sign-up. Clients that may not use USER_AUTH are given none
// (https://github.com/aws/aws-sdk-js-v3/issues/6724).
func (h *Handler) signUpSession(client store.Client, user store.User) (string, error) {
	if !client.Allows("USER_AUTH") {
		return "", nil
	}
	var proved []string
	if user.HasPassword() {
		proved = append(proved, choicePassword)
	}
	return h.putSession(client, store.Session{
		Challenge: signsUp, PoolID: client.PoolID, ClientID: client.ID, Username: user.Username, Choices: proved,
	})
}

// provedBySignUp are the factors that the Session of SignUp stands for. One that ran
// out stands for none: a code lasts much longer. That it is not refused, and that
// another is, is UNCONFIRMED.
func (h *Handler) provedBySignUp(client store.Client, user store.User, id string) ([]string, error) {
	if id == "" {
		return nil, nil
	}
	session, err := h.Store.Session(id, signsUp, client.ID, h.Now())
	switch {
	case errors.Is(err, store.ErrExpired):
		return nil, nil
	case err != nil:
		return nil, sessionError(err)
	case session.Username != user.Username:
		return nil, errSession
	}
	return session.Choices, nil
}

// confirmedSession is the Session by which the code of a sign-up counts as the first
// factor of the USER_AUTH that follows, beside what the Session of SignUp proved: with
// it Cognito asks for the password of the sign-up no more
// (https://github.com/aws-amplify/amplify-android/pull/3136). That clients without
// USER_AUTH get none is UNCONFIRMED.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmSignUp.html
func (h *Handler) confirmedSession(client store.Client, user store.User, proved []string) (string, error) {
	pool, _ := h.Store.Pool(client.PoolID)
	by, _ := deliveryTo(pool.AutoVerified, user.Attributes)
	if by == nil || !client.Allows("USER_AUTH") {
		return "", nil
	}
	factor := store.EmailMFA
	if by.DeliveryMedium == "SMS" {
		factor = choiceSMS
	}
	return h.putSession(client, store.Session{
		Challenge: signedUp, PoolID: client.PoolID, ClientID: client.ID, Username: user.Username,
		Choices: append([]string{factor}, proved...),
	})
}

// confirm makes the user CONFIRMED and verifies the attribute that the code
// went to.
func (h *Handler) confirm(poolID, username string, force bool) error {
	pool, _ := h.Store.Pool(poolID)
	now := h.Now()
	_, err := h.Store.Update(poolID, username, force, func(u *store.User) error {
		if u.Status != store.Unconfirmed {
			return errCannotConfirm(u.Status)
		}
		u.Status, u.Modified = store.Confirmed, now
		if proved, _ := deliveryTo(pool.AutoVerified, u.Attributes); proved != nil {
			u.Attributes[proved.AttributeName+"_verified"] = "true"
		}
		return nil
	})
	return err
}

func errCannotConfirm(status store.Status) error {
	return &Error{Type: notAuthorized, Message: fmt.Sprintf("User cannot be confirmed. Current status is %s", status)}
}

func codeError(err error) error {
	switch {
	case errors.Is(err, store.ErrMismatch):
		return errCodeMismatch
	case errors.Is(err, store.ErrTooManyTries):
		return errAttempts
	}
	return errCodeExpired
}
