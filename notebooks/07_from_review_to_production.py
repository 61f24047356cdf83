# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 7. From review to production
#
# A review ends with a verdict and a candidate, `config.json`. This notebook takes it the rest of the way: what would
# change, does every engine read it alike, who releases it, what a consumer sees, what happens when somebody edits it,
# and how to go back.
#
# Everything is written to a scratch folder: nothing of yours is released here.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
RUN = None  # folder of a finished run of it; None runs it first
SEED = 0

# %%
import json
import shutil

import pandas as pd

import churnbench_scorer
from guided.opening import project_at, run_of, scratch
from guided.tables import Shown, say

review = run_of(RUN, project_at(PROJECT), SEED)
work, run = scratch(), review.folder
review.config

# %% [markdown]
# ## What would change
#
# `diff` compares today's formula with the candidate: in words, and on the accounts of today. The matrix counts
# accounts by old band (rows) and new band (columns).

# %%
from churnbench.export import read_document
from churnbench.release import diff_file

today, candidate = read_document(run / "incumbent.json"), read_document(run / "config.json")
change = diff_file(today, candidate, run / "latest_inputs.parquet")
say(*(f"- {sentence}" for sentence in change.sentences()[:12]))

# %%
effect = change.as_dict()["portfolio"]
flows = pd.DataFrame(effect["flows"])
Shown(flows.pivot_table(index="before", columns="after", values="accounts", aggfunc="sum", fill_value=0))

# %% [markdown]
# ## One config, every engine
#
# The config's own conformance kit (knots, missing and infinite values, borders, roundings) and random accounts, scored
# by each engine and compared without tolerance.

# %%
from churnbench.export import verify

engines = ["python", "numpy", "duckdb", "sqlite"] + (["javascript"] if shutil.which("node") else [])
results = verify(candidate, engines)
Shown(pd.DataFrame([{"engine": r.engine, "accounts": r.rows, "differ": len(r.broken)} for r in results]))

# %% [markdown]
# A scorer that rounds halves to even, as Python's `round` does, is wrong about once in many thousand accounts. The kit
# finds it, and names the rule.

# %%
from churnbench.export import checked_answers, standard_kit
from churnbench_scorer.golden import everything


def answers_of(kit, change):
    """What a scorer answers whose results are changed on the way."""
    scorers = {name: churnbench_scorer.load(document) for name, document in kit.documents.items()}
    found = {}
    for number, case in enumerate(kit.cases, start=1):
        score = scorers[case.config].score(case.inputs, extra="ignore")
        found[number] = change(everything(score), score)
    return found


def half_to_even(answer, score):
    """Python's own rounding of the raw score, where no display map follows."""
    shown = answer["score"] if score.raw_score is None else round(score.raw_score * 100)
    return {**answer, "score": shown}


kit = standard_kit()
wrong = checked_answers("rounds halves to even", kit, answers_of(kit, half_to_even))
{rule: count for rule, count in wrong.rules.items() if rule.startswith(("rounding", "order"))}

# %% [markdown]
# ## Release
#
# A person with a role releases it, with a key. Today's formula goes first, as the baseline that can be gone back to;
# it was not the candidate of the review, so that needs a written reason.

# %%
from churnbench.release import Surroundings, active, new_key, promote, read_signing_key, rollback

models = work / "models"
key = new_key(work / "release.pem", "Notebook")
signed = Surroundings(key=read_signing_key(key.private_file))
who = {"by": "Ada Byron", "role": "VP Customer Success"}

promote(
    run / "incumbent.json",
    models,
    **who,
    override="Today's formula, put in force as the baseline to go back to.",
    surroundings=signed,
)
override = None
if review.evidence["verdict"] != "promote":
    override = "Released in a notebook to show how it is done, whatever the verdict."
released = promote(run, models, **who, decision="Start, with weekly looks", override=override, surroundings=signed)
name = candidate["config_id"]
sorted(path.name for path in (models / name).iterdir() if not path.name.startswith("."))

# %% [markdown]
# ## What a consumer sees
#
# It follows the pointer, loads the config (hashes, expiry, golden vectors) and scores. Standard library only.

# %%
document, pointer = active(models, name)
scorer = churnbench_scorer.load(document)
accounts = pd.read_parquet(run / "latest_inputs.parquet")
row = accounts.iloc[0]
inputs = {key: None if pd.isna(row[key]) else row[key] for key in scorer.inputs if key in accounts}
score = scorer.score(inputs)
print(pointer.version, pointer.sequence, "|", score)
parts = pd.DataFrame(score.contributions, columns=["metric", "gained_x100", "lost_x100"]).set_index("metric")
Shown(parts.sort_values("lost_x100", ascending=False).head())

# %% [markdown]
# Whole files go through `churnbench score`; a warehouse takes the same formula as SQL.

# %%
from churnbench.export import score_file, to_sql

scored = score_file(models / name / pointer.file, run / "latest_inputs.parquet", work / "scores.parquet")
print(dict(scored.bands))
print(to_sql(document, "postgres", "accounts")[:600], "...")

# %% [markdown]
# ## Somebody edits it
#
# One weight, by one basis point. The hashes no longer fit, and no reader accepts it. Whoever also makes new hashes
# lacks the key for the signature.

# %%
released_file = models / name / pointer.file
metric, weight = document["body"]["dimensions"][0]["weights"][0]
edited = released_file.read_text("utf-8").replace(f'["{metric}", {weight}]', f'["{metric}", {weight + 1}]', 1)
try:
    churnbench_scorer.load(edited)
except churnbench_scorer.ConfigRefused as refusal:
    print(refusal)

# %% [markdown]
# ## Going back
#
# Readers refuse a lower sequence, so the old formula is issued again under a higher one. The history keeps who, when
# and why.

# %%
rollback(models, name, **who, reason="Scores of resellers jumped on Monday", surroundings=signed)
back, pointer = active(models, name)
print("sequence", pointer.sequence, "| today's formula again:", back["body"] == today["body"])
for line in (models / name / "history.jsonl").read_text("utf-8").splitlines():
    entry = json.loads(line)
    if "by" in entry:
        print({key: entry[key] for key in ("at", "sequence", "version", "by", "role", "reason") if entry.get(key)})

# %% [markdown]
# For the method itself: [8. Claims and truth](08_claims_and_truth.ipynb) holds one review against a simulated truth.
