// What srp-helper.mjs has to say of a client secret, which only the sandbox has: where
// it belongs, over which name it is hashed, and what is refused without it.
import { createSecretHash, createSrpSession, wrapInitiateAuth } from 'cognito-srp-helper';
import * as peer from './checks.mjs';
import * as sandbox from './sandbox.mjs';

const ClientId = peer.clientId;
const alias = 'ann@example.com';

export async function checks(of) {
  const { begin, finish, hash, own, refused, respond, send, signedIn, signIn } = of;
  const unverified = run => refused('NotAuthorizedException', `Unable to verify secret hash for client ${ClientId}`, run);
  const notReceived = run => refused('NotAuthorizedException', `Client ${ClientId} is configured with secret but SECRET_HASH was not received`, run);

  await peer.check('secret hash', async () => {
    const start = (AuthFlow, parameters) => send('InitiateAuth', { ClientId, AuthFlow, AuthParameters: parameters });
    const { largeA } = createSrpSession('ann', peer.password, peer.userPoolId, false);
    const flows = {
      USER_SRP_AUTH: { SRP_A: largeA }, USER_PASSWORD_AUTH: { PASSWORD: peer.password }, USER_AUTH: {},
      CUSTOM_AUTH: { CHALLENGE_NAME: 'SRP_A', SRP_A: largeA },
    };
    for (const [flow, more] of Object.entries(flows)) {
      await notReceived(() => start(flow, { USERNAME: 'ann', ...more }));
      await unverified(() => start(flow, { USERNAME: 'ann', SECRET_HASH: hash('bob'), ...more }));
      await unverified(() => start(flow, { USERNAME: 'ann', SECRET_HASH: createSecretHash('ann', ClientId, 'another secret'), ...more }));
    }
    const first = await begin('ann', peer.password);
    await notReceived(() => finish(first, { USERNAME: 'ann' }));
    await unverified(() => finish(first, { USERNAME: 'ann', SECRET_HASH: hash('bob') }));
    signedIn(await finish(first), 'ann'); // neither was a try
  });

  await peer.check('by e-mail address', async () => {
    const typed = await begin(alias, peer.password);
    peer.equal(typed.answer.ChallengeParameters.USER_ID_FOR_SRP, 'ann', 'USER_ID_FOR_SRP');
    await unverified(() => finish(typed, { USERNAME: 'ann', SECRET_HASH: hash(alias) }));
    await unverified(() => finish(typed, { USERNAME: alias, SECRET_HASH: hash('ann') }));
    signedIn(await finish(typed, own(alias)), 'ann');
    const { RefreshToken } = signedIn(await signIn(alias, peer.password), 'ann'); // whose second leg has USER_ID_FOR_SRP
    const refresh = SECRET_HASH => send('InitiateAuth', { ClientId, AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters: { REFRESH_TOKEN: RefreshToken, SECRET_HASH } });
    await refused('NotAuthorizedException', `SecretHash does not match for the client: ${ClientId}`, () => refresh(hash(alias)));
    await notReceived(() => refresh(undefined));
    signedIn(await refresh(hash('ann')), 'ann');
  });

  await peer.check('device with a secret', async () => {
    const device = of.home;
    const first = await begin('device', peer.password, { device });
    const asked = await finish(first);
    const prove = responses => of.proveDevice(first, asked, responses);
    await notReceived(() => prove({ USERNAME: 'device', DEVICE_KEY: device.key }));
    await unverified(() => prove({ ...own('device', device), SECRET_HASH: hash(device.key) }));
    signedIn(await prove(own('device', device)), 'device'); // neither was a try
  });

  await peer.check('choice with a secret', async () => {
    const choose = more => begin('custom', peer.password, { flow: 'USER_AUTH', more });
    const srp = await choose({ PREFERRED_CHALLENGE: 'PASSWORD_SRP' });
    peer.equal(srp.answer.AvailableChallenges.join(), 'PASSWORD_SRP', 'AvailableChallenges');
    signedIn(await finish(srp), 'custom');
    const { answer } = await choose({});
    peer.equal(answer.ChallengeName, 'SELECT_CHALLENGE', 'challenge');
    await notReceived(() => respond('SELECT_CHALLENGE', answer.Session, { USERNAME: 'custom', ANSWER: 'EMAIL_OTP' }));
    const asked = await respond('SELECT_CHALLENGE', answer.Session, { ...own('custom'), ANSWER: 'EMAIL_OTP' });
    peer.equal(asked.ChallengeName, 'EMAIL_OTP', 'challenge');
    const code = await sandbox.lastCode('custom', 'EMAIL_OTP');
    await notReceived(() => respond('EMAIL_OTP', asked.Session, { USERNAME: 'custom', EMAIL_OTP_CODE: code }));
    signedIn(await respond('EMAIL_OTP', asked.Session, { ...own('custom'), EMAIL_OTP_CODE: code }), 'custom');
  });

  await peer.check('custom challenge with a secret', async () => {
    const asked = await signIn('custom', peer.password, { flow: 'CUSTOM_AUTH', more: { CHALLENGE_NAME: 'SRP_A' } });
    peer.equal(asked.ChallengeName, 'CUSTOM_CHALLENGE', 'challenge');
    await unverified(() => respond('CUSTOM_CHALLENGE', asked.Session, { ...own('custom'), SECRET_HASH: hash('ann'), ANSWER: 'open' }));
    const second = await respond('CUSTOM_CHALLENGE', asked.Session, { ...own('custom'), ANSWER: 'open' });
    signedIn(await respond('CUSTOM_CHALLENGE', second.Session, { ...own('custom'), ANSWER: 'sesame' }), 'custom');
  });

  await peer.check('administrator with a secret', () => byAdministrator(of));
  await peer.check('GetTokensFromRefreshToken', () => newTokens(of));
  await peer.check('RevokeToken', () => revoked(of));
  await peer.check('account with a secret', () => account(of, run => refused('NotAuthorizedException', `SecretHash does not match for the client: ${ClientId}`, run)));
}

