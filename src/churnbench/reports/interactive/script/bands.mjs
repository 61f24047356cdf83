// Churn per band, with accounts as clusters; and what the lowest band catches, by segment.

import { clusteredLimits } from "./quantiles.mjs";

/**
 * Accounts, churners, rate, interval and yearly value of every band.
 * @param {object} book what `unpacked` gave
 * @param {Uint8Array} band place of each row's band
 * @param {string[]} names of the bands, the one without data last
 * @returns {Array<object>} per band band, accounts, share, events, rate, low, high, arr (mean sum per snapshot, null
 *   where no value is known); sample weights are counted in
 */
export function bandFigures(book, band, names) {
  const sums = names.map(() => newSums());
  const rowsOf = new Float64Array(names.length);
  const eventsOf = new Float64Array(names.length);
  const touched = [];
  for (let place = 0; place + 1 < book.first.length; place += 1) {
    const weight = book.weight === null ? 1 : book.weight[place];
    for (let row = book.first[place]; row < book.first[place + 1]; row += 1) {
      const which = band[row];
      if (rowsOf[which] === 0) touched.push(which);
      rowsOf[which] += 1;
      eventsOf[which] += book.y[row];
      const value = book.arr[row];
      if (value === value) {
        sums[which].arr += weight * value;
        sums[which].valued += 1;
      }
    }
    for (const which of touched) addAccount(sums[which], weight, rowsOf[which], eventsOf[which]);
    for (const which of touched) rowsOf[which] = eventsOf[which] = 0;
    touched.length = 0;
  }
  const all = sums.reduce((total, one) => total + one.weight, 0);
  return sums.map((one, which) => finishedBand(names[which], one, all, Math.max(1, book.snapshots.length)));
}

function newSums() {
  const clustered = { rows: 0, clusters: 0, weight: 0, events: 0, crossed: 0, squared: 0, own: 0 };
  return { ...clustered, accounts: 0, churned: 0, arr: 0, valued: 0 };
}

/** One account's rows in one band; `own`, `crossed` and `squared` make up the squared residual for any rate. */
function addAccount(sums, weight, rows, events) {
  sums.rows += rows;
  sums.clusters += 1;
  sums.weight += weight * rows;
  sums.events += weight * events;
  sums.own += weight * weight * events * events;
  sums.crossed += weight * weight * events * rows;
  sums.squared += weight * weight * rows * rows;
  sums.accounts += weight;
  if (events > 0) sums.churned += weight;
}

function finishedBand(name, sums, all, snapshots) {
  const limits = rateOf(sums);
  return {
    band: name,
    accounts: sums.accounts,
    share: all > 0 ? sums.weight / all : 0,
    events: sums.churned,
    ...limits,
    arr: sums.valued > 0 ? sums.arr / snapshots : null,
  };
}

/**
 * What calling everybody in the lowest band would have caught, per segment.
 * @param {object} book what `unpacked` gave
 * @param {Uint8Array} band place of each row's band, 0 the lowest
 * @returns {Array<object>} per segment, by name: segment, caught, missed, alarms, quiet (rows), precision and recall
 *   with precisionLimits and recallLimits ([low, high], accounts as clusters); null where there are no rows
 */
export function confusionBySegment(book, band) {
  const { words, codes } = book.segment;
  const cells = Array.from({ length: words.length + 1 }, () => ({
    counts: [0, 0, 0, 0],
    flagged: newSums(),
    churned: newSums(),
  }));
  const here = cells.map(() => [0, 0, 0, 0]); // one account's rows, by segment
  const touched = [];
  for (let place = 0; place + 1 < book.first.length; place += 1) {
    const weight = book.weight === null ? 1 : book.weight[place];
    for (let row = book.first[place]; row < book.first[place + 1]; row += 1) {
      const which = codes[row] + 1;
      const rows = here[which];
      if (rows[0] + rows[1] + rows[2] + rows[3] === 0) touched.push(which);
      rows[(band[row] === 0 ? 0 : 2) + (book.y[row] === 1 ? 0 : 1)] += 1;
    }
    for (const which of touched) addConfusion(cells[which], weight, here[which]);
    touched.length = 0;
  }
  const found = cells.map((cell, place) => finishedSegment(cell, place === 0 ? "no segment" : words[place - 1]));
  const present = found.filter((one) => one.caught + one.alarms + one.missed + one.quiet > 0);
  return present.sort((one, other) => (one.segment < other.segment ? -1 : 1));
}

/** Adds one account's rows to a segment, and forgets them. */
function addConfusion({ counts, flagged, churned }, weight, rows) {
  const [caught, alarms, missed] = rows;
  if (caught + alarms > 0) addAccount(flagged, weight, caught + alarms, caught);
  if (caught + missed > 0) addAccount(churned, weight, caught + missed, caught);
  for (let kind = 0; kind < 4; kind += 1) {
    counts[kind] += weight * rows[kind];
    rows[kind] = 0;
  }
}

function finishedSegment({ counts, flagged, churned }, segment) {
  const [caught, alarms, missed, quiet] = counts;
  return {
    segment,
    caught,
    alarms,
    missed,
    quiet,
    precision: caught + alarms > 0 ? caught / (caught + alarms) : null,
    precisionLimits: caught + alarms > 0 ? endsOf(flagged) : null,
    recall: caught + missed > 0 ? caught / (caught + missed) : null,
    recallLimits: caught + missed > 0 ? endsOf(churned) : null,
  };
}

function endsOf(sums) {
  const { low, high } = rateOf(sums);
  return [low, high];
}

/** Churn rate and limits of a set of rows, from the sums over its accounts. */
function rateOf(sums) {
  const rate = sums.weight > 0 ? sums.events / sums.weight : 0;
  const residuals = sums.own - 2 * rate * sums.crossed + rate * rate * sums.squared;
  return clusteredLimits({ ...sums, residuals });
}
