package srp

import (
	"encoding/base64"
	"fmt"
	"io"
)

// devicePasswordBytes is what amazon-cognito-identity-js draws for a device.
const devicePasswordBytes = 40

// DeviceSecret is what a remembered device signs in with instead of an MFA code.
// Password stays on the device; Salt and Verifier go to ConfirmDevice as its
// DeviceSecretVerifierConfig. All three are standard base64, whereas the SALT
// and SRP_B of the challenge that comes later are hex. Formatting it shows no
// password.
type DeviceSecret struct {
	Password string
	Salt     string // of the PAD form
	Verifier string // of the PAD form; the API's name for it is PasswordVerifier
}

// String says what it is without the password.
func (DeviceSecret) String() string { return "device secret" }

// GoString is String, so that %#v shows no password either.
func (d DeviceSecret) GoString() string { return d.String() }

// NewDeviceSecret makes the secret of a device from the DeviceGroupKey and
// DeviceKey of NewDeviceMetadata. Signing in with it takes
// Identity{Pool: groupKey, User: deviceKey, Password: secret.Password}.
func NewDeviceSecret(random io.Reader, groupKey, deviceKey string) (DeviceSecret, error) {
	drawn, err := drawBytes(random, devicePasswordBytes)
	if err != nil {
		return DeviceSecret{}, err
	}
	// The text itself is the password, not the bytes it encodes.
	password := base64.StdEncoding.EncodeToString(drawn)
	v, err := NewVerifier(random, Identity{Pool: groupKey, User: deviceKey, Password: password})
	if err != nil {
		return DeviceSecret{}, err
	}
	return DeviceSecret{
		Password: password,
		Salt:     base64.StdEncoding.EncodeToString(v.Salt),
		Verifier: base64.StdEncoding.EncodeToString(v.V),
	}, nil
}

// ParseDeviceVerifier reads the Salt and PasswordVerifier of a ConfirmDevice
// request, both standard base64, into the verifier that NewServer takes.
//
// UNCONFIRMED: whether Cognito takes a number whose top bit is set for a
// negative one when the 00 of PAD is missing. Here it is positive.
func ParseDeviceVerifier(salt, verifier string) (Verifier, error) {
	s, err := decodeNumber("Salt", salt, maxSaltDigits/2)
	if err != nil {
		return Verifier{}, err
	}
	v, err := decodeNumber("PasswordVerifier", verifier, maxPublicDigits/2)
	if err != nil {
		return Verifier{}, err
	}
	parsed := Verifier{Salt: s, V: v}
	saltNumber, vNumber, err := parsed.numbers()
	if err != nil {
		return Verifier{}, err
	}
	return Verifier{Salt: pad(saltNumber), V: pad(vNumber)}, nil
}

// decodeNumber decodes base64 of at most limit bytes, length first.
func decodeNumber(name, text string, limit int) ([]byte, error) {
	if most := base64.StdEncoding.EncodedLen(limit); len(text) > most {
		return nil, fmt.Errorf("device verifier: %s has %d characters, more than %d", name, len(text), most)
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("device verifier: %s is not base64: %w", name, err)
	}
	return decoded, nil
}
