// amazon-cognito-identity-js and the devices of a user: it confirms one at the
// first sign-in and proves it at the next, instead of a code.
import { MemoryStorage, outcome, refresh, refused, sendCode, sent, signIn, signInQuickly, userNamed } from './identity.mjs';
import * as peer from './checks.mjs';
import * as sandbox from './sandbox.mjs';

// PEER_CODE is the code of a server that sends always the same; that one has
// devices as it should have them. The sandbox is told.
const fixedCode = process.env.PEER_CODE;
if (!fixedCode) {
  await sandbox.setPool({ device_tracking: 'always' });
  await sandbox.setUser('sms', { device_tracking: 'opt-in' });
}
const codeOf = name => fixedCode ?? sandbox.lastCode(name, 'SMS_MFA');

// quickly is for checks in which the password does not matter. The other server
// speaks SRP only.
const quickly = user => (fixedCode ? signIn : signInQuickly)(user, peer.password);

const byDevice = [
  'InitiateAuth USER_SRP_AUTH', 'RespondToAuthChallenge PASSWORD_VERIFIER',
  'RespondToAuthChallenge DEVICE_SRP_AUTH', 'RespondToAuthChallenge DEVICE_PASSWORD_VERIFIER',
];

// enrol signs in with a code in a new browser, which confirms its device.
async function enrol(name) {
  const storage = new MemoryStorage();
  const user = userNamed(name, storage);
  peer.equal((await signIn(user, peer.password)).challenge, 'SMS_MFA', 'challenge');
  return { ...(await sendCode(user, await codeOf(name))), storage, user };
}

const key = (name, what) => `CognitoIdentityServiceProvider.${peer.clientId}.${name}.${what}`;

// listed are the keys of a user's devices, as the server has them.
async function listed(user) {
  const { Devices } = await outcome(callbacks => user.listDevices(60, null, { ...callbacks, onSuccess: callbacks.associateSecretCode }));
  return Devices.map(device => device.DeviceKey);
}

// The browser that most checks sign in from again: a sign-in costs a tenth of a
// second.
let home;

await peer.check('device confirmed', async () => {
  const storage = new MemoryStorage();
  const user = userNamed('device', storage);
  await signIn(user, peer.password);
  const code = await codeOf('device');
  await refused('CodeMismatchException', () => sendCode(user, sandbox.wrong(code)));
  peer.equal(storage.getItem(key('device', 'deviceKey')), null, 'device key after a wrong code');
  const { session, confirmationNecessary } = await sendCode(user, code);
  home = { session, storage, user };
  peer.claimsOfUser(session.getIdToken().payload, 'device');
  peer.equal(confirmationNecessary, false, 'confirmationNecessary');
  const deviceKey = storage.getItem(key('device', 'deviceKey'));
  peer.equal(/^us-east-1_[0-9a-f-]{36}$/.test(deviceKey), true, `the form of ${deviceKey}`);
  peer.equal((await listed(user)).join(), deviceKey, 'the devices that are listed');
});

await peer.check('device instead of the code', async () => {
  // Of the server whose codes are known, B comes in three shapes.
  for (let round = 0; round < (fixedCode ? 3 : 1); round++) {
    const user = userNamed('device', home.storage);
    const list = sent(user);
    const { session } = await signIn(user, peer.password);
    peer.claimsOfUser(session.getIdToken().payload, 'device');
    peer.equal(list.join(), byDevice.join(), 'what was sent');
  }
  peer.equal((await signIn(userNamed('device'), peer.password)).challenge, 'SMS_MFA', 'challenge in another browser');
});

await peer.check('refresh with the device', async () => {
  const renewed = await refresh(home.user, home.session.getRefreshToken());
  peer.claimsOfUser(renewed.getIdToken().payload, 'device');
  const err = await refused('NotAuthorizedException', () => refresh(userNamed('device'), home.session.getRefreshToken()));
  peer.equal(/Invalid Refresh Token/.test(err.message), true, `the text ${err.message}`);
});

await peer.check('wrong password of the user', () =>
  refused('NotAuthorizedException', () => signIn(userNamed('device', home.storage), 'Wr0ng-password!')));

await peer.check('tampered device refused', async () => {
  const good = home.storage.getItem(key('device', 'randomPasswordKey'));
  const bad = { randomPasswordKey: (good[0] === 'A' ? 'B' : 'A') + good.slice(1), deviceGroupKey: '-AAAAAAAA' };
  for (const [what, value] of Object.entries(bad)) {
    const tampered = home.storage.copy();
    tampered.setItem(key('device', what), value);
    const user = userNamed('device', tampered);
    const list = sent(user);
    await refused('NotAuthorizedException', () => signIn(user, peer.password));
    peer.equal(list.join(), byDevice.join(), `what was sent with another ${what}`);
  }
  peer.equal((await signIn(userNamed('device', home.storage), peer.password)).session.isValid(), true, 'session of the device as it was');
});

