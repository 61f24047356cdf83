"""The formula presets that ship with churnbench: four frameworks as TOML data files.

A preset is a hypothesis. Its weights are those of its framework; a project may override any part of it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from churnbench.data.normalisers import read_normaliser
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, RiskFactor

#: Names of the presets; the first is the default.
PRESETS: tuple[str, ...] = ("four-dimensions", "five-components", "four-components", "account-review")


@cache
def load_preset(name: str) -> FormulaSpec:
    """Read a preset by its name.

    Args:
        name: one of `PRESETS`.

    Returns:
        The formula as its framework states it; bands ascend and start at 0.

    Raises:
        InputError: there is no preset of that name.

    >>> spec = load_preset("four-dimensions")
    >>> [(dimension.id, dimension.weight) for dimension in spec.dimensions]
    [('usage', 35.0), ('engagement', 25.0), ('sentiment', 25.0), ('financial', 15.0)]
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"'{name}' is not a preset; known are {', '.join(PRESETS)}, or none.",
            file="churnbench.toml",
            column="formula.preset",
            fix=f'{hint}Write preset = "none" to declare every dimension and metric yourself.',
        )
    text = resources.files("churnbench.data").joinpath("presets", f"{name}.toml").read_text("utf-8")
    return _formula(name, tomllib.loads(text))


def _formula(name: str, content: Mapping[str, Any]) -> FormulaSpec:
    return FormulaSpec(
        dimensions=tuple(DimensionSpec(row["id"], float(row["weight"]), row["label"]) for row in content["dimensions"]),
        metrics=tuple(_metric(row) for row in content["metrics"]),
        bands=tuple((band, float(start)) for band, start in content["bands"]),
        segment_weights={
            segment: {dimension: float(weight) for dimension, weight in weights.items()}
            for segment, weights in content.get("segment_weights", {}).items()
        },
        preset=name,
        motions=content.get("motions", {}),
        typical_ranges={
            dimension: (float(low), float(high)) for dimension, (low, high) in content.get("typical_ranges", {}).items()
        },
        risk_factors=tuple(_risk_factor(row) for row in content.get("risk_factors", ())),
        severity_points={severity: float(points) for severity, points in content.get("severity_points", {}).items()},
    )


def _risk_factor(row: Mapping[str, Any]) -> RiskFactor:
    return RiskFactor(
        row["id"], row["metric"], row.get("op", ">="), float(row.get("value", 1)), row["severity"], row["label"]
    )


def _metric(row: Mapping[str, Any]) -> MetricSpec:
    return MetricSpec(
        id=row["id"],
        dimension=row["dimension"],
        weight=float(row["weight"]),
        direction=row["direction"],
        leading=row["leading"],
        missing=row.get("missing", "skip"),
        normalise=read_normaliser(row["normalise"], metric=row["id"], file="preset"),
        unit=row["unit"],
        label=row["label"],
    )
