package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
)

// devices is where the keys are stored by which pools that track devices know this machine,
// one for each user. They outlive the sessions: they are for the next sign-in.
func (a *app) devices(p *config.Profile) (*cache.Dir[auth.RememberedDevice], error) {
	return storage[auth.RememberedDevice](a, p, "devices")
}

// deviceKey is the key under which the device is stored: that of the session, with the
// endpoint in it. A device's secret must not be sent to another endpoint than the one that
// knows the device.
func (s signIn) deviceKey() string {
	return auth.SessionKey(s.pool.Endpoint+" "+s.pool.Issuer, s.pool.ClientID, s.user)
}

// withDevice adds what is known of this machine to a user who signs in. Where
// nothing is kept a device is not confirmed either: the pool would fill up with
// devices that nobody is.
func (s signIn) withDevice(u auth.SignIn) (auth.SignIn, error) {
	if s.profile.Get("storage").Text == "none" {
		return u, nil
	}
	dir, err := s.app.devices(s.profile)
	if err != nil {
		return u, err
	}
	if u.Device, _, err = dir.Read(s.deviceKey()); err != nil {
		s.app.later("warning: this device's key cannot be used: %v", err)
		return u, nil // a sign-in works without a device, too
	}
	s.app.redactor.Add(u.Device.Password)
	u.DeviceName, u.RememberDevice = deviceName(), s.rememberDevice
	u.Keep = func(ctx context.Context, d auth.RememberedDevice) {
		s.app.redactor.Add(d.Password)
		if err := keepDevice(ctx, dir, s.deviceKey(), d); err != nil {
			s.app.later("warning: this device's key: %v", err)
		}
	}
	return u, nil
}

// forgetDevice forgets the key of a device if it is this machine's.
func (s signIn) forgetDevice(ctx context.Context, key string) error {
	dir, err := s.app.devices(s.profile)
	if err != nil {
		return err
	}
	if kept, found, err := dir.Read(s.deviceKey()); err != nil || !found || kept.Key != key {
		return err
	}
	return dir.End(ctx, s.deviceKey())
}

func keepDevice(ctx context.Context, dir *cache.Dir[auth.RememberedDevice], key string, d auth.RememberedDevice) error {
	if d.Key == "" {
		return dir.End(ctx, key)
	}
	_, err := dir.Update(ctx, key, func(context.Context, auth.RememberedDevice, bool) (auth.RememberedDevice, error) { return d, nil })
	return err
}

// deviceName is how the user knows this machine in a list of devices.
func deviceName() string {
	host, err := os.Hostname()
	if err != nil {
		host = runtime.GOOS
	}
	return fmt.Sprintf("cogctl on %s", host)
}
