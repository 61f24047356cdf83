"""Figures of the last notebook: a claim as a blue dot with its interval, the truth as an orange diamond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from guided.plots import NEW as CLAIM
from guided.plots import TODAY, TRUTH, shortened

_BELOW = {"loc": "upper center", "fontsize": 8}


def churn_by_date(true: pd.Series, drawn: pd.DataFrame, true_p: pd.Series) -> None:
    """Churn drawn and true by snapshot, and all true probabilities.

    Args:
        true: mean true probability by date.
        drawn: value and ci90 of the drawn rate, in the same order.
        true_p: true probability of every row.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    low, high = (100 * np.array(side) for side in zip(*drawn["ci90"], strict=True))
    left.fill_between(true.index, low, high, color=CLAIM, alpha=0.2, lw=0, label="90 % interval")
    left.plot(true.index, 100 * drawn["value"], "o-", ms=4, lw=1, color=CLAIM, label="churn drawn")
    left.plot(true.index, 100 * true, "s-", ms=4, lw=1.5, color=TRUTH, label="true probability, mean")
    left.set(title="Churn by snapshot: drawn and true", ylabel="P(churn in the window), %", ylim=(0, None))
    left.set_xticks(true.index[::4], [f"{date:%b %Y}" for date in true.index[::4]])
    left.legend(fontsize=8)
    right.hist(np.log10(100 * true_p), bins=50, color=TRUTH, alpha=0.8)
    ticks = [0.01, 0.1, 1, 10, 100]
    right.set_xticks(np.log10(ticks), [f"{tick:g}" for tick in ticks])
    right.set(title="True probabilities of all rows", xlabel="true P(churn in the window), %, log scale", ylabel="rows")
    figure.tight_layout()


def ranking(table: pd.DataFrame, best: float) -> None:
    """AUC claimed (claimed, low, high) and true per contender; `best` is that of the true probabilities themselves."""
    figure, axis = plt.subplots(figsize=(8, 4.2))
    order = table.sort_values("true")
    _claimed(axis, order["low"], order["high"], order["claimed"], order.index, "claimed on the holdout")
    axis.plot(order["true"], order.index, "D", color=TRUTH, label="true, fresh accounts")
    axis.axvline(best, color=TRUTH, ls="--", lw=1)
    words = "true probabilities\nthemselves"
    axis.annotate(words, (best, 0), (-4, 0), textcoords="offset points", ha="right", fontsize=8)
    axis.set(title="Ranking: AUC claimed and true", xlabel="AUC (.5 is chance)")
    axis.margins(y=0.08)
    axis.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncol=3, fontsize=8)
    figure.tight_layout()


def _claimed(axis: Axes, low: Any, high: Any, value: Any, place: Any, label: str) -> None:
    axis.hlines(place, low, high, color=CLAIM, alpha=0.3, lw=8, label="claimed, 90 % interval")
    axis.plot(value, place, "o", color=CLAIM, label=label)