// byAdministrator is AdminInitiateAuth, whose request the SDK signs.
async function byAdministrator({ administrator, finish, own, refused, send, signedIn }) {
  const session = createSrpSession('bob', peer.password, peer.userPoolId, false);
  const input = wrapInitiateAuth(session, { UserPoolId: peer.userPoolId, ClientId, AuthFlow: 'USER_SRP_AUTH', AuthParameters: own('bob') });
  const answer = await send('AdminInitiateAuth', input, administrator);
  signedIn(await finish({ session, answer }), 'bob');
  const password = { ...input, AuthFlow: 'ADMIN_USER_PASSWORD_AUTH', AuthParameters: { ...own('bob'), PASSWORD: peer.password } };
  signedIn(await send('AdminInitiateAuth', password, administrator), 'bob');
  await refused('NotAuthorizedException', 'SECRET_HASH was not received', () => send('AdminInitiateAuth', {
    ...password, AuthParameters: { USERNAME: 'bob', PASSWORD: peer.password },
  }, administrator));
  peer.equal((await peer.refusal(() => send('AdminInitiateAuth', password))).name, 'UnrecognizedClientException', 'error with a key of nobody');
  const user = await send('AdminGetUser', { UserPoolId: peer.userPoolId, Username: 'bob' }, administrator);
  peer.equal(user.UserCreateDate instanceof Date && Math.abs(Date.now() - user.UserCreateDate) < 600000, true, `UserCreateDate ${user.UserCreateDate}`);
}

async function newTokens({ home, refused, secret, send, signedIn }) {
  const { key: DeviceKey, refreshToken } = home;
  const by = (RefreshToken, more) => send('GetTokensFromRefreshToken', { ClientId, ClientSecret: secret, DeviceKey, RefreshToken, ...more });
  await refused('NotAuthorizedException', '', () => by(refreshToken, { ClientSecret: undefined }));
  await refused('NotAuthorizedException', '', () => by(refreshToken, { ClientSecret: 'another' }));
  await refused('NotAuthorizedException', 'Invalid Refresh Token', () => by(refreshToken, { DeviceKey: undefined }));
  peer.equal(signedIn(await by(refreshToken), 'device').RefreshToken, undefined, 'RefreshToken without rotation');
  await sandbox.setClient({ rotate_refresh_tokens: true, retry_grace: '0s' });
  const { RefreshToken } = signedIn(await by(refreshToken), 'device');
  peer.equal(typeof RefreshToken === 'string' && RefreshToken !== refreshToken, true, 'there is another refresh token');
  await refused('RefreshTokenReuseException', '', () => by(refreshToken));
  signedIn(await by(RefreshToken), 'device');
  await sandbox.setClient({ rotate_refresh_tokens: false });
}

async function revoked({ hash, refused, secret, send, signInQuickly, signedIn }) {
  const { AccessToken, RefreshToken } = signedIn(await signInQuickly('bob', peer.password), 'bob');
  const revoke = (Token, ClientSecret) => send('RevokeToken', { ClientId, ClientSecret, Token });
  const refresh = () => send('InitiateAuth', { ClientId, AuthFlow: 'REFRESH_TOKEN', AuthParameters: { REFRESH_TOKEN: RefreshToken, SECRET_HASH: hash('bob') } });
  await refused('UnauthorizedException', '', () => revoke(RefreshToken));
  await refused('UnauthorizedException', '', () => revoke(RefreshToken, 'another'));
  await refused('UnsupportedTokenTypeException', '', () => revoke(AccessToken, secret));
  signedIn(await refresh(), 'bob');
  peer.equal((await send('GetUser', { AccessToken })).Username, 'bob', 'Username');
  await revoke(RefreshToken, secret);
  await refused('NotAuthorizedException', '', refresh);
  await refused('NotAuthorizedException', 'Access Token has been revoked', () => send('GetUser', { AccessToken }));
}

// account is what people do without a token, each with SecretHash.
async function account({ hash, refused, send, signInQuickly, signedIn }, mismatch) {
  const Username = 'gina';
  const by = (name, more) => send(name, { ClientId, Username, SecretHash: hash(Username), ...more });
  const signUp = { Password: peer.password, UserAttributes: [{ Name: 'email', Value: 'gina@example.com' }] };
  const steps = [['SignUp', signUp], ['ResendConfirmationCode', {}], ['ConfirmSignUp', { code: 'ResendConfirmationCode' }],
    ['ForgotPassword', {}], ['ConfirmForgotPassword', { code: 'ForgotPassword', Password: peer.newPassword }]];
  for (const [name, { code, ...more }] of steps) {
    if (code) more.ConfirmationCode = await sandbox.lastCode(Username, code);
    await refused('NotAuthorizedException', 'SECRET_HASH was not received', () => by(name, { ...more, SecretHash: undefined }));
    await mismatch(() => by(name, { ...more, SecretHash: hash('ann') }));
    await by(name, more);
  }
  signedIn(await signInQuickly(Username, peer.newPassword), Username);
}
