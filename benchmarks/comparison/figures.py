"""Figures of the comparison, one per question. Colours of Okabe and Ito, and a marker per group for print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from benchmarks.comparison.methods import CEILING, HAND, REFIT
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

#: group -> name in the legend, colour, marker.
GROUPS = {
    "recipe": ("hand curves, weights by hand or from SHAP", "#D55E00", "o"),
    "fitted": ("formula fitted to outcomes", "#0072B2", "s"),
    "rival": ("not a weighted formula, or from outside", "#555555", "^"),
}
_SET_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555")
_SET_MARKERS = ("o", "s", "^", "D", "v")
#: Where LightGBM is not better than this, a difference of AUCs is noise that would only stretch the axis.
_CHANCE = 0.5
_STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "churnbench",
    "figure.facecolor": "white",
}


def draw_all(found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw every figure into a folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[Sequence[Any]], Figure]] = {
        "auc": _auc,
        "log-loss": _log_loss,
        "additivity": _additivity,
        "compounds": _compounds,
        "stability": _stability,
        "seconds": _seconds,
    }
    if not any(one["methods"][REFIT]["stability"] for one in found["sets"]):
        del pictures["stability"]  # no set large enough to be halved took part
    written = []
    with mpl.rc_context(_STYLE):
        for name, draw in pictures.items():
            figure = draw(found["sets"])
            target = folder / f"comparison-{name}.svg"
            figure.savefig(target, bbox_inches="tight", metadata={"Date": None})
            plt.close(figure)
            written.append(target)
    return written


def _panels(sets: Sequence[Any], methods: Sequence[str], title: str, axis: str) -> tuple[Figure, list[Axes]]:
    """One panel per set, methods down the side, the first on top."""
    figure, row = plt.subplots(
        1, len(sets), figsize=(3.2 + 2.35 * len(sets), 1.7 + 0.29 * len(methods)), sharey=True, squeeze=False
    )
    axes = list(row[0])
    entries = sets[0]["methods"]
    axes[0].set_yticks(range(len(methods)), [entries[name]["label"] for name in methods])
    axes[0].set_ylim(len(methods) - 0.4, -0.6)
    for panel, one in zip(axes, sets, strict=True):
        panel.set_title(f"{one['title']}\n{one['test_events']:,} churned of {one['test_accounts']:,} accounts")
        panel.locator_params(axis="x", nbins=4)
    figure.suptitle(title, fontsize=13, x=0.01, ha="left")
    figure.supxlabel(axis, fontsize=10)
    figure.tight_layout()
    return figure, axes


def _dot(panel: Axes, place: float, figure: Mapping[str, Any], group: str) -> None:
    _, colour, marker = GROUPS[group]
    if figure["ci90"] is not None:
        panel.plot(figure["ci90"], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
    panel.plot(figure["value"], place, marker=marker, color=colour, markersize=5.5)


def _group_legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=colour, marker=marker, linewidth=1.6, label=label)
        for label, colour, marker in GROUPS.values()
    ]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False)


def _auc(sets: Sequence[Any]) -> Figure:
    methods = list(sets[0]["methods"])
    figure, axes = _panels(
        sets,
        methods,
        "How well does each method order accounts by risk?",
        "AUC on accounts and periods not learned from (higher is better; lines: 90 % account interval)",
    )
    for panel, one in zip(axes, sets, strict=True):
        for name, style in ((HAND, ":"), (CEILING, "--")):
            panel.axvline(one["methods"][name]["auc"]["value"], color="#000000", linewidth=1.0, linestyle=style)
        for place, name in enumerate(methods):
            entry = one["methods"][name]
            _dot(panel, place, entry["auc"], entry["group"])
    figure.text(0.99, 0.985, "dotted: hand formula   dashed: LightGBM, free", ha="right", va="top", fontsize=9)
    _group_legend(figure)
    return figure


def _log_loss(sets: Sequence[Any]) -> Figure:
    methods = [name for name in sets[0]["methods"] if name != REFIT]
    figure, axes = _panels(
        sets,
        methods,
        "Which methods predict churn better or worse than the anchored refit?",
        "fall of the log loss against the anchored refit, thousandths of a nat per row "
        "(right of 0: better than the refit; lines: 90 % paired account interval)",
    )
    for panel, one in zip(axes, sets, strict=True):
        panel.axvline(0.0, color="#000000", linewidth=1.0)
        for place, name in enumerate(methods):
            entry = one["methods"][name]
            _dot(panel, place, _scaled(entry["log_loss_gain"], 1000.0), entry["group"])
    _group_legend(figure)
    return figure


def _scaled(figure: Mapping[str, Any], by: float) -> dict[str, Any]:
    interval = figure["ci90"]
    return {
        "value": figure["value"] * by,
        "ci90": None if interval is None else [interval[0] * by, interval[1] * by],
    }


def _additivity(sets: Sequence[Any]) -> Figure:
    sets = [one for one in sets if (one["methods"][CEILING]["auc"]["ci90"] or [0.0])[0] > _CHANCE] or sets
    figure, axes = plt.subplots(1, 2, figsize=(11, 1.6 + 0.62 * len(sets)), sharey=True)
    left, right = axes
    left.set_yticks(range(len(sets)), [one["title"] for one in sets])
    left.set_ylim(len(sets) - 0.5, -0.5)
    for panel in axes:
        panel.axvline(0.0, color="#000000", linewidth=1.0)
    for place, one in enumerate(sets):
        _bar(left, place, one["additivity"]["auc"], "#555555", "^")
        for shift, name, colour, marker in (
            (-0.15, "compounds_low", "#0072B2", "s"),
            (0.15, "compounds_unchecked", "#D55E00", "o"),
        ):
            _bar(right, place + shift, one["methods"][name]["auc_gain"], colour, marker)
    left.set_title("What interactions are worth to trees", loc="left")
    left.set_xlabel("AUC of LightGBM free minus additive LightGBM")
    right.set_title("What compounds add to the anchored refit", loc="left")
    right.set_xlabel("AUC with compounds minus AUC without")
    handles = [
        Line2D([], [], color="#0072B2", marker="s", label="low bar, kept if they pay on later inner rows"),
        Line2D([], [], color="#D55E00", marker="o", label="low bar, unchecked"),
    ]
    figure.suptitle("What does adding up cost, and do compounds repay it?", fontsize=13, x=0.01, ha="left")
    figure.tight_layout()
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.99, 0.0), ncols=2, frameon=False)
    figure.text(0.01, -0.05, "lines: 90 % paired account interval; sets without any signal left out", fontsize=9)
    return figure


def _bar(panel: Axes, place: float, figure: Mapping[str, Any], colour: str, marker: str) -> None:
    if figure["ci90"] is not None:
        panel.plot(figure["ci90"], [place, place], color=colour, linewidth=1.8)
    panel.plot(figure["value"], place, marker=marker, color=colour, markersize=6)


def _compounds(sets: Sequence[Any]) -> Figure:
    figure, row = plt.subplots(1, len(sets), figsize=(2.6 * len(sets), 3.6), squeeze=False)
    for panel, one in zip(row[0], sets, strict=True):
        story = one["compounds"]
        losses, errors = np.asarray(story["losses"]) * 1000, np.asarray(story["errors"]) * 1000
        steps = np.arange(len(losses))
        change = losses - losses[0]
        best = int(losses.argmin())
        panel.axhline(0.0, color="#000000", linewidth=1.0)
        panel.fill_between(steps, change - errors, change + errors, color="#0072B2", alpha=0.2, linewidth=0)
        panel.plot(steps, change, color="#0072B2", marker="s", markersize=4)
        panel.plot(best, change[best], marker="*", color="#D55E00", markersize=12, linestyle="none")
        panel.axvline(story["kept"], color="#009E73", linestyle="--", linewidth=1.4)
        panel.set_title(f"{one['title']}\nkept: {story['kept']}")
        panel.set_xticks(range(0, len(losses), 2))
    row[0][0].set_ylabel("change of log loss on later rows,\nthousandths of a nat (lower is better)")
    figure.suptitle("How many compounds pay on later rows inside training?", fontsize=13, x=0.01, ha="left")
    figure.supxlabel("compounds added, in the order of the search with a low bar", fontsize=10)
    figure.tight_layout()
    handles = [
        Line2D(
            [], [], color="#0072B2", marker="s", label="change, with one standard error of its distance to the best"
        ),
        Line2D([], [], color="#D55E00", marker="*", linestyle="none", markersize=10, label="best"),
        Line2D([], [], color="#009E73", linestyle="--", label="kept by the one-standard-error rule"),
    ]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False)
    return figure


def _stability(sets: Sequence[Any]) -> Figure:
    known = [one for one in sets if one["methods"][REFIT]["stability"]]
    methods = [name for name, entry in known[0]["methods"].items() if entry["stability"]]
    figure, axes = _panels(
        known,
        methods,
        "How much would the weights differ, had one seen the other half of the customers?",
        "total-variation distance between the weights of two halves, share of the score "
        "(0: the same weights; small marks: each pair of halves, line: their mean)",
    )
    for panel, one in zip(axes, known, strict=True):
        for place, name in enumerate(methods):
            entry = one["methods"][name]
            _, colour, marker = GROUPS[entry["group"]]
            distances = entry["stability"] or []
            panel.plot(distances, [place] * len(distances), marker, color=colour, markersize=4, alpha=0.6)
            if distances:
                mean = float(np.mean(distances))
                panel.plot([mean, mean], [place - 0.3, place + 0.3], color=colour, linewidth=2.2)
        panel.set_xlim(left=-0.01)
    _group_legend(figure)
    return figure


def _seconds(sets: Sequence[Any]) -> Figure:
    methods = list(sets[0]["methods"])
    figure, panel = plt.subplots(figsize=(8.5, 1.4 + 0.29 * len(methods)))
    for number, one in enumerate(sets):
        seconds = [max(one["methods"][name]["seconds"], 0.005) for name in methods]
        panel.plot(
            seconds,
            range(len(methods)),
            linestyle="none",
            marker=_SET_MARKERS[number % len(_SET_MARKERS)],
            color=_SET_COLOURS[number % len(_SET_COLOURS)],
            markersize=6,
            label=f"{one['title']} ({one['train_rows']:,} rows)",
        )
    panel.set_xscale("log")
    ticks = [0.01, 0.1, 1.0, 10.0, 60.0]
    panel.set_xticks(ticks, ["0.01 s", "0.1 s", "1 s", "10 s", "1 min"])
    panel.set_yticks(range(len(methods)), [sets[0]["methods"][name]["label"] for name in methods])
    panel.set_ylim(len(methods) - 0.4, -0.6)
    panel.set_xlabel("processor seconds per training set, its own tuning and recalibration included (log scale)")
    figure.suptitle("What does each method cost to fit?", fontsize=13, x=0.01, ha="left")
    figure.tight_layout()
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure
