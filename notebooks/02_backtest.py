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
# # 2. Backtest
#
# Would today's formula have foreseen who left? Every contender learns only from rows whose outcome was known on a date,
# and is tested on later rows. The last two quarters, the holdout, stay closed in this notebook: whoever looks at them
# while still choosing will believe too much.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
SEED = 0

# %%
import pandas as pd
from IPython.display import display

import churnbench as cb
from churnbench.metrics import AccountBootstrap, gain_curve, korn_graubard, summarise
from churnbench.metrics.reliability import reliability_bins
from guided import plots
from guided.opening import project_at
from guided.tables import Shown

# %matplotlib inline
plots.style()
project = project_at(PROJECT)
cohort = project.snapshots()
cohort

# %% [markdown]
# ## Contenders
#
# Today's formula, the best single metric, a logistic regression, LightGBM (how far a model gets that is no formula),
# and four ways of deriving new weights for the *same* formula.

# %%
result = cb.backtest(project.contenders(), cohort, seed=SEED)
result

# %% [markdown]
# ## Which dates taught, which dates tested
#
# The dotted stretch is the purge: a row's label needs the gap, the horizon and the days until outcomes are recorded.
# Nobody types it; it follows from the labels.

# %%
folds = result.backtest.folds
dated = []
for fold in folds if cohort.dated else ():
    learned, tested = (cohort.frame.loc[rows, "as_of"] for rows in (fold.train_rows, fold.test_rows))
    dated.append(
        {
            "role": fold.role,
            "origin": fold.name,
            "train_from": learned.min(),
            "train_until": learned.max(),
            "test_from": tested.min(),
            "test_until": tested.max(),
        }
    )
if dated:
    plots.timeline(dated)
else:
    print("The table has no dates: accounts are cross-validated, and nothing is claimed about the future.")

# %% [markdown]
# ## Who ranks churn best?
#
# AUC: the chance that an account that leaves was ranked above one that stays. All contenders were tested on the same
# churned accounts, so their errors go together, and a difference is surer than either figure.

# %%
tested = result.backtest.walk_forward
if tested is None:
    print("No fold lies before the holdout: the history is too short to test anything without opening it.")
else:
    summary = result.summary()
    columns = {"auc": "value", "auc_low": "low", "auc_high": "high"}
    plots.intervals(
        summary.rename(columns=columns).sort_values("value", ascending=False),
        title="AUC on the folds before the holdout",
        xlabel="AUC (.5 is chance)",
    )

# %% [markdown]
# ## Does the order hold from fold to fold?

# %%
if tested is not None:
    named = {"incumbent": "today's formula", "anchored": "anchored refit", "lightgbm": "LightGBM"}
    by_fold = []
    for fold, rows in tested.groupby("fold"):
        resampled = AccountBootstrap(rows["account_id"].to_numpy(dtype=object), replicates=200, seed=SEED)
        for name, label in named.items():
            found = summarise(rows["y"], rows[f"{name}.churn_probability"], bootstrap=resampled)["auc"]
            by_fold.append((f"{label}, {fold}", found.value, found.low, found.high))
    table = pd.DataFrame(by_fold, columns=["row", "value", "low", "high"]).set_index("row").astype(float)
    plots.intervals(table, title="AUC fold by fold", xlabel="AUC (.5 is chance)")

# %% [markdown]
# ## What does a team see of it?
#
# A team can call so many accounts per snapshot. How many of those that left would it have called?

# %%
if tested is not None:
    resampled = AccountBootstrap(tested["account_id"].to_numpy(dtype=object), replicates=200, seed=SEED)
    snapshot = tested["as_of"].dt.strftime("%Y-%m-%d").fillna("all").to_numpy(dtype=object)
    caught = {
        name: [
            point.as_json()
            for point in gain_curve(tested["y"], tested[f"{name}.churn_probability"], snapshot, bootstrap=resampled)
        ]
        for name in named
    }
    plots.gain(caught, named, project.project.thresholds.capacity)

# %% [markdown]
# ## Can the probabilities be believed?
#
# On the line, 5 % means 5 %. A score may rank well and still promise the wrong rates.

# %%
if tested is not None:
    y, accounts = tested["y"].to_numpy(), tested["account_id"].to_numpy(dtype=object)
    bins = {}
    for name in named:
        groups = reliability_bins(y, tested[f"{name}.churn_probability"])
        rates = [korn_graubard(y[group.members], accounts[group.members]) for group in groups]
        bins[name] = [
            {"predicted": g.predicted, "observed": g.observed, "low": r.low, "high": r.high, "events": g.events}
            for g, r in zip(groups, rates, strict=True)
        ]
    plots.reliability(bins, named)

# %% [markdown]
# ## Which metrics move before churn, and which only with it?
#
# A metric that moves in the last 30 days alone is a footprint of leaving, not a warning. `leading` needs an AUC whose
# lower bound is above .55 at least 60 days ahead.

# %%
if cohort.dated:
    found = cb.lead_lag(result).table()
    shown = found.loc[found["kind"] == "metric", ["class", "moved", "half_days"]]
    labels = {metric.id: metric.label or metric.id for metric in project.formula.metrics}
    columns = {"moved": "moved, standard deviations", "half_days": "half of it before so many days"}
    display(Shown(shown.rename(columns=columns, index=labels), {"half of it before so many days": 0}))

# %% [markdown]
# Next: [3. Weights, curves, SHAP](03_weights_curves_shap.ipynb), which opens the holdout.
