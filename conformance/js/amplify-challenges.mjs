// aws-amplify and the challenges: authenticators, codes, the choice of a factor,
// questions, devices.
import { confirm, enter, quickly, refused, signedIn, signInAs, stepIs, stored, store } from './amplified.mjs';
import { fetchDevices, forgetDevice, rememberDevice, setUpTOTP, signOut, updateMFAPreference, verifyTOTPSetup } from 'aws-amplify/auth';
import * as peer from './checks.mjs';
import { calls, lastCode, setPool, setUser, totpNow, wrong } from './sandbox.mjs';

const byChoice = preferredChallenge => ({ authFlowType: 'USER_AUTH', preferredChallenge });
let secret;

await peer.check('TOTP set-up', async () => {
  await signedIn(await signInAs('ann', peer.password, quickly), 'ann');
  const { sharedSecret } = await setUpTOTP();
  const code = await totpNow(sharedSecret);
  await refused('EnableSoftwareTokenMFAException', () => verifyTOTPSetup({ code: wrong(code) }));
  await verifyTOTPSetup({ code });
  await updateMFAPreference({ totp: 'PREFERRED' });
  secret = sharedSecret;
});

await peer.check('TOTP sign-in', async () => {
  stepIs(await signInAs('ann', peer.password), 'CONFIRM_SIGN_IN_WITH_TOTP_CODE');
  const code = await totpNow(secret);
  await refused('CodeMismatchException', () => confirm(wrong(code)));
  await signedIn(await confirm(code), 'ann');
});

await peer.check('TOTP set-up within the sign-in', async () => {
  await setPool({ mfa: 'ON', mfa_types: ['SOFTWARE_TOKEN_MFA'] });
  const step = await signInAs('bob', peer.password);
  stepIs(step, 'CONTINUE_SIGN_IN_WITH_TOTP_SETUP');
  const code = await totpNow(step.totpSetupDetails.sharedSecret);
  await refused('EnableSoftwareTokenMFAException', () => confirm(wrong(code)));
  await signedIn(await confirm(code), 'bob');
  stepIs(await signInAs('bob', peer.password, quickly), 'CONFIRM_SIGN_IN_WITH_TOTP_CODE');
  await setPool({ mfa: 'OPTIONAL', mfa_types: [] });
});

