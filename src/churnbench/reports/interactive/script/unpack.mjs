// From the packed text in the page back to columns; see `packing.py` for how they lie.

/**
 * Unpacks the rows of the holdout.
 * @param {string} text Base64 of a deflated block
 * @returns {Promise<object>} count, accounts (names), account (row -> place of its account), first (place of each
 *   account's first row, and the number of rows), snapshots, snapshot, y, arr, segment {words, codes}, weight (per
 *   account, null when each stands for itself), columns (Map of input id -> Float64Array or array of texts)
 */
export async function unpacked(text) {
  const bytes = await inflated(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)));
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const body = bytes.subarray(4 + length);
  const counts = integers(body, header.counts);
  const first = new Uint32Array(counts.length + 1);
  const account = new Uint32Array(header.rows);
  counts.forEach((size, place) => {
    first[place + 1] = first[place] + size;
    account.fill(place, first[place], first[place + 1]);
  });
  const columns = new Map();
  for (const [name, spec] of Object.entries(header.inputs)) {
    columns.set(name, spec.words === undefined ? numbers(body, spec) : textsOf(texts(body, spec)));
  }
  return {
    count: header.rows,
    accounts: header.accounts,
    account,
    first,
    snapshots: header.snapshots,
    snapshot: integers(body, header.snapshot),
    y: integers(body, header.y),
    arr: numbers(body, header.arr),
    segment: texts(body, header.segment),
    weight: header.weights === null ? null : doubles(body, header.weights),
    columns,
  };
}

async function inflated(bytes) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser cannot unpack the accounts. Use one from 2023 or later.");
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Whole numbers whose bytes lie apart, lowest first. */
function integers(body, { at, rows, width }) {
  const values = new Uint32Array(rows);
  for (let byte = 0; byte < width; byte += 1) {
    const scale = 256 ** byte;
    const start = at + byte * rows;
    for (let row = 0; row < rows; row += 1) values[row] += body[start + row] * scale;
  }
  return values;
}

function doubles(body, { at, rows }) {
  const values = new DataView(new ArrayBuffer(rows * 8));
  for (let byte = 0; byte < 8; byte += 1) {
    const start = at + byte * rows;
    for (let row = 0; row < rows; row += 1) values.setUint8(row * 8 + byte, body[start + row]);
  }
  return Float64Array.from({ length: rows }, (_, row) => values.getFloat64(row * 8, true));
}

function numbers(body, spec) {
  if (spec.doubles !== undefined) return doubles(body, spec.doubles);
  const known = doubles(body, spec.values);
  const codes = integers(body, spec.codes);
  const values = new Float64Array(codes.length).fill(NaN);
  for (let row = 0; row < codes.length; row += 1) if (codes[row] > 0) values[row] = known[codes[row] - 1];
  return values;
}

/** Words and per row the place of its word, -1 where missing. */
function texts(body, spec) {
  return { words: spec.words, codes: Int32Array.from(integers(body, spec.codes), (code) => code - 1) };
}

function textsOf({ words, codes }) {
  return Array.from(codes, (code) => (code < 0 ? null : words[code]));
}
