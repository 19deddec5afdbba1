// The devices of the SRP server: what ConfirmDevice brings is kept, and the proof
// of a later sign-in is judged by nothing else.
import crypto from 'node:crypto';
import { N, Refusal, begin, integer, pad, proofProblem } from './srp.mjs';

export class Devices {
  #byKey = new Map();
  #handshakes = new Map(); // by SECRET_BLOCK

  // offer is the NewDeviceMetadata of a sign-in without a known device.
  offer(who) {
    const device = { key: `us-east-1_${crypto.randomUUID()}`, group: '-' + crypto.randomBytes(6).toString('base64url'), owner: who.name };
    this.#byKey.set(device.key, device);
    return { DeviceKey: device.key, DeviceGroupKey: device.group };
  }

  // of is a confirmed device of somebody. The word "device" in the refusal is
  // what clients look for to try again without.
  of(who, key) {
    const device = this.#byKey.get(key);
    if (device?.owner !== who.name || !device.verifier) throw new Refusal('ResourceNotFoundException', 'Device does not exist.');
    return device;
  }

  isConfirmed(key) {
    return Boolean(this.#byKey.get(key)?.verifier);
  }

  // confirm takes the verifier of an offered device. How it is written is part of
  // what is judged: base64 of whole bytes that no sign bit can spoil.
  confirm(who, request) {
    const device = this.#byKey.get(request.DeviceKey);
    if (device?.owner !== who.name) throw new Refusal('ResourceNotFoundException', 'Device does not exist.');
    if (device.verifier) throw new Refusal('DeviceKeyExistsException', 'Device already exists.');
    const { Salt, PasswordVerifier } = request.DeviceSecretVerifierConfig ?? {};
    device.salt = positive('Salt', Salt, 1n << 128n);
    device.verifier = positive('PasswordVerifier', PasswordVerifier, N);
    device.remembered = who.tracking === 'always';
    return { UserConfirmationNecessary: !device.remembered };
  }

  setStatus(who, { DeviceKey, DeviceRememberedStatus }) {
    this.of(who, DeviceKey).remembered = DeviceRememberedStatus === 'remembered';
    return {};
  }

  forget(who, { DeviceKey }) {
    this.#byKey.delete(this.of(who, DeviceKey).key);
    return {};
  }

  list(who) {
    const confirmed = [...this.#byKey.values()].filter(device => device.owner === who.name && device.verifier);
    return {
      Devices: confirmed.map(device => ({
        DeviceKey: device.key,
        DeviceAttributes: [{ Name: 'dev:device_remembered_status', Value: device.remembered ? 'remembered' : 'not_remembered' }],
      })),
    };
  }

  // begin answers SRP_A with the parameters of DEVICE_PASSWORD_VERIFIER.
  begin(device, hexA) {
    const { B, key } = begin(device.verifier, hexA);
    const block = crypto.randomBytes(1200).toString('base64');
    this.#handshakes.set(block, { device, key });
    return { SALT: device.salt.toString(16), SRP_B: B.toString(16), SECRET_BLOCK: block, DEVICE_KEY: device.key };
  }

  // problem says what is wrong with the proof of a device, or nothing.
  problem(device, answers, now) {
    const handshake = this.#handshakes.get(answers.PASSWORD_CLAIM_SECRET_BLOCK);
    this.#handshakes.delete(answers.PASSWORD_CLAIM_SECRET_BLOCK);
    if (handshake?.device !== device) return 'unknown or used SECRET_BLOCK';
    return proofProblem({ key: handshake.key, group: device.group, name: device.key, answers, now });
  }
}

function positive(name, text, limit) {
  const bytes = Buffer.from(text ?? '', 'base64');
  const refusal = new Refusal('InvalidParameterException', `${name} is no positive integer in base64`);
  if (bytes.length === 0 || bytes.toString('base64') !== text) throw refusal;
  const n = integer(bytes);
  if (n <= 1n || n >= limit || !pad(n).equals(bytes)) throw refusal;
  return n;
}
