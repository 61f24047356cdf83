// Which accounts change band, and which metrics carry the change.

/**
 * Accounts by band before and after, at each account's last snapshot in the holdout.
 * @param {object} book what `unpacked` gave
 * @param {object} before what `scoreColumns` gave for the formula compared with
 * @param {object} after what it gave for the formula tried
 * @param {number} most accounts to list
 * @returns {{flows: Array<object>, moved: number, movedArr: number, listed: number[]}} flows of from, to, accounts, arr;
 *   accounts that move (sample weights counted in) and their yearly value; rows of those with the largest
 */
export function bandMoves(book, before, after, most) {
  const width = after.bands.length;
  const accounts = new Float64Array(before.bands.length * width);
  const values = new Float64Array(accounts.length);
  const rows = [];
  let moved = 0;
  let movedArr = 0;
  for (let place = 0; place + 1 < book.first.length; place += 1) {
    const row = book.first[place + 1] - 1;
    const weight = book.weight === null ? 1 : book.weight[place];
    const value = book.arr[row] === book.arr[row] ? book.arr[row] : 0;
    const cell = before.band[row] * width + after.band[row];
    accounts[cell] += weight;
    values[cell] += weight * value;
    if (before.bands[before.band[row]] === after.bands[after.band[row]]) continue;
    moved += weight;
    movedArr += weight * value;
    rows.push(row);
  }
  const flows = [];
  accounts.forEach((size, cell) => {
    const [from, to] = [before.bands[Math.floor(cell / width)], after.bands[cell % width]];
    if (size > 0) flows.push({ from, to, accounts: size, arr: values[cell] });
  });
  return { flows, moved, movedArr, listed: largestFirst(book, rows, most) };
}

function largestFirst(book, rows, most) {
  const size = (row) => (book.arr[row] === book.arr[row] ? book.arr[row] : -1);
  return rows.sort((one, other) => size(other) - size(one) || one - other).slice(0, most);
}

/** The inputs of one row as a scorer takes them. */
export function inputsOf(book, row) {
  const inputs = {};
  for (const [name, column] of book.columns) inputs[name] = column[row];
  return inputs;
}

/**
 * Why a row scores differently under two formulas.
 * @param {Scorer} before formula compared with
 * @param {Scorer} after formula tried
 * @param {object} inputs of the row
 * @returns {Array<[string, number]>} metric id and what it adds now less what it added before, in hundredths of a point
 *   of the total before ramp, caps and display map; the largest difference first, those of 0 left out
 */
export function reasonsFor(before, after, inputs) {
  const gained = new Map();
  const add = (scorer, sign) => {
    for (const [name, points] of scorer.score(inputs, { extra: "ignore" }).contributions) {
      gained.set(name, (gained.get(name) ?? 0) + sign * points);
    }
  };
  add(after, 1);
  add(before, -1);
  const changes = [...gained].filter(([, points]) => points !== 0);
  return changes.sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));
}
