// What the client scripts share: where the pool is, and a check a line.
// The pool is the one `cogctl sandbox -- node …` announces, or any other that
// is named with the same variables.
export const endpoint = process.env.COGCTL_SANDBOX_CLOUD_URL;
export const userPoolId = process.env.PEER_POOL_ID ?? 'us-east-1_Sandbox01';
export const clientId = process.env.PEER_CLIENT_ID ?? 'sandboxweb';
export const password = 'Passw0rd!';
export const temporaryPassword = 'Temp0rary!';
export const newPassword = 'Brand-new-0!';

// check runs one named case: "ok NAME", or "not ok NAME: why" and exit code 1.
export async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (err) {
    console.log(`not ok ${name}: ${err?.stack ?? err}`);
    process.exitCode = 1;
  }
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

// claimsOfUser looks at an ID token as the peer decoded it.
export function claimsOfUser(claims, username) {
  equal(claims.iss, `${endpoint}/${userPoolId}`, 'iss');
  equal(claims.aud, clientId, 'aud');
  equal(claims.token_use, 'id', 'token_use');
  equal(claims['cognito:username'], username, 'cognito:username');
  if (!/^[0-9a-f-]{36}$/.test(claims.sub)) throw new Error(`sub is ${claims.sub}, want a UUID`);
  const left = claims.exp - Date.now() / 1000;
  if (left < 200 || left > 86400) throw new Error(`exp is ${left} s away, want between 5 minutes and a day`);
}

// refusal runs what has to fail and returns the error.
export async function refusal(run) {
  let result;
  try {
    result = await run();
  } catch (err) {
    return err;
  }
  throw new Error(`accepted: ${typeof result} ${Object.keys(result ?? {})}`); // no tokens in a log
}
