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
# # 4. Thresholds and capacity
#
# A score becomes useful when somebody acts below a cut-off. What may a cut-off promise, how many churned accounts does
# a team of a given size reach, and is calling them worth its cost?

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
RUN = None  # folder of a finished run of it; None runs it first
SEED = 0
CAPACITIES = (25, 50, 100, 200)  # accounts that could be called per snapshot
CONTACT_COST = 300.0  # money per call
SAVE_RATE = 0.3  # share of called churners who then stay: an assumption, never learned from these data

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import churnbench as cb
from churnbench.metrics import AccountBootstrap, at_capacity, korn_graubard
from churnbench.metrics.decision import profit_threshold
from guided import plots
from guided.opening import project_at, run_of
from guided.tables import Shown, say

# %matplotlib inline
plots.style()
project = project_at(PROJECT)
cohort = project.snapshots()
run = run_of(RUN, project, SEED)
run.require_data_of(cohort)
evidence = run.evidence
say(f"Verdict {run.verdict}. {evidence['verdict_reason']}")

# %% [markdown]
# ## What the bands promise
#
# The green cut-off walks down from 100 while the upper confidence bound of the churn rate above it stays within the
# promise; red is its mirror image. Accounts, not rows, are counted. `observed` is what the holdout then showed; where
# no bound passes, the old cut-off stays as a label and nothing is promised.

# %%
thresholds = run.thresholds()
columns = ["from", "from_raw", "was", "promise", "bound", "accounts", "events", "observed"]
Shown(thresholds[columns].astype(float), {"promise": 3, "bound": 3, "observed": 3}, "Churn rates as shares, 0 to 1")

# %%
cuts = {band: float(row["from_raw"]) for band, row in thresholds.iterrows()}
promises = {band: float(row["promise"]) for band, row in thresholds.iterrows() if pd.notna(row["promise"])}
plots.risk_by_score(evidence["risk_curve"]["strata"], cuts, promises)

# %% [markdown]
# ## Today's bands and the candidate's, on the holdout

# %%
bands = pd.DataFrame(evidence["bands"])
percent = [" to ".join(f"{100 * end:.1f}" for end in pair) if pair else "" for pair in bands["ci90"]]
bands = bands.assign(**{"share, %": 100 * bands["share"], "churn, %": 100 * bands["rate"], "90 % interval": percent})
shown = bands.set_index(["formula", "band"])[["accounts", "share, %", "events", "churn, %", "90 % interval", "arr"]]
Shown(shown, {"share, %": 1, "churn, %": 1, "arr": 0})

# %%
check = evidence["band_check"]
print(f"sum of share x rate over the bands: {check['sum_share_times_rate']:.4f}, base rate {check['base_rate']:.4f}")

# %% [markdown]
# Do the bands mean the same in every segment?

# %%
holdout = run.holdout()
keys = ["account_id", "as_of"] if cohort.dated else ["account_id"]
tested = holdout.merge(
    cohort.frame[[*keys, "segment", "arr", *cohort.metrics, "days_to_renewal"]].drop_duplicates(keys), on=keys
)
tested["band"] = cb.score(run.config, tested)["band"].to_numpy()
by_segment = []
for (segment, band), rows in tested.groupby(["segment", "band"], sort=False):
    rate = korn_graubard(rows["y"], rows["account_id"])
    by_segment.append(
        (f"{segment}, {band}", 100 * rate.value, 100 * rate.low, 100 * rate.high, segment, cuts.get(band, -1))
    )
table = pd.DataFrame(by_segment, columns=["row", "value", "low", "high", "segment", "cut"])
plots.intervals(
    table.sort_values(["segment", "cut"]).set_index("row"),
    title="Churn of each band by segment, holdout",
    xlabel="accounts that left in the window, %",
)

# %% [markdown]
# ## How many does a team reach?

