package userpool

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

func TestDescribeUserPool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(pool *store.Pool) {
		pool.MFA, pool.DeviceTracking, pool.RequiredAttributes = "OPTIONAL", store.TrackOptIn, []string{"email"}
		pool.CustomAttributes = []string{"custom:team"}
		pool.Policy.MinimumLength, pool.Policy.NoSymbols = 12, true
	})
	got := w.call("DescribeUserPool", p{"UserPoolId": poolID}).ok(t).Body["UserPool"].(map[string]any)
	if got["Id"] != poolID || got["MfaConfiguration"] != "OPTIONAL" || got["EstimatedNumberOfUsers"] != 7.0 || !strings.HasSuffix(got["Arn"].(string), ":userpool/"+poolID) {
		t.Errorf("%v", got)
	}
	text := fmt.Sprint(got)
	for _, want := range []string{"MinimumLength:12", "RequireSymbols:false", "RequireUppercase:true", "DeviceOnlyRememberedOnUserPrompt:true",
		"AutoVerifiedAttributes:[email phone_number]", "AttributeDataType:String Mutable:true Name:custom:team", "Name:email Required:true", "AllowedFirstAuthFactors:[PASSWORD]"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing: %s", want, text)
		}
	}
	w.call("DescribeUserPool", p{"UserPoolId": "us-east-1_Other"}).refused(t, "ResourceNotFoundException", "User pool us-east-1_Other does not exist.")
	w.call("DescribeUserPool", p{}).refused(t, "InvalidParameterException", "1 validation error detected: Value at 'userPoolId' failed to satisfy constraint: Member must not be null")
}

