// Structure of a document, read from the JSON Schema by the few words which that schema uses.

import { ConfigRefused, shown, shownShort } from "./errors.mjs";
import { SCHEMA } from "./schema.mjs";

const EXPORT_FIX = "Export the config again; configs are not edited by hand.";
const patterns = new Map();

const JSON_TYPES = {
  object: (value) => isObject(value),
  array: (value) => Array.isArray(value),
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  number: (value) => typeof value === "number" || typeof value === "bigint",
  integer: (value) => Number.isInteger(value) || typeof value === "bigint",
};

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function misshapen(where, arrived, expected) {
  return new ConfigRefused(where, arrived, expected, EXPORT_FIX);
}

/**
 * Refuses a value that the schema does not describe, at the first place that differs.
 * @param {*} value the document, or a part of it
 * @param {string} where how to name it in a message
 * @param {object} [rule] the part of the schema; default: the whole
 */
export function checkShape(value, where, rule = SCHEMA) {
  let asked = rule.$ref === undefined ? rule : SCHEMA.$defs[rule.$ref.slice(rule.$ref.lastIndexOf("/") + 1)];
  if (asked.oneOf) asked = branchOf(value, asked.oneOf, where);
  if (asked.const !== undefined && value !== asked.const) {
    throw misshapen(where, shownShort(value), shownShort(asked.const));
  }
  if (asked.enum && !asked.enum.includes(value)) {
    throw misshapen(where, shownShort(value), `one of ${asked.enum.join(", ")}`);
  }
  if (asked.type) {
    const kinds = Array.isArray(asked.type) ? asked.type : [asked.type];
    if (!kinds.some((kind) => JSON_TYPES[kind](value))) throw misshapen(where, shownShort(value), kinds.join(" or "));
  }
  if (Array.isArray(value)) checkArray(value, asked, where);
  else if (isObject(value)) checkObject(value, asked, where);
  else if (typeof value === "string") checkText(value, asked, where);
  else if (JSON_TYPES.number(value)) checkNumber(value, asked, where);
}

/** The alternative that `kind` names; every alternative in the schema is told apart by it. */
function branchOf(value, branches, where) {
  const kind = isObject(value) ? value.kind : undefined;
  const branch = branches.find((entry) => entry.properties.kind.const === kind);
  if (branch !== undefined) return branch;
  const arrived = isObject(value) ? `kind ${shownShort(kind ?? null)}` : shownShort(value);
  const known = branches.map((entry) => entry.properties.kind.const);
  throw misshapen(where, arrived, `a kind among ${known.join(", ")}`);
}

function checkObject(value, rule, where) {
  const properties = rule.properties ?? {};
  const rest = rule.additionalProperties ?? true;
  const known = () => Object.keys(properties).join(", ");
  for (const name of rule.required ?? []) {
    if (!(name in value)) throw misshapen(where, `no field ${shown(name)}`, `the fields ${known()}`);
  }
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(properties, name)) checkShape(value[name], `${where}.${name}`, properties[name]);
    else if (rest === false) throw misshapen(where, `unknown field ${shown(name)}`, `only the fields ${known()}`);
    else if (rest !== true) checkShape(value[name], `${where}.${name}`, rest);
  }
}

function checkArray(value, rule, where) {
  const least = rule.minItems ?? 0;
  const most = rule.maxItems ?? value.length;
  if (value.length < least || value.length > most) {
    const wanted = least === most ? `${least} items` : `${least} to ${most} items`;
    throw misshapen(where, `${value.length} items`, wanted);
  }
  value.forEach((item, position) => {
    checkShape(item, `${where}[${position}]`, rule.prefixItems ? rule.prefixItems[position] : rule.items);
  });
}

function checkText(value, rule, where) {
  // Characters are counted as Unicode has them; there are never more of them than code units.
  if (rule.maxLength !== undefined && value.length > rule.maxLength) {
    const length = Array.from(value).length;
    if (length > rule.maxLength) throw misshapen(where, `${length} characters`, `at most ${rule.maxLength}`);
  }
  if (rule.pattern === undefined) return;
  if (!patterns.has(rule.pattern)) patterns.set(rule.pattern, new RegExp(rule.pattern, "u"));
  if (!patterns.get(rule.pattern).test(value)) throw misshapen(where, shownShort(value), `text like ${rule.pattern}`);
}

function checkNumber(value, rule, where) {
  const tooLow = rule.minimum !== undefined && value < rule.minimum;
  const tooHigh = rule.maximum !== undefined && value > rule.maximum;
  if (tooLow || tooHigh || !(value >= -Number.MAX_VALUE && value <= Number.MAX_VALUE)) {
    const bounds = `a number from ${rule.minimum ?? "any"} to ${rule.maximum ?? "any"}`;
    throw misshapen(where, shownShort(value), bounds);
  }
}
