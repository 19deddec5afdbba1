// cognito-srp-helper over AWS's own SDK for JavaScript: the peers that know app
// clients with a secret. The helper computes the proofs and the secret hash, the SDK
// reads the answers and names the errors.
import { createDeviceVerifier, createPasswordHash, createSecretHash, createSrpSession, signSrpSession, signSrpSessionWithDevice, wrapAuthChallenge, wrapInitiateAuth } from 'cognito-srp-helper';
import * as sdk from '@aws-sdk/client-cognito-identity-provider';
import * as peer from './checks.mjs';
import * as sandbox from './sandbox.mjs';

// PEER_CODE is the code of a server that sends always the same, whose clients have no
// secret. The sandbox is asked for it, as an administrator would ask.
const fixedCode = process.env.PEER_CODE;
const ClientId = peer.clientId;
const connect = credentials => new sdk.CognitoIdentityProviderClient({ region: 'us-east-1', endpoint: peer.endpoint, maxAttempts: 1, credentials });
const send = (name, input, by = anybody) => by.send(new sdk[`${name}Command`](input));
const anybody = connect({ accessKeyId: 'nobody', secretAccessKey: 'nothing' });
const accessKeyId = process.env.COGCTL_SANDBOX_AWS_ACCESS_KEY_ID;
const administrator = connect({ accessKeyId, secretAccessKey: process.env.COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY });

const secret = fixedCode ? '' : (await send('DescribeUserPoolClient', { UserPoolId: peer.userPoolId, ClientId }, administrator)).UserPoolClient.ClientSecret;
if (!fixedCode) await sandbox.setPool({ device_tracking: 'always' });

const hash = username => secret && createSecretHash(username, ClientId, secret);

// own is what every step says of the user.
const own = (username, device) => ({ USERNAME: username, ...(secret && { SECRET_HASH: hash(username) }), ...(device && { DEVICE_KEY: device.key }) });

// begin is the first leg; finish the second, under a name that may be another one than
// was typed.
async function begin(username, password, { device, flow = 'USER_SRP_AUTH', more, hashed = false } = {}) {
  const session = createSrpSession(username, hashed ? createPasswordHash(username, password, peer.userPoolId) : password, peer.userPoolId, hashed);
  const answer = await send('InitiateAuth', wrapInitiateAuth(session, { ClientId, AuthFlow: flow, AuthParameters: { ...own(username, device), ...more } }));
  return { session, answer, device };
}

const respond = (ChallengeName, Session, ChallengeResponses) => send('RespondToAuthChallenge', { ClientId, ChallengeName, Session, ChallengeResponses });

function finish(first, responses = own(first.answer.ChallengeParameters.USER_ID_FOR_SRP, first.device)) {
  const { ChallengeName, Session } = first.answer;
  first.signed ??= signSrpSession(first.session, first.answer);
  return send('RespondToAuthChallenge', wrapAuthChallenge(first.signed, { ClientId, ChallengeName, Session, ChallengeResponses: responses }));
}

const signIn = async (username, password, options) => finish(await begin(username, password, options));

// signInQuickly sends the password as it is: a proof takes this helper a quarter of a
// second, which is well spent only where it matters. The other server speaks SRP only.
const signInQuickly = (username, password) => (fixedCode ? signIn(username, password)
  : send('InitiateAuth', { ClientId, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: { ...own(username), PASSWORD: password } }));

// proveDevice answers DEVICE_SRP_AUTH and DEVICE_PASSWORD_VERIFIER.
async function proveDevice({ session, signed, device }, asked, named = own('device', device)) {
  peer.equal(asked.ChallengeName, 'DEVICE_SRP_AUTH', 'challenge');
  const wrap = (proof, step) => wrapAuthChallenge(proof, { ClientId, ChallengeName: step.ChallengeName, Session: step.Session, ChallengeResponses: named });
  const verifier = await send('RespondToAuthChallenge', wrap(signed, asked));
  peer.equal(verifier.ChallengeName, 'DEVICE_PASSWORD_VERIFIER', 'challenge');
  return send('RespondToAuthChallenge', wrap(signSrpSessionWithDevice(session, verifier, device.group, device.password), verifier));
}

