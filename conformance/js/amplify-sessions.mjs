// aws-amplify and the life of a session: refreshes with and without rotation, and
// its end.
import { enter, quickly, refused, signedIn, signInAs, stored, store } from './amplified.mjs';
import { fetchAuthSession, fetchUserAttributes, signOut } from 'aws-amplify/auth';
import * as peer from './checks.mjs';
import { advance, calls, setClient } from './sandbox.mjs';

const rounds = 4;

// refresh is one forced refresh, that has to reach the server.
async function refresh(username) {
  const before = await calls('GetTokensFromRefreshToken');
  const { tokens } = await fetchAuthSession({ forceRefresh: true });
  peer.equal(await calls('GetTokensFromRefreshToken') - before, 1, 'calls of GetTokensFromRefreshToken');
  if (tokens) peer.claimsOfUser(tokens.idToken.payload, username);
  return tokens;
}

// severalRounds returns every refresh token that was stored on the way.
async function severalRounds(username) {
  const storage = enter();
  const first = await signedIn(await signInAs(username, peer.password, quickly, storage), username);
  const [refreshTokens, accessTokens] = [[stored(storage, username, 'refreshToken')], [first.accessToken.toString()]];
  for (let round = 0; round < rounds; round++) {
    const tokens = await refresh(username);
    peer.equal(tokens.accessToken.payload.origin_jti, first.accessToken.payload.origin_jti, 'origin_jti');
    peer.equal(tokens.accessToken.payload.auth_time, first.accessToken.payload.auth_time, 'auth_time');
    refreshTokens.push(stored(storage, username, 'refreshToken'));
    accessTokens.push(tokens.accessToken.toString());
  }
  peer.equal(new Set(accessTokens).size, rounds + 1, 'number of different access tokens');
  await fetchUserAttributes();
  return { storage, refreshTokens };
}

await peer.check('without rotation', async () => {
  const { refreshTokens } = await severalRounds('bob');
  peer.equal(new Set(refreshTokens).size, 1, 'number of different refresh tokens');
});

await peer.check('with rotation', async () => {
  await setClient({ rotate_refresh_tokens: true, retry_grace: '0s' });
  const { storage, refreshTokens } = await severalRounds('bob');
  peer.equal(new Set(refreshTokens).size, rounds + 1, 'number of different refresh tokens');

  // The one before the last is used up.
  store(storage, 'bob', 'refreshToken', refreshTokens.at(-2));
  await refused('RefreshTokenReuseException', () => refresh('bob'));
});

await peer.check('with rotation and a time of grace', async () => {
  await setClient({ rotate_refresh_tokens: true, retry_grace: '60s' });
  const { storage, refreshTokens } = await severalRounds('ann');
  const old = () => store(storage, 'ann', 'refreshToken', refreshTokens.at(-2));
  old();
  await refresh('ann');
  const newest = stored(storage, 'ann', 'refreshToken');
  old();
  await advance('61s');
  await refused('RefreshTokenReuseException', () => refresh('ann'));
  await advance('-61s');
  await signInAs('ann', peer.password, quickly, storage);
  store(storage, 'ann', 'refreshToken', newest);
  await refresh('ann');
  await setClient({ rotate_refresh_tokens: false });
});

await peer.check('expired refresh token', async () => {
  const storage = enter();
  await signedIn(await signInAs('bob', peer.password, quickly, storage), 'bob');
  await advance('719h');
  const tokens = (await fetchAuthSession({ forceRefresh: true })).tokens;
  peer.equal(tokens !== undefined, true, 'tokens an hour before the end');
  await advance('2h');
  peer.equal(await refresh('bob'), undefined, 'tokens after the end');
  await advance('-721h');
});

await peer.check('sign-out', async () => {
  const storage = enter();
  await signInAs('bob', peer.password, quickly, storage);
  const taken = new Map(storage.items);
  await signOut();
  peer.equal((await fetchAuthSession()).tokens, undefined, 'tokens after the sign-out');
  storage.items = taken;
  enter(storage);
  peer.equal(await refresh('bob'), undefined, 'tokens by the refresh token that was revoked');
});

await peer.check('global sign-out', async () => {
  const [here, there] = [enter(), enter()];
  await signInAs('bob', peer.password, quickly, there);
  await refresh('bob');
  await signInAs('bob', peer.password, quickly, here);
  await signOut({ global: true });
  enter(there);
  await refused('NotAuthorizedException', () => fetchUserAttributes());
  peer.equal(await refresh('bob'), undefined, 'tokens of the other browser');
  await signedIn(await signInAs('bob', peer.password), 'bob');
});
