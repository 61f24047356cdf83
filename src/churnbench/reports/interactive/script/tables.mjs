// What the figures of a what-if look like.

import { chip, drawn, table } from "./dom.mjs";
import { count, fixed, money, named, percent, range, score, signed } from "./words.mjs";

const REASONS = 3;

/** Draws every result into its place. */
export function drawResults(places, what, figures, before) {
  const guess = what.data.sample === null ? "" : "\u2248 ";
  const view = { what, figures, before, was: namesOf(what)[what.compare], guess };
  places.bands.replaceChildren(bandChart(view), bandTable(view));
  places.calls.replaceChildren(callTable(view));
  places.segments.replaceChildren(segmentTable(view));
  places.moves.replaceChildren(flowTable(view), moverTable(view));
  places.summary.textContent = summaryOf(view);
}

/** What the two formulas of the review are called. */
export function namesOf({ data }) {
  return { candidate: "candidate", incumbent: named(data.today).replace("'", "\u2019") };
}

function summaryOf({ figures, before, guess, was }) {
  const lowest = figures.bands[0];
  const { caught, of, k } = figures.calls;
  return (
    `${guess}${count(lowest.accounts)} accounts ${lowest.band}, churn rate ${percent(lowest.rate)}. ` +
    `${count(k)} calls a snapshot catch ${guess}${count(caught)} of ${count(of)} churners ` +
    `(${was}: ${guess}${count(before.calls.caught)}). ${guess}${count(figures.moves.moved)} accounts change band.`
  );
}

const BAND_HOW =
  "All snapshots of the holdout. Accounts and churned count distinct accounts, share and rate count rows. Intervals: " +
  "90 %, Korn-Graubard (Clopper-Pearson on the effective number of rows, accounts as clusters). ARR is the mean sum " +
  "per snapshot. \u201cWas\u201d: the formula compared with, as the review measured it.";

function bandTable({ what, figures, guess }) {
  const measured = new Map(
    what.data.bands.filter((row) => row.formula === what.compare).map((row) => [row.band, row]),
  );
  const starts = new Map(what.bands);
  const note = (row, text) => (row === undefined ? "no such band" : `was ${text(row)}`);
  const rows = figures.bands
    .filter((one) => one.accounts > 0 || starts.has(one.band))
    .map((one) => {
      const old = measured.get(one.band);
      return [
        chip(one.band),
        starts.has(one.band) ? fixed(starts.get(one.band) / 100, 2) : "",
        [guess + count(one.accounts), note(old, (row) => count(row.accounts))],
        [guess + percent(one.share), note(old, (row) => percent(row.share))],
        [guess + count(one.events), note(old, (row) => count(row.events))],
        [guess + percent(one.rate), note(old, (row) => percent(row.rate))],
        [range(one.low, one.high), note(old, (row) => range(...(row.ci90 ?? [null, null])) || "n/a")],
        [guess + money(one.arr), note(old, (row) => money(row.arr))],
      ];
    });
  const heads = ["from", "accounts", "share", "churned", "churn rate", "90 % interval", "ARR"];
  const columns = [["band", false], ...heads.map((label) => [label, true])];
  return table(`Bands${sampled(what)}`, columns, rows, BAND_HOW);
}

/** Said in the heading of every table whose figures are estimates. */
function sampled({ data }) {
  if (data.sample === null) return "";
  const { accounts, of_accounts: whole } = data.sample;
  return `, estimated from ${count(accounts)} of ${count(whole)} accounts`;
}

const WIDTH = 640;
const LEFT = 110;
const LINE = 44;

/** Churn rate of each band with its interval, above the one compared with. */
function bandChart({ figures, before, was }) {
  const shown = figures.bands.filter((one) => one.rate !== null);
  const old = new Map(before.bands.map((one) => [one.band, one]));
  const all = [...shown, ...before.bands].filter((one) => one.rate !== null);
  const most = Math.max(0.01, ...all.map((one) => Math.min(one.high, 3 * one.rate + 0.02)));
  const x = (rate) => LEFT + (Math.min(rate, most) / most) * (WIDTH - LEFT - 70);
  const height = 24 + shown.length * LINE;
  const parts = [drawn("text", { class: "k", x: LEFT, y: 12 }, `churn rate, 90 % interval; grey: ${was}`)];
  shown.forEach((one, place) => {
    const y = 40 + place * LINE;
    parts.push(drawn("text", { class: "t", x: LEFT - 12, y: y + 4, "text-anchor": "end" }, one.band.slice(0, 14)));
    parts.push(...mark(one, x, y - 5, "cand"));
    const then = old.get(one.band);
    if (then !== undefined && then.rate !== null) parts.push(...mark(then, x, y + 12, "today"));
    parts.push(drawn("text", { class: "t strong", x: x(one.high) + 8, y: y - 1 }, percent(one.rate)));
  });
  const label = `Churn rate by band: ${shown.map((one) => `${one.band} ${percent(one.rate)}`).join(", ")}`;
  const box = `0 0 ${WIDTH} ${height}`;
  return drawn("svg", { viewBox: box, role: "img", "aria-label": label, class: "bandchart" }, ...parts);
}

function mark(one, x, y, role) {
  return [
    drawn("line", { class: `e ${role}`, x1: x(one.low), x2: x(one.high), y1: y, y2: y }),
    drawn("circle", { class: `d ${role}`, cx: x(one.rate), cy: y, r: role === "cand" ? 5 : 3.5 }),
  ];
}

const CALL_HOW =
  "The riskiest accounts of every snapshot are called, by the probability that the formula prints; accounts without " +
  "a score last; ties count in part. Caught: distinct churned accounts. Lift: precision over the churn rate of all " +
  "rows. The probability curve is the one of the formula started from: it was not fitted anew to these weights. " +
  "Intervals: 90 %, accounts resampled when the review was made, for each formula and capacity as shipped; they do " +
  "not move with the sliders.";

