// JSON, strictly: no duplicate keys, no NaN, no depth that could exhaust the stack, no digits lost in silence.

import { ConfigRefused, shown } from "./errors.mjs";

const RELEASE_FIX = "Take the file from the release again.";
const DEEPEST = 64;
const LONGEST_INTEGER = 4300; // digits
const BLANKS = /[ \t\n\r]*/y;
const PLAIN_TEXT = /[^"\\\u0000-\u001f]*/y;
const NUMERAL = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WORD = /-?[A-Za-z]+/y;
const ESCAPES = new Map(Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }));
const LITERALS = new Map([["null", null], ["true", true], ["false", false]]);
const NOT_FINITE = ["NaN", "Infinity", "-Infinity"];

/**
 * Reads a document: JSON text, its UTF-8 bytes, or data that was parsed elsewhere (copied).
 * Objects come back without a prototype, so that no key can be mistaken for something inherited. Integers that no
 * double holds come back as bigint, for the hash to refuse.
 * @param {string | Uint8Array | object} source the document
 * @returns {object} the document
 */
export function readDocument(source) {
  let document;
  if (typeof source === "string") document = new StrictReader(source).document();
  else if (source instanceof Uint8Array) document = new StrictReader(decoded(source)).document();
  else document = plainCopy(source, 0);
  if (document === null || typeof document !== "object" || Array.isArray(document)) {
    throw new ConfigRefused("config", `a JSON ${jsonKind(document)}`, "one JSON object", RELEASE_FIX);
  }
  return document;
}

function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new ConfigRefused("config", `bytes that are not UTF-8 (${error.message})`, "UTF-8 text", RELEASE_FIX);
  }
}

function jsonKind(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}

/** Data parsed elsewhere, as if this module had parsed it: own members only, minus zero as zero. */
function plainCopy(value, depth) {
  if (depth > DEEPEST) throw tooDeep();
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return value + 0;
  if (typeof value === "bigint") return exactInteger(String(value));
  if (Array.isArray(value)) return Array.from(value, (item) => plainCopy(item, depth + 1));
  if (Object.prototype.toString.call(value) !== "[object Object]") {
    throw new ConfigRefused("document", shown(value), "JSON data", "Pass the JSON text itself.");
  }
  const copy = Object.create(null);
  for (const name of Object.keys(value)) copy[name] = plainCopy(value[name], depth + 1);
  return copy;
}

/** The number that these digits write; as bigint where a double would write other digits. */
function exactInteger(digits) {
  const value = Number(digits) + 0;
  return Number.isSafeInteger(value) || String(value) === digits ? value : BigInt(digits);
}

function tooDeep() {
  const arrived = `text that is not JSON (nested deeper than ${DEEPEST} levels)`;
  return new ConfigRefused("config", arrived, "one JSON object", RELEASE_FIX);
}

class StrictReader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  document() {
    const value = this.value(0);
    this.match(BLANKS);
    if (this.at < this.text.length) throw this.fault("text after the end");
    return value;
  }

  fault(what) {
    const before = this.text.slice(0, this.at).split("\n");
    const place = `line ${before.length} column ${before[before.length - 1].length + 1}`;
    const arrived = `text that is not JSON (${what}: ${place})`;
    return new ConfigRefused("config", arrived, "one JSON object", RELEASE_FIX);
  }

  /** The match of a sticky pattern here, and a step past it. */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at += found[0].length;
    return found;
  }

  /** The next sign after blanks, taken. */
  sign() {
    this.match(BLANKS);
    this.at += 1;
    return this.text[this.at - 1];
  }

  value(depth) {
    if (depth > DEEPEST) throw tooDeep();
    this.match(BLANKS);
    const sign = this.text[this.at];
    if (sign === "{") return this.object(depth);
    if (sign === "[") return this.array(depth);
    if (sign === '"') return this.string();
    return this.numeral() ?? this.literal();
  }

  numeral() {
    const start = this.at;
    const found = this.match(NUMERAL);
    if (found === null) return undefined;
    if (found[1] !== undefined || found[2] !== undefined) return Number(found[0]) + 0;
    if (found[0].length > LONGEST_INTEGER) {
      this.at = start;
      throw this.fault(`an integer of ${found[0].length} digits`);
    }
    return exactInteger(found[0]);
  }

  literal() {
    const start = this.at;
    const word = this.match(WORD)?.[0];
    if (LITERALS.has(word)) return LITERALS.get(word);
    if (NOT_FINITE.includes(word)) {
      throw new ConfigRefused("config", `the literal ${word}`, "finite numbers or null", RELEASE_FIX);
    }
    this.at = start;
    throw this.fault("a value expected");
  }

  array(depth) {
    const items = [];
    this.sign();
    this.match(BLANKS);
    if (this.text[this.at] === "]") return this.closed(items);
    for (;;) {
      items.push(this.value(depth + 1));
      const sign = this.sign();
      if (sign === "]") return items;
      if (sign !== ",") throw this.before("a comma or ] expected");
    }
  }

  object(depth) {
    const members = Object.create(null);
    this.sign();
    this.match(BLANKS);
    if (this.text[this.at] === "}") return this.closed(members);
    for (;;) {
      this.match(BLANKS);
      const name = this.string();
      if (this.sign() !== ":") throw this.before("a colon expected");
      const value = this.value(depth + 1);
      if (name in members) {
        throw new ConfigRefused("config", `key ${shown(name)} twice in one object`, "each key once", RELEASE_FIX);
      }
      members[name] = value;
      const sign = this.sign();
      if (sign === "}") return members;
      if (sign !== ",") throw this.before("a comma or } expected");
    }
  }

  closed(value) {
    this.at += 1;
    return value;
  }

  before(what) {
    this.at -= 1;
    return this.fault(what);
  }

  string() {
    if (this.text[this.at] !== '"') throw this.fault("text in double quotes expected");
    this.at += 1;
    let written = "";
    for (;;) {
      written += this.match(PLAIN_TEXT)[0];
      const sign = this.text[this.at];
      if (sign === '"') {
        this.at += 1;
        return written;
      }
      if (sign !== "\\") throw this.fault("text without an end, or with a control character");
      written += this.escape();
    }
  }

  escape() {
    const sign = this.text[this.at + 1];
    const digits = this.text.slice(this.at + 2, this.at + 6);
    if (sign === "u" && /^[0-9a-fA-F]{4}$/.test(digits)) {
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    if (!ESCAPES.has(sign)) throw this.fault("an unknown escape");
    this.at += 2;
    return ESCAPES.get(sign);
  }
}
