// aws-amplify and what users do with their accounts.
import {
  autoSignIn, confirmResetPassword, confirmSignIn, confirmSignUp, confirmUserAttribute, deleteUser, deleteUserAttributes, fetchMFAPreference,
  fetchUserAttributes, resendSignUpCode, resetPassword, sendUserAttributeVerificationCode, signUp, updateMFAPreference, updatePassword,
  updateUserAttributes,
} from 'aws-amplify/auth';
import { setTimeout as wait } from 'node:timers/promises';
import { confirm, enter, quickly, refused, signedIn, signInAs, stepIs } from './amplified.mjs';
import * as peer from './checks.mjs';
import { advance, calls, lastCode, setPool, setUser, totpNow, wrong } from './sandbox.mjs';

// registered begins a sign-up that goes on to a sign-in by itself, and returns the code.
async function registered(username, password, options) {
  enter();
  const { nextStep } = await signUp({ username, password, options: { userAttributes: { email: `${username}@example.com` }, autoSignIn: options } });
  peer.equal(nextStep.signUpStep, 'CONFIRM_SIGN_UP', 'signUpStep');
  peer.equal(nextStep.codeDeliveryDetails.destination, `${username[0]}***@e***`, 'destination');
  return lastCode(username, 'SignUp');
}

// completed is autoSignIn, which within 300 ms of the last one never ends: Amplify takes
// it for a second click.
const completed = async () => {
  await wait(350);
  return (await autoSignIn()).nextStep;
};

async function confirmed(username, confirmationCode) {
  await refused('CodeMismatchException', () => confirmSignUp({ username, confirmationCode: wrong(confirmationCode) }));
  const { nextStep } = await confirmSignUp({ username, confirmationCode });
  peer.equal(nextStep.signUpStep, 'COMPLETE_AUTO_SIGN_IN', 'signUpStep');
  return completed();
}

await peer.check('sign-up', async () => {
  await refused('InvalidPasswordException', () => signUp({ username: 'dora', password: 'weak' }));
  const first = await registered('dora', peer.password);
  await refused('UsernameExistsException', () => signUp({ username: 'dora', password: peer.password }));
  stepIs(await signInAs('dora', peer.password), 'CONFIRM_SIGN_UP');
  await resendSignUpCode({ username: 'dora' });
  const second = await lastCode('dora', 'ResendConfirmationCode');
  if (first !== second) await refused('CodeMismatchException', () => confirmSignUp({ username: 'dora', confirmationCode: first }));
  peer.equal((await confirmSignUp({ username: 'dora', confirmationCode: second })).nextStep.signUpStep, 'DONE', 'signUpStep');
  await signedIn(await signInAs('dora', peer.password), 'dora');
});

await peer.check('sign-up, then sign-in by the password', async () => {
  await signedIn(await confirmed('edna', await registered('edna', peer.password, true)), 'edna');
});

await peer.check('sign-up, then sign-in by its code', async () => {
  const byCode = { authFlowType: 'USER_AUTH' };
  const code = await registered('fred', undefined, byCode);
  const sent = await calls('InitiateAuth USER_AUTH');
  const { idToken } = await signedIn(await confirmed('fred', code), 'fred');
  peer.equal(idToken.payload.email_verified, true, 'email_verified');
  peer.equal(await calls('InitiateAuth USER_AUTH') - sent, 1, 'calls of InitiateAuth');

  // Some minutes later the code of the sign-up signs nobody in.
  const late = await registered('gwen', undefined, byCode);
  await confirmSignUp({ username: 'gwen', confirmationCode: late });
  await advance('4m');
  await refused('NotAuthorizedException', completed);
  await advance('-4m');
});

await peer.check('forgotten password', async () => {
  const { nextStep } = await resetPassword({ username: 'dora' });
  peer.equal(nextStep.resetPasswordStep, 'CONFIRM_RESET_PASSWORD_WITH_CODE', 'resetPasswordStep');
  peer.equal(nextStep.codeDeliveryDetails.deliveryMedium, 'EMAIL', 'deliveryMedium');
  const code = await lastCode('dora', 'ForgotPassword');
  const reset = (confirmationCode, newPassword) => confirmResetPassword({ username: 'dora', confirmationCode, newPassword });
  await refused('CodeMismatchException', () => reset(wrong(code), peer.newPassword));
  await refused('InvalidPasswordException', () => reset(code, 'weak'));
  await reset(code, peer.newPassword);
  await refused('ExpiredCodeException', () => reset(code, peer.newPassword));
  await refused('NotAuthorizedException', () => signInAs('dora', peer.password, quickly));
  await signedIn(await signInAs('dora', peer.newPassword), 'dora');
  stepIs(await signInAs('reset', peer.password, quickly), 'RESET_PASSWORD');
});

await peer.check('change of password', async () => {
  await signInAs('dora', peer.newPassword, quickly);
  await refused('NotAuthorizedException', () => updatePassword({ oldPassword: 'Wr0ng-password!', newPassword: peer.password }));
  await updatePassword({ oldPassword: peer.newPassword, newPassword: peer.password });
  await refused('NotAuthorizedException', () => signInAs('dora', peer.newPassword, quickly));
  await signedIn(await signInAs('dora', peer.password, quickly), 'dora');
});

