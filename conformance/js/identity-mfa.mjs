// amazon-cognito-identity-js and what comes after the password: codes, an
// authenticator, questions, a new password.
import * as peer from './checks.mjs';
import { answer, called, newPassword, outcome, refused, sendCode, signIn, signInByQuestions, signInQuickly, userNamed } from './identity.mjs';
import { lastCode, setPool, setUser, totpNow, wrong } from './sandbox.mjs';

const associate = user => outcome(callbacks => user.associateSoftwareToken({ ...callbacks, associateSecretCode: secret => callbacks.associateSecretCode({ secret }) }));
const verify = (user, code) => outcome(callbacks => user.verifySoftwareToken(code, 'conformance', callbacks));
const prefer = (user, sms, totp) => called(callback => user.setUserMfaPreference(sms, totp, callback));
const signedIn = (result, name) => peer.claimsOfUser(result.session.getIdToken().payload, name);
const totpOf = {};

await peer.check('TOTP set-up', async () => {
  const user = userNamed('ann');
  await signInQuickly(user, peer.password);
  await refused('InvalidParameterException', () => prefer(user, null, { Enabled: true, PreferredMfa: true }));
  const { secret } = await associate(user);
  const code = await totpNow(secret);
  await refused('EnableSoftwareTokenMFAException', () => verify(user, wrong(code)));
  await verify(user, code);
  await prefer(user, null, { Enabled: true, PreferredMfa: true });
  const data = await called(callback => user.getUserData(callback, { bypassCache: true }));
  peer.equal(data.PreferredMfaSetting, 'SOFTWARE_TOKEN_MFA', 'PreferredMfaSetting');
  peer.equal(data.UserMFASettingList.join(), 'SOFTWARE_TOKEN_MFA', 'UserMFASettingList');
  totpOf.ann = secret;
});

await peer.check('TOTP sign-in', async () => {
  const user = userNamed('ann');
  const { challenge, parameters } = await signIn(user, peer.password);
  peer.equal(challenge, 'SOFTWARE_TOKEN_MFA', 'challenge');
  peer.equal(parameters.FRIENDLY_DEVICE_NAME, 'conformance', 'FRIENDLY_DEVICE_NAME');
  const code = await totpNow(totpOf.ann);
  await refused('CodeMismatchException', () => sendCode(user, wrong(code), challenge));
  signedIn(await sendCode(user, code, challenge), 'ann');

  const again = userNamed('ann');
  await signInQuickly(again, peer.password);
  await refused('ExpiredCodeException', () => sendCode(again, code, challenge)); // no code is good twice
  signedIn(await sendCode(again, await totpNow(totpOf.ann), challenge), 'ann');
});

await peer.check('MFA_SETUP', async () => {
  await setPool({ mfa: 'ON', mfa_types: ['SOFTWARE_TOKEN_MFA'] });
  const user = userNamed('bob');
  const { challenge, parameters } = await signIn(user, peer.password);
  peer.equal(challenge, 'MFA_SETUP', 'challenge');
  peer.equal(JSON.parse(parameters.MFAS_CAN_SETUP).join(), 'SOFTWARE_TOKEN_MFA', 'MFAS_CAN_SETUP');
  const { secret } = await associate(user);
  await refused('EnableSoftwareTokenMFAException', async () => verify(user, wrong(await totpNow(secret))));
  signedIn(await verify(user, await totpNow(secret)), 'bob');
  const again = userNamed('bob');
  peer.equal((await signInQuickly(again, peer.password)).challenge, 'SOFTWARE_TOKEN_MFA', 'challenge from then on');
  signedIn(await sendCode(again, await totpNow(secret), 'SOFTWARE_TOKEN_MFA'), 'bob');
  await setPool({ mfa: 'OPTIONAL', mfa_types: [] });
});

await peer.check('SMS code', async () => {
  const user = userNamed('sms');
  const { challenge, parameters } = await signIn(user, peer.password);
  peer.equal(challenge, 'SMS_MFA', 'challenge');
  peer.equal(parameters.CODE_DELIVERY_DESTINATION, '+*******0101', 'CODE_DELIVERY_DESTINATION');
  const code = await lastCode('sms', 'SMS_MFA');
  await refused('CodeMismatchException', () => sendCode(user, wrong(code)));
  signedIn(await sendCode(user, code), 'sms');
  await refused('NotAuthorizedException', () => sendCode(user, code));
});

