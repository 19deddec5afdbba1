package userpool

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

// device is what a client keeps of a device.
type device struct {
	key, group string
	secret     srp.DeviceSecret
}

// newDevice reads NewDeviceMetadata.
func (w *world) newDevice(r reply) device {
	w.t.Helper()
	result, _ := r.Body["AuthenticationResult"].(map[string]any)
	metadata, _ := result["NewDeviceMetadata"].(map[string]any)
	d := device{key: str(metadata["DeviceKey"]), group: str(metadata["DeviceGroupKey"])}
	if !strings.HasPrefix(d.key, "us-east-1_") || !strings.HasPrefix(d.group, "-") {
		w.t.Fatalf("NewDeviceMetadata %v", metadata)
	}
	var err error
	if d.secret, err = srp.NewDeviceSecret(rand.Reader, d.group, d.key); err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) confirm(token string, d device) reply {
	w.t.Helper()
	return w.call("ConfirmDevice", p{"AccessToken": token, "DeviceKey": d.key, "DeviceName": "laptop",
		"DeviceSecretVerifierConfig": p{"PasswordVerifier": d.secret.Verifier, "Salt": d.secret.Salt}})
}

// srpWith is a whole first factor by SRP with a DEVICE_KEY.
func (w *world) srpWith(client, key string) reply {
	w.t.Helper()
	h := w.handshake(client, "ann")
	responses := w.proof(h, password, start)
	responses["DEVICE_KEY"] = key
	return w.respond(client, "PASSWORD_VERIFIER", responses)
}

// proveDevice goes from DEVICE_SRP_AUTH to the end, with a password.
func (w *world) proveDevice(r reply, d device, word string) reply {
	w.t.Helper()
	c, err := srp.NewClient(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	r = w.answer(r, p{"DEVICE_KEY": d.key, "SRP_A": c.A()}).challenged(w.t, "DEVICE_PASSWORD_VERIFIER")
	if r.parameter("DEVICE_KEY") != d.key || r.parameter("USERNAME") != "ann" {
		w.t.Errorf("parameters %v", r.Body["ChallengeParameters"])
	}
	proof, err := c.Prove(srp.Identity{Pool: d.group, User: d.key, Password: word},
		srp.Challenge{Salt: r.parameter("SALT"), B: r.parameter("SRP_B"), SecretBlock: r.parameter("SECRET_BLOCK")}, w.clock())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.answer(r, p{"DEVICE_KEY": d.key, "PASSWORD_CLAIM_SIGNATURE": proof.Signature,
		"PASSWORD_CLAIM_SECRET_BLOCK": proof.SecretBlock, "TIMESTAMP": proof.Timestamp})
}

func tracked(how string) func(*store.Pool) {
	return func(pool *store.Pool) { pool.MFA, pool.DeviceTracking = "OPTIONAL", how }
}

// TestDevice: a device is confirmed, then stands in for the code, and has to
// come along on every refresh.
func TestDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("always"))
	w.set("ann", func(u *store.User) { u.MFA = []string{store.EmailMFA} })
	r := w.login("web", "ann", password).challenged(t, store.EmailMFA)
	first := w.answer(r, p{"EMAIL_OTP_CODE": w.lastCode()}).signedIn(t)
	d := w.newDevice(first)
	refresh := func(r reply, key string) reply {
		return w.call("GetTokensFromRefreshToken", p{"ClientId": "web", "RefreshToken": r.result("RefreshToken"), "DeviceKey": key})
	}
	refresh(first, "").ok(t) // nothing was confirmed yet
	if got := w.confirm(first.result("AccessToken"), d).ok(t); got.Body["UserConfirmationNecessary"] != false {
		t.Errorf("UserConfirmationNecessary %v", got.Body["UserConfirmationNecessary"])
	}
	w.confirm(first.result("AccessToken"), d).refused(t, "DeviceKeyExistsException", "Device already exists.")

	second := w.proveDevice(w.srpWith("web", d.key).challenged(t, "DEVICE_SRP_AUTH"), d, d.secret.Password).signedIn(t)
	if strings.Contains(second.Raw, "NewDeviceMetadata") {
		t.Error("a known device is told its keys again")
	}
	access := claims(t, second.result("AccessToken"), sharedKeys().Access.Public(), start)
	if access.String("device_key") != d.key {
		t.Errorf("device_key %q", access.String("device_key"))
	}
	w.proveDevice(w.srpWith("web", d.key).challenged(t, "DEVICE_SRP_AUTH"), d, "tampered").
		refused(t, "NotAuthorizedException", "Incorrect username or password.")
	for _, r := range []reply{first, second} {
		refresh(r, "").refused(t, "NotAuthorizedException", "Invalid Refresh Token")
		refresh(r, d.key).ok(t)
		w.call("InitiateAuth", initiate("REFRESH_TOKEN_AUTH", "web", p{"REFRESH_TOKEN": r.result("RefreshToken")})).
			refused(t, "NotAuthorizedException", "Invalid Refresh Token")
		w.call("InitiateAuth", initiate("REFRESH_TOKEN_AUTH", "web", p{"REFRESH_TOKEN": r.result("RefreshToken"), "DEVICE_KEY": d.key})).ok(t)
	}
	refresh(second, "us-east-1_gone").refused(t, "ResourceNotFoundException", "Device does not exist.")

	w.setPool(func(pool *store.Pool) { pool.DevicesKeepMFA = true })
	w.srpWith("web", d.key).challenged(t, store.EmailMFA)
}

