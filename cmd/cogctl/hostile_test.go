package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// hostile answers as a server does that wants what it was not told. Each mode lets a
// sign-in begin, and then shows its request in a refusal, or asks for something.
func hostile(w http.ResponseWriter, r *http.Request, mode string) {
	const session = "a-session-string-of-a-sign-in-that-goes-on"
	body, _ := io.ReadAll(r.Body)
	var sent struct{ AuthParameters map[string]string }
	_ = json.Unmarshal(body, &sent)
	challenge := func(name string, parameters map[string]string) {
		_ = json.NewEncoder(w).Encode(map[string]any{"ChallengeName": name, "ChallengeParameters": parameters, "Session": session})
	}
	refuse := func(text string) {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "InvalidParameterException", "message": text})
	}
	begins := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".InitiateAuth")
	switch {
	case mode == "session" && begins && sent.AuthParameters["PASSWORD"] != "":
		_ = json.NewEncoder(w).Encode(map[string]any{"AuthenticationResult": map[string]string{
			"IdToken": "an-id-token-that-nobody-can-read", "AccessToken": "an-access-token-that-nobody-can-read", "RefreshToken": "a-refresh-token-that-nobody-can-read"}})
	case mode == "session":
		refuse("odd: " + string(body))
	case mode == "cut": // so that the password is cut where a long text is
		refuse(strings.Repeat("-", 588) + sent.AuthParameters["PASSWORD"])
	case mode == "refuse": // as a wrong password is, which is noted
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "NotAuthorizedException", "message": "Incorrect username or password: " + sent.AuthParameters["PASSWORD"]})
	case mode == "kinds":
		challenge("SELECT_MFA_TYPE", map[string]string{"MFAS_CAN_CHOOSE": strings.Repeat("-", 68) + sent.AuthParameters["PASSWORD"]})
	case mode == "setup" && !begins:
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretCode": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "Session": session})
	case mode == "setup":
		challenge("MFA_SETUP", map[string]string{"USER_ID_FOR_SRP": "ann; $(touch pwned)"})
	case !begins:
		refuse("odd: " + string(body))
	case mode == "mirror" && sent.AuthParameters["SRP_A"] != "":
		challenge("PASSWORD_VERIFIER", map[string]string{"SALT": "ab12", "SRP_B": "05", "SECRET_BLOCK": "YmxvY2s=", "USER_ID_FOR_SRP": "ann"})
	case mode == "mirror":
		refuse("odd: " + string(body))
	case mode == "code":
		challenge("SOFTWARE_TOKEN_MFA", nil)
	case mode == "prompt":
		challenge("SMS_MFA", map[string]string{"CODE_DELIVERY_DESTINATION": "+1\ncogctl: the session ran out\nPassword for ann"})
	case mode == "name":
		challenge("SMS_MFA", map[string]string{"USER_ID_FOR_SRP": "ann:\nPassword for ann"})
	case mode == "ask":
		challenge("CUSTOM_CHALLENGE", map[string]string{"Password for ann": ""})
	case mode == "attribute":
		challenge("NEW_PASSWORD_REQUIRED", map[string]string{"requiredAttributes": `["userAttributes.custom_challenge"]`})
	}
}
