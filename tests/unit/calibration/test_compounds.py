"""Compound metrics: what they find, what they refuse, and that they are ordinary metrics."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from small_books import linear_book, plain_spec

from churnbench.calibration import AnchoredRefit, Limits, Settings, Training
from churnbench.calibration.compound_search import score_tests, short_limit
from churnbench.calibration.compounds import (
    Compound,
    Condition,
    compound_frame,
    compound_path,
    propose_compounds,
    search_compounds,
    with_compounds,
)
from churnbench.calibration.derivations import derive_anchored, derive_hand
from churnbench.calibration.hand_curve import HandCurve
from churnbench.calibration.penalised_fit import Problem, solve
from churnbench.formula import score_frame
from churnbench.metrics.discrimination import auc

EFFECTS = {"m0": 1.0, "m1": 0.8, "m2": 0.5}


def _book(
    *, together: float, later: float | None = None, accounts: int = 400, months: int = 10, seed: int = 0
) -> pd.DataFrame:
    """An additive book with extra log-odds of churn where m0 is below 35 and m1 at least 60."""
    frame = linear_book(EFFECTS, accounts=accounts, months=months, seed=seed)
    risk = -2.2 - ((frame[list(EFFECTS)].to_numpy() - 50) / 50) @ np.array(list(EFFECTS.values()))
    both = ((frame["m0"] < 35) & (frame["m1"] >= 60)).to_numpy()
    middle = frame["as_of"] > frame["as_of"].quantile(0.45)
    risk = risk + both * np.where(middle, together if later is None else later, together)
    frame["y"] = (np.random.default_rng(seed + 1).random(len(frame)) < 1 / (1 + np.exp(-risk))).astype(float)
    return frame


def _training(frame: pd.DataFrame, **settings: object) -> Training:
    spec = plain_spec(dict.fromkeys(EFFECTS, 1.0), dimension_of={"m0": "use", "m1": "use", "m2": "money"})
    return Training(frame, spec, tuple(EFFECTS), True, Settings(**settings))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def interacting() -> Training:
    return _training(_book(together=2.5))


@pytest.fixture(scope="module")
def found(interacting: Training) -> tuple[Compound, ...]:
    return propose_compounds(interacting, least_events=100)


def test_two_things_that_matter_only_together_are_found_with_their_limits(found: tuple[Compound, ...]) -> None:
    first = found[0]
    low, high = first.conditions
    assert (low.curve.metric, low.at_least) == ("m0", False)
    assert (high.curve.metric, high.at_least) == ("m1", True)
    assert low.limit == pytest.approx(35, abs=6)
    assert high.limit == pytest.approx(60, abs=6)
    assert first.raises_risk
    assert first.statistic > 20


def test_the_joint_refit_with_a_true_compound_orders_new_accounts_better(
    interacting: Training, found: tuple[Compound, ...]
) -> None:
    fresh = _book(together=2.5, seed=77)
    plain = derive_anchored(interacting).body
    richer = derive_anchored(with_compounds(interacting, found)).body
    before = score_frame(plain, fresh)["raw_score"].to_numpy(dtype=float)
    after = score_frame(richer, compound_frame(fresh, found))["raw_score"].to_numpy(dtype=float)
    assert auc(fresh["y"], -after) > auc(fresh["y"], -before) + 0.01
    metric = next(metric for metric in richer["metrics"] if metric["id"] == found[0].id)
    assert metric["rule"]["kind"] == "boolean"
    assert metric["rule"]["false"] > metric["rule"]["true"]  # meeting it is unhealthy


def test_an_additive_world_gets_no_compound() -> None:
    assert propose_compounds(_training(_book(together=0.0, seed=4)), least_events=0) == ()


def test_a_compound_that_turns_round_in_later_periods_is_found_and_then_refused() -> None:
    training = _training(_book(together=3.0, later=-3.0, months=14, accounts=300))
    first_part = training.folds[0][0]
    early = replace(training, frame=training.frame.iloc[first_part].reset_index(drop=True))
    assert search_compounds(early, needed=10.0)  # it looks good where it was found
    path = compound_path(training, needed=10.0)
    assert path.losses[0] < path.losses[1:].min()
    assert path.kept == 0
    assert propose_compounds(training, needed=10.0, least_events=0) == ()


def test_the_path_keeps_the_fewest_within_one_standard_error_of_the_best(interacting: Training) -> None:
    path = compound_path(interacting)
    best = int(path.losses.argmin())
    within = path.losses - path.losses[best] <= path.errors
    assert path.kept == int(np.flatnonzero(within)[0]) >= 1
    assert not within[: path.kept].any()
    assert path.errors[best] == 0.0
    assert len(path.losses) == 11


def test_small_books_and_none_allowed_give_none(interacting: Training) -> None:
    assert propose_compounds(interacting, least_events=interacting.events + 1) == ()
    assert search_compounds(interacting, most=0) == ()
    hopeless = _training(_book(together=0.0).assign(y=0.0))
    assert not hopeless.teachable
    assert propose_compounds(hopeless, least_events=0) == search_compounds(hopeless) == ()


def test_at_most_so_many_are_kept_in_the_order_of_the_search(interacting: Training) -> None:
    many = search_compounds(interacting, needed=2.0)
    few = search_compounds(interacting, needed=2.0, most=2)
    assert len(many) > 2
    assert [compound.id for compound in few] == [compound.id for compound in many[:2]]
    assert all(compound.statistic > 2.0 for compound in many)


def test_the_same_rows_give_the_same_compounds(interacting: Training, found: tuple[Compound, ...]) -> None:
    again = propose_compounds(_training(_book(together=2.5)), least_events=100)
    assert [compound.text for compound in again] == [compound.text for compound in found]


def test_repeating_every_row_of_an_account_does_not_make_a_compound_more_certain(
    interacting: Training, found: tuple[Compound, ...]
) -> None:
    column = found[0].column(interacting.frame)
    statistics = []
    for copies in (1, 4):
        frame = pd.concat([interacting.frame] * copies, ignore_index=True)
        y, design = frame["y"].to_numpy(dtype=float), frame[["m0", "m1", "m2"]].to_numpy() / 100
        problem = Problem(design, y, np.ones(len(y)), np.zeros(3), np.zeros((3, 3)), np.zeros(3))
        cluster = np.asarray(pd.factorize(frame["account_id"])[0])
        statistics.append(score_tests(problem, solve(problem), [np.tile(column, copies)], cluster)[1][0])
    assert statistics[1] == pytest.approx(statistics[0], rel=0.02)


def test_the_score_test_is_that_of_a_logistic_regression_where_rows_are_independent() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 2))
    column = ((x[:, 0] < 0) & (x[:, 1] > 0.5)).astype(float)
    y = (rng.random(4000) < 1 / (1 + np.exp(1.0 - 0.5 * x[:, 0] - 0.6 * column))).astype(float)

    def deviance(design: np.ndarray) -> float:
        def loss(b: np.ndarray) -> float:
            index = design @ b
            return float(np.sum(np.logaddexp(0, index) - y * index))

        return 2 * float(minimize(loss, np.zeros(design.shape[1]), method="BFGS").fun)

    held = np.column_stack([np.ones(4000), x])
    ratio = deviance(held) - deviance(np.column_stack([held, column]))
    problem = Problem(x, y, np.ones(4000), np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    scores, statistics = score_tests(problem, solve(problem), [column], np.arange(4000))
    assert statistics[0] == pytest.approx(ratio, rel=0.1)
    assert scores[0] > 0


def test_limits_on_weights_stay_in_force_while_compounds_are_sought(interacting: Training) -> None:
    limited = replace(interacting, settings=Settings(limits=Limits(max_metric_share=0.4)))
    assert AnchoredRefit(limited).fit().problem.constraints.size
    assert search_compounds(limited)[0].conditions[0].curve.metric == "m0"


def _curve(rule: dict[str, object], metric: str = "x") -> HandCurve:
    return HandCurve.of({"id": metric, "input": metric, "rule": rule}, higher_is_healthier=True)


NUMBER = {"kind": "piecewise", "points": [[0, 0], [10, 100]]}
PLAN = _curve({"kind": "category", "map": [["Free", 0], ["Trial", 40], ["Gold", 100]]}, "plan")
SPONSOR = _curve({"kind": "boolean", "true": 100, "false": 0}, "sponsor")


def test_the_column_is_one_where_both_hold_and_a_missing_value_meets_nothing() -> None:
    pair = Compound(
        (
            Condition(_curve(NUMBER, "logins"), "logins", at_least=False, limit=2.0),
            Condition(_curve(NUMBER, "tickets"), "tickets", at_least=True, limit=4.0),
        ),
        "use",
        raises_risk=True,
        statistic=30.0,
    )
    nan = np.nan
    frame = pd.DataFrame({"logins": [1, 1, 2, nan, 1, nan], "tickets": [4, 3.9, 5, 9, nan, nan]}, dtype=float)
    assert pair.column(frame).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert pair.text == "logins below 2 and tickets at least 4"
    assert pair.id == "logins_below_2_and_tickets_from_4"
    metric = pair.metric(1.0)
    assert (metric.id, metric.dimension, metric.direction, metric.normalise.kind, metric.label) == (
        pair.id,
        "use",
        "lower_is_healthier",
        "boolean",
        pair.text,
    )


def test_conditions_on_categories_and_booleans_read_as_sentences() -> None:
    assert Condition(PLAN, "plan", at_least=False, limit=1.0).text == "plan is Free"
    assert Condition(PLAN, "plan", at_least=True, limit=1.0).text == "plan is one of Trial, Gold"
    assert Condition(SPONSOR, "sponsor", at_least=True, limit=1.0).text == "sponsor is true"
    assert Condition(SPONSOR, "sponsor", at_least=False, limit=1.0).text == "sponsor is false"
    plans = pd.DataFrame({"plan": ["Free", "Trial", "Gold", None, "unheard of"]})
    assert Condition(PLAN, "plan", at_least=True, limit=1.0).met(plans).tolist() == [False, True, True, False, False]


@given(st.text("abc_", min_size=1, max_size=60), st.floats(-1e9, 1e9), st.booleans())
def test_every_id_is_one_that_a_config_allows(name: str, limit: float, at_least: bool) -> None:
    sides = (
        Condition(_curve(NUMBER, name), name, at_least, limit),
        Condition(_curve(NUMBER, "tickets"), "tickets", at_least=True, limit=4.0),
    )
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", Compound(sides, "use", True, 1.0).id)


def test_the_sign_of_a_limit_is_part_of_the_id() -> None:
    ids = set()
    for limit in (-0.5, 0.5):
        sides = (Condition(_curve(NUMBER), "x", False, limit), Condition(_curve(NUMBER, "z"), "z", True, 1.0))
        ids.add(Compound(sides, "use", True, 1.0).id)
    assert len(ids) == 2


def test_the_hand_formula_hardly_notices_that_compounds_were_added(
    interacting: Training, found: tuple[Compound, ...]
) -> None:
    richer = with_compounds(interacting, found)
    assert with_compounds(interacting, ()) is interacting
    assert {compound.id for compound in found} <= {curve.metric for curve in richer.hand_curves}
    before = score_frame(derive_hand(interacting).body, interacting.frame)["raw_score"].to_numpy(dtype=float)
    after = score_frame(derive_hand(richer).body, richer.frame)["raw_score"].to_numpy(dtype=float)
    assert np.abs(before - after).max() < 0.2


def test_frames_are_not_changed_in_place(interacting: Training, found: tuple[Compound, ...]) -> None:
    columns = list(interacting.frame.columns)
    assert found[0].id in compound_frame(interacting.frame, found)
    assert list(interacting.frame.columns) == columns


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8, unique=True), st.floats(-1e6, 1e6))
def test_a_short_limit_parts_the_values_as_the_threshold_does(values: list[float], threshold: float) -> None:
    distinct = np.unique(values)
    limit = short_limit(threshold, distinct)
    if distinct[0] <= threshold < distinct[-1]:
        assert ((distinct < limit) == (distinct <= threshold)).all()
    else:
        assert limit == threshold
