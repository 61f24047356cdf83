// Applies a weight config to one account.

import { InputRefused, shown } from "./errors.mjs";
import { isPresent, numberOf, pointsOf, textOf } from "./plan.mjs";
import { Score } from "./result.mjs";
import { INSUFFICIENT } from "./rules.mjs";
import { finished } from "./after-total.mjs";
import { ColumnInputs } from "./columns.mjs";
import { scorePrepared } from "./many.mjs";

/** A checked config, ready to score. Made by `load` and `withWeights`. */
export class Scorer {
  /**
   * @param {object} cover config_id, config_version, sequence, body_sha256, inputs, warnings
   * @param {object} plan the laid-out body
   */
  constructor(cover, plan) {
    /** @type {string} which config this is */
    this.config_id = cover.config_id;
    /** @type {string} semantic version */
    this.config_version = cover.config_version;
    /** @type {number} rises with every release */
    this.sequence = cover.sequence;
    /** @type {string | null} hash of what decides scores; null when weights or bands were changed since loading */
    this.body_sha256 = cover.body_sha256;
    /** @type {Map<string, string>} input id -> "number", "boolean" or "category" */
    this.inputs = cover.inputs;
    /** @type {string[]} sentences for the operator, e.g. that the review date has passed */
    this.warnings = cover.warnings;
    /** @type {Array<[string, number]>} name and inclusive threshold in hundredths, ascending */
    this.bands = plan.bandNames.map((name, place) => [name, plan.bandStarts[place]]);
    /** @type {Array<[string, number]>} dimension id and its default weight in basis points */
    this.dimensions = plan.dimensions.map(({ id }, place) => [id, plan.defaultWeights[place]]);
    Object.defineProperty(this, "plan", { value: plan }); // for this module alone, hence not enumerable
  }

  /**
   * Scores one account.
   * @param {object | Map<string, *>} inputs input id -> value; null, undefined, NaN and absent keys are missing
   * @param {{extra?: "error" | "ignore"}} [options] what an undeclared key does
   * @returns {Score} its health_score_x100 is null where too little of the weight is known
   * @throws {InputRefused} for an undeclared key, or a value of the wrong type
   */
  score(inputs, { extra = "error" } = {}) {
    const get = readerOf(inputs);
    if (extra !== "ignore") refuseUnknown(namesOf(inputs), this);
    const { plan } = this;
    const segment = plan.segment === null ? null : textOf(get(plan.segment), plan.segment);
    const weights = (segment === null ? undefined : plan.profiles.get(segment)) ?? plan.defaultWeights;
    const parts = { dimensions: plan.dimensions, weights, points: [], values: [] };
    let total = 0;
    let totalWeight = 0;
    let covered = 0;
    for (let place = 0; place < plan.dimensions.length; place += 1) {
      const { value, seen } = dimensionOf(plan.dimensions[place].terms, get, parts.points);
      covered += weights[place] * seen;
      parts.values.push(value);
      if (!Number.isNaN(value)) {
        total += weights[place] * value;
        totalWeight += weights[place];
      }
    }
    const enough = totalWeight > 0 && covered >= plan.leastCovered;
    const stale = plan.flags.filter((flag) => isOld(flag, get)).map((flag) => flag.metric);
    const health = enough ? finished(plan, total / totalWeight, get) : { ...WITHOUT_SCORE, caps: [] };
    return new Score(health, Math.floor(covered * 0.0001 + 0.5), stale, parts);
  }

  /**
   * Reads and checks columns once, for many calls of `scoreColumns` with other weights or bands.
   * @param {object | Map<string, *>} columns input id -> Float64Array, array of numbers or texts; absent: all missing
   * @param {number} count rows
   * @param {{extra?: "error" | "ignore"}} [options] what an undeclared column does
   * @returns {ColumnInputs} fits this scorer and every one made from it by `withWeights`
   */
  prepareColumns(columns, count, { extra = "error" } = {}) {
    readerOf(columns);
    if (extra !== "ignore") refuseUnknown(namesOf(columns), this);
    return new ColumnInputs(this.plan, readerOf(columns), count);
  }

  /**
   * Scores many accounts at once, row by row equal to `score`.
   * @param {object | Map<string, *> | ColumnInputs} columns as `prepareColumns` takes them, or what it gave
   * @param {number} [count] rows; not needed for prepared columns
   * @param {{extra?: "error" | "ignore"}} [options] what an undeclared column does
   * @returns {{count: number, bands: string[], score: Int32Array, band: Uint8Array, reading: Uint8Array,
   *   coverage: Int32Array, probability: Float64Array}} score -1 and probability NaN for none; band and reading are
   *   places in `bands`, whose last is "insufficient-data"
   * @throws {InputRefused} for an undeclared column, a wrong length, or a value of the wrong type in any row
   */
  scoreColumns(columns, count, options) {
    const prepared = columns instanceof ColumnInputs ? columns : this.prepareColumns(columns, count, options);
    return scorePrepared(this.plan, prepared);
  }
}

const WITHOUT_SCORE = {
  total_score_x100: null,
  raw_score: null,
  raw_score_x100: null,
  health_score_x100: null,
  band: INSUFFICIENT,
  reading_band: INSUFFICIENT,
  churn_probability: null,
};

/** Reads own members alone: a key named like something inherited is missing, not found. */
function readerOf(inputs) {
  if (inputs instanceof Map) return (key) => inputs.get(key);
  if (inputs === null || typeof inputs !== "object" || Array.isArray(inputs)) {
    throw new InputRefused(`inputs ${shown(inputs)}: pass an object or a Map of input ids and values.`);
  }
  return (key) => (Object.hasOwn(inputs, key) ? inputs[key] : undefined);
}

function namesOf(inputs) {
  return inputs instanceof Map ? [...inputs.keys()] : Object.keys(inputs);
}

function refuseUnknown(names, scorer) {
  if (names.every((name) => scorer.inputs.has(name))) return;
  const unknown = names.filter((name) => !scorer.inputs.has(name));
  throw new InputRefused(
    `unknown input ${unknown.map(String).sort().map(shown).join(", ")}; config ${scorer.config_id} ` +
      `${scorer.config_version} knows ${[...scorer.inputs.keys()].join(", ")}. Rename it, or pass {extra: "ignore"}.`,
  );
}

/** Weighted mean of one dimension (NaN when empty) and its weight really present; appends to `points`. */
function dimensionOf(terms, get, points) {
  let weighted = 0;
  let weightPresent = 0;
  let seen = 0;
  for (const term of terms) {
    let value = pointsOf(term, get);
    if (Number.isNaN(value)) value = term.fallback;
    else seen += term.weight;
    points.push(value);
    if (!Number.isNaN(value)) {
      weighted += term.weight * value;
      weightPresent += term.weight;
    }
  }
  return { value: weightPresent === 0 ? NaN : weighted / weightPresent, seen };
}

function isOld(flag, get) {
  const age = numberOf(get(flag.key), flag.key);
  return isPresent(age) && age > flag.days;
}
