package sandbox

import (
	"context"
	"encoding/json"
	"strings"
)

// Example is the Lambda authorizer behind a route that names no function: the one
// of AWS's own example ("Use API Gateway Lambda authorizers"). It goes by the
// token alone, in the Authorization header: "allow" and "deny" get a policy that
// says so, "unauthorized" makes it raise Unauthorized, and at anything else it
// breaks. Two tokens are more than the example has, for what else goes wrong with
// authorizers: "elsewhere" gets a policy that allows another method only, and
// "object" an object in the context, which REST APIs do not take.
func Example(_ context.Context, event []byte) ([]byte, error) {
	var e struct {
		Version   string            `json:"version"`
		Token     string            `json:"authorizationToken"`
		MethodARN string            `json:"methodArn"`
		RouteARN  string            `json:"routeArn"`
		Headers   map[string]string `json:"headers"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, raised("the event: " + err.Error())
	}
	token, arn := e.Token, e.MethodARN+e.RouteARN
	if token == "" {
		for name, value := range e.Headers {
			if strings.EqualFold(name, "Authorization") {
				token = value
			}
		}
	}
	token = strings.TrimPrefix(token, "Bearer ")
	effect, values := "Allow", map[string]any{"stringKey": "value", "numberKey": 1, "booleanKey": true}
	switch token {
	case "allow":
	case "deny":
		effect = "Deny"
	case "elsewhere":
		arn = strings.Join(append(strings.Split(arn, "/")[:2], "GET", "another-path"), "/")
	case "object":
		values["objectKey"] = map[string]any{"key": "value"}
	case "unauthorized":
		return nil, raised("Unauthorized")
	default:
		return nil, raised("Error: Invalid token")
	}
	if e.Version == "2.0" {
		return json.Marshal(map[string]any{"isAuthorized": effect == "Allow" && token != "elsewhere", "context": values})
	}
	statement := map[string]any{"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
	return json.Marshal(map[string]any{
		"principalId":    "user",
		"policyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{statement}},
		"context":        values,
	})
}

// raised is an error of the function itself, as the gateway knows one.
type raised string

func (r raised) Error() string         { return string(r) }
func (r raised) FunctionError() string { return string(r) }
