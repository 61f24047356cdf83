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
# # Claims and truth
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
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import churnbench as cb
from churnbench.data.simulate import simulate_world
from churnbench.data.simulate_demo import simulated_project
from churnbench.data.world_projection import best_formula
from churnbench.metrics import korn_graubard
from churnbench.metrics.discrimination import auc

# %matplotlib inline
TODAY, CLAIM, TRUTH = "#7f7f7f", "#0072B2", "#D55E00"  # told apart with any colour vision, and in grey
plt.rcParams |= {"axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11, "legend.frameon": False}
pd.options.display.width = 110
scratch = Path(tempfile.mkdtemp())


def opened(world, name):
    """A world as a project folder, opened the way any project is."""
    simulated_project(world, scratch / name)
    return cb.open_project(scratch / name)


def with_truth(rows, world):
    """Rows beside the true probability that the account leaves in the outcome window."""
    known = world.truth_table[["account_id", "as_of", "churn_probability"]]
    return rows.merge(known.rename(columns={"churn_probability": "true_p"}), on=["account_id", "as_of"])


claims = []  # every interval that the review printed, beside the truth


def claim(about, item, figure, truth):
    """Note a claim `(value, low, high)` and the truth."""
    value, low, high = figure
    claims.append({"about": about, "item": item, "value": value, "low": low, "high": high, "truth": truth})


def figure_of(entry):
    """`(value, low, high)` of an entry of the evidence."""
    return entry["value"], *entry["ci90"]


# %% [markdown]
# ## 1. The world and its truth
#
# What does the generator know that a company does not? For every account and month end, the probability of leaving
# within the outcome window, given a state of the account that no metric shows directly.

# %%
world = simulate_world(ACCOUNTS, MONTHS, SEED)
fresh_world = simulate_world(FRESH_ACCOUNTS, MONTHS, SEED + 1000)
project = opened(world, "book")
cohort = project.snapshots()
own = with_truth(cohort.labelled(), world)
fresh = with_truth(opened(fresh_world, "fresh").snapshots().labelled(), fresh_world)
metrics = pd.DataFrame(world.truth["metrics"]).set_index("id")


def evidence_of(rows):
    """How many accounts left within some window."""
    return f"{rows.loc[rows['y'] == 1, 'account_id'].nunique():,} accounts left"


print(f"book under review: {own['account_id'].nunique():,} accounts, {len(own):,} rows, {evidence_of(own)}")
print(f"fresh accounts:    {fresh['account_id'].nunique():,} accounts, {len(fresh):,} rows, {evidence_of(fresh)}")
print(f"churn per row: {own['y'].mean():.2%} drawn, {own['true_p'].mean():.2%} by the true probabilities")
print(f"metrics with an effect of their own: {int((metrics['effect_per_sd'] != 0).sum())} of {len(metrics)}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
by_date = own.groupby("as_of")
rates = [korn_graubard(rows["y"], rows["account_id"]) for _, rows in by_date]
dates = by_date["true_p"].mean().index
left.fill_between(
    dates,
    [100 * r.low for r in rates],
    [100 * r.high for r in rates],
    color=CLAIM,
    alpha=0.2,
    lw=0,
    label="90 % interval",
)
left.plot(dates, [100 * r.value for r in rates], "o-", ms=4, lw=1, color=CLAIM, label="churn drawn")
left.plot(dates, 100 * by_date["true_p"].mean(), "s-", ms=4, lw=1.5, color=TRUTH, label="true probability, mean")
left.set(title="Churn by snapshot: drawn and true", ylabel="P(churn in the window), %", ylim=(0, None))
left.set_xticks(dates[::4], [f"{date:%b %Y}" for date in dates[::4]])
left.legend(fontsize=8)
right.hist(np.log10(100 * own["true_p"]), bins=50, color=TRUTH, alpha=0.8)
ticks = [0.01, 0.1, 1, 10, 100]
right.set_xticks(np.log10(ticks), [f"{tick:g}" for tick in ticks])
right.set(title="True probabilities of all rows", xlabel="true P(churn in the window), %, log scale", ylabel="rows")
figure.tight_layout()

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


def true_auc(true_p, risk):
    """AUC expected over the luck of who leaves."""
    y = np.repeat([1.0, 0.0], len(true_p))
    return auc(y, np.tile(risk, 2), weights=np.concatenate([true_p, 1 - true_p]))


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
    value, low, high = figure_of(entry["holdout"]["auc"])
    truth = true_auc(later["true_p"], risk)
    ranking[entry["label"]] = {
        "claimed": value,
        "low": low,
        "high": high,
        "true": truth,
        "fresh outcomes": auc(later["y"], risk),
    }
    claim("AUC", entry["label"], (value, low, high), truth)
ranking = pd.DataFrame(ranking).T
best = true_auc(later["true_p"], later["true_p"])
ranking.round(3)

# %%
figure, axis = plt.subplots(figsize=(8, 4.2))
order = ranking.sort_values("true")
axis.hlines(order.index, order["low"], order["high"], color=CLAIM, alpha=0.3, lw=7, label="claimed, 90 % interval")
axis.plot(order["claimed"], order.index, "o", color=CLAIM, label="claimed on the holdout")
axis.plot(order["true"], order.index, "D", color=TRUTH, label="true, fresh accounts")
axis.axvline(best, color=TRUTH, ls="--", lw=1)
axis.annotate("true probabilities\nthemselves", (best, 0), (-4, 0), textcoords="offset points", ha="right", fontsize=8)
axis.set(title="Ranking: AUC claimed and true", xlabel="AUC (.5 is chance)")
axis.margins(y=0.08)
axis.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncol=3, fontsize=8)
figure.tight_layout()

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
curves_of_risk = {stratum["id"]: np.array(stratum["points"]) for stratum in evidence["risk_curve"]["strata"]}


def claimed_risk(rows):
    """Claimed probability per row with the interval of the risk curve."""
    scored = cb.score(proposal.config, rows)
    found = rows.assign(
        claimed=scored["churn_probability"].to_numpy(dtype=float), band=scored["band"].to_numpy(dtype=object)
    ).dropna(subset="claimed")
    for name, points in curves_of_risk.items():
        inside = found["stratum"] == name
        for column, place in (("low", 2), ("high", 3)):
            # The curve falls with the score, so the claimed probability tells where on it an account is.
            at = np.interp(found.loc[inside, "claimed"], points[::-1, 1], points[::-1, place])
            found.loc[inside, column] = at
    return found


def grouped(rows, by, parts=8):
    """Means of groups of equal size; the middle 80 % of the other probability."""
    groups = rows.groupby(pd.qcut(rows[by], parts, duplicates="drop"), observed=True)
    other = "true_p" if by == "claimed" else "claimed"
    table = groups[["claimed", "low", "high", "true_p", "y"]].mean()
    return table.assign(p10=groups[other].quantile(0.1), p90=groups[other].quantile(0.9)).reset_index(drop=True)


risk_earlier, risk_later, risk_own = (claimed_risk(rows) for rows in (earlier, later, holdout))
by_claim, by_truth = grouped(risk_earlier, "claimed"), grouped(risk_earlier, "true_p")
for place, row in enumerate(by_claim.itertuples(), start=1):
    claim("risk curve", f"group {place} of {len(by_claim)}", (row.claimed, row.low, row.high), row.true_p)

figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharex=True, sharey=True)
for axis, table, x, y, title in (
    (axes[0], by_claim, "claimed", "true_p", "Grouped by claim: is it true on average?"),
    (axes[1], by_truth, "true_p", "claimed", "Grouped by truth: what does the formula see?"),
):
    axis.plot([0.02, 60], [0.02, 60], color="0.7", lw=1, label="claim = truth")
    axis.vlines(100 * table[x], 100 * table["p10"], 100 * table["p90"], color="0.6", lw=1, label="80 % of the rows")
    if x == "claimed":
        axis.fill_betweenx(
            100 * table[y],
            100 * table["low"],
            100 * table["high"],
            color=CLAIM,
            alpha=0.2,
            lw=0,
            label="claimed, 90 % interval",
        )
        drawn = table[table["y"] > 0]
        axis.plot(100 * drawn[x], 100 * drawn["y"], "o", ms=9, mfc="none", color="black", label="outcomes drawn")
        axis.plot(100 * table[x], 100 * table[y], "D", color=TRUTH, label="true, mean")
    else:
        axis.plot(100 * table[x], 100 * table[y], "o", color=CLAIM, label="claimed, mean")
    names = {"claimed": "claimed P(churn), %", "true_p": "true P(churn), %"}
    axis.set(title=title, xlabel=names[x], ylabel=names[y], xscale="log", yscale="log")
    axis.set(xlim=(0.02, 60), ylim=(0.02, 60))
    for which in (axis.xaxis, axis.yaxis):
        which.set_ticks([0.1, 1, 10], ["0.1", "1", "10"])
    axis.yaxis.set_tick_params(labelleft=True)
    axis.legend(fontsize=8, loc="upper left")