await peer.check('SMS switched off', async () => {
  const user = userNamed('sms');
  await signInQuickly(user, peer.password);
  await sendCode(user, await lastCode('sms', 'SMS_MFA'));
  await prefer(user, { Enabled: false, PreferredMfa: false }, null);
  signedIn(await signInQuickly(userNamed('sms'), peer.password), 'sms');
});

await peer.check('SELECT_MFA_TYPE', async () => {
  await setUser('ann', { mfa: ['SMS_MFA', 'SOFTWARE_TOKEN_MFA'], preferred_mfa: '', attributes: { phone_number: '+15555550103', phone_number_verified: 'true' } });
  const choose = (user, kind) => outcome(callbacks => user.sendMFASelectionAnswer(kind, callbacks));
  for (const kind of ['SMS_MFA', 'SOFTWARE_TOKEN_MFA']) {
    const user = userNamed('ann');
    const { challenge, parameters } = await signInQuickly(user, peer.password);
    peer.equal(challenge, 'SELECT_MFA_TYPE', 'challenge');
    peer.equal(JSON.parse(parameters.MFAS_CAN_CHOOSE).join(), 'SMS_MFA,SOFTWARE_TOKEN_MFA', 'MFAS_CAN_CHOOSE');
    await refused('InvalidParameterException', () => choose(user, 'EMAIL_OTP'));
    peer.equal((await choose(user, kind)).challenge, kind, 'challenge that was chosen');
    const code = kind === 'SMS_MFA' ? await lastCode('ann', kind) : await totpNow(totpOf.ann);
    await refused('CodeMismatchException', () => sendCode(user, wrong(code), kind));
    signedIn(await sendCode(user, code, kind), 'ann');
  }
});

await peer.check('custom challenge', async () => {
  const user = userNamed('custom');
  peer.equal((await signInByQuestions(user)).parameters.question, 'What is the first word?', 'question');
  peer.equal((await answer(user, 'shut')).parameters.question, 'What is the first word?', 'question after a wrong answer');
  peer.equal((await answer(user, 'open')).parameters.question, 'What is the second word?', 'question');
  signedIn(await answer(user, 'sesame'), 'custom');
});

await peer.check('custom challenge: three wrong answers', async () => {
  const user = userNamed('custom');
  await signInByQuestions(user);
  await answer(user, 'shut');
  await answer(user, 'shut');
  await refused('NotAuthorizedException', () => answer(user, 'shut'));
  await refused('NotAuthorizedException', () => answer(user, 'open'));
  await refused('NotAuthorizedException', () => signInByQuestions(userNamed('ann')));
});

await peer.check('custom challenge after SRP', async () => {
  const user = userNamed('custom');
  await refused('NotAuthorizedException', () => signIn(user, 'Wr0ng-password!', 'CUSTOM_AUTH'));
  peer.equal((await signIn(user, peer.password, 'CUSTOM_AUTH')).challenge, 'CUSTOM_CHALLENGE', 'challenge');
  await answer(user, 'open');
  signedIn(await answer(user, 'sesame'), 'custom');
});

await peer.check('USER_PASSWORD_AUTH', async () => {
  signedIn(await signIn(userNamed('custom'), peer.password, 'USER_PASSWORD_AUTH'), 'custom');
  await refused('NotAuthorizedException', () => signIn(userNamed('custom'), 'Wr0ng-password!', 'USER_PASSWORD_AUTH'));
});

await peer.check('new password with a required attribute', async () => {
  await setPool({ required_attributes: ['given_name'] });
  const user = userNamed('new');
  const { challenge, attributes, required } = await signIn(user, peer.temporaryPassword);
  peer.equal(challenge, 'NEW_PASSWORD_REQUIRED', 'challenge');
  peer.equal(required.join(), 'given_name', 'required attributes');
  peer.equal(attributes.email, 'new@example.com', 'e-mail address');
  await refused('InvalidParameterException', () => newPassword(user, peer.newPassword));
  await refused('InvalidPasswordException', () => newPassword(user, 'weak', { given_name: 'Newton' }));
  const result = await newPassword(user, peer.newPassword, { given_name: 'Newton' });
  signedIn(result, 'new');
  peer.equal(result.session.getIdToken().payload.given_name, 'Newton', 'given_name');
  signedIn(await signInQuickly(userNamed('new'), peer.newPassword), 'new');
  await setPool({ required_attributes: [] });
});
