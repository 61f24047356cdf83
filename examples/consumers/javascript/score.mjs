// Scores accounts from a JSON Lines file with a churnbench weight config: a small consumer to start from.
//
//   churnbench export CONFIG --to javascript --out .     writes churnbench-scorer.mjs and config.json beside this file
//   node score.mjs config.json accounts.jsonl > scores.jsonl
//
// One account per line: its account_id (carried along) and a value per input id. null and absent keys are missing,
// which is never zero. One line out per account, as it is read, with the config's version and body hash.
//
// Exit code 2 and one sentence on standard error for a config that must not be used (edited, expired, unknown), for a
// file that cannot be read, and for the first line that cannot be scored; the scores before that line stand.
// Needs Node 18 or later and nothing else.

import { createReadStream, readFileSync } from "node:fs";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ConfigRefused, InputRefused, load } from "./churnbench-scorer.mjs";

class Refused extends Error {}

function loaded(path) {
  try {
    return load(readFileSync(path)); // bytes: the reader itself checks that they are UTF-8
  } catch (error) {
    if (error instanceof ConfigRefused || error.code !== undefined) throw new Refused(`${path}: ${error.message}`);
    throw error;
  }
}

function scored(scorer, line) {
  const account = JSON.parse(line);
  if (account === null || typeof account !== "object" || Array.isArray(account)) {
    throw new InputRefused("not an object; expected one account with account_id and a value per input.");
  }
  const { account_id = null, ...inputs } = account;
  const score = scorer.score(inputs);
  return JSON.stringify({
    account_id,
    health_score_x100: score.health_score_x100,
    band: score.band,
    coverage_bp: score.coverage_bp,
    churn_probability: score.churn_probability,
    config_version: scorer.config_version,
    body_sha256: scorer.body_sha256,
  });
}

async function main(configPath, accountsPath) {
  if (accountsPath === undefined) throw new Refused("usage: node score.mjs CONFIG ACCOUNTS.jsonl");
  const scorer = loaded(configPath);
  for (const warning of scorer.warnings) process.stderr.write(`${warning}\n`);
  const source = createReadStream(accountsPath, "utf8");
  await once(source, "open"); // a file that is not there is refused before anything is written
  let number = 0;
  for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
    number += 1;
    if (line.trim() === "") continue;
    try {
      if (!process.stdout.write(`${scored(scorer, line)}\n`)) await once(process.stdout, "drain");
    } catch (error) {
      if (!(error instanceof InputRefused || error instanceof SyntaxError)) throw error;
      throw new Refused(`${accountsPath}, line ${number}: ${error.message}`);
    }
  }
}

process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1)); // e.g. `| head`

try {
  await main(...process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refused) && error.code === undefined) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
