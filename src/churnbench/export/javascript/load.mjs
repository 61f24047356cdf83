// Checks a document from its cover to its last golden vector, then hands out a scorer.

import { bodySha256, canonical, documentSha256, sha256 } from "./canonical.mjs";
import { ConfigRefused, InputRefused, shown } from "./errors.mjs";
import { refuseExpired } from "./lifecycle.mjs";
import { bandsOf, planOf } from "./plan.mjs";
import { everything, outcome, Score } from "./result.mjs";
import { checkBands, checkBody, checkProfile, INSUFFICIENT, KNOWN_FEATURES, requiredFeatures } from "./rules.mjs";
import { Scorer } from "./scorer.mjs";
import { checkShape } from "./shape.mjs";
import { SCHEMA } from "./schema.mjs";
import { readDocument } from "./strict-json.mjs";

/** What a document must call itself. */
export const FORMAT = "churnbench-weights";
/** The newest spec this module reads. */
export const SPEC_VERSION = "1.0";

/**
 * Loads a weight config, or refuses it.
 * @param {string | Uint8Array | object} source JSON text, its UTF-8 bytes, or the parsed document. Text is better: only
 *   there can duplicate keys and lost digits be seen.
 * @param {{activeSequence?: number, now?: Date | string | number}} [options] `activeSequence`: of the config now in
 *   use, an older one is refused; `now`: moment that decides about expiry, default the clock
 * @returns {Scorer} all of whose golden vectors have just been reproduced
 * @throws {ConfigRefused} for an edited or malformed document, an unknown requirement or field, a newer spec, an
 *   expired or older config, weights or knots that break the rules, golden vectors that differ
 */
export function load(source, { activeSequence, now } = {}) {
  const document = readDocument(source);
  checkCover(document);
  checkShape(document, "config");
  checkIntegrity(document);
  checkInputs(document.inputs, checkBody(document.body));
  checkFeatures(document);
  const warnings = refuseExpired(document.lifecycle, now);
  if (activeSequence !== undefined && activeSequence !== null && !(document.sequence >= activeSequence)) {
    throw new ConfigRefused(
      "config.sequence",
      String(document.sequence),
      `${activeSequence} or higher, as the active config has`,
      "To go back, issue the old body again under a higher sequence.",
    );
  }
  const scorer = new Scorer(coverOf(document, warnings), planOf(document.body));
  replay(scorer, document.golden);
  return scorer;
}

/**
 * The same formula with other dimension weights or band thresholds, without loading again: for sliders.
 * The result has no body_sha256, since it is not the released formula any more.
 * @param {Scorer} scorer loaded, or changed before
 * @param {{dimensions?: Array<[string, number]>, bands?: Array<[string, number]>,
 *   profiles?: Map<string, Array<[string, number]>>}} changes every dimension with its basis points (10000 in sum), in
 *   any order; all bands with their inclusive starts in hundredths, ascending from 0; the same as `dimensions` for
 *   segments that have a profile of their own (the other segments keep theirs)
 * @returns {Scorer} a new scorer; the old one is unchanged
 * @throws {ConfigRefused} for what a document could not hold either, and for a segment without a profile
 */
export function withWeights(scorer, { dimensions, bands, profiles }) {
  const plan = { ...scorer.plan };
  if (dimensions !== undefined) plan.defaultWeights = changedWeights(plan, dimensions, "default");
  if (profiles !== undefined) plan.profiles = changedProfiles(plan, profiles);
  if (bands !== undefined) {
    checkShape(bands, "body.bands", SCHEMA.$defs.body.properties.bands);
    checkBands(bands);
    Object.assign(plan, bandsOf(bands));
  }
  return new Scorer({ ...scorer, body_sha256: null }, Object.freeze(plan));
}

function changedProfiles(plan, profiles) {
  const changed = new Map(plan.profiles);
  for (const [segment, entries] of profiles) {
    if (!changed.has(segment)) {
      const known = [...changed.keys()].map(shown).join(", ") || "none";
      const fix = "Change the default weights, or export a formula with this profile.";
      throw new ConfigRefused("body.segments.by", `no profile ${shown(segment)}`, `one of ${known}`, fix);
    }
    changed.set(segment, changedWeights(plan, entries, segment));
  }
  return changed;
}

function changedWeights(plan, entries, segment) {
  const where = `body.segments ${shown(segment)}`;
  checkShape(entries, where, SCHEMA.$defs.weights);
  const order = plan.dimensions.map((dimension) => dimension.id);
  const sorted = [...entries].sort((left, right) => order.indexOf(left[0]) - order.indexOf(right[0]));
  checkProfile(sorted, order, where);
  return Float64Array.from(sorted, (entry) => entry[1]);
}