// TestUnknownDevice: the proof can be sent again without the device, as
// amazon-cognito-identity-js does.
func TestUnknownDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("always"))
	h := w.handshake("web", "ann")
	responses := w.proof(h, password, start)
	responses["DEVICE_KEY"] = "us-east-1_gone"
	w.respond("web", "PASSWORD_VERIFIER", responses).refused(t, "ResourceNotFoundException", "Device does not exist.")
	delete(responses, "DEVICE_KEY")
	r := w.respond("web", "PASSWORD_VERIFIER", responses).signedIn(t)
	offered := w.newDevice(r)
	w.call("InitiateAuth", initiate("USER_PASSWORD_AUTH", "web", p{"USERNAME": "ann", "PASSWORD": password, "DEVICE_KEY": offered.key})).
		refused(t, "ResourceNotFoundException", "Device does not exist.")
	offered.key = "us-east-1_invented"
	w.confirm(r.result("AccessToken"), offered).refused(t, "ResourceNotFoundException", "Device does not exist.")
	offered = w.newDevice(r)
	offered.secret.Verifier = "AA=="
	w.confirm(r.result("AccessToken"), offered).refused(t, "InvalidParameterException", "Invalid device secret verifier config")
}

// TestDeviceOptIn: without UpdateDeviceStatus the device stands in for nothing.
func TestDeviceOptIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("opt-in"))
	r := w.login("web", "ann", password).signedIn(t)
	token, d := r.result("AccessToken"), w.newDevice(r)
	if got := w.confirm(token, d).ok(t); got.Body["UserConfirmationNecessary"] != true {
		t.Errorf("UserConfirmationNecessary %v", got.Body["UserConfirmationNecessary"])
	}
	w.set("ann", func(u *store.User) { u.MFA = []string{store.EmailMFA} })
	status := func(status string) reply {
		return w.call("UpdateDeviceStatus", p{"AccessToken": token, "DeviceKey": d.key, "DeviceRememberedStatus": status})
	}
	w.srpWith("web", d.key).challenged(t, store.EmailMFA)
	status("remembered").ok(t)
	again := w.srpWith("web", d.key).challenged(t, "DEVICE_SRP_AUTH")
	status("not_remembered").ok(t)
	w.srpWith("web", d.key).challenged(t, store.EmailMFA)
	status("gone").refused(t, "InvalidParameterException", "1 validation error detected: Value 'gone' at 'deviceRememberedStatus' failed to satisfy constraint: Member must satisfy enum value set: [remembered, not_remembered]")
	w.call("ForgetDevice", p{"AccessToken": token, "DeviceKey": d.key}).ok(t)
	w.call("ForgetDevice", p{"AccessToken": token, "DeviceKey": d.key}).refused(t, "ResourceNotFoundException", "Device does not exist.")
	status("remembered").refused(t, "ResourceNotFoundException", "Device does not exist.")
	w.answer(again, p{"DEVICE_KEY": d.key, "SRP_A": "2"}).refused(t, "ResourceNotFoundException", "Device does not exist.")
}

func TestListDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("always"))
	var token string
	for range 3 {
		r := w.login("web", "ann", password).signedIn(t)
		token = r.result("AccessToken")
		w.confirm(token, w.newDevice(r)).ok(t)
	}
	w.login("web", "ann", password).signedIn(t) // offered, not confirmed
	seen := map[string]bool{}
	page := w.call("ListDevices", p{"AccessToken": token, "Limit": 2}).ok(t)
	for _, r := range []reply{page, w.call("ListDevices", p{"AccessToken": token, "Limit": 2, "PaginationToken": page.Body["PaginationToken"]}).ok(t)} {
		for _, entry := range r.Body["Devices"].([]any) {
			seen[str(entry.(map[string]any)["DeviceKey"])] = true
		}
	}
	if len(seen) != 3 || page.Body["PaginationToken"] == nil {
		t.Errorf("%d devices on two pages", len(seen))
	}
	for key := range seen {
		got := w.call("GetDevice", p{"AccessToken": token, "DeviceKey": key}).ok(t)
		d := got.Body["Device"].(map[string]any)
		if d["DeviceKey"] != key || d["DeviceCreateDate"] != float64(start.Unix()) || !strings.Contains(got.Raw, `{"Name":"device_name","Value":"laptop"}`) {
			t.Errorf("GetDevice: %s", got.Raw)
		}
	}
	w.call("GetDevice", p{"AccessToken": token, "DeviceKey": "x"}).refused(t, "ResourceNotFoundException", "Device does not exist.")
}

// TestOffersAreBounded: sign-ins that confirm nothing do not pile up.
func TestOffersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("always"))
	for range maxOffered + 5 {
		if _, err := w.h.offerDevice(poolID, "ann"); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Second)
	}
	if user, _ := w.h.Store.Find(poolID, "ann"); len(user.Devices) != maxOffered {
		t.Errorf("%d devices are offered, want %d", len(user.Devices), maxOffered)
	}
}

// TestHandshakesDoNotMix: what was begun for a device or for a user who does
// not exist proves nothing else, even with the right answer.
func TestHandshakesDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("always"))
	h := w.handshake("web", "ann")
	responses := w.proof(h, password, start)
	block, err := base64.StdEncoding.DecodeString(h.reply.parameter("SECRET_BLOCK"))
	if err != nil {
		t.Fatal(err)
	}
	hs, err := w.h.Store.Handshake(block, start)
	if err != nil {
		t.Fatal(err)
	}
	hs.Device = "us-east-1_device"
	w.h.Store.PutHandshake(block, hs, start, start.Add(time.Minute))
	w.respond("web", "PASSWORD_VERIFIER", responses).refused(t, "NotAuthorizedException", "Incorrect username or password.")

	hs.Device, hs.Known = "", false
	w.h.Store.PutHandshake(block, hs, start, start.Add(time.Minute))
	w.respond("web", "PASSWORD_VERIFIER", responses).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	hs.Known = true // the control: nothing else was wrong with it
	w.h.Store.PutHandshake(block, hs, start, start.Add(time.Minute))
	w.respond("web", "PASSWORD_VERIFIER", responses).signedIn(t)

	r := w.login("web", "ann", password).signedIn(t)
	d := w.newDevice(r)
	w.confirm(r.result("AccessToken"), d).ok(t)
	c, err := srp.NewClient(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r = w.answer(w.srpWith("web", d.key).challenged(t, "DEVICE_SRP_AUTH"), p{"DEVICE_KEY": d.key, "SRP_A": c.A()}).ok(t)
	if block, err = base64.StdEncoding.DecodeString(r.parameter("SECRET_BLOCK")); err != nil {
		t.Fatal(err)
	}
	if hs, err = w.h.Store.Handshake(block, start); err != nil || hs.Device != d.key {
		t.Fatalf("the handshake is of device %q: %v", hs.Device, err)
	}
	hs.Device = "us-east-1_other"
	w.h.Store.PutHandshake(block, hs, start, start.Add(time.Minute))
	proof, err := c.Prove(srp.Identity{Pool: d.group, User: d.key, Password: d.secret.Password},
		srp.Challenge{Salt: r.parameter("SALT"), B: r.parameter("SRP_B"), SecretBlock: r.parameter("SECRET_BLOCK")}, start)
	if err != nil {
		t.Fatal(err)
	}
	w.answer(r, p{"DEVICE_KEY": d.key, "PASSWORD_CLAIM_SIGNATURE": proof.Signature,
		"PASSWORD_CLAIM_SECRET_BLOCK": proof.SecretBlock, "TIMESTAMP": proof.Timestamp}).
		refused(t, "NotAuthorizedException", "Incorrect username or password.")

	w.h.Store.PutSession(strings.Repeat("s", 20), store.Session{
		Challenge: store.EmailMFA, PoolID: poolID, ClientID: "web", Username: "nobody", Unknown: true, Code: "12345678",
	}, start, start.Add(time.Minute))
	w.call("RespondToAuthChallenge", p{
		"ClientId": "web", "ChallengeName": "EMAIL_OTP", "Session": strings.Repeat("s", 20), "ChallengeResponses": p{"USERNAME": "nobody", "EMAIL_OTP_CODE": "12345678"},
	}).refused(t, "CodeMismatchException", wrongCode)
}

