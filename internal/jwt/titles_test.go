package jwt

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A title is that of a test of aws-jwt-verify, AWS's own verifier, in its order.
// by names the test here that covers the behaviour, or a part of it ("Test/part",
// the name of a row or a sub-test). After a "-" it is why there is nothing to
// cover, and for a heading it is empty.
type title struct{ title, by string }

func peerTitles() []title {
	return []title{
		{"# cognito-verifier.test.ts", ""},
		{"unit tests cognito verifier", ""},
		{"CognitoJwtVerifier", ""},
		{"verify", ""},
		{"happy flow", "TestVerifyGood"},
		{"includeRawJwtInErrors", ""},
		{"verify - flag set at statement level", "TestReport"},
		{"verify - flag set at verifier level", "TestReport"},
		{"verify - flag NOT set", "TestReport"},
		{"verifySync - flag set at verifier level", "TestReport"},
		{"verifySync - flag NOT set", "TestReport"},
		{"verifySync", ""},
		{"happy flow", "TestVerifyGood"},
		{"id token check", "TestVerifyClaims/access for id"},
		{"access token check", "TestVerifyClaims/id for access"},
		{"missing token use", "TestVerifyClaims/token_use missing"},
		{"Cognito group check works", "TestVerifyClaims/group other"},
		{"clientId undefined", "TestSkipped"},
		{"tokenUse undefined", "TestSkipped"},
		{"Invalid User Pool ID", "-a policy has issuers; the profile makes them from a pool id"},
		{"CognitoJwtVerifier with multiple user pools", ""},
		{"verifySync", ""},
		{"happy flow", "TestVerifyGood"},
		{"cache jwks with multiple IDPs needs userPoolId", "-one key set and one policy a call: who has several issuers picks by the token"},
		{"custom JWKS cache", "TestVerifyKeys/weak key from a set that does not look"},
		{"# jwt-verifier.test.ts", ""},
		{"unit tests jwt verifier", ""},
		{"verifySync", ""},
		{"basic cases", ""},
		{"happy flow with RS256 jwk", "TestAlgorithms"},
		{"happy flow with RS384 jwk", "TestAlgorithms"},
		{"happy flow with RS512 jwk", "TestAlgorithms"},
		{"happy flow with jwk - ES256", "TestAlgorithms"},
		{"happy flow with jwk - ES256 padded", "TestALBGood"},
		{"happy flow with jwk - ES384", "TestAlgorithms"},
		{"happy flow with jwk - ES512", "TestAlgorithms"},
		{"happy flow with jwk - Ed25519", "TestAlgorithms"},
		{"happy flow with jwk - Ed448", "TestParseKeysDrops/Ed448"},
		{"happy flow with jwk without alg", "TestVerifyKeys/key without alg"},
		{"happy flow with jwks", "TestVerifyGood"},
		{"happy flow with mixed JWKS - JWKS that includes unsupported keys", "TestParseKeysDrops"},
		{"happy flow JWT with multiple audience values", "TestVerifyClaims/aud array"},
		{"happy flow JWT with multiple audience values verified by string", "TestVerifyClaims/aud array"},
		{"happy flow with unicode characters in JWT", "TestSignerRoundTrip"},
		{"error flow with wrong algorithm", "TestVerifyKeys/key for another algorithm"},
		{"error flow with wrong parameters", "TestVerifyClaims/policy nonsense"},
		{"error flow: no audience provided", "TestSkipped"},
		{"error flow: no issuer provided", "TestSkipped"},
		{"invalid signature", "TestVerifyKeys/payload changed"},
		{"invalid signature - async", "TestVerifyKeys/payload changed"},
		{"invalid audience", "TestVerifyClaims/aud other"},
		{"missing issuer", "TestVerifyClaims/iss missing"},
		{"parse errors", ""},
		{"empty JWT", "TestParseRefuses/empty"},
		{"non-string JWT", "-a Go string it is"},
		{"JWT with less than 3 parts", "TestParseRefuses/two parts"},
		{"JWT with more than 3 parts", "TestParseRefuses/four parts"},
		{"JWT with header that is not JSON parseable", "TestParseRefuses/header text"},
		{"JWT with header that is not an object", "TestParseRefuses/header array"},
		{"JWT with payload that is not JSON parseable", "TestParseRefuses/payload text"},
		{"JWT with payload that is not an object", "TestParseRefuses/payload string"},
		{"JWT with alg that is not a string", "TestParseRefuses/alg number"},
		{"JWT alg different from JWK alg", "TestVerifyKeys/key for another algorithm"},
		{"JWT with iss that is not a string", "TestVerifyClaims/iss array"},
		{"JWT with sub that is not a string", "TestVerifyClaims/sub number"},
		{"JWT with aud that is not a string", "TestVerifyClaims/aud object not asked"},
		{"JWT with aud that is not a string array", "TestVerifyClaims/aud array mixed"},
		{"JWT with iat that is not a number", "TestVerifyClaims/iat bool"},
		{"JWT with scope that is not a string", "TestVerifyClaims/scope array not asked"},
		{"JWT with jti that is not a string", "TestVerifyClaims/jti null"},
		{"expiry", ""},
		{"expired jwt", "TestVerifyClaims/expired"},
		{"jwt with nonsense exp", "TestVerifyClaims/exp text"},
		{"jwt with empty exp", "TestVerifyClaims/exp empty"},
		{"just enough graceSeconds", "TestVerifyClaims/expired within leeway"},
		{"just too little graceSeconds", "TestVerifyClaims/expired at leeway"},
		{"not before", ""},
		{"not before", "TestVerifyClaims/not yet"},
		{"invalid nbf", "TestVerifyClaims/nbf text"},
		{"just enough graceSeconds", "TestVerifyClaims/not yet within leeway"},
		{"just too little graceSeconds", "TestVerifyClaims/not yet beyond leeway"},
		{"scope", ""},
		{"happy flow allowing 1 scope", "TestVerifyGood"},
		{"happy flow allowing multiple scopes", "TestVerifyGood"},
		{"happy flow not requiring any scope", "TestVerifyClaims/any takes access"},
		{"error flow allowing 1 scope", "TestVerifyClaims/scope part of a word"},
		{"error flow allowing mulitple scopes", "TestVerifyClaims/scope other of two"},
		{"error flow jwt without scope", "TestVerifyClaims/scope missing"},
		{"kid errors", ""},
		{"kid is not a string", "TestParseRefuses/kid null"},
		{"kid not in jwks", "TestVerifyKeys/unknown kid"},
		{"invalid JWK for token verification", "TestVerifyKeys/key of another type"},
		{"wrong signature algorithm", "TestVerifyKeys/not in policy"},
		{"unsupported signature algorithm", "TestVerifyKeys/allowed but unknown here"},
		{"missing signature algorithm", "TestParseRefuses/no alg"},
		{"wrong JWK use", "TestParseKeysDrops/encryption"},
		{"missing JWK use", "TestParseKeysKinds"},
		{"missing modulus on JWK", "TestParseKeysDrops/no modulus"},
		{"missing exponent on JWK", "TestParseKeysDrops/no exponent"},
		{"missing crv on JWK", "TestParseKeysDrops/EC without crv"},
		{"missing crv on JWK - EdDSA", "TestParseKeysDrops/OKP without crv"},
		{"missing x on JWK", "TestParseKeysDrops/EC without x"},
		{"missing x on JWK - EdDSA", "TestParseKeysDrops/OKP without x"},
		{"missing y on JWK", "TestParseKeysDrops/EC without y"},
		{"includeJwtInErrors", ""},
		{"expired jwt with flag set", "TestReport"},
		{"not included if flag not set", "TestReport"},
		{"not included if flag set to false", "TestReport"},
		{"never included on invalid signature", "TestReport"},
		{"included on custom errors too if subclassed from FailedAssertionError", "-there are no custom checks; rules on claims report as the others do"},
		{"verify", ""},
		{"happy flow - RS256", "TestVerifyGood"},
		{"happy flow - ES256", "TestAlgorithms"},
		{"includeJwtInErrors", ""},
		{"expired jwt and includeRawJwtInErrors", "TestReport"},
		{"expired jwt and NOT includeRawJwtInErrors", "TestReport"},
		{"included on custom errors too if subclassed from FailedAssertionError", "-there are no custom checks; rules on claims report as the others do"},
		{"JwtVerifier", ""},
		{"verify", ""},
		{"happy flow", "TestVerifyGood"},
		{"happy flow - jwks uri defaults from issuer", "-RemoteKeys is given its URL"},
		{"jwt without iss claim - verifier has issuer null", "TestVerifyClaims/iss not asked"},
		{"jwt with iss claim - verifier has issuer null", "TestSkipped"},
		{"jwt with iss claim - multi verifier has issuer null", "-one key set and one policy a call: who has several issuers picks by the token"},
		{"custom JWKS cache", "TestVerifyKeys/weak key from a set that does not look"},
		{"hydrate the JWKS cache by prefetching JWKS works", "-a set is fetched at the first need"},
		{"hydrate the JWKS cache by prefetching JWKS works - for multiple issuers", "-a set is fetched at the first need"},
		{"custom JWT check that throws", "TestClaimRulesInReport"},
		{"custom JWT check that does not throw", "TestClaimRulesInReport"},
		{"verifySync", ""},
		{"happy flow", "TestVerifyGood"},
		{"jwt without iss claim", "TestVerifyClaims/iss missing"},
		{"jwt without kid claim", "TestVerifyKeys/no kid"},
		{"custom JWT check for JWT typ: it", "TestParse"},
		{"custom JWT check for JWT typ: not the right typ", "-typ is not judged: Cognito sends none"},
		{"custom JWT check that returns a promise", "-there are no promises"},
		{"issuer is null - non-standard iss field", "TestVerifyClaims/iss array not asked"},
		{"issuer is null - no JWKS uri", "TestRemoteKeysAddress"},
		{"JwtVerifier with mutiple IDPs", ""},
		{"verify", ""},
		{"happy flow", "TestVerifyGood"},
		{"cache jwks with multiple IDPs needs issuer", "-one key set and one policy a call: who has several issuers picks by the token"},
		{"cache jwks with multiple IDPs needs configured issuer", "-one key set and one policy a call: who has several issuers picks by the token"},
		{"need at least one issuer config", "TestSkipped"},
		{"should provide distinct issuers", "-one key set and one policy a call: who has several issuers picks by the token"},
		{"JwtVerifier used for Cognito tokens", ""},
		{"verify access token", "TestVerifyGood"},
		{"verify id token", "TestVerifyGood"},
		{"error flow: receive access token but id token expected", "TestVerifyClaims/access for id"},
		{"public key cache", ""},
		{"happy flow with cache", "TestRemoteKeysTTL"},
		{"jwk without alg", "TestVerifyKeys/key without alg"},
		{"jwk without alg - async", "TestVerifyKeys/key without alg"},
		{"no issuer", "TestVerifyClaims/iss missing"},
		{"no issuer - async", "TestVerifyClaims/iss missing"},
		{"no kid", "TestVerifyKeys/no kid"},
		{"no kid - async", "TestVerifyKeys/no kid"},
		{"JWT verification is fast –– ${testIdentifier}", "BenchmarkShareOfRSA"},
		{"JWT verification with caches is even faster –– ${testIdentifier}", "-a key is read once, when its set is"},
		{"speed tests jwt", ""},
		{"# alb-verifier.test.ts", ""},
		{"unit tests alb verifier", ""},
		{"AlbJwtVerifier", ""},
		{"verify", ""},
		{"happy flow", "TestALBGood"},
		{"happy flow - GovCloud ALB ARN", "TestALBKeyEndpoint"},
		{"validateAlbJwtParams", ""},
		{"invalid load balancer ARN - too short", "TestALBKeyEndpoint"},
		{"invalid load balancer ARN - invalid region", "TestALBKeyEndpoint"},
		{"valid GovCloud ALB ARN - us-gov-west-1", "TestALBKeyEndpoint"},
		{"valid GovCloud ALB ARN - us-gov-east-1", "TestALBKeyEndpoint"},
		{"invalid partition - unsupported partition", "TestALBKeyEndpoint"},
		{"includeRawJwtInErrors", ""},
		{"verify - flag set at statement level", "TestReport"},
		{"verify - flag set at verifier level", "TestReport"},
		{"verify - flag NOT set", "TestReport"},
		{"verifySync - flag set at verifier level", "TestReport"},
		{"verifySync - flag NOT set", "TestReport"},
		{"verifySync", ""},
		{"happy flow", "TestALBGood"},
		{"happy flow - GovCloud ALB ARN", "TestALBKeyEndpoint"},
		{"clientId null", "TestALBRefused/client not asked"},
		{"clientId undefined", "TestSkipped"},
		{"invalid issuer", "TestALBRefused/another issuer"},
		{"invalid signer", "TestALBRefused/another balancer"},
		{"invalid clientId", "TestALBRefused/another client"},
		{"jwksUri", ""},
		{"default jwksUri in us-east-1", "TestALBKeyEndpoint"},
		{"default jwksUri in eu-west-2", "TestALBKeyEndpoint"},
		{"custom jwksUri", "TestALBKeys"},
		{"AlbJwtVerifier with multiple alb", ""},
		{"verifySync", ""},
		{"happy flow with 2 albs and 2 issuers", "-one balancer a policy"},
		{"happy flow with 2 albs and 1 issuer", "-one balancer a policy"},
		{"cache jwks with multiple IDPs needs issuer", "-one key set and one policy a call: who has several issuers picks by the token"},
		{"jwksUri", ""},
		{"default jwksUri with alb arn in multiple regions error", "-one balancer a policy, so one region"},
		{"# jwk.test.ts", ""},
		{"unit tests jwk", ""},
		{"Fetch JWKS works", "TestRemoteKeysAnswers/good"},
		{"Fetch JWK works", "TestRemoteKeysAnswers/good"},
		{"Fetch JWK error flow: invalid JSON", "TestRemoteKeysAnswers/HTML"},
		{"Fetch JWK error flow: kid empty", "TestVerifyKeys/no kid"},
		{"Fetch JWK error flow: kid not found", "TestRemoteKeysUnknownKid"},
		{"Validate JWKS error flow: no jwks", "TestRemoteKeysAnswers/no keys"},
		{"Validate JWKS error flow: jwks is not an object", "TestParseKeysFormat"},
		{"Simple JWKS cache returns JWK", "TestRemoteKeysTTL"},
		{"Simple JWKS cache returns cached JWK", "TestRemoteKeysTTL"},
		{"Simple JWKS cache error flow: invalid JSON", "TestRemoteKeysAnswers/HTML"},
		{"Simple JWKS cache error flow: kid empty", "TestVerifyKeys/no kid"},
		{"Simple JWKS cache error flow: JWK not cached", "TestVerifyKeys/unknown kid"},
		{"Simple JWKS cache fetches URI one attempt at a time", "TestRemoteKeysSingleFlight"},
		{"Simple JWKS cache throws error if wait time did not yet pass", "TestRemoteKeysUnknownKid"},
		{"validate", ""},
		{"JWK", ""},
		{"empty JWK", "TestParseKeysDrops/empty"},
		{"JWK is not an object", "TestParseKeysDrops/no object"},
		{"JWK optional field alg is not a string", "TestParseKeysDrops/alg no string"},
		{"JWKS", ""},
		{"no keys", "TestParseKeysFormat"},
		{"keys not an array", "TestParseKeysFormat"},
		{"not a valid jwks", "TestParseKeysFormat"},
		{"is a valid jwks", "TestParseKeysKinds"},
		{"customize JWKS cache", ""},
		{"SimpleJwksCache with custom penaltyBox and fetcher", "-ten seconds are not a setting; the HTTP client is"},
	}
}

