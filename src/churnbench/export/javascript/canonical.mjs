// Canonical JSON (RFC 8785) and the two hashes of a weight config.

import { ConfigRefused } from "./errors.mjs";

const HALF_A_PAIR = /\p{Surrogate}/u;

/**
 * JSON data in the one form that RFC 8785 allows: keys sorted by UTF-16 units, no blanks, numbers as ECMAScript has them.
 * @param {*} value arrays, objects without a prototype or plain ones, text, finite numbers, booleans and null
 * @returns {string} the text; its UTF-8 bytes are what is hashed
 */
export function canonical(value) {
  if (typeof value === "string") return canonicalText(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (Number.isFinite(value)) return String(value);
    throw new ConfigRefused("document", `number ${value}`, "finite numbers", "Write null for missing.");
  }
  if (typeof value === "bigint") {
    throw new ConfigRefused("document", "an integer no double holds", "doubles", "Use a smaller one.");
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object") {
    throw new ConfigRefused("document", `a ${typeof value}`, "JSON data", "Use arrays and objects.");
  }
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${canonicalText(name)}:${canonical(value[name])}`).join(",")}}`;
}

function canonicalText(text) {
  if (HALF_A_PAIR.test(text)) {
    throw new ConfigRefused("document", "text with half a surrogate pair", "valid Unicode", "Repair the text.");
  }
  return JSON.stringify(text);
}

/**
 * Hash of what decides scores.
 * @param {object} document a weight config
 * @returns {string} sha256 over the canonical body, 64 lower-case hex digits
 */
export function bodySha256(document) {
  return sha256(canonical(document.body));
}

/**
 * Hash of the whole document but its `integrity` member.
 * @param {object} document a weight config
 * @returns {string} sha256, 64 lower-case hex digits
 */
export function documentSha256(document) {
  const rest = Object.create(null);
  for (const name of Object.keys(document)) if (name !== "integrity") rest[name] = document[name];
  return sha256(canonical(rest));
}

/**
 * SHA-256 (FIPS 180-4), synchronous, which no interface of browsers offers.
 * @param {string | Uint8Array} data text is hashed as UTF-8
 * @returns {string} 64 lower-case hex digits
 */
export function sha256(data) {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  shaConstants ??= makeShaConstants();
  const padded = new Uint8Array(((bytes.length + 72) >>> 6) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  const state = Int32Array.from(shaConstants.start);
  const schedule = new Int32Array(64);
  for (let offset = 0; offset < padded.length; offset += 64) {
    for (let t = 0; t < 16; t += 1) schedule[t] = view.getInt32(offset + t * 4);
    shaBlock(state, schedule, shaConstants.rounds);
  }
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

let shaConstants; // made on first use

/** First 32 bits of the fractions of square and cube roots of the first primes, by exact integer roots. */
function makeShaConstants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
  const bits = (prime, power) => Number(BigInt.asIntN(32, integerRoot(BigInt(prime) << BigInt(32 * power), power)));
  return {
    start: primes.slice(0, 8).map((prime) => bits(prime, 2)),
    rounds: Int32Array.from(primes, (prime) => bits(prime, 3)),
  };
}

function integerRoot(value, power) {
  let root = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((root + bit) ** BigInt(power) <= value) root += bit;
  return root;
}

function turned(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}

function shaBlock(state, schedule, rounds) {
  for (let t = 16; t < 64; t += 1) {
    const near = schedule[t - 2];
    const far = schedule[t - 15];
    const one = turned(near, 17) ^ turned(near, 19) ^ (near >>> 10);
    const zero = turned(far, 7) ^ turned(far, 18) ^ (far >>> 3);
    schedule[t] = (one + schedule[t - 7] + zero + schedule[t - 16]) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t += 1) {
    const choice = (e & f) ^ (~e & g);
    const first = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + choice + rounds[t] + schedule[t]) | 0;
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const second = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + majority) | 0;
    h = g; // one by one: a swap by destructuring makes two arrays per round until it is compiled
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  const after = [a, b, c, d, e, f, g, h];
  for (let place = 0; place < 8; place += 1) state[place] += after[place];
}