figure.tight_layout()

# %%
for label, rows in (
    ("fresh accounts, dates it was set on", risk_earlier),
    ("fresh accounts, dates of the holdout", risk_later),
    ("own accounts, dates of the holdout", risk_own),
):
    expected, true, drawn = rows["claimed"].mean(), rows["true_p"].mean(), rows["y"].mean()
    print(f"{label:<37} claimed {expected:.2%}   true {true:.2%} ({true / expected:.2f} times)   drawn {drawn:.2%}")
print(f"\nwhat the review said: {evidence['drift']['sentence']}")
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
        claim(f"weights of {level}", row.label, (row.candidate, row.low, row.high), row.best)
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
tables["metrics"].set_index("label")[columns].astype(float).rename(columns=named).round(1)

# %%
figure, axis = plt.subplots(figsize=(8, 3.8))
table = tables["dimensions"]
y = np.arange(len(table))[::-1]
axis.hlines(y, table["low"], table["high"], color=CLAIM, alpha=0.3, lw=8, label="candidate, 90 % interval")
axis.plot(table["candidate"], y, "o", color=CLAIM, label="candidate")
axis.plot(table["hand"], y, "s", color=TODAY, label="today, by hand")
axis.plot(table["best"], y, "D", color=TRUTH, label="best formula on records")
axis.plot(table["hidden"], y, "D", mfc="none", color=TRUTH, label="effects on the hidden state")
axis.set_yticks(y, table["label"])
axis.set(title="Weights of the dimensions: today, claimed, true", xlabel="weight, % of the score", xlim=(0, None))
axis.set_ylim(-0.5, len(y) - 0.5)
axis.legend(loc="upper center", bbox_to_anchor=(0.45, -0.17), ncol=3, fontsize=8)
figure.tight_layout()

