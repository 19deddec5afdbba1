// SRP-6a as user pools speak it, the server's half: written from the published
// description (RFC 5054, RFC 3526 group 15) and of Cognito's proof, with node's
// BigInt and crypto and nothing of cogctl's. Users and devices share it: the
// pool and the username of the one are the group and the key of the other.
import crypto from 'node:crypto';

export const N = BigInt('0x' + crypto.getDiffieHellman('modp15').getPrime('hex'));
const g = 2n;
const k = integer(sha256(pad(N), pad(g)));
const window = 5 * 60 * 1000;

// What a public value looks like in every shape that padding must survive: the
// top bit set, not set, and an odd number of hex digits.
const shapes = [
  hex => hex.length === 768 && hex[0] >= '8',
  hex => hex.length === 768 && hex[0] < '8',
  hex => hex.length % 2 === 1,
];
let nextShape = 0;

// Refusal is an error that the client is told, by its AWS type.
export class Refusal extends Error {
  constructor(type, message) {
    super(message);
    this.type = type;
  }
}

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

export function integer(bytes) {
  return BigInt('0x' + bytes.toString('hex'));
}

// pad writes a non-negative integer as Java's BigInteger.toByteArray does: whole
// bytes, and one zero byte more when the top bit would read as a sign.
export function pad(n) {
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

export function verifierOf(group, name, password, salt) {
  const inner = sha256(Buffer.from(`${group}${name}:${password}`, 'utf8'));
  return modPow(g, integer(sha256(pad(salt), inner)), N);
}

// begin answers the public value of a client, in hex, with the server's and with
// the key of the handshake: HKDF-SHA256, its first 16 bytes.
export function begin(verifier, hexA) {
  if (!/^[0-9a-f]+$/i.test(hexA ?? '')) throw new Refusal('InvalidParameterException', 'Missing required parameter SRP_A');
  const A = BigInt('0x' + hexA);
  if (A % N === 0n || A >= N) throw new Refusal('InvalidParameterException', 'SRP_A is out of range');
  const { b, B } = publicValue(verifier);
  const u = integer(sha256(pad(A), pad(B)));
  const S = modPow((A * modPow(verifier, u, N)) % N, b, N);
  return { B, key: Buffer.from(crypto.hkdfSync('sha256', pad(S), pad(u), 'Caldera Derived Key', 16)) };
}

function publicValue(verifier) {
  const wanted = shapes[nextShape++ % shapes.length];
  for (;;) {
    const b = integer(crypto.randomBytes(32));
    const B = (k * verifier + modPow(g, b, N)) % N;
    if (wanted(B.toString(16))) return { b, B };
  }
}

// proofProblem says what is wrong with the proof in answers, or nothing.
export function proofProblem({ key, group, name, answers, now }) {
  const problem = timestampProblem(answers.TIMESTAMP ?? '', now);
  if (problem) return 'timestamp ' + problem;
  const block = Buffer.from(answers.PASSWORD_CLAIM_SECRET_BLOCK, 'base64');
  const wanted = hmac(key, group, name, block, answers.TIMESTAMP);
  const given = Buffer.from(answers.PASSWORD_CLAIM_SIGNATURE ?? '', 'base64');
  return given.length === wanted.length && crypto.timingSafeEqual(given, wanted) ? '' : 'signature';
}

// timestampProblem says what is wrong with a TIMESTAMP, or nothing. The spelling
// is the one Cognito asks for: "Thu Nov 5 15:04:05 UTC 2026".
function timestampProblem(text, now) {
  const form = /^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([1-9]\d?) (\d\d):(\d\d):(\d\d) UTC (\d{4})$/.exec(text);
  if (!form) return `spelled wrong: ${text}`;
  const [, weekday, month, day, hour, minute, second, year] = form;
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const at = new Date(Date.UTC(year, months.indexOf(month), day, hour, minute, second));
  if (Number.isNaN(at.getTime())) return `no date: ${text}`;
  if (['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][at.getUTCDay()] !== weekday) return `wrong weekday: ${text}`;
  if (Math.abs(at.getTime() - now) > window) return `more than five minutes from ${new Date(now).toUTCString()}: ${text}`;
  return '';
}
