// Confidence limits for churn rates: the arithmetic of `churnbench.metrics.korn_graubard`.

/**
 * Logarithm of the gamma function for x > 0, by Stirling's series after a shift to large x.
 * @param {number} x positive
 * @returns {number} about 15 digits
 */
export function logGamma(x) {
  let shift = 0;
  let at = x;
  while (at < 15) {
    shift += Math.log(at);
    at += 1;
  }
  const r = 1 / (at * at);
  const tail = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - (r * 691) / 360360))))) / at;
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + tail - shift;
}

/**
 * Regularised incomplete beta function: P(X <= x) of Beta(a, b).
 * @param {number} x 0 to 1
 * @param {number} a positive
 * @param {number} b positive
 * @returns {number} 0 to 1
 */
export function betaBelow(x, a, b) {
  if (!(x > 0)) return 0;
  if (!(x < 1)) return 1;
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b));
  // The fraction converges fast below the mean, so the far tail is turned around.
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b;
}

function logBeta(a, b) {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

const TINY = 1e-300;

/** The continued fraction of the incomplete beta function, evaluated from the front. */
function fraction(x, a, b) {
  const away = (value) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let product = d;
  for (let m = 1; m < 20000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    product *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const step = d * c;
    product *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return product;
}

/**
 * Quantile of Beta(a, b), by halving: slow and sure, and there are few of them.
 * @param {number} share 0 to 1
 * @param {number} a positive
 * @param {number} b positive
 * @returns {number} 0 to 1
 */
export function betaQuantile(share, a, b) {
  let low = 0;
  let high = 1;
  for (let step = 0; step < 70 && high - low > 1e-15 * high; step += 1) {
    const middle = (low + high) / 2;
    if (betaBelow(middle, a, b) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const remembered = new Map();

/** Value that a Student t variable exceeds with this probability (below one half). */
export function studentAbove(tail, freedom) {
  const key = `${tail} ${freedom}`;
  if (!remembered.has(key)) {
    const y = betaQuantile(1 - 2 * tail, 0.5, freedom / 2);
    remembered.set(key, Math.sqrt((freedom * y) / (1 - y)));
  }
  return remembered.get(key);
}

/**
 * Clopper and Pearson's exact limits; counts need not be whole.
 * @param {number} events 0 to trials
 * @param {number} trials 0 or more
 * @param {number} [level] coverage
 * @returns {[number, number]} lower and upper limit
 */
export function exactLimits(events, trials, level = 0.9) {
  if (!(trials > 0)) return [0, 1];
  const tail = (1 - level) / 2;
  const low = events > 0 ? betaQuantile(tail, events, trials - events + 1) : 0;
  const high = events < trials ? betaQuantile(1 - tail, events + 1, trials - events) : 1;
  return [low, high];
}

/**
 * Korn and Graubard's limits for a rate whose rows repeat accounts.
 * @param {object} sums rows (number), clusters (accounts), weight and events (weighted sums), residuals (sum over
 *   accounts of the squared weighted sum of y minus the rate)
 * @param {number} [level] coverage
 * @returns {{rate: number | null, low: number, high: number}} rate null without rows
 */
export function clusteredLimits({ rows, clusters, weight, events, residuals }, level = 0.9) {
  if (!(weight > 0)) return { rate: null, low: 0, high: 1 };
  const rate = events / weight;
  let size = clusters;
  if (clusters > 1 && rate > 0 && rate < 1) {
    const variance = ((clusters / (clusters - 1)) * residuals) / (weight * weight);
    size = variance > 0 ? Math.min(rows, (rate * (1 - rate)) / variance) : rows;
    const tail = (1 - level) / 2;
    size *= (studentAbove(tail, rows - 1) / studentAbove(tail, clusters - 1)) ** 2;
  }
  const [low, high] = exactLimits(Math.min(size, size * rate), size, level);
  return { rate, low, high };
}