# %% [markdown]
# Now the shape: the four metrics that deserve most weight, each curve from 0 (least healthy) to 100 points.

# %%
heaviest = [name for name in sorted(aim.weights, key=lambda name: -aim.weights[name]) if by_metric[name]["candidate"]]
figure, axes = plt.subplots(2, 2, figsize=(10, 7), sharey=True)
for axis, name in zip(axes.flat, heaviest[:4], strict=True):
    curve = by_metric[name]
    x, risk = np.array(aim.curves[name]["value"]), np.array(aim.curves[name]["log_odds"])
    true = 100 * (risk.max() - risk) / np.ptp(risk)
    at, low, high = np.array(curve["band"]).T
    axis.fill_between(at, low, high, color=CLAIM, alpha=0.2, lw=0, label="candidate, 90 % band")
    axis.plot(*zip(*curve["candidate"], strict=True), color=CLAIM, label="candidate")
    axis.plot(*zip(*curve["hand"], strict=True), "--", color=TODAY, label="today, by hand")
    axis.plot(x, true, "D-", ms=4, lw=1, color=TRUTH, label="best formula on records")
    axis.set(title=curve["label"], xlabel=curve["unit"], xlim=(x.min(), x.max()))
    inside = (true >= np.interp(x, at, low) - 1e-9) & (true <= np.interp(x, at, high) + 1e-9)
    print(f"{curve['label']:<22} band holds the true curve at {inside.sum()} of {len(x)} percentiles of the values")
for axis in axes[:, 0]:
    axis.set_ylabel("points (0-100)")
handles, labels = axes.flat[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="lower center", ncol=4, fontsize=9)
figure.tight_layout(rect=(0, 0.05, 1, 1))

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
for change in evidence["direction_changes"]:
    print(change["detail"])
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
        claim("risk of bands", band, observed, cuts.loc[band, "true, holdout"])
