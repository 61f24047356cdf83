"""Everything the page and the figures show, as one JSON document, so that both can be drawn again without a fit."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from benchmarks.comparison.contest import Fought
from benchmarks.comparison.interactions import CompoundStory, Pair
from benchmarks.comparison.measures import Measured
from benchmarks.comparison.protocol import Method
from benchmarks.comparison.sets import OpenSet

from churnbench.metrics import Estimate

_PACKAGES = ("lightgbm", "numpy", "scikit-learn", "interpret-core", "optbinning")


def set_record(
    opened: OpenSet,
    methods: Mapping[str, Method],
    fought: Fought,
    measured: Mapping[str, Measured],
    additivity: Mapping[str, Estimate],
    pairs: list[Pair],
    story: CompoundStory,
) -> dict[str, Any]:
    """One set as JSON."""
    rows = fought.rows
    return {
        "name": opened.name,
        "title": opened.title,
        "nature": opened.nature,
        "dated": opened.cohort.dated,
        "folds": len(opened.folds),
        "test_rows": int(opened.cohort.frame.loc[_distinct(opened)].shape[0]),
        "test_accounts": int(rows["account_id"].nunique()),
        "test_events": int(rows.loc[rows["y"] == 1, "account_id"].nunique()),
        "base_rate": float(rows["y"].mean()),
        "train_rows": fought.train_rows,
        "train_events": fought.train_events,
        "metrics": len(opened.spec.metrics),
        "methods": {
            name: {
                "label": method.label,
                "group": method.group,
                **_figures(measured[name]),
                "seconds": fought.seconds[name],
                "inputs": fought.inputs[name],
                "notes": fought.notes[name],
                "stability": fought.stability.get(name),
                "with_compounds": fought.compounds.get(name),
            }
            for name, method in methods.items()
        },
        "additivity": {name: estimate.as_json() for name, estimate in additivity.items()},
        "pairs": [{"metrics": list(pair.metrics), "gain": pair.gain.as_json()} for pair in pairs],
        "compounds": {
            "found": [{"text": text, "statistic": statistic} for text, statistic in story.found],
            "losses": story.path.losses.tolist(),
            "errors": story.path.errors.tolist(),
            "kept": story.path.kept,
        },
    }


def _distinct(opened: OpenSet) -> list[int]:
    return sorted({int(row) for fold in opened.folds for row in fold.test_rows})


def _figures(measured: Measured) -> dict[str, Any]:
    names = ("auc", "log_loss", "auc_gain", "log_loss_gain", "over_hand")
    found: dict[str, Any] = {name: getattr(measured, name).as_json() for name in names}
    found["gap_closed"] = None if measured.gap_closed is None else measured.gap_closed.as_json()
    return found


def versions() -> dict[str, str]:
    """Version of each package that matters and is installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
