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
# # 8. Claims and truth
#
# On real accounts nobody can look up the true risk of an account or the weight that a metric deserves. In a simulated
# book both are known. This notebook reviews one simulated book as if it were real, and then lays the truth beside
# every claim: ranking, probabilities, weights, curves, cut-offs, lead times, and the verdict.
#
# It is one book with one draw of luck. Change `SEED` and other claims will be off. How often claims hold over hundreds
# of books is what `docs/proofs.md` reports.

# %% tags=["parameters"]
ACCOUNTS = 1500  # size of the book under review
MONTHS = 24
SEED = 7
FEW_ACCOUNTS = 300  # a company of the same kind with less to learn from
FRESH_ACCOUNTS = 4000  # accounts of the same kind that nobody has seen, to measure the truth on

# %%
import numpy as np
import pandas as pd

import churnbench as cb
from churnbench.data.simulate import simulate_world
from churnbench.data.world_projection import best_formula
from churnbench.metrics import korn_graubard
from churnbench.metrics.discrimination import auc
from guided import plots, truth, truth_plots
from guided.tables import Shown, say

# %matplotlib inline
plots.style()
ledger = truth.Ledger()  # every interval that the review printed, beside the truth

# %% [markdown]
# ## 1. The world and its truth
#
# What does the generator know that a company does not? For every account and month end, the probability of leaving
# within the outcome window, given a state of the account that no metric shows directly.

# %%
world = simulate_world(ACCOUNTS, MONTHS, SEED)
fresh_world = simulate_world(FRESH_ACCOUNTS, MONTHS, SEED + 1000)
project = truth.opened(world, "book")
cohort = project.snapshots()
own = truth.with_truth(cohort.labelled(), world)
fresh = truth.with_truth(truth.opened(fresh_world, "fresh").snapshots().labelled(), fresh_world)
metrics = pd.DataFrame(world.truth["metrics"]).set_index("id")


def evidence_of(rows):
    """How many accounts left within some window."""
    return f"{rows.loc[rows['y'] == 1, 'account_id'].nunique():,} accounts left"


print(f"book under review: {own['account_id'].nunique():,} accounts, {len(own):,} rows, {evidence_of(own)}")
print(f"fresh accounts:    {fresh['account_id'].nunique():,} accounts, {len(fresh):,} rows, {evidence_of(fresh)}")
print(f"churn per row: {own['y'].mean():.2%} drawn, {own['true_p'].mean():.2%} by the true probabilities")
print(f"metrics with an effect of their own: {int((metrics['effect_per_sd'] != 0).sum())} of {len(metrics)}")

# %%
by_date = own.groupby("as_of")
drawn = pd.DataFrame([korn_graubard(rows["y"], rows["account_id"]).as_json() for _, rows in by_date])
truth_plots.churn_by_date(by_date["true_p"].mean(), drawn, own["true_p"])

# %% [markdown]
# The drawn rate is the true one plus luck, month by month. A review sees only the drawn one, and everything below
# inherits that luck.
#
# ## 2. Ranking
#
# The review opens the holdout once and prints an AUC with an interval. What AUC does the same formula have on fresh
# accounts of the same dates, with luck taken out (each row counts as churned with its true probability)?

# %%
result = cb.backtest(project.contenders(), cohort, seed=SEED)
proposal = cb.calibrate(result)
evidence = proposal.evidence
folds, fitted = result.backtest.folds, dict(result.backtest.fitted)
fitted["anchored"] = result.backtest.candidate


def on_dates(rows, parts):
    """Rows on the dates on which some folds were tested."""
    tested = cohort.frame.loc[np.concatenate([fold.test_rows for fold in parts]), "as_of"].unique()
    return rows[rows["as_of"].isin(tested)].reset_index(drop=True)


holdout = on_dates(own, folds[-1:])
later = on_dates(fresh, folds[-1:])  # fresh accounts, dates of the holdout
earlier = on_dates(fresh, folds[:-1])  # fresh accounts, dates on which risks and cut-offs were set
ranking = {}
for name, entry in evidence["contenders"].items():
    risk = fitted[name].predict(later).churn_probability
    value, low, high = truth.figure_of(entry["holdout"]["auc"])
    true = truth.true_auc(later["true_p"], risk)
    ranking[entry["label"]] = {
        "claimed": value,
        "low": low,
        "high": high,
        "true": true,
        "fresh outcomes": auc(later["y"], risk),
    }
    ledger.note("AUC", entry["label"], (value, low, high), true)
ranking = pd.DataFrame(ranking).T
best = truth.true_auc(later["true_p"], later["true_p"])
Shown(ranking, dict.fromkeys(ranking, 3))

# %%
truth_plots.ranking(ranking, best)

