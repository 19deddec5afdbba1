// aws-amplify v6 signs in: the client new web apps carry. It refreshes with
// GetTokensFromRefreshToken, which amazon-cognito-identity-js never calls.
import { Amplify } from 'aws-amplify';
import { confirmSignIn, fetchAuthSession, signIn } from 'aws-amplify/auth';
import { cognitoUserPoolsTokenProvider } from 'aws-amplify/auth/cognito';
import * as peer from './checks.mjs';

class MemoryStorage {
  #items = new Map();
  async setItem(key, value) { this.#items.set(key, value); }
  async getItem(key) { return this.#items.get(key) ?? null; }
  async removeItem(key) { this.#items.delete(key); }
  async clear() { this.#items.clear(); }
}

Amplify.configure({
  Auth: { Cognito: { userPoolId: peer.userPoolId, userPoolClientId: peer.clientId, userPoolEndpoint: peer.endpoint } },
});

// Without an identity pool Amplify asks no endpoint but the one above; each case
// begins with an empty store, signed out.
function signInAs(username, password) {
  cognitoUserPoolsTokenProvider.setKeyValueStorage(new MemoryStorage());
  return signIn({ username, password, options: { authFlowType: 'USER_SRP_AUTH' } });
}

await peer.check('SRP sign-in', async () => {
  const { isSignedIn } = await signInAs('ann', peer.password);
  peer.equal(isSignedIn, true, 'isSignedIn');
  const { tokens } = await fetchAuthSession();
  peer.claimsOfUser(tokens.idToken.payload, 'ann');
  peer.equal(tokens.accessToken.payload.client_id, peer.clientId, 'client_id');
});

await peer.check('wrong password refused', async () => {
  const err = await peer.refusal(() => signInAs('ann', 'Wr0ng-password!'));
  peer.equal(err.name, 'NotAuthorizedException', 'error name');
});

await peer.check('new password', async () => {
  const { nextStep } = await signInAs('new', peer.temporaryPassword);
  peer.equal(nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED', 'signInStep');
  const { isSignedIn } = await confirmSignIn({ challengeResponse: peer.newPassword });
  peer.equal(isSignedIn, true, 'isSignedIn');
  const { tokens } = await fetchAuthSession();
  peer.claimsOfUser(tokens.idToken.payload, 'new');
});

await peer.check('refresh', async () => {
  await signInAs('bob', peer.password);
  const { tokens: first } = await fetchAuthSession();
  const { tokens: renewed } = await fetchAuthSession({ forceRefresh: true });
  peer.claimsOfUser(renewed.idToken.payload, 'bob');
  peer.equal(renewed.idToken.payload.sub, first.idToken.payload.sub, 'sub after the refresh');
  if (renewed.accessToken.toString() === first.accessToken.toString()) throw new Error('the refresh gave the old access token');
});