await peer.check('opt-in', async () => {
  const { confirmationNecessary, storage, user } = await enrol('sms');
  peer.equal(confirmationNecessary, true, 'confirmationNecessary');
  const challengeNow = async () => (await quickly(userNamed('sms', storage))).challenge;
  peer.equal(await challengeNow(), 'SMS_MFA', 'challenge before it is remembered');
  await outcome(callbacks => user.setDeviceStatusRemembered(callbacks));
  peer.equal(await challengeNow(), undefined, 'challenge of a remembered device');
  await outcome(callbacks => user.setDeviceStatusNotRemembered(callbacks));
  peer.equal(await challengeNow(), 'SMS_MFA', 'challenge of one that is remembered no longer');

  // The same keys in the hands of another user.
  const theirs = new MemoryStorage();
  for (const what of ['deviceKey', 'randomPasswordKey', 'deviceGroupKey']) theirs.setItem(key('device', what), storage.getItem(key('sms', what)));
  const other = userNamed('device', theirs);
  const list = sent(other);
  peer.equal((await signIn(other, peer.password)).challenge, 'SMS_MFA', 'challenge with the device of another user');
  peer.equal(list.length, 3, 'calls: the client sends its answer again without the device');
});

if (!fixedCode) {
  await peer.check('device where no code is needed', async () => {
    const storage = new MemoryStorage();
    await quickly(userNamed('bob', storage));
    const user = userNamed('bob', storage);
    const list = sent(user);
    peer.equal((await signIn(user, peer.password)).session.isValid(), true, 'session');
    peer.equal(list.join(), byDevice.join(), 'what was sent');
  });

  await peer.check('device with USER_PASSWORD_AUTH', async () => {
    const user = userNamed('device', home.storage);
    const list = sent(user);
    peer.equal((await signIn(user, peer.password, 'USER_PASSWORD_AUTH')).session.isValid(), true, 'session');
    peer.equal(list.join(), ['InitiateAuth USER_PASSWORD_AUTH', ...byDevice.slice(2)].join(), 'what was sent');
  });

  // The client learns the name that it keeps devices under from the first answer, so
  // that only the second leg has the device.
  await peer.check('device by e-mail address', async () => {
    const storage = new MemoryStorage();
    await signIn(userNamed('ann@example.com', storage), peer.password);
    peer.equal(storage.getItem(key('ann', 'deviceKey')) !== null, true, 'the device is kept');
    const user = userNamed('ann@example.com', storage);
    const list = sent(user);
    const { session } = await signIn(user, peer.password);
    peer.claimsOfUser(session.getIdToken().payload, 'ann');
    peer.equal(list.join(), byDevice.join(), 'what was sent');
  });

  await peer.check('device does not replace the code', async () => {
    await sandbox.setPool({ devices_keep_mfa: true });
    const user = userNamed('device', home.storage);
    peer.equal((await signIn(user, peer.password)).challenge, 'SMS_MFA', 'challenge with devices_keep_mfa');
    peer.equal((await sendCode(user, await codeOf('device'))).session.isValid(), true, 'session');
    await sandbox.setPool({ devices_keep_mfa: false });
    peer.equal((await quickly(userNamed('device', home.storage))).challenge, undefined, 'challenge without it');
  });

  await peer.check('devices off', async () => {
    await sandbox.setPool({ device_tracking: 'off' });
    const storage = new MemoryStorage();
    await quickly(userNamed('bob', storage));
    peer.equal(storage.getItem(key('bob', 'deviceKey')), null, 'device key');
  });
}

await peer.check('device forgotten', async () => {
  const { storage, user } = home;
  const old = storage.copy();
  const deviceKey = storage.getItem(key('device', 'deviceKey'));
  await outcome(callbacks => user.forgetDevice(callbacks));
  peer.equal((await listed(user)).includes(deviceKey), false, 'the device is listed');
  peer.equal((await quickly(userNamed('device', storage))).challenge, 'SMS_MFA', 'challenge');
  peer.equal((await signIn(userNamed('device', old), peer.password)).challenge, 'SMS_MFA', 'challenge with the keys from before');
  await refused('ResourceNotFoundException', () => outcome(callbacks => user.forgetSpecificDevice(deviceKey, callbacks)));
});
