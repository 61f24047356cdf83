"""Writes the numbers of docs/comparison.md between its markers; the prose around them is written by people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from benchmarks.comparison.formulas import LOW_BAR
from benchmarks.comparison.methods import HAND, REFIT

from churnbench.calibration.compounds import NEEDED


def fill_page(text: str, found: Mapping[str, Any]) -> str:
    """The page with every marked block written anew.

    Raises:
        ValueError: a block's markers are absent, or the page marks a block that nobody writes.
    """
    blocks = {
        "verdicts": verdicts(found["sets"]),
        "losses": losses(found["sets"]),
        "sets": [line for one in found["sets"] for line in set_table(one)],
        "additivity": additivity(found["sets"]),
        "compounds": compounds(found["sets"]),
        "settings": settings(found),
    }
    for name, lines in blocks.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        parts = re.split(f"{re.escape(begin)}.*?{re.escape(end)}", text, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"the page holds {len(parts) - 1} blocks '{name}', 1 was expected")
        text = "\n".join([parts[0] + begin + "\n".join(lines).rstrip(), end + parts[1]])
    marked = set(re.findall(r"<!-- begin (\S+) -->", text))
    if marked != set(blocks):
        raise ValueError(f"the page marks blocks that are not written: {sorted(marked - set(blocks))}")
    return text


def number(figure: Mapping[str, Any] | None, digits: int, *, sign: bool = False, times: float = 1.0) -> str:
    """`.812 (.801 to .823)`, or a dash for what does not exist.

    >>> number({"value": 0.8123, "ci90": [0.8, 0.82]}, 3)
    '0.812 (0.800 to 0.820)'
    """
    if figure is None or figure["value"] is None:
        return "–"
    style = f"{'+' if sign else ''}z.{digits}f"  # z: no minus sign before a rounded zero
    middle = format(figure["value"] * times, style)
    if figure["ci90"] is None:
        return middle
    low, high = (format(end * times, style) for end in figure["ci90"])
    return f"{middle} ({low} to {high})"


def _against(figure: Mapping[str, Any]) -> str:
    """Better, worse or level, by whether the interval of an improvement leaves 0."""
    low, high = figure["ci90"] or (0.0, 0.0)
    return "better" if low > 0 else "worse" if high < 0 else "level"


def verdicts(sets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Methods against the refit: on how many sets better, level, worse; and the gap closed per set."""
    methods = sets[0]["methods"]
    lines = [
        "| method | log loss against the refit: better / level / worse | AUC: better / level / worse | "
        + " | ".join(f"gap closed, {one['title']}" for one in sets)
        + " |",
        "|---|:---:|:---:|" + "---:|" * len(sets),
    ]
    for name, entry in methods.items():
        cells = []
        for measure in ("log_loss_gain", "auc_gain"):
            found = [_against(one["methods"][name][measure]) for one in sets]
            cells.append(" / ".join(str(found.count(word)) for word in ("better", "level", "worse")))
        closed = []
        for one in sets:
            share = one["methods"][name]["gap_closed"]
            closed.append("no gap" if share is None else number(share, 0, times=100).replace(")", " %)"))
        reference = name == REFIT
        lines.append(
            f"| {'**' if reference else ''}{entry['label']}{'**' if reference else ''} | "
            + " | ".join(["reference"] * 2 if reference else cells)
            + " | "
            + " | ".join(closed)
            + " |"
        )
    return lines


