// amazon-cognito-identity-js and what users do with their accounts.
import * as peer from './checks.mjs';
import { attribute, called, MemoryStorage, outcome, poolWith, refresh, refused, sent, signIn, signInQuickly, userNamed } from './identity.mjs';
import { advance, lastCode, setClient, wrong } from './sandbox.mjs';

const signUp = (name, password, ...attributes) => called(callback => poolWith(new MemoryStorage()).signUp(name, password, attributes, null, callback));
const confirm = (name, code) => called(callback => userNamed(name).confirmRegistration(code, false, callback));
const attributesOf = async user => {
  const list = await called(callback => user.getUserAttributes(callback));
  return Object.fromEntries(list.map(({ Name, Value }) => [Name, Value]));
};

await peer.check('sign-up', async () => {
  const email = attribute('email', 'carol@example.com');
  await refused('InvalidPasswordException', () => signUp('carol', 'weak', email));
  const result = await signUp('carol', peer.password, email);
  peer.equal(result.userConfirmed, false, 'userConfirmed');
  peer.equal(result.codeDeliveryDetails.Destination, 'c***@e***', 'Destination');
  await refused('UsernameExistsException', () => signUp('carol', peer.password, email));
  await refused('UserNotConfirmedException', () => signInQuickly(userNamed('carol'), peer.password));

  const first = await lastCode('carol', 'SignUp');
  await refused('CodeMismatchException', () => confirm('carol', wrong(first)));
  await called(callback => userNamed('carol').resendConfirmationCode(callback));
  const second = await lastCode('carol', 'ResendConfirmationCode');
  if (first !== second) await refused('CodeMismatchException', () => confirm('carol', first));
  peer.equal(await confirm('carol', second), 'SUCCESS', 'confirmation');
  await refused('NotAuthorizedException', () => confirm('carol', second));
  const { session } = await signIn(userNamed('carol'), peer.password);
  peer.claimsOfUser(session.getIdToken().payload, 'carol');
  peer.equal(session.getIdToken().payload.sub, result.userSub, 'sub');
  peer.equal(session.getIdToken().payload.email_verified, true, 'email_verified');
});

await peer.check('forgotten password', async () => {
  const user = userNamed('carol');
  const { CodeDeliveryDetails } = await outcome(callbacks => user.forgotPassword(callbacks));
  peer.equal(CodeDeliveryDetails.DeliveryMedium, 'EMAIL', 'DeliveryMedium');
  const code = await lastCode('carol', 'ForgotPassword');
  const reset = (given, password) => outcome(callbacks => user.confirmPassword(given, password, callbacks));
  await refused('CodeMismatchException', () => reset(wrong(code), peer.newPassword));
  await refused('InvalidPasswordException', () => reset(code, 'weak'));
  await reset(code, peer.newPassword);
  await refused('ExpiredCodeException', () => reset(code, peer.newPassword));
  await refused('NotAuthorizedException', () => signInQuickly(userNamed('carol'), peer.password));
  peer.equal((await signIn(userNamed('carol'), peer.newPassword)).session.isValid(), true, 'session of the new password');
});

await peer.check('change of password', async () => {
  const user = userNamed('carol');
  await signInQuickly(user, peer.newPassword);
  const change = (from, to) => called(callback => user.changePassword(from, to, callback));
  await refused('NotAuthorizedException', () => change('Wr0ng-password!', peer.password));
  await refused('InvalidPasswordException', () => change(peer.newPassword, 'weak'));
  await change(peer.newPassword, peer.password);
  await refused('NotAuthorizedException', () => signInQuickly(userNamed('carol'), peer.newPassword));
  peer.equal((await signIn(userNamed('carol'), peer.password)).session.isValid(), true, 'session of the new password');
});

