package userpool

import (
	"context"
	"errors"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

// Names of what a user has a number of in an hour (quotas page; ForgotPassword
// is 5 to 20 there, by the risk that AWS sees).
const (
	forgotPasswordCode = "ForgotPassword"
	resendCode         = "ResendConfirmationCode"
	changePasswordOp   = "ChangePassword"
	perHour            = 5
)

// recoveryAddresses are the attributes a password is recovered through, the
// best first.
func recoveryAddresses() []string { return []string{"email", "phone_number"} }

type forUserInput struct {
	ClientID   string `json:"ClientId"`
	Username   string
	SecretHash string
	ignored
}

type deliveryOutput struct{ CodeDeliveryDetails *codeDelivery }

// forUser is what operations that name a user without a token begin with: the
// client, the user, and whether he exists, which a client may have to hide.
func (h *Handler) forUser(in forUserInput, findings ...string) (client store.Client, user store.User, known bool, err error) {
	findings = append([]string{clientID(in.ClientID), usernameShape(in.Username)}, findings...)
	if err := validate(findings...); err != nil {
		return store.Client{}, store.User{}, false, err
	}
	if client, err = h.clientFor(in.ClientID, in.Username, in.SecretHash); err != nil {
		return store.Client{}, store.User{}, false, err
	}
	user, known = h.Store.Find(client.PoolID, in.Username)
	if !known && !client.HidesUsers() {
		return store.Client{}, store.User{}, false, errUserNotFound
	}
	if !known {
		user.Username = in.Username
	}
	return client, user, known, nil
}

// spend counts an operation of a user against its hourly limit.
func (h *Handler) spend(poolID, username, operation string) error {
	if !h.Store.Spend(store.Allowance{PoolID: poolID, Username: username, What: operation, PerHour: perHour}, h.Now()) {
		return errAttempts
	}
	return nil
}

// resendConfirmationCode sends the sign-up code again; the one before is void.
func (h *Handler) resendConfirmationCode(_ context.Context, in forUserInput) (deliveryOutput, error) {
	client, user, known, err := h.forUser(in)
	if err != nil {
		return deliveryOutput{}, err
	}
	if err := h.spend(client.PoolID, user.Username, resendCode); err != nil {
		return deliveryOutput{}, err
	}
	switch {
	case !known, user.Disabled && client.HidesUsers():
		return deliveryOutput{fakeDelivery(in.Username)}, nil
	case user.Status != store.Unconfirmed:
		return deliveryOutput{}, errAlreadyConfirmed
	}
	pool, _ := h.Store.Pool(client.PoolID)
	delivery, err := h.sendCode(pool, user, outgoing{kind: signUpCode, message: resendCode, to: pool.AutoVerified, life: codeFor})
	if err == nil && delivery == nil {
		err = errNoAutoVerify
	}
	return deliveryOutput{delivery}, err
}

// forgotPassword sends a code that sets a new password. A client that hides users
// hides that way, too, who is disabled and who has no verified address.
func (h *Handler) forgotPassword(_ context.Context, in forUserInput) (deliveryOutput, error) {
	client, user, known, err := h.forUser(in)
	if err != nil {
		return deliveryOutput{}, err
	}
	if err := h.spend(client.PoolID, user.Username, forgotPasswordCode); err != nil {
		return deliveryOutput{}, err
	}
	if !known || user.Disabled && client.HidesUsers() {
		return deliveryOutput{fakeDelivery(in.Username)}, nil
	}
	if err := recoverable(user); err != nil {
		return deliveryOutput{}, err
	}
	delivery, err := h.sendRecovery(client.PoolID, user, forgotPasswordCode)
	if errors.Is(err, errNoRecovery) && client.HidesUsers() {
		return deliveryOutput{fakeDelivery(in.Username)}, nil
	}
	return deliveryOutput{delivery}, err
}

func recoverable(user store.User) error {
	switch {
	case user.Disabled:
		return errDisabled
	case user.Status == store.ForceChangePassword, user.Status == store.ExternalProvider:
		return errNotResettable
	}
	return nil
}

// sendRecovery sends a password code to the first verified address.
func (h *Handler) sendRecovery(poolID string, user store.User, message string) (*codeDelivery, error) {
	var verified []string
	for _, name := range recoveryAddresses() {
		if user.Attributes[name+"_verified"] == "true" {
			verified = append(verified, name)
		}
	}
	pool, _ := h.Store.Pool(poolID)
	delivery, err := h.sendCode(pool, user, outgoing{kind: forgotPasswordCode, message: message, to: verified, life: recoveryFor})
	if err == nil && delivery == nil {
		err = errNoRecovery
	}
	return delivery, err
}

type confirmForgotInput struct {
	forUserInput
	ConfirmationCode string
	Password         string
}

// confirmForgotPassword sets the new password, and ends RESET_REQUIRED and a
// lockout. Nothing that is refused uses the code up but wrong codes themselves. A
// client that hides users answers as to a wrong code where there is nobody, or
// nobody who may (developer guide, "Managing error responses").
func (h *Handler) confirmForgotPassword(_ context.Context, in confirmForgotInput) (empty, error) {
	client, user, known, err := h.forUser(in.forUserInput, code("confirmationCode", in.ConfirmationCode),
		present("password", in.Password), atMost("password", in.Password, 256))
	if err != nil {
		return empty{}, err
	}
	pool, _ := h.Store.Pool(client.PoolID)
	switch {
	case !known, user.Disabled && client.HidesUsers():
		// A password that is not good enough is so for everybody.
		if err := checkPolicy(pool.Policy, in.Password); err != nil {
			return empty{}, err
		}
		return empty{}, errCodeMismatch
	case user.Status == store.Unconfirmed:
		return empty{}, errNotConfirmed
	}
	if err := recoverable(user); err != nil {
		return empty{}, err
	}
	if err := checkPolicy(pool.Policy, in.Password); err != nil {
		return empty{}, err
	}
	code := store.Code{PoolID: pool.ID, Username: user.Username, Kind: forgotPasswordCode, Value: in.ConfirmationCode}
	if err := h.Store.CheckCode(code, h.Now()); err != nil {
		return empty{}, codeError(err)
	}
	verifier, err := store.NewVerifier(h.Random, pool.ID, user.Username, in.Password)
	if err != nil {
		return empty{}, err
	}
	if !h.Store.DropCode(code) {
		return empty{}, errCodeExpired // somebody was quicker
	}
	if err := h.setPassword(pool.ID, user.Username, verifier); err != nil {
		return empty{}, err
	}
	h.Store.Succeeded(pool.ID, user.Username)
	return empty{}, nil
}

// setPassword gives a user a password of his own, which makes him CONFIRMED.
func (h *Handler) setPassword(poolID, username string, verifier srp.Verifier) error {
	now := h.Now()
	_, err := h.Store.Update(poolID, username, false, func(u *store.User) error {
		u.Verifier, u.Status, u.Modified = verifier, store.Confirmed, now
		return nil
	})
	return err
}

type changePasswordInput struct{ AccessToken, PreviousPassword, ProposedPassword string }

// changePassword wants the old password of whoever has one. A wrong one counts
// as in a sign-in. Sessions go on: AWS ends none.
func (h *Handler) changePassword(ctx context.Context, in changePasswordInput) (empty, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken, present("proposedPassword", in.ProposedPassword),
		atMost("proposedPassword", in.ProposedPassword, 256))
	if err != nil {
		return empty{}, err
	}
	if user.Status == store.ExternalProvider {
		return empty{}, errNotResettable // type and text UNCONFIRMED
	}
	pool, _ := h.Store.Pool(poolID)
	if user.HasPassword() && in.PreviousPassword == "" {
		return empty{}, errMissing("PreviousPassword") // UNCONFIRMED
	}
	if err := checkPolicy(pool.Policy, in.ProposedPassword); err != nil {
		return empty{}, err
	}
	if err := h.spend(poolID, user.Username, changePasswordOp); err != nil {
		return empty{}, err
	}
	if user.HasPassword() {
		if err := h.judgePassword(store.Client{PoolID: poolID}, user, true, in.PreviousPassword); err != nil {
			return empty{}, err
		}
	}
	verifier, err := store.NewVerifier(h.Random, poolID, user.Username, in.ProposedPassword)
	if err != nil {
		return empty{}, err
	}
	return empty{}, h.setPassword(poolID, user.Username, verifier)
}
