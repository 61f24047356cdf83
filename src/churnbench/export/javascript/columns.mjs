// Columns of many accounts, read and checked once: all that no weight of a dimension and no threshold decides.

import { InputRefused, shown } from "./errors.mjs";
import { meets, stratumOf } from "./after-total.mjs";
import { isPresent, numberOf, ratioOf, textOf } from "./plan.mjs";

/**
 * Columns that were read and checked: per dimension its value and the weight present, and all that decides what
 * follows the total. None of it depends on dimension weights or band thresholds. Copies what it needs.
 */
export class ColumnInputs {
  /**
   * @param {object} plan the laid-out body
   * @param {(key: string) => *} get reads a column
   * @param {number} count rows
   */
  constructor(plan, get, count) {
    if (!Number.isInteger(count) || count < 0) {
      throw new InputRefused(`count ${shown(count)}: pass the number of rows, 0 or more.`);
    }
    const source = new ColumnSource(get, count);
    this.count = count;
    this.dimensions = plan.dimensions;
    this.parts = plan.dimensions.map(({ terms }) => dimensionColumns(terms, source));
    this.segment = plan.segment === null ? null : source.texts(plan.segment);
    this.factors = plan.ramp === null ? null : factorsOf(plan.ramp, source);
    this.caps = plan.caps.map((cap) => ({ most: cap.max_score, holds: capColumn(cap, source) }));
    const { input, reading } = plan.hysteresis ?? { input: null, reading: null };
    this.inForce = input === null ? null : source.texts(input);
    this.lastReading = reading === null ? null : source.texts(reading);
    this.strata = plan.strata.length === 0 ? null : strataOf(plan, source);
  }
}

/** Columns by input id, each turned into doubles or coded texts once. */
class ColumnSource {
  constructor(get, count) {
    this.get = get;
    this.count = count;
    this.known = new Map();
  }

  column(key) {
    const column = this.get(key) ?? null;
    if (column === null) return null;
    const rows = typeof column === "object" ? column.length : undefined;
    if (rows === this.count) return column;
    const arrived = rows === undefined ? "not an array" : `${rows} rows`;
    throw new InputRefused(`column '${key}': ${arrived}; expected an array of ${this.count} rows.`);
  }

  remembered(name, make) {
    if (!this.known.has(name)) this.known.set(name, make());
    return this.known.get(name);
  }

  /** Float64Array, NaN where missing. */
  numbers(key) {
    return this.remembered(`number ${key}`, () => {
      const column = this.column(key);
      if (column instanceof Float64Array) return column;
      const numbers = new Float64Array(this.count).fill(NaN);
      if (column !== null) eachRow(this.count, (row) => (numbers[row] = numberOf(column[row], key)));
      return numbers;
    });
  }

  /** Distinct texts and per row the place of its text, -1 where missing. */
  texts(key) {
    return this.remembered(`text ${key}`, () => {
      const column = this.column(key);
      const places = new Map();
      const codes = new Int32Array(this.count).fill(-1);
      if (column !== null) {
        eachRow(this.count, (row) => {
          const text = textOf(column[row], key);
          if (text === null) return;
          if (!places.has(text)) places.set(text, places.size);
          codes[row] = places.get(text);
        });
      }
      return { codes, words: [...places.keys()] };
    });
  }
}

function eachRow(count, act) {
  let row = 0;
  try {
    for (; row < count; row += 1) act(row);
  } catch (error) {
    throw error instanceof InputRefused ? new InputRefused(`row ${row}, ${error.message}`) : error;
  }
}

/** Value of a dimension (NaN when empty) and its weight present, per row. */
function dimensionColumns(terms, source) {
  const { count } = source;
  const weighted = new Float64Array(count);
  const weights = new Float64Array(count);
  const seen = new Float64Array(count);
  for (const term of terms) {
    const points = pointColumn(term, source);
    const { weight, fallback } = term;
    for (let row = 0; row < count; row += 1) {
      let value = points[row];
      if (value === value) seen[row] += weight;
      else value = fallback;
      if (value === value) {
        weighted[row] += weight * value;
        weights[row] += weight;
      }
    }
  }
  for (let row = 0; row < count; row += 1) weighted[row] = weights[row] === 0 ? NaN : weighted[row] / weights[row];
  return { values: weighted, seen };
}

/** Points of one metric before its missing policy, NaN where it has none. */
function pointColumn(term, source) {
  const points = POINT_COLUMNS[term.kind](term, source);
  if (term.ageKey === null) return points;
  const ages = source.numbers(term.ageKey);
  for (let row = 0; row < points.length; row += 1) {
    if (isPresent(ages[row]) && ages[row] > term.days) points[row] = NaN;
  }
  return points;
}

// Plain loops: typed arrays' own map costs a call per row, several times the arithmetic.
const POINT_COLUMNS = {
  piecewise: ({ key, curve }, source) => heightColumn(source.numbers(key), curve),
  boolean: ({ key, rule }, source) => {
    const numbers = source.numbers(key);
    const points = new Float64Array(source.count);
    for (let row = 0; row < points.length; row += 1) {
      const x = numbers[row];
      points[row] = isPresent(x) ? (x >= 0.5 ? rule.true : rule.false) : NaN;
    }
    return points;
  },
  ratio: ({ key, rule, curve }, source) => {
    const tops = source.numbers(key);
    const bottoms = source.numbers(rule.denominator);
    const ratios = new Float64Array(source.count);
    for (let row = 0; row < ratios.length; row += 1) ratios[row] = ratioOf(tops[row], bottoms[row], rule);
    return heightColumn(ratios, curve);
  },
  category: (term, source) => {
    const { codes, words } = source.texts(term.key);
    const table = words.map((word) => term.points.get(word) ?? NaN);
    const points = new Float64Array(source.count);
    for (let row = 0; row < points.length; row += 1) points[row] = codes[row] < 0 ? NaN : table[codes[row]];
    return points;
  },
};

/** Heights of a piecewise line, NaN where x is not present; equal to `onCurve`. */
function heightColumn(numbers, { knots, left, base, slope }) {
  const heights = new Float64Array(numbers.length);
  const count = knots.length;
  for (let row = 0; row < heights.length; row += 1) {
    const x = numbers[row];
    let low = 0;
    let size = count; // halving without a branch that depends on the outcome
    while (size > 0) {
      const half = size >>> 1;
      const right = x >= knots[low + half];
      low = right ? low + half + 1 : low;
      size = right ? size - half - 1 : half;
    }
    heights[row] = isPresent(x) ? base[low] + (x - left[low]) * slope[low] : NaN;
  }
  return heights;
}

/** Multiplier of the onboarding ramp, NaN without a tenure. */
function factorsOf(ramp, source) {
  return heightColumn(source.numbers(ramp.key), ramp.curve);
}

function capColumn(cap, source) {
  if (cap.op !== "=") return Uint8Array.from(source.numbers(cap.input), (x) => meets(cap, x));
  const { codes, words } = source.texts(cap.input);
  return Uint8Array.from(codes, (code) => code >= 0 && words[code] === cap.value);
}

function strataOf(plan, source) {
  if (plan.stratumKey === null) return new Uint8Array(source.count).fill(plan.strata.length - 1);
  return Uint8Array.from(source.numbers(plan.stratumKey), (x) => stratumOf(plan.strata, x));
}
