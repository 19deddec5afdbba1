package userpool

import (
	"context"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

type listUsersInput struct {
	UserPoolID      string `json:"UserPoolId"`
	AttributesToGet []string
	Limit           *int
	PaginationToken string
	Filter          string
}

type listUsersOutput struct {
	Users           []userType
	PaginationToken string `json:",omitempty"`
}

// listUsers goes page by page through the users that a filter chooses, 60 at
// most. AWS's own order is not documented; here it is by username.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListUsers.html
func (h *Handler) listUsers(_ context.Context, in listUsersInput) (listUsersOutput, error) {
	err := validate(userPoolID(in.UserPoolID), between("limit", in.Limit, 0, 60), atMost("filter", in.Filter, 256))
	if err != nil {
		return listUsersOutput{}, err
	}
	pool, err := h.poolOf(in.UserPoolID)
	if err != nil {
		return listUsersOutput{}, err
	}
	for _, name := range in.AttributesToGet {
		if name != "sub" && !isStandard(name) && !slices.Contains(pool.CustomAttributes, name) {
			return listUsersOutput{}, errParameter("One or more requested attributes do not exist.") // text UNCONFIRMED
		}
	}
	chosen, err := parseFilter(in.Filter)
	if err != nil {
		return listUsersOutput{}, err
	}
	scope := "users " + pool.ID + " " + in.Filter
	after, err := fromToken(in.PaginationToken, scope)
	if err != nil {
		return listUsersOutput{}, err
	}
	users := slices.DeleteFunc(h.Store.Users(pool.ID), func(u store.User) bool { return !chosen.matches(u) })
	slices.SortFunc(users, func(a, b store.User) int { return strings.Compare(a.Username, b.Username) })
	page, next := pageOf(users, func(u store.User) string { return u.Username }, after, in.Limit)
	out := listUsersOutput{Users: []userType{}, PaginationToken: toToken(scope, next)}
	for _, user := range page {
		described := describe(user)
		if len(in.AttributesToGet) > 0 {
			described.Attributes = slices.DeleteFunc(described.Attributes, func(a attribute) bool { return !slices.Contains(in.AttributesToGet, a.Name) })
		}
		out.Users = append(out.Users, described)
	}
	return out, nil
}

// filter is the Filter of ListUsers: AttributeName Filter-Type "AttributeValue".
// The zero value chooses everybody.
type filter struct {
	name, value string
	prefix      bool // ^=
}

// parseFilter reads a filter. The value is in double quotes, with a backslash
// before a quote or a backslash. The texts of the errors are UNCONFIRMED.
func parseFilter(text string) (filter, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return filter{}, nil
	}
	wrong := errParameter("Error while parsing filter: %s", text)
	i := strings.IndexAny(text, "^= \"")
	if i <= 0 {
		return filter{}, wrong
	}
	f := filter{name: text[:i]}
	rest := strings.TrimSpace(text[i:])
	rest, f.prefix = strings.CutPrefix(rest, "^")
	rest, found := strings.CutPrefix(rest, "=")
	value, ok := unquote(strings.TrimSpace(rest))
	if !found || !ok {
		return filter{}, wrong
	}
	f.value = value
	if !slices.Contains(searchable(), f.name) {
		return filter{}, errParameter("Invalid search attribute: %s", f.name)
	}
	return f, nil
}

// searchable are the attributes that a filter may name.
func searchable() []string {
	return []string{"username", "email", "phone_number", "name", "given_name", "family_name", "preferred_username", "cognito:user_status", "status", "sub"}
}

// unquote reads a string in double quotes, all of it.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i == len(s) {
				return "", false
			}
		case '"':
			return b.String(), i == len(s)-1
		}
		b.WriteByte(s[i])
	}
	return "", false
}

// matches compares username and status as they are written, and the rest without
// regard to case.
func (f filter) matches(u store.User) bool {
	value, exact := u.Attributes[f.name], false
	switch f.name {
	case "":
		return true
	case "username":
		value, exact = u.Username, true
	case "sub":
		value = u.Sub
	case "cognito:user_status":
		value = string(u.Status)
	case "status":
		value, exact = "Enabled", true
		if u.Disabled {
			value = "Disabled"
		}
	}
	wanted := f.value
	if !exact {
		value, wanted = strings.ToLower(value), strings.ToLower(wanted)
	}
	if f.prefix {
		return strings.HasPrefix(value, wanted)
	}
	return value == wanted
}
