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
# # 6. Account deep-dive
#
# "Why is this account red?" A score that nobody can explain will not be acted upon. This notebook takes one account
# apart: score and risk, what each metric gains and loses it against its peers, its history, and what would help.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
RUN = None  # folder of a finished run of it; None runs it first
ACCOUNT = None  # account_id; None takes the account with most value at risk
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

import churnbench as cb
from guided import plots
from guided.opening import project_at, run_of
from guided.tables import Shown

# %matplotlib inline
plots.style()
project = project_at(PROJECT)
cohort = project.snapshots()
run = run_of(RUN, project, SEED)
run.require_data_of(cohort)
labels = {metric.id: metric.label or metric.id for metric in project.formula.metrics}

# %% [markdown]
# ## Which account
#
# Value at risk is P(churn) times ARR. Where no ARR is known, the riskiest account is taken.

# %%
latest = run.latest()
scored = cb.score(run.config, latest, contributions=True)
for name in ("segment", "arr", "days_to_renewal"):
    scored[name] = latest.get(name, default=np.nan)
at_risk = scored["churn_probability"].astype(float) * scored["arr"].astype(float).fillna(1.0)
chosen = scored["account_id"].eq(str(ACCOUNT)) if ACCOUNT is not None else scored.index == at_risk.idxmax()
if not chosen.any():
    raise LookupError(f"account {ACCOUNT} is not among the {len(scored):,} active accounts of the newest snapshot")
account = scored[chosen].iloc[0]
today = cb.score(run.incumbent, latest)[chosen].iloc[0]
columns = ["health_score", "band", "churn_probability", "coverage_bp"]
both = pd.DataFrame([today[columns], account[columns]], index=["today's formula", "candidate"])
Shown(both.infer_objects(), {"churn_probability": 3})

# %%
peers = scored[(scored["segment"] == account["segment"]) if pd.notna(account["segment"]) else slice(None)]
about = {
    "segment": account["segment"],
    "ARR": account["arr"],
    "days to renewal": account["days_to_renewal"],
    "accounts in its segment": len(peers),
    "of them score lower, %": 100 * (peers["health_score"] < account["health_score"]).mean(),
    "value at risk": at_risk[chosen].iloc[0],
    "place by value at risk": int(at_risk.rank(ascending=False)[chosen].iloc[0]),
}
Shown(pd.DataFrame([about], index=[str(account["account_id"])]), {"of them score lower, %": 1, "value at risk": 0})

# %% [markdown]
# ## How certain is its risk?
#
# The risk curve of its stratum, with the interval that the config carries into production.

# %%
risk = run.config.document["body"].get("risk_curve")
if risk is None or pd.isna(account["churn_probability"]):
    print("the config carries no risk curve, or the account has no score")
else:
    days = latest.get(risk["input"], pd.Series(np.nan, latest.index))[chosen].iloc[0]  # what chooses the stratum
    inside = [
        one
        for one in risk["strata"][:-1]
        if (one["from"] is None or days >= one["from"]) and (one["to"] is None or days <= one["to"])
    ]
    stratum = (inside or risk["strata"][-1:])[0]
    points, probability = np.array(stratum["points"])[::-1], float(account["churn_probability"])
    low, high = (np.interp(probability, points[:, 1], points[:, column]) for column in (2, 3))
    print(f"P(churn) {probability:.1%}, 90 % interval {low:.1%} to {high:.1%} (stratum '{stratum['id']}')")

# %% [markdown]
# ## Why this score
#
# From the mean of its peers to the account, metric by metric. The steps add up exactly, because the formula is a sum.
# (Points of the raw score; the score on display follows from it by the display map.)

# %%
gained = {name: f"{name}_gained_x100" for name in labels if f"{name}_gained_x100" in scored}
own = pd.Series({name: account[column] / 100 for name, column in gained.items()}, dtype=float)
usual = pd.Series({name: peers[column].astype(float).mean() / 100 for name, column in gained.items()})
steps = (own - usual).sort_values(key=np.abs, ascending=False)
largest = [(labels[name], step) for name, step in steps.head(9).items()]
if len(steps) > 9:
    largest.append(("all other metrics", float(steps.iloc[9:].sum())))
plots.waterfall(("mean of its peers", float(usual.sum())), largest, (str(account["account_id"]), float(own.sum())))

# %% [markdown]
# ## Metric by metric
#
# `lost` is what the account could still gain: points of the raw score, if the metric were at its best. (What would help
# the score need not help the account: these are associations.)

# %%
row = latest[chosen].iloc[0]
values = {name: row[name] for name in gained if name in row}
medians = {
    name: latest.loc[peers.index, name].median() for name in values if pd.api.types.is_numeric_dtype(latest[name])
}
table = pd.DataFrame(
    {
        "value": values,
        "median of peers": medians,
        "points": own,
        "mean of peers": usual,
        "lost": {name: account[f"{name}_lost_x100"] / 100 for name in gained},
    }
)
Shown(table.rename(index=labels).sort_values("lost", ascending=False))

# %% [markdown]
# ## How it came here
#
# Both formulas over all snapshots of the account; the stripes are the candidate's bands.

# %%
history = cohort.frame[cohort.frame["account_id"] == account["account_id"]]
if not cohort.dated or len(history) < 2:
    print("the account has no history")
else:
    figure, axis = plt.subplots(figsize=(8, 3.4))
    shown = {entry["band"]: float(entry["from"]) for entry in run.evidence["thresholds"]}
    plots.bands_behind(axis, shown)
    for config, colour, label in (
        (run.incumbent, plots.TODAY, "today's formula"),
        (run.config, plots.NEW, "candidate"),
    ):
        score = cb.score(config, history)["health_score"].astype(float).to_numpy()
        axis.plot(history["as_of"], score, "o-", ms=4, color=colour, label=label)
    axis.set(title=f"Health score of {plots.shortened(account['account_id'])}", ylabel="health score (0-100)")
    axis.legend(loc="lower left")
    figure.tight_layout()

# %% [markdown]
# Which metrics moved most in the last six snapshots, in standard deviations of all accounts?

# %%
if cohort.dated and len(history) >= 2:
    numeric = [name for name in gained if pd.api.types.is_numeric_dtype(cohort.frame[name])]
    spread = cohort.frame[numeric].std().replace(0, np.nan)
    recent = history.tail(6)
    moved = ((recent[numeric].iloc[-1] - recent[numeric].iloc[0]) / spread).dropna()
    moved = moved.rename(index=labels).sort_values(key=np.abs, ascending=False)
    display(Shown(moved.head(8).rename("change, standard deviations").to_frame()))

# %% [markdown]
# ## Accounts that look like it
#
# The nearest accounts by the points of their metrics. What became of similar accounts is often a better argument than a
# weight.

# %%
matrix = scored[list(gained.values())].astype(float)
distance = np.sqrt(((matrix - matrix[chosen].iloc[0]) ** 2).sum(axis=1)) / 100
near = scored.assign(distance=distance).drop(index=scored.index[chosen]).nsmallest(8, "distance")
columns = ["segment", "arr", "health_score", "band", "churn_probability", "distance"]
Shown(near.set_index("account_id")[columns], {"distance": 1, "churn_probability": 3})

# %% [markdown]
# Next: [7. From review to production](07_from_review_to_production.ipynb).
