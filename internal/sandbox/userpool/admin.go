package userpool

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// invitation names the messages of AdminCreateUser in the mailbox.
const invitation = "AdminCreateUser"

type adminCreateUserInput struct {
	UserPoolID         string `json:"UserPoolId"`
	Username           string
	TemporaryPassword  string
	UserAttributes     []attribute
	MessageAction      string
	ForceAliasCreation bool
	// Where the message goes: one goes wherever there is an address here.
	DesiredDeliveryMediums []string
	ignored
}

type adminCreateUserOutput struct{ User userType }

// adminCreateUser makes a user who must change the password at the first
// sign-in. The message with the temporary password goes to whatever address
// there is; AWS's default, SMS or nothing, would help nobody here.
func (h *Handler) adminCreateUser(_ context.Context, in adminCreateUserInput) (adminCreateUserOutput, error) {
	findings := []string{userPoolID(in.UserPoolID), usernameShape(in.Username), atMost("temporaryPassword", in.TemporaryPassword, 256)}
	if in.MessageAction != "" {
		findings = append(findings, oneOf("messageAction", in.MessageAction, []string{"RESEND", "SUPPRESS"}))
	}
	if err := validate(findings...); err != nil {
		return adminCreateUserOutput{}, err
	}
	pool, ok := h.Store.Pool(in.UserPoolID)
	if !ok {
		return adminCreateUserOutput{}, errNoPool(in.UserPoolID)
	}
	password, err := h.temporaryPassword(pool, in.TemporaryPassword)
	if err != nil {
		return adminCreateUserOutput{}, err
	}
	if in.MessageAction == "RESEND" {
		return h.reinvite(pool, in.Username, password)
	}
	attributes, err := attributeMap(pool, in.UserAttributes, true)
	if err != nil {
		return adminCreateUserOutput{}, err
	}
	user, err := h.newUser(pool, in.Username, attributes)
	if err != nil {
		return adminCreateUserOutput{}, err
	}
	user.Status = store.Confirmed
	if !in.needsNoPassword(pool, user) {
		user.Status, user.TemporaryUntil = store.ForceChangePassword, user.Created.Add(pool.TemporaryFor())
		if user.Verifier, err = store.NewVerifier(h.Random, pool.ID, user.Username, password); err != nil {
			return adminCreateUserOutput{}, err
		}
	}
	if err := h.Store.Create(pool.ID, user, in.ForceAliasCreation); err != nil {
		return adminCreateUserOutput{}, createError(err, errAccountExists)
	}
	if in.MessageAction != "SUPPRESS" {
		h.invite(pool, user, password)
	}
	return adminCreateUserOutput{User: describe(user)}, nil
}

// needsNoPassword says whether the new user has none, and so nothing to change: none
// was given and nothing is sent to him, and he can sign in by a code (measured, for
// e-mail; for SMS UNCONFIRMED).
func (in adminCreateUserInput) needsNoPassword(pool store.Pool, user store.User) bool {
	byCode := func(factor, attribute string) bool {
		return pool.FirstFactor(factor) && user.Attributes[attribute] != "" && user.Attributes[attribute+"_verified"] == "true"
	}
	return in.TemporaryPassword == "" && in.MessageAction == "SUPPRESS" && (byCode(store.EmailMFA, "email") || byCode(choiceSMS, "phone_number"))
}

// reinvite is MessageAction RESEND: a new temporary password for a user who
// never used the first.
func (h *Handler) reinvite(pool store.Pool, name, password string) (adminCreateUserOutput, error) {
	user, known := h.Store.Find(pool.ID, name)
	if !known {
		return adminCreateUserOutput{}, errUserNotFound
	}
	verifier, err := store.NewVerifier(h.Random, pool.ID, user.Username, password)
	if err != nil {
		return adminCreateUserOutput{}, err
	}
	now := h.Now()
	user, err = h.Store.Update(pool.ID, user.Username, false, func(u *store.User) error {
		if u.Status != store.ForceChangePassword {
			return &Error{Type: "UnsupportedUserStateException", Message: fmt.Sprintf("Resend not possible. %s status is not FORCE_CHANGE_PASSWORD", name)} // UNCONFIRMED
		}
		u.Verifier, u.Modified, u.TemporaryUntil = verifier, now, now.Add(pool.TemporaryFor())
		return nil
	})
	if err != nil {
		return adminCreateUserOutput{}, err
	}
	h.invite(pool, user, password)
	return adminCreateUserOutput{User: describe(user)}, nil
}

func (h *Handler) invite(pool store.Pool, user store.User, password string) {
	_, to := deliveryTo([]string{"email", "phone_number"}, user.Attributes)
	h.Store.Post(store.Message{
		PoolID: pool.ID, Username: user.Username, Kind: invitation, Destination: to, Code: password, Sent: h.Now(),
	})
}

// temporaryPassword checks the given password, or makes one that fits.
func (h *Handler) temporaryPassword(pool store.Pool, given string) (string, error) {
	if given != "" {
		return given, checkPolicy(pool.Policy, given)
	}
	length := max(12, pool.Policy.Length())
	var b strings.Builder
	// One of each kind, then anything: which place holds which kind is no secret.
	for _, set := range []string{"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!@#%&*-_=+"} {
		if err := draw(&b, h.Random, set, 1); err != nil {
			return "", err
		}
	}
	err := draw(&b, h.Random, "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", length-b.Len())
	return b.String(), err
}

func draw(b *strings.Builder, random io.Reader, set string, n int) error {
	for range n {
		i, err := rand.Int(random, big.NewInt(int64(len(set))))
		if err != nil {
			return fmt.Errorf("draw a temporary password: %w", err)
		}
		b.WriteByte(set[i.Int64()])
	}
	return nil
}

type adminSetUserPasswordInput struct {
	UserPoolID string `json:"UserPoolId"`
	Username   string
	Password   string
	Permanent  bool
}

// adminSetUserPassword confirms the user with a permanent password, and makes
// it a temporary one otherwise.
func (h *Handler) adminSetUserPassword(_ context.Context, in adminSetUserPasswordInput) (empty, error) {
	err := validate(userPoolID(in.UserPoolID), usernameShape(in.Username),
		present("password", in.Password), atMost("password", in.Password, 256))
	if err != nil {
		return empty{}, err
	}
	pool, ok := h.Store.Pool(in.UserPoolID)
	if !ok {
		return empty{}, errNoPool(in.UserPoolID)
	}
	user, known := h.Store.Find(pool.ID, in.Username)
	if !known {
		return empty{}, errUserNotFound
	}
	if err := checkPolicy(pool.Policy, in.Password); err != nil {
		return empty{}, err
	}
	verifier, err := store.NewVerifier(h.Random, pool.ID, user.Username, in.Password)
	if err != nil {
		return empty{}, err
	}
	now := h.Now()
	_, err = h.Store.Update(pool.ID, user.Username, false, func(u *store.User) error {
		u.Verifier, u.Modified, u.Status = verifier, now, store.Confirmed
		if !in.Permanent {
			u.Status, u.TemporaryUntil = store.ForceChangePassword, now.Add(pool.TemporaryFor())
		}
		return nil
	})
	return empty{}, err
}
