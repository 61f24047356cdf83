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
# # 11. Interventions
#
# A playbook that works makes a score look bad: the accounts it ranked worst stay. This notebook draws one book of
# accounts twice, left alone and cared for, so that the truth is known. What happens to the figures, what repairs them,
# and what may be said about accounts saved?

# %% tags=["parameters"]
SEED = 0
ACCOUNTS = 1200
MONTHS = 18
EFFECT = 0.3  # factor on the hazard of a treated account while the playbook lasts
HELD_OUT = 0.3  # share that a coin leaves alone among the accounts below the cut-off
CAPACITY = 20  # actions that there is time for

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import churnbench as cb
from churnbench import interventions as care
from churnbench.data.project import load_project
from churnbench.data.simulate import simulate_world
from churnbench.data.simulate_demo import simulated_project
from churnbench.data.world_settings import Treatment
from churnbench.domain.errors import InputError
from churnbench.labels.outcomes import read_outcomes
from churnbench.metrics import AccountBootstrap
from churnbench.metrics.discrimination import auc
from churnbench.metrics.reliability import expit, fit_recalibration
from guided import plots
from guided.opening import scratch
from guided.tables import Shown, say

# %matplotlib inline
plots.style()
policy = Treatment(trigger=0.25, near=9.0, holdout=HELD_OUT, effect=EFFECT, months=4)
folder = scratch()


def company(name, treatment):
    """A simulated company as a project: its labelled rows, its log, and what the metrics truly say about each row."""
    world = simulate_world(ACCOUNTS, MONTHS, SEED, base_rate=0.05, treatment=treatment, truth=False)
    simulated_project(world, folder / name)
    cohort = cb.open_project(folder / name).snapshots()
    rows = cohort.labelled()
    truth = world.truth_table.set_index(["account_id", "as_of"])["metric_risk"]
    index = truth.reindex(pd.MultiIndex.from_frame(rows[["account_id", "as_of"]])).to_numpy(dtype=float)
    return world, cohort, rows, index


_, _, bare, bare_index = company("left-alone", None)
world, cohort, rows, index = company("cared-for", policy)
log = care.read_log(load_project(folder / "cared-for"))
say(f"{len(log.entries)} entries in the log: {len(log.treatments)} treated, "
    f"{len(log.entries) - len(log.treatments)} held out by a coin.")  # fmt: skip

# %% [markdown]
# ## The same score in both books
#
# The score is what the metrics truly say about the hazard, so nothing is wrong with it. It is calibrated in the book
# left alone. Three ways of measuring it in the other one:

# %%
churned = bare["y"].to_numpy(dtype=float)
fitted = fit_recalibration(churned, bare_index, np.ones(len(churned)))
claimed = expit(fitted[0] + fitted[1] * index)
exposed = care.exposure(rows, log, cohort.window)
weights = care.untreated_weights(exposed, rows)
bootstrap = AccountBootstrap(rows["account_id"].to_numpy(dtype=object), replicates=200, seed=SEED)
measure = {"weights": weights, "window": cohort.window, "bootstrap": bootstrap}
found = care.evaluate_under_treatment(rows, exposed, claimed, **measure)
blind = care.InterventionLog(log.treatments.assign(propensity=np.nan, randomised=False).reset_index(drop=True), "blind")
seen = care.exposure(rows, blind, cohort.window)
measure["weights"] = care.untreated_weights(seen, rows)
found["treatment_term"] = care.evaluate_under_treatment(rows, seen, claimed, **measure)["treatment_term"]
table = pd.DataFrame(
    {
        way: {
            "AUC": figures["auc"]["value"],
            "low": figures["auc"]["ci90"][0],
            "high": figures["auc"]["ci90"][1],
            "observed over expected": figures["observed_over_expected"]["value"],
        }
        for way, figures in found.items()
    }
).T
truth = auc(churned, bare_index)
print(f"AUC in the book left alone: {truth:.3f}")
print(f"{weights.effective_rows:,.0f} effective of {weights.rows:,} rows carry the weighted figures")
Shown(table, dict.fromkeys(table, 3))

# %%
figure, axes = plt.subplots(figsize=(7, 2.2))
places = range(len(table))
axes.hlines(places, table["low"], table["high"], lw=6, alpha=0.35)
axes.plot(table["AUC"], places, "o")
axes.axvline(truth, ls="--", color="0.3")
axes.set_yticks(places, [way.replace("_", " ") for way in table.index])
axes.invert_yaxis()
axes.set_xlabel("AUC; dashed: the same score in the book left alone")
figure.tight_layout()

# %% [markdown]
# What each way needs in order to be right:

# %%
for way, needs in care.ASSUMPTIONS.items():
    say(f"{way}: {needs}")

# %% [markdown]
# ## How much of a band was treated

# %%
cut = np.quantile(index, [0.6, 0.85])
bands = pd.Series(np.select([index > cut[1], index > cut[0]], ["red", "yellow"], "green"), index=rows.index)
shares = care.treated_shares(rows, exposed, bands)
say(*care.share_warnings(shares))
whole = pd.DataFrame([entry for entry in shares if entry["period"] == "all"]).set_index("band")
whole = whole.reindex([band for band in ("green", "yellow", "red") if band in whole.index])
whole = whole[["accounts", "treated_accounts", "snapshots", "treated_snapshots", "share"]].astype(float)
Shown(whole.rename(columns=lambda name: name.replace("_", " ")), {"share": 2})

# %% [markdown]
# ## What the playbook saves
#
# Only the coins can tell. Churn within the 90 days after the coin, held out against treated:

# %%
outcomes = read_outcomes(world.outcomes)
through = {"through": cohort.data_through, "settle_days": outcomes.settle_days}
entries = care.randomised_outcomes(log, outcomes.churns, days=90, **through)
effect = care.randomised_effect(entries, days=90, seed=SEED)
say(effect.sentence, f"Share of the churn prevented: {care.measured_rate(effect).sentence}.")
say(f"(In this world a treatment takes {1 - EFFECT:.0%} off the hazard while it lasts.)")

# %% [markdown]
# Left to the log alone, without coins, the tool refuses:

# %%
try:
    care.randomised_outcomes(blind, outcomes.churns, days=90, **through)
except InputError as refusal:
    print(refusal.message)

# %% [markdown]
# How many accounts would settle it for a weaker playbook?

# %%
plans = {
    f"prevents {reduction:.0%}": care.plan(effect.held.value, reduction, share=HELD_OUT)
    for reduction in (0.5, 0.3, 0.2)
}
Shown(
    pd.DataFrame(
        {name: {"accounts": p.accounts, "held out": p.held_out, "power": p.power} for name, p in plans.items()}
    ).T
)

# %% [markdown]
# ## What to do first
#
# Expected ARR saved minus cost, per account of the newest snapshot; the save rate is the measured one.

# %%
newest = rows["as_of"] == rows["as_of"].max()
worth = care.expected_value(claimed[newest], rows.loc[newest, "arr"], effect, cost=400.0)
ranked = rows.loc[newest, ["account_id", "arr"]].assign(
    churn_probability=claimed[newest], value=worth.value, low=worth.low, high=worth.high
)
ranked = ranked.sort_values("value", ascending=False).head(CAPACITY).set_index("account_id")
say(f"{worth.rate.sentence}; with a declared rate it would say '{care.declared_rate(0.3).provenance}'.")
Shown(ranked, {"arr": 0, "churn_probability": 3, "value": 0, "low": 0, "high": 0})

# %% [markdown]
# What to take along: keep the log, throw a coin near the cut-off, and read a fall of the AUC as good news until the
# weighted figure says otherwise.
