package userpool

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

const (
	deviceSRPAuth          = "DEVICE_SRP_AUTH"
	devicePasswordVerifier = "DEVICE_PASSWORD_VERIFIER"
)

// maxOffered is how many unconfirmed devices of a user are remembered.
const maxOffered = 50

// deviceMetadata is NewDeviceMetadataType.
type deviceMetadata struct{ DeviceKey, DeviceGroupKey string }

// offerDevice makes the device of NewDeviceMetadata. The form of the keys is
// UNCONFIRMED.
func (h *Handler) offerDevice(poolID, username string) (*deviceMetadata, error) {
	id, err := store.NewID(h.Random)
	if err != nil {
		return nil, err
	}
	group := make([]byte, 6)
	if _, err := io.ReadFull(h.Random, group); err != nil {
		return nil, fmt.Errorf("read %d random bytes: %w", len(group), err)
	}
	region, _, _ := strings.Cut(poolID, "_")
	offered := &deviceMetadata{DeviceKey: region + "_" + id, DeviceGroupKey: "-" + base64.RawURLEncoding.EncodeToString(group)}
	now := h.Now()
	_, err = h.Store.Update(poolID, username, false, func(u *store.User) error {
		open := 0
		for _, d := range u.Devices {
			if !d.Confirmed {
				open++
			}
		}
		if open >= maxOffered { // the oldest that nobody confirmed goes
			i := slices.IndexFunc(u.Devices, func(d store.Device) bool { return !d.Confirmed })
			u.Devices = slices.Delete(u.Devices, i, i+1)
		}
		u.Devices = append(u.Devices, store.Device{
			Key: offered.DeviceKey, GroupKey: offered.DeviceGroupKey, Created: now, Modified: now, LastUsed: now,
		})
		return nil
	})
	return offered, err
}

// askDevice begins the proof of a remembered device.
func (h *Handler) askDevice(a attempt) (authOutput, error) {
	return h.challenge(a, store.Session{Challenge: deviceSRPAuth}, map[string]string{
		"USERNAME": a.user.Username, "DEVICE_KEY": a.device,
	})
}