function coverOf(document, warnings) {
  return {
    config_id: document.config_id,
    config_version: document.config_version,
    sequence: document.sequence,
    body_sha256: document.integrity.body_sha256,
    inputs: new Map(document.inputs.map((entry) => [entry.id, entry.type])),
    warnings,
  };
}

/** Format, spec and requirements first: a newer document must not fail as merely misshapen. */
function checkCover(document) {
  if (document.format !== FORMAT) {
    const found = document.format === undefined ? "nothing" : document.format;
    throw new ConfigRefused("config.format", shown(found), shown(FORMAT), "This is not a churnbench config.");
  }
  checkVersion(document.spec_version ?? null);
  for (const feature of Array.isArray(document.requires) ? document.requires : []) {
    if (KNOWN_FEATURES.includes(feature)) continue;
    const arrived = `unknown requirement ${shown(feature)}`;
    throw new ConfigRefused("config.requires", arrived, KNOWN_FEATURES.join(", "), "Upgrade churnbench-scorer.");
  }
}

function checkVersion(version) {
  const where = "config.spec_version";
  const parts = typeof version === "string" ? /^([0-9]{1,4})\.([0-9]{1,4})$/.exec(version) : null;
  if (parts === null) throw new ConfigRefused(where, shown(version), "a version like '1.0'", "Export it again.");
  const [ours, oursMinor] = SPEC_VERSION.split(".").map(Number);
  if (Number(parts[1]) !== ours || Number(parts[2]) > oursMinor) {
    throw new ConfigRefused(where, `spec ${version}`, `at most ${SPEC_VERSION}`, "Upgrade churnbench-scorer.");
  }
}

function checkIntegrity(document) {
  const found = { body_sha256: bodySha256(document), sha256: documentSha256(document) };
  for (const name of Object.keys(found)) {
    if (document.integrity[name] === found[name]) continue;
    const part = name === "body_sha256" ? "the body" : "the document";
    throw new ConfigRefused(
      `config.integrity.${name}`,
      `${part} hashes to ${found[name].slice(0, 12)}...: it was edited or damaged`,
      `${document.integrity[name].slice(0, 12)}...`,
      "Take the released file again; changes go through a new export.",
    );
  }
}

function checkInputs(declared, needed) {
  const types = new Map();
  for (const { id, type } of declared) {
    if (types.has(id)) throw new ConfigRefused("config.inputs", `input ${shown(id)} twice`, "each once", AGAIN);
    types.set(id, type);
  }
  for (const [name, kind] of needed) {
    const found = types.get(name) ?? "not declared";
    const textual = kind === "category";
    if (found !== "not declared" && textual === (found === "category")) continue;
    const wanted = textual ? kind : "number or boolean";
    throw new ConfigRefused("config.inputs", `input ${shown(name)} ${found}`, wanted, AGAIN);
  }
}

const AGAIN = "Export it again.";

function checkFeatures(document) {
  const absent = requiredFeatures(document.body).find((feature) => !document.requires.includes(feature));
  if (absent === undefined) return;
  const arrived = `no ${shown(absent)}, which the body uses`;
  throw new ConfigRefused("config.requires", arrived, "every feature of the body", "Export the config again.");
}

const GOLDEN_FIX = "Do not score with it: this reader and the writer of the config disagree.";
const DOUBLES = new Map([["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity]]);

/**
 * Inputs of a golden vector: for an input that is not a category, "NaN", "Infinity" and "-Infinity" are those doubles.
 * @param {object} vector input id -> JSON value
 * @param {Map<string, string>} kinds input id -> type
 * @returns {Map<string, *>} inputs as `score` takes them
 */
export function decode(vector, kinds) {
  return new Map(
    Object.keys(vector).map((name) => {
      const value = vector[name];
      return [name, kinds.get(name) !== "category" && DOUBLES.has(value) ? DOUBLES.get(value) : value];
    }),
  );
}

/** Scores every golden vector and compares without tolerance. */
function replay(scorer, golden) {
  golden.forEach((vector, position) => {
    const where = `golden[${position}]`;
    let found;
    try {
      found = outcome(scorer.score(decode(vector.in, scorer.inputs)));
    } catch (error) {
      if (!(error instanceof InputRefused)) throw error;
      throw new ConfigRefused(where, error.message, "inputs that the config declares", GOLDEN_FIX);
    }
    for (const name of Object.keys(vector.out)) {
      if (found[name] === vector.out[name]) continue;
      throw new ConfigRefused(where, `${name} ${shown(found[name])}`, shown(vector.out[name]), GOLDEN_FIX);
    }
  });
}

export { bodySha256, canonical, ConfigRefused, documentSha256, everything, InputRefused, INSUFFICIENT, Score, Scorer, sha256 };
