// A small user pool that speaks USER_SRP_AUTH and remembers devices. A client and
// a server that share one mistake agree with each other; this one shares nothing
// with cogctl (see srp.mjs).
//
// It is stricter than it has to be where mistakes hide: public values and salts
// in every shape that padding must survive, a timestamp that has to be spelled
// right and to lie within five minutes of this server's clock, a device whose
// verifier has to be written as one.
//
// Prints one JSON object a line: first where it listens, then what it judged.
// Ends when its standard input does.
import crypto from 'node:crypto';
import http from 'node:http';
import { Refusal, begin, proofProblem, verifierOf } from './srp.mjs';
import { Devices } from './srp-devices.mjs';

// srp-server.mjs [TIME]: with TIME (ISO 8601) the server's clock starts there, so
// that a 12-hour clock or a zero before the day shows whenever the test runs.
const pool = 'us-east-1_TESTPOOL1';
const poolName = pool.slice(pool.indexOf('_') + 1);
const clientId = 'conformance';
const smsCode = '246813'; // always: nothing is sent
const clockShift = process.argv[2] === undefined ? 0 : Date.parse(process.argv[2]) - Date.now();

// One user a shape of salt: the top bit set, leading zeros, an odd number of
// hex digits. `new` has a temporary password. `device` and `sms` have a code as
// second factor that a remembered device stands in for; the device of `sms`
// waits for UpdateDeviceStatus.
const users = {
  ann: user('ann', 'Passw0rd!', 0xa1b2c3d4e5f60718293a4b5c6d7e8f90n),
  bob: user('bob', 'Passw0rd!', 0x0000c3d4e5f60718293a4b5c6d7e8f90n),
  eve: user('eve', 'Pässwörd 1!', 0x01b2c3d4e5f60718293a4b5c6d7e8f9n),
  new: { ...user('new', 'Temp0rary!', 0x71b2c3d4e5f60718293a4b5c6d7e8f90n), mustChange: true },
  device: { ...user('device', 'Passw0rd!', 0xb1b2c3d4e5f60718293a4b5c6d7e8f90n), tracking: 'always', asksCode: true },
  sms: { ...user('sms', 'Passw0rd!', 0x51b2c3d4e5f60718293a4b5c6d7e8f90n), tracking: 'opt-in', asksCode: true },
};

const devices = new Devices();
const handshakes = new Map(); // by SECRET_BLOCK
const sessions = new Map(); // by Session: who, which challenge, and the device
const refreshTokens = new Map();
const accessTokens = new Map();
const signingKey = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

function user(name, password, salt) {
  return { name, salt, verifier: verifierOf(poolName, name, password, salt), sub: crypto.randomUUID() };
}

function now() {
  return Date.now() + clockShift;
}

function report(event) {
  process.stdout.write(JSON.stringify(event) + '\n');
}

// judged reports what was found, and refuses where there is a problem.
function judged(event, who, reason, rest) {
  report({ event, ok: reason === '', reason, user: who?.name, ...rest });
  if (reason) throw new Refusal('NotAuthorizedException', 'Incorrect username or password.');
}

function startSRP({ USERNAME, SRP_A }) {
  const who = users[USERNAME];
  if (!who) throw new Refusal('UserNotFoundException', 'User does not exist.');
  const { B, key } = begin(who.verifier, SRP_A);
  const block = crypto.randomBytes(1200).toString('base64');
  handshakes.set(block, { who, key });
  return {
    ChallengeName: 'PASSWORD_VERIFIER',
    ChallengeParameters: {
      SALT: who.salt.toString(16),
      SRP_B: B.toString(16),
      SECRET_BLOCK: block,
      USERNAME: who.name,
      USER_ID_FOR_SRP: who.name,
    },
  };
}

