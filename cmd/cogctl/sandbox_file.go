package main

// sandboxFileTopic is what cogctl help sandbox-file tells. A test runs its example.
const sandboxFileTopic = `cogctl sandbox --config FILE reads pools, routes and usage plans from a TOML file.
What it does not name stays as it is without a file; what it has of a kind, [[routes]]
say, stands in the place of all that the sandbox has of it. Programs, addresses and
upstreams come from this file alone; nothing that listens can change them.

  [[routes]]
  method = "GET"                        # any method where it is left out
  path = "/orders/{id}"                 # {id} is one segment, {proxy+} the rest
  authorizer = "cognito"
  upstream = "http://127.0.0.1:3000"    # a backend on this machine; else an echo

  [[routes]]
  path = "/reports/{proxy+}"
  authorizer = "lambda-token"
  handler_python = "authorizer.py:handler"   # relative to this file
  ttl = "0s"                            # keep no answers: easier while developing

  [[routes]]
  path = "/profile"
  authorizer = "jwt"
  audience = ["shop"]

  [[routes]]
  path = "/feed"
  api_key_required = true

  [[usage_plans]]
  name = "basic"
  keys = ["local-api-key-0123456789"]
  quota = 2
  period = "DAY"

  [[pools]]
  id = "us-east-1_Local"

  [[pools.clients]]
  id = "shop"
  explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
  access_token_validity = "15m"

  [[pools.groups]]
  name = "staff"

  [[pools.users]]
  username = "eve"
  password = "Loc4l-pass"
  groups = ["staff"]
  attributes = { email = "eve@example.com" }

Keys of a route:
  method, path      what it takes; the most specific route wins, none is there twice
  kind              REST or HTTP: the manner of API; the authorizer's where it has one
  authorizer        none, cognito (REST), jwt (HTTP), lambda-token and lambda-request
                    (REST), http-lambda (HTTP), iam (either)
  scopes            of cognito and jwt: one of them is wanted
  audience          of jwt: client ids; all clients of the pool where it is left out
  validation        a regular expression: of cognito on aud, of lambda-token on the token
  identity_sources  method.request.header.NAME and so on, or $request.header.NAME of
                    HTTP APIs; the Authorization header where it is left out
  ttl               how long a Lambda authorizer's answers are kept, 0s to 1h
  simple            http-lambda answers {"isAuthorized": true}
  payload_version   of http-lambda: 2.0 or 1.0
  handler_python, handler_node
                    FILE:FUNCTION, called with event and context as at Lambda
  handler_command   ["program", "argument"]: event on standard input, answer on
                    standard output
  handler_url       an address on this machine that the event is posted to
  timeout           how long the handler may take, 30s at most
  api_key_required  of REST: x-api-key holds a key of a usage plan
  group             what the echo wants cognito:groups to hold; no authorizer looks
  upstream          gets the request with the header x-amzn-request-context, the JSON
                    that a Lambda integration finds as requestContext
  pool              the pool whose tokens are taken; the first one where it is left out

Keys of a pool, named as in CreateUserPool:
  id, clients, groups, users
  password_policy   { minimum_length = 8, no_uppercase = false, no_lowercase = false,
                    no_numbers = false, no_symbols = false }
  alias_attributes, username_attributes
                    email, phone_number; not both keys
  auto_verified     email, phone_number: where the code of a sign-up goes
  required_attributes, custom_attributes
                    such as name, and custom:tenant
  admin_create_only nobody signs up
  temporary_password_validity
                    7 days where it is left out: "168h"
  mfa               OFF, OPTIONAL or ON
  mfa_types         SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP; all where it is left out
  device_tracking   off, always, opt-in
  devices_keep_mfa  a remembered device does not replace the second factor
  first_factors     of --flow choice: PASSWORD, EMAIL_OTP, SMS_OTP, WEB_AUTHN
  custom_auth       --flow custom asks each user his questions
  identity_providers
                    Google, Facebook, LoginWithAmazon, SignInWithApple: stand-ins

Keys of a client, named as in CreateUserPoolClient:
  id, secret        without a secret it is public
  explicit_auth_flows
                    ALLOW_USER_SRP_AUTH, ALLOW_USER_PASSWORD_AUTH, ALLOW_USER_AUTH,
                    ALLOW_CUSTOM_AUTH, ALLOW_ADMIN_USER_PASSWORD_AUTH,
                    ALLOW_REFRESH_TOKEN_AUTH, or the older names
  prevent_user_existence_errors
                    ENABLED or LEGACY
  access_token_validity, id_token_validity
                    5m to 24h, refresh_token_validity 1h to 10 years,
                    auth_session_validity 3m to 15m
  rotate_refresh_tokens, retry_grace
                    each refresh gives a new refresh token; the old one is good for
                    retry_grace more, 0s to 60s
  no_token_revocation
                    logout cannot revoke
  callback_urls, logout_urls, allowed_oauth_flows, allowed_oauth_scopes,
  identity_providers
                    of the sign-in pages; code, implicit, client_credentials

Keys of a user:
  username, password, sub, attributes, groups, disabled
  status            CONFIRMED, UNCONFIRMED, FORCE_CHANGE_PASSWORD, RESET_REQUIRED
  mfa, preferred_mfa, totp_secret
                    second factors; one of them; base32
  device_tracking   instead of the pool's
  passkey           WEB_AUTHN is offered
  questions         [{ question = "...", answer = "..." }] of custom_auth

Keys of a group: name, precedence (the lowest counts), role_arn. Of a usage plan: name,
keys, quota (requests in a period: DAY, WEEK, MONTH), rate (requests a second), burst.

A Lambda authorizer without a handler goes by the tokens allow, deny, unauthorized
and broken. A handler finds COGCTL_SANDBOX_ISSUER and COGCTL_SANDBOX_CLOUD_URL in its
environment, and none of your COGCTL_* and AWS_*. [api] sets region, account_id, id,
stage and stage_variables, which methodArn and events are made of. [[identity_pools]],
[[roles]], [[secrets]] and [[parameters]] stand in the place of the sandbox's own.
`
