// A small user pool that speaks USER_SRP_AUTH, written from the published
// description of SRP-6a (RFC 5054, RFC 3526 group 15) and of Cognito's proof,
// with node's BigInt and crypto and nothing of cogctl's. A client and a server
// that share one mistake agree with each other; this one shares nothing.
//
// It is stricter than it has to be where mistakes hide: public values and salts
// in every shape that padding must survive, a timestamp that has to be spelled
// right and to lie within five minutes of this server's clock.
//
// Prints one JSON object a line: first where it listens, then what it judged.
// Ends when its standard input does.
import crypto from 'node:crypto';
import http from 'node:http';

// srp-server.mjs [TIME]: with TIME (ISO 8601) the server's clock starts there, so
// that a 12-hour clock or a zero before the day shows whenever the test runs.
const pool = 'us-east-1_TESTPOOL1';
const poolName = pool.slice(pool.indexOf('_') + 1);
const clientId = 'conformance';
const window = 5 * 60 * 1000;
const clockShift = shiftTo(process.argv[2]);

const N = BigInt('0x' + crypto.getDiffieHellman('modp15').getPrime('hex'));
const g = 2n;
const k = integer(sha256(pad(N), pad(g)));

// One user a shape of salt: the top bit set, leading zeros, an odd number of
// hex digits. `new` has a temporary password.
const users = {
  ann: user('ann', 'Passw0rd!', 0xa1b2c3d4e5f60718293a4b5c6d7e8f90n),
  bob: user('bob', 'Passw0rd!', 0x0000c3d4e5f60718293a4b5c6d7e8f90n),
  eve: user('eve', 'Pässwörd 1!', 0x01b2c3d4e5f60718293a4b5c6d7e8f9n),
  new: { ...user('new', 'Temp0rary!', 0x71b2c3d4e5f60718293a4b5c6d7e8f90n), mustChange: true },
};
const shapes = [
  hex => hex.length === 768 && hex[0] >= '8',
  hex => hex.length === 768 && hex[0] < '8',
  hex => hex.length % 2 === 1,
];
let nextShape = 0;

const handshakes = new Map(); // by SECRET_BLOCK
const sessions = new Map(); // by Session: who has to choose a new password
const refreshTokens = new Map();
const signingKey = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

