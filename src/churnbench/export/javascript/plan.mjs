// A checked body, laid out for scoring one account after the other.

import { InputRefused, shownShort } from "./errors.mjs";

/** A number is present within these bounds; NaN and the infinities fail the same test. */
export const LOWEST = -1e308;
export const HIGHEST = 1e308;

/**
 * The value as a double, NaN when it is missing.
 * @param {*} value number, boolean, bigint, null or undefined
 * @param {string} key input id, for the message
 * @returns {number} the double
 */
export function numberOf(value, key) {
  if (typeof value === "number") return value;
  if (value === null || value === undefined) return NaN;
  if (typeof value === "boolean" || typeof value === "bigint") return Number(value);
  throw new InputRefused(
    `input '${key}': ${shownShort(value)} is not a number. Pass a number, or null for missing.`,
  );
}

/**
 * The value as text, null when it is missing.
 * @param {*} value text, null, undefined or NaN
 * @param {string} key input id, for the message
 * @returns {string | null} the text
 */
export function textOf(value, key) {
  if (typeof value === "string") return value;
  if (value === null || value === undefined || Number.isNaN(value)) return null;
  throw new InputRefused(`input '${key}': ${shownShort(value)} is not text. Pass text, or null for missing.`);
}

/** Whether a double counts as present. */
export function isPresent(x) {
  return x >= LOWEST && x <= HIGHEST;
}

/** The table of a piecewise line: one flat piece before the first knot, one from the last. */
export function curveOf(points, slopes) {
  const knots = Float64Array.from(points, (point) => point[0]);
  const heights = points.map((point) => point[1]);
  const last = points.length - 1;
  return {
    knots,
    left: Float64Array.of(knots[0], ...knots),
    base: Float64Array.of(heights[0], ...heights),
    slope: Float64Array.of(0, ...slopes.slice(0, last), 0),
  };
}

/** Height of the piecewise line at x; a knot belongs to the piece on its right, and it is flat outside. */
export function onCurve(x, curve) {
  const { knots } = curve;
  let low = 0;
  let high = knots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x < knots[middle]) high = middle;
    else low = middle + 1;
  }
  return curve.base[low] + (x - curve.left[low]) * curve.slope[low];
}

/** Points of a missing value by the metric's policy; NaN when it is skipped. */
function fallbackOf(metric) {
  if (metric.missing === "skip") return NaN;
  return metric.missing === "neutral" ? metric.neutral : 0;
}

/** One metric inside its dimension: everything that its points depend on, NaN standing for none. */
function termOf(metric, weight) {
  const { rule } = metric;
  const expiry = metric.validity && metric.validity.then === "missing" ? metric.validity : null;
  const curved = rule.kind === "piecewise" || rule.kind === "ratio";
  return {
    metric: metric.id,
    key: metric.input,
    weight,
    kind: rule.kind,
    rule,
    curve: curved ? curveOf(rule.points, rule.slopes) : null,
    points: rule.kind === "category" ? new Map(rule.map) : null,
    fallback: fallbackOf(metric),
    ageKey: expiry === null ? null : expiry.input,
    days: expiry === null ? 0 : expiry.days,
  };
}

/** Held ratio of two present numbers, NaN without a positive denominator. */
export function ratioOf(top, bottom, rule) {
  if (!isPresent(top) || !isPresent(bottom) || !(bottom > 0)) return NaN;
  const ratio = (top / bottom) * rule.multiplier;
  if (ratio < rule.low) return rule.low;
  return ratio >= rule.high ? rule.high : ratio;
}

/**
 * Points of one metric before its missing policy, NaN when it has none.
 * @param {object} term of the plan
 * @param {(key: string) => *} get reads an input
 * @returns {number} 0 to 100, or NaN
 */
export function pointsOf(term, get) {
  const read = readPoints(term, get);
  if (term.ageKey === null) return read;
  const age = numberOf(get(term.ageKey), term.ageKey);
  return isPresent(age) && age > term.days ? NaN : read;
}

function readPoints(term, get) {
  const { key, rule } = term;
  if (term.kind === "category") {
    const text = textOf(get(key), key);
    return text === null ? NaN : term.points.get(text) ?? NaN;
  }
  const x = numberOf(get(key), key);
  if (term.kind === "ratio") {
    const ratio = ratioOf(x, numberOf(get(rule.denominator), rule.denominator), rule);
    return Number.isNaN(ratio) ? NaN : onCurve(ratio, term.curve);
  }
  if (!isPresent(x)) return NaN;
  if (term.kind === "boolean") return x >= 0.5 ? rule.true : rule.false;
  return onCurve(x, term.curve);
}

/**
 * Lays out a checked body.
 * @param {object} body the `body` of a document that was checked
 * @returns {object} frozen plan; dimensions, profiles, bands and whatever follows the total
 */
export function planOf(body) {
  const metrics = new Map(body.metrics.map((metric) => [metric.id, metric]));
  const weightsOf = (entries) => Float64Array.from(entries, (entry) => entry[1]);
  return Object.freeze({
    dimensions: body.dimensions.map((dimension) => ({
      id: dimension.id,
      terms: dimension.weights.map(([name, weight]) => termOf(metrics.get(name), weight)),
    })),
    segment: body.segments.input,
    defaultWeights: weightsOf(body.segments.default),
    profiles: new Map(body.segments.by.map((entry) => [entry.segment, weightsOf(entry.weights)])),
    leastCovered: body.min_coverage * 10000,
    flags: body.metrics
      .filter((metric) => metric.validity && metric.validity.then === "flag")
      .map((metric) => ({ metric: metric.id, key: metric.validity.input, days: metric.validity.days })),
    ramp: body.ramp ? { key: body.ramp.input, curve: curveOf(body.ramp.points, body.ramp.slopes) } : null,
    caps: body.caps ?? [],
    display: body.display_map ? curveOf(body.display_map.points, body.display_map.slopes) : null,
    hysteresis: body.hysteresis ? { reading: null, ...body.hysteresis } : null,
    stratumKey: body.risk_curve?.input ?? null,
    strata: (body.risk_curve?.strata ?? []).map((stratum) => ({
      from: stratum.from ?? LOWEST,
      to: stratum.to ?? HIGHEST,
      curve: curveOf(stratum.points, stratum.slopes),
    })),
    ...bandsOf(body.bands),
  });
}

/** The part of a plan that band thresholds decide. */
export function bandsOf(bands) {
  return {
    bandNames: bands.map((band) => band[0]),
    bandStarts: bands.map((band) => band[1]),
    bandNumber: new Map(bands.map((band, place) => [band[0], place])),
  };
}