# %%
labels = {name: evidence["contenders"][name]["label"] for name in ("incumbent", evidence["gate"]["derive"], "lightgbm")}
k = evidence["contenders"]["incumbent"]["at_capacity"]["k"]
plots.gain(evidence["gain"], {name: label for name, label in labels.items() if name in evidence["gain"]}, k)

# %% [markdown]
# The same holdout scores at other team sizes. Precision is the share of calls that reach an account about to leave;
# lift says how many times better than calling at random. (Accounts that left within the gap could not have been
# called; the review counts them as missed, this table leaves them out.)

# %%
resampled = AccountBootstrap(holdout["account_id"].to_numpy(dtype=object), replicates=200, seed=SEED)
snapshot = holdout["as_of"].dt.strftime("%Y-%m-%d").fillna("all").to_numpy(dtype=object)
reach = []
for name, label in labels.items():
    for calls in CAPACITIES:
        at = at_capacity(holdout["y"], holdout[f"{name}.churn_probability"], snapshot, k=calls, bootstrap=resampled)
        precision, recall = (
            f"{100 * f.value:.1f} ({100 * f.low:.1f} to {100 * f.high:.1f})" for f in (at.precision, at.recall)
        )
        reach.append(
            {
                "contender": label,
                "calls": calls,
                "caught": round(at.caught, 1),
                "of": at.of,
                "precision, %": precision,
                "recall, %": recall,
                "lift": round(at.lift.value, 1),
            }
        )
Shown(pd.DataFrame(reach).set_index(["contender", "calls"]), {"caught": 1, "lift": 1})

# %% [markdown]
# ## Is a call worth its cost?
#
# A call pays where the risk exceeds `cost / (save rate x value)`. The save rate is an assumption: only calls drawn by
# lot could tell it, never these data. Profit of calling the k riskiest accounts of one snapshot, mean of the
# snapshots. (A few large accounts carry such a curve; small steps in it mean nothing.)

# %%
value = tested["arr"].to_numpy(dtype=float)
if np.isnan(value).all():
    print("No account has a value (arr), so nothing can be said about money.")
else:
    value = np.where(np.isnan(value), np.nanmedian(value), value)
    needed = profit_threshold(value=float(np.median(value)), contact_cost=CONTACT_COST, save_rate=SAVE_RATE)
    print(f"At the median value of {np.median(value):,.0f} a call pays from a risk of {needed:.2%} on.")
    snapshots = tested["as_of"].nunique() if cohort.dated else 1
    figure, axis = plt.subplots(figsize=(7, 3.6))
    for colour, (name, label) in zip((plots.TODAY, plots.NEW, plots.OTHER), labels.items(), strict=False):
        by_date = tested.assign(gain=SAVE_RATE * value * tested["y"] - CONTACT_COST)
        ordered = by_date.sort_values(f"{name}.churn_probability", ascending=False, kind="stable")
        place = ordered.groupby("as_of", dropna=False).cumcount() + 1
        profit = ordered["gain"].groupby(place).sum().cumsum() / snapshots
        axis.plot(profit.index, profit, color=colour, label=label)
    axis.axhline(0, color="0.6", lw=0.8)
    axis.set(
        title=f"Profit per snapshot, if {SAVE_RATE:.0%} of called churners stay and a call costs {CONTACT_COST:,.0f}",
        xlabel="accounts called per snapshot, riskiest first",
        ylabel="profit, in the currency of arr",
    )
    axis.legend()
    figure.tight_layout()

# %% [markdown]
# Which accounts would be called today?

# %%
latest = run.latest()
scored = cb.score(run.config, latest).merge(latest[["account_id", *[c for c in ("segment", "arr") if c in latest]]])
riskiest = scored.sort_values("churn_probability", ascending=False, kind="stable").head(10)
columns = ["account_id", "segment", "arr", "health_score", "band", "churn_probability"]
Shown(riskiest[[name for name in columns if name in riskiest]].set_index("account_id"), {"churn_probability": 3})

# %% [markdown]
# Next: [5. Quarterly review](05_quarterly_review.ipynb).