// TestDeviceProofRefused: the right signature is not enough when its time is far
// off, or when the challenge was another app client's.
func TestDeviceProofRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("always"))
	first := w.login("web", "ann", password).signedIn(t)
	d := w.newDevice(first)
	w.confirm(first.result("AccessToken"), d).ok(t)
	begin := func(client string) (reply, *srp.Client) {
		c, err := srp.NewClient(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		r := w.srpWith(client, d.key).challenged(t, "DEVICE_SRP_AUTH")
		return w.call("RespondToAuthChallenge", p{
			"ClientId": client, "ChallengeName": "DEVICE_SRP_AUTH", "Session": r.Body["Session"],
			"ChallengeResponses": p{"USERNAME": "ann", "DEVICE_KEY": d.key, "SRP_A": c.A()},
		}).challenged(t, "DEVICE_PASSWORD_VERIFIER"), c
	}
	// prove answers the challenge of one reply with the Session of another.
	prove := func(r reply, c *srp.Client, session reply, at time.Time) reply {
		proof, err := c.Prove(srp.Identity{Pool: d.group, User: d.key, Password: d.secret.Password},
			srp.Challenge{Salt: r.parameter("SALT"), B: r.parameter("SRP_B"), SecretBlock: r.parameter("SECRET_BLOCK")}, at)
		if err != nil {
			t.Fatal(err)
		}
		return w.answer(session, p{"DEVICE_KEY": d.key, "PASSWORD_CLAIM_SIGNATURE": proof.Signature,
			"PASSWORD_CLAIM_SECRET_BLOCK": proof.SecretBlock, "TIMESTAMP": proof.Timestamp})
	}
	for off, good := range map[time.Duration]bool{0: true, clockWindow: true, -clockWindow: true, clockWindow + time.Second: false, -clockWindow - time.Second: false} {
		r, c := begin("web")
		if got := prove(r, c, r, start.Add(off)); (got.Status == 200) != good {
			t.Errorf("a TIMESTAMP %v off: %s", off, got.Raw)
		}
		prove(r, c, r, start).refused(t, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	}
	r, _ := begin("web")
	foreign, c := begin("legacy")
	prove(foreign, c, r, start).refused(t, "NotAuthorizedException", "Incorrect username or password.")
}

// TestDeviceNamedLater: a DEVICE_KEY that nobody knows uses no code up.
func TestDeviceNamedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tracked("always"))
	w.set("ann", func(u *store.User) { u.MFA = []string{store.EmailMFA} })
	r := w.login("web", "ann", password).challenged(t, store.EmailMFA)
	w.answer(r, p{"EMAIL_OTP_CODE": w.lastCode(), "DEVICE_KEY": "us-east-1_gone"}).refused(t, "ResourceNotFoundException", "Device does not exist.")
	w.answer(r, p{"EMAIL_OTP_CODE": w.lastCode()}).signedIn(t)
}
