"""Figures that the notebooks share. Each draws what it is given; none computes a result. They return nothing, since
a figure that is a cell's last value would be shown twice."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

#: Told apart with any colour vision, and in grey.
TODAY, NEW, TRUTH, OTHER = "#7f7f7f", "#0072B2", "#D55E00", "#009E73"
BAND_COLOURS = {"red": "#c8443c", "yellow": "#e0a80d", "green": "#3d8f4f"}


def style() -> None:
    """One look for all figures, white on light and dark pages; quiet about a bar that shap would draw."""
    warnings.filterwarnings("ignore", message="IProgress not found")
    plt.rcParams |= {
        "figure.facecolor": "white",
        "figure.dpi": 100,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "legend.frameon": False,
        "legend.fontsize": 8,
    }
    pd.options.display.width = 110
    pd.options.display.max_rows = 60


def intervals(
    table: pd.DataFrame, *, title: str, xlabel: str, other: str | None = None, other_label: str = "today"
) -> None:
    """A dot with its interval per row, first row at the top.

    Args:
        table: columns value, low and high, and `other` if given; the index names the rows. NaN is not drawn.
        title: what is seen.
        xlabel: what is measured, with its unit.
        other: column that each row is compared with.
        other_label: what that is called.
    """
    figure, axis = plt.subplots(figsize=(8, 0.9 + 0.32 * len(table)))
    place = np.arange(len(table))[::-1]
    axis.hlines(place, table["low"], table["high"], color=NEW, alpha=0.3, lw=7, label="90 % interval")
    axis.plot(table["value"], place, "o", color=NEW, label="value")
    if other is not None:
        axis.plot(table[other], place, "s", mfc="none", color=TODAY, label=other_label)
    axis.set_yticks(place, [shortened(name) for name in table.index])
    axis.set(title=title, xlabel=xlabel, ylim=(-0.6, len(table) - 0.4))
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    figure.tight_layout()


def rate_over_time(table: pd.DataFrame, *, title: str, ylabel: str) -> None:
    """A rate per period with its interval.

    Args:
        table: columns value, low and high as shares 0-1; the index names the periods in time order.
        title: what is seen.
        ylabel: what is measured, with its unit.
    """
    figure, axis = plt.subplots(figsize=(8, 3))
    x = np.arange(len(table))
    axis.fill_between(x, 100 * table["low"], 100 * table["high"], color=NEW, alpha=0.2, lw=0, label="90 % interval")
    axis.plot(x, 100 * table["value"], "o-", color=NEW)
    axis.set_xticks(x, [str(name) for name in table.index])
    axis.set(title=title, ylabel=ylabel, ylim=(0, None))
    axis.legend()
    figure.tight_layout()


def timeline(folds: Sequence[Mapping[str, Any]]) -> None:
    """Which dates each fold learned from and was tested on.

    Args:
        folds: entries of the evidence, with dates; see docs/evidence.md.
    """
    figure, axis = plt.subplots(figsize=(8, 0.9 + 0.45 * len(folds)))
    for place, fold in enumerate(reversed(folds)):
        first = place == 0
        until = pd.Timestamp(fold["train_until"])
        start, end = pd.Timestamp(fold["test_from"]), pd.Timestamp(fold["test_until"])
        begun = pd.Timestamp(fold.get("train_from", folds[0].get("train_from", until)))
        axis.hlines(place, begun, until, color=TODAY, lw=9, label="learned from" if first else None)
        axis.hlines(place, until, start, color=TODAY, lw=1, ls=":", label="outcomes not known yet" if first else None)
        axis.hlines(place, start, end, color=NEW, lw=9, label="tested on" if first else None)
    axis.set_yticks(range(len(folds)), [f"{fold['role']}, from {fold['origin']}" for fold in reversed(folds)])
    axis.set(title="As-of dates of each fold", ylim=(-0.6, len(folds) - 0.4))
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    axis.xaxis.set_major_locator(AutoDateLocator(maxticks=7))
    axis.xaxis.set_major_formatter(ConciseDateFormatter(axis.xaxis.get_major_locator()))
    figure.tight_layout()


def gain(curves: Mapping[str, Sequence[Mapping[str, float]]], labels: Mapping[str, str], k: float | None) -> None:
    """Share of churners caught against accounts called per snapshot.

    Args:
        curves: per contender, points with called, caught, low and high, as in the evidence.
        labels: names for people, of the contenders to draw.
        k: accounts that a team can call; None draws no mark.
    """
    figure, axis = plt.subplots(figsize=(7, 4))
    for colour, (name, label) in zip((TODAY, NEW, OTHER, TRUTH), labels.items(), strict=False):
        points = pd.DataFrame(curves[name]).astype(float)
        axis.fill_between(points["called"], 100 * points["low"], 100 * points["high"], color=colour, alpha=0.12, lw=0)
        axis.plot(points["called"], 100 * points["caught"], color=colour, label=label)
        axis.plot([0, points["called"].max()], [0, 100], color="0.8", lw=0.8, ls=":")
    if k is not None:
        axis.axvline(k, color="black", lw=0.8, ls="--")
        axis.annotate(f"{k:.0f} calls", (k, 3), (4, 0), textcoords="offset points", fontsize=8)
    axis.set(
        title="Churned accounts caught, with 90 % intervals",
        xlabel="accounts called per snapshot, riskiest first",
        ylabel="churned accounts caught, %",
        xlim=(0, None),
        ylim=(0, 101),
    )
    axis.legend(loc="lower right")
    figure.tight_layout()


def reliability(bins: Mapping[str, Sequence[Mapping[str, float]]], labels: Mapping[str, str]) -> None:
    """Observed churn against predicted, in groups of equal size, with counts.

    Args:
        bins: per contender, groups with predicted, observed, low, high and events, as in the evidence.
        labels: names for people, of the contenders to draw.
    """
    figure, axes = plt.subplots(1, len(labels), figsize=(4.6 * len(labels), 4), sharex=True, sharey=True, squeeze=False)
    for axis, (name, label) in zip(axes[0], labels.items(), strict=True):
        table = (100 * pd.DataFrame(bins[name])[["predicted", "observed", "low", "high"]].astype(float)).clip(lower=0.1)
        axis.plot([0.1, 60], [0.1, 60], color="0.7", lw=1)
        axis.vlines(table["predicted"], table["low"], table["high"], color=NEW, alpha=0.35, lw=4)
        axis.plot(table["predicted"], table["observed"], "o", color=NEW)
        for x, y, group in zip(table["predicted"], table["high"], bins[name], strict=True):
            axis.annotate(f"{group['events']:.0f}", (x, y), (0, 3), textcoords="offset points", ha="center", fontsize=7)
        axis.set(title=label, xlabel="predicted churn, %", xscale="log", yscale="log", xlim=(0.09, 60), ylim=(0.09, 60))
        for which in (axis.xaxis, axis.yaxis):
            which.set_ticks([0.1, 1, 10], ["0.1", "1", "10"])
    axes[0][0].set_ylabel("observed churn, %")
    figure.text(
        0.01,
        0.005,
        "Bars: 90 % intervals. Small figures: churned rows in the group. Logarithmic; below 0.1 % drawn at 0.1 %.",
        fontsize=7,
    )
    figure.tight_layout(rect=(0, 0.03, 1, 1))


def curves(found: Sequence[Mapping[str, Any]]) -> None:
    """Today's and the learned curve of some metrics over the histogram of their values.

    Args:
        found: entries of the evidence's `curves` of kind "numeric", at least one.
    """
    columns = min(len(found), 3)
    rows = -(-len(found) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.7 * columns, 3.1 * rows), sharey=True, squeeze=False)
    for axis in axes.flat[len(found) :]:
        axis.axis("off")
    for axis, curve in zip(axes.flat, found, strict=False):
        _one_curve(axis, curve)
    for axis in axes[:, 0]:
        axis.set_ylabel("points (0-100)")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.14 / rows, 1, 1))


def _one_curve(axis: Axes, curve: Mapping[str, Any]) -> None:
    edges, counts = np.array(curve["histogram"]["edges"]), np.array(curve["histogram"]["counts"], dtype=float)
    axis.bar(
        edges[:-1], 30 * counts / max(counts.max(), 1), np.diff(edges), align="edge", color="0.9", label="accounts"
    )
    if curve["band"]:
        at, low, high = np.array(curve["band"]).T
        axis.fill_between(at, low, high, color=NEW, alpha=0.2, lw=0, label="90 % band")
    axis.plot(*np.array(curve["hand"], dtype=float).T, "--", color=TODAY, label="today")
    axis.plot(*np.array(curve["candidate"], dtype=float).T, color=NEW, label="candidate")
    axis.set(title=shortened(curve["label"], 30), xlabel=shortened(curve["unit"] or curve["metric"], 34))
    axis.set(xlim=(edges[0], edges[-1]), ylim=(-2, 102))


def risk_by_score(
    strata: Sequence[Mapping[str, Any]], cuts: Mapping[str, float], promises: Mapping[str, float]
) -> None:
    """P(churn) against the raw score, with cut-offs and what they promise.

    Args:
        strata: entries of the evidence's `risk_curve.strata`.
        cuts: band -> lowest raw score.
        promises: band -> promised churn, 0-1; bands without a promise are left out.
    """
    figure, axis = plt.subplots(figsize=(7.5, 4))
    top = 100 * max(promises.values(), default=0.1)
    for colour, stratum in zip((NEW, TRUTH, OTHER), strata, strict=False):
        at, risk, low, high = np.array(stratum["points"]).T
        axis.fill_between(at, 100 * low, 100 * high, color=colour, alpha=0.2, lw=0)
        axis.plot(at, 100 * risk, color=colour, label=str(stratum["id"]))
    for band, start in cuts.items():
        if start > 0:
            axis.axvline(start, color=BAND_COLOURS.get(band, "black"), lw=1, label=f"{band} from {start:g}")
    for band, promise in promises.items():
        axis.axhline(100 * promise, color=BAND_COLOURS.get(band, "black"), lw=1, ls=":")
        axis.annotate(
            f"{band}: {promise:.1%}",
            (0.01, 100 * promise),
            (0, 3),
            ("axes fraction", "data"),
            "offset points",
            fontsize=8,
        )
    axis.set(
        title="Risk by score, with 90 % intervals",
        xlabel="raw health score (0-100), before the display map",
        ylabel="P(churn in the window), %",
        xlim=_where_it_falls(strata, 4 * top),
        ylim=(0, 4 * top),
    )
    axis.legend(loc="upper right")
    figure.tight_layout()


def _where_it_falls(strata: Sequence[Mapping[str, Any]], top: float) -> tuple[float, float]:
    """Scores between which any curve falls from `top` per cent to a tenth of a per cent."""
    inside = [at for one in strata for at, risk, *_ in one["points"] if 0.1 <= 100 * risk <= top]
    return (max(0, min(inside) - 3), min(100, max(inside) + 3)) if inside else (0, 100)


def waterfall(start: tuple[str, float], steps: Sequence[tuple[str, float]], end: tuple[str, float]) -> None:
    """How a score comes about, from a starting point step by step; the steps must add up to the end.

    Args:
        start: its name and points.
        steps: what each adds, in points.
        end: its name and points.
    """
    reached = start[1] + np.cumsum([step for _, step in steps])
    names = [start[0], *(name for name, _ in steps), end[0]]
    figure, axis = plt.subplots(figsize=(8, 0.8 + 0.3 * len(names)))
    place = np.arange(len(names))[::-1]
    axis.barh(place[0], start[1], color=TODAY, height=0.6)
    for at, (_, step), after in zip(place[1:-1], steps, reached, strict=True):
        axis.barh(at, step, left=after - step, color=NEW if step >= 0 else TRUTH, height=0.6)
        axis.annotate(
            f"{step:+.1f}", (max(after, after - step), at), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axis.barh(place[-1], end[1], color="black", height=0.6)
    for at, value in ((place[0], start[1]), (place[-1], end[1])):
        axis.annotate(f"{value:.1f}", (value, at), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axis.set_yticks(place, [shortened(name) for name in names])
    lowest = min(start[1], end[1], *reached) if len(reached) else min(start[1], end[1])
    axis.set(xlabel="points of the raw score", xlim=(max(0, lowest - 12), None))
    figure.tight_layout()


def bands_behind(axis: Axes, cuts: Mapping[str, float]) -> None:
    """Bands as light stripes behind a plot of scores."""
    edges = [*cuts.values(), 100.0]
    for (band, start), end in zip(cuts.items(), edges[1:], strict=True):
        axis.axhspan(start, end, color=BAND_COLOURS.get(band, "0.5"), alpha=0.12, lw=0)
        axis.annotate(
            band,
            (0.995, (start + end) / 2),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=8,
            color="0.35",
        )
    axis.set_ylim(0, 100)


def shortened(text: object, limit: int = 34) -> str:
    """Text as matplotlib should print it: cut, and no `$` taken for mathematics."""
    plain = str(text)
    return (plain if len(plain) <= limit else plain[: limit - 1] + "…").replace("$", r"\$")
