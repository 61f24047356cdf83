// Many accounts at once, row by row equal to one after the other.

import { InputRefused } from "./errors.mjs";
import { heldBand, readingOf, riskOf } from "./after-total.mjs";
import { onCurve } from "./plan.mjs";
import { INSUFFICIENT } from "./rules.mjs";

/**
 * Scores of prepared columns, see `Scorer.scoreColumns`.
 * @param {object} plan the laid-out body, perhaps with other weights and bands than those of `columns`
 * @param {ColumnInputs} columns prepared for this formula
 * @returns {object} typed arrays
 */
export function scorePrepared(plan, columns) {
  if (columns.dimensions !== plan.dimensions) {
    throw new InputRefused("columns prepared for another config. Prepare them with this scorer.");
  }
  const { count } = columns;
  const { totals: raws, coverage } = totalColumns(plan, columns);
  afterRampAndCaps(columns, raws);
  const found = {
    count,
    bands: [...plan.bandNames, INSUFFICIENT],
    score: new Int32Array(count).fill(-1),
    band: new Uint8Array(count).fill(plan.bandNames.length),
    reading: new Uint8Array(count).fill(plan.bandNames.length),
    coverage,
    probability: new Float64Array(count).fill(NaN),
  };
  for (let row = 0; row < count; row += 1) {
    const raw = raws[row];
    if (raw !== raw) continue;
    const health = Math.floor((plan.display === null ? raw : onCurve(raw, plan.display)) * 100 + 0.5);
    found.score[row] = health;
    found.reading[row] = readingOf(plan.bandStarts, health);
    if (columns.strata !== null) found.probability[row] = riskOf(raw, plan.strata[columns.strata[row]].curve);
  }
  found.band.set(found.reading);
  if (columns.inForce !== null) holdBands(plan, columns, found);
  return found;
}

/** Total per row, NaN without a score, and coverage in basis points. */
function totalColumns(plan, columns) {
  const { count, parts, segment } = columns;
  const profiles = segment === null ? [] : segment.words.map((word) => plan.profiles.get(word) ?? plan.defaultWeights);
  const totals = new Float64Array(count);
  const coverage = new Int32Array(count);
  for (let row = 0; row < count; row += 1) {
    const code = segment === null ? -1 : segment.codes[row];
    const weights = code < 0 ? plan.defaultWeights : profiles[code];
    let total = 0;
    let totalWeight = 0;
    let covered = 0;
    for (let place = 0; place < parts.length; place += 1) {
      const weight = weights[place];
      const value = parts[place].values[row];
      covered += weight * parts[place].seen[row];
      if (value === value) {
        total += weight * value;
        totalWeight += weight;
      }
    }
    totals[row] = totalWeight > 0 && covered >= plan.leastCovered ? total / totalWeight : NaN;
    coverage[row] = Math.floor(covered * 0.0001 + 0.5);
  }
  return { totals, coverage };
}

function afterRampAndCaps(columns, raws) {
  const { count, factors, caps } = columns;
  for (let row = 0; factors !== null && row < count; row += 1) {
    if (factors[row] !== factors[row] || raws[row] !== raws[row]) continue;
    const raised = raws[row] * factors[row];
    raws[row] = raised < 100 ? raised : 100;
  }
  for (const { most, holds } of caps) {
    for (let row = 0; row < count; row += 1) if (holds[row] === 1 && most < raws[row]) raws[row] = most;
  }
}

function holdBands(plan, columns, found) {
  const { inForce, lastReading } = columns;
  const numbersIn = (texts) => texts.words.map((word) => plan.bandNumber.get(word));
  const held = numbersIn(inForce);
  const last = lastReading === null ? [] : numbersIn(lastReading);
  for (let row = 0; row < columns.count; row += 1) {
    if (found.score[row] < 0) continue;
    const before = lastReading === null ? undefined : last[lastReading.codes[row]];
    found.band[row] = heldBand(plan, found.reading[row], found.score[row], held[inForce.codes[row]], before);
  }
}
