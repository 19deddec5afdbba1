package importer

import "strings"

// generationTwo reads amplify_outputs.json.
// https://docs.amplify.aws/react/reference/amplify_outputs/
func (f *finder) generationTwo() {
	f.found.Format = "Amplify Gen 2 (amplify_outputs.json)"
	auth := f.root.get("auth")
	for _, m := range []struct{ key, member string }{
		{"region", "aws_region"}, {"user_pool_id", "user_pool_id"}, {"client_id", "user_pool_client_id"}, {"identity_pool_id", "identity_pool_id"},
	} {
		f.member(m.key, auth.get(m.member), "auth."+m.member)
	}
	for _, m := range []struct{ key, member string }{
		{"domain", "domain"}, {"scopes", "scopes"}, {"callback_urls", "redirect_sign_in_uri"},
	} {
		f.member(m.key, auth.get("oauth", m.member), "auth.oauth."+m.member)
	}
	f.leaveOut(f.root.get("data", "url"), "data.url", "a GraphQL API")
	custom := f.root.get("custom")
	// The form that Amplify's documentation gives to REST and HTTP APIs.
	apis := custom.get("API")
	if apis != nil && apis.kind == object {
		for i, api := range apis.items {
			f.api(apis.keys[i], api.get("endpoint"), "custom.API."+apis.keys[i]+".endpoint")
		}
	}
	f.guessAPIs(custom, "custom.")
}

// generationOne reads aws-exports.js and its JSON.
func (f *finder) generationOne() {
	f.found.Format = "Amplify Gen 1 (aws-exports.js)"
	region := "aws_cognito_region"
	if f.root.get(region) == nil {
		region = "aws_project_region"
	}
	for _, m := range []struct{ key, member string }{
		{"region", region}, {"user_pool_id", "aws_user_pools_id"},
		{"client_id", "aws_user_pools_web_client_id"}, {"identity_pool_id", "aws_cognito_identity_pool_id"},
	} {
		f.member(m.key, f.root.get(m.member), m.member)
	}
	for _, m := range []struct{ key, member string }{
		{"domain", "domain"}, {"scopes", "scope"}, {"callback_urls", "redirectSignIn"},
	} {
		f.member(m.key, f.root.get("oauth", m.member), "oauth."+m.member)
	}
	f.leaveOut(f.root.get("aws_appsync_graphqlEndpoint"), "aws_appsync_graphqlEndpoint", "a GraphQL API")
	if apis := f.root.get("aws_cloud_logic_custom"); apis != nil && apis.kind == array {
		for _, api := range apis.items {
			name := ""
			if n := api.get("name"); n != nil {
				name = n.text
			}
			f.api(name, api.get("endpoint"), "aws_cloud_logic_custom."+apiName(name)+".endpoint")
		}
	}
}

// mobile reads amplifyconfiguration.json of iOS and Android, and the older
// awsconfiguration.json. The names of its members are UNCONFIRMED.
func (f *finder) mobile() {
	f.found.Format = "Amplify Gen 1 for mobile (amplifyconfiguration.json)"
	plugin, at := f.root.get("auth", "plugins", "awsCognitoAuthPlugin"), "auth.plugins.awsCognitoAuthPlugin."
	if f.root.get("CognitoUserPool") != nil {
		plugin, at = f.root, ""
	}
	for _, m := range []struct {
		key  string
		path []string
	}{
		{"region", []string{"CognitoUserPool", "Default", "Region"}},
		{"user_pool_id", []string{"CognitoUserPool", "Default", "PoolId"}},
		{"client_id", []string{"CognitoUserPool", "Default", "AppClientId"}},
		{"identity_pool_id", []string{"CredentialsProvider", "CognitoIdentity", "Default", "PoolId"}},
		{"client_id", []string{"Auth", "Default", "OAuth", "AppClientId"}},
		{"domain", []string{"Auth", "Default", "OAuth", "WebDomain"}},
		{"callback_urls", []string{"Auth", "Default", "OAuth", "SignInRedirectURI"}},
		{"scopes", []string{"Auth", "Default", "OAuth", "Scopes"}},
	} {
		f.member(m.key, plugin.get(m.path...), at+strings.Join(m.path, "."))
	}
	for _, path := range [][]string{{"CognitoUserPool", "Default", "AppClientSecret"}, {"Auth", "Default", "OAuth", "AppClientSecret"}} {
		f.secret(plugin.get(path...))
	}
	apis := f.root.get("api", "plugins", "awsAPIPlugin")
	if apis == nil || apis.kind != object {
		return
	}
	for i, api := range apis.items {
		from := "api.plugins.awsAPIPlugin." + apis.keys[i]
		if kind := api.get("endpointType"); kind != nil && kind.text != "REST" {
			f.leaveOut(api, from, "a GraphQL API")
			continue
		}
		f.api(apis.keys[i], api.get("endpoint"), from+".endpoint")
	}
}
