// Refusals that finish the thought: what arrived, what was expected, what to do.

/** A weight config that must not be used. */
export class ConfigRefused extends Error {
  /**
   * @param {string} where place in the document, e.g. `body.dimensions[0].weights`
   * @param {string} arrived what was found there
   * @param {string} expected what the format asks for
   * @param {string} fix what to do about it, one sentence
   */
  constructor(where, arrived, expected, fix) {
    super(`${where}: ${arrived}; expected ${expected}. ${fix}`);
    this.name = "ConfigRefused";
    this.where = where;
    this.arrived = arrived;
    this.expected = expected;
    this.fix = fix;
  }
}

/** Inputs of one account that cannot be scored: an unknown key, or text where a number belongs. */
export class InputRefused extends Error {
  /** @param {string} message what arrived and what to do */
  constructor(message) {
    super(message);
    this.name = "InputRefused";
  }
}

/**
 * A value as a message shows it: text in quotes, the rest as JSON.
 * @param {*} value anything
 * @returns {string} one line
 */
export function shown(value) {
  if (typeof value === "string") return quotedText(value);
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === null) {
    return `{${Object.keys(value).map((name) => `${quotedText(name)}: ${shown(value[name])}`).join(", ")}}`;
  }
  return value !== null && typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
}

/**
 * The same, cut where it would fill the screen.
 * @param {*} value anything
 * @returns {string} at most 60 characters
 */
export function shownShort(value) {
  const text = shown(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

function quotedText(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let written = "";
  for (const sign of text) {
    const code = sign.codePointAt(0);
    if (sign === "\\" || sign === quote) written += `\\${sign}`;
    else if (code < 32 || code === 127) written += CONTROL_NAMES[sign] ?? `\\x${code.toString(16).padStart(2, "0")}`;
    else written += sign;
  }
  return quote + written + quote;
}

const CONTROL_NAMES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
