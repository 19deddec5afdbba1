// Package userpool answers the user pool API of Amazon Cognito (AWS JSON 1.1
// over POST /) from a store of its own, in AWS's words: the same fields, error
// types, error texts and order of refusals. What AWS was not seen to do is
// marked UNCONFIRMED.
//
// An operation is one row of one table, name to typed handler; how a request
// is read and answered is in handler.go (decoding) and in awsjson (body limit,
// error shape, panics) and nowhere else. A family of operations is a file.
//
// A sign-in begins in initiate.go (custom.go, choice.go) and goes on in
// respond.go, which finds who judges the answer to a challenge: mfa.go,
// mfasetup.go, device.go. attempt.go is what they share: a challenge, its
// Session, and what an answer belongs to. It ends in refresh.go, at signIn;
// tokens.go mints and checks tokens. signup.go, password.go, attributes.go and
// account.go are what users do for themselves; admin.go, adminauth.go, describe.go
// and listusers.go what is done with AWS credentials.
//
// The Admin operations want an AWS4-HMAC-SHA256 Authorization header whose
// credential scope names the service cognito-idp, as the SDKs send it. Whose
// signature it is is for the handler's Authorize to say.
package userpool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/awsjson"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// MaxBody is the largest request body in bytes.
const MaxBody = 131072

const targetPrefix = "AWSCognitoIdentityProviderService."

var protocol = awsjson.Service{MaxBody: MaxBody, TooLarge: errTooLarge, Internal: errInternal, MessageHeader: true}

// Handler is the user pool API. Every field is needed, but Count and Authorize.
type Handler struct {
	Store  *store.Store
	Issuer Issuer
	Now    func() time.Time
	Random io.Reader
	// FakeSeed makes the salts of users who do not exist: secret, at least 16
	// random bytes, the same for the life of the store.
	FakeSeed []byte
	// Count is told each call before it is judged: the operation, and for a
	// sign-in its flow or challenge ("InitiateAuth USER_SRP_AUTH"). Only known
	// names appear, so the set is small; a call that lacks the AWS credentials
	// it needs is not counted. It is called from many goroutines. nil is
	// allowed.
	Count func(ctx context.Context, call string)
	// Authorize verifies the signature of a request and whether its signer may run the
	// operation. Its refusals are *Error. When it is nil, an Authorization header that is
	// complete and whose scope names cognito-idp is enough.
	Authorize func(r *http.Request, body []byte) error
}

// operation is a row of the table.
type operation struct {
	signed bool // needs AWS credentials
	serve  func(h *Handler, ctx context.Context, body []byte) (any, error)
}

// operations is the table of everything that is served.
var operations = sync.OnceValue(func() map[string]operation {
	return map[string]operation{
		"InitiateAuth":                     public("InitiateAuth", (*Handler).initiateAuth),
		"RespondToAuthChallenge":           public("RespondToAuthChallenge", (*Handler).respondToAuthChallenge),
		"GetTokensFromRefreshToken":        public("GetTokensFromRefreshToken", (*Handler).getTokensFromRefreshToken),
		"RevokeToken":                      public("RevokeToken", (*Handler).revokeToken),
		"GetUser":                          public("GetUser", (*Handler).getUser),
		"SignUp":                           public("SignUp", (*Handler).signUp),
		"ConfirmSignUp":                    public("ConfirmSignUp", (*Handler).confirmSignUp),
		"AssociateSoftwareToken":           public("AssociateSoftwareToken", (*Handler).associateSoftwareToken),
		"VerifySoftwareToken":              public("VerifySoftwareToken", (*Handler).verifySoftwareToken),
		"SetUserMFAPreference":             public("SetUserMFAPreference", (*Handler).setUserMFAPreference),
		"ConfirmDevice":                    public("ConfirmDevice", (*Handler).confirmDevice),
		"UpdateDeviceStatus":               public("UpdateDeviceStatus", (*Handler).updateDeviceStatus),
		"GetDevice":                        public("GetDevice", (*Handler).getDevice),
		"ListDevices":                      public("ListDevices", (*Handler).listDevices),
		"ForgetDevice":                     public("ForgetDevice", (*Handler).forgetDevice),
		"AdminInitiateAuth":                signed("AdminInitiateAuth", (*Handler).adminInitiateAuth),
		"AdminRespondToAuthChallenge":      signed("AdminRespondToAuthChallenge", (*Handler).adminRespondToAuthChallenge),
		"ResendConfirmationCode":           public("ResendConfirmationCode", (*Handler).resendConfirmationCode),
		"ForgotPassword":                   public("ForgotPassword", (*Handler).forgotPassword),
		"ConfirmForgotPassword":            public("ConfirmForgotPassword", (*Handler).confirmForgotPassword),
		"ChangePassword":                   public("ChangePassword", (*Handler).changePassword),
		"UpdateUserAttributes":             public("UpdateUserAttributes", (*Handler).updateUserAttributes),
		"DeleteUserAttributes":             public("DeleteUserAttributes", (*Handler).deleteUserAttributes),
		"GetUserAttributeVerificationCode": public("GetUserAttributeVerificationCode", (*Handler).getUserAttributeVerificationCode),
		"VerifyUserAttribute":              public("VerifyUserAttribute", (*Handler).verifyUserAttribute),
		"DeleteUser":                       public("DeleteUser", (*Handler).deleteUser),
		"GlobalSignOut":                    public("GlobalSignOut", (*Handler).globalSignOut),
		"GetUserAuthFactors":               public("GetUserAuthFactors", (*Handler).getUserAuthFactors),
		"AdminGetUser":                     signed("AdminGetUser", (*Handler).adminGetUser),
		"AdminDeleteUser":                  signed("AdminDeleteUser", (*Handler).adminDeleteUser),
		"AdminUserGlobalSignOut":           signed("AdminUserGlobalSignOut", (*Handler).adminUserGlobalSignOut),
		"AdminResetUserPassword":           signed("AdminResetUserPassword", (*Handler).adminResetUserPassword),
		"AdminDisableUser":                 signed("AdminDisableUser", (*Handler).adminDisableUser),
		"AdminEnableUser":                  signed("AdminEnableUser", (*Handler).adminEnableUser),
		"AdminCreateUser":                  signed("AdminCreateUser", (*Handler).adminCreateUser),
		"AdminSetUserPassword":             signed("AdminSetUserPassword", (*Handler).adminSetUserPassword),
		"DescribeUserPool":                 signed("DescribeUserPool", (*Handler).describeUserPool),
		"ListUserPoolClients":              signed("ListUserPoolClients", (*Handler).listUserPoolClients),
		"DescribeUserPoolClient":           signed("DescribeUserPoolClient", (*Handler).describeUserPoolClient),
		"ListUsers":                        signed("ListUsers", (*Handler).listUsers),
	}
})

