// What a schema cannot say: sums, order, and that everything named exists.

import { ConfigRefused, shown } from "./errors.mjs";
import { checkShape } from "./shape.mjs";
import { SCHEMA } from "./schema.mjs";

/** Band of an account without enough data. */
export const INSUFFICIENT = "insufficient-data";
const FULL = 10000; // basis points
const FORMULA_FIX = "Correct the formula and export the config again.";
const RESERVED_DIMENSIONS = ["health", "raw"]; // `<dimension>_score` must not hide the whole score

/**
 * Refuses a body that no consumer could score, or that two consumers could read differently.
 * @param {object} body the `body` member of a document
 * @returns {Map<string, string>} input id -> "number", "boolean" or "category", in order of first use
 */
export function checkBody(body) {
  checkShape(body, "body", SCHEMA.$defs.body);
  checkMetrics(body.metrics);
  checkDimensions(body);
  checkProfiles(body);
  checkBands(body.bands);
  for (const name of ["ramp", "display_map"]) {
    if (body[name]) checkCurve(body[name].points, body[name].slopes, `body.${name}`);
  }
  if (body.display_map && body.display_map.points.some((point, k, points) => k > 0 && points[k - 1][1] > point[1])) {
    throw broken("body.display_map", "a falling map", "one that never falls");
  }
  checkHysteresis(body.hysteresis);
  checkRiskCurve(body.risk_curve ?? { strata: [] });
  checkUnique((body.caps ?? []).map((cap) => cap.id), "body.caps", "cap");
  checkUnique((body.triggers ?? []).map((trigger) => trigger.id), "body.triggers", "trigger");
  return inputKinds(body);
}

function inputKinds(body) {
  const kinds = new Map();
  for (const [name, kind, where] of usesOf(body)) {
    if (!kinds.has(name)) kinds.set(name, kind);
    const known = kinds.get(name);
    if (known !== kind && (known === "category" || kind === "category")) {
      throw broken(where, `input ${shown(name)} read as ${kind}`, `${known}, as elsewhere`);
    }
    if (kind === "boolean") kinds.set(name, kind);
  }
  return kinds;
}

/**
 * Every feature a consumer must know to score a body.
 * @param {object} body a checked body
 * @returns {string[]} what `requires` must list
 */
export function requiredFeatures(body) {
  return Object.keys(FEATURES).filter((feature) => FEATURES[feature](body));
}

const rulesOf = (kind) => (body) => body.metrics.some((metric) => metric.rule.kind === kind);
const FEATURES = {
  "piecewise/1": rulesOf("piecewise"),
  "ratio/1": rulesOf("ratio"),
  "boolean/1": rulesOf("boolean"),
  "category/1": rulesOf("category"),
  "missing/1": () => true,
  "validity/1": (body) => body.metrics.some((metric) => metric.validity),
  "segments/1": (body) => body.segments.input !== null,
  "ramp/1": (body) => Boolean(body.ramp),
  "caps/1": (body) => Boolean(body.caps?.length),
  "hysteresis/1": (body) => Boolean(body.hysteresis),
  "display-map/1": (body) => Boolean(body.display_map),
  "risk-curve/1": (body) => Boolean(body.risk_curve?.strata.length),
  "triggers/1": (body) => Boolean(body.triggers?.length),
};

/** Every feature that this version of the scorer knows. */
export const KNOWN_FEATURES = Object.keys(FEATURES).sort();

function* usesOf(body) {
  for (const metric of body.metrics) {
    const where = `body.metrics ${shown(metric.id)}`;
    const { rule, validity } = metric;
    yield [metric.input, ["boolean", "category"].includes(rule.kind) ? rule.kind : "number", where];
    if (rule.kind === "ratio") yield [rule.denominator, "number", where];
    if (validity) yield [validity.input, "number", where];
  }
  if (body.segments.input !== null) yield [body.segments.input, "category", "body.segments"];
  if (body.ramp) yield [body.ramp.input, "number", "body.ramp"];
  for (const cap of body.caps ?? []) yield capUse(cap);
  for (const name of body.hysteresis ? [body.hysteresis.input, body.hysteresis.reading ?? null] : []) {
    if (name !== null) yield [name, "category", "body.hysteresis"];
  }
  if ((body.risk_curve?.input ?? null) !== null) yield [body.risk_curve.input, "number", "body.risk_curve"];
}

function capUse(cap) {
  const where = `body.caps ${shown(cap.id)}`;
  const textual = cap.op === "=";
  if (textual !== (typeof cap.value === "string")) {
    throw broken(where, `${cap.op} ${shown(cap.value)}`, "= with text, or < and >= with a number");
  }
  return [cap.input, textual ? "category" : "number", where];
}

function checkMetrics(metrics) {
  checkUnique(metrics.map((metric) => metric.id), "body.metrics", "metric");
  for (const metric of metrics) {
    const where = `body.metrics ${shown(metric.id)}`;
    const { rule } = metric;
    if (metric.missing === "neutral" && !("neutral" in metric)) {
      throw broken(where, "missing 'neutral' without points", "a field neutral, 0 to 100");
    }
    if (rule.kind === "piecewise" || rule.kind === "ratio") checkCurve(rule.points, rule.slopes, where);
    if (rule.kind === "ratio" && !(rule.low < rule.high)) {
      throw broken(where, `low ${rule.low}, high ${rule.high}`, "low below high");
    }
    if (rule.kind === "category") checkUnique(rule.map.map((entry) => entry[0]), where, "category");
  }
}

