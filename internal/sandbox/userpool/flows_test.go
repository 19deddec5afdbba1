package userpool

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

func quiz(w *world) {
	w.set("ann", func(u *store.User) {
		u.Questions = []store.Question{{Question: "colour?", Answer: "blue"}, {Question: "number?", Answer: "7"}}
	})
}

func TestCustomAuth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(pool *store.Pool) { pool.CustomAuth = true })
	quiz(w)
	begin := func() reply {
		r := w.call("InitiateAuth", initiate("CUSTOM_AUTH", "web", p{"USERNAME": "ann@example.com"})).challenged(t, "CUSTOM_CHALLENGE")
		if r.parameter("question") != "colour?" || r.parameter("USERNAME") != "ann" {
			t.Errorf("parameters %v", r.Body["ChallengeParameters"])
		}
		return r
	}
	first := begin()
	again := w.answer(first, p{"ANSWER": "red"}).challenged(t, "CUSTOM_CHALLENGE")
	w.answer(first, p{"ANSWER": "blue"}).refused(t, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	second := w.answer(again, p{"ANSWER": "blue"}).challenged(t, "CUSTOM_CHALLENGE")
	if again.parameter("question") != "colour?" || second.parameter("question") != "number?" {
		t.Errorf("asked %q, then %q", again.parameter("question"), second.parameter("question"))
	}
	w.answer(second, p{"ANSWER": "7"}).signedIn(t)
	r := begin()
	for range 2 {
		r = w.answer(r, p{"ANSWER": "red"}).challenged(t, "CUSTOM_CHALLENGE")
	}
	w.answer(r, p{"ANSWER": "red"}).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	for _, user := range []string{"new", "nobody"} {
		w.call("InitiateAuth", initiate("CUSTOM_AUTH", "web", p{"USERNAME": user})).
			refused(t, "NotAuthorizedException", "Incorrect username or password.")
	}
	w.call("InitiateAuth", initiate("CUSTOM_AUTH", "legacy", p{"USERNAME": "nobody"})).refused(t, "UserNotFoundException", "User does not exist.")
}

func TestCustomAuthWithSRP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(pool *store.Pool) { pool.CustomAuth = true })
	quiz(w)
	c, err := srp.NewClient(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begin := func() handshake {
		return handshake{c, w.call("InitiateAuth", initiate("CUSTOM_AUTH", "web", p{"USERNAME": "ann", "CHALLENGE_NAME": "SRP_A", "SRP_A": c.A()})).ok(t)}
	}
	w.respond("web", "PASSWORD_VERIFIER", w.proof(begin(), "Passw0rd?", start)).
		refused(t, "NotAuthorizedException", "Incorrect username or password.")
	r := w.respond("web", "PASSWORD_VERIFIER", w.proof(begin(), password, start)).challenged(t, "CUSTOM_CHALLENGE")
	r = w.answer(r, p{"ANSWER": "blue"}).challenged(t, "CUSTOM_CHALLENGE")
	w.answer(r, p{"ANSWER": "7"}).signedIn(t)
}