today = pd.Series(cb.score(proposal.incumbent, later)["band"].to_numpy(dtype=object))
print("true risk of today's bands:  ", (100 * later["true_p"].groupby(today).mean()).round(2).to_dict(), "%")
print("share of rows in these bands:", (100 * today.value_counts(normalize=True)).round(0).to_dict(), "%")
cuts.round(4)

# %%
figure, axis = plt.subplots(figsize=(8, 3.4))
for place, (band, entry) in enumerate(bands.items()):
    first = place == 0
    if entry["observed"]:
        low, high = entry["observed"]["ci90"]
        axis.hlines(
            place,
            100 * low,
            100 * high,
            color=CLAIM,
            alpha=0.3,
            lw=8,
            label="observed on the holdout, 90 % interval" if first else None,
        )
        axis.plot(100 * entry["observed"]["rate"], place, "o", color=CLAIM)
    if entry["promise"] is not None:
        word = "at least" if first else "at most"
        axis.plot(100 * entry["promise"], place, "|", ms=24, mew=2, color="black")
        text = f"{word} {entry['promise']:.1%}"
        axis.annotate(
            text, (100 * entry["promise"], place), (0, 16), textcoords="offset points", ha="center", fontsize=8
        )
    for column, fill, label in (("true, set on", TRUTH, "dates it was set on"), ("true, holdout", "none", "holdout")):
        axis.plot(
            100 * cuts.loc[band, column],
            place,
            "D",
            mfc=fill,
            color=TRUTH,
            label=f"true, {label}" if first else None,
        )
axis.plot([], [], "|", ms=9, mew=2, color="black", label="promise")
axis.set_yticks(range(len(bands)), list(bands))
axis.set(
    title="Risk beyond the candidate's cut-offs: promised and true",
    xlabel="P(churn in the window), %",
    xlim=(0, None),
    ylim=(-0.5, len(bands) - 0.4),
)
axis.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncol=2, fontsize=8)
figure.tight_layout()

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
lead[["label", "by_design", "class", "lead_days", "moved", "half_days", "low", "high"]].set_index("label").round(1)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5.6), sharey=True, width_ratios=(2, 3))
place = pd.Series(np.arange(len(lead))[::-1], index=lead.index)
moved = lead.dropna(subset="half_days")
sizes = {one.id: one.movement.size for one in found.profiles if one.movement and one.id in lead.index}
for name, size in sizes.items():
    left.hlines(place[name], size.low, size.high, color=CLAIM, alpha=0.3, lw=6)
    left.plot(size.value, place[name], "o", color=CLAIM if name in moved.index else "white", mec=CLAIM)
left.axvline(0, color="0.7", lw=1)
left.set_yticks(place, lead["label"])
left.set(title="How far metrics moved", xlabel="movement, standard deviations\n(below 0: less healthy)")
right.hlines(place[moved.index], moved["low"], moved["high"], color=CLAIM, alpha=0.3, lw=6, label="90 % interval")
right.plot(moved["half_days"], place[moved.index], "o", color=CLAIM, label="half days, measured")
right.plot(lead["lead_days"], place, "D", color=TRUTH, label="designed lead time")
right.plot([], [], "o", color="white", mec=CLAIM, label="no half days: movement may be 0")
right.axvline(0, color="0.7", lw=1)
right.set(title="When they moved", xlabel="days before the churn (below 0: after it)")
figure.legend(*right.get_legend_handles_labels(), loc="lower center", ncol=4, fontsize=8)
figure.tight_layout(rect=(0, 0.05, 1, 1))

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
small_project = opened(simulate_world(FEW_ACCOUNTS, MONTHS, SEED, truth=False), "small")
small = cb.calibrate(cb.backtest(small_project.contenders(), small_project.snapshots(), seed=SEED))


def true_gain(made):
    """Log loss of today's formula minus that of the candidate, expected on fresh accounts."""
    p, loss = later["true_p"].to_numpy(), []
    for fit in (made.fitted["incumbent"], made.candidate):
        q = np.clip(fit.predict(later).churn_probability, 1e-9, 1 - 1e-9)
        loss.append(-np.mean(p * np.log(q) + (1 - p) * np.log(1 - q)))
    return loss[0] - loss[1]