// ignored are members of many operations that have no effect here. They are
// named so that a value of the wrong type is refused, as AWS refuses it.
type ignored struct {
	ClientMetadata  map[string]string
	ValidationData  []attribute
	UserContextData *struct {
		EncodedData string
		IPAddress   string `json:"IpAddress"`
	}
	AnalyticsMetadata *struct {
		AnalyticsEndpointID string `json:"AnalyticsEndpointId"`
	}
}

// labelled inputs say more about a call than its operation does.
type labelled interface{ label() string }

// public adapts a typed handler to the table.
func public[In, Out any](name string, f func(*Handler, context.Context, In) (Out, error)) operation {
	return operation{serve: func(h *Handler, ctx context.Context, body []byte) (any, error) {
		var in In
		err := decode(body, &in)
		h.count(ctx, name, in)
		if err != nil {
			return nil, err
		}
		return f(h, ctx, in)
	}}
}

// signed is public for an operation that needs AWS credentials.
func signed[In, Out any](name string, f func(*Handler, context.Context, In) (Out, error)) operation {
	op := public(name, f)
	op.signed = true
	return op
}

func (h *Handler) count(ctx context.Context, name string, in any) {
	if h.Count == nil {
		return
	}
	if l, ok := in.(labelled); ok && l.label() != "" {
		name += " " + l.label()
	}
	h.Count(ctx, name)
}

// decode reads one JSON object. AWS answers both malformed JSON and a value of
// the wrong type with SerializationException, and ignores a member that it does
// not know, such as one in another spelling.
func decode(body []byte, in any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil // as {}: then the required members are missing
	}
	if err := awsjson.Unmarshal(body, in); err != nil {
		// The parser's own words could quote the body; its position cannot.
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return &Error{Type: serialization, Message: fmt.Sprintf("%s has a value of the wrong type", memberPath(wrong.Field))}
		}
		return &Error{Type: serialization, Message: "The request body is not a JSON object"}
	}
	return nil
}

// memberPath is a member as the client wrote it: the parser names the Go structs
// too that are embedded on the way, and those begin with a small letter.
func memberPath(field string) string {
	path := strings.Split(field, ".")
	return strings.Join(slices.DeleteFunc(path, func(s string) bool { return s == "" || s[0] >= 'a' && s[0] <= 'z' }), ".")
}

// ServeHTTP answers POST /. It never panics: whatever goes wrong inside is an
// InternalErrorException that says nothing about it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, err := store.NewID(h.Random); err == nil {
		w.Header().Set("X-Amzn-Requestid", id)
	}
	// Clients learn the server's time from this header, so it follows our clock.
	w.Header().Set("Date", h.Now().UTC().Format(http.TimeFormat))
	protocol.Serve(w, func() (any, error) { return h.dispatch(w, r) })
}

// dispatch finds and runs the operation.
func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request) (any, error) {
	name, isOurs := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	op, known := operations()[name]
	if !isOurs || !known {
		return nil, errUnknownOperation(name, isOurs)
	}
	body, err := protocol.ReadBody(w, r)
	if err != nil {
		return nil, err
	}
	if op.signed {
		if err := h.authorize(r, body); err != nil {
			return nil, err
		}
	}
	return op.serve(h, r.Context(), body)
}

// errUnknownOperation names what was asked for when it can be an operation's
// name; AWS's own answer has no text.
func errUnknownOperation(name string, isOurs bool) error {
	text := "no operation is named in X-Amz-Target"
	if isOurs && isName(name) {
		text = fmt.Sprintf("the sandbox does not know %s", name)
	}
	return &Error{Type: "UnknownOperationException", Message: text}
}

// isName says whether s has the form of an operation's name.
func isName(s string) bool {
	odd := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, odd)
}
