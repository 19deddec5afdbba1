// aws-amplify for the sandbox, or any other pool that checks.mjs names, and a
// browser at a time to use it in.
import { Amplify } from 'aws-amplify';
import { confirmSignIn, fetchAuthSession, signIn } from 'aws-amplify/auth';
import { cognitoUserPoolsTokenProvider } from 'aws-amplify/auth/cognito';
import * as peer from './checks.mjs';

// Node 20 has no navigator. Amplify asks it for the name of a new device, and
// where it is missing confirms no device and says nothing (getNewDeviceMetadata
// catches the ReferenceError).
globalThis.navigator ??= { userAgent: 'conformance' };

class MemoryStorage {
  items = new Map();
  async setItem(key, value) { this.items.set(key, value); }
  async getItem(key) { return this.items.get(key) ?? null; }
  async removeItem(key) { this.items.delete(key); }
  async clear() { this.items.clear(); }
}

// Without an identity pool Amplify asks no endpoint but this one.
Amplify.configure({
  Auth: { Cognito: { userPoolId: peer.userPoolId, userPoolClientId: peer.clientId, userPoolEndpoint: peer.endpoint } },
});

// enter makes a browser the one that is used from now on; a new one has nothing
// stored, so nobody is signed in.
export function enter(storage = new MemoryStorage()) {
  cognitoUserPoolsTokenProvider.setKeyValueStorage(storage);
  return storage;
}

export const bySRP = { authFlowType: 'USER_SRP_AUTH' };

// quickly sends the password as it is, for checks in which it does not matter.
export const quickly = { authFlowType: 'USER_PASSWORD_AUTH' };

// signInAs returns the next step, in a new browser or in one that is signed out.
export async function signInAs(username, password, options = bySRP, storage = undefined) {
  enter(storage);
  return (await signIn({ username, password, options })).nextStep;
}

export const confirm = async challengeResponse => (await confirmSignIn({ challengeResponse })).nextStep;

export const stepIs = (step, want) => peer.equal(step.signInStep, want, 'signInStep');

// signedIn looks at the tokens that Amplify holds.
export async function signedIn(step, username) {
  stepIs(step, 'DONE');
  const { tokens } = await fetchAuthSession();
  peer.claimsOfUser(tokens.idToken.payload, username);
  return tokens;
}

// refused is what has to fail, by the name of the error.
export async function refused(name, run) {
  const err = await peer.refusal(run);
  peer.equal(err.name, name, `error name (${err.message})`);
}

// stored is what Amplify keeps for a user under a name such as refreshToken.
export const stored = (storage, username, what) => storage.items.get(`CognitoIdentityServiceProvider.${peer.clientId}.${username}.${what}`);
export const store = (storage, username, what, value) => storage.items.set(`CognitoIdentityServiceProvider.${peer.clientId}.${username}.${what}`, value);
