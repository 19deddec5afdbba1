// amazon-cognito-identity-js with promises for its callbacks. Nothing is added to
// what it sends.
import { AuthenticationDetails, CognitoUser, CognitoUserAttribute, CognitoUserPool } from 'amazon-cognito-identity-js';
import * as peer from './checks.mjs';

export class MemoryStorage {
  #items = new Map();
  setItem(key, value) { this.#items.set(key, value); return value; }
  getItem(key) { return this.#items.get(key) ?? null; }
  removeItem(key) { return this.#items.delete(key); }
  clear() { this.#items.clear(); }
  copy() {
    const copy = new MemoryStorage();
    for (const [key, value] of this.#items) copy.setItem(key, value);
    return copy;
  }
}

export function poolWith(Storage, ClientId = peer.clientId) {
  return new CognitoUserPool({ UserPoolId: peer.userPoolId, ClientId, endpoint: peer.endpoint + '/', Storage });
}

// userNamed is a user in a browser: with the storage of another one, the same
// browser on another day. A refresh that was refused is not tried again for
// five seconds, as it would be.
export function userNamed(Username, Storage = new MemoryStorage(), clientId = peer.clientId) {
  const user = new CognitoUser({ Username, Pool: poolWith(Storage, clientId), Storage });
  user.client.requestWithRetry = (...args) => user.client.request(...args);
  return user;
}

export const attribute = (Name, Value) => new CognitoUserAttribute({ Name, Value });

// outcome settles with the session, or with the challenge that comes next.
export function outcome(begin) {
  return new Promise((resolve, reject) => {
    const named = (challenge, parameters) => resolve({ challenge, parameters });
    begin({
      onSuccess: (session, confirmationNecessary) => resolve({ session, confirmationNecessary: confirmationNecessary === true }),
      onFailure: reject,
      mfaRequired: named,
      totpRequired: named,
      selectMFAType: named,
      mfaSetup: named,
      customChallenge: parameters => named('CUSTOM_CHALLENGE', parameters),
      newPasswordRequired: (attributes, required) => resolve({ challenge: 'NEW_PASSWORD_REQUIRED', attributes, required }),
      associateSecretCode: resolve,
      inputVerificationCode: resolve,
    });
  });
}

// called settles as a (err, result) callback is called.
export function called(begin) {
  return new Promise((resolve, reject) => begin((err, result) => (err ? reject(err) : resolve(result))));
}

export function signIn(user, Password, flow = 'USER_SRP_AUTH') {
  user.setAuthenticationFlowType(flow);
  const details = new AuthenticationDetails({ Username: user.getUsername(), Password });
  return outcome(callbacks => user.authenticateUser(details, callbacks));
}

// signInQuickly sends the password as it is. For SRP this client computes for a
// tenth of a second, which is well spent only where the password matters.
export const signInQuickly = (user, password) => signIn(user, password, 'USER_PASSWORD_AUTH');

// signInByQuestions is CUSTOM_AUTH without a password.
export function signInByQuestions(user) {
  user.setAuthenticationFlowType('CUSTOM_AUTH');
  const details = new AuthenticationDetails({ Username: user.getUsername() });
  return outcome(callbacks => user.initiateAuth(details, callbacks));
}

export const sendCode = (user, code, kind) => outcome(callbacks => user.sendMFACode(code, callbacks, kind));
export const answer = (user, text) => outcome(callbacks => user.sendCustomChallengeAnswer(text, callbacks));
export const newPassword = (user, password, attributes = {}) => outcome(callbacks => user.completeNewPasswordChallenge(password, attributes, callbacks));
export const refresh = (user, token) => called(callback => user.refreshSession(token, callback));

// refused is the error code of what has to fail.
export async function refused(code, run) {
  const err = await peer.refusal(run);
  peer.equal(err.code, code, `error code (${err.message})`);
  return err;
}

// sent notes what a user asks the server for from now on: the operation and its
// flow or challenge.
export function sent(user) {
  const list = [];
  const request = user.client.request.bind(user.client);
  user.client.request = (operation, params, callback) => {
    list.push([operation, params.AuthFlow ?? params.ChallengeName].filter(Boolean).join(' '));
    return request(operation, params, callback);
  };
  return list;
}
