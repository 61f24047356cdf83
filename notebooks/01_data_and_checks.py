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
# # 1. Data and checks
#
# A company scores the health of its accounts with a formula that somebody once wrote down. Before asking whether that
# formula foresees who leaves: what data are there, are they enough, and does any column know the future?
#
# This is the first of seven notebooks that follow one analysis. They run on a simulated book of accounts; for your own
# data point `PROJECT` at your folder (`churnbench init DIR` makes one). With nobody watching,
# `churnbench notebooks PROJECT --out DIR` runs all of them.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from churnbench.metrics import korn_graubard
from guided import plots
from guided.opening import project_at
from guided.tables import Shown

# %matplotlib inline
plots.style()
project = project_at(PROJECT)
project

# %% [markdown]
# ## The cohort
#
# One row per account and as-of date, every metric as it was known on that date. A row is labelled 1 when the account
# left between `gap` and `gap + horizon` days later, and only once enough time has passed to know. Rows whose outcome
# cannot be known yet are left out; they are not "stayed".

# %%
cohort = project.snapshots()
cohort

# %% [markdown]
# ## Churn over time
#
# A rate moves by luck alone. The intervals count accounts, not rows: twelve snapshots of one account are not twelve
# witnesses.

# %%
labelled = cohort.labelled()
period = labelled["as_of"].dt.to_period("Q").astype(str) if cohort.dated else pd.Series("all", labelled.index)
rates = {name: korn_graubard(rows["y"], rows["account_id"]) for name, rows in labelled.groupby(period)}
by_period = pd.DataFrame({name: {"value": r.value, "low": r.low, "high": r.high} for name, r in rates.items()}).T
by_period["rows"] = labelled.groupby(period).size()
by_period["accounts"] = labelled.groupby(period)["account_id"].nunique()
by_period["churned accounts"] = labelled[labelled["y"] == 1].groupby(period)["account_id"].nunique()
plots.rate_over_time(by_period, title="Churn by quarter of the snapshot", ylabel="accounts that leave in the window, %")
Shown(by_period[["rows", "accounts", "churned accounts"]].fillna(0).astype(int))

# %% [markdown]
# ## What is known about each metric
#
# Metrics that are often missing, or missing more often than they used to be, deserve a look at their source. (Missing
# is never zero; a formula may learn what a missing answer means.)

# %%
labels = {metric.id: metric.label or metric.id for metric in project.formula.metrics}
inputs = [metric.id for metric in project.formula.metrics if metric.id in labelled]
missing = 100 * labelled[inputs].isna()
missing_by_period = missing.groupby(period).mean().T
figure, axis = plt.subplots(figsize=(8, 0.8 + 0.26 * len(inputs)))
shown = axis.imshow(missing_by_period, aspect="auto", cmap="Blues", vmin=0, vmax=max(20, missing_by_period.max().max()))
axis.set_xticks(range(len(missing_by_period.columns)), missing_by_period.columns)
axis.set_yticks(range(len(inputs)), [plots.shortened(labels[name]) for name in inputs])
axis.set_title("Missing values, % of rows")
figure.colorbar(shown, shrink=0.6)
figure.tight_layout()

# %%
numeric = [name for name in inputs if pd.api.types.is_numeric_dtype(labelled[name])]
summary = labelled[numeric].describe(percentiles=[0.05, 0.5, 0.95]).T[["min", "5%", "50%", "95%", "max"]]
Shown(summary.assign(**{"missing, %": missing.mean(), "distinct": labelled[numeric].nunique()}))

# %% [markdown]
# ## Do churned accounts look different?
#
# Means of rows that led to churn and of rows that did not, in standard deviations. This is a first look, not a
# finding: it says nothing about when a metric moved, nor what it adds to the others.

# %%
spread = labelled[numeric].std().replace(0, np.nan)
churned, stayed = (labelled.loc[labelled["y"] == outcome, numeric].mean() for outcome in (1, 0))
gap = ((churned - stayed) / spread).dropna().sort_values()
figure, axis = plt.subplots(figsize=(7, 0.8 + 0.26 * len(gap)))
axis.barh(range(len(gap)), gap, color=[plots.TRUTH if value < 0 else plots.NEW for value in gap])
axis.set_yticks(range(len(gap)), [plots.shortened(labels[name]) for name in gap.index])
axis.axvline(0, color="black", lw=0.8)
axis.set(title="Rows that led to churn, against the others", xlabel="difference of means, standard deviations")
figure.tight_layout()

# %% [markdown]
# ## The checks
#
# Does a column know the future? The same checks run with `churnbench check` and at the start of every run. `block`
# stops a run, `review` asks a person to look. What a blocked column may do nevertheless needs a written reason in the
# project file, and that reason stays in the evidence.

# %%
findings = project.checks(seed=SEED)
severity = pd.Categorical([found.severity for found in findings], ["block", "review", "ok"], ordered=True)
table = pd.DataFrame({"severity": severity, "check": [f.id for f in findings], "detail": [f.detail for f in findings]})
print(", ".join(f"{count} {name}" for name, count in table["severity"].value_counts(sort=False).items()))
Shown(table.sort_values("severity", kind="stable").set_index("severity"))

# %% [markdown]
# ## Is it enough?
#
# What counts is the number of distinct accounts that left, not the number of rows. Below 20 the formula can only be
# described, from 50 on a new one can pass the gate, from 150 boosting and segments have something to say.

# %%
events = labelled.loc[labelled["y"] == 1, "account_id"].nunique()
steps = {0: "describe only", 20: "a proposal, no promotion", 50: "refit and gate", 150: "boosting and segments"}
allowed = [words for needed, words in steps.items() if events >= needed][-1]
print(f"{events:,} churned accounts: {allowed}")

# %% [markdown]
# Next: [2. Backtest](02_backtest.ipynb).
