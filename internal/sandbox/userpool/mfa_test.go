package userpool

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

const wrongCode = "Invalid code or auth state for the user."

// set changes a user behind the API's back.
func (w *world) set(user string, change func(*store.User)) {
	w.t.Helper()
	if _, err := w.h.Store.Update(poolID, user, false, func(u *store.User) error { change(u); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) setPool(change func(*store.Pool)) {
	w.t.Helper()
	if err := w.h.Store.UpdatePool(poolID, func(p *store.Pool) error { change(p); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

// answer answers the challenge of r, in its session, as ann unless it is said.
func (w *world) answer(r reply, responses p) reply {
	w.t.Helper()
	if responses["USERNAME"] == nil {
		responses["USERNAME"] = "ann"
	}
	return w.call("RespondToAuthChallenge", p{
		"ClientId": "web", "ChallengeName": r.Body["ChallengeName"], "Session": r.Body["Session"], "ChallengeResponses": responses,
	})
}

// lastCode is the code that was sent last.
func (w *world) lastCode() string {
	w.t.Helper()
	messages := w.h.Store.Messages()
	if len(messages) == 0 {
		w.t.Fatal("nothing was sent")
	}
	return messages[len(messages)-1].Code
}

// challenged checks the name of a challenge and that it has no tokens.
func (r reply) challenged(t *testing.T, name string) reply {
	t.Helper()
	r.ok(t)
	if r.Body["ChallengeName"] != name || r.Body["AuthenticationResult"] != nil || str(r.Body["Session"]) == "" {
		t.Fatalf("challenge %v with %d characters of Session, want %s", r.Body["ChallengeName"], len(str(r.Body["Session"])), name)
	}
	return r
}

func (r reply) signedIn(t *testing.T) reply {
	t.Helper()
	r.ok(t)
	if r.result("AccessToken") == "" || r.result("IdToken") == "" || r.result("RefreshToken") == "" || r.Body["ChallengeName"] != nil {
		t.Fatalf("no tokens but the challenge %v", r.Body["ChallengeName"])
	}
	return r
}

// other is a code that is not this one.
func other(code string) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, code)
}

func mfaOptional(pool *store.Pool) { pool.MFA = "OPTIONAL" }

// TestTOTPCode: RFC 6238, appendix B, the last six digits of the SHA-1 rows.
func TestTOTPCode(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := TOTPCode(secret, TOTPStep(time.Unix(at, 0))); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	if got, err := base32.StdEncoding.DecodeString(TOTPText(secret)); err != nil || string(got) != string(secret) {
		t.Errorf("TOTPText: %q, %v", got, err)
	}
}

func TestSoftwareToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mfaOptional)
	secret := []byte("the secret of the authenticator")
	w.set("ann", func(u *store.User) {
		u.MFA, u.TOTP = []string{store.TOTPMFA}, store.TOTP{Secret: secret, Name: "phone"}
	})
	code := func(steps int64) string { return TOTPCode(secret, TOTPStep(w.clock())+steps) }
	send := func(r reply, code string) reply {
		return w.answer(r, p{"SOFTWARE_TOKEN_MFA_CODE": code, "SMS_MFA_CODE": "ignored"})
	}

	r := w.login("web", "ann", password).challenged(t, store.TOTPMFA)
	if diff := cmp.Diff(map[string]any{"USER_ID_FOR_SRP": "ann", "FRIENDLY_DEVICE_NAME": "phone"}, r.Body["ChallengeParameters"]); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	w.answer(r, p{}).refused(t, "InvalidParameterException", "Missing required parameter SOFTWARE_TOKEN_MFA_CODE")
	for _, steps := range []int64{-2, 2} {
		send(r, code(steps)).refused(t, "CodeMismatchException", wrongCode)
	}
	send(r, code(-1)).signedIn(t)
	send(r, code(0)).refused(t, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")

	r = w.login("web", "ann", password).challenged(t, store.TOTPMFA)
	send(r, code(-1)).refused(t, "ExpiredCodeException", "Your software token has already been used once.")
	send(r, code(1)).signedIn(t)
	r = w.login("web", "ann", password).challenged(t, store.TOTPMFA)
	send(r, code(0)).refused(t, "ExpiredCodeException", "Your software token has already been used once.")
	w.wait(3*time.Minute + 1)
	send(r, code(0)).refused(t, "NotAuthorizedException", "Invalid session for the user, session is expired.")
}

func TestMFALockout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mfaOptional)
	secret := []byte("the secret of the authenticator")
	w.set("ann", func(u *store.User) { u.MFA, u.TOTP.Secret = []string{store.TOTPMFA}, secret })
	r := w.login("web", "ann", password).challenged(t, store.TOTPMFA)
	right := TOTPCode(secret, TOTPStep(w.clock()))
	for range 5 {
		w.answer(r, p{"SOFTWARE_TOKEN_MFA_CODE": "x"}).refused(t, "CodeMismatchException", wrongCode)
	}
	w.answer(r, p{"SOFTWARE_TOKEN_MFA_CODE": right}).refused(t, "NotAuthorizedException", "Password attempts exceeded")
	w.wait(time.Second)
	w.answer(r, p{"SOFTWARE_TOKEN_MFA_CODE": right}).signedIn(t)
}