await peer.check('attributes', async () => {
  const update = async userAttributes => (await updateUserAttributes({ userAttributes }));
  const { given_name: name } = await update({ given_name: 'Dora' });
  peer.equal(name.nextStep.updateAttributeStep, 'DONE', 'updateAttributeStep');
  const { email } = await update({ email: 'doris@example.com' });
  peer.equal(email.nextStep.updateAttributeStep, 'CONFIRM_ATTRIBUTE_WITH_CODE', 'updateAttributeStep');
  peer.equal(email.nextStep.codeDeliveryDetails.destination, 'd***@e***', 'destination');
  const first = await lastCode('dora', 'UpdateUserAttributes');
  const prove = confirmationCode => confirmUserAttribute({ userAttributeKey: 'email', confirmationCode });
  await refused('CodeMismatchException', () => prove(wrong(first)));
  await sendUserAttributeVerificationCode({ userAttributeKey: 'email' });
  await prove(await lastCode('dora', 'GetUserAttributeVerificationCode'));
  const after = await fetchUserAttributes();
  peer.equal(`${after.email} ${after.email_verified} ${after.given_name}`, 'doris@example.com true Dora', 'attributes');
  await deleteUserAttributes({ userAttributeKeys: ['given_name'] });
  peer.equal((await fetchUserAttributes()).given_name, undefined, 'given_name after it was deleted');
  await refused('InvalidParameterException', () => update({ 'custom:nothing': 'x' }));
});

await peer.check('preference of a second factor', async () => {
  const preference = async () => {
    const { enabled, preferred } = await fetchMFAPreference();
    return `${enabled?.toSorted()} ${preferred}`;
  };
  peer.equal(await preference(), 'undefined undefined', 'preference');
  await refused('InvalidParameterException', () => updateMFAPreference({ sms: 'ENABLED' })); // no phone number
  await refused('InvalidParameterException', () => updateMFAPreference({ totp: 'ENABLED' })); // no authenticator
  await updateMFAPreference({ email: 'PREFERRED' });
  peer.equal(await preference(), 'EMAIL EMAIL', 'preference');
  await setUser('dora', { attributes: { phone_number: '+15555550177', phone_number_verified: 'true' } });
  await updateMFAPreference({ sms: 'ENABLED' });
  peer.equal(await preference(), 'EMAIL,SMS EMAIL', 'preference');
  await updateMFAPreference({ email: 'NOT_PREFERRED', sms: 'PREFERRED' });
  peer.equal(await preference(), 'EMAIL,SMS SMS', 'preference');
  await updateMFAPreference({ email: 'DISABLED', sms: 'DISABLED' });
  peer.equal(await preference(), 'undefined undefined', 'preference');
});

await peer.check('first factor by SMS', async () => {
  stepIs(await signInAs('dora', undefined, { authFlowType: 'USER_AUTH', preferredChallenge: 'SMS_OTP' }), 'CONFIRM_SIGN_IN_WITH_SMS_CODE');
  const code = await lastCode('dora', 'SMS_OTP');
  await refused('CodeMismatchException', () => confirm(wrong(code)));
  await signedIn(await confirm(code), 'dora');
});

await peer.check('deletion', async () => {
  await deleteUser();
  await refused('NotAuthorizedException', () => signInAs('dora', peer.password, quickly));
});

await peer.check('new password with a required attribute', async () => {
  await setPool({ required_attributes: ['given_name'] });
  const step = await signInAs('new', peer.temporaryPassword);
  stepIs(step, 'CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED');
  peer.equal(step.missingAttributes.join(), 'given_name', 'missingAttributes');
  await refused('InvalidParameterException', () => confirm(peer.newPassword));
  const { nextStep } = await confirmSignIn({ challengeResponse: peer.newPassword, options: { userAttributes: { given_name: 'Newton' } } });
  const { idToken } = await signedIn(nextStep, 'new');
  peer.equal(idToken.payload.given_name, 'Newton', 'given_name');
  await setPool({ required_attributes: [] });
});

await peer.check('choice of the factor to set up', async () => {
  await setPool({ mfa: 'ON', mfa_types: ['SOFTWARE_TOKEN_MFA', 'EMAIL_OTP'] });
  await setUser('custom', { attributes: { email: '' } });
  const step = await signInAs('custom', peer.password, quickly);
  stepIs(step, 'CONTINUE_SIGN_IN_WITH_MFA_SETUP_SELECTION');
  peer.equal(step.allowedMFATypes.toSorted().join(), 'EMAIL,TOTP', 'allowedMFATypes');
  const { nextStep } = await confirmSignIn({ challengeResponse: 'TOTP' });
  stepIs(nextStep, 'CONTINUE_SIGN_IN_WITH_TOTP_SETUP');
  await signedIn(await confirm(await totpNow(nextStep.totpSetupDetails.sharedSecret)), 'custom');
});

process.exit(); // Amplify waits three minutes for each sign-up that it began
