package userpool

import (
	"context"
	"slices"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// verifyCode names the codes that verify an attribute, followed by its name.
const verifyCode = "VerifyUserAttribute "

type updateAttributesInput struct {
	AccessToken    string
	UserAttributes []attribute
	ignored
}

type updateAttributesOutput struct {
	CodeDeliveryDetailsList []*codeDelivery `json:",omitempty"`
}

// updateUserAttributes changes what it names; "" removes. An address that
// changes is no longer verified, and gets a code where the pool verifies it by
// itself.
func (h *Handler) updateUserAttributes(ctx context.Context, in updateAttributesInput) (updateAttributesOutput, error) {
	findings := []string{}
	if len(in.UserAttributes) == 0 {
		findings = append(findings, present("userAttributes", ""))
	}
	poolID, user, err := h.caller(ctx, in.AccessToken, findings...)
	if err != nil {
		return updateAttributesOutput{}, err
	}
	pool, _ := h.Store.Pool(poolID)
	changes, err := attributeMap(pool, in.UserAttributes, false)
	if err != nil {
		return updateAttributesOutput{}, err
	}
	var moved []string
	user, err = h.changeAttributes(pool, user.Username, func(u *store.User) {
		for name, value := range changes {
			if isAddress(name) && u.Attributes[name] != value {
				moved = append(moved, name)
				u.Attributes[name+"_verified"] = "false"
			}
			u.Attributes[name] = value
		}
	})
	if err != nil {
		return updateAttributesOutput{}, err
	}
	var out updateAttributesOutput
	for _, name := range recoveryAddresses() {
		if !slices.Contains(moved, name) || !slices.Contains(pool.AutoVerified, name) || user.Attributes[name] == "" {
			continue
		}
		delivery, err := h.sendVerification(pool, user, name, "UpdateUserAttributes")
		if err != nil {
			return updateAttributesOutput{}, err
		}
		out.CodeDeliveryDetailsList = append(out.CodeDeliveryDetailsList, delivery)
	}
	return out, nil
}

func isAddress(name string) bool { return slices.Contains(recoveryAddresses(), name) }

// changeAttributes makes a change unless it leaves a required attribute empty.
// What became empty is removed, with its verification.
func (h *Handler) changeAttributes(pool store.Pool, username string, change func(*store.User)) (store.User, error) {
	now := h.Now()
	user, err := h.Store.Update(pool.ID, username, false, func(u *store.User) error {
		before := missing(pool, u.Attributes)
		change(u)
		for _, name := range missing(pool, u.Attributes) {
			if !slices.Contains(before, name) {
				return errParameter("Attributes did not conform to the schema: %s: The attribute is required", name)
			}
		}
		for name, value := range u.Attributes {
			if value == "" {
				delete(u.Attributes, name)
				delete(u.Attributes, name+"_verified")
			}
		}
		u.Modified = now
		return nil
	})
	if err != nil {
		return store.User{}, createError(err, errUsernameExists)
	}
	return user, nil
}

type deleteAttributesInput struct {
	AccessToken        string
	UserAttributeNames []string
}

func (h *Handler) deleteUserAttributes(ctx context.Context, in deleteAttributesInput) (empty, error) {
	findings := []string{}
	if len(in.UserAttributeNames) == 0 {
		findings = append(findings, present("userAttributeNames", ""))
	}
	poolID, user, err := h.caller(ctx, in.AccessToken, findings...)
	if err != nil {
		return empty{}, err
	}
	pool, _ := h.Store.Pool(poolID)
	var list []attribute
	for _, name := range in.UserAttributeNames {
		list = append(list, attribute{Name: name})
	}
	gone, err := attributeMap(pool, list, false)
	if err != nil {
		return empty{}, err
	}
	_, err = h.changeAttributes(pool, user.Username, func(u *store.User) {
		for name := range gone {
			u.Attributes[name] = ""
		}
	})
	return empty{}, err
}

type attributeCodeInput struct {
	AccessToken, AttributeName string
	ignored
}

func (h *Handler) getUserAttributeVerificationCode(ctx context.Context, in attributeCodeInput) (deliveryOutput, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken, attributeName(in.AttributeName))
	if err != nil {
		return deliveryOutput{}, err
	}
	if !isAddress(in.AttributeName) || user.Attributes[in.AttributeName] == "" {
		return deliveryOutput{}, errParameter("The user has no %s to verify.", in.AttributeName) // text UNCONFIRMED
	}
	if err := h.spend(poolID, user.Username, verifyCode+in.AttributeName); err != nil {
		return deliveryOutput{}, err
	}
	pool, _ := h.Store.Pool(poolID)
	delivery, err := h.sendVerification(pool, user, in.AttributeName, "GetUserAttributeVerificationCode")
	return deliveryOutput{delivery}, err
}

func (h *Handler) sendVerification(pool store.Pool, user store.User, name, message string) (*codeDelivery, error) {
	return h.sendCode(pool, user, outgoing{kind: verifyCode + name, message: message, to: []string{name}, life: codeFor})
}

type verifyAttributeInput struct{ AccessToken, AttributeName, Code string }

// verifyUserAttribute proves an address, which is an alias from then on.
func (h *Handler) verifyUserAttribute(ctx context.Context, in verifyAttributeInput) (empty, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken, attributeName(in.AttributeName), code("code", in.Code))
	if err != nil {
		return empty{}, err
	}
	code := store.Code{PoolID: poolID, Username: user.Username, Kind: verifyCode + in.AttributeName, Value: in.Code}
	if err := h.Store.CheckCode(code, h.Now()); err != nil {
		return empty{}, codeError(err)
	}
	now := h.Now()
	_, err = h.Store.Update(poolID, user.Username, false, func(u *store.User) error {
		u.Attributes[in.AttributeName+"_verified"], u.Modified = "true", now
		return nil
	})
	if err != nil {
		return empty{}, createError(err, errUsernameExists)
	}
	if !h.Store.DropCode(code) {
		return empty{}, errCodeExpired // somebody was quicker
	}
	return empty{}, nil
}
