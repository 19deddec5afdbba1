package userpool

import (
	"context"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

func (h *Handler) deleteUser(ctx context.Context, in getUserInput) (empty, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken)
	if err != nil {
		return empty{}, err
	}
	return empty{}, h.Store.Delete(poolID, user.Username)
}

// globalSignOut ends every sign-in of the user. API Gateway goes on accepting
// the access and ID tokens until their time: it does not ask.
func (h *Handler) globalSignOut(ctx context.Context, in getUserInput) (empty, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken)
	if err != nil {
		return empty{}, err
	}
	h.Store.RevokeUser(poolID, user.Username)
	return empty{}, nil
}

type authFactorsOutput struct {
	Username                  string
	ConfiguredUserAuthFactors []string
	PreferredMfaSetting       string   `json:",omitempty"`
	UserMFASettingList        []string `json:",omitempty"`
}

// getUserAuthFactors lists what USER_AUTH could begin with. PASSWORD_SRP is no
// factor of its own.
func (h *Handler) getUserAuthFactors(ctx context.Context, in getUserInput) (authFactorsOutput, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken)
	if err != nil {
		return authFactorsOutput{}, err
	}
	pool, _ := h.Store.Pool(poolID)
	factors := []string{}
	for _, factor := range firstFactors(pool, user, true) {
		if factor != choiceSRP {
			factors = append(factors, factor)
		}
	}
	return authFactorsOutput{
		Username: user.Username, ConfiguredUserAuthFactors: factors,
		PreferredMfaSetting: user.PreferredMFA, UserMFASettingList: user.MFA,
	}, nil
}

type adminUserInput struct {
	UserPoolID string `json:"UserPoolId"`
	Username   string
}

// adminUser is the user whom an Admin operation names.
func (h *Handler) adminUser(in adminUserInput) (store.User, error) {
	if err := validate(userPoolID(in.UserPoolID), usernameShape(in.Username)); err != nil {
		return store.User{}, err
	}
	if _, ok := h.Store.Pool(in.UserPoolID); !ok {
		return store.User{}, errNoPool(in.UserPoolID)
	}
	user, known := h.Store.Find(in.UserPoolID, in.Username)
	if !known {
		return store.User{}, errUserNotFound
	}
	return user, nil
}

type adminGetUserOutput struct {
	Username             string
	UserAttributes       []attribute
	UserCreateDate       epoch
	UserLastModifiedDate epoch
	Enabled              bool
	UserStatus           store.Status
	PreferredMfaSetting  string   `json:",omitempty"`
	UserMFASettingList   []string `json:",omitempty"`
}

func (h *Handler) adminGetUser(_ context.Context, in adminUserInput) (adminGetUserOutput, error) {
	user, err := h.adminUser(in)
	if err != nil {
		return adminGetUserOutput{}, err
	}
	u := describe(user)
	return adminGetUserOutput{
		Username: u.Username, UserAttributes: u.Attributes, UserCreateDate: u.UserCreateDate, UserLastModifiedDate: u.UserLastModifiedDate,
		Enabled: u.Enabled, UserStatus: u.UserStatus, PreferredMfaSetting: user.PreferredMFA, UserMFASettingList: user.MFA,
	}, nil
}

func (h *Handler) adminDeleteUser(_ context.Context, in adminUserInput) (empty, error) {
	user, err := h.adminUser(in)
	if err != nil {
		return empty{}, err
	}
	return empty{}, h.Store.Delete(in.UserPoolID, user.Username)
}

func (h *Handler) adminUserGlobalSignOut(_ context.Context, in adminUserInput) (empty, error) {
	user, err := h.adminUser(in)
	if err != nil {
		return empty{}, err
	}
	h.Store.RevokeUser(in.UserPoolID, user.Username)
	return empty{}, nil
}

type adminResetInput struct {
	adminUserInput
	ignored
}

// adminResetUserPassword makes the user RESET_REQUIRED and sends him the code
// that ConfirmForgotPassword takes.
func (h *Handler) adminResetUserPassword(_ context.Context, in adminResetInput) (empty, error) {
	user, err := h.adminUser(in.adminUserInput)
	if err != nil {
		return empty{}, err
	}
	if err := recoverable(user); err != nil {
		return empty{}, err
	}
	if _, err := h.sendRecovery(in.UserPoolID, user, "AdminResetUserPassword"); err != nil {
		return empty{}, err
	}
	now := h.Now()
	_, err = h.Store.Update(in.UserPoolID, user.Username, false, func(u *store.User) error {
		u.Status, u.Modified = store.ResetRequired, now
		return nil
	})
	return empty{}, err
}

// adminDisableUser also revokes the access tokens of the user, which stay revoked
// when he is enabled again (AdminDisableUser); that his refresh tokens do is
// UNCONFIRMED.
func (h *Handler) adminDisableUser(_ context.Context, in adminUserInput) (empty, error) {
	if err := h.adminSetDisabled(in, true); err != nil {
		return empty{}, err
	}
	if user, known := h.Store.Find(in.UserPoolID, in.Username); known {
		h.Store.RevokeUser(in.UserPoolID, user.Username)
	}
	return empty{}, nil
}

func (h *Handler) adminEnableUser(_ context.Context, in adminUserInput) (empty, error) {
	return empty{}, h.adminSetDisabled(in, false)
}

func (h *Handler) adminSetDisabled(in adminUserInput, disabled bool) error {
	user, err := h.adminUser(in)
	if err != nil {
		return err
	}
	now := h.Now()
	_, err = h.Store.Update(in.UserPoolID, user.Username, false, func(u *store.User) error {
		u.Disabled, u.Modified = disabled, now
		return nil
	})
	return err
}