# %%
gap = ranking["claimed"] - ranking["true"]
worst = gap.abs().idxmax()
holds = ranking["true"].between(ranking["low"], ranking["high"])
print(f"intervals that hold the truth: {int(holds.sum())} of {len(holds)}")
print(f"claimed minus true: {gap.mean():+.3f} on average, {gap[worst]:+.3f} at most ({worst})")
print(f"claimed below the truth: {int((gap < 0).sum())} of {len(gap)}")
print(f"knowing the hidden state would give {best:.3f}; the best contender here truly has {ranking['true'].max():.3f}")

# %% [markdown]
# All contenders are tested on the same churned accounts, so their errors go together: an interval says how far all of
# them may be off, and comparing two is safer than either figure.
#
# ## 3. Probabilities
#
# The candidate prints a P(churn) per account. Rows are grouped by what was claimed (left: does the claim hold on
# average?) and by the truth (right: how much of it can a formula see?).

# %%
strata = evidence["risk_curve"]["strata"]
risk_earlier, risk_later, risk_own = (
    truth.claimed_risk(proposal.config, strata, rows) for rows in (earlier, later, holdout)
)
by_claim, by_truth = truth.grouped(risk_earlier, "claimed"), truth.grouped(risk_earlier, "true_p")
for place, row in enumerate(by_claim.itertuples(), start=1):
    ledger.note("risk curve", f"group {place} of {len(by_claim)}", (row.claimed, row.low, row.high), row.true_p)
truth_plots.claimed_and_true(by_claim, by_truth)

# %%
for label, rows in (
    ("fresh accounts, dates it was set on", risk_earlier),
    ("fresh accounts, dates of the holdout", risk_later),
    ("own accounts, dates of the holdout", risk_own),
):
    expected, true, drawn = rows["claimed"].mean(), rows["true_p"].mean(), rows["y"].mean()
    print(f"{label:<37} claimed {expected:.2%}   true {true:.2%} ({true / expected:.2f} times)   drawn {drawn:.2%}")
say("", f"what the review said: {evidence['drift']['sentence']}")
ends = {"lowest": by_claim.iloc[0], "highest": by_claim.iloc[-1]}
print("\ndates it was set on, fresh accounts:")
for end, group in ends.items():
    ratio = group["claimed"] / group["true_p"]
    print(f"{end} claims: {group['claimed']:.2%} claimed, {group['true_p']:.2%} true ({ratio:.1f} times the truth)")
correlation = risk_later[["claimed", "true_p"]].corr("spearman").iloc[0, 1]
print(f"\nrank correlation of claimed and true probability: {correlation:.2f}")

# %% [markdown]
# A calibrated probability is right on average over the accounts that look alike. Within such a group the truth still
# varies by the grey lines, most of which no cleverness on the same metrics could shorten. The level also moves after
# the dates on which it was set, since the riskiest accounts leave a book first: no interval of the past covers that.
# And all groups rest on one logistic curve per renewal stratum: where it does not fit, many groups are off together.
#
# ## 4. Weights and curves
#
# A formula sees noisy, late and correlated records. The fair aim is the additive formula on those records that comes
# closest to the true probabilities; it is computed here from the fresh accounts. The effects on the hidden state stand
# beside it, because they are what people mean by "the real weights" and what no formula on records can reach.

# %%
aim = best_formula(fresh_world)
hidden = world.truth["weights"]["range"]
named = {"hand": "today", "shap_share": "SHAP share", "distilled": "distilled", "candidate": "candidate"}
tables = {}
for level, true in (("dimensions", aim.dimensions), ("metrics", aim.weights)):
    table = pd.DataFrame(evidence["weights"][level]).set_index("id")
    table[["low", "high"]] = table["ci90"].tolist()
    tables[level] = table.assign(best=pd.Series(true), hidden=pd.Series(hidden[level]))
    for row in tables[level].itertuples():
        ledger.note(f"weights of {level}", row.label, (row.candidate, row.low, row.high), row.best)
by_metric = {curve["metric"]: curve for curve in evidence["curves"]}
net = {name: np.sign(curve["log_odds"][0] - curve["log_odds"][-1]) for name, curve in aim.curves.items()}
declared = pd.Series({name: 1 if by_metric[name]["declared"].startswith("higher") else -1 for name in net})
flipped = pd.Series({name: -1 if by_metric[name]["shape"] == "flipped" else 1 for name in net})
distance = {}
for old, new in named.items():
    signs = declared * flipped if old == "candidate" else declared  # only the refit may turn a direction
    one, other = tables["metrics"][old].astype(float), tables["metrics"]["best"]
    distance[new] = {
        "dimensions": 0.5 * (tables["dimensions"][old].astype(float) - tables["dimensions"]["best"]).abs().sum(),
        "metrics": 0.5 * (one - other).abs().sum(),
        "metrics, with direction": 0.5 * (one * signs - other * pd.Series(net)).abs().sum(),
    }
