// The AWS SDK for JavaScript and the AWS credentials of the sandbox: by a
// credential_process that is cogctl, by the endpoint that cogctl exec serves, by its
// own client of identity pools. STS says who they are of.
import { fromCognitoIdentityPool, fromNodeProviderChain, fromProcess } from '@aws-sdk/credential-providers';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

import { check, endpoint, equal, refusal } from './checks.mjs';

const region = 'us-east-1';
const identityPoolId = process.env.PEER_IDENTITY_POOL_ID;
const login = 'cognito-idp.us-east-1.amazonaws.com/us-east-1_Sandbox01';
const clientConfig = { region, endpoint };

// role is the name of the role that STS sees.
async function role(credentials) {
  const sts = new STSClient({ ...clientConfig, credentials });
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  equal(Account, '123456789012', 'the account');
  return Arn.split('/')[1];
}

if (process.argv[2] === 'served') {
  await check('served', async () => {
    equal(process.env.AWS_ACCESS_KEY_ID, undefined, 'AWS_ACCESS_KEY_ID');
    const found = await fromNodeProviderChain(clientConfig)();
    if (!(found.expiration > new Date())) throw new Error(`expiration is ${found.expiration}`);
    equal(await role(found), 'admin', 'the role');
  });
} else {
  await check('process', async () => {
    const found = await fromProcess({ profile: 'default' })();
    if (!(found.expiration > new Date())) throw new Error(`expiration is ${found.expiration}`);
    equal(await role(found), 'admin', 'the role');
  });
  await check('process: a guest', async () => {
    equal(await role(await fromProcess({ profile: 'guest' })()), 'guest', 'the role');
  });
  await check('process: refused', async () => {
    const err = await refusal(fromProcess({ profile: 'nobody' }));
    if (/ASIA|eyJ/.test(err.message)) throw new Error('the error tells a secret');
  });
  await check('identity pool', async () => {
    const logins = { [login]: process.env.PEER_ID_TOKEN };
    equal(await role(fromCognitoIdentityPool({ identityPoolId, logins, clientConfig })), 'admin', 'the role');
  });
  await check('identity pool: a guest', async () => {
    equal(await role(fromCognitoIdentityPool({ identityPoolId, clientConfig })), 'guest', 'the role');
  });
}