// checkProof judges the password. A device that nobody knows leaves the
// handshake as it was: clients send the same answer again without it.
function checkProof(answers) {
  const block = answers.PASSWORD_CLAIM_SECRET_BLOCK;
  const handshake = handshakes.get(block);
  if (handshake && answers.DEVICE_KEY) devices.of(handshake.who, answers.DEVICE_KEY);
  handshakes.delete(block);
  if (!handshake) judged('proof', undefined, 'unknown or used SECRET_BLOCK');
  const { who, key } = handshake;
  const reason = answers.USERNAME === who.name ? proofProblem({ key, group: poolName, name: who.name, answers, now: now() }) : 'another USERNAME';
  judged('proof', who, reason, { timestamp: answers.TIMESTAMP });
  if (who.mustChange) return challenge('NEW_PASSWORD_REQUIRED', who, undefined, { requiredAttributes: '[]', userAttributes: '{}' });
  if (answers.DEVICE_KEY && devices.of(who, answers.DEVICE_KEY).remembered) {
    return challenge('DEVICE_SRP_AUTH', who, answers.DEVICE_KEY, { USERNAME: who.name, DEVICE_KEY: answers.DEVICE_KEY });
  }
  if (who.asksCode) {
    return challenge('SMS_MFA', who, answers.DEVICE_KEY, { CODE_DELIVERY_DELIVERY_MEDIUM: 'SMS', CODE_DELIVERY_DESTINATION: '+*******0102' });
  }
  return signedIn(who, answers.DEVICE_KEY);
}

function challenge(ChallengeName, who, device, parameters) {
  const Session = crypto.randomUUID();
  sessions.set(Session, { who, challenge: ChallengeName, device });
  return { ChallengeName, Session, ChallengeParameters: { USER_ID_FOR_SRP: who.name, ...parameters } };
}

// opened is what an answer belongs to. It is used up unless judge, which may
// refuse, does.
function opened({ ChallengeName, ChallengeResponses, Session }, judge = () => {}) {
  const session = sessions.get(Session);
  if (session?.challenge !== ChallengeName || ChallengeResponses.USERNAME !== session.who.name) {
    throw new Refusal('NotAuthorizedException', 'Invalid session for the user.');
  }
  judge(session);
  sessions.delete(Session);
  return session;
}

function changePassword(request) {
  const { who } = opened(request);
  users[who.name] = { ...user(who.name, request.ChallengeResponses.NEW_PASSWORD, who.salt), sub: who.sub };
  return signedIn(users[who.name]);
}

function checkCode(request) {
  const { SMS_MFA_CODE, DEVICE_KEY } = request.ChallengeResponses;
  const { who, device } = opened(request, session => {
    if (SMS_MFA_CODE !== smsCode) throw new Refusal('CodeMismatchException', 'Invalid code or auth state for the user.');
    if (DEVICE_KEY && DEVICE_KEY !== session.device) throw new Refusal('ResourceNotFoundException', 'Device does not exist.');
  });
  return signedIn(who, DEVICE_KEY && device);
}

function startDevice(request) {
  const { SRP_A, DEVICE_KEY } = request.ChallengeResponses;
  const { who, device } = opened(request);
  if (DEVICE_KEY !== device) judged('device proof', who, 'another DEVICE_KEY');
  return challenge('DEVICE_PASSWORD_VERIFIER', who, device, { USERNAME: who.name, ...devices.begin(devices.of(who, device), SRP_A) });
}

function checkDevice(request) {
  const answers = request.ChallengeResponses;
  const { who, device } = opened(request);
  const reason = answers.DEVICE_KEY === device ? devices.problem(devices.of(who, device), answers, now()) : 'another DEVICE_KEY';
  judged('device proof', who, reason, { timestamp: answers.TIMESTAMP });
  return signedIn(who, device);
}

function confirmDevice(who, request) {
  try {
    const answer = devices.confirm(who, request);
    report({ event: 'device', ok: true, user: who.name });
    return answer;
  } catch (err) {
    report({ event: 'device', ok: false, user: who.name, reason: err.message });
    throw err;
  }
}

function signedIn(who, device) {
  const result = tokensFor(who);
  const refreshToken = crypto.randomBytes(48).toString('base64url');
  result.AuthenticationResult.RefreshToken = refreshToken;
  if (who.tracking && !device) {
    const offered = devices.offer(who);
    result.AuthenticationResult.NewDeviceMetadata = offered;
    device = offered.DeviceKey;
  }
  refreshTokens.set(refreshToken, { who, device });
  return result;
}

// refreshed wants the key of the device, once that is confirmed, with the token.
function refreshed(refreshToken, deviceKey) {
  const grant = refreshTokens.get(refreshToken);
  if (!grant || (devices.isConfirmed(grant.device) && deviceKey !== grant.device)) {
    throw new Refusal('NotAuthorizedException', 'Invalid Refresh Token');
  }
  return tokensFor(grant.who);
}

