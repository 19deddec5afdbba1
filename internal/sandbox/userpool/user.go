package userpool

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

type getUserInput struct{ AccessToken string }

type getUserOutput struct {
	Username            string
	UserAttributes      []attribute
	PreferredMfaSetting string   `json:",omitempty"`
	UserMFASettingList  []string `json:",omitempty"`
}

func (h *Handler) getUser(ctx context.Context, in getUserInput) (getUserOutput, error) {
	_, user, err := h.caller(ctx, in.AccessToken)
	if err != nil {
		return getUserOutput{}, err
	}
	return getUserOutput{
		Username: user.Username, UserAttributes: attributeList(user),
		PreferredMfaSetting: user.PreferredMFA, UserMFASettingList: user.MFA,
	}, nil
}

// caller is the user whom an access token names, with his pool. findings are
// what is wrong with the rest of the request.
func (h *Handler) caller(ctx context.Context, accessToken string, findings ...string) (poolID string, user store.User, err error) {
	findings = append([]string{tokenShape("accessToken", accessToken)}, findings...)
	if err := validate(findings...); err != nil {
		return "", store.User{}, err
	}
	return h.Issuer.Access(ctx, accessToken, h.Now())
}

// tokenShape is the pattern of a token that must be there, [A-Za-z0-9-_=.]+.
func tokenShape(member, value string) string {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=."
	if value == "" {
		return present(member, value)
	}
	if strings.Trim(value, allowed) == "" {
		return ""
	}
	return fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+", member)
}

func attributeList(user store.User) []attribute {
	list := []attribute{}
	for _, a := range user.AttributeList() {
		list = append(list, attribute(a))
	}
	return list
}

// userType is UserType, in the answers of the Admin operations.
type userType struct {
	Username             string
	Attributes           []attribute
	UserCreateDate       epoch
	UserLastModifiedDate epoch
	Enabled              bool
	UserStatus           store.Status
}

func describe(user store.User) userType {
	return userType{
		Username: user.Username, Attributes: attributeList(user), Enabled: !user.Disabled, UserStatus: user.Status,
		UserCreateDate: epoch(user.Created), UserLastModifiedDate: epoch(user.Modified),
	}
}

// epoch is a timestamp of AWS JSON 1.1: seconds since 1970 as a number, here
// with milliseconds.
type epoch time.Time

func (e epoch) MarshalJSON() ([]byte, error) {
	return json.Marshal(json.Number(strconv.FormatFloat(float64(time.Time(e).UnixMilli())/1000, 'f', -1, 64)))
}
