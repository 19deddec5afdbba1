package store

import (
	"bytes"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/cogctl/cogctl/internal/srp"
)

// Status is UserStatusType.
type Status string

// The states a user of the sandbox can be in.
const (
	Unconfirmed         Status = "UNCONFIRMED"
	Confirmed           Status = "CONFIRMED"
	ResetRequired       Status = "RESET_REQUIRED"
	ForceChangePassword Status = "FORCE_CHANGE_PASSWORD"
	ExternalProvider    Status = "EXTERNAL_PROVIDER" // comes from an identity provider, and has no password here
)

// User is one user of a pool.
type User struct {
	Username   string // USER_ID_FOR_SRP and cognito:username; never changes, because the verifier is bound to it
	Sub        string
	Status     Status
	Disabled   bool
	Attributes map[string]string // without sub; *_verified are "true" or "false"
	Groups     []string
	Verifier   srp.Verifier // empty: no password, nobody can sign in with one
	// TemporaryUntil is when a temporary password stops working; only looked
	// at in the state FORCE_CHANGE_PASSWORD.
	TemporaryUntil time.Time
	Created        time.Time
	Modified       time.Time

	MFA          []string // the active second factors: SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP
	PreferredMFA string   // one of MFA, or "": the user chooses each time
	TOTP         TOTP
	TOTPPending  []byte // a secret that AssociateSoftwareToken gave out and no code has proved yet
	Passkey      bool   // USER_AUTH offers WEB_AUTHN; the sandbox has no authenticator to check one with
	Questions    []Question
	Devices      []Device
	// DeviceTracking overrides that of the pool ("off", "always", "opt-in"); ""
	// does not. AWS has it for the whole pool only.
	DeviceTracking string
}

// TOTP is the authenticator of a user (RFC 6238, SHA-1, 6 digits, 30 seconds).
type TOTP struct {
	Secret   []byte // empty: none
	Name     string // FriendlyDeviceName
	LastStep int64  // the latest time step whose code was used
}

// Question is one CUSTOM_CHALLENGE.
type Question struct {
	Question string `toml:"question"`
	Answer   string `toml:"answer"`
}

// Device is a device of a user. One that is not Confirmed was only offered, in
// NewDeviceMetadata.
type Device struct {
	Key        string
	GroupKey   string
	Name       string
	Verifier   srp.Verifier
	Confirmed  bool
	Remembered bool
	Created    time.Time
	Modified   time.Time
	LastUsed   time.Time
}

// Device finds a confirmed device of the user.
func (u User) Device(key string) (Device, bool) {
	for _, d := range u.Devices {
		if d.Key == key && d.Confirmed && key != "" {
			return d, true
		}
	}
	return Device{}, false
}

// Attribute is one name and value, in a defined order.
type Attribute struct {
	Name  string
	Value string
}

// AttributeList returns the attributes as AWS lists them: sub first; the rest
// here by name (AWS's own order is not documented).
func (u User) AttributeList() []Attribute {
	list := []Attribute{{"sub", u.Sub}}
	for _, name := range slices.Sorted(maps.Keys(u.Attributes)) {
		list = append(list, Attribute{name, u.Attributes[name]})
	}
	return list
}

// HasPassword says whether a password can be checked at all.
func (u User) HasPassword() bool { return len(u.Verifier.V) > 0 }

func (u *User) verified(attribute string) bool {
	// preferred_username has no verification: it is an alias as it stands.
	return attribute == "preferred_username" || u.Attributes[attribute+"_verified"] == "true"
}

func (u User) clone() User {
	u.Attributes = maps.Clone(u.Attributes)
	if u.Attributes == nil {
		u.Attributes = map[string]string{}
	}
	u.Groups = slices.Clone(u.Groups)
	u.MFA, u.Questions, u.Devices = slices.Clone(u.MFA), slices.Clone(u.Questions), slices.Clone(u.Devices)
	u.TOTP.Secret, u.TOTPPending = bytes.Clone(u.TOTP.Secret), bytes.Clone(u.TOTPPending)
	u.Verifier.Salt, u.Verifier.V = bytes.Clone(u.Verifier.Salt), bytes.Clone(u.Verifier.V)
	return u
}

// NewVerifier turns a password into what the store keeps of it. It takes some
// milliseconds: do it before a change, not inside Update.
func NewVerifier(random io.Reader, poolID, username, password string) (srp.Verifier, error) {
	name, err := srp.PoolName(poolID)
	if err != nil {
		return srp.Verifier{}, err
	}
	v, err := srp.NewVerifier(random, srp.Identity{Pool: name, User: username, Password: password})
	if err != nil {
		return srp.Verifier{}, fmt.Errorf("password of user %q: %w", username, err)
	}
	return v, nil
}

// CheckPassword says whether password belongs to v, by computing the verifier
// anew with the same salt. The comparison takes constant time.
func CheckPassword(v srp.Verifier, poolID, username, password string) bool {
	salt := new(big.Int).SetBytes(v.Salt)
	if salt.BitLen() > 8*saltBytes {
		return false
	}
	again, err := NewVerifier(bytes.NewReader(salt.FillBytes(make([]byte, saltBytes))), poolID, username, password)
	return err == nil && subtle.ConstantTimeCompare(again.V, v.V) == 1
}

// saltBytes is how many random bytes srp.NewVerifier reads.
const saltBytes = 16

// NewID returns a random version 4 UUID, the form of a sub, a jti and a
// request id.
func NewID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("read 16 random bytes: %w", err)
	}
	return FormatID(b), nil
}

// FormatID writes 16 bytes as a version 4 UUID.
func FormatID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
