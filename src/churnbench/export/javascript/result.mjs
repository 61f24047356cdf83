// The score of one account and its explanation.

/** Score of one account. Fields are null where the account has too little data. */
export class Score {
  #dimensions;
  #weights;
  #points;
  #values;

  /**
   * @param {object} health what follows the total: the fields below, from total_score_x100 to caps
   * @param {number} coverage basis points
   * @param {string[]} stale metrics older than their validity period and flagged for it
   * @param {object} parts dimensions of the plan, weights in force, metric points and dimension values (NaN: none)
   */
  constructor(health, coverage, stale, parts) {
    /** @type {number | null} what people see, 0..10000 hundredths of a point, high is healthy */
    this.health_score_x100 = health.health_score_x100;
    /** @type {string} band of that score, or the one that hysteresis holds, or "insufficient-data" */
    this.band = health.band;
    /** @type {string} band of that score by the thresholds alone */
    this.reading_band = health.reading_band;
    /** @type {number} share of the weight whose input is present, basis points */
    this.coverage_bp = coverage;
    /** @type {number | null} P(churn) by the risk curve, six decimals; null without a curve */
    this.churn_probability = health.churn_probability;
    /** @type {number | null} after ramp and caps, before the display map, 0..100, not rounded */
    this.raw_score = health.raw_score;
    /** @type {number | null} the same in hundredths */
    this.raw_score_x100 = health.raw_score_x100;
    /** @type {number | null} before ramp, caps and display map; contributions sum to it */
    this.total_score_x100 = health.total_score_x100;
    /** @type {string[]} ids of the caps whose condition held, in order */
    this.caps = health.caps;
    /** @type {string[]} ids of the flagged metrics */
    this.stale = stale;
    this.#dimensions = parts.dimensions;
    this.#weights = parts.weights;
    this.#points = parts.points;
    this.#values = parts.values;
  }

  /** @returns {Object<string, number | null>} dimension id -> hundredths of a point, null when nothing of it counts */
  get dimension_scores_x100() {
    const scores = Object.create(null);
    this.#dimensions.forEach((dimension, place) => {
      const value = this.#values[place];
      scores[dimension.id] = Number.isNaN(value) ? null : Math.floor(value * 100 + 0.5);
    });
    return scores;
  }

  /** @returns {Object<string, number | null>} metric id -> its 0-100 points as counted, null when skipped */
  get metric_points() {
    const points = Object.create(null);
    let place = 0;
    for (const { terms } of this.#dimensions) {
      for (const term of terms) {
        const value = this.#points[place];
        points[term.metric] = Number.isNaN(value) ? null : value + 0; // + 0: minus zero is zero
        place += 1;
      }
    }
    return points;
  }

  /**
   * `[metric id, points gained, points lost]` in hundredths, in the order of the config. Gained sums to
   * total_score_x100, lost to 10000 minus it; empty without a score.
   * @returns {Array<[string, number, number]>}
   */
  get contributions() {
    const total = this.total_score_x100;
    if (total === null) return [];
    let weightOfAll = 0;
    this.#weights.forEach((weight, place) => {
      if (!Number.isNaN(this.#values[place])) weightOfAll += weight;
    });
    const parts = { names: [], gained: [], lost: [] };
    let start = 0;
    this.#dimensions.forEach(({ terms }, place) => {
      const points = this.#points.slice(start, start + terms.length);
      start += terms.length;
      exactParts(terms, points, this.#weights[place], weightOfAll, parts);
    });
    const gained = wholeSteps(parts.gained, total);
    const lost = wholeSteps(parts.lost, 10000 - total);
    return parts.names.map((name, place) => [name, gained[place], lost[place]]);
  }
}

/** Appends what each metric of one dimension adds and loses, in hundredths, not rounded. */
function exactParts(terms, points, weight, weightOfAll, parts) {
  let present = 0;
  terms.forEach((term, place) => {
    if (!Number.isNaN(points[place])) present += term.weight;
  });
  terms.forEach((term, place) => {
    const value = points[place];
    const counts = !Number.isNaN(value) && present !== 0; // skipped, or alone with a weight of zero
    const share = counts ? (weight * term.weight) / (weightOfAll * present) : 0;
    parts.names.push(term.metric);
    parts.gained.push(counts ? share * value * 100 : 0);
    parts.lost.push(counts && value < 100 ? share * (100 - value) * 100 : 0);
  });
}

/** Integers >= 0 that sum to `total` and follow the running sum of `parts`. */
function wholeSteps(parts, total) {
  let running = 0;
  let reached = 0;
  let last = 0;
  const steps = parts.map((part, place) => {
    running += part;
    const rounded = Math.floor(running + 0.5);
    const mark = rounded < total ? rounded : total;
    const step = mark - reached;
    reached = mark;
    if (part > 0) last = place;
    return step;
  });
  steps[last] += total - reached;
  return steps;
}

/**
 * What a golden vector records of a score.
 * @param {Score} score a score
 * @returns {object} score, reading, band, coverage, raw and churn_probability
 */
export function outcome(score) {
  return {
    score: score.health_score_x100,
    reading: score.reading_band,
    band: score.band,
    coverage: score.coverage_bp,
    raw: score.raw_score_x100,
    churn_probability: score.churn_probability,
  };
}

/**
 * All that a consumer of any language can be held to, in the words of golden vectors and conformance kits.
 * @param {Score} score a score
 * @returns {object} what `outcome` gives and total, dimensions, contributions, caps and stale
 */
export function everything(score) {
  return {
    ...outcome(score),
    total: score.total_score_x100,
    dimensions: score.dimension_scores_x100,
    contributions: score.contributions,
    caps: score.caps,
    stale: score.stale,
  };
}
