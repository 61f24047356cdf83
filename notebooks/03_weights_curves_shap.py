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
# # 3. Weights, curves, SHAP
#
# Mean |SHAP| as a weight is the recipe most people reach for. It is weight times spread, it has no sign, and it pays
# correlated copies several times. This notebook shows what each derivation makes of the same data, how the anchored
# refit learns weights, directions and curves together, and what SHAP is good for beside it.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
RUN = None  # folder of a finished run of it; None runs it first
SEED = 0
METRICS_SHOWN = 6  # curves and dependence plots of so many metrics, heaviest first

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from guided import plots
from guided.opening import project_at, run_of
from guided.tables import Shown, say

# %matplotlib inline
plots.style()
project = project_at(PROJECT)
run = run_of(RUN, project, SEED)
run.require_data_of(project.snapshots())
run

# %% [markdown]
# The same steps by hand: `cb.calibrate(cb.backtest(project.contenders(), project.snapshots()))`.
#
# ## Five derivations of the weights
#
# Per cent of the health score. *Hand* is today's formula, *anchored* the refit that is pulled towards it.

# %%
Shown(run.compare(), caption="Weights, % of the health score")

# %%
weights = pd.DataFrame(run.evidence["weights"]["metrics"]).set_index("label")
shown = pd.DataFrame(
    {
        "value": weights["candidate"],
        "low": [pair[0] if pair else np.nan for pair in weights["ci90"]],
        "high": [pair[1] if pair else np.nan for pair in weights["ci90"]],
        "today": weights["hand"],
    }
).astype(float)
plots.intervals(
    shown.sort_values("value", ascending=False),
    title="Weights: candidate and today",
    xlabel="% of the score",
    other="today",
)

# %% [markdown]
# Intervals resample accounts and fit again. Near copies (logins and seats, say) share one effect; where their intervals
# are wide, trust the weight of their dimension.
#
# How do the derivations rank accounts on the holdout that none of them saw?

# %%
columns = {"auc": "value", "auc_low": "low", "auc_high": "high"}
plots.intervals(
    run.contenders().rename(columns=columns).sort_values("value", ascending=False),
    title="AUC on the holdout",
    xlabel="AUC (.5 is chance)",
)

# %% [markdown]
# ## Learned directions
#
# The refit may bend a curve only in its declared direction, unless the accounts contradict the declaration so strongly
# that 2 x the gain in log-likelihood, divided by the design effect, exceeds 10 (turn it) or 15 + 2K (free it). Each
# such change is for a person to approve.

# %%
changes = pd.DataFrame(run.evidence["direction_changes"])
say(*(["no direction is contradicted"] if changes.empty else changes["detail"]))

# %% [markdown]
# ## Learned curves
#
# Points that a metric earns, over the values that accounts have. A flat stretch is a difference that does not matter.

# %%
share = dict(zip(weights["id"], weights["candidate"], strict=True))
numeric = [curve for curve in run.evidence["curves"] if curve["kind"] == "numeric" and curve["candidate"]]
heaviest = sorted(numeric, key=lambda curve: -share.get(curve["metric"], 0))[:METRICS_SHOWN]
if heaviest:
    plots.curves(heaviest)

# %% [markdown]
# ## What the challenger knows: SHAP
#
# LightGBM on the same metrics, fitted on the same training rows. Each dot is a row that the fit had **not** seen; to
# the right means more likely to leave, in log-odds.

# %%
import shap

training = project.training(seed=SEED)
labels = {metric.id: metric.label or metric.id for metric in project.formula.metrics}
if training.teachable:
    attribution = training.attribution
    explanation = shap.Explanation(
        values=attribution.values,
        data=training.matrix[attribution.rows],
        feature_names=[labels.get(name, name) for name in attribution.metrics],
    )
    shap.plots.beeswarm(explanation, max_display=12, show=False)
    plt.title("LightGBM: signed contributions to the log-odds of churn")
    plt.show()
else:
    print(f"{training.events} churned accounts in training are too few to fit a model on.")

# %% [markdown]
# ## Dependence, beside the learned curves
#
# The same metrics as above. Where dots of one value spread vertically, the model also looks at another metric (the
# colour): an additive formula cannot follow it there. Falling dots mean that a higher value is healthier.

# %%
if training.teachable and heaviest:
    columns = min(len(heaviest), 3)
    rows = -(-len(heaviest) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 3.3 * rows), squeeze=False)
    for axis in axes.flat[len(heaviest) :]:
        axis.axis("off")
    for axis, curve in zip(axes.flat, heaviest, strict=False):
        place = attribution.metrics.index(curve["metric"])
        shap.plots.scatter(
            explanation[:, place], color=explanation, ax=axis, show=False, hist=False, dot_size=5, alpha=0.5
        )
        axis.axhline(0, color="0.6", lw=0.8)
        axis.set_ylabel("log-odds of churn")
    figure.tight_layout()

# %% [markdown]
# Is the challenger's use of a metric what the formula makes of it? Correlation of each metric's SHAP values with the
# points that the candidate gives: near -1 means that both tell the same story (points make healthier, SHAP riskier).

# %%
if training.teachable:
    told = {}
    for curve in numeric:
        x = training.matrix[attribution.rows, attribution.metrics.index(curve["metric"])]
        known = ~np.isnan(x)
        points = np.interp(x[known], *np.array(curve["candidate"], dtype=float).T)
        phi = attribution.column(curve["metric"])[known]
        if np.ptp(points) and np.ptp(phi):
            told[labels.get(curve["metric"], curve["metric"])] = float(np.corrcoef(points, phi)[0, 1])
    size = {labels.get(name, name): value for name, value in attribution.mean_absolute().items()}
    story = pd.DataFrame({"mean |SHAP|, log-odds": size, "correlation with points": told})
    display(Shown(story.sort_values("mean |SHAP|, log-odds", ascending=False)))

# %% [markdown]
# ## What each limit and each freedom costs
#
# Out of fold inside training: positive is what holding to the setting costs, negative what it gains.

# %%
prices = pd.DataFrame(run.evidence["constraints"])
prices = prices.rename(columns={"price_auc": "price in AUC", "price_log_loss": "price in log loss"})
Shown(prices.set_index("id"), {"price in AUC": 4, "price in log loss": 4}) if len(prices) else "no limit is set"

# %% [markdown]
# Next: [4. Thresholds and capacity](04_thresholds_and_capacity.ipynb).