await peer.check('codes by SMS and e-mail', async () => {
  const kinds = { sms: ['SMS_MFA', 'CONFIRM_SIGN_IN_WITH_SMS_CODE', '+*******0101'], mail: ['EMAIL_OTP', 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE', 'm***@e***'] };
  for (const [name, [kind, want, destination]] of Object.entries(kinds)) {
    const step = await signInAs(name, peer.password);
    stepIs(step, want);
    peer.equal(step.codeDeliveryDetails.destination, destination, 'destination');
    const code = await lastCode(name, kind);
    await refused('CodeMismatchException', () => confirm(wrong(code)));
    await signedIn(await confirm(code), name);
  }
});

await peer.check('choice of the second factor', async () => {
  await setUser('sms', { mfa: ['SMS_MFA', 'EMAIL_OTP'] });
  for (const [choice, kind, want] of [['EMAIL', 'EMAIL_OTP', 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE'], ['SMS', 'SMS_MFA', 'CONFIRM_SIGN_IN_WITH_SMS_CODE']]) {
    const step = await signInAs('sms', peer.password, quickly);
    stepIs(step, 'CONTINUE_SIGN_IN_WITH_MFA_SELECTION');
    peer.equal(step.allowedMFATypes.toSorted().join(), 'EMAIL,SMS', 'allowedMFATypes');
    await refused('InvalidParameterException', () => confirm('TOTP'));
    stepIs(await confirm(choice), want);
    const code = await lastCode('sms', kind);
    await refused('CodeMismatchException', () => confirm(wrong(code)));
    await signedIn(await confirm(code), 'sms');
  }
  await setUser('sms', { mfa: ['SMS_MFA'] });
});

await peer.check('first factor by preference', async () => {
  for (const preference of ['PASSWORD_SRP', 'PASSWORD']) {
    await signedIn(await signInAs('custom', peer.password, byChoice(preference)), 'custom');
    await refused('NotAuthorizedException', () => signInAs('custom', 'Wr0ng-password!', byChoice(preference)));
  }
  stepIs(await signInAs('custom', undefined, byChoice('EMAIL_OTP')), 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE');
  const code = await lastCode('custom', 'EMAIL_OTP');
  await refused('CodeMismatchException', () => confirm(wrong(code)));
  await signedIn(await confirm(code), 'custom');
});

await peer.check('first factor by choice', async () => {
  const step = await signInAs('custom', undefined, byChoice());
  stepIs(step, 'CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION');
  peer.equal(step.availableChallenges.toSorted().join(), 'EMAIL_OTP,PASSWORD,PASSWORD_SRP', 'availableChallenges');
  stepIs(await confirm('EMAIL_OTP'), 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE');
  await signedIn(await confirm(await lastCode('custom', 'EMAIL_OTP')), 'custom');

  for (const choice of ['PASSWORD', 'PASSWORD_SRP']) {
    await signInAs('custom', undefined, byChoice());
    stepIs(await confirm(choice), 'CONFIRM_SIGN_IN_WITH_PASSWORD');
    await signedIn(await confirm(peer.password), 'custom');
    await signInAs('custom', undefined, byChoice());
    await confirm(choice);
    await refused('NotAuthorizedException', () => confirm('Wr0ng-password!'));
  }
});

await peer.check('temporary password by choice', async () => {
  stepIs(await signInAs('new', peer.temporaryPassword, byChoice('PASSWORD_SRP')), 'CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED');
  await refused('InvalidPasswordException', () => confirm('weak'));
  await signedIn(await confirm(peer.newPassword), 'new');
});

await peer.check('custom challenge', async () => {
  for (const authFlowType of ['CUSTOM_WITHOUT_SRP', 'CUSTOM_WITH_SRP']) {
    const password = authFlowType === 'CUSTOM_WITH_SRP' ? peer.password : undefined;
    const step = await signInAs('custom', password, { authFlowType });
    stepIs(step, 'CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE');
    peer.equal(step.additionalInfo.question, 'What is the first word?', 'question');
    peer.equal((await confirm('shut')).additionalInfo.question, 'What is the first word?', 'question after a wrong answer');
    peer.equal((await confirm('open')).additionalInfo.question, 'What is the second word?', 'question');
    await signedIn(await confirm('sesame'), 'custom');
  }
  await refused('NotAuthorizedException', () => signInAs('custom', 'Wr0ng-password!', { authFlowType: 'CUSTOM_WITH_SRP' }));
});

await peer.check('device', async () => {
  await setUser('device', { device_tracking: 'opt-in' });
  const home = enter();
  const again = () => signInAs('device', peer.password, undefined, home);
  stepIs(await again(), 'CONFIRM_SIGN_IN_WITH_SMS_CODE');
  await signedIn(await confirm(await lastCode('device', 'SMS_MFA')), 'device');
  const key = stored(home, 'device', 'deviceKey');
  peer.equal((await fetchDevices()).map(device => device.id).join(), key, 'devices');
  peer.equal((await fetchDevices())[0].name, globalThis.navigator.userAgent, 'name of the device');
  await rememberDevice();
  await signOut();

  const before = await calls('RespondToAuthChallenge DEVICE_PASSWORD_VERIFIER');
  await signedIn(await again(), 'device');
  peer.equal(await calls('RespondToAuthChallenge DEVICE_PASSWORD_VERIFIER') - before, 1, 'proofs of the device');
  await signOut();

  const good = stored(home, 'device', 'randomPasswordKey');
  store(home, 'device', 'randomPasswordKey', (good[0] === 'A' ? 'B' : 'A') + good.slice(1));
  await refused('NotAuthorizedException', again);
  store(home, 'device', 'randomPasswordKey', good);
  await signedIn(await again(), 'device');
  await forgetDevice();
  peer.equal((await fetchDevices()).length, 0, 'number of devices after it was forgotten');
  await signOut();
  stepIs(await again(), 'CONFIRM_SIGN_IN_WITH_SMS_CODE');
});
