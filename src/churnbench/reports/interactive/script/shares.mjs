// Weights that always sum to the whole while one of them is moved.

const FULL = 10000; // basis points

/**
 * Basis points in proportion to some ratios, by largest remainders.
 * @param {number[]} ratios 0 or more; equal parts when all are 0
 * @param {number} total basis points to give away, 0 or more
 * @returns {number[]} whole numbers that sum to the total
 */
export function parted(ratios, total) {
  const sum = ratios.reduce((one, other) => one + other, 0);
  const exact = ratios.map((ratio) => (sum > 0 ? (ratio / sum) * total : total / ratios.length));
  const parts = exact.map(Math.floor);
  let left = total - parts.reduce((one, other) => one + other, 0);
  const order = exact.map((_, place) => place);
  order.sort((one, other) => exact[other] - parts[other] - (exact[one] - parts[one]) || one - other);
  for (let turn = 0; left > 0; turn = (turn + 1) % order.length) {
    parts[order[turn]] += 1;
    left -= 1;
  }
  return parts;
}

/** Weights of one profile: basis points, and the proportions in which the others share what one gives up. */
export class Shares {
  /** @param {number[]} start basis points, 10000 in sum */
  constructor(start) {
    this.points = [...start];
    this.ratios = [...start];
    this.held = start.map(() => false);
  }

  /**
   * Gives one weight a value; those that are not held share the rest in their old proportions.
   * @param {number} place which one
   * @param {number} wanted basis points; cut to what those held leave
   */
  set(place, wanted) {
    const others = this.points.map((_, other) => other).filter((other) => other !== place);
    const free = others.filter((other) => !this.held[other]);
    const room = FULL - others.filter((other) => this.held[other]).reduce((sum, other) => sum + this.points[other], 0);
    const value = free.length === 0 ? room : Math.max(0, Math.min(room, Math.round(wanted)));
    const shared = parted(free.map((other) => this.ratios[other]), room - value);
    free.forEach((other, turn) => (this.points[other] = shared[turn]));
    this.points[place] = value;
    // Proportions of the others stay as they were even at 0, so that moving back restores them.
    const rest = free.reduce((sum, other) => sum + this.ratios[other], 0);
    this.ratios[place] = rest > 0 ? (value / Math.max(1, room - value)) * rest : value;
  }
}
