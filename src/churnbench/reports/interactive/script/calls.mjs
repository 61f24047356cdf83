// What calling the riskiest accounts of every snapshot would have caught, and what it would have earned.

const STEPS = 1000000; // churn probabilities have six decimals

/**
 * Risk of each row as a whole number: the printed probability, or the score where a config prints none.
 * @param {object} found what `scoreColumns` gave
 * @returns {Int32Array} higher is riskier; 0 for a row without a score, which is called last
 */
export function riskOrder(found) {
  const order = new Int32Array(found.count);
  for (let row = 0; row < found.count; row += 1) {
    if (found.score[row] < 0) continue;
    const p = found.probability[row];
    order[row] = 1 + (p === p ? Math.round(p * STEPS) : 10000 - found.score[row]);
  }
  return order;
}

/**
 * Part of each row that lies within the k riskiest of its snapshot: 1, 0, or between where ties straddle the cut.
 * @param {object} book what `unpacked` gave
 * @param {Int32Array} order from `riskOrder`
 * @param {number} k accounts called per snapshot
 * @returns {{called: Float64Array, calls: number}} per row, and the calls of all snapshots together
 */
export function calledRows(book, order, k) {
  const cuts = rowsBySnapshot(book).map((rows) => cutOf(book, order, rows, k));
  const called = new Float64Array(book.count);
  for (let row = 0; row < book.count; row += 1) {
    const { at, part } = cuts[book.snapshot[row]];
    called[row] = order[row] > at ? 1 : order[row] === at ? part : 0;
  }
  return { called, calls: cuts.reduce((sum, { calls }) => sum + calls, 0) };
}

const grouped = new WeakMap(); // a book never changes, so its rows are grouped once

function rowsBySnapshot(book) {
  if (!grouped.has(book)) {
    const groups = book.snapshots.map(() => []);
    for (let row = 0; row < book.count; row += 1) groups[book.snapshot[row]].push(row);
    grouped.set(book, groups.map((rows) => Uint32Array.from(rows)));
  }
  return grouped.get(book);
}

const ROOM = 2 ** 32; // above any place of an account, so that one double holds risk and account

/** Risk at which the k-th call of a snapshot falls, the part of the rows with this risk that is called, the calls. */
function cutOf(book, order, rows, k) {
  // Typed arrays of doubles sort by value at once; a comparing function would cost ten times as much.
  const keys = Float64Array.from(rows, (row) => order[row] * ROOM + book.account[row]).sort();
  const weightOf = (key) => (book.weight === null ? 1 : book.weight[key % ROOM]);
  let above = 0;
  for (let place = keys.length - 1; place >= 0; ) {
    const at = Math.floor(keys[place] / ROOM);
    let tied = 0;
    for (; place >= 0 && Math.floor(keys[place] / ROOM) === at; place -= 1) tied += weightOf(keys[place]);
    if (above + tied >= k) return { at, part: Math.max(0, Math.min(1, (k - above) / tied)), calls: k };
    above += tied;
  }
  return { at: -1, part: 0, calls: above };
}

/**
 * Figures at one capacity, as `churnbench.metrics.at_capacity` has them.
 * @param {object} book what `unpacked` gave
 * @param {Int32Array} order from `riskOrder`
 * @param {number} k accounts called per snapshot
 * @param {number} tooLate churners that nobody could have called
 * @returns {object} k, caught (distinct churners), of, precision, recall, lift, called (per row); null where undefined
 */
export function capacityFigures(book, order, k, tooLate) {
  const { called, calls } = calledRows(book, order, k);
  let caught = 0;
  let churners = 0;
  let hits = 0;
  let events = 0;
  let rows = 0;
  for (let place = 0; place + 1 < book.first.length; place += 1) {
    const weight = book.weight === null ? 1 : book.weight[place];
    let missed = 1;
    let churned = 0;
    for (let row = book.first[place]; row < book.first[place + 1]; row += 1) {
      if (book.y[row] !== 1) continue;
      missed *= 1 - called[row];
      hits += weight * called[row];
      churned += 1;
    }
    rows += weight * (book.first[place + 1] - book.first[place]);
    events += weight * churned;
    if (churned > 0) {
      churners += weight;
      caught += weight * (1 - missed);
    }
  }
  const precision = calls > 0 ? hits / calls : null;
  const of = churners + tooLate;
  return {
    k,
    caught,
    of,
    precision,
    recall: of > 0 ? caught / of : null,
    lift: precision !== null && events > 0 ? precision / (events / rows) : null,
    called,
  };
}

/**
 * Money, where the project declares what a contact costs and saves.
 * @param {object} book what `unpacked` gave
 * @param {object} found what `scoreColumns` gave
 * @param {Float64Array} called part of each row that is called
 * @param {{contact: number, save: number}} costs money per contact, and share of contacted churners who stay
 * @returns {{worthwhile: number | null, ofCalls: number | null}} profit per row of contacting all whom it pays to
 *   contact (`expected_profit`), and of the calls, per snapshot; null without any known yearly value
 */
export function profitFigures(book, found, called, { contact, save }) {
  let valued = 0;
  let worthwhile = 0;
  let ofCalls = 0;
  for (let row = 0; row < book.count; row += 1) {
    const value = book.arr[row];
    if (value !== value) continue;
    const weight = book.weight === null ? 1 : book.weight[book.account[row]];
    const gain = save * value;
    const profit = book.y[row] === 1 ? gain - contact : -contact;
    valued += weight;
    ofCalls += weight * called[row] * profit;
    if (gain > 0 && found.probability[row] >= contact / gain) worthwhile += weight * profit;
  }
  if (valued === 0) return { worthwhile: null, ofCalls: null };
  return { worthwhile: worthwhile / valued, ofCalls: ofCalls / Math.max(1, book.snapshots.length) };
}
