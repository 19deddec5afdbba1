// The control listener of the sandbox: what it sent, its settings, its clock.
import crypto from 'node:crypto';
import { clientId } from './checks.mjs';

const control = process.env.COGCTL_SANDBOX_CONTROL_URL;

async function ask(method, path, body) {
  const response = await fetch(control + path, {
    method,
    headers: { 'X-Cogctl-Key': process.env.COGCTL_SANDBOX_CONTROL_KEY },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.message}`);
  return answer;
}

export const setPool = settings => ask('POST', '/pools/us-east-1_Sandbox01', settings);
export const setClient = settings => ask('POST', `/clients/${clientId}`, settings);
export const setUser = (name, settings) => ask('POST', `/users/${name}`, settings);
export const advance = time => ask('POST', '/clock', { advance: time });
export const calls = async name => (await ask('GET', '/stats'))[name] ?? 0;

// lastCode is the newest code that a user was sent for a purpose.
export async function lastCode(username, kind) {
  const codes = await ask('GET', `/codes?username=${username}&kind=${kind}`);
  if (codes.length === 0) throw new Error(`${username} was sent no code for ${kind}`);
  return codes.at(-1).code;
}

// wrong is a code of the same length that differs from it in every digit.
export const wrong = code => code.replace(/\d/g, digit => (Number(digit) + 5) % 10);

// totpNow is the code of a base32 secret at the sandbox's time (RFC 6238). No code
// is good twice: where this one was handed out before, the clock goes on by a step.
export async function totpNow(secret) {
  let { now } = await ask('GET', '/clock');
  while (stepOf(now) <= (lastStep.get(secret) ?? 0)) ({ now } = await ask('POST', '/clock', { advance: '30s' }));
  lastStep.set(secret, stepOf(now));
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/=+$/, '')].map(c => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(stepOf(now)));
  const mac = crypto.createHmac('sha1', key).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(number % 1000000).padStart(6, '0');
}

const lastStep = new Map(); // by secret
const stepOf = time => Math.floor(Date.parse(time) / 30000);
