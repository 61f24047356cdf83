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
# # First steps
#
# A company scores the health of its accounts with a formula that somebody once wrote down. Did the score ever
# predict who left? This notebook opens a project, looks at its data, backtests the formula beside trained models on
# periods they had not seen, and ends with a verdict and a config.
#
# It runs on a simulated book of accounts. For your own data, point `PROJECT` at your folder.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
SEED = 0

# %%
import tempfile
from pathlib import Path

import churnbench as cb
from churnbench.data.simulate_demo import demo_project

folder = Path(PROJECT) if PROJECT else Path(tempfile.mkdtemp()) / "demo"
if PROJECT is None:
    demo_project(folder)
project = cb.open_project(folder)

# %% [markdown]
# ## The cohort
#
# One row per account and as-of date, every metric as it was known on that date. A row is labelled 1 when the account
# left between `gap` and `gap + horizon` days later, and only once enough time has passed to know.

# %%
cohort = project.snapshots()
labelled = cohort.labelled()
print(f"{labelled['account_id'].nunique():,} accounts, {len(labelled):,} rows, claim level {cohort.claim_level}")
print("not labelled:", dict(cohort.excluded))
labelled.groupby(labelled["as_of"].dt.to_period("Q")).agg(
    rows=("y", "size"), accounts=("account_id", "nunique"), churn_rate=("y", "mean")
)

# %% [markdown]
# ## The checks
#
# Before anything is believed: does a column know the future? The same checks run with `churnbench check`.

# %%
for finding in project.checks(seed=SEED):
    print(f"{finding.severity:<7} {finding.id}: {finding.detail}")

# %% [markdown]
# ## The backtest
#
# Every contender learns only from rows whose outcome was known at the fold's origin, and is tested on later rows.
# The holdout, the last two quarters, stays closed here.

# %%
result = cb.backtest(project.contenders(), cohort, seed=SEED)
result.folds()

# %%
result.summary().round(3)

# %% [markdown]
# ## The verdict
#
# `calibrate` opens the holdout. Four answers are possible, and "not enough evidence" is one of them.

# %%
proposal = cb.calibrate(result)
print(proposal.verdict)
print(proposal.evidence["verdict_sentence"])
print(proposal.evidence["verdict_reason"])

# %%
proposal.contenders().round(3)

# %% [markdown]
# Five ways to set the weights of the same formula, side by side (per cent of the score).

# %%
proposal.compare()

# %% [markdown]
# ## The config
#
# What production reads is a small JSON document, not a model file.

# %%
path = proposal.config.write(folder / "candidate.json")
scored = cb.score(path, project.latest())
scored[["account_id", "health_score", "band", "churn_probability"]].head()

# %%
scored["band"].value_counts()
