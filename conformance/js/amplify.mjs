// aws-amplify v6 signs in: the client new web apps carry. It refreshes with
// GetTokensFromRefreshToken, which amazon-cognito-identity-js never calls.
import { confirm, refused, signedIn, signInAs, stepIs } from './amplified.mjs';
import { fetchAuthSession } from 'aws-amplify/auth';
import * as peer from './checks.mjs';

await peer.check('SRP sign-in', async () => {
  const tokens = await signedIn(await signInAs('ann', peer.password), 'ann');
  peer.equal(tokens.accessToken.payload.client_id, peer.clientId, 'client_id');
});

await peer.check('wrong password refused', () => refused('NotAuthorizedException', () => signInAs('ann', 'Wr0ng-password!')));

await peer.check('new password', async () => {
  stepIs(await signInAs('new', peer.temporaryPassword), 'CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED');
  await signedIn(await confirm(peer.newPassword), 'new');
});

await peer.check('refresh', async () => {
  const first = await signedIn(await signInAs('bob', peer.password), 'bob');
  const { tokens: renewed } = await fetchAuthSession({ forceRefresh: true });
  peer.claimsOfUser(renewed.idToken.payload, 'bob');
  peer.equal(renewed.idToken.payload.sub, first.idToken.payload.sub, 'sub after the refresh');
  if (renewed.accessToken.toString() === first.accessToken.toString()) throw new Error('the refresh gave the old access token');
});
