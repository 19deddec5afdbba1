package auth

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// SRP signs in by USER_SRP_AUTH: the password proves itself and never travels.
type SRP SignIn

// Login implements Flow.
func (f SRP) Login(ctx context.Context) (Tokens, error) {
	return SignIn(f).login(ctx, (*attempt).openSRP, ItemPassword)
}

// Password signs in by USER_PASSWORD_AUTH: the password travels to Cognito over
// TLS. It is for pools that migrate users, and for emulators without SRP.
type Password SignIn

// Login implements Flow.
func (f Password) Login(ctx context.Context) (Tokens, error) {
	return SignIn(f).login(ctx, openPassword(types.AuthFlowTypeUserPasswordAuth), ItemPassword)
}

// Custom signs in by CUSTOM_AUTH: the pool's own Lambda triggers ask whatever
// they like, as often as they like. No password is part of it.
type Custom SignIn

// Login implements Flow.
func (f Custom) Login(ctx context.Context) (Tokens, error) {
	open := func(a *attempt, ctx context.Context, op string) (step, error) {
		return a.initiate(ctx, types.AuthFlowTypeCustomAuth, a.opening(nil), op)
	}
	return SignIn(f).login(ctx, open, "")
}

// CustomSRP is Custom for triggers that want the password proved by SRP before
// they ask.
type CustomSRP SignIn

// Login implements Flow.
func (f CustomSRP) Login(ctx context.Context) (Tokens, error) {
	open := func(a *attempt, ctx context.Context, op string) (step, error) {
		srpA, err := a.beginSRP()
		if err != nil {
			return step{}, err
		}
		// The SDK's documentation prints the parameter as ChallengeName; Lambda triggers
		// and Cognito's own clients know it as CHALLENGE_NAME.
		return a.initiate(ctx, types.AuthFlowTypeCustomAuth, a.opening(map[string]string{"CHALLENGE_NAME": "SRP_A", "SRP_A": srpA}), op)
	}
	return SignIn(f).login(ctx, open, ItemPassword)
}

// Choice signs in by USER_AUTH: the user's first factor is chosen from what the
// pool and the user have, a password or a code that is sent.
type Choice struct {
	SignIn
	// Preferred is the challenge to begin with: PASSWORD_SRP, PASSWORD, EMAIL_OTP
	// or SMS_OTP. When it is empty, a password that is at hand is proved by SRP;
	// without one the user chooses.
	Preferred string
}

// Login implements Flow.
func (f Choice) Login(ctx context.Context) (Tokens, error) {
	preferred := types.ChallengeNameType(f.Preferred)
	if preferred == "" && f.Password != "" {
		preferred = types.ChallengeNameTypePasswordSrp
	}
	open := func(a *attempt, ctx context.Context, op string) (step, error) {
		parameters := map[string]string{}
		if preferred != "" {
			with, err := a.firstFactor(ctx, preferred)
			if err != nil {
				return step{}, err
			}
			parameters = with
			parameters["PREFERRED_CHALLENGE"] = string(preferred)
		}
		return a.initiate(ctx, types.AuthFlowTypeUserAuth, a.opening(parameters), op)
	}
	return f.SignIn.login(ctx, open, "")
}

// Admin signs a user in by the operations of administrators, AdminInitiateAuth
// and AdminRespondToAuthChallenge, with AWS credentials that may call them.
type Admin struct {
	SignIn
	Credentials aws.CredentialsProvider
}

// Login implements Flow. It tries ADMIN_USER_PASSWORD_AUTH and, where the app
// client does not allow that, USER_SRP_AUTH.
func (f Admin) Login(ctx context.Context) (Tokens, error) {
	credentials, err := f.Credentials.Retrieve(ctx)
	if err != nil {
		return Tokens{}, err
	}
	f.Ask = steady(f.Ask) // so that a password that was typed serves for both flows
	f.admin = func(context.Context) (aws.Credentials, error) { return credentials, nil }
	tokens, err := f.SignIn.login(ctx, openPassword(types.AuthFlowTypeAdminUserPasswordAuth), ItemPassword)
	var passwordDisabled, srpDisabled *FlowDisabledError
	if !errors.As(err, &passwordDisabled) {
		return tokens, err
	}
	tokens, err = f.SignIn.login(ctx, (*attempt).openSRP, ItemPassword)
	if !errors.As(err, &srpDisabled) {
		return tokens, err
	}
	// Neither flow is worth another try, so only what both errors propose is left.
	passwordDisabled.Try = slices.DeleteFunc(passwordDisabled.Try, func(flow string) bool { return !slices.Contains(srpDisabled.Try, flow) })
	return Tokens{}, passwordDisabled
}

func (a *attempt) openSRP(ctx context.Context, op string) (step, error) {
	srpA, err := a.beginSRP()
	if err != nil {
		return step{}, err
	}
	return a.initiate(ctx, types.AuthFlowTypeUserSrpAuth, a.opening(map[string]string{"SRP_A": srpA}), op)
}

func openPassword(flow types.AuthFlowType) opener {
	return func(a *attempt, ctx context.Context, op string) (step, error) {
		return a.initiate(ctx, flow, a.opening(map[string]string{"PASSWORD": a.user.Password}), op)
	}
}
