// A formula that was tried, as a config document of its own.

import { bodySha256, decode, documentSha256, load, outcome } from "./churnbench-scorer.mjs";

/** What a draft says of itself. */
export const STAMP = "manual, not validated";

/**
 * A config document for a formula that somebody set by hand in the review page.
 * @param {string} text the document it started from
 * @param {Scorer} scorer of the changed formula
 * @param {{profiles: Map<string, Array<[string, number]>>, bands: Array<[string, number]>, seenUntil: string | null,
 *   capacity: number | null}} changes weights of each profile ("" for the default one) in basis points, band starts in
 *   hundredths, the last day whose outcomes stood before the eyes of whoever set them, and the calls a snapshot they
 *   chose (null: those of the review)
 * @param {Date} now moment of the export
 * @returns {object} a document that `load` accepts: other weights and bands, golden vectors scored anew, right hashes
 * @throws {ConfigRefused} for weights or bands that no document may hold
 */
export function draftDocument(text, scorer, { profiles, bands, seenUntil, capacity = null }, now) {
  const document = JSON.parse(text);
  const { segments } = document.body;
  const started = { version: document.config_version, sha256: document.integrity.body_sha256 };
  segments.default = profiles.get("") ?? segments.default;
  for (const entry of segments.by) entry.weights = profiles.get(entry.segment) ?? entry.weights;
  document.body.bands = bands;
  const moment = `${now.toISOString().slice(0, 19)}Z`;
  document.config_version = draftVersion(started.version);
  document.provenance = provenanceOf(document.provenance, started, seenUntil);
  // Due for review from the first moment: every scorer that loads it warns.
  document.lifecycle = { created: moment, review_by: moment, hard_expiry: null, supersedes: started.version };
  const draft = { status: STAMP, from_version: started.version, from_body_sha256: started.sha256 };
  if (capacity !== null) draft.capacity = capacity;
  document.extra = { ...document.extra, draft };
  document.golden = rescored(document.golden, scorer);
  document.integrity = hashesOf(document);
  load(JSON.stringify(document), { now });
  return document;
}

function draftVersion(version) {
  return `${version.split("-")[0]}-manual`;
}

/** What the weights rest on is no longer known; where they came from is. */
function provenanceOf(provenance, started, seenUntil) {
  const sentence =
    `${STAMP}: weights and bands were set by hand in a review page, starting from ${started.version} ` +
    `(body ${started.sha256.slice(0, 12)}). Backtest it before anybody relies on it.`;
  const made = { ...provenance, metrics: [], verdict: STAMP, warnings: [sentence], approvals: [] };
  // Outcomes that were looked at count as learned from, so that no later backtest takes them for unseen.
  if (seenUntil !== null) made.label_window = [provenance.label_window?.[0] ?? seenUntil, seenUntil];
  return made;
}

/** The same golden inputs with what the changed formula makes of them. */
function rescored(golden, scorer) {
  return golden.map((vector) => {
    const found = outcome(scorer.score(decode(vector.in, scorer.inputs)));
    return { in: vector.in, out: Object.fromEntries(Object.keys(vector.out).map((name) => [name, found[name]])) };
  });
}

function hashesOf(document) {
  return { body_sha256: bodySha256(document), sha256: documentSha256(document) };
}