def claimed_and_true(by_claim: pd.DataFrame, by_truth: pd.DataFrame) -> None:
    """Probabilities in groups by claim (is it true on average?) and by truth (what does the formula see?)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), sharex=True, sharey=True)
    _groups(left, by_claim, "claimed", "true_p", "Grouped by claim: is it true on average?")
    low, high = 100 * by_claim["low"], 100 * by_claim["high"]
    left.fill_betweenx(100 * by_claim["true_p"], low, high, color=CLAIM, alpha=0.2, lw=0, label="claimed, 90 %")
    drawn = by_claim[by_claim["y"] > 0]
    left.plot(100 * drawn["claimed"], 100 * drawn["y"], "o", ms=9, mfc="none", color="black", label="outcomes drawn")
    left.plot(100 * by_claim["claimed"], 100 * by_claim["true_p"], "D", color=TRUTH, label="true, mean")
    _groups(right, by_truth, "true_p", "claimed", "Grouped by truth: what does the formula see?")
    right.plot(100 * by_truth["true_p"], 100 * by_truth["claimed"], "o", color=CLAIM, label="claimed, mean")
    for axis in (left, right):
        for which in (axis.xaxis, axis.yaxis):
            which.set_ticks([0.1, 1, 10], ["0.1", "1", "10"])
        axis.yaxis.set_tick_params(labelleft=True)
        axis.legend(fontsize=8, loc="upper left")
    figure.tight_layout()


def _groups(axis: Axes, table: pd.DataFrame, x: str, y: str, title: str) -> None:
    names = {"claimed": "claimed P(churn), %", "true_p": "true P(churn), %"}
    axis.plot([0.02, 60], [0.02, 60], color="0.7", lw=1, label="claim = truth")
    axis.vlines(100 * table[x], 100 * table["p10"], 100 * table["p90"], color="0.6", lw=1, label="80 % of the rows")
    axis.set(title=title, xlabel=names[x], ylabel=names[y], xscale="log", yscale="log")
    axis.set(xlim=(0.02, 60), ylim=(0.02, 60))


def weights(table: pd.DataFrame) -> None:
    """Weights of dimensions: hand, candidate with low and high, best formula on records, effects on hidden state."""
    figure, axis = plt.subplots(figsize=(8, 3.8))
    y = np.arange(len(table))[::-1]
    _claimed(axis, table["low"], table["high"], table["candidate"], y, "candidate")
    axis.plot(table["hand"], y, "s", color=TODAY, label="today, by hand")
    axis.plot(table["best"], y, "D", color=TRUTH, label="best formula on records")
    axis.plot(table["hidden"], y, "D", mfc="none", color=TRUTH, label="effects on the hidden state")
    axis.set_yticks(y, [shortened(label) for label in table["label"]])
    axis.set(title="Weights of the dimensions: today, claimed, true", xlabel="weight, % of the score", xlim=(0, None))
    axis.set_ylim(-0.5, len(y) - 0.5)
    axis.legend(bbox_to_anchor=(0.45, -0.17), ncol=3, **_BELOW)
    figure.tight_layout()


def curves(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """Up to four curves of the evidence beside those of the best formula; says how often the band holds the truth."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), sharey=True)
    for axis, (curve, aim) in zip(axes.flat, pairs, strict=False):
        x, risk = np.array(aim["value"]), np.array(aim["log_odds"])
        true = 100 * (risk.max() - risk) / np.ptp(risk)
        at, low, high = np.array(curve["band"]).T
        axis.fill_between(at, low, high, color=CLAIM, alpha=0.2, lw=0, label="candidate, 90 % band")
        axis.plot(*zip(*curve["candidate"], strict=True), color=CLAIM, label="candidate")
        axis.plot(*zip(*curve["hand"], strict=True), "--", color=TODAY, label="today, by hand")
        axis.plot(x, true, "D-", ms=4, lw=1, color=TRUTH, label="best formula on records")
        axis.set(title=shortened(curve["label"]), xlabel=curve["unit"], xlim=(x.min(), x.max()))
        inside = (true >= np.interp(x, at, low) - 1e-9) & (true <= np.interp(x, at, high) + 1e-9)
        print(f"{curve['label']:<22} band holds the true curve at {inside.sum()} of {len(x)} percentiles of the values")
    for axis in axes[:, 0]:
        axis.set_ylabel("points (0-100)")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=4, fontsize=9)
    figure.tight_layout(rect=(0, 0.05, 1, 1))


def cut_offs(bands: Mapping[str, Mapping[str, Any]], cuts: pd.DataFrame) -> None:
    """What each band promised, what the holdout showed and what is true.

    Args:
        bands: the evidence's thresholds by band, lowest first.
        cuts: columns "true, set on" and "true, holdout" by band, shares 0-1.
    """
    figure, axis = plt.subplots(figsize=(8, 3.4))
    for place, (band, entry) in enumerate(bands.items()):
        first = place == 0
        if entry["observed"]:
            low, high = (100 * end for end in entry["observed"]["ci90"])
            words = "observed on the holdout, 90 % interval" if first else None
            axis.hlines(place, low, high, color=CLAIM, alpha=0.3, lw=8, label=words)
            axis.plot(100 * entry["observed"]["rate"], place, "o", color=CLAIM)
        if entry["promise"] is not None:
            at = (100 * entry["promise"], place)
            axis.plot(*at, "|", ms=24, mew=2, color="black")
            text = f"{'at least' if first else 'at most'} {entry['promise']:.1%}"
            axis.annotate(text, at, (0, 16), textcoords="offset points", ha="center", fontsize=8)
        for column, fill, dates in (
            ("true, set on", TRUTH, "dates it was set on"),
            ("true, holdout", "none", "holdout"),
        ):
            words = f"true, {dates}" if first else None
            axis.plot(100 * cuts.loc[band, column], place, "D", mfc=fill, color=TRUTH, label=words)
    axis.plot([], [], "|", ms=9, mew=2, color="black", label="promise")
    axis.set_yticks(range(len(bands)), list(bands))
    axis.set(title="Risk beyond the candidate's cut-offs: promised and true", xlabel="P(churn in the window), %")
    axis.set(xlim=(0, None), ylim=(-0.5, len(bands) - 0.4))
    axis.legend(bbox_to_anchor=(0.45, -0.2), ncol=2, **_BELOW)
    figure.tight_layout()


