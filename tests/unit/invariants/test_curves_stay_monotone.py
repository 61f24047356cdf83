"""Invariant 4: a declared direction is never violated, by no fitted curve and by no score made from it."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pandas as pd
from formula_worlds import SEGMENTS, assemble, bp_split
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import EFFECTS, seeds, tried
from small_books import linear_book, plain_spec

from churnbench.calibration import AnchoredRefit, Limits, Settings, Training, resample_weights
from churnbench.calibration.derivations import DERIVATIONS, formula_curves
from churnbench.domain.progress import Silent
from churnbench.formula import score_frame
from churnbench_scorer import Scorer

WRONG = {
    "m0": "lower_is_healthier",
    "m1": "higher_is_healthier",
    "m2": "lower_is_healthier",
    "m3": "lower_is_healthier",
}


def _training(seed: int, *, wrong: bool, limits: bool = False, shapes: str = "declared") -> Training:
    """A book of continuous metrics whose true effects all point up, with right or mostly wrong declarations."""
    frame = linear_book(EFFECTS, accounts=70, months=8, seed=seed, intercept=-1.6, missing=0.15, bent={"m3": 2.0})
    spec = plain_spec({"m0": 40, "m1": 30, "m2": 20, "m3": 10}, directions=WRONG if wrong else None)
    chosen = Limits(max_metric_share=0.4, max_move_points=30.0) if limits else Limits()
    settings = Settings(shapes=shapes, limits=chosen, bootstrap=6, seed=seed % 7)
    return Training(frame, spec, tuple(EFFECTS), True, settings)


def _falls(points: list[list[float]]) -> bool:
    return any(after[1] < before[1] for before, after in pairwise(points))


def _rises(points: list[list[float]]) -> bool:
    return any(after[1] > before[1] for before, after in pairwise(points))


@tried(10)
@given(seeds, st.booleans(), st.booleans())
def test_a_fitted_curve_bends_only_the_way_its_owner_declared(seed: int, wrong: bool, limits: bool) -> None:
    training = _training(seed, wrong=wrong, limits=limits)
    fit = AnchoredRefit(training).fit()
    directions = {metric.id: metric.direction for metric in training.spec.metrics}
    curves, _ = formula_curves(training, fit)
    assert {curve.id for curve in curves} == set(EFFECTS)
    for curve in curves:
        assert curve.rule is not None
        wrong_way = _falls if directions[curve.id] == "higher_is_healthier" else _rises
        assert not wrong_way(curve.rule["points"])
    assert fit.changes == ()
    spread = resample_weights(training, fit, Silent())
    assert spread is not None
    for metric, drawn in spread.curves.items():
        steps = np.diff(drawn[:, 1:], axis=0) * (1 if directions[metric] == "higher_is_healthier" else -1)
        assert steps.min() >= -1e-9


@tried(6)
@given(seeds)
def test_an_audited_curve_leaves_its_declaration_only_where_a_change_says_so(seed: int) -> None:
    training = _training(seed, wrong=True, shapes="audited")
    fit = AnchoredRefit(training).fit()
    changed = {change.metric for change in fit.changes}
    assert {metric for metric, shape in fit.shapes.items() if shape != "declared"} == changed
    directions = {metric.id: metric.direction for metric in training.spec.metrics}
    for curve in formula_curves(training, fit)[0]:
        assert curve.rule is not None
        if curve.id not in changed:
            assert not (_falls if directions[curve.id] == "higher_is_healthier" else _rises)(curve.rule["points"])


@tried(4)
@given(seeds, st.booleans())
def test_raising_a_metric_in_its_healthy_direction_never_lowers_a_derived_score(seed: int, wrong: bool) -> None:
    training = _training(seed, wrong=wrong)
    directions = {metric.id: metric.direction for metric in training.spec.metrics}
    rng = np.random.default_rng(seed)
    rows = training.frame.sample(60, random_state=seed).dropna(subset=list(EFFECTS))
    for derive in DERIVATIONS.values():
        body = derive(training).body
        before = score_frame(body, rows)["raw_score"].to_numpy(dtype=float)
        for metric in EFFECTS:
            step = rng.choice([0.001, 1.0, 40.0], len(rows)) * (1 if directions[metric].startswith("higher") else -1)
            after = score_frame(body, rows.assign(**{metric: rows[metric] + step}))["raw_score"].to_numpy(dtype=float)
            # The points of a line between two knots are right to the last digits of a double.
            assert (after >= before - 1e-9).all()


def _monotone_body(rng: Random) -> tuple[dict[str, Any], dict[str, int]]:
    """A body whose rules all rise or all fall, and +1 or -1 per input: the healthy direction."""
    metrics: list[dict[str, Any]] = []
    healthy: dict[str, int] = {}
    dimensions = []
    for place in range(rng.randint(1, 3)):
        names = []
        for _ in range(rng.randint(1, 3)):
            name, sign = f"x{len(metrics)}", rng.choice([1, -1])
            metric = {"id": f"m{len(metrics)}", "input": name, "missing": rng.choice(["skip", "neutral", "worst"])}
            metric |= {"rule": _monotone_rule(rng, sign)}
            if metric["missing"] == "neutral":
                metric["neutral"] = 40.0
            metrics.append(metric)
            names.append(metric["id"])
            healthy[name] = sign
        weights = [list(pair) for pair in zip(names, bp_split(rng, len(names)), strict=True)]
        dimensions.append({"id": f"dim{place}", "weights": weights})
    order = [dimension["id"] for dimension in dimensions]

    def profile() -> list[list[Any]]:
        return [list(pair) for pair in zip(order, bp_split(rng, len(order)), strict=True)]

    body: dict[str, Any] = {
        "metrics": metrics,
        "dimensions": dimensions,
        "segments": {"input": "segment", "default": profile(), "by": [{"segment": "SMB", "weights": profile()}]},
        "min_coverage": rng.choice([0, 5000]),
        "bands": [["red", 0], ["yellow", 6000], ["green", 8000]],
        "ramp": {"input": "tenure", "points": [[0, 2.0], [90, 1.0]], "slopes": [-1 / 90]},
        "caps": [_cap(rng, name, sign) for name, sign in list(healthy.items())[:1]],
        "display_map": {
            "points": [[0, 0], [41.5, 60], [66.5, 80], [100, 100]],
            "slopes": [60 / 41.5, 20 / 25, 20 / 33.5],
        },
    }
    return body, healthy


def _cap(rng: Random, name: str, sign: int) -> dict[str, Any]:
    """A cap that an unhealthy value brings, so that it too works in the healthy direction."""
    return {"id": "cap", "input": name, "op": "<" if sign > 0 else ">=", "value": rng.uniform(0, 9), "max_score": 59}


def _monotone_rule(rng: Random, sign: int) -> dict[str, Any]:
    if rng.random() < 0.2:
        return {"kind": "boolean", "true": 100.0 if sign > 0 else 0.0, "false": 0.0 if sign > 0 else 100.0}
    at, width = sorted(rng.sample(range(1000), rng.choice([2, 2, 3, 8, 20]))), rng.choice([100, 70])
    heights = sorted((rng.choice([0.0, 100.0, round(rng.uniform(0, 100), 2)]) for _ in at), reverse=sign < 0)
    points = [[x / width, y] for x, y in zip(at, heights, strict=True)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
    if rng.random() < 0.25:
        ends = {"low": points[0][0], "high": points[-1][0]}
        return {"kind": "ratio", "denominator": "seats", "multiplier": 1.5, **ends, "points": points, "slopes": slopes}
    return {"kind": "piecewise", "points": points, "slopes": slopes}


@tried(40)
@given(seeds)
def test_raising_an_input_in_its_healthy_direction_never_lowers_the_health_score(seed: int) -> None:
    rng = Random(seed)
    body, healthy = _monotone_body(rng)
    kinks = [0.5, *(x for metric in body["metrics"] for x, _ in metric["rule"].get("points", []))]
    rows: list[dict[str, Any]] = []
    for _ in range(8):
        row = {name: rng.choice([None, rng.uniform(-1, 12), rng.choice(kinks)]) for name in healthy}
        rows.append(
            {**row, "segment": rng.choice(SEGMENTS), "tenure": rng.uniform(0, 120), "seats": rng.uniform(0.5, 3)}
        )
    before = pd.DataFrame(rows).astype(dict.fromkeys(healthy, float))
    scorer = Scorer(assemble(body))
    for name, sign in healthy.items():
        step = np.array([rng.choice([1e-9, 0.01, 1.0, 30.0]) for _ in rows]) * sign
        after = before.assign(**{name: before[name] + step})
        low, high = score_frame(body, before), score_frame(body, after)
        known = low["raw_score"].notna().to_numpy()
        assert (high["raw_score"].notna().to_numpy() == known).all()
        assert (high["raw_score"] >= low["raw_score"] - 1e-9)[known].all()
        for column in ("raw_score_x100", "health_score_x100"):
            assert (high[column] >= low[column])[known].all()
        for position in np.flatnonzero(known)[:2]:
            one, other = (scorer.score(frame.iloc[position].to_dict(), extra="ignore") for frame in (before, after))
            assert other.health_score_x100 >= one.health_score_x100