func everyFactor(pool *store.Pool) {
	pool.MFA = "OPTIONAL"
	pool.FirstFactors = []string{"PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, everyFactor)
	w.set("ann", func(u *store.User) {
		u.Passkey, u.Attributes["phone_number"], u.Attributes["phone_number_verified"] = true, "+15555550101", "true"
	})
	begin := func(user, preferred string) reply {
		return w.call("InitiateAuth", initiate("USER_AUTH", "web", p{"USERNAME": user, "PREFERRED_CHALLENGE": preferred}))
	}
	r := begin("ann", "").challenged(t, "SELECT_CHALLENGE")
	all := []any{"PASSWORD_SRP", "PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}
	if diff := cmp.Diff(all, r.Body["AvailableChallenges"]); diff != "" {
		t.Errorf("AvailableChallenges (-want +got):\n%s", diff)
	}
	choose := func(answer string, more p) reply {
		more["ANSWER"] = answer
		return w.answer(begin("ann", "").challenged(t, "SELECT_CHALLENGE"), more)
	}
	w.answer(r, p{"ANSWER": "SMS_MFA"}).refused(t, "InvalidParameterException", "The ANSWER is not one of the available challenges.")
	choose("PASSWORD", p{"PASSWORD": password}).signedIn(t)
	choose("PASSWORD", p{"PASSWORD": "Passw0rd?"}).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	w.answer(choose("PASSWORD", p{}).challenged(t, "PASSWORD"), p{"PASSWORD": password}).signedIn(t)
	const once = "Invalid session for the user, session can only be used once."
	asked := w.answer(r, p{"ANSWER": "PASSWORD"}).challenged(t, "PASSWORD")
	w.answer(r, p{"ANSWER": "PASSWORD"}).refused(t, "NotAuthorizedException", once)
	w.answer(asked, p{"PASSWORD": "Passw0rd?"}).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	w.answer(asked, p{"PASSWORD": password}).refused(t, "NotAuthorizedException", once)
	for _, kind := range []string{"EMAIL_OTP", "SMS_OTP"} {
		r := choose(kind, p{}).challenged(t, kind)
		w.answer(r, p{kind + "_CODE": other(w.lastCode())}).refused(t, "CodeMismatchException", wrongCode)
		w.answer(r, p{kind + "_CODE": w.lastCode()}).signedIn(t)
	}
	r = choose("WEB_AUTHN", p{}).challenged(t, "WEB_AUTHN")
	if !strings.Contains(r.parameter("CREDENTIAL_REQUEST_OPTIONS"), `"challenge"`) {
		t.Errorf("CREDENTIAL_REQUEST_OPTIONS %s", r.parameter("CREDENTIAL_REQUEST_OPTIONS"))
	}
	if got := w.answer(r, p{"CREDENTIAL": "{}"}); got.Body["__type"] != "NotAuthorizedException" {
		t.Errorf("a passkey: %s", got.Raw)
	}
	r = begin("ann", "EMAIL_OTP").challenged(t, "EMAIL_OTP")
	if diff := cmp.Diff([]any{"EMAIL_OTP"}, r.Body["AvailableChallenges"]); diff != "" {
		t.Errorf("AvailableChallenges (-want +got):\n%s", diff)
	}
	r = begin("new", "EMAIL_OTP").challenged(t, "SELECT_CHALLENGE")
	if diff := cmp.Diff([]any{"PASSWORD_SRP", "PASSWORD"}, r.Body["AvailableChallenges"]); diff != "" {
		t.Errorf("of a temporary password (-want +got):\n%s", diff)
	}
	w.answer(r, p{"USERNAME": "new", "ANSWER": "PASSWORD", "PASSWORD": password}).challenged(t, "NEW_PASSWORD_REQUIRED")
	begin("fresh", "").refused(t, "UserNotConfirmedException", "User is not confirmed.")
	w.set("ann", func(u *store.User) { u.MFA = []string{store.EmailMFA} })
	r = begin("ann", "SMS_OTP").challenged(t, "SELECT_CHALLENGE")
	w.answer(r, p{"ANSWER": "PASSWORD", "PASSWORD": password}).challenged(t, store.EmailMFA)
}

func TestChoiceBySRP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, everyFactor)
	c, err := srp.NewClient(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begin := p{"USERNAME": "ann", "PREFERRED_CHALLENGE": "PASSWORD_SRP"}
	asked := w.call("InitiateAuth", initiate("USER_AUTH", "web", begin)).challenged(t, "PASSWORD_SRP")
	begin["SRP_A"] = c.A()
	for name, r := range map[string]reply{
		"at once":    w.call("InitiateAuth", initiate("USER_AUTH", "web", begin)).ok(t),
		"when asked": w.answer(asked, p{"SRP_A": c.A()}).ok(t),
	} {
		if r.Body["ChallengeName"] != "PASSWORD_VERIFIER" {
			t.Fatalf("%s: %v", name, r.Body["ChallengeName"])
		}
		w.respond("web", "PASSWORD_VERIFIER", w.proof(handshake{c, r}, password, start)).signedIn(t)
	}
}

// TestChoiceHidesUsers: whoever does not exist is led on, and fails at the end.
func TestChoiceHidesUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, everyFactor)
	begin := func(preferred string) reply {
		return w.call("InitiateAuth", initiate("USER_AUTH", "web", p{"USERNAME": "nobody@example.com", "PREFERRED_CHALLENGE": preferred}))
	}
	r := begin("EMAIL_OTP").challenged(t, "EMAIL_OTP")
	if r.parameter("CODE_DELIVERY_DESTINATION") != "n***@e***" || len(w.h.Store.Messages()) != 0 {
		t.Errorf("parameters %v, %d messages", r.Body["ChallengeParameters"], len(w.h.Store.Messages()))
	}
	for _, name := range []string{"nobody@example.com", r.parameter("USER_ID_FOR_SRP")} { // as for others, either will do
		w.answer(r, p{"USERNAME": name, "EMAIL_OTP_CODE": "12345678"}).refused(t, "CodeMismatchException", wrongCode)
	}
	w.answer(r, p{"USERNAME": "none@example.com", "EMAIL_OTP_CODE": "12345678"}).refused(t, "NotAuthorizedException", "Invalid session for the user.")
	r = begin("").challenged(t, "SELECT_CHALLENGE")
	w.answer(r, p{"USERNAME": "nobody@example.com", "ANSWER": "PASSWORD", "PASSWORD": password}).
		refused(t, "NotAuthorizedException", "Incorrect username or password.")
}