function tokensFor(who) {
  const at = Math.floor(now() / 1000);
  const common = { sub: who.sub, iss: issuer(), iat: at, exp: at + 3600, auth_time: at, jti: crypto.randomUUID() };
  const AccessToken = jwt({ ...common, token_use: 'access', client_id: clientId, username: who.name, scope: 'aws.cognito.signin.user.admin' });
  const IdToken = jwt({ ...common, token_use: 'id', aud: clientId, 'cognito:username': who.name });
  accessTokens.set(AccessToken, who);
  return { ChallengeParameters: {}, AuthenticationResult: { AccessToken, IdToken, ExpiresIn: 3600, TokenType: 'Bearer' } };
}

function jwt(claims) {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = part({ alg: 'RS256', kid: 'conformance' }) + '.' + part(claims);
  return input + '.' + crypto.sign('sha256', Buffer.from(input), signingKey).toString('base64url');
}

// Operations that take an access token, and so no ClientId.
const own = {
  ConfirmDevice: confirmDevice,
  UpdateDeviceStatus: (who, request) => devices.setStatus(who, request),
  ForgetDevice: (who, request) => devices.forget(who, request),
  ListDevices: who => devices.list(who),
};

function answer(operation, request) {
  if (own[operation]) {
    const who = accessTokens.get(request.AccessToken);
    if (!who) throw new Refusal('NotAuthorizedException', 'Invalid Access Token');
    return own[operation](who, request);
  }
  if (request.ClientId !== clientId) throw new Refusal('ResourceNotFoundException', `User pool client ${request.ClientId} does not exist.`);
  const what = request.AuthFlow ?? request.ChallengeName ?? '';
  switch (`${operation} ${what}`.trim()) {
    case 'InitiateAuth USER_SRP_AUTH':
      return startSRP(request.AuthParameters);
    case 'RespondToAuthChallenge PASSWORD_VERIFIER':
      return checkProof(request.ChallengeResponses);
    case 'RespondToAuthChallenge NEW_PASSWORD_REQUIRED':
      return changePassword(request);
    case 'RespondToAuthChallenge SMS_MFA':
      return checkCode(request);
    case 'RespondToAuthChallenge DEVICE_SRP_AUTH':
      return startDevice(request);
    case 'RespondToAuthChallenge DEVICE_PASSWORD_VERIFIER':
      return checkDevice(request);
    case 'InitiateAuth REFRESH_TOKEN_AUTH':
    case 'InitiateAuth REFRESH_TOKEN':
      return refreshed(request.AuthParameters.REFRESH_TOKEN, request.AuthParameters.DEVICE_KEY);
    case 'GetTokensFromRefreshToken':
      return refreshed(request.RefreshToken, request.DeviceKey);
    case 'RevokeToken':
      refreshTokens.delete(request.Token);
      return {};
    default:
      throw new Refusal('InvalidParameterException', `this pool speaks SRP only, not ${operation} ${what}`);
  }
}

function issuer() {
  return `http://127.0.0.1:${server.address().port}/${pool}`;
}

function handle(request, body) {
  if (request.method !== 'POST' || request.url !== '/') throw new Refusal('UnknownOperationException', `${request.method} ${request.url}`);
  const target = request.headers['x-amz-target'] ?? '';
  if (!target.startsWith('AWSCognitoIdentityProviderService.')) throw new Refusal('UnknownOperationException', target);
  return answer(target.slice(target.indexOf('.') + 1), JSON.parse(body));
}

const server = http.createServer(async (request, response) => {
  response.sendDate = false;
  response.setHeader('Date', new Date(now()).toUTCString());
  response.setHeader('Content-Type', 'application/x-amz-json-1.1');
  try {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(JSON.stringify(handle(request, body)));
  } catch (err) {
    const type = err instanceof Refusal ? err.type : 'InternalErrorException';
    response.statusCode = err instanceof Refusal ? 400 : 500;
    response.setHeader('x-amzn-errortype', type);
    response.end(JSON.stringify({ __type: type, message: err.message }));
  }
});

// A client that computes for longer than Node's five seconds, on a busy machine, would
// find its connection closed.
server.keepAliveTimeout = 0;

server.listen(0, '127.0.0.1', () => {
  report({ event: 'listening', url: `http://127.0.0.1:${server.address().port}`, pool, clientId, code: smsCode });
});
process.stdin.resume().on('end', () => process.exit(0));
