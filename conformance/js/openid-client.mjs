// openid-client signs in at an issuer by discovery, by code and PKCE through its pages,
// and uses every other endpoint that the discovery document names. ID tokens are
// verified with the keys of the issuer, as this library does on demand.
//
// PEER_ISSUER names the issuer, PEER_SECRET and PEER_MACHINE_SECRET the secrets of its
// clients sandboxbackend and sandboxmachine.
import * as openid from 'openid-client';
import { check, equal, refusal, clientId, password } from './checks.mjs';

const issuer = new URL(process.env.PEER_ISSUER);
const secret = process.env.PEER_SECRET;
const callback = 'http://localhost:17170/callback';

const discover = (id, authentication) => openid.discovery(issuer, id, undefined, authentication, {
  execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
});
const ways = [
  ['public', clientId, () => openid.None()],
  ['secret by basic', 'sandboxbackend', key => openid.ClientSecretBasic(key)],
  ['secret by post', 'sandboxbackend', key => openid.ClientSecretPost(key)],
];

// browse is a browser that fills in the first form it is shown as ann does. It ends
// where it is sent back to the application, or at the page that is no form.
async function browse(address) {
  const cookies = new Map();
  let request = { url: new URL(address), init: {} };
  for (let steps = 0; steps < 8; steps++) {
    const cookie = [...cookies].map(pair => pair.join('=')).join('; ');
    const response = await fetch(request.url, { ...request.init, redirect: 'manual', headers: { ...request.init.headers, cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    const page = await response.text();
    if (location) {
      const url = new URL(location, request.url);
      if (url.pathname.startsWith('/callback')) return { back: url };
      request = { url, init: {} };
      continue;
    }
    const [, action] = page.match(/<form[^>]* action="([^"]*)"/) ?? [];
    const [, csrf] = page.match(/name="_csrf" value="([^"]*)"/) ?? [];
    if (!csrf) return { at: request.url, status: response.status, page };
    const body = new URLSearchParams({ _csrf: csrf, username: 'ann', password });
    const headers = { origin: request.url.origin, 'content-type': 'application/x-www-form-urlencoded' };
    request = { url: new URL(action.replaceAll('&amp;', '&'), request.url), init: { method: 'POST', body, headers } };
  }
  throw new Error('the pages lead nowhere');
}

// begin is a sign-in up to the address that the application is called back with.
async function begin(config, redirect = callback) {
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState(), expectedNonce: openid.randomNonce(), idTokenExpected: true };
  const address = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: 'openid email', state: checks.expectedState, nonce: checks.expectedNonce,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256',
  });
  return { checks, ...await browse(address) };
}

// fails runs what the token endpoint has to refuse, with this error code.
async function fails(code, run) {
  const err = await refusal(run);
  equal(err.error ?? err.cause?.error ?? String(err), code, 'the error');
}

for (const [name, id, prove] of ways) {
  const config = await discover(id, prove(secret));
  await check(`code: ${name}`, async () => {
    const { back, checks } = await begin(config);
    const tokens = await openid.authorizationCodeGrant(config, back, checks);
    const claims = tokens.claims();
    equal(claims.iss, issuer.href, 'iss');
    equal(claims.aud, id, 'aud');
    equal(claims['cognito:username'], 'ann', 'cognito:username');
    equal(tokens.token_type, 'bearer', 'token_type');

    const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token);
    equal(renewed.claims().sub, claims.sub, 'sub after the refresh');
    if (renewed.access_token === tokens.access_token) throw new Error('the refresh left the old access token');

    const info = await openid.fetchUserInfo(config, renewed.access_token, claims.sub);
    equal(info.email, 'ann@example.com', 'email');
    await refusal(() => openid.fetchUserInfo(config, 'not-a-token', claims.sub));

    await openid.tokenRevocation(config, tokens.refresh_token);
    await fails('invalid_grant', () => openid.refreshTokenGrant(config, tokens.refresh_token));
    await refusal(() => openid.fetchUserInfo(config, renewed.access_token, claims.sub));
  });
  await check(`refused: ${name}`, async () => {
    const again = await begin(config);
    await openid.authorizationCodeGrant(config, again.back, again.checks);
    await fails('invalid_grant', () => openid.authorizationCodeGrant(config, again.back, again.checks));

    const wrong = await begin(config);
    await fails('invalid_grant', () => openid.authorizationCodeGrant(config, wrong.back, { ...wrong.checks, pkceCodeVerifier: openid.randomPKCECodeVerifier() }));
    await fails('invalid_grant', () => openid.authorizationCodeGrant(config, wrong.back, wrong.checks)); // used up

    // Another redirect_uri than the one that was asked with: the library reads it off
    // the address that the application was called back with.
    const slash = await begin(config);
    slash.back.pathname += '/';
    await fails('unauthorized_client', () => openid.authorizationCodeGrant(config, slash.back, slash.checks));

    const { back, at, status } = await begin(config, `${callback}/`);
    if (back) throw new Error(`sent back to ${back.origin}${back.pathname}, which is not registered`);
    equal(at.searchParams.get('error'), 'redirect_mismatch', 'the error of the page');
    equal(status >= 400, true, 'a page of status 400 and more');

    const state = await begin(config);
    const err = await refusal(() => openid.authorizationCodeGrant(config, state.back, { ...state.checks, expectedState: 'another' }));
    equal(err.code, 'OAUTH_INVALID_RESPONSE', 'what the library says of another state');
    const nonce = await refusal(() => openid.authorizationCodeGrant(config, state.back, { ...state.checks, expectedNonce: 'another' }));
    equal(/nonce/.test(`${nonce.message} ${nonce.cause?.message} ${JSON.stringify(nonce.cause)}`), true, 'that it is the nonce');
  });
}

for (const [name, id, prove] of ways.slice(1)) {
  await check(`wrong ${name}`, async () => {
    const right = await discover(id, prove(secret));
    const mistaken = await discover(id, prove(`${secret}x`));
    const { back, checks } = await begin(right);
    await fails('invalid_client', () => openid.authorizationCodeGrant(mistaken, back, checks));
    await openid.authorizationCodeGrant(right, back, checks); // the code is not used up by who could not prove to be the client
  });
  await check(`client credentials: ${name}`, async () => {
    const key = process.env.PEER_MACHINE_SECRET;
    const machine = await discover('sandboxmachine', prove(key));
    const tokens = await openid.clientCredentialsGrant(machine, { scope: 'content/read' });
    const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'));
    equal(claims.scope, 'content/read', 'scope');
    equal(claims.client_id, 'sandboxmachine', 'client_id');
    equal(tokens.refresh_token, undefined, 'a refresh token');
    await fails('invalid_scope', () => openid.clientCredentialsGrant(machine, { scope: 'openid' }));
    await fails('invalid_client', async () => openid.clientCredentialsGrant(await discover('sandboxmachine', prove(`${key}x`)), {}));
  });
}