def lead_times(lead: pd.DataFrame, sizes: Mapping[str, Any]) -> None:
    """How far and when metrics moved, beside the designed lead times.

    Args:
        lead: label, lead_days (designed), half_days with low and high (NaN where not shown), by metric.
        sizes: movement per metric with value, low and high.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5.6), sharey=True, width_ratios=(2, 3))
    place = pd.Series(np.arange(len(lead))[::-1], index=lead.index)
    moved = lead.dropna(subset="half_days")
    for name, size in sizes.items():
        left.hlines(place[name], size.low, size.high, color=CLAIM, alpha=0.3, lw=6)
        left.plot(size.value, place[name], "o", color=CLAIM if name in moved.index else "white", mec=CLAIM)
    left.axvline(0, color="0.7", lw=1)
    left.set_yticks(place, [shortened(label) for label in lead["label"]])
    left.set(title="How far metrics moved", xlabel="movement, standard deviations\n(below 0: less healthy)")
    right.hlines(place[moved.index], moved["low"], moved["high"], color=CLAIM, alpha=0.3, lw=6, label="90 % interval")
    right.plot(moved["half_days"], place[moved.index], "o", color=CLAIM, label="half days, measured")
    right.plot(lead["lead_days"], place, "D", color=TRUTH, label="designed lead time")
    right.plot([], [], "o", color="white", mec=CLAIM, label="no half days: movement may be 0")
    right.axvline(0, color="0.7", lw=1)
    right.set(title="When they moved", xlabel="days before the churn (below 0: after it)")
    figure.legend(*right.get_legend_handles_labels(), loc="lower center", ncol=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.05, 1, 1))


def gains(answers: Mapping[str, Mapping[str, Any]], true: Mapping[str, float]) -> None:
    """Gain of the candidate claimed and true, per book.

    Args:
        answers: evidence by name of the book.
        true: true fall of the log loss by name.
    """
    figure, axis = plt.subplots(figsize=(8, 2.9))
    for place, (name, evidence) in enumerate(reversed(answers.items())):
        delta, first = evidence["delta_log_loss"], place == 0
        words = "claimed, 90 % interval" if first else None
        axis.hlines(place, *delta["ci90"], color=CLAIM, alpha=0.3, lw=8, label=words)
        axis.plot(delta["value"], place, "o", color=CLAIM)
        axis.plot(true[name], place, "D", color=TRUTH, label="true, fresh accounts" if first else None)
        axis.plot(evidence["gate"]["margin"], place, "|", ms=24, mew=2, color="black")
    axis.plot([], [], "|", ms=9, mew=2, color="black", label="what matters begins here")
    axis.axvline(0, color="0.7", lw=1)
    axis.set_yticks(range(len(answers)), [f"{name}\n{e['verdict']}" for name, e in reversed(answers.items())])
    axis.set(title="Gain of the candidate over today's formula: claimed and true")
    axis.set(xlabel="fall of the log loss per row (right is better)", ylim=(-0.5, len(answers) - 0.5))
    axis.legend(bbox_to_anchor=(0.4, -0.27), ncol=3, **_BELOW)
    figure.tight_layout()


def where_the_truth_lies(claims: pd.DataFrame) -> None:
    """Truth in half-widths of each interval, by what was claimed: about, holds, in_halves."""
    figure, axis = plt.subplots(figsize=(8, 3.6))
    kinds = list(claims["about"].drop_duplicates())[::-1]
    axis.axvspan(-1, 1, color=CLAIM, alpha=0.15, lw=0, label="inside the 90 % interval")
    for place, kind in enumerate(kinds):
        rows = claims[claims["about"] == kind].reset_index(drop=True)
        spread = place + (np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else np.zeros(1))
        for inside, marker in ((True, "o"), (False, "X")):
            pick = (rows["holds"] == inside).to_numpy()
            fill = "none" if inside else TRUTH
            axis.plot(rows["in_halves"].clip(-3, 3)[pick], spread[pick], marker, ms=6, color=TRUTH, mfc=fill, ls="")
    axis.axvline(0, color=CLAIM, lw=1)
    axis.set_yticks(range(len(kinds)), kinds)
    axis.set(title="Where the truth lies in each 90 % interval", xlim=(-3.2, 3.2))
    axis.set(xlabel="truth minus claim, in half-widths of the interval on that side (cut at 3)")
    axis.plot([], [], "o", mfc="none", color=TRUTH, label="truth, held")
    axis.plot([], [], "X", color=TRUTH, label="truth, missed")
    axis.legend(bbox_to_anchor=(0.4, -0.2), ncol=3, **_BELOW)
    figure.tight_layout()