print("points of weight in the wrong place, of 100, against the best formula on records")
print("(with direction: weight that pulls the wrong way counts on both sides)")
print(pd.DataFrame(distance).T.round(1).to_string())
columns = [*named, "low", "high", "best", "hidden"]
shown = tables["metrics"].set_index("label")[columns].astype(float).rename(columns=named)
Shown(shown, dict.fromkeys(shown, 1), "Weights, % of the health score")

# %%
truth_plots.weights(tables["dimensions"])

# %% [markdown]
# Now the shape: the four metrics that deserve most weight, each curve from 0 (least healthy) to 100 points.

# %%
heaviest = [name for name in sorted(aim.weights, key=lambda name: -aim.weights[name]) if by_metric[name]["candidate"]]
truth_plots.curves([(by_metric[name], aim.curves[name]) for name in heaviest[:4]])

# %% [markdown]
# Today's formula declares a direction for every metric. Where is the declaration wrong, and was that found?

# %%
directions = pd.DataFrame(
    {
        "declared": {name: curve["declared"] for name, curve in by_metric.items()},
        "shape": {name: curve["shape"] for name, curve in by_metric.items()},
        "true": metrics["direction"],
    }
)
wrong = directions["true"].notna() & (directions["true"] != directions["declared"])
turned = directions["shape"] == "flipped"
say(*(change["detail"] for change in evidence["direction_changes"]))
print("declared the wrong way round:", ", ".join(directions.index[wrong]) or "none")
print("of these found:              ", ", ".join(directions.index[wrong & turned]) or "none")
print("turned without cause:        ", ", ".join(directions.index[~wrong & turned]) or "none")

# %% [markdown]
# Dimensions are easier than metrics: near copies (logins and seats, say) share one effect, and no amount of care tells
# from a few hundred churned accounts which of them has it. Where accounts say little, the refit leans on today's
# formula; where today's formula is far off as well, the truth may lie outside the interval. Section 8 counts how often.
#
# ## 5. Cut-offs
#
# A cut-off promises a risk beyond it. What is the true risk of fresh accounts there, on the dates on which the cut-off
# was set and on those of the holdout?

# %%
bands = {entry["band"]: entry for entry in evidence["thresholds"]}
cuts = pd.DataFrame(
    {
        band: {
            "from": entry["from"],
            "promise": entry["promise"],
            "observed": (entry["observed"] or {}).get("rate"),
            "true, set on": risk_earlier.loc[risk_earlier["band"] == band, "true_p"].mean(),
            "true, holdout": risk_later.loc[risk_later["band"] == band, "true_p"].mean(),
            "accounts": (entry["observed"] or {}).get("accounts"),
        }
        for band, entry in bands.items()
    }
).T.astype(float)
for band, entry in bands.items():
    if entry["observed"]:
        observed = entry["observed"]["rate"], *entry["observed"]["ci90"]
        ledger.note("risk of bands", band, observed, cuts.loc[band, "true, holdout"])
today = pd.Series(cb.score(proposal.incumbent, later)["band"].to_numpy(dtype=object))
print("true risk of today's bands:  ", (100 * later["true_p"].groupby(today).mean()).round(2).to_dict(), "%")
print("share of rows in these bands:", (100 * today.value_counts(normalize=True)).round(0).to_dict(), "%")
Shown(cuts, dict.fromkeys(cuts.columns.difference(["from", "accounts"]), 4))

# %%
truth_plots.cut_offs(bands, cuts)

# %%
for place, (band, entry) in enumerate(bands.items()):
    if entry["promise"] is None:
        print(f"{band}: no promise was made, it is what lies between")
        continue
    for period in ("true, set on", "true, holdout"):
        risk = cuts.loc[band, period]
        kept = risk >= entry["promise"] if place == 0 else risk <= entry["promise"]
        words = "at least" if place == 0 else "at most"
        print(f"{band}: promised {words} {entry['promise']:.1%}, {period} {risk:.2%}: {'kept' if kept else 'NOT KEPT'}")

# %% [markdown]
# A promise is about the dates from which it was learned. It moves with the season and with the book, which is why the
# review prints what the holdout showed beside it.
#
# ## 6. Lead times
#
# In this world a decline of an account is followed by its records after designed delays and by the decision to leave.
# `half days` says how long before the churn half of a metric's fall had happened. Does it find the design?