await peer.check('attributes', async () => {
  const user = userNamed('carol');
  await signInQuickly(user, peer.password);
  const update = (...list) => called(callback => user.updateAttributes(list, callback));
  await update(attribute('given_name', 'Carola'));
  peer.equal((await attributesOf(user)).given_name, 'Carola', 'given_name');
  await refused('InvalidParameterException', () => update(attribute('custom:nothing', 'x')));
  await called(callback => user.deleteAttributes(['given_name'], callback));
  peer.equal((await attributesOf(user)).given_name, undefined, 'given_name after it was deleted');

  await update(attribute('email', 'carola@example.com'));
  const before = await attributesOf(user);
  peer.equal(before.email_verified === 'true' && before.email === 'carola@example.com', false, 'the new address counts as verified');
  await outcome(callbacks => user.getAttributeVerificationCode('email', callbacks));
  const code = await lastCode('carol', 'GetUserAttributeVerificationCode');
  const prove = given => outcome(callbacks => user.verifyAttribute('email', given, callbacks));
  await refused('CodeMismatchException', () => prove(wrong(code)));
  await prove(code);
  const after = await attributesOf(user);
  peer.equal(`${after.email} ${after.email_verified}`, 'carola@example.com true', 'the new address');
});

await peer.check('sign-out revokes', async () => {
  const user = userNamed('bob');
  const { session } = await signInQuickly(user, peer.password);
  await refresh(userNamed('bob'), session.getRefreshToken());
  await called(callback => user.signOut(callback));
  await refused('NotAuthorizedException', () => refresh(userNamed('bob'), session.getRefreshToken()));
});

await peer.check('global sign-out', async () => {
  const [here, there] = [userNamed('bob'), userNamed('bob')];
  await signInQuickly(here, peer.password);
  const { session } = await signInQuickly(there, peer.password);
  const other = userNamed('ann');
  const stays = await signInQuickly(other, peer.password);
  await outcome(callbacks => here.globalSignOut(callbacks));
  await refused('NotAuthorizedException', () => refresh(there, session.getRefreshToken()));
  await refused('NotAuthorizedException', () => attributesOf(there));
  await refresh(other, stays.session.getRefreshToken());
  peer.equal((await signInQuickly(userNamed('bob'), peer.password)).session.isValid(), true, 'session of a new sign-in');
});

await peer.check('session from the storage', async () => {
  const storage = new MemoryStorage();
  const held = async () => {
    const user = userNamed('bob', storage);
    const list = sent(user);
    const session = await called(callback => user.getSession(callback));
    peer.equal(session.getIdToken().payload['cognito:username'], 'bob', 'cognito:username');
    return list.join();
  };
  await advance('-2h');
  await signInQuickly(userNamed('bob', storage), peer.password);
  peer.equal(await held(), '', 'what was sent for a session that is good'); // by the drift of the clocks
  await advance('2h');
  storage.setItem(`CognitoIdentityServiceProvider.${peer.clientId}.bob.clockDrift`, '0');
  peer.equal(await held(), 'InitiateAuth REFRESH_TOKEN_AUTH', 'what was sent for one whose tokens are over');
  peer.equal(await held(), '', 'what was sent after the refresh');
});

// This client knows no other refresh than the one that rotation forbids.
await peer.check('no refresh where tokens rotate', async () => {
  const user = userNamed('bob');
  const { session } = await signInQuickly(user, peer.password);
  await setClient({ rotate_refresh_tokens: true });
  await refused('InvalidParameterException', () => refresh(user, session.getRefreshToken()));
  await setClient({ rotate_refresh_tokens: false });
  await refresh(user, session.getRefreshToken());
});

await peer.check('app client with a secret', async () => {
  for (const flow of ['USER_SRP_AUTH', 'USER_PASSWORD_AUTH']) {
    const err = await refused('NotAuthorizedException', () => signIn(userNamed('bob', undefined, 'sandboxbackend'), peer.password, flow));
    peer.equal(err.message, 'Client sandboxbackend is configured with secret but SECRET_HASH was not received', 'text');
  }
});

await peer.check('users who may not sign in', async () => {
  await refused('NotAuthorizedException', () => signIn(userNamed('disabled'), peer.password));
  await refused('UserNotConfirmedException', () => signIn(userNamed('unconfirmed'), peer.password));
  await refused('PasswordResetRequiredException', () => signIn(userNamed('reset'), peer.password));
  await refused('NotAuthorizedException', () => signIn(userNamed('nobody'), peer.password));
});

await peer.check('deletion', async () => {
  const user = userNamed('carol');
  const { session } = await signInQuickly(user, peer.password);
  await called(callback => user.deleteUser(callback));
  await refused('NotAuthorizedException', () => signInQuickly(userNamed('carol'), peer.password));
  await peer.refusal(() => refresh(userNamed('carol'), session.getRefreshToken()));
});
