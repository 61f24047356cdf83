// Scores JSON Lines of inputs from standard input: node run-lines.mjs MODULE CONFIG
// One line in, one line out. Doubles that JSON lacks arrive as in golden vectors. A refusal ends it with exit code 2
// and one line of JSON on standard error.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modulePath, configPath] = process.argv.slice(2);
const { decode, everything, load } = await import(pathToFileURL(modulePath).href);
let row = null;

function refused(error) {
  const { name, message, where, arrived, expected, fix } = error;
  process.stderr.write(`${JSON.stringify({ name, message, where, arrived, expected, fix, row })}\n`);
  process.exitCode = 2;
}

try {
  const scorer = load(readFileSync(configPath));
  row = -1;
  const written = [];
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    row += 1;
    const inputs = decode(JSON.parse(line), scorer.inputs);
    written.push(JSON.stringify(everything(scorer.score(inputs, { extra: "ignore" }))));
    if (written.length >= 1000) process.stdout.write(`${written.splice(0).join("\n")}\n`);
  }
  if (written.length > 0) process.stdout.write(`${written.join("\n")}\n`);
} catch (error) {
  if (error.name !== "ConfigRefused" && error.name !== "InputRefused") throw error;
  refused(error);
}
