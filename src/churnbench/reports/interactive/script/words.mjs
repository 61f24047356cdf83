// Numbers as people read them; the same words as the rest of the page.

const NONE = "n/a";

/** Whether a figure exists. */
export function known(value) {
  return value !== null && value !== undefined && !Number.isNaN(value);
}

/** A number with fixed decimals, thousands separators and a real minus sign. */
export function fixed(value, decimals = 3) {
  if (!known(value)) return NONE;
  const text = formatterOf(decimals).format(Math.abs(value));
  return value < 0 && /[1-9]/.test(text) ? `\u2212${text}` : text;
}

const formatters = new Map(); // making one costs a thousand times as much as using it

function formatterOf(decimals) {
  if (!formatters.has(decimals)) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals, roundingMode: "halfEven" };
    formatters.set(decimals, new Intl.NumberFormat("en-US", digits));
  }
  return formatters.get(decimals);
}

/** A number with its sign always shown. */
export function signed(value, decimals = 1) {
  const text = fixed(value, decimals);
  return known(value) && value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** A count; one decimal where a sample makes it a fraction. */
export function count(value) {
  return fixed(value, known(value) && Math.abs(value - Math.round(value)) > 1e-6 ? 1 : 0);
}

/** A share as per cent. */
export function percent(value, decimals = 1) {
  return known(value) ? `${fixed(value * 100, decimals)} %` : NONE;
}

/** An interval of shares as per cent. */
export function range(low, high, decimals = 1) {
  return known(low) && known(high) ? `${fixed(low * 100, decimals)} \u2013 ${fixed(high * 100, decimals)} %` : "";
}

/** An amount, short. */
export function money(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1e9) return `${fixed(value / 1e9, 2)} B`;
  if (size >= 1e6) return `${fixed(value / 1e6, 2)} M`;
  if (size >= 1e4) return `${fixed(value / 1e3, 1)} k`;
  return fixed(value, 0);
}

/** A score in hundredths as points. */
export function score(hundredths) {
  return hundredths < 0 || hundredths === null ? NONE : fixed(hundredths / 100, 2);
}

const MOST_SIGNS = 60;
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g;

/** A name fit to show: no control or direction-changing signs, not too long. Markup in it stays text. */
export function named(text) {
  const plain = String(text).replace(CONTROL, "").trim();
  return plain.length <= MOST_SIGNS ? plain : `${plain.slice(0, MOST_SIGNS - 1)}\u2026`;
}