# %%
found = cb.lead_lag(result)
lead = found.table().loc[lambda table: table["kind"] == "metric"].join(metrics[["lead_days", "by_design"]])
lead["label"] = [by_metric[name]["label"] if name in by_metric else name for name in lead.index]
halves = {one.id: one.movement.half_days for one in found.profiles if one.movement and one.movement.half_days}
lead["low"] = [halves[name].low if name in halves else np.nan for name in lead.index]
lead["high"] = [halves[name].high if name in halves else np.nan for name in lead.index]
lead = lead.sort_values("lead_days", ascending=False, kind="stable")
columns = ["label", "by_design", "class", "lead_days", "moved", "half_days", "low", "high"]
Shown(lead[columns].set_index("label"), {"moved": 1, "half_days": 0, "low": 0, "high": 0})

# %%
moved = lead.dropna(subset="half_days")
sizes = {one.id: one.movement.size for one in found.profiles if one.movement and one.id in lead.index}
truth_plots.lead_times(lead, sizes)

# %%
for design, rows in lead.groupby("by_design", sort=False):
    shown = rows["half_days"].dropna()
    middle = f"median half days {shown.median():.0f}" if len(shown) else "no movement shown"
    print(f"{design:<11} by design: {len(rows)} metrics, {len(shown)} shown to move, {middle};", end=" ")
    print("called", ", ".join(f"{name} {count}x" for name, count in rows["class"].value_counts().items()))
inside = moved["lead_days"].between(moved["low"], moved["high"])
print(f"designed lead time within the interval of the half days: {int(inside.sum())} of {len(moved)}")
if len(moved):
    early = (moved["half_days"] - moved["lead_days"]).median()
    print(f"half days minus designed lead time, median: {early:+.0f} days")
healthier = [lead.loc[name, "label"] for name in moved.index if moved.loc[name, "moved"] > 0]
print("said to have become healthier before the churn:", ", ".join(healthier) or "none")

# %% [markdown]
# This is the weakest part. The design dates the answer to one decline; churned accounts often had several, or none and
# were less healthy all along. A class tells who is at risk long before, which a standing trait does as well; only the
# movement tells when, and with so few churned accounts it is coarse or not shown at all.
#
# ## 7. The verdict, and the verdict of a smaller company
#
# Is the candidate better than today's formula beyond a margin that matters? The same question is put to a company of
# the same kind with fewer accounts. The true gain is known for both candidates.

# %%
small_project = truth.opened(simulate_world(FEW_ACCOUNTS, MONTHS, SEED, truth=False), "small")
small = cb.calibrate(cb.backtest(small_project.contenders(), small_project.snapshots(), seed=SEED))


def true_gain(made):
    """Fall of the log loss from today's formula to the candidate, expected on fresh accounts."""
    fits = (made.fitted["incumbent"], made.candidate)
    today, new = (truth.true_log_loss(later["true_p"], fit.predict(later).churn_probability) for fit in fits)
    return today - new


answers = {f"{ACCOUNTS:,} accounts": proposal, f"{FEW_ACCOUNTS:,} accounts": small}
gains = {name: true_gain(answer.backtest) for name, answer in answers.items()}
for name, answer in answers.items():
    ledger.note("gain in log loss", name, truth.figure_of(answer.evidence["delta_log_loss"]), gains[name])
    say(f"{name}: {answer.verdict}. {answer.evidence['verdict_reason']}")
    gate = answer.evidence["gate"]
    needed = "" if gate["events_needed"] is None else f", {gate['events_needed']} needed"
    print(f"   churned accounts in the holdout: {gate['holdout_events']}{needed}")
    print(f"   true gain in log loss: {gains[name]:+.4f}, margin {gate['margin']:.4f}\n")

# %%
truth_plots.gains({name: answer.evidence for name, answer in answers.items()}, gains)

# %% [markdown]
# "Not enough evidence" is not "no": a small company may have a better formula in hand and no way yet to show it. With
# too few churned accounts in the holdout even an interval that looks clear is not trusted.
#
# ## 8. Where the claims were off
#
# Every 90 % interval above but those of the lead times, beside the truth. Of honest ones about one in ten misses, and
# misses of a kind come together, since all rest on the same accounts. (The truth itself is measured on a finite book of
# fresh accounts, and carries a little noise.)

# %%
claims = ledger.table()
summary = claims.groupby("about", sort=False)["holds"].agg(hold="sum", of="size")
print(f"{int(claims['holds'].sum())} of {len(claims)} intervals hold the truth\n")
print(summary.to_string())
missed = claims[~claims["holds"]]
print("\nmissed:" if len(missed) else "\nnothing was missed")
for row in missed.itertuples():
    shape = "{:.1f}" if row.about.startswith("weights") else "{:.4f}"
    value, low, high, true = (shape.format(number) for number in (row.value, row.low, row.high, row.truth))
    print(f"   {row.about}, {row.item}: claimed {value} ({low} to {high}), true {true}")

# %%
truth_plots.where_the_truth_lies(claims)

# %% [markdown]
# What to take along: trust a difference before a level, a dimension before a metric, a band before a single account,
# and the width of an interval before the figure in the middle.
