package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/srp"
)

// RememberedDevice is this machine as a pool that tracks devices knows it. It is stored
// apart from the session and outlives it: a remembered device is for the next sign-in,
// also the one after a logout. Without the user's password it signs nobody in.
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-device-tracking.html
type RememberedDevice struct {
	Key      string `json:"key"`       // DeviceKey
	GroupKey string `json:"group_key"` // DeviceGroupKey
	Password string `json:"password"`  // random, made here; Cognito only has its verifier
}

// settleDevice confirms the device that the pool began to track with this sign-in, so
// that a later sign-in can prove to come from it. Where the pool offered no new device,
// the tokens belong to the one that is known already. That a device cannot be confirmed
// is told, but does not spoil the sign-in.
func (a *attempt) settleDevice(ctx context.Context, t Tokens) Tokens {
	if t.DeviceKey == "" {
		t.DeviceKey = a.user.Device.Key
		// It may have been confirmed without. One that was asked for its proof is remembered.
		if asked := a.device != nil; t.DeviceKey != "" && a.user.RememberDevice && !asked {
			short, cancel := context.WithTimeout(ctx, a.client.patience())
			defer cancel()
			a.client.rememberDevice(short, t, a.user)
		}
		return t
	}
	if t.deviceGroup == "" || a.user.Keep == nil {
		return t
	}
	// The tokens are not saved yet, and other processes may wait for them.
	short, cancel := context.WithTimeout(ctx, a.client.patience())
	defer cancel()
	device, err := a.client.confirmDevice(short, t, a.user)
	if err != nil {
		a.user.tell(withoutTokens(err, t))
		return t
	}
	a.user.keep(ctx, device)
	return t
}

// withoutTokens is the text of err without the tokens, which the server may quote and
// which the redactor of the text may not know yet.
func withoutTokens(err error, t Tokens) string {
	text := err.Error()
	for _, token := range []string{t.ID, t.Access, t.Refresh} {
		if token != "" {
			text = strings.ReplaceAll(text, token, "(a token)")
		}
	}
	return text
}

// confirmDevice calls ConfirmDevice and, where the pool leaves the remembering to
// the user, UpdateDeviceStatus.
func (c *Client) confirmDevice(ctx context.Context, t Tokens, u *SignIn) (RememberedDevice, error) {
	secret, err := srp.NewDeviceSecret(c.config.Random, t.deviceGroup, t.DeviceKey)
	if err != nil {
		return RememberedDevice{}, err
	}
	op := fmt.Sprintf("confirm this device for %s", u.Username)
	input := &cip.ConfirmDeviceInput{
		AccessToken: aws.String(t.Access),
		DeviceKey:   aws.String(t.DeviceKey),
		DeviceSecretVerifierConfig: &types.DeviceSecretVerifierConfigType{
			PasswordVerifier: aws.String(secret.Verifier), Salt: aws.String(secret.Salt),
		},
	}
	if u.DeviceName != "" {
		input.DeviceName = aws.String(u.DeviceName)
	}
	out, err := c.api.ConfirmDevice(ctx, input)
	if err != nil {
		return RememberedDevice{}, apiError(op, err)
	}
	device := RememberedDevice{Key: t.DeviceKey, GroupKey: t.deviceGroup, Password: secret.Password}
	if out.UserConfirmationNecessary && u.RememberDevice {
		c.rememberDevice(ctx, t, u)
	}
	return device, nil
}

// rememberDevice calls UpdateDeviceStatus. That it fails spoils no sign-in.
func (c *Client) rememberDevice(ctx context.Context, t Tokens, u *SignIn) {
	err := c.repeat(ctx, freely, func(ctx context.Context) error {
		_, err := c.api.UpdateDeviceStatus(ctx, &cip.UpdateDeviceStatusInput{
			AccessToken: aws.String(t.Access), DeviceKey: aws.String(t.DeviceKey),
			DeviceRememberedStatus: types.DeviceRememberedStatusTypeRemembered,
		})
		return apiError(fmt.Sprintf("remember this device for %s", u.Username), err)
	})
	if err != nil {
		u.tell(withoutTokens(err, t))
	}
}

// deviceSRP answers DEVICE_SRP_AUTH: the device stands in for a second factor.
func (a *attempt) deviceSRP(ctx context.Context, s step, op string) (step, error) {
	if a.user.Device.Password == "" {
		return step{}, &deviceError{Err: errors.New("the pool asks for a device that is not kept here")}
	}
	var err error
	if a.device, err = srp.NewClient(a.client.config.Random); err != nil {
		return step{}, err
	}
	return aboutDevice(a.respond(ctx, s, map[string]string{"SRP_A": a.device.A()}, op))
}

// devicePassword answers DEVICE_PASSWORD_VERIFIER with the proof that this is the
// device. The SRP identity is the device's in its group, not the user's.
func (a *attempt) devicePassword(ctx context.Context, s step, op string) (step, error) {
	if a.device == nil {
		return step{}, &UnsupportedChallengeError{Name: string(s.challenge), Username: a.user.Username}
	}
	d := a.user.Device
	responses, err := a.proof(a.device, srp.Identity{Pool: d.GroupKey, User: d.Key, Password: d.Password}, s)
	if err != nil {
		return step{}, fmt.Errorf("%s: the server's %s challenge: %w", op, s.challenge, err)
	}
	return aboutDevice(a.respond(ctx, s, responses, op))
}

// deviceError is a refusal of the device and not of the user, so it must not count as a
// wrong password. It does not unwrap: errors.As would find the refusal of a user in it.
type deviceError struct{ Err error }

func (e *deviceError) Error() string { return "this device: " + e.Err.Error() }

// aboutDevice marks a refusal as one of the device.
func aboutDevice(next step, err error) (step, error) {
	var refused *RefusedError
	if errors.As(err, &refused) && !sessionOver(err) {
		return next, &deviceError{Err: err}
	}
	return next, err
}

// refusesDevice reports whether the pool does not take the device: its proof was refused,
// or the answer is "Device does not exist.".
func refusesDevice(err error) bool {
	var about *deviceError
	return errors.As(err, &about) || forgotDevice(err)
}
