package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/jwt"
)

// SelfServiceScope is what an access token must have to act on its own account.
// Sign-ins through the user pool API give it; hosted sign-in gives it when it is
// asked for.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html
const SelfServiceScope = "aws.cognito.signin.user.admin"

// Account is the account of somebody who is signed in, acted on with their own
// access token.
type Account struct {
	Client   *Client
	Username string // for errors
	Token    string // the access token
}

// LacksScope reports whether an access token names scopes but not SelfServiceScope, which
// Account needs. A token that names no scopes is left to the server to judge.
func LacksScope(access string) bool {
	scopes := ScopesOf(access)
	return len(scopes) > 0 && !slices.Contains(scopes, SelfServiceScope)
}

// ScopesOf are the scopes that an access token names; none where it cannot be read.
func ScopesOf(access string) []string {
	token, err := jwt.Parse(access)
	if err != nil {
		return nil
	}
	return strings.Fields(token.Claims.String("scope"))
}

// TokenEnded reports whether an access token was refused because it expired or was revoked.
// Cognito does so before anything is done, so that even an operation that must not be
// repeated may be sent again with another token.
func TokenEnded(err error) bool {
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Code != "NotAuthorizedException" {
		return false
	}
	message := strings.ToLower(refused.Message)
	return strings.Contains(message, "access token has expired") || strings.Contains(message, "access token has been revoked")
}

// User is what Cognito has about a user. Its JSON members are stable.
type User struct {
	Username   string            `json:"username"`
	Attributes map[string]string `json:"attributes"`
	Factors
}

// Factors are the ways in that a user has. Its JSON members are stable.
type Factors struct {
	MFA       []Factor `json:"mfa"`           // the second factors that are switched on
	Preferred Factor   `json:"preferred_mfa"` // the one that a sign-in asks for first; "" when none is
	// SignIn is what a choice-based sign-in may begin with: PASSWORD, EMAIL_OTP,
	// SMS_OTP, WEB_AUTHN. nil when it was not asked for.
	SignIn []string `json:"sign_in,omitempty"`
}

// Factor is a second factor: FactorTOTP, FactorSMS, FactorEmail, or Cognito's
// own name of another one.
type Factor string

// The second factors that a user can switch on and off.
const (
	FactorTOTP  Factor = "totp"
	FactorSMS   Factor = "sms"
	FactorEmail Factor = "email"
)

// factorNamed turns Cognito's name of a second factor into ours.
func factorNamed(name string) Factor {
	switch types.ChallengeNameType(name) {
	case types.ChallengeNameTypeSoftwareTokenMfa:
		return FactorTOTP
	case types.ChallengeNameTypeSmsMfa:
		return FactorSMS
	case types.ChallengeNameTypeEmailOtp:
		return FactorEmail
	}
	return Factor(name)
}

func factorsOf(names []string, preferred *string) Factors {
	f := Factors{MFA: []Factor{}, Preferred: factorNamed(aws.ToString(preferred))}
	for _, name := range names {
		f.MFA = append(f.MFA, factorNamed(name))
	}
	return f
}

// User reads the account.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetUser.html
func (a Account) User(ctx context.Context) (User, error) {
	out, err := repeatable(ctx, errand{a.Client, a.op("read the account of")}, a.Client.api.GetUser, &cip.GetUserInput{AccessToken: &a.Token})
	if err != nil {
		return User{}, err
	}
	return User{
		Username: aws.ToString(out.Username), Attributes: attributeMap(out.UserAttributes),
		Factors: factorsOf(out.UserMFASettingList, out.PreferredMfaSetting),
	}, nil
}

func attributeMap(list []types.AttributeType) map[string]string {
	attributes := map[string]string{}
	for _, a := range list {
		attributes[aws.ToString(a.Name)] = aws.ToString(a.Value)
	}
	return attributes
}

// Factors reads the ways in, those of a choice-based sign-in included.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetUserAuthFactors.html
func (a Account) Factors(ctx context.Context) (Factors, error) {
	input := &cip.GetUserAuthFactorsInput{AccessToken: &a.Token}
	out, err := repeatable(ctx, errand{a.Client, a.op("read the factors of")}, a.Client.api.GetUserAuthFactors, input)
	if err != nil {
		return Factors{}, err
	}
	f := factorsOf(out.UserMFASettingList, out.PreferredMfaSetting)
	f.SignIn = []string{}
	for _, factor := range out.ConfiguredUserAuthFactors {
		f.SignIn = append(f.SignIn, string(factor))
	}
	return f, nil
}

// Update sets attributes, and returns where codes went to verify new addresses.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserAttributes.html
func (a Account) Update(ctx context.Context, attributes []Attribute, metadata map[string]string) ([]Delivery, error) {
	op := a.op("set " + Names(attributes) + " of")
	out, err := once(ctx, op, a.Client.api.UpdateUserAttributes, &cip.UpdateUserAttributesInput{
		AccessToken: &a.Token, UserAttributes: attributeTypes(attributes), ClientMetadata: metadata,
	})
	if err != nil {
		return nil, err
	}
	sent := []Delivery{}
	for _, d := range out.CodeDeliveryDetailsList {
		sent = append(sent, *delivery(&d))
	}
	return sent, nil
}

// DeleteAttributes removes attributes.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUserAttributes.html
func (a Account) DeleteAttributes(ctx context.Context, names []string) error {
	op := a.op("delete " + strings.Join(names, ", ") + " of")
	input := &cip.DeleteUserAttributesInput{AccessToken: &a.Token, UserAttributeNames: names}
	_, err := repeatable(ctx, errand{a.Client, op}, a.Client.api.DeleteUserAttributes, input)
	return err
}