// TestSentCodes: SMS_MFA and EMAIL_OTP as the second factor, after SRP too.
func TestSentCodes(t *testing.T) {
	t.Parallel()
	tests := []struct{ kind, medium, destination, to, length string }{
		{store.SMSMFA, "SMS", "+*******0101", "+15555550101", "123456"},
		{store.EmailMFA, "EMAIL", "a***@e***", "ann@example.com", "12345678"},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mfaOptional)
			w.set("ann", func(u *store.User) {
				u.MFA, u.PreferredMFA, u.Attributes["phone_number"] = []string{store.SMSMFA, store.EmailMFA}, tt.kind, "+15555550101"
			})
			h := w.handshake("web", "ann")
			r := w.respond("web", "PASSWORD_VERIFIER", w.proof(h, password, start)).challenged(t, tt.kind)
			if r.parameter("CODE_DELIVERY_DELIVERY_MEDIUM") != tt.medium || r.parameter("CODE_DELIVERY_DESTINATION") != tt.destination {
				t.Errorf("parameters %v", r.Body["ChallengeParameters"])
			}
			sent := w.h.Store.Messages()[0]
			if sent.Kind != tt.kind || sent.Destination != tt.to || len(sent.Code) != len(tt.length) {
				t.Errorf("sent to %s as %s, %d digits", sent.Destination, sent.Kind, len(sent.Code))
			}
			w.answer(r, p{tt.kind + "_CODE": sent.Code, "USERNAME": "new"}).refused(t, "NotAuthorizedException", "Invalid session for the user.")
			// The fifth wrong one would lock SMS_MFA, none locks EMAIL_OTP (measured);
			// a good one starts the count anew.
			for range 2 {
				for range map[string]int{store.SMSMFA: 4, store.EmailMFA: 6}[tt.kind] {
					w.answer(r, p{tt.kind + "_CODE": other(w.lastCode())}).refused(t, "CodeMismatchException", wrongCode)
				}
				w.answer(r, p{tt.kind + "_CODE": w.lastCode()}).signedIn(t)
				r = w.login("web", "ann", password).challenged(t, tt.kind)
			}
		})
	}
}

func TestSelectMFA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mfaOptional)
	w.set("ann", func(u *store.User) { u.MFA, u.TOTP.Secret = []string{store.TOTPMFA, store.EmailMFA}, []byte("s") })
	r := w.login("web", "ann", password).challenged(t, "SELECT_MFA_TYPE")
	if got := r.parameter("MFAS_CAN_CHOOSE"); got != `["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]` {
		t.Errorf("MFAS_CAN_CHOOSE %s", got)
	}
	w.answer(r, p{"ANSWER": "SMS_MFA"}).refused(t, "InvalidParameterException", "The ANSWER is not one of the available challenges.")
	second := w.answer(r, p{"ANSWER": "EMAIL_MFA"}).challenged(t, store.EmailMFA)
	w.answer(r, p{"ANSWER": store.TOTPMFA}).refused(t, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	w.answer(second, p{"EMAIL_OTP_CODE": w.lastCode()}).signedIn(t)
	// A factor that the pool does not have is none.
	w.setPool(func(pool *store.Pool) { pool.MFATypes = []string{store.TOTPMFA} })
	w.login("web", "ann", password).challenged(t, store.TOTPMFA)
	w.setPool(func(pool *store.Pool) { pool.MFA = "" })
	w.login("web", "ann", password).signedIn(t)
}

