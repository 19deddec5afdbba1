// An OpenID Connect issuer: the npm package oidc-provider, which is certified, and
// which nobody here wrote.
//
// oidc-provider.mjs METHOD [CALLBACK]: how clients prove themselves, client_secret_basic,
// client_secret_post or none; the issuer takes no other. CALLBACK is the client's
// redirect URL. Prints one JSON object: the issuer, and a refresh token of the user
// jane, as somebody's sign-in would have left it. Then one line for each token that it
// gave or refused. Anybody may sign in on its pages, with any password; the sign-in of
// the user swapped ends with an access token that is another's, and the request that
// redeems the code of the user replayed arrives twice. Ends when its standard input
// does.
import http from 'node:http';
import crypto from 'node:crypto';
import { Provider } from 'oidc-provider';

const [method, callback = 'http://localhost:17170/callback'] = process.argv.slice(2);
const client = {
  client_id: 'conformance', token_endpoint_auth_method: method,
  ...(method !== 'none' && { client_secret: 'p+ss/w=rd & :%' }),
  grant_types: ['authorization_code', 'refresh_token', ...(method === 'none' ? [] : ['client_credentials'])], response_types: ['code'],
  redirect_uris: [callback], scope: 'openid email offline_access content/read content/write',
};
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const server = http.createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [client],
  clientAuthMethods: [method],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k-1', use: 'sig', alg: 'RS256' }] },
  scopes: ['openid', 'email', 'offline_access', 'content/read', 'content/write', 'content/admin'], // the last for no client
  claims: { openid: ['sub'], email: ['email'] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  cookies: { keys: ['conformance'] },
  ttl: { AccessToken: 600, ClientCredentials: 600, IdToken: 600, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600 },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com` }) }),
  features: {
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'content/read content/write', accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
    },
  },
});
provider.on('client_credentials.saved', () => console.log(JSON.stringify({ gave: 'client_credentials' }))); // opaque
provider.on('client_credentials.issued', () => console.log(JSON.stringify({ gave: 'client_credentials' })));
provider.on('authorization_code.consumed', () => console.log(JSON.stringify({ gave: 'authorization_code' })));
provider.on('refresh_token.consumed', () => console.log(JSON.stringify({ gave: 'refresh_token' })));
provider.on('refresh_token.destroyed', () => console.log(JSON.stringify({ gave: 'revocation' })));
provider.on('grant.error', (ctx, err) => console.log(JSON.stringify({ refused: err.error, why: err.error_detail ?? err.error_description })));

// From its token endpoint the issuer sends no at_hash, which is allowed. It can make
// one, and does it here for clients with a secret; the value of an opaque access token
// is its jti.
const issue = provider.IdToken.prototype.issue;
provider.IdToken.prototype.issue = function issueWithHash(options) {
  const access = this.ctx?.oidc.entities.AccessToken;
  if (access && options.use === 'idtoken' && method !== 'none') this.set('at_hash', access.jti);
  return issue.call(this, options);
};
provider.use(async (ctx, next) => {
  await next();
  const account = ctx.oidc?.entities.Account?.accountId;
  if (ctx.body?.access_token && account === 'swapped') ctx.body.access_token = crypto.randomBytes(32).toString('base64url');
  if (ctx.body?.access_token && account === 'replayed' && ctx.oidc.params.grant_type === 'authorization_code') {
    const headers = { authorization: ctx.get('authorization') };
    await fetch(`${issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(JSON.parse(JSON.stringify(ctx.oidc.params))) });
  }
});
server.on('request', provider.callback());

const grant = new provider.Grant({ accountId: 'jane', clientId: client.client_id });
grant.addOIDCScope('openid email offline_access');
const grantId = await grant.save();
const token = new provider.RefreshToken({
  accountId: 'jane', client: await provider.Client.find(client.client_id), grantId, gty: 'authorization_code',
  scope: 'openid email offline_access', authTime: Math.floor(Date.now() / 1000), rotations: 0, iiat: Math.floor(Date.now() / 1000),
});
console.log(JSON.stringify({ issuer, refresh: await token.save() }));
process.stdin.on('end', () => process.exit(0)).resume();