// beginDevice answers SRP_A of a device with DEVICE_PASSWORD_VERIFIER: the same
// mathematics as for a user, with the keys of the device for pool and username.
func (h *Handler) beginDevice(client store.Client, in respondInput) (authOutput, error) {
	a, session, err := h.opened(client, in, "DEVICE_KEY", "SRP_A")
	if err != nil {
		return authOutput{}, err
	}
	device, known := a.user.Device(a.device)
	if !known || a.device != session.Device {
		return authOutput{}, errNoDevice
	}
	server, err := srp.NewServer(h.Random, device.Verifier, in.ChallengeResponses["SRP_A"])
	if errors.Is(err, srp.ErrPublicValue) {
		return authOutput{}, errPublicValue
	}
	if err != nil {
		return authOutput{}, fmt.Errorf("begin SRP for a device of %s: %w", a.user.Username, err)
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	block, err := h.putHandshake(client, store.Handshake{Username: a.user.Username, Known: true, Device: a.device, Server: server})
	if err != nil {
		return authOutput{}, err
	}
	return h.challenge(a, store.Session{Challenge: devicePasswordVerifier}, map[string]string{
		"SALT": server.Salt(), "SRP_B": server.B(), "SECRET_BLOCK": block,
		"DEVICE_KEY": a.device, "USERNAME": a.user.Username,
	})
}

// verifyDevice judges the proof of a device. A wrong one ends the sign-in.
// That it is worded as a wrong password is UNCONFIRMED.
func (h *Handler) verifyDevice(client store.Client, in respondInput) (authOutput, error) {
	p := in.ChallengeResponses
	a, session, err := h.opened(client, in, append([]string{"DEVICE_KEY"}, claimNames()...)...)
	if err != nil {
		return authOutput{}, err
	}
	claim, err := readClaim(p)
	if err != nil {
		return authOutput{}, err
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	now := h.Now()
	handshake, err := h.Store.TakeHandshake(claim.block, now)
	if err != nil || handshake.ClientID != client.ID || handshake.Device == "" || handshake.Device != session.Device || a.device != session.Device {
		return authOutput{}, errWrongPassword
	}
	device, known := a.user.Device(session.Device)
	switch {
	case !known:
		return authOutput{}, errNoDevice
	case claim.far(now):
		return authOutput{}, errWrongPassword
	case !handshake.Server.Verify(device.GroupKey, device.Key, claim.block, claim.at, p["PASSWORD_CLAIM_SIGNATURE"]):
		return authOutput{}, errWrongPassword
	}
	return h.signIn(a)
}

type confirmDeviceInput struct {
	AccessToken, DeviceKey, DeviceName string
	DeviceSecretVerifierConfig         *struct{ PasswordVerifier, Salt string }
}

type confirmDeviceOutput struct{ UserConfirmationNecessary bool }

// confirmDevice takes the verifier of a device that NewDeviceMetadata named.
func (h *Handler) confirmDevice(ctx context.Context, in confirmDeviceInput) (confirmDeviceOutput, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken, present("deviceKey", in.DeviceKey))
	if err != nil {
		return confirmDeviceOutput{}, err
	}
	if in.DeviceSecretVerifierConfig == nil {
		return confirmDeviceOutput{}, errParameter("Missing required parameter DeviceSecretVerifierConfig") // UNCONFIRMED
	}
	verifier, err := srp.ParseDeviceVerifier(in.DeviceSecretVerifierConfig.Salt, in.DeviceSecretVerifierConfig.PasswordVerifier)
	if err != nil {
		return confirmDeviceOutput{}, errParameter("Invalid device secret verifier config") // UNCONFIRMED
	}
	pool, _ := h.Store.Pool(poolID)
	remember := pool.Tracks(user) != store.TrackOptIn
	err = h.changeDevice(poolID, user.Username, in.DeviceKey, func(d *store.Device, now time.Time) error {
		if d.Confirmed {
			return errDeviceExists
		}
		d.Confirmed, d.Remembered, d.Name, d.Verifier = true, remember, in.DeviceName, verifier
		return nil
	})
	return confirmDeviceOutput{UserConfirmationNecessary: !remember}, err
}

// changeDevice works on one device, confirmed or offered.
func (h *Handler) changeDevice(poolID, username, key string, change func(*store.Device, time.Time) error) error {
	now := h.Now()
	_, err := h.Store.Update(poolID, username, false, func(u *store.User) error {
		i := slices.IndexFunc(u.Devices, func(d store.Device) bool { return d.Key == key })
		if i < 0 {
			return errNoDevice
		}
		u.Devices[i].Modified = now
		return change(&u.Devices[i], now)
	})
	return err
}

type deviceStatusInput struct{ AccessToken, DeviceKey, DeviceRememberedStatus string }

func (h *Handler) updateDeviceStatus(ctx context.Context, in deviceStatusInput) (empty, error) {
	findings := []string{present("deviceKey", in.DeviceKey)}
	if in.DeviceRememberedStatus != "" {
		findings = append(findings, oneOf("deviceRememberedStatus", in.DeviceRememberedStatus, []string{"remembered", "not_remembered"}))
	}
	poolID, user, err := h.caller(ctx, in.AccessToken, findings...)
	if err != nil {
		return empty{}, err
	}
	return empty{}, h.changeDevice(poolID, user.Username, in.DeviceKey, func(d *store.Device, _ time.Time) error {
		if !d.Confirmed {
			return errNoDevice
		}
		d.Remembered = in.DeviceRememberedStatus == "remembered"
		return nil
	})
}

type deviceInput struct{ AccessToken, DeviceKey string }

type deviceType struct {
	DeviceKey                   string
	DeviceAttributes            []attribute
	DeviceCreateDate            epoch
	DeviceLastModifiedDate      epoch
	DeviceLastAuthenticatedDate epoch
}

type getDeviceOutput struct{ Device deviceType }

func (h *Handler) getDevice(ctx context.Context, in deviceInput) (getDeviceOutput, error) {
	_, user, err := h.caller(ctx, in.AccessToken, present("deviceKey", in.DeviceKey))
	if err != nil {
		return getDeviceOutput{}, err
	}
	d, known := user.Device(in.DeviceKey)
	if !known {
		return getDeviceOutput{}, errNoDevice
	}
	return getDeviceOutput{describeDevice(d)}, nil
}

// describeDevice lists the attributes that AWS is known to list; the address
// is always ours.
func describeDevice(d store.Device) deviceType {
	status := "not_remembered"
	if d.Remembered {
		status = "remembered"
	}
	return deviceType{
		DeviceKey: d.Key,
		DeviceAttributes: []attribute{
			{"device_status", "valid"}, {"device_name", d.Name}, {"last_ip_used", "127.0.0.1"},
			{"dev:device_remembered_status", status},
		},
		DeviceCreateDate: epoch(d.Created), DeviceLastModifiedDate: epoch(d.Modified), DeviceLastAuthenticatedDate: epoch(d.LastUsed),
	}
}

type listDevicesInput struct {
	AccessToken     string
	Limit           *int
	PaginationToken string
}

type listDevicesOutput struct {
	Devices         []deviceType
	PaginationToken string `json:",omitempty"`
}

// listDevices pages by device key: the token is the last one that was listed.
func (h *Handler) listDevices(ctx context.Context, in listDevicesInput) (listDevicesOutput, error) {
	_, user, err := h.caller(ctx, in.AccessToken, between("limit", in.Limit, 0, 60))
	if err != nil {
		return listDevicesOutput{}, err
	}
	limit := 60
	if in.Limit != nil && *in.Limit > 0 {
		limit = *in.Limit
	}
	slices.SortFunc(user.Devices, func(a, b store.Device) int { return strings.Compare(a.Key, b.Key) })
	out := listDevicesOutput{Devices: []deviceType{}}
	for _, d := range user.Devices {
		if !d.Confirmed || d.Key <= in.PaginationToken {
			continue
		}
		if len(out.Devices) == limit {
			out.PaginationToken = out.Devices[limit-1].DeviceKey
			break
		}
		out.Devices = append(out.Devices, describeDevice(d))
	}
	return out, nil
}

func (h *Handler) forgetDevice(ctx context.Context, in deviceInput) (empty, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken, present("deviceKey", in.DeviceKey))
	if err != nil {
		return empty{}, err
	}
	_, err = h.Store.Update(poolID, user.Username, false, func(u *store.User) error {
		before := len(u.Devices)
		u.Devices = slices.DeleteFunc(u.Devices, func(d store.Device) bool { return d.Key == in.DeviceKey && d.Confirmed })
		if len(u.Devices) == before {
			return errNoDevice
		}
		return nil
	})
	return empty{}, err
}
