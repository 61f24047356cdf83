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
# # 14. Triggers: which alerts earn their noise
#
# A trigger that nobody tests is a habit. This notebook takes one simulated book, raises the alerts that the shipped
# triggers would have raised, and holds them against who left: how often were they right, what did they miss, and
# would as many calls by churn probability, or by lot, have done as well? The score behind them is the hand formula of
# the preset; how weights are learned is the matter of [notebook 3](03_weights_curves_shap.ipynb).

# %% tags=["parameters"]
ACCOUNTS = 1500
MONTHS = 24
SEED = 3

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from churnbench.data.simulate import simulate_world
from churnbench.export import build_document
from churnbench.formula import build_body
from churnbench.playbooks import backtest_triggers, declare, evaluate, records_of, task_list
from churnbench.workflow.score_frames import scored_history
from guided import plots, truth
from guided.tables import Shown, say

# %matplotlib inline
plots.style()
world = simulate_world(ACCOUNTS, MONTHS, SEED, base_rate=0.05, departures=0.03, truth=False)
project = truth.opened(world, "alerts")
cohort = project.snapshots()
rows = cohort.frame[cohort.frame["churned_on"].isna() | (cohort.frame["as_of"] < cohort.frame["churned_on"])]
rows = rows.reset_index(drop=True)

# %% [markdown]
# ## 1. A score history
#
# Every snapshot is scored with the hand formula. The churn probability is learned from the first half of the dates,
# and only the second half is judged: a probability that has seen the outcomes would flatter itself. One column comes
# from outside the formula: champions who left within 90 days, which this world knows exactly.

# %%
body = build_body(project.formula, rows)
document = build_document(
    body, config_id="alerts", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01T00:00:00Z"}
)
history = scored_history(document, rows, world.accounts)
dates = np.sort(history["as_of"].unique())
half = pd.Timestamp(dates[len(dates) // 2])
known = history.merge(rows[["account_id", "as_of", "y", "matures_on"]], on=["account_id", "as_of"])
taught = known[(known["matures_on"] <= half) & known["y"].notna() & known["health_score"].notna()]
curve = LogisticRegression().fit(taught[["health_score"]].to_numpy(), taught["y"])
scored = history["health_score"].notna()
chances = curve.predict_proba(history.loc[scored, ["health_score"]].to_numpy())
history.loc[scored, "churn_probability"] = chances[:, list(curve.classes_).index(1.0)]

left = world.departures.merge(history[["account_id", "as_of"]], on="account_id")
days = (left["as_of"] - pd.to_datetime(left["departed_on"])).dt.days
gone = left[days.between(0, 89)].groupby(["account_id", "as_of"]).size().rename("champions_left_90d").reset_index()
history = history.drop(columns="champions_left_90d", errors="ignore").merge(
    gone, on=["account_id", "as_of"], how="left"
)
history["champions_left_90d"] = history["champions_left_90d"].fillna(0.0)
print(f"{history['account_id'].nunique():,} accounts, {len(history):,} readings")
print(f"probability learned from outcomes known before {half:%Y-%m-%d}")

# %% [markdown]
# ## 2. Today's alerts
#
# Which triggers cannot be evaluated, and why, is part of the answer: monthly snapshots cannot show what happens in a
# week.

# %%
declared = declare()
today = evaluate(history, declared)
counts = today.alerts.groupby(["trigger", "label"]).agg(alerts=("alert_id", "size"), at_stake=("expected_loss", "sum"))
Shown(counts.sort_values("at_stake", ascending=False), {"at_stake": 0}, f"Open alerts on {today.as_of:%Y-%m-%d}")

# %%
say(*(f"{one.trigger}: {one.reason}" for one in today.not_evaluated))

# %% [markdown]
# One alert with its playbook, as a task list:

# %%
warnings = today.alerts[today.alerts["trigger"].eq("score-below-70-before-renewal")]
print(task_list(records_of(warnings.head(1), declared)))

# %% [markdown]
# ## 3. Do they earn their noise?
#
# Each alert is judged where it begins: right, when the account leaves after the gap and within the horizon. As many
# alerts on each date go to the accounts with the highest probability, and to accounts drawn by lot.

# %%
labels = rows[["account_id", "as_of", "status", "y", "churned_on"]]
result = backtest_triggers(history, labels, cohort.window, declared, since=half, replicates=200, seed=SEED)
warned = [one for one in result.results if not one.scheduled]


def percent(estimate):
    """A share in per cent, missing where there is none."""
    return np.nan if estimate.value is None else 100 * estimate.value


table = pd.DataFrame(
    {
        "alerts": {one.label: one.alerts for one in warned},
        "right, %": {one.label: percent(one.precision) for one in warned},
        "probability, %": {one.label: percent(one.probability_precision) for one in warned},
        "by lot, %": {one.label: percent(one.random_precision) for one in warned},
        "caught, %": {one.label: percent(one.recall) for one in warned},
        "lead, days": {one.label: one.lead_days.value for one in warned},
        "per CSM and week": {one.label: one.per_csm_week.value for one in warned},
        "verdict": {one.label: one.verdict.word for one in warned},
    }
).astype({"lead, days": float, "per CSM and week": float})
decimals = {name: 1 for name in table if "%" in name} | {"lead, days": 0, "per CSM and week": 2}
print(f"{result.churns:,} churns of {result.accounts:,} accounts, {result.first} to {result.last}")
Shown(table, decimals)

# %%
say(*(f"{one.trigger}: {one.verdict.reason}" for one in warned), *result.warnings)

# %% [markdown]
# Read the verdicts with two things in mind. A trigger on the score alone tells what the probability tells, later and
# coarser: as many calls by probability often find more. And a trigger may be called noise as a way of finding who
# leaves and still be worth a task: a departed champion needs a successor, whoever is called first. Your own book
# answers with `churnbench triggers backtest`.
