// amazon-cognito-identity-js signs in: the client most older web apps carry.
import { AuthenticationDetails, CognitoUser, CognitoUserPool } from 'amazon-cognito-identity-js';
import * as peer from './checks.mjs';

class MemoryStorage {
  #items = new Map();
  setItem(key, value) { this.#items.set(key, value); return value; }
  getItem(key) { return this.#items.get(key) ?? null; }
  removeItem(key) { return this.#items.delete(key); }
  clear() { this.#items.clear(); }
}

function userNamed(Username) {
  const Storage = new MemoryStorage();
  const Pool = new CognitoUserPool({ UserPoolId: peer.userPoolId, ClientId: peer.clientId, endpoint: peer.endpoint + '/', Storage });
  return new CognitoUser({ Username, Pool, Storage });
}

// signIn settles with the session, or with the name of the challenge.
function signIn(user, Password) {
  return new Promise((resolve, reject) => {
    user.setAuthenticationFlowType('USER_SRP_AUTH');
    user.authenticateUser(new AuthenticationDetails({ Username: user.getUsername(), Password }), {
      onSuccess: session => resolve({ session }),
      onFailure: reject,
      newPasswordRequired: () => resolve({ challenge: 'NEW_PASSWORD_REQUIRED' }),
    });
  });
}

function answerNewPassword(user, password) {
  return new Promise((resolve, reject) => {
    user.completeNewPasswordChallenge(password, {}, { onSuccess: session => resolve({ session }), onFailure: reject });
  });
}

function refresh(user, refreshToken) {
  return new Promise((resolve, reject) => {
    user.refreshSession(refreshToken, (err, session) => (err ? reject(err) : resolve(session)));
  });
}

await peer.check('SRP sign-in', async () => {
  const { session } = await signIn(userNamed('ann'), peer.password);
  peer.equal(session.isValid(), true, 'session.isValid()');
  peer.claimsOfUser(session.getIdToken().payload, 'ann');
  peer.equal(session.getAccessToken().payload.client_id, peer.clientId, 'client_id');
});

await peer.check('wrong password refused', async () => {
  const err = await peer.refusal(() => signIn(userNamed('ann'), 'Wr0ng-password!'));
  peer.equal(err.code, 'NotAuthorizedException', 'error code');
});

await peer.check('new password', async () => {
  const user = userNamed('new');
  peer.equal((await signIn(user, peer.temporaryPassword)).challenge, 'NEW_PASSWORD_REQUIRED', 'challenge');
  const { session } = await answerNewPassword(user, peer.newPassword);
  peer.claimsOfUser(session.getIdToken().payload, 'new');
  const again = await signIn(userNamed('new'), peer.newPassword);
  peer.equal(again.session.isValid(), true, 'session of the new password');
  const err = await peer.refusal(() => signIn(userNamed('new'), peer.temporaryPassword));
  peer.equal(err.code, 'NotAuthorizedException', 'error code of the old password');
});

await peer.check('refresh', async () => {
  const user = userNamed('bob');
  const { session } = await signIn(user, peer.password);
  const renewed = await refresh(user, session.getRefreshToken());
  peer.claimsOfUser(renewed.getIdToken().payload, 'bob');
  peer.equal(renewed.getIdToken().payload.sub, session.getIdToken().payload.sub, 'sub after the refresh');
  if (renewed.getAccessToken().getJwtToken() === session.getAccessToken().getJwtToken()) throw new Error('the refresh gave the old access token');
});