function signedIn(answer, username) {
  const { IdToken, AccessToken, TokenType } = answer.AuthenticationResult;
  peer.equal(TokenType, 'Bearer', 'TokenType');
  const [id, access] = [IdToken, AccessToken].map(token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')));
  peer.claimsOfUser(id, username);
  peer.equal(access.client_id, ClientId, 'client_id');
  return answer.AuthenticationResult;
}

// refused is what has to fail with an error of the SDK's own class, and a text.
async function refused(name, text, run) {
  const err = await peer.refusal(run);
  peer.equal(err instanceof sdk[name], true, `${err.name} (${err.message}) is a ${name}`);
  peer.equal(err.$metadata.httpStatusCode, 400, 'status');
  if (!err.message.includes(text)) throw new Error(`the text is ${err.message}, want ${text}`);
}
const wrongPassword = run => refused('NotAuthorizedException', 'Incorrect username or password.', run);

await peer.check('SRP sign-in', async () => {
  signedIn(await signIn('ann', peer.password), 'ann');
  signedIn(await signIn('ann', peer.password, { hashed: true }), 'ann');
});

await peer.check('wrong password refused', () => wrongPassword(() => signIn('ann', 'Wr0ng-password!')));

await peer.check('new password', async () => {
  const asked = await signInQuickly('new', peer.temporaryPassword);
  peer.equal(asked.ChallengeName, 'NEW_PASSWORD_REQUIRED', 'challenge');
  signedIn(await respond(asked.ChallengeName, asked.Session, { ...own('new'), NEW_PASSWORD: peer.newPassword }), 'new');
  signedIn(await signIn('new', peer.newPassword), 'new');
  await wrongPassword(() => signInQuickly('new', peer.temporaryPassword));
});

let home; // the device of the user of that name

await peer.check('device confirmed', async () => {
  const asked = await signInQuickly('device', peer.password);
  peer.equal(asked.ChallengeName, 'SMS_MFA', 'challenge');
  const code = fixedCode ?? await sandbox.lastCode('device', 'SMS_MFA');
  const answer = given => respond('SMS_MFA', asked.Session, { ...own('device'), SMS_MFA_CODE: given });
  await refused('CodeMismatchException', '', () => answer(sandbox.wrong(code)));
  const { AccessToken, RefreshToken, NewDeviceMetadata: offered } = signedIn(await answer(code), 'device');
  const { DeviceRandomPassword, DeviceSecretVerifierConfig } = createDeviceVerifier(offered.DeviceKey, offered.DeviceGroupKey);
  const confirm = () => send('ConfirmDevice', { AccessToken, DeviceKey: offered.DeviceKey, DeviceName: 'conformance', DeviceSecretVerifierConfig });
  peer.equal((await confirm()).UserConfirmationNecessary, false, 'UserConfirmationNecessary');
  await refused('DeviceKeyExistsException', '', confirm);
  home = { key: offered.DeviceKey, group: offered.DeviceGroupKey, password: DeviceRandomPassword, refreshToken: RefreshToken };
});

await peer.check('device instead of the code', async () => {
  const first = await begin('device', peer.password, { device: home });
  signedIn(await proveDevice(first, await finish(first)), 'device');
});

await peer.check('tampered device refused', async () => {
  const bad = { password: (home.password[0] === 'A' ? 'B' : 'A') + home.password.slice(1), group: '-AAAAAAAA' };
  for (const [what, value] of Object.entries(bad)) {
    const first = await begin('device', peer.password, { device: { ...home, [what]: value } });
    const asked = await finish(first);
    await wrongPassword(() => proveDevice(first, asked));
  }
});

await peer.check('refresh', async () => {
  const by = parameters => send('InitiateAuth', { ClientId, AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters: parameters });
  const REFRESH_TOKEN = home.refreshToken;
  const { USERNAME, ...named } = own('device', home);
  peer.equal(signedIn(await by({ ...named, REFRESH_TOKEN }), 'device').RefreshToken, undefined, 'RefreshToken');
  const { DEVICE_KEY, ...elsewhere } = named;
  await refused('NotAuthorizedException', 'Invalid Refresh Token', () => by({ ...elsewhere, REFRESH_TOKEN }));
});

if (!fixedCode) await import('./srp-helper-secret.mjs').then(rest => rest.checks({ administrator, begin, finish, hash, home, own, proveDevice, refused, respond, secret, send, signedIn, signIn, signInQuickly }));