// TestPeerTitles holds the list above against the titles as they are published,
// and the names in it against the tests of this package.
func TestPeerTitles(t *testing.T) {
	t.Parallel()
	known := testNames(t)
	var listed []string
	for _, tt := range peerTitles() {
		listed = append(listed, tt.title)
		test, part, _ := strings.Cut(tt.by, "/")
		switch parts, there := known[test]; {
		case tt.by == "", strings.HasPrefix(tt.by, "-"):
		case !there:
			t.Errorf("%q: there is no %s", tt.title, test)
		case part != "" && !parts[part]:
			t.Errorf("%q: %s has no %q", tt.title, test, part)
		}
	}
	published := strings.Split(strings.TrimSpace(string(vectors(t, "jose/aws-jwt-verify-test-titles.txt"))), "\n")
	for i := range max(len(listed), len(published)) {
		if i >= len(listed) || i >= len(published) || listed[i] != published[i] {
			t.Fatalf("title %d differs: listed %q, published %q", i+1, listed[min(i, len(listed)):], published[min(i, len(published)):])
		}
	}
}

// testNames returns the tests and benchmarks of this package, each with the texts
// in it, of which the names of its parts are some.
func testNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil || !slices.Contains(files, "titles_test.go") {
		t.Fatal(files, err)
	}
	known := make(map[string]map[string]bool)
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				known[f.Name.Name] = texts(f)
			}
		}
	}
	return known
}

func texts(f *ast.FuncDecl) map[string]bool {
	found := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				found[text] = true
			}
		}
		return true
	})
	return found
}
