//go:build conformance

package conformance

import (
	"strings"
	"time"
)

// payloadMutations change the payload's form and the times.
func (f *forger) payloadMutations() map[string]func() string {
	id := func(change members) func() string { return func() string { return f.withID(change) } }
	raw := func(without, extra string) func() string {
		return func() string { return f.rawPayload(without, extra) }
	}
	whole := func(payload string) func() string { return func() string { return f.texts(text(f.header()), payload) } }
	nested := func(depth int) string { return `"x":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	return map[string]func() string{
		"exp missing": id(members{"exp": nil}), "exp a string": id(members{"exp": "4102444800"}), "exp null": raw("exp", `"exp":null`), "exp true": id(members{"exp": true}),
		"exp an array": id(members{"exp": []int64{f.at(time.Hour)}}), "exp a fraction": id(members{"exp": float64(f.at(time.Hour)) + 0.5}),
		"exp with an exponent": raw("exp", `"exp":4.1024448e9`), "exp far away": raw("exp", `"exp":1e300`), "exp infinite": raw("exp", `"exp":1e999`),
		"exp with a leading zero": raw("exp", `"exp":04102444800`), "exp with a plus": raw("exp", `"exp":+4102444800`), "exp in hex": raw("exp", `"exp":0xFFFFFFFF`),
		"exp NaN": raw("exp", `"exp":NaN`), "exp 0": id(members{"exp": 0}), "exp negative": id(members{"exp": -1}), "exp in milliseconds": id(members{"exp": f.at(time.Hour) * 1000}),
		"exp past": id(members{"exp": f.at(-time.Hour)}), "exp a minute ago": id(members{"exp": f.at(-time.Minute)}), "exp 5 minutes ago": id(members{"exp": f.at(-5 * time.Minute)}),
		"exp 15 minutes ago": id(members{"exp": f.at(-15 * time.Minute)}), "exp soon": id(members{"exp": f.at(20 * time.Minute)}),
		"EXP": id(members{"exp": nil, "EXP": f.at(time.Hour)}), "exp twice": raw("exp", `"exp":1,"exp":4102444800`), "exp twice by escapes": raw("exp", `"exp":1,"\u0065xp":4102444800`),
		"exp by escapes": raw("exp", `"\u0065xp":4102444800`), "past exp by escapes": raw("exp", `"\u0065xp":1`),
		"nbf past": id(members{"nbf": f.at(-time.Minute)}), "nbf future": id(members{"nbf": f.at(time.Hour)}), "nbf in 5 minutes": id(members{"nbf": f.at(5 * time.Minute)}),
		"nbf a string": id(members{"nbf": "0"}), "nbf null": raw("nbf", `"nbf":null`), "nbf 0": id(members{"nbf": 0}),
		"iat missing": id(members{"iat": nil}), "iat future": id(members{"iat": f.at(time.Hour)}), "iat a string": id(members{"iat": "1"}), "iat null": raw("iat", `"iat":null`),
		"payload an array": whole(`[1]`), "payload a string": whole(`"x"`), "payload null": whole(`null`), "payload empty object": whole(`{}`), "payload a word": whole(`hello`),
		"payload cut": whole(`{"exp":4102444800`), "payload and more": whole(`{"exp":4102444800}x`), "payload with a comment": raw("", `"x":1/*c*/`),
		"payload with a trailing comma": raw("", `"x":1,`), "payload with white space": raw("", " \n\t\"x\" : \r1 "), "payload with a BOM": whole("\ufeff" + text(f.idClaims())),
		"payload not UTF-8": raw("", "\"x\":\"\xc3\x28\""), "payload with an overlong byte": raw("", "\"x\":\"\xc0\xaf\""), "payload with half a surrogate": raw("", `"x":"\ud800"`),
		"payload with a surrogate pair": raw("", `"x":"\ud83d\ude00"`), "payload with a control character": raw("", "\"x\":\"\x01\""), "payload with a NUL escape": raw("", `"x":"\u0000"`),
		"payload with a bad escape": raw("", `"x":"\x41"`), "payload with unicode": id(members{"name": "Zoë \u202e\u4e2d"}), "payload with __proto__": raw("", `"__proto__":{"exp":1}`),
		"payload 20 deep": raw("", nested(20)), "payload 40 deep": raw("", nested(40)), "payload 2000 deep": raw("", nested(2000)),
		"payload with a huge number": raw("", `"x":1e999`), "payload with a long number": raw("", `"x":123456789012345678901234567890`), "payload with -0": raw("", `"x":-0`),
		"payload with one claim twice": raw("", `"x":1,"x":1`), "payload with 500 claims": func() string {
			many := members{}
			for i := range 500 {
				many["claim"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+text(i)] = i
			}
			return f.withID(many)
		},
		"payload with a claim twice within": raw("", `"x":{"a":1,"a":2}`),
	}
}

// claimMutations change whose token it is and what for.
func (f *forger) claimMutations() map[string]func() string {
	id := func(change members) func() string { return func() string { return f.withID(change) } }
	access := func(change members) func() string { return func() string { return f.withAccess(change) } }
	raw := func(without, extra string) func() string {
		return func() string { return f.rawPayload(without, extra) }
	}
	all := map[string]func() string{
		"ID token": id(nil), "access token": access(nil),
		"iss missing": id(members{"iss": nil}), "iss of another pool": id(members{"iss": jwtIssuer + "x"}), "iss with a slash": id(members{"iss": jwtIssuer + "/"}),
		"iss upper case": id(members{"iss": strings.ToUpper(jwtIssuer)}), "iss an array": id(members{"iss": []string{jwtIssuer}}), "iss a number": id(members{"iss": 1}),
		"iss null": raw("iss", `"iss":null`), "iss empty": id(members{"iss": ""}), "iss of another region": id(members{"iss": strings.Replace(jwtIssuer, "us-east-1.", "us-east-2.", 1)}),
		"iss plain http": id(members{"iss": strings.Replace(jwtIssuer, "https", "http", 1)}), "iss of the other form": id(members{"iss": strings.Replace(jwtIssuer, "cognito", "issuer-cognito", 1)}),
		"iss elsewhere": id(members{"iss": "https://evil.example/" + jwtPool}), "iss with a query": id(members{"iss": jwtIssuer + "?x"}),
		"aud missing": id(members{"aud": nil}), "aud of another": id(members{"aud": "other"}), "aud an array": id(members{"aud": []string{"other", jwtClient}}),
		"aud an array of one": id(members{"aud": []string{jwtClient}}), "aud an array of others": id(members{"aud": []string{"a", "b"}}), "aud an empty array": id(members{"aud": []string{}}),
		"aud a mixed array": id(members{"aud": []any{jwtClient, 1}}), "aud a number": id(members{"aud": 1}), "aud an object": id(members{"aud": members{}}),
		"aud null": raw("aud", `"aud":null`), "aud empty": id(members{"aud": ""}), "aud a part": id(members{"aud": jwtClient[:10]}), "aud with more": id(members{"aud": jwtClient + "x"}),
		"aud upper case": id(members{"aud": strings.ToUpper(jwtClient)}), "aud and a client_id": id(members{"aud": "other", "client_id": jwtClient}), "aud twice": raw("", `"aud":"`+jwtClient+`"`),
		"client_id missing": access(members{"client_id": nil}), "client_id of another": access(members{"client_id": "other"}), "client_id an array": access(members{"client_id": []string{jwtClient}}),
		"client_id a number": access(members{"client_id": 1}), "client_id empty": access(members{"client_id": ""}), "client_id null and aud": access(members{"client_id": nil, "aud": jwtClient}),
		"access token with aud": access(members{"aud": "https://api.example.com"}), "access token with aud of another client": access(members{"aud": "other"}),
		"ID token with client_id of another": id(members{"client_id": "other"}), "ID token with client_id a number": id(members{"client_id": 1}),
		"token_use missing": id(members{"token_use": nil}), "token_use refresh": id(members{"token_use": "refresh"}), "token_use ID": id(members{"token_use": "ID"}),
		"token_use a number": id(members{"token_use": 1}), "token_use an array": id(members{"token_use": []string{"id"}}), "token_use null": raw("token_use", `"token_use":null`),
		"token_use empty": id(members{"token_use": ""}), "token_use access in an ID token": id(members{"token_use": "access"}), "token_use id in an access token": access(members{"token_use": "id"}),
		"scope missing": access(members{"scope": nil}), "scope other": access(members{"scope": "openid"}), "scope longer": access(members{"scope": "content/reader"}), "scope a suffix": access(members{"scope": "xcontent/read"}),
		"scope alone": access(members{"scope": "content/read"}), "scope with two spaces": access(members{"scope": "openid  content/read"}), "scope with a tab": access(members{"scope": "openid\tcontent/read"}),
		"scope with a line break": access(members{"scope": "openid\ncontent/read"}), "scope with a comma": access(members{"scope": "openid,content/read"}), "scope upper case": access(members{"scope": "CONTENT/READ"}),
		"scope an array": access(members{"scope": []string{"content/read"}}), "scope a number": access(members{"scope": 1}), "scope empty": access(members{"scope": ""}), "scope null": raw("", `"scope":null`),
		"scp": access(members{"scope": nil, "scp": []string{"content/read"}}), "scope in an ID token": id(members{"scope": "content/read"}),
		"groups missing": id(members{"cognito:groups": nil}), "groups empty": id(members{"cognito:groups": []string{}}), "groups other": id(members{"cognito:groups": []string{"readers"}}),
		"groups one": id(members{"cognito:groups": []string{"admin"}}), "groups a string": id(members{"cognito:groups": "admin"}), "groups in a string": id(members{"cognito:groups": "[admin]"}),
		"groups mixed": id(members{"cognito:groups": []any{"admin", 1}}), "groups mixed, other": id(members{"cognito:groups": []any{"x", 1}}), "groups a number": id(members{"cognito:groups": 1}),
		"groups an object": id(members{"cognito:groups": members{"admin": true}}), "groups null": raw("cognito:groups", `"cognito:groups":null`), "groups upper case": id(members{"cognito:groups": []string{"Admin"}}),
		"groups nested": id(members{"cognito:groups": []any{[]string{"admin"}}}), "groups without their prefix": id(members{"cognito:groups": nil, "groups": []string{"admin"}}),
		"groups of an access token": access(members{"cognito:groups": []string{"admin"}}),
		"sub missing":               id(members{"sub": nil}), "sub a number": id(members{"sub": 1}), "sub null": raw("sub", `"sub":null`), "jti a number": id(members{"jti": 1}), "email_verified a string": id(members{"email_verified": "true"}),
	}
	for _, name := range []string{"auth_time", "nonce", "at_hash", "azp", "username", "cognito:username", "cognito:roles", "cognito:preferred_role", "origin_jti", "event_id", "device_key"} {
		all[name+" of another type"] = id(members{name: members{}})
	}
	return all
}
