// When a config is overdue or out of force.

import { ConfigRefused, shown } from "./errors.mjs";

const DATE = "([0-9]{4})-([0-9]{2})-([0-9]{2})";
const TIME = "([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\\.([0-9]{1,6}))?)?";
const MOMENT = new RegExp(`^${DATE}(?:[T ]${TIME}(Z|[+-][0-9]{2}:[0-9]{2})?)?$`);

/**
 * Refuses a config whose hard expiry has come.
 * @param {object} lifecycle of a document
 * @param {Date | string | number | undefined} now moment that decides, default the clock
 * @returns {string[]} a warning when its review is overdue
 */
export function refuseExpired(lifecycle, now) {
  const expiry = lifecycle.hard_expiry ?? null;
  const review = lifecycle.review_by ?? null;
  if (expiry === null && review === null) return [];
  const current = momentOf(now ?? new Date(), "now");
  if (expiry !== null && current >= momentOf(expiry, "config.lifecycle.hard_expiry")) {
    throw new ConfigRefused(
      "config.lifecycle.hard_expiry",
      `it expired on ${expiry}`,
      "a config still in force",
      "Review the formula and release a new config.",
    );
  }
  if (review !== null && current >= momentOf(review, "config.lifecycle.review_by")) {
    return [`The config was due for review on ${review}.`];
  }
  return [];
}

/** A moment in microseconds since 1970 UTC; a bare date is its first instant, a moment without a zone is UTC. */
function momentOf(value, where) {
  if (value instanceof Date || typeof value === "number") {
    const microseconds = Number(value) * 1000;
    if (Number.isFinite(microseconds)) return microseconds;
    throw notAMoment(value, where);
  }
  const parts = MOMENT.exec(String(value));
  if (parts === null) throw notAMoment(value, where);
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((digits) => Number(digits ?? 0));
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day); // unlike Date.UTC, this takes years below 100 as they are
  const real = year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!real || hour > 23 || minute > 59 || second > 59) throw notAMoment(value, where);
  const offset = offsetOf(parts[8], value, where);
  const seconds = hour * 3600 + (minute - offset) * 60 + second;
  return (date.getTime() + seconds * 1000) * 1000 + Number((parts[7] ?? "").padEnd(6, "0"));
}

/** Minutes east of UTC. */
function offsetOf(zone, value, where) {
  if (zone === undefined || zone === "Z") return 0;
  const [hours, minutes] = zone.slice(1).split(":").map(Number);
  if (hours > 23 || minutes > 59) throw notAMoment(value, where);
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

function notAMoment(value, where) {
  return new ConfigRefused(where, shown(value), "a date like 2026-03-31", "Correct the date.");
}