// SendCode sends a code that VerifyAttribute takes.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetUserAttributeVerificationCode.html
func (a Account) SendCode(ctx context.Context, attribute string, metadata map[string]string) (*Delivery, error) {
	op := a.op("send a code to the " + attribute + " of")
	out, err := once(ctx, op, a.Client.api.GetUserAttributeVerificationCode, &cip.GetUserAttributeVerificationCodeInput{
		AccessToken: &a.Token, AttributeName: aws.String(attribute), ClientMetadata: metadata,
	})
	if err != nil {
		return nil, err
	}
	return delivery(out.CodeDeliveryDetails), nil
}

// VerifyAttribute proves an address with the code that went there.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_VerifyUserAttribute.html
func (a Account) VerifyAttribute(ctx context.Context, attribute, code string) error {
	_, err := once(ctx, a.op("verify the "+attribute+" of"), a.Client.api.VerifyUserAttribute, &cip.VerifyUserAttributeInput{
		AccessToken: &a.Token, AttributeName: aws.String(attribute), Code: aws.String(code),
	})
	return err
}

// ChangePassword replaces the password. previous is empty for a user who has
// none yet.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ChangePassword.html
func (a Account) ChangePassword(ctx context.Context, previous, proposed string) error {
	input := &cip.ChangePasswordInput{AccessToken: &a.Token, ProposedPassword: aws.String(proposed)}
	if previous != "" {
		input.PreviousPassword = aws.String(previous)
	}
	_, err := once(ctx, a.op("change the password of"), a.Client.api.ChangePassword, input)
	return err
}

// Delete deletes the account, for good.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUser.html
func (a Account) Delete(ctx context.Context) error {
	_, err := once(ctx, a.op("delete the account of"), a.Client.api.DeleteUser, &cip.DeleteUserInput{AccessToken: &a.Token})
	return err
}

// TOTPSecret is a new secret for an authenticator app. Until VerifyTOTP was given a code of
// it, it is not in use.
type TOTPSecret struct {
	Secret     string    // base32
	ServerTime time.Time // when it was made; zero when unknown
}

// NewTOTP asks for a new secret. The one that is in use stays in use until the new one is
// verified.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AssociateSoftwareToken.html
func (a Account) NewTOTP(ctx context.Context) (TOTPSecret, error) {
	op := a.op("get a TOTP secret for")
	out, err := once(ctx, op, a.Client.api.AssociateSoftwareToken, &cip.AssociateSoftwareTokenInput{AccessToken: &a.Token})
	if err != nil {
		return TOTPSecret{}, err
	}
	secret := TOTPSecret{Secret: aws.ToString(out.SecretCode)}
	secret.ServerTime, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	return secret, checkTOTPSecret(op, secret.Secret)
}

// maxTOTPSecret bounds the secret of an authenticator app, in characters. Cognito's
// have 52; a QR code holds some 2900 bytes.
const maxTOTPSecret = 512

// checkTOTPSecret refuses a secret from the server that is not base32, because it will be
// printed and put into a link.
func checkTOTPSecret(op, secret string) error {
	if secret == "" || len(secret) > maxTOTPSecret || strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567=") != "" {
		return fmt.Errorf("%s: the server's secret for an authenticator app is not base32 of up to %d characters", op, maxTOTPSecret)
	}
	return nil
}

// VerifyTOTP proves with a code that the authenticator app has the new secret, and puts the
// secret into use. The code is used up by it. deviceName is how the app is called in the
// account, or "". The second factor is switched on by SetMFA, not by this.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_VerifySoftwareToken.html
func (a Account) VerifyTOTP(ctx context.Context, code, deviceName string) error {
	op := a.op("verify the authenticator of")
	input := &cip.VerifySoftwareTokenInput{AccessToken: &a.Token, UserCode: aws.String(code)}
	if deviceName != "" {
		input.FriendlyDeviceName = aws.String(deviceName)
	}
	out, err := once(ctx, op, a.Client.api.VerifySoftwareToken, input)
	if err == nil && out.Status == types.VerifySoftwareTokenResponseTypeError {
		err = &ServiceError{Op: op, Code: "EnableSoftwareTokenMFAException", Message: "the code was not taken (status ERROR)"}
	}
	return err
}

// MFAChange says how one second factor is to be: switched on or off, and preferred or not.
type MFAChange struct {
	Factor    Factor
	Enabled   bool
	Preferred bool
}

// SetMFA switches second factors on and off; those that are not named stay as they are.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SetUserMFAPreference.html
func (a Account) SetMFA(ctx context.Context, changes ...MFAChange) error {
	input := &cip.SetUserMFAPreferenceInput{AccessToken: &a.Token}
	var names []string
	for _, c := range changes {
		names = append(names, string(c.Factor))
		switch c.Factor {
		case FactorTOTP:
			input.SoftwareTokenMfaSettings = &types.SoftwareTokenMfaSettingsType{Enabled: c.Enabled, PreferredMfa: c.Preferred}
		case FactorSMS:
			input.SMSMfaSettings = &types.SMSMfaSettingsType{Enabled: c.Enabled, PreferredMfa: c.Preferred}
		case FactorEmail:
			input.EmailMfaSettings = &types.EmailMfaSettingsType{Enabled: c.Enabled, PreferredMfa: c.Preferred}
		default:
			return fmt.Errorf("%q is no second factor that can be switched", c.Factor)
		}
	}
	_, err := repeatable(ctx, errand{a.Client, a.op("switch " + strings.Join(names, ", ") + " of")}, a.Client.api.SetUserMFAPreference, input)
	return err
}

func (a Account) op(what string) string { return a.Client.op(what, a.Username) }