function checkDimensions(body) {
  checkUnique(body.dimensions.map((dimension) => dimension.id), "body.dimensions", "dimension");
  for (const dimension of body.dimensions) {
    const where = `body.dimensions ${shown(dimension.id)}`;
    if (RESERVED_DIMENSIONS.includes(dimension.id)) {
      throw broken(where, "a reserved name", `another id than ${RESERVED_DIMENSIONS.join(" or ")}`);
    }
    checkSum(dimension.weights, where);
  }
  const used = body.dimensions.flatMap((dimension) => dimension.weights.map((entry) => entry[0]));
  checkUnique(used, "body.dimensions", "metric");
  const known = body.metrics.map((metric) => metric.id);
  const odd = [...used.filter((name) => !known.includes(name)), ...known.filter((name) => !used.includes(name))].sort();
  if (odd.length) {
    throw broken("body.dimensions", `metric ${shown(odd[0])} only on one side`, "every metric in one dimension");
  }
}

function checkProfiles(body) {
  const { segments } = body;
  checkUnique(segments.by.map((entry) => entry.segment), "body.segments.by", "segment");
  if (segments.by.length && segments.input === null) {
    throw broken("body.segments", "profiles without an input", "the id of the segment input");
  }
  const order = body.dimensions.map((dimension) => dimension.id);
  checkProfile(segments.default, order, "body.segments 'default'");
  for (const entry of segments.by) checkProfile(entry.weights, order, `body.segments ${shown(entry.segment)}`);
}

/** Refuses dimension weights that are not complete, in order and 10000 in sum. */
export function checkProfile(weights, order, where) {
  if (weights.length !== order.length || weights.some((entry, place) => entry[0] !== order[place])) {
    throw broken(where, "other dimensions or another order", `${order.join(", ")}, in this order`);
  }
  checkSum(weights, where);
}

/** Refuses bands that do not ascend from 0, or whose names are taken. */
export function checkBands(bands) {
  checkUnique(bands.map((band) => band[0]), "body.bands", "band");
  const starts = bands.map((band) => band[1]);
  if (starts[0] !== 0 || starts.some((start, place) => place > 0 && starts[place - 1] >= start)) {
    throw broken("body.bands", `bands from ${shown(starts)}`, "ascending bands, the first from 0");
  }
  if (bands.some((band) => band[0] === INSUFFICIENT)) {
    throw broken("body.bands", `a band ${shown(INSUFFICIENT)}`, "another name; this one is reserved");
  }
}

function checkHysteresis(hysteresis) {
  if (!hysteresis) return;
  const reading = hysteresis.reading ?? null;
  if (hysteresis.input === reading) {
    throw broken("body.hysteresis", "one input for both", "the band in force and the last reading apart");
  }
  if (hysteresis.margin === 0 && reading === null) {
    const wanted = "a margin above 0, a reading, or no hysteresis";
    throw broken("body.hysteresis", "neither margin nor reading", wanted);
  }
}

function checkRiskCurve(curve) {
  const { strata } = curve;
  checkUnique(strata.map((stratum) => stratum.id), "body.risk_curve", "stratum");
  strata.forEach((stratum, position) => checkStratum(stratum, position === strata.length - 1));
  if (strata.length > 1 && (curve.input ?? null) === null) {
    throw broken("body.risk_curve", "several strata without an input", "the id of the stratum input");
  }
}

function checkStratum(stratum, last) {
  const where = `body.risk_curve ${shown(stratum.id)}`;
  const low = stratum.from ?? null;
  const high = stratum.to ?? null;
  if (last === (low !== null || high !== null)) {
    const wanted = "no bounds on the last stratum, at least one on every other";
    throw broken(where, `from ${low}, to ${high}`, wanted);
  }
  if (low !== null && high !== null && low > high) throw broken(where, `from ${low}, to ${high}`, "from not above to");
  checkCurve(stratum.points, stratum.slopes, where, 1e-8);
  if (stratum.points.some(([, p, below, above]) => !(below <= p && p <= above))) {
    throw broken(where, "a probability outside its interval", "[score, p, low, high], low <= p <= high");
  }
}

function checkCurve(points, slopes, where, slack = 1e-6) {
  if (slopes.length !== points.length - 1) {
    throw broken(where, `${slopes.length} slopes`, `${points.length - 1}, one between each two knots`);
  }
  for (let k = 1; k < points.length; k += 1) {
    if (!(points[k - 1][0] < points[k][0])) {
      throw broken(where, `knot ${points[k][0]} after ${points[k - 1][0]}`, "knots in strictly ascending order");
    }
  }
  slopes.forEach((slope, k) => {
    const [[x0, y0], [x1, y1]] = [points[k], points[k + 1]];
    if (!(Math.abs(y0 + (x1 - x0) * slope - y1) <= slack)) {
      throw broken(where, `slope ${slope} from ${x0} to ${x1}`, `the slope that meets ${y1}`);
    }
  });
}

function checkSum(weights, where) {
  const total = weights.reduce((sum, entry) => sum + entry[1], 0);
  if (total !== FULL) throw broken(where, `weights that sum to ${total}`, `${FULL} basis points`);
}

function checkUnique(names, where, what) {
  const seen = new Set();
  for (const name of names) {
    if (seen.has(name)) throw broken(where, `${what} ${shown(name)} twice`, "each only once");
    seen.add(name);
  }
}

function broken(where, arrived, expected) {
  return new ConfigRefused(where, arrived, expected, FORMULA_FIX);
}
