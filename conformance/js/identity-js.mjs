// amazon-cognito-identity-js signs in: the client most older web apps carry.
import { newPassword, refresh, refused, signIn, userNamed } from './identity.mjs';
import * as peer from './checks.mjs';

await peer.check('SRP sign-in', async () => {
  const { session } = await signIn(userNamed('ann'), peer.password);
  peer.equal(session.isValid(), true, 'session.isValid()');
  peer.claimsOfUser(session.getIdToken().payload, 'ann');
  peer.equal(session.getAccessToken().payload.client_id, peer.clientId, 'client_id');
});

await peer.check('wrong password refused', () => refused('NotAuthorizedException', () => signIn(userNamed('ann'), 'Wr0ng-password!')));

await peer.check('new password', async () => {
  const user = userNamed('new');
  peer.equal((await signIn(user, peer.temporaryPassword)).challenge, 'NEW_PASSWORD_REQUIRED', 'challenge');
  const { session } = await newPassword(user, peer.newPassword);
  peer.claimsOfUser(session.getIdToken().payload, 'new');
  const again = await signIn(userNamed('new'), peer.newPassword);
  peer.equal(again.session.isValid(), true, 'session of the new password');
  await refused('NotAuthorizedException', () => signIn(userNamed('new'), peer.temporaryPassword));
});

await peer.check('refresh', async () => {
  const user = userNamed('bob');
  const { session } = await signIn(user, peer.password);
  const renewed = await refresh(user, session.getRefreshToken());
  peer.claimsOfUser(renewed.getIdToken().payload, 'bob');
  peer.equal(renewed.getIdToken().payload.sub, session.getIdToken().payload.sub, 'sub after the refresh');
  if (renewed.getAccessToken().getJwtToken() === session.getAccessToken().getJwtToken()) throw new Error('the refresh gave the old access token');
});