def losses(sets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every method that beats the refit beyond noise, on either measure."""
    lines = []
    for one in sets:
        for name, entry in one["methods"].items():
            parts = []
            for measure, word, unit in (("auc_gain", "AUC", ""), ("log_loss_gain", "log loss", " nats")):
                if name not in (REFIT, HAND) and _against(entry[measure]) == "better":
                    direction = "higher by" if word == "AUC" else "lower by"
                    parts.append(f"{word} {direction} {number(entry[measure], 4)}{unit}")
            if parts:
                lines.append(f"- {one['title']}: **{entry['label']}** beats the refit; {', '.join(parts)}.")
    return lines or ["- Nothing beat the refit beyond noise on either measure."]


def set_table(one: Mapping[str, Any]) -> list[str]:
    """The table of one set."""
    kind = "walk-forward folds" if one["dated"] else "parts of repeated five-fold cross-validation"
    lines = [
        f"### {one['title']}",
        "",
        f"{one['nature'][0].upper()}{one['nature'][1:]}. {one['folds']} {kind}; {one['test_rows']:,} tested rows of "
        f"{one['test_accounts']:,} accounts, {one['test_events']:,} of them churned; churn rate of rows "
        f"{one['base_rate']:.1%}. The last training set holds {one['train_rows']:,} rows and {one['train_events']:,} "
        f"churned accounts. {one['metrics']} metrics.",
        "",
        "| method | AUC | log loss | AUC against the refit | log loss against the refit | gap closed | "
        "weights of two halves differ by | inputs | processor seconds |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, entry in one["methods"].items():
        distances = entry["stability"]
        apart = f"{np.mean(distances):.2f}" if distances else "–"
        paired = ["reference", "reference"]
        if name != REFIT:
            paired = [number(entry["auc_gain"], 4, sign=True), number(entry["log_loss_gain"], 4, sign=True)]
        closed = "no gap" if entry["gap_closed"] is None else number(entry["gap_closed"], 2)
        lines.append(
            f"| {entry['label']} | {number(entry['auc'], 3)} | {number(entry['log_loss'], 4)} | {paired[0]} | "
            f"{paired[1]} | {closed} | {apart} | {entry['inputs']} | {entry['seconds']:.2f} |"
        )
    return [*lines, ""]


def additivity(sets: Sequence[Mapping[str, Any]]) -> list[str]:
    """The price of adding up and the strongest pairs, per set."""
    lines = [
        "| set | AUC: free minus additive trees | log loss: additive minus free trees | strongest pair of metrics "
        "| its gain on later rows, nats per row |",
        "|---|---:|---:|---|---:|",
    ]
    for one in sets:
        for position, pair in enumerate(one["pairs"]):
            price = one["additivity"] if position == 0 else None
            lines.append(
                f"| {one['title'] if price else ''} | {number(price['auc'], 4, sign=True) if price else ''} | "
                f"{number(price['log_loss'], 4, sign=True) if price else ''} | {' × '.join(pair['metrics'])} | "
                f"{number(pair['gain'], 5, sign=True)} |"
            )
    return lines


def compounds(sets: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the search finds, what later rows say about it, and what it does to the tested rows."""
    lines = [
        f"| set | training sets with a compound: bar {NEEDED:g} | bar {LOW_BAR:g} | bar {LOW_BAR:g}, unchecked | "
        "AUC against the refit: bar "
        f"{LOW_BAR:g} | AUC: bar {LOW_BAR:g}, unchecked | log loss: bar {LOW_BAR:g}, unchecked |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in sets:
        entries = one["methods"]
        counts = [
            f"{entries[name]['with_compounds']} of {one['folds']}"
            for name in ("compounds", "compounds_low", "compounds_unchecked")
        ]
        changes = [
            number(entries["compounds_low"]["auc_gain"], 4, sign=True),
            number(entries["compounds_unchecked"]["auc_gain"], 4, sign=True),
            number(entries["compounds_unchecked"]["log_loss_gain"], 4, sign=True),
        ]
        lines.append(f"| {one['title']} | " + " | ".join([*counts, *changes]) + " |")
    lines += [
        "",
        f"The first three that a bar of {LOW_BAR:g} lets through on the last training rows, with statistic:",
        "",
    ]
    for one in sets:
        found = "; ".join(f"{rule['text']} ({rule['statistic']:.1f})" for rule in one["compounds"]["found"][:3])
        lines.append(f"- {one['title']}: {found or 'none'}. Kept by the later rows: {one['compounds']['kept']}.")
    return lines


def settings(found: Mapping[str, Any]) -> list[str]:
    """How the numbers were made."""
    chosen = found["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    times = ", ".join(f"{one['title']} {one['seconds']:.0f}" for one in found["sets"])
    spent = "EBM with its own defaults" if chosen["full"] else "EBM with the reduced settings named above"
    lines = [
        f"Seed {chosen['seed']}; {chosen['repeats']} repeats of five-fold cross-validation for tables without dates; "
        f"{chosen['replicates']:,} account resamples; {chosen['halves']} pairs of halves; {spent}. "
        f"Versions: {versions}.",
        "",
        f"Processor seconds on one thread: {found['seconds']:.0f} in all; {times}.",
    ]
    if chosen["accounts"]:
        lines.append(f"Only {chosen['accounts']:,} accounts of each set were drawn.")
    return [*lines, *[f"Skipped: {reason}" for reason in found["skipped"]]]