// Nobody gets to see clients, secrets or users without AWS credentials.
func TestDescribeNeedsCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, op := range []string{"DescribeUserPool", "ListUserPoolClients", "DescribeUserPoolClient", "ListUsers"} {
		header := http.Header{"X-Amz-Target": {targetPrefix + op}}
		body := `{"UserPoolId":"` + poolID + `","ClientId":"backend"}`
		if got := w.send(header, body); got.Body["__type"] != "MissingAuthenticationTokenException" || strings.Contains(got.Raw, secret) {
			t.Errorf("%s without credentials: %s", op, got.Raw)
		}
		header.Set("Authorization", scope)
		if got := w.send(header, body); got.Status != http.StatusOK {
			t.Errorf("%s with credentials: %s", op, got.Raw)
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []string
	token := ""
	for range 10 {
		page := w.call("ListUserPoolClients", p{"UserPoolId": poolID, "MaxResults": 3, "NextToken": token}).ok(t)
		for _, c := range page.Body["UserPoolClients"].([]any) {
			ids = append(ids, c.(map[string]any)["ClientId"].(string))
		}
		if strings.Contains(page.Raw, secret) {
			t.Errorf("the list holds a secret: %s", page.Raw)
		}
		if token, _ = page.Body["NextToken"].(string); token == "" {
			break
		}
	}
	if want := []string{"backend", "brief", "keeping", "legacy", "none", "rotating", "web"}; !slices.Equal(ids, want) {
		t.Errorf("clients %q, want %q", ids, want)
	}
	got := w.call("DescribeUserPoolClient", p{"UserPoolId": poolID, "ClientId": "backend"}).ok(t).Body["UserPoolClient"].(map[string]any)
	if got["ClientSecret"] != secret || got["AccessTokenValidity"] != 3600.0 || got["AuthSessionValidity"] != 3.0 || got["EnableTokenRevocation"] != true {
		t.Errorf("%v", got)
	}
	got = w.call("DescribeUserPoolClient", p{"UserPoolId": poolID, "ClientId": "rotating"}).ok(t).Body["UserPoolClient"].(map[string]any)
	if _, has := got["ClientSecret"]; has || fmt.Sprint(got["RefreshTokenRotation"]) != "map[Feature:ENABLED RetryGracePeriodSeconds:10]" {
		t.Errorf("%v", got)
	}
	w.call("DescribeUserPoolClient", p{"UserPoolId": poolID, "ClientId": "nope"}).refused(t, "ResourceNotFoundException", "User pool client nope does not exist.")
	w.call("ListUserPoolClients", p{"UserPoolId": poolID, "MaxResults": 61}).refused(t, "InvalidParameterException",
		"1 validation error detected: Value '61' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 60")
	w.call("ListUserPoolClients", p{"UserPoolId": poolID, "NextToken": "bm9wZQ"}).refused(t, "InvalidParameterException", "Invalid pagination token.")
}

func TestListUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for filter, want := range map[string]string{
		``:                                     "ann fresh late new nopass off reset",
		`username = "ann"`:                     "ann",
		`username="ANN"`:                       "",
		`username ^= "n"`:                      "new nopass",
		`email = "ANN@EXAMPLE.COM"`:            "ann",
		`email ^= "no"`:                        "nopass",
		`status = "Disabled"`:                  "off",
		`status = "disabled"`:                  "",
		`cognito:user_status = "unconfirmed"`:  "fresh",
		`sub = "sub-of-late"`:                  "late",
		`family_name = "x"`:                    "",
		`name = "\"quoted\" and \\ backslash"`: "",
	} {
		if got := usernames(w.call("ListUsers", p{"UserPoolId": poolID, "Filter": filter}).ok(t)); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	for _, filter := range []string{`email`, `email = ann`, `email = "ann`, `email = "a" x`, `= "x"`, `email ^ "x"`, `email = "x\`} {
		w.call("ListUsers", p{"UserPoolId": poolID, "Filter": filter}).refused(t, "InvalidParameterException", "Error while parsing filter: "+filter)
	}
	w.call("ListUsers", p{"UserPoolId": poolID, "Filter": `custom:team = "x"`}).refused(t, "InvalidParameterException", "Invalid search attribute: custom:team")
	w.call("ListUsers", p{"UserPoolId": poolID, "AttributesToGet": []string{"nope"}}).refused(t, "InvalidParameterException", "One or more requested attributes do not exist.")
}

func TestListUsersByPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.call("ListUsers", p{"UserPoolId": poolID, "Limit": 4, "AttributesToGet": []string{"email"}}).ok(t)
	if got := usernames(first); got != "ann fresh late new" || strings.Contains(first.Raw, "sub-of-ann") || !strings.Contains(first.Raw, "ann@example.com") {
		t.Errorf("%q: %s", got, first.Raw)
	}
	token := first.Body["PaginationToken"]
	second := w.call("ListUsers", p{"UserPoolId": poolID, "Limit": 4, "PaginationToken": token}).ok(t)
	if got := usernames(second); got != "nopass off reset" || second.Body["PaginationToken"] != nil {
		t.Errorf("%q, %v", got, second.Body["PaginationToken"])
	}
	w.call("ListUsers", p{"UserPoolId": poolID, "Filter": `status = "Enabled"`, "PaginationToken": token}).refused(t, "InvalidParameterException", "Invalid pagination token.")
}

func usernames(r reply) string {
	var names []string
	for _, u := range r.Body["Users"].([]any) {
		names = append(names, u.(map[string]any)["Username"].(string))
	}
	return strings.Join(names, " ")
}

func FuzzFilter(f *testing.F) {
	f.Add(`email ^= "a\"b"`)
	f.Add(`status="Enabled"`)
	f.Fuzz(func(t *testing.T, text string) {
		chosen, err := parseFilter(text)
		if err != nil {
			return
		}
		u := store.User{Username: chosen.value, Sub: chosen.value, Attributes: map[string]string{chosen.name: chosen.value}}
		if chosen.name != "status" && chosen.name != "cognito:user_status" && !chosen.matches(u) {
			t.Errorf("%q does not choose %q", text, chosen.value)
		}
	})
}