answers = {f"{ACCOUNTS:,} accounts": proposal, f"{FEW_ACCOUNTS:,} accounts": small}
gains = {name: true_gain(answer.backtest) for name, answer in answers.items()}
for name, answer in answers.items():
    claim("gain in log loss", name, figure_of(answer.evidence["delta_log_loss"]), gains[name])
    print(f"{name}: {answer.verdict}. {answer.evidence['verdict_reason']}")
    gate = answer.evidence["gate"]
    needed = "" if gate["events_needed"] is None else f", {gate['events_needed']} needed"
    print(f"   churned accounts in the holdout: {gate['holdout_events']}{needed}")
    print(f"   true gain in log loss: {gains[name]:+.4f}, margin {gate['margin']:.4f}\n")

# %%
figure, axis = plt.subplots(figsize=(8, 2.9))
for place, (name, answer) in enumerate(reversed(answers.items())):
    value, low, high = figure_of(answer.evidence["delta_log_loss"])
    label = place == 0
    axis.hlines(place, low, high, color=CLAIM, alpha=0.3, lw=8, label="claimed, 90 % interval" if label else None)
    axis.plot(value, place, "o", color=CLAIM)
    axis.plot(gains[name], place, "D", color=TRUTH, label="true, fresh accounts" if label else None)
    margin = answer.evidence["gate"]["margin"]
    axis.plot(margin, place, "|", ms=24, mew=2, color="black")
axis.plot([], [], "|", ms=9, mew=2, color="black", label="what matters begins here")
axis.axvline(0, color="0.7", lw=1)
axis.set_yticks(range(2), [f"{name}\n{answer.verdict}" for name, answer in reversed(answers.items())])
axis.set(
    title="Gain of the candidate over today's formula: claimed and true",
    xlabel="fall of the log loss per row (right is better)",
    ylim=(-0.5, 1.5),
)
axis.legend(loc="upper center", bbox_to_anchor=(0.4, -0.27), ncol=3, fontsize=8)
figure.tight_layout()

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
ledger = pd.DataFrame(claims)[["about", "item", "value", "low", "high", "truth"]]
ledger["holds"] = ledger["truth"].between(ledger["low"], ledger["high"])
half = np.where(ledger["truth"] > ledger["value"], ledger["high"] - ledger["value"], ledger["value"] - ledger["low"])
ledger["in_halves"] = (ledger["truth"] - ledger["value"]) / np.maximum(half, 1e-12)
summary = ledger.groupby("about", sort=False)["holds"].agg(hold="sum", of="size")
print(f"{int(ledger['holds'].sum())} of {len(ledger)} intervals hold the truth\n")
print(summary.to_string())
missed = ledger[~ledger["holds"]]
print("\nmissed:" if len(missed) else "\nnothing was missed")
for row in missed.itertuples():
    shape = "{:.1f}" if row.about.startswith("weights") else "{:.4f}"
    value, low, high, truth = (shape.format(number) for number in (row.value, row.low, row.high, row.truth))
    print(f"   {row.about}, {row.item}: claimed {value} ({low} to {high}), true {truth}")

# %%
figure, axis = plt.subplots(figsize=(8, 3.6))
kinds = list(summary.index)[::-1]
axis.axvspan(-1, 1, color=CLAIM, alpha=0.15, lw=0, label="inside the 90 % interval")
for place, kind in enumerate(kinds):
    rows = ledger[ledger["about"] == kind].reset_index(drop=True)
    shown = rows["in_halves"].clip(-3, 3)
    spread = place + np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else [place]
    for inside, marker in ((True, "o"), (False, "X")):
        pick = (rows["holds"] == inside).to_numpy()
        axis.plot(
            shown[pick], np.asarray(spread)[pick], marker, ms=6, color=TRUTH, mfc="none" if inside else TRUTH, ls=""
        )
axis.axvline(0, color=CLAIM, lw=1)
axis.set_yticks(range(len(kinds)), kinds)
axis.set(
    title="Where the truth lies in each 90 % interval",
    xlabel="truth minus claim, in half-widths of the interval on that side (cut at 3)",
    xlim=(-3.2, 3.2),
)
axis.plot([], [], "o", mfc="none", color=TRUTH, label="truth, held")
axis.plot([], [], "X", color=TRUTH, label="truth, missed")
axis.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), ncol=3, fontsize=8)
figure.tight_layout()

# %% [markdown]
# What to take along: trust a difference before a level, a dimension before a metric, a band before a single account,
# and the width of an interval before the figure in the middle.