func TestAdminAuth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mfaOptional)
	w.set("ann", func(u *store.User) { u.MFA = []string{store.EmailMFA} })
	begin := func(pool, client, flow string, parameters p) reply {
		return w.call("AdminInitiateAuth", p{"UserPoolId": pool, "ClientId": client, "AuthFlow": flow, "AuthParameters": parameters})
	}
	pass := p{"USERNAME": "ann", "PASSWORD": password}
	for _, flow := range []string{"ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"} {
		r := begin(poolID, "none", flow, pass).challenged(t, store.EmailMFA)
		w.call("AdminRespondToAuthChallenge", p{
			"UserPoolId": poolID, "ClientId": "none", "ChallengeName": "EMAIL_OTP", "Session": r.Body["Session"],
			"ChallengeResponses": p{"USERNAME": "ann", "EMAIL_OTP_CODE": w.lastCode()},
		}).signedIn(t)
	}
	if got := begin(poolID, "web", "USER_SRP_AUTH", p{"USERNAME": "ann", "SRP_A": "2"}).ok(t); got.Body["ChallengeName"] != "PASSWORD_VERIFIER" {
		t.Errorf("challenge %v", got.Body["ChallengeName"])
	}
	begin(poolID, "web", "USER_SRP_AUTH", p{"USERNAME": "sub-of-ann", "SRP_A": "2"}).ok(t)
	begin(poolID, "legacy", "USER_SRP_AUTH", p{"USERNAME": "sub-of-ann", "SRP_A": "2"}).refused(t, "UserNotFoundException", "User does not exist.")
	begin(poolID, "web", "ADMIN_USER_PASSWORD_AUTH", pass).refused(t, "InvalidParameterException", "Auth flow not enabled for this client")
	begin(poolID, "web", "USER_PASSWORD_AUTH", pass).refused(t, "InvalidParameterException", "Initiate Auth method not supported.")
	begin("us-east-1_x", "none", "ADMIN_USER_PASSWORD_AUTH", pass).refused(t, "ResourceNotFoundException", "User pool us-east-1_x does not exist.")
	if err := w.h.Store.AddPool(store.Pool{ID: "us-east-1_Other"}, []store.Client{{ID: "elsewhere"}}, nil); err != nil {
		t.Fatal(err)
	}
	begin(poolID, "elsewhere", "USER_SRP_AUTH", p{"USERNAME": "ann", "SRP_A": "2"}).refused(t, "ResourceNotFoundException", "User pool client elsewhere does not exist.")
	begin(poolID, "x", "ADMIN_USER_PASSWORD_AUTH", pass).refused(t, "ResourceNotFoundException", "User pool client x does not exist.")
}
