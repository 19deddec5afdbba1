package main

// tokensTopic says which token goes where, and what each is not.
const tokensTopic = `Cognito gives three tokens at a sign-in. They are not interchangeable.

ID token           who signed in: name, e-mail, groups, custom attributes
  goes to          your application; a REST API with a Cognito authorizer that has
                   no scopes; an identity pool, for AWS credentials; a JWT
                   authorizer of an HTTP API, whose audience it has as aud
  is not           an access token: it says who somebody is, not what a caller may
                   do. It has no scope, and user pool operations refuse it. Do not
                   send it to an API that is not your own: it carries personal data

access token       what the bearer may do: scope, groups, client_id
  goes to          APIs: a JWT authorizer, a Cognito authorizer with scopes, user
                   info, and Cognito's own operations on the account (those want the
                   scope aws.cognito.signin.user.admin)
  is not           a proof of who signed in: it has no e-mail, and its username may
                   be an id
  has no aud       Cognito's access tokens name the app client in client_id. Who
                   checks aud alone refuses all of them or, where a missing aud
                   passes, takes those of every app client of the pool. With a
                   resource binding, or a trigger that adds it, there is an aud too;
                   client_id is still the app client

refresh token      gives new ID and access tokens, without the user
  goes to          Cognito alone, and only for the app client that got it
  is not           readable: it is encrypted, and opaque to everybody but Cognito.
                   Nothing verifies it but its use. It lives for 60 minutes to
                   10 years (30 days unless the app client says otherwise), and
                   with rotation each serves once

A machine (client credentials) gets an access token only, whose sub is the app
client: there is no user, no group and no ID token.

What is easily got wrong:

  token_use        tells ID from access token. Both are signed by keys of the same
                   set and have the same iss, so a verifier that does not look takes
                   the one for the other.
  iss              is the pool, not your application: a verifier that checks it
                   alone takes the tokens of every app client. A pool has two forms
                   of it, cognito-idp.REGION... and issuer-cognito-idp.REGION...;
                   both are its own.
  exp              is all that ends a token at an API. Sign-out and revocation stop
                   refresh tokens, and Cognito's own operations; API Gateway and
                   whoever else verifies by key go on taking an access or ID token
                   until exp, and a REST authorizer caches its answer besides. Keep
                   them short-lived: 5 minutes is the least.
  groups, scopes   are those of the moment the token was made. After a change:
                   cogctl token refresh.
  cognito:groups   is a claim for your backend to check. API Gateway's authorizers
                   check scopes, never groups.
  scope            one that matches is enough for API Gateway; of several on a
                   route it does not want all.
  kid              names the key. Keys are rotated: fetch the set again when a kid
                   is not in it, and not for each token.
  alg              is RS256, fixed by who verifies. A token must not choose it.
  Bearer           a REST API's Cognito authorizer takes the token with or without
                   the word; user info and most others want it.
  a load balancer  adds x-amzn-oidc-data, a token of its own: ES256, with padding,
                   for the target behind it alone. Check its signer, or anybody's
                   balancer will do: cogctl token verify --alb ARN.
  an identity pool makes tokens as well (iss cognito-identity.amazonaws.com); they
                   are for AWS STS, and no API takes them.

cogctl token print gives a token, decode shows what one says, verify judges it.
COGCTL_TOKEN stands in for the session's.
`
