package sandbox

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/sandbox/identity"
)

// developerARN is the user whose access key a run has for what is done with AWS
// credentials of one's own. He may do everything.
const developerARN = "arn:aws:iam::" + AccountID + ":user/developer"

// iamRoutes are behind AWS_IAM. Who may call them is in the policies of the
// roles: see rolesFor.
func iamRoutes() []Route {
	return []Route{
		{Name: "who am I", Method: http.MethodGet, Path: "/iam/whoami", Authorizer: IAM, backend: (*Sandbox).whoami},
		{Name: "who am I, HTTP API", Method: http.MethodGet, Path: "/iam/http", Kind: string(gateway.HTTP), Authorizer: IAM, backend: (*Sandbox).whoami},
		{Name: "from Google", Method: http.MethodGet, Path: "/iam/google", Authorizer: IAM, backend: (*Sandbox).whoami},
		{Name: "guests", Method: http.MethodGet, Path: "/iam/guest", Authorizer: IAM, backend: (*Sandbox).whoami},
		{Name: "signed upload", Method: http.MethodPost, Path: "/iam/upload", Authorizer: IAM, backend: (*Sandbox).upload},
	}
}

// iam is the authorizer of those who sign.
func (b *builder) iam(r Route) gateway.Authorizer {
	return &gateway.IAMAuthorizer{Kind: r.kind(), Find: b.sandbox.identities.Principal, Now: b.sandbox.now}
}

// whoami answers with what API Gateway tells of a signer: requestContext.identity
// of a REST API, requestContext.authorizer.iam of an HTTP API.
func (s *Sandbox) whoami(w http.ResponseWriter, r *http.Request) {
	context := gateway.RequestContext(r)
	caller, found := context["identity"]
	if !found {
		caller = gateway.AuthorizerContext(r)["iam"]
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ") // people read this one
	// An error here means that the client has gone.
	_ = encoder.Encode(caller)
}

// newDeveloper makes the developer's access key, another one each run.
func (s *Sandbox) newDeveloper() error {
	key, err := identity.NewKey(rand.Reader, "AKIA")
	if err != nil {
		return err
	}
	key.ARN, key.UserID = developerARN, identity.UniqueID("AIDA", developerARN)
	key.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	s.store.PutKey(key, s.now())
	s.developer = key
	return nil
}

// authorizeAdmin judges the credentials of an operation of the user pool API that
// wants some. A pool's operations are signed for its own region.
func (s *Sandbox) authorizeAdmin(r *http.Request, body []byte) error {
	var in struct {
		UserPoolID string `json:"UserPoolId"`
	}
	_ = json.Unmarshal(body, &in) // what is not JSON is refused by who reads it next
	region, _, _ := strings.Cut(in.UserPoolID, "_")
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if _, known := s.store.Pool(in.UserPoolID); !known {
		region = "" // so that it is told that there is no such pool
	}
	return s.identities.Require(r, body, identity.Demand{
		Region: region, Service: "cognito-idp", Action: "cognito-idp:" + operation,
		Resource: "arn:aws:cognito-idp:" + region + ":" + AccountID + ":userpool/" + in.UserPoolID,
	})
}