func TestMFASetup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(pool *store.Pool) { pool.MFA, pool.MFATypes = "ON", []string{store.TOTPMFA} })
	r := w.login("web", "new", password).challenged(t, "NEW_PASSWORD_REQUIRED")
	w.call("AssociateSoftwareToken", p{"Session": r.Body["Session"]}).refused(t, "NotAuthorizedException", "Invalid session for the user.")
	r = w.answer(r, p{"USERNAME": "new", "NEW_PASSWORD": "An0ther!pw"}).challenged(t, "MFA_SETUP")
	if got := r.parameter("MFAS_CAN_SETUP"); got != `["SOFTWARE_TOKEN_MFA"]` {
		t.Errorf("MFAS_CAN_SETUP %s", got)
	}
	verify := func(session any, code string) reply {
		return w.call("VerifySoftwareToken", p{"Session": session, "UserCode": code, "FriendlyDeviceName": "phone"})
	}
	verify(r.Body["Session"], "123456").refused(t, "SoftwareTokenMFANotFoundException", "Software Token MFA has not been associated.")
	w.answer(r, p{"USERNAME": "new"}).refused(t, "InvalidParameterException", "No MFA has been set up in this session.")
	given := w.call("AssociateSoftwareToken", p{"Session": r.Body["Session"]}).ok(t)
	w.call("AssociateSoftwareToken", p{"Session": r.Body["Session"]}).
		refused(t, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(str(given.Body["SecretCode"]))
	if err != nil || len(secret) != 32 {
		t.Fatalf("a secret of %d bytes: %v", len(secret), err)
	}
	code := TOTPCode(secret, TOTPStep(start))
	verify(given.Body["Session"], other(code)).
		refused(t, "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
	verify(given.Body["Session"], "12345").
		refused(t, "InvalidParameterException", "1 validation error detected: Value at 'userCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9]+")
	proved := verify(given.Body["Session"], code).ok(t)
	if proved.Body["Status"] != "SUCCESS" {
		t.Errorf("status %v", proved.Body["Status"])
	}
	r.Body["Session"] = proved.Body["Session"]
	w.answer(r, p{"USERNAME": "new"}).signedIn(t)

	r = w.login("web", "new", "An0ther!pw").challenged(t, store.TOTPMFA)
	w.answer(r, p{"USERNAME": "new", "SOFTWARE_TOKEN_MFA_CODE": code}).
		refused(t, "ExpiredCodeException", "Your software token has already been used once.")
	w.wait(30 * time.Second)
	w.answer(r, p{"USERNAME": "new", "SOFTWARE_TOKEN_MFA_CODE": TOTPCode(secret, TOTPStep(w.clock()))}).signedIn(t)
}

// TestMFARequiredWithAddress: where a code can be sent, nothing is set up.
func TestMFARequiredWithAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(pool *store.Pool) { pool.MFA = "ON" })
	w.login("web", "ann", password).challenged(t, store.EmailMFA)
}

func TestMFAPreference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mfaOptional)
	token := w.login("web", "ann", password).signedIn(t).result("AccessToken")
	prefer := func(settings p) reply {
		settings["AccessToken"] = token
		return w.call("SetUserMFAPreference", settings)
	}
	on, off := p{"Enabled": true, "PreferredMfa": true}, p{"Enabled": false}
	prefer(p{"SoftwareTokenMfaSettings": on}).refused(t, "InvalidParameterException", "User has not verified software token mfa")
	prefer(p{"SMSMfaSettings": on}).refused(t, "InvalidParameterException", "User does not have a phone number to turn on SMS_MFA")
	w.call("VerifySoftwareToken", p{"AccessToken": token, "UserCode": "123456"}).
		refused(t, "SoftwareTokenMFANotFoundException", "Software Token MFA has not been associated.")
	given := w.call("AssociateSoftwareToken", p{"AccessToken": token}).ok(t)
	if given.Body["Session"] != nil {
		t.Error("a Session where an access token was")
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(str(given.Body["SecretCode"]))
	if err != nil {
		t.Fatal(err)
	}
	code := TOTPCode(secret, TOTPStep(start))
	w.call("VerifySoftwareToken", p{"AccessToken": token, "UserCode": other(code)}).
		refused(t, "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
	w.call("VerifySoftwareToken", p{"AccessToken": token, "UserCode": code}).ok(t)
	w.login("web", "ann", password).signedIn(t) // not yet switched on

	prefer(p{"SoftwareTokenMfaSettings": on, "EmailMfaSettings": on}).refused(t, "InvalidParameterException", "Only one MFA type can be preferred.")
	prefer(p{"SoftwareTokenMfaSettings": on, "EmailMfaSettings": p{"Enabled": true}}).ok(t)
	user := w.call("GetUser", p{"AccessToken": token}).ok(t)
	if diff := cmp.Diff([]any{"SOFTWARE_TOKEN_MFA", "EMAIL_OTP"}, user.Body["UserMFASettingList"]); diff != "" || user.Body["PreferredMfaSetting"] != "SOFTWARE_TOKEN_MFA" {
		t.Errorf("preferred %v, list (-want +got):\n%s", user.Body["PreferredMfaSetting"], diff)
	}
	w.login("web", "ann", password).challenged(t, store.TOTPMFA)
	prefer(p{"SoftwareTokenMfaSettings": off}).ok(t)
	w.login("web", "ann", password).challenged(t, store.EmailMFA)
	prefer(p{"EmailMfaSettings": p{"Enabled": false, "PreferredMfa": true}}).
		refused(t, "InvalidParameterException", "A MFA type that is not enabled cannot be preferred.")
	prefer(p{"EmailMfaSettings": off}).ok(t)
	w.login("web", "ann", password).signedIn(t)
	w.setPool(func(pool *store.Pool) { pool.MFATypes = []string{store.SMSMFA} })
	w.call("AssociateSoftwareToken", p{"AccessToken": token}).
		refused(t, "SoftwareTokenMFANotFoundException", "Software Token MFA has not been enabled by the userPool")
	prefer(p{"EmailMfaSettings": on}).refused(t, "InvalidParameterException", "EMAIL_OTP is not enabled for the user pool")
}