function sha256(...parts) {
  const hash = crypto.createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function hmac(key, ...parts) {
  const mac = crypto.createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

function integer(bytes) {
  return BigInt('0x' + bytes.toString('hex'));
}

// pad writes a non-negative integer as Java's BigInteger.toByteArray does: whole
// bytes, and one zero byte more when the top bit would read as a sign.
function pad(n) {
  let hex = n.toString(16);
  if (hex.length % 2 === 1) hex = '0' + hex;
  if (hex[0] >= '8') hex = '00' + hex;
  return Buffer.from(hex, 'hex');
}

function modPow(base, exponent, modulus) {
  let result = 1n;
  for (base %= modulus; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return result;
}

function user(name, password, salt) {
  const inner = sha256(Buffer.from(`${poolName}${name}:${password}`, 'utf8'));
  const x = integer(sha256(pad(salt), inner));
  return { name, salt, verifier: modPow(g, x, N), sub: crypto.randomUUID() };
}

// The key of one handshake: HKDF-SHA256, its first 16 bytes.
function handshakeKey(A, B, b, verifier) {
  const u = integer(sha256(pad(A), pad(B)));
  const S = modPow((A * modPow(verifier, u, N)) % N, b, N);
  return Buffer.from(crypto.hkdfSync('sha256', pad(S), pad(u), 'Caldera Derived Key', 16));
}

function publicValue(verifier) {
  const wanted = shapes[nextShape++ % shapes.length];
  for (;;) {
    const b = integer(crypto.randomBytes(32));
    const B = (k * verifier + modPow(g, b, N)) % N;
    if (wanted(B.toString(16))) return { b, B };
  }
}

function now() {
  return Date.now() + clockShift;
}

function shiftTo(time) {
  return time === undefined ? 0 : Date.parse(time) - Date.now();
}

// timestampProblem says what is wrong with a TIMESTAMP, or nothing. The spelling
// is the one Cognito asks for: "Thu Nov 5 15:04:05 UTC 2026".
function timestampProblem(text) {
  const form = /^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([1-9]\d?) (\d\d):(\d\d):(\d\d) UTC (\d{4})$/.exec(text);
  if (!form) return `spelled wrong: ${text}`;
  const [, weekday, month, day, hour, minute, second, year] = form;
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const at = new Date(Date.UTC(year, months.indexOf(month), day, hour, minute, second));
  if (Number.isNaN(at.getTime())) return `no date: ${text}`;
  if (['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][at.getUTCDay()] !== weekday) return `wrong weekday: ${text}`;
  if (Math.abs(at.getTime() - now()) > window) return `more than five minutes from ${new Date(now()).toUTCString()}: ${text}`;
  return '';
}

class Refusal extends Error {
  constructor(type, message) {
    super(message);
    this.type = type;
  }
}

function refuse(reason) {
  report({ event: 'proof', ok: false, reason });
  throw new Refusal('NotAuthorizedException', 'Incorrect username or password.');
}

function report(event) {
  process.stdout.write(JSON.stringify(event) + '\n');
}

function startSRP({ USERNAME, SRP_A }) {
  const who = users[USERNAME];
  if (!who) throw new Refusal('UserNotFoundException', 'User does not exist.');
  if (!/^[0-9a-f]+$/i.test(SRP_A ?? '')) throw new Refusal('InvalidParameterException', 'Missing required parameter SRP_A');
  const A = BigInt('0x' + SRP_A);
  if (A % N === 0n || A >= N) throw new Refusal('InvalidParameterException', 'SRP_A is out of range');
  const { b, B } = publicValue(who.verifier);
  const block = crypto.randomBytes(1200).toString('base64');
  handshakes.set(block, { who, key: handshakeKey(A, B, b, who.verifier) });
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

function checkProof(answers) {
  const block = answers.PASSWORD_CLAIM_SECRET_BLOCK;
  const handshake = handshakes.get(block);
  if (!handshake) refuse('unknown or used SECRET_BLOCK');
  handshakes.delete(block);
  const { who, key } = handshake;
  if (answers.USERNAME !== who.name) refuse('another USERNAME');
  const problem = timestampProblem(answers.TIMESTAMP ?? '');
  if (problem) refuse('timestamp ' + problem);
  const wanted = hmac(key, poolName, who.name, Buffer.from(block, 'base64'), answers.TIMESTAMP);
  const given = Buffer.from(answers.PASSWORD_CLAIM_SIGNATURE ?? '', 'base64');
  if (given.length !== wanted.length || !crypto.timingSafeEqual(given, wanted)) refuse('signature');
  report({ event: 'proof', ok: true, user: who.name, timestamp: answers.TIMESTAMP });
  if (!who.mustChange) return signedIn(who);
  const session = crypto.randomUUID();
  sessions.set(session, who);
  return {
    ChallengeName: 'NEW_PASSWORD_REQUIRED',
    Session: session,
    ChallengeParameters: { USER_ID_FOR_SRP: who.name, requiredAttributes: '[]', userAttributes: '{}' },
  };
}

function changePassword(request) {
  const who = sessions.get(request.Session);
  sessions.delete(request.Session);
  if (!who) throw new Refusal('NotAuthorizedException', 'Invalid session for the user.');
  users[who.name] = { ...user(who.name, request.ChallengeResponses.NEW_PASSWORD, who.salt), sub: who.sub };
  return signedIn(users[who.name]);
}

function signedIn(who) {
  const refreshToken = crypto.randomBytes(48).toString('base64url');
  refreshTokens.set(refreshToken, who);
  const result = tokensFor(who);
  result.AuthenticationResult.RefreshToken = refreshToken;
  return result;
}

function refreshed(refreshToken) {
  const who = refreshTokens.get(refreshToken);
  if (!who) throw new Refusal('NotAuthorizedException', 'Invalid Refresh Token');
  return tokensFor(who);
}

function tokensFor(who) {
  const at = Math.floor(now() / 1000);
  const common = { sub: who.sub, iss: issuer(), iat: at, exp: at + 3600, auth_time: at, jti: crypto.randomUUID() };
  const AccessToken = jwt({ ...common, token_use: 'access', client_id: clientId, username: who.name, scope: 'aws.cognito.signin.user.admin' });
  const IdToken = jwt({ ...common, token_use: 'id', aud: clientId, 'cognito:username': who.name });
  return { ChallengeParameters: {}, AuthenticationResult: { AccessToken, IdToken, ExpiresIn: 3600, TokenType: 'Bearer' } };
}

function jwt(claims) {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = part({ alg: 'RS256', kid: 'conformance' }) + '.' + part(claims);
  return input + '.' + crypto.sign('sha256', Buffer.from(input), signingKey).toString('base64url');
}

function answer(operation, request) {
  if (request.ClientId !== clientId) throw new Refusal('ResourceNotFoundException', `User pool client ${request.ClientId} does not exist.`);
  const what = request.AuthFlow ?? request.ChallengeName ?? '';
  switch (`${operation} ${what}`.trim()) {
    case 'InitiateAuth USER_SRP_AUTH':
      return startSRP(request.AuthParameters);
    case 'RespondToAuthChallenge PASSWORD_VERIFIER':
      return checkProof(request.ChallengeResponses);
    case 'RespondToAuthChallenge NEW_PASSWORD_REQUIRED':
      return changePassword(request);
    case 'InitiateAuth REFRESH_TOKEN_AUTH':
    case 'InitiateAuth REFRESH_TOKEN':
      return refreshed(request.AuthParameters.REFRESH_TOKEN);
    case 'GetTokensFromRefreshToken':
      return refreshed(request.RefreshToken);
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

server.listen(0, '127.0.0.1', () => {
  report({ event: 'listening', url: `http://127.0.0.1:${server.address().port}`, pool, clientId });
});
process.stdin.resume().on('end', () => process.exit(0));
