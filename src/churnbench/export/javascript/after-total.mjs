// From the total to score, band and probability: one account's share of it, used by columns too.

import { isPresent, numberOf, onCurve, textOf } from "./plan.mjs";

/**
 * Ramp, caps, display map, band and risk, in this order.
 * @param {object} plan the laid-out body
 * @param {number} total weighted mean of the dimensions
 * @param {(key: string) => *} get reads an input
 * @returns {object} the fields of a score from total_score_x100 to caps
 */
export function finished(plan, total, get) {
  let raw = plan.ramp === null ? total : ramped(total, numberOf(get(plan.ramp.key), plan.ramp.key), plan.ramp.curve);
  const caps = plan.caps.filter((cap) => meets(cap, get(cap.input)));
  for (const cap of caps) if (cap.max_score < raw) raw = cap.max_score;
  const shownScore = plan.display === null ? raw : onCurve(raw, plan.display);
  const health = Math.floor(shownScore * 100 + 0.5);
  const reading = readingOf(plan.bandStarts, health);
  const band = plan.hysteresis === null ? reading : held(plan, reading, health, get);
  return {
    total_score_x100: Math.floor(total * 100 + 0.5),
    raw_score: raw + 0, // + 0: minus zero is zero
    raw_score_x100: Math.floor(raw * 100 + 0.5),
    health_score_x100: health,
    band: plan.bandNames[band],
    reading_band: plan.bandNames[reading],
    churn_probability: plan.strata.length === 0 ? null : riskOf(raw, stratumFor(plan, get).curve),
    caps: caps.map((cap) => cap.id),
  };
}

/** The total raised by the onboarding ramp, held at 100; unchanged without a tenure. */
export function ramped(total, tenure, curve) {
  if (!isPresent(tenure)) return total;
  const raised = total * onCurve(tenure, curve);
  return raised < 100 ? raised : 100;
}

/** Whether a value meets the condition of a cap; a missing one never does. */
export function meets(cap, value) {
  if (cap.op === "=") return textOf(value, cap.input) === cap.value;
  const x = numberOf(value, cap.input);
  return isPresent(x) && (cap.op === "<" ? x < cap.value : x >= cap.value);
}

/** Place of the last band whose start is not above the score. */
export function readingOf(starts, health) {
  let place = starts.length - 1;
  while (place > 0 && starts[place] > health) place -= 1;
  return place;
}

function held(plan, reading, health, get) {
  const { input, reading: lastKey } = plan.hysteresis;
  const inForce = textOf(get(input), input);
  const last = lastKey === null ? null : textOf(get(lastKey), lastKey);
  return heldBand(plan, reading, health, plan.bandNumber.get(inForce), plan.bandNumber.get(last));
}

/** The band in force stays until the score leaves it by the margin, and the last reading left it alike. */
export function heldBand(plan, reading, health, inForce, last) {
  if (inForce === undefined) return reading;
  const { bandStarts: starts } = plan;
  const { margin } = plan.hysteresis;
  const below = inForce + 1 === starts.length || health < starts[inForce + 1] + margin;
  const within = starts[inForce] - margin <= health && below;
  const unconfirmed = last !== undefined && (last === inForce || (last < inForce) !== (reading < inForce));
  return within || unconfirmed ? inForce : reading;
}

function stratumFor(plan, get) {
  const x = plan.stratumKey === null ? NaN : numberOf(get(plan.stratumKey), plan.stratumKey);
  return plan.strata[stratumOf(plan.strata, x)];
}

/** Place of the first stratum that holds x; the last is for all others and for a missing x. */
export function stratumOf(strata, x) {
  const last = strata.length - 1;
  if (!isPresent(x)) return last;
  for (let place = 0; place < last; place += 1) {
    if (strata[place].from <= x && x <= strata[place].to) return place;
  }
  return last;
}

/** P(churn) with six decimals. */
export function riskOf(raw, curve) {
  return Math.floor(onCurve(raw, curve) * 1000000 + 0.5) * 0.000001;
}
