//go:build conformance

package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// wants asserts what the server judged, in this order.
func (s srpServer) wants(t *testing.T, want ...verdict) {
	t.Helper()
	for _, w := range want {
		got := s.verdict(t)
		got.Timestamp = ""
		if got != w {
			t.Fatalf("the server found %+v, want %+v", got, w)
		}
	}
}

// TestSRPServerDevice signs in to a pool that tracks devices: the first sign-in
// confirms one with a code, the next proves it instead. The server judges by the
// verifier that it was given, and it shares no code with cogctl.
func TestSRPServerDevice(t *testing.T) {
	t.Parallel()
	server := startSRPServer(t)
	password := verdict{Event: "proof", OK: true, User: "device"}
	confirmed := verdict{Event: "device", OK: true, User: "device"}
	proved := verdict{Event: "device proof", OK: true, User: "device"}

	c := server.login(t, "device", "Passw0rd!")
	c.refused(t, 4, srpLogin...) // nobody to ask for the code
	server.wants(t, password)
	withCode := c.with("COGCTL_MFA_CODE=" + server.Code)
	withCode.ok(t, srpLogin...)
	server.wants(t, password, confirmed)

	// B comes in three shapes, for the password and for the device in turn.
	for range 3 {
		c.ok(t, srpLogin...)
		server.wants(t, password, proved)
	}
	c.ok(t, "token", "refresh") // which this server refuses without the key of the device
	c.ok(t, "logout")
	c.ok(t, srpLogin...)
	server.wants(t, password, proved)

	elsewhere := server.login(t, "device", "Passw0rd!")
	elsewhere.refused(t, 4, srpLogin...)
	server.wants(t, password)
	server.login(t, "device", "Wr0ng-password!").refused(t, 3, srpLogin...)
	server.wants(t, verdict{Event: "proof", User: "device", Reason: "signature"})

	c.spoilDevice(t)
	withCode.ok(t, srpLogin...)
	server.wants(t, password, verdict{Event: "device proof", User: "device", Reason: "signature"}, password, confirmed)
	c.ok(t, srpLogin...)
	server.wants(t, password, proved)

	key, _ := c.device(t)
	server.call(t, "ForgetDevice", map[string]any{"AccessToken": c.ok(t, "token", "print", "--type", "access"), "DeviceKey": key})
	c.refused(t, 4, srpLogin...) // begins again without the device, and is asked for a code
	server.wants(t, password)
	withCode.ok(t, srpLogin...)
	server.wants(t, password, confirmed)
	if again, _ := c.device(t); again == key {
		t.Error("the device that the server forgot is still kept")
	}
}

// TestSRPServerDeviceOptIn meets a pool where a device counts only once the user
// wants it to.
func TestSRPServerDeviceOptIn(t *testing.T) {
	t.Parallel()
	server := startSRPServer(t)
	password := verdict{Event: "proof", OK: true, User: "sms"}
	confirmed := verdict{Event: "device", OK: true, User: "sms"}
	proved := verdict{Event: "device proof", OK: true, User: "sms"}

	c := server.login(t, "sms", "Passw0rd!")
	withCode := c.with("COGCTL_MFA_CODE=" + server.Code)
	withCode.ok(t, srpLogin...)
	server.wants(t, password, confirmed)
	c.refused(t, 4, srpLogin...)
	server.wants(t, password)

	c = server.login(t, "sms", "Passw0rd!")
	c.with("COGCTL_MFA_CODE="+server.Code).ok(t, slices.Concat(srpLogin, []string{"--remember-device"})...)
	server.wants(t, password, confirmed)
	c.ok(t, srpLogin...)
	server.wants(t, password, proved)
}

// device is the key of the one device that is kept, and the file it is kept in.
func (c cogctl) device(t *testing.T) (key, file string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(c.home(), ".config", "cogctl", "devices", "*.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d devices are kept (%v), want 1", len(found), err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	var record struct{ Value struct{ Key string } }
	if err := json.Unmarshal(data, &record); err != nil || record.Value.Key == "" {
		t.Fatalf("%s has no key of a device (%v)", found[0], err)
	}
	return record.Value.Key, found[0]
}

// spoilDevice writes another password into what is kept of the device.
func (c cogctl) spoilDevice(t *testing.T) {
	t.Helper()
	_, file := c.device(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const from = `"password":"`
	if !bytes.Contains(data, []byte(from)) {
		t.Fatalf("%s has no %s", file, from)
	}
	if err := os.WriteFile(file, bytes.Replace(data, []byte(from), []byte(from+"x"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}
