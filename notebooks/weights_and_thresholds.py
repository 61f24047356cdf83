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
# # Weights and thresholds in depth
#
# Mean |SHAP| as a weight is the recipe most people reach for. It is weight times spread, it has no sign, and it pays
# correlated copies several times. This notebook shows what each derivation does with the same challenger, how the
# anchored refit learns curves and directions, and what a cut-off may promise.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
SEED = 0

# %%
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore", message="IProgress not found")  # only a progress bar that shap would draw

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import shap

import churnbench as cb
from churnbench.data.simulate_demo import demo_project
from churnbench.explain import shap_explanation

# %matplotlib inline
folder = Path(PROJECT) if PROJECT else Path(tempfile.mkdtemp()) / "demo"
if PROJECT is None:
    demo_project(folder)
project = cb.open_project(folder)
result = cb.backtest(project.contenders(), project.snapshots(), seed=SEED)
proposal = cb.calibrate(result)

# %% [markdown]
# ## What the challenger knows
#
# SHAP values of LightGBM on the log-odds of churn: to the right means more likely to leave.

# %%
training = result.backtest.training
explanation = shap_explanation(training.boosted.booster, training.matrix[-2000:], training.metrics)
shap.plots.beeswarm(explanation, max_display=12, show=False)
plt.title("LightGBM: signed contributions to the log-odds of churn")
plt.show()

# %% [markdown]
# ## Five derivations of the weights

# %%
proposal.compare("metrics")

# %% [markdown]
# How do they rank accounts on the holdout that none of them saw?

# %%
table = proposal.contenders()
table[["auc", "auc_low", "auc_high", "log_loss"]].round(4)

# %%
figure, axis = plt.subplots(figsize=(7, 3.5))
order = table.sort_values("auc")
axis.hlines(order.index, order["auc_low"], order["auc_high"], color="0.75", linewidth=5)
axis.plot(order["auc"], order.index, "o", color="tab:blue")
axis.set(title="Holdout AUC with 90 % account intervals", xlabel="AUC (chance is .5)")
figure.tight_layout()

# %% [markdown]
# ## Learned curves and directions
#
# The refit may bend a curve only in its declared direction, unless the accounts contradict the declaration so strongly
# that 2 x the gain in log-likelihood, divided by the design effect, exceeds 10 (turn it) or 15 + 2K (free it).

# %%
changes = pd.DataFrame(proposal.evidence["direction_changes"])
print("no direction is contradicted" if changes.empty else changes[["metric", "declared", "proposed", "statistic"]])

# %%
weights = {row["id"]: row["candidate"] for row in proposal.evidence["weights"]["metrics"]}
heaviest = sorted(
    (curve for curve in proposal.evidence["curves"] if curve["kind"] == "numeric" and curve["candidate"]),
    key=lambda curve: -weights.get(curve["metric"], 0),
)[:4]
figure, axes = plt.subplots(1, len(heaviest), figsize=(3.4 * len(heaviest), 3.2), sharey=True)
for axis, curve in zip(np.atleast_1d(axes), heaviest, strict=True):
    axis.plot(*zip(*curve["hand"], strict=True), color="0.6", label="today")
    axis.plot(*zip(*curve["candidate"], strict=True), color="tab:blue", label="candidate")
    axis.set(title=curve["label"], xlabel=curve["unit"] or curve["metric"])
np.atleast_1d(axes)[0].set_ylabel("points (0-100)")
np.atleast_1d(axes)[0].legend()
figure.tight_layout()

# %% [markdown]
# ## What each limit and each freedom costs
#
# Out of fold inside training: positive is what holding to the setting costs.

# %%
pd.DataFrame(proposal.evidence["constraints"])

# %% [markdown]
# ## Thresholds that promise something
#
# The green cut-off walks down from 100 while the upper confidence bound of the churn rate above it stays within the
# promise; accounts, not rows, are counted. `observed` is what the holdout then showed.

# %%
proposal.thresholds()[["from", "from_raw", "was", "promise", "bound", "accounts", "events", "observed"]]

# %%
points = np.array(proposal.evidence["risk_curve"]["strata"][-1]["points"])
figure, axis = plt.subplots(figsize=(6, 3.5))
axis.fill_between(points[:, 0], points[:, 2], points[:, 3], alpha=0.25, color="tab:blue", label="90 % interval")
axis.plot(points[:, 0], points[:, 1], color="tab:blue")
axis.set(title="Risk by score", xlabel="raw health score (0-100)", ylabel="P(churn in the window)")
axis.legend()
figure.tight_layout()
