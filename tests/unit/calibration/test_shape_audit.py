"""The audit flips what is declared the wrong way round, frees what bends, and leaves a correct world alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_books import linear_book, plain_spec

from churnbench.calibration import AnchoredFit, AnchoredRefit, Settings, Training
from churnbench.calibration.shapes import design_effect

EFFECTS = {"m0": 1.2, "m1": 0.8, "m2": 0.4, "m3": 0.0}


def _fit(frame: pd.DataFrame, shapes: str = "audited", metrics: tuple[str, ...] = tuple(EFFECTS)) -> AnchoredFit:
    spec = plain_spec(dict.fromkeys(metrics, 1.0))
    return AnchoredRefit(Training(frame, spec, metrics, True, Settings(shapes=shapes))).fit()


@pytest.mark.parametrize("seed", range(5))
def test_a_world_that_is_as_declared_is_left_alone(seed: int) -> None:
    fit = _fit(linear_book(EFFECTS, seed=seed))
    assert set(fit.shapes.values()) == {"declared"}
    assert fit.changes == ()


@pytest.mark.parametrize("seed", range(5))
def test_a_world_without_any_signal_is_left_alone(seed: int) -> None:
    assert _fit(linear_book(dict.fromkeys(EFFECTS, 0.0), seed=seed)).changes == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_direction_is_flipped_with_its_evidence(seed: int) -> None:
    fit = _fit(linear_book({**EFFECTS, "m1": -1.2}, seed=seed))
    assert fit.shapes == {"m0": "declared", "m1": "flipped", "m2": "declared", "m3": "declared"}
    (change,) = fit.changes
    assert (change.metric, change.shape, change.needed) == ("m1", "flipped", 10.0)
    assert change.statistic > change.needed
    assert change.design_effect >= 1.0
    ramps = fit.basis.ramps[1]
    health = ramps.health_at_knots(fit.solution.coefficients)
    assert (np.diff(health) <= 1e-9).all()
    assert health[-1] < -0.5


@pytest.mark.parametrize("seed", range(3))
def test_a_u_shape_is_freed_and_found(seed: int) -> None:
    fit = _fit(linear_book(EFFECTS, bent={"m3": 4.0}, seed=seed))
    assert fit.shapes["m3"] == "free"
    assert [change.shape for change in fit.changes] == ["free"]
    health = fit.basis.ramps[3].health_at_knots(fit.solution.coefficients)
    top = int(health.argmax())
    assert 0 < top < len(health) - 1
    assert 25 < fit.basis.ramps[3].knots[top] < 75


def test_settings_decide_whether_shapes_may_change_at_all() -> None:
    frame = linear_book({**EFFECTS, "m1": -1.2})
    assert set(_fit(frame, "declared").shapes.values()) == {"declared"}
    declared = _fit(frame, "declared").basis.ramps[1].health_at_knots(_fit(frame, "declared").solution.coefficients)
    assert np.ptp(declared) < 0.2  # held at no effect, never the wrong way
    assert set(_fit(frame, "free").shapes.values()) == {"free"}


def test_freer_shapes_never_fit_training_rows_worse() -> None:
    frame = linear_book({**EFFECTS, "m1": -1.2}, bent={"m3": 4.0})
    spec = plain_spec(dict.fromkeys(EFFECTS, 1.0))
    losses = {}
    for shapes in ("declared", "audited", "free"):
        refit = AnchoredRefit(Training(frame, spec, tuple(EFFECTS), True, Settings(shapes=shapes)))
        losses[shapes] = refit.fit_part(refit.whole, 5.0, shapes).solution.loss
    assert losses["declared"] > losses["audited"] > losses["free"] - 1e-6


@pytest.mark.parametrize("copies", [2, 5])
def test_the_design_effect_of_repeated_rows_is_their_number(copies: int) -> None:
    rng = np.random.default_rng(0)
    design = rng.uniform(0, 1, (600, 3))
    p = np.full(600, 0.2)
    residual = (rng.random(600) < p) - p
    ones = np.ones(600)
    cluster = np.arange(600)
    once = design_effect(design, residual, p * (1 - p), ones, cluster)
    often = design_effect(*(np.repeat(part, copies, axis=0) for part in (design, residual, p * (1 - p), ones, cluster)))
    assert once == pytest.approx(1.0, abs=0.15)
    assert often == pytest.approx(copies * once, rel=0.15)


def test_rows_repeated_many_times_do_not_make_a_weak_direction_significant() -> None:
    frame = linear_book({**EFFECTS, "m3": -0.15}, accounts=150, months=10, seed=1)
    assert _fit(frame).changes == ()
    repeated = pd.concat([frame] * 8, ignore_index=True).sort_values(["as_of", "account_id"], kind="stable")
    assert _fit(repeated.reset_index(drop=True)).changes == ()


def test_a_metric_without_residual_information_has_a_design_effect_of_one() -> None:
    zeros = np.zeros(10)
    assert design_effect(np.zeros((10, 2)), zeros, zeros + 0.1, zeros + 1, np.arange(10)) == 1.0
