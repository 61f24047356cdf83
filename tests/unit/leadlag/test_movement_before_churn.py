"""Movement and its half time: by hand, on books with a dated fall, and on simulated worlds with designed delays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from check_worlds import KEYS, labelled_cohort
from lead_worlds import answering_book

from churnbench.data.presets import load_preset
from churnbench.data.simulate import World, simulate_world
from churnbench.domain.cohort import Cohort
from churnbench.leadlag import LeadLag, lead_lag
from churnbench.leadlag.movement import movement_of
from churnbench.leadlag.profiles import STUDY_BUCKETS


def curve(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def test_half_of_the_way_is_found_between_two_months() -> None:
    fall = curve(-1.0, -1.0, -1.0, -0.75, -0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    found = movement_of(STUDY_BUCKETS, fall, np.tile(fall, (20, 1)))
    assert found is not None
    assert (found.size.value, found.size.low, found.size.high) == (-1.0, -1.0, -1.0)
    assert found.half_days is not None
    assert found.half_days.value == pytest.approx(120.0)
    rise = movement_of(STUDY_BUCKETS, -fall, np.tile(-fall, (20, 1)))
    assert rise is not None
    assert rise.half_days is not None
    assert (rise.size.value, rise.half_days.value) == (1.0, pytest.approx(120.0))


def test_an_old_distance_is_not_a_movement() -> None:
    level = np.full(12, -0.8)
    noise = np.random.default_rng(0).normal(scale=0.05, size=(200, 12))
    found = movement_of(STUDY_BUCKETS, level, level + noise)
    assert found is not None
    assert found.half_days is None
    assert abs(found.size.value) < 0.01


def test_without_a_look_far_back_or_close_to_the_churn_nothing_is_said() -> None:
    short = curve(*[-1.0] * 8, -1.0, *[np.nan] * 3)
    assert movement_of(STUDY_BUCKETS, short, np.tile(short, (5, 1))) is None
    blind = curve(np.nan, np.nan, *[-1.0] * 10)
    assert movement_of(STUDY_BUCKETS, blind, np.tile(blind, (5, 1))) is None


def test_a_signal_that_came_back_before_the_churn_has_no_half_time() -> None:
    back = curve(0.0, -2.0, -2.0, -2.0, *[0.0] * 8)
    found = movement_of(STUDY_BUCKETS, back, np.tile(back, (20, 1)))
    assert found is not None
    assert found.half_days is not None
    assert found.half_days.value is None


def test_the_half_time_of_a_dated_fall_is_its_date() -> None:
    leads = {"early": 180.0, "middle": 120.0, "near": 75.0, "still": 0.0}
    answers = {name: (lead, 1.5 if lead else 0.0) for name, lead in leads.items()}
    found = lead_lag(answering_book(answers, accounts=900, months=26, seed=9))
    for one in found.profiles:
        assert one.movement is not None
        if one.id == "still":
            assert one.movement.half_days is None
            continue
        assert one.movement.half_days is not None
        assert one.movement.half_days.value == pytest.approx(leads[one.id], abs=12.0)
        assert one.movement.half_days.low < one.movement.half_days.value < one.movement.half_days.high
    table = found.table()
    assert np.isnan(table.loc["still", "half_days"])
    assert table.loc["middle", "moved"] == pytest.approx(-1.5, abs=0.3)


def cohort_of(world: World) -> Cohort:
    """A world as labelled snapshots; tenure below 90 days and involuntary churn are left out."""
    churn = world.outcomes[world.outcomes["kind"] == "churn"]
    unwanted = churn.loc[churn["voluntary"] == 0, "account_id"]
    left = churn[churn["voluntary"] == 1].set_index("account_id")[["churned_on", "known_on"]].min(axis=1)
    snapshots = world.snapshots[~world.snapshots["account_id"].isin(unwanted)]
    started = snapshots["account_id"].map(world.accounts.set_index("account_id")["started_on"])
    snapshots = snapshots[(snapshots["as_of"] - started).dt.days >= 90]
    metrics = tuple(name for name in snapshots.columns if name not in KEYS)
    floats = snapshots.astype(dict.fromkeys(metrics, float)).drop(columns=["renewal_on", "arr"])
    return labelled_cohort(floats, left, metrics, pd.Timestamp("2025-12-31"))


@pytest.fixture(scope="module")
def world() -> World:
    return simulate_world(5000, 26, 1, truth=False)


@pytest.fixture(scope="module")
def found(world: World) -> LeadLag:
    patch = pytest.MonkeyPatch()
    patch.setattr("churnbench.leadlag.analysis.SAMPLE_ROWS", 10**9)
    try:
        return lead_lag(cohort_of(world), load_preset("four-dimensions"), replicates=200)
    finally:
        patch.undo()


def truth_of(world: World) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in world.truth["metrics"]}  # type: ignore[attr-defined]


def test_metrics_that_lead_by_design_are_called_leading(world: World, found: LeadLag) -> None:
    leading = {name for name, row in truth_of(world).items() if row["by_design"] == "leading"}
    assert len(leading) >= 3
    assert leading <= set(found.named("leading"))


def test_half_times_of_designed_leaders_come_weeks_before_those_of_coincident_metrics(
    world: World, found: LeadLag
) -> None:
    """By design 24 to 39 days apart. Counts over long windows answer at once but slowly, and are left out."""
    truth = truth_of(world)
    half = {
        one.id: one.movement.half_days.value
        for one in found.profiles
        if one.movement is not None
        and one.movement.half_days is not None
        and one.movement.half_days.low is not None
        and truth[one.id]["window_days"] == 0
    }
    early = [days for name, days in half.items() if truth[name]["by_design"] == "leading"]
    late = [days for name, days in half.items() if truth[name]["by_design"] == "coincident"]
    assert len(early) >= 3
    assert len(late) >= 3
    assert np.median(early) > np.median(late)


def test_coincident_metrics_still_fall_between_the_third_and_the_second_month_and_leaders_do_not(
    world: World, found: LeadLag
) -> None:
    """Designed answers: leaders 76 days before the churn, coincident metrics 37 to 52 days before it."""
    truth = truth_of(world)
    late_fall: dict[str, list[float]] = {"leading": [], "coincident": []}
    for one in found.profiles:
        design = str(truth[one.id]["by_design"])
        if design in late_fall and truth[one.id]["window_days"] == 0:
            before, after = one.study[2].difference.value, one.study[1].difference.value
            assert before is not None
            assert after is not None
            late_fall[design].append((before - after) * (-1.0 if one.against else 1.0))
    assert max(late_fall["leading"]) < 0.06
    assert np.mean(late_fall["coincident"]) > np.mean(late_fall["leading"]) + 0.05


def test_metrics_that_lag_by_design_move_less_before_the_churn(world: World, found: LeadLag) -> None:
    truth = truth_of(world)
    size = {one.id: abs(one.movement.size.value) for one in found.profiles if one.movement is not None}
    lagging = [value for name, value in size.items() if truth[name]["lead_days"] < 0]
    leading = [value for name, value in size.items() if truth[name]["by_design"] == "leading"]
    assert len(lagging) >= 3
    assert np.mean(lagging) < 0.7 * np.mean(leading)


def test_in_worlds_without_any_signal_at_most_a_tenth_of_metrics_is_called_leading() -> None:
    called = significant = total = 0
    for seed in range(3):
        null = simulate_world(500, 18, seed, base_rate=0.06, null=True, truth=False)
        for one in lead_lag(cohort_of(null), load_preset("four-dimensions"), replicates=200).profiles:
            called += one.timing == "leading"
            significant += any(time.significant for time in one.lead_times)
            total += 1
    assert total == 54
    assert called <= 0.1 * total
    assert significant <= 0.2 * total