function callTable({ what, figures, before, guess, was }) {
  const [now, then] = [what.shipped(true), what.shipped(false)];
  const pair = (label, text, key, spoken) => [
    label,
    [guess + text(figures), limitsOf(now, key, spoken)],
    [guess + text(before), limitsOf(then, key, spoken)],
  ];
  const shares = (low, high) => range(low, high);
  const rows = [
    ["calls a snapshot", count(figures.calls.k), count(before.calls.k)],
    pair("churned accounts caught", ({ calls }) => `${count(calls.caught)} of ${count(calls.of)}`),
    pair("precision", ({ calls }) => percent(calls.precision), "precision", shares),
    pair("recall", ({ calls }) => percent(calls.recall), "recall", shares),
    pair("lift", ({ calls }) => fixed(calls.lift, 2), "lift", (low, high) => between(fixed(low, 2), fixed(high, 2))),
  ];
  let how = CALL_HOW;
  if (figures.profit !== null) {
    const amounts = (low, high) => between(money(low), money(high));
    rows.push(pair("profit of these calls, a snapshot", ({ profit }) => money(profit.ofCalls), "ofCalls", amounts));
    const everyone = "expected profit an account, calling all whom it pays to call";
    const exact = (low, high) => between(fixed(low, 2), fixed(high, 2));
    rows.push(pair(everyone, ({ profit }) => fixed(profit.worthwhile, 2), "worthwhile", exact));
    const { contact_cost: cost, save_rate: share } = what.data;
    how += ` Profit: a call costs ${fixed(cost, 2)} and keeps ${percent(share)} of the churners called, and their ARR.`;
  } else {
    how += " No profit: the project declares no contact_cost and save_rate under [thresholds].";
  }
  const columns = [["at this capacity", false], ["what if", true], [was, true]];
  return table(`Who is caught${sampled(what)}`, columns, rows, how);
}

/** A resampled interval, marked where it belongs to the shipped setting and not to what is tried. */
function limitsOf({ limits, holds }, key, spoken) {
  const found = key === undefined ? null : limits[key];
  if (!found) return "";
  return holds ? spoken(...found) : `shipped setting: ${spoken(...found)}`;
}

function between(low, high) {
  return `${low} \u2013 ${high}`;
}

function segmentTable({ what, figures, before, guess }) {
  const lowest = figures.bands[0].band;
  const old = new Map(before.segments.map((one) => [one.segment, one]));
  const rows = figures.segments.map((one) => {
    const then = old.get(one.segment);
    return [
      named(one.segment),
      guess + count(one.caught),
      guess + count(one.alarms),
      guess + count(one.missed),
      guess + count(one.quiet),
      [guess + percent(one.precision), rateNote(one.precisionLimits, then?.precision, guess)],
      [guess + percent(one.recall), rateNote(one.recallLimits, then?.recall, guess)],
    ];
  });
  const counts = ["churned, flagged", "stayed, flagged", "churned, not flagged", "stayed, not flagged"];
  const columns = [["segment", false], ...[...counts, "precision", "recall"].map((label) => [label, true])];
  const how =
    `Flagged: in the lowest band (${lowest}). Counts are rows, one for each account and snapshot. Intervals: 90 %, ` +
    "Korn-Graubard, accounts as clusters.";
  return table(`Confusion by segment${sampled(what)}`, columns, rows, how);
}

function rateNote(limits, before, guess) {
  const known = limits === null ? "" : `${range(...limits)}; `;
  return `${known}was ${guess}${percent(before)}`;
}

function flowTable({ what, figures, guess, was }) {
  const rows = figures.moves.flows
    .filter(({ from, to }) => from !== to)
    .map(({ from, to, accounts, arr }) => [chip(from), chip(to), guess + count(accounts), guess + money(arr)]);
  const columns = [[was, false], ["what if", false], ["accounts", true], ["ARR", true]];
  const how = rows.length ? "At each account\u2019s last snapshot in the holdout." : "No account changes band.";
  return table(`From band to band${sampled(what)}`, columns, rows, how);
}

function moverTable({ what, figures, was }) {
  const { book, data } = what;
  const old = what.compared.found;
  const rows = figures.moves.listed.map((row) => [
    named(book.accounts[book.account[row]]),
    book.segment.codes[row] < 0 ? "" : named(book.segment.words[book.segment.codes[row]]),
    money(book.arr[row]),
    chip(old.bands[old.band[row]]),
    chip(figures.found.bands[figures.found.band[row]]),
    `${score(old.score[row])} \u2192 ${score(figures.found.score[row])}`,
    reasonList(what.reasons(figures.scorer, row), data.labels),
  ]);
  const columns = [
    ["account", false], ["segment", false], ["ARR", true],
    [was, false], ["what if", false], ["score", true], ["why", false],
  ];
  const some = rows.length < figures.moves.moved ? `The ${rows.length} with the largest ARR. ` : "";
  const how =
    `${some}Why: what each metric adds to the score now less what it added before, largest first, in points before ` +
    "caps and display map.";
  return table(`Accounts that change band${sampled(what)}`, columns, rows, how);
}

function reasonList(reasons, labels) {
  const shown = reasons.slice(0, REASONS);
  const said = shown.map(([id, points]) => `${named(labels[id] ?? id)} ${signed(points / 100, 2)}`);
  const left = reasons.length - shown.length;
  if (left > 0) {
    const rest = reasons.slice(REASONS).reduce((sum, [, points]) => sum + points, 0);
    said.push(`${left} more ${signed(rest / 100, 2)}`);
  }
  return said.join("; ") || "the cut-offs alone";
}

