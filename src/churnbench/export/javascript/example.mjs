// Scores one account with the config beside this file: node example.mjs

import { readFileSync } from "node:fs";
import { ConfigRefused, load } from "./churnbench-scorer.mjs";

const text = readFileSync(new URL("config.json", import.meta.url), "utf8");
try {
  const scorer = load(text);
  const inputs = JSON.parse(text).golden[0].in; // an ordinary account; put your own values here
  const score = scorer.score(inputs);
  console.log(`${scorer.config_id} ${scorer.config_version}: ${score.health_score_x100} hundredths, ${score.band}`);
  console.log(`coverage ${score.coverage_bp} basis points, P(churn) ${score.churn_probability}`);
  for (const [metric, gained, lost] of score.contributions) console.log(`${metric}: +${gained}, lost ${lost}`);
} catch (error) {
  if (!(error instanceof ConfigRefused)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
