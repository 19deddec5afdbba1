package main

// sandboxControlTopic is what cogctl help sandbox-control tells. A test compares it
// with what the control listener answers.
const sandboxControlTopic = `A sandbox has a listener for tests: the codes that it sent, its clock, its settings, and
faults. Each request needs the key of the run; pages of other sites are refused.

  curl -H "X-Cogctl-Key: $COGCTL_SANDBOX_CONTROL_KEY" "$COGCTL_SANDBOX_CONTROL_URL/clock"

cogctl sandbox -- CMD gives CMD both variables; cogctl sandbox prints both values. With
the two set, cogctl sandbox codes and totp work in another terminal, too.

  GET    /codes                what was sent: ?username=, ?kind= and ?pool= choose
  GET    /clock                the time inside
  POST   /clock                {"advance": "61m"} lets time pass, so that tokens, codes
                               and sessions run out; back with "-61m"
  GET    /users/NAME           settings; POST changes those that it names
  GET    /users/NAME/totp      the authenticator: its secret, its code, the next one
  GET    /clients/ID           settings of an app client; POST changes them
  GET    /pools/ID             settings of a user pool; POST changes them
  GET    /identitypools/ID     settings of an identity pool; POST changes them
  GET    /standin/Google/token?email=...   an ID token of the provider's stand-in
  GET    /stats                how often each operation was called
  GET    /faults               what is switched on, and what it hit
  POST   /faults               switches a fault on
  DELETE /faults               switches all off, and lets go of what is held
  POST   /faults/release       lets go of the calls that are held

Refresh tokens that rotate, with a grace period, and access tokens of five minutes:

  curl -H "X-Cogctl-Key: $COGCTL_SANDBOX_CONTROL_KEY" -d '{"rotate_refresh_tokens": true,
    "retry_grace": "60s", "access_token_validity": "5m"}' \
    "$COGCTL_SANDBOX_CONTROL_URL/clients/sandboxweb"

Settings of a client: rotate_refresh_tokens, retry_grace, access_token_validity,
id_token_validity, refresh_token_validity, auth_session_validity, explicit_auth_flows,
prevent_user_existence_errors (ENABLED, LEGACY), no_token_revocation, callback_urls,
logout_urls, allowed_oauth_flows, allowed_oauth_scopes, identity_providers.
Settings of a pool: mfa (OFF, OPTIONAL, ON), mfa_types, device_tracking (off, always,
opt-in), devices_keep_mfa, first_factors, custom_auth, required_attributes,
admin_create_only, identity_providers.
Settings of a user: status, disabled (true revokes his tokens for good), attributes (""
removes one), mfa, preferred_mfa, device_tracking, passkey, questions, devices (those
that are left out are forgotten).
A user of another pool than the first: /users/NAME?pool=ID.

A fault that breaks the connection after about every second refresh:

  curl -H "X-Cogctl-Key: $COGCTL_SANDBOX_CONTROL_KEY" "$COGCTL_SANDBOX_CONTROL_URL/faults" \
    -d '{"operation": "InitiateAuth REFRESH_TOKEN_AUTH", "kind": "reset", "when": "after",
    "percent": 50, "seed": 7}'

  operation  "InitiateAuth", or with a flow or challenge as above; of other requests
             "GET /myendpoint"; "" is all of the user pool API, "*" every request
  kind       status (an error), throttle, reset (the connection breaks), delay (the
             answer takes longer), hold (it waits for POST /faults/release)
  when       before: the operation is not run; after: it is, and stays done
  status     of kind status: 400 to 599; 500 where it is left out
  delay      of kind delay, as in "2s"
  skip       how many calls pass first
  count      how many it hits; all where it is left out
  percent    how many of a hundred it hits, by chance; seed makes it the same chance
`
