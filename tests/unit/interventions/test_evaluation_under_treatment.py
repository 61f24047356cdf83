"""Exposure, weights, treatment term, shares and drops: by hand, and on worlds whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from treated_worlds import COINS, Treated, claimed, treated_world

from churnbench.domain.cohort import OutcomeWindow
from churnbench.interventions import (
    checked_log,
    drops,
    evaluate_under_treatment,
    exposure,
    share_warnings,
    sides_of_care,
    treated_shares,
    untreated_weights,
)
from churnbench.interventions.weighting import CLIP
from churnbench.metrics import AccountBootstrap
from churnbench.metrics.discrimination import auc

WINDOW = OutcomeWindow(14, 90)


def table(*rows: tuple[str, str, float, str | None]) -> pd.DataFrame:
    """account_id, as_of, y, churned_on; an index that is not 0, 1, 2."""
    frame = pd.DataFrame(rows, columns=["account_id", "as_of", "y", "churned_on"])
    for name in ("as_of", "churned_on"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.set_axis(range(100, 100 + len(frame)))


def log_of(*rows: tuple[str, str, float, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "started_on", "propensity", "treated"])
    frame["started_on"] = pd.to_datetime(frame["started_on"])
    return frame.assign(kind="call", randomised=frame["propensity"].between(0, 1, inclusive="neither").astype(float))


def test_a_row_is_exposed_from_the_day_after_its_date_until_its_churn_or_the_end_of_its_window() -> None:
    rows = table(
        ("A", "2025-01-31", 0.0, None),  # treated inside
        ("B", "2025-01-31", 0.0, None),  # treated on the as-of date: already under way
        ("C", "2025-01-31", 1.0, "2025-03-01"),  # treated only after the churn
        ("D", "2025-01-31", 0.0, None),  # on the last day of the window, and one day later
        ("E", "2025-01-31", 0.0, None),
        ("F", "2025-01-31", 0.0, None),  # held out by two coins
        ("G", "2025-01-31", 0.0, None),  # nobody knows with what probability
    )
    log = checked_log(
        log_of(
            ("A", "2025-02-10", 0.8, 1),
            ("B", "2025-01-31", 0.8, 1),
            ("C", "2025-03-02", 0.8, 1),
            ("D", "2025-05-15", 0.8, 1),
            ("E", "2025-05-16", 0.8, 1),
            ("F", "2025-02-10", 0.8, 0),
            ("F", "2025-04-10", 0.5, 0),
            ("G", "2025-02-10", float("nan"), 1),
            ("unknown", "2025-02-10", 0.8, 1),
        )
    )
    found = exposure(rows, log, WINDOW)
    assert found.index.tolist() == rows.index.tolist()
    assert found["treated"].tolist() == [True, False, False, True, False, False, True]
    assert found["treated_after"].tolist()[0] == 10
    assert found["under_way"].tolist() == [False, True, False, False, False, False, False]
    assert found["stay"].round(9).tolist() == pytest.approx([0.2, 1, 1, 0.2, 1, 0.1, 1])
    assert found["unknown"].tolist() == [False] * 6 + [True]


def test_without_a_log_entry_every_row_weighs_one() -> None:
    rows = table(("A", "2025-01-31", 0.0, None), ("B", "2025-01-31", 1.0, "2025-03-01"))
    weights = untreated_weights(exposure(rows, checked_log(log_of()), WINDOW), rows)
    assert weights.weight.tolist() == [1.0, 1.0]
    assert weights.effective_rows == 2
    assert "nothing to weigh" in str(weights.obstacle)


def test_weights_have_mean_one_and_an_impossible_hold_out_is_clipped_and_counted() -> None:
    rows = table(*((f"A{k}", "2025-01-31", float(k % 2), "2025-03-15" if k % 2 else None) for k in range(40)))
    coins = [(f"A{k}", "2025-02-05", 0.5, int(k < 10)) for k in range(21)]
    log = checked_log(log_of(*coins, ("A30", "2025-02-05", 0.99, 0)))
    weights = untreated_weights(exposure(rows, log, WINDOW), rows)
    assert weights.obstacle is None
    assert weights.weight.mean() == pytest.approx(1)
    assert weights.clipped == 1
    assert weights.weight[30] / weights.weight[39] == pytest.approx(CLIP)
    assert weights.weight[:10].tolist() == [0.0] * 10
    assert weights.weight[15] / weights.weight[39] == pytest.approx(2)
    assert 0 < weights.effective_rows < 31


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ([(f"A{k}", "2025-02-05", float("nan"), 1) for k in range(10)], "100% of the treated snapshots"),
        ([(f"A{k}", "2025-02-05", 1.0, 1) for k in range(10)], "certain"),
        ([(f"A{k}", "2025-02-05", 0.5, int(k < 5)) for k in range(10)], "Only 5 accounts"),
    ],
)
def test_weights_are_refused_where_nobody_can_stand_for_the_treated(
    log: list[tuple[str, str, float, int]], words: str
) -> None:
    rows = table(*((f"A{k}", "2025-01-31", 0.0, None) for k in range(40)))
    weights = untreated_weights(exposure(rows, checked_log(log_of(*log)), WINDOW), rows)
    assert words in str(weights.obstacle)


@cache
def measured(seed: int) -> tuple[dict[str, dict[str, dict[str, float]]], float]:
    treated, bare = (treated_world(1500, 18, seed, 0.05, policy) for policy in (COINS, None))
    risk, untouched = claimed(treated, bare)
    exposed = exposure(treated.rows, treated.log, treated.cohort.window or WINDOW)
    bootstrap = AccountBootstrap(treated.rows["account_id"].to_numpy(dtype=object), replicates=100, seed=1)
    found = evaluate_under_treatment(
        treated.rows,
        exposed,
        risk,
        weights=untreated_weights(exposed, treated.rows),
        window=treated.cohort.window or WINDOW,
        bootstrap=bootstrap,
    )
    return found, auc(bare.rows["y"], untouched)


@pytest.mark.slow
def test_weighted_auc_and_calibration_are_nearer_to_the_world_without_treatment_than_the_plain_ones() -> None:
    gaps = []
    for seed in (0, 1, 2):
        found, truth = measured(seed)
        gaps.append([found[way]["auc"]["value"] - truth for way in ("plain", "weighted")])
        plain, weighted = (found[way]["observed_over_expected"]["value"] for way in ("plain", "weighted"))
        assert abs(weighted - 1) < abs(plain - 1)
        assert abs(found["weighted"]["calibration_slope"]["value"] - 1) < abs(
            found["plain"]["calibration_slope"]["value"] - 1
        )
        low, high = found["weighted"]["auc"]["ci90"]
        assert low < found["weighted"]["auc"]["value"] < high
    plain, weighted = np.abs(gaps).T
    assert (weighted < plain).all()
    assert weighted.mean() < plain.mean() / 2


def without_propensities(world: Treated) -> Treated:
    frame = world.world.interventions
    frame = frame[frame["treated"] == 1].assign(propensity=np.nan, randomised=0)
    return replace(world, log=checked_log(frame))


def test_without_propensities_a_treatment_term_goes_part_of_the_way() -> None:
    treated, bare = (treated_world(1500, 18, 0, 0.05, policy) for policy in (COINS, None))
    risk, untouched = claimed(treated, bare)
    blind = without_propensities(treated)
    exposed = exposure(blind.rows, blind.log, WINDOW)
    bootstrap = AccountBootstrap(blind.rows["account_id"].to_numpy(dtype=object), replicates=100, seed=1)
    weights = untreated_weights(exposed, blind.rows)
    found = evaluate_under_treatment(blind.rows, exposed, risk, weights=weights, window=WINDOW, bootstrap=bootstrap)
    truth = auc(bare.rows["y"], untouched)
    assert "nobody knows" in found["weighted"]["obstacle"]
    term, plain = found["treatment_term"], found["plain"]
    assert plain["auc"]["value"] < term["auc"]["value"] < truth
    assert plain["observed_over_expected"]["value"] < term["observed_over_expected"]["value"] < 1
    assert term["odds_ratio"]["ci90"][1] < 1
    assert all(term[name]["ci90"][0] < term[name]["value"] < term[name]["ci90"][1] for name in ("auc", "odds_ratio"))


def test_a_term_that_would_correct_in_the_wrong_direction_is_withheld() -> None:
    bare = treated_world(1500, 18, 0, 0.05, None)
    risk, _ = claimed(bare, bare)
    # A playbook without effect for the accounts that will leave soon, and some others: chosen by what no score sees.
    left = bare.rows[(bare.rows["y"] == 1)].drop_duplicates("account_id", keep="last").iloc[::2]
    days = left["churned_on"] - pd.Timedelta(days=40)
    stayed = bare.rows[~bare.rows["account_id"].isin(left["account_id"])].drop_duplicates("account_id").iloc[::8]
    called = pd.DataFrame(
        {
            "account_id": [*left["account_id"], *stayed["account_id"]],
            "started_on": [*days, *(stayed["as_of"] + pd.Timedelta(days=5))],
        }
    )
    log = checked_log(called.assign(kind="call"))
    exposed = exposure(bare.rows, log, WINDOW)
    bootstrap = AccountBootstrap(bare.rows["account_id"].to_numpy(dtype=object), replicates=20, seed=1)
    weights = untreated_weights(exposed, bare.rows)
    term = evaluate_under_treatment(bare.rows, exposed, risk, weights=weights, window=WINDOW, bootstrap=bootstrap)
    assert term["treatment_term"]["auc"] == {"value": None, "ci90": None}
    assert "wrong direction" in term["treatment_term"]["obstacle"]
    assert term["treatment_term"]["odds_ratio"]["value"] > 1


def shares(world: Treated) -> list[str]:
    cut = np.quantile(world.index, 0.85)
    bands = pd.Series(np.where(world.index > cut, "red", "green"), index=world.rows.index)
    return share_warnings(treated_shares(world.rows, exposure(world.rows, world.log, WINDOW), bands))


LATER = replace(COINS, holdout=0.2, effect=0.25, begins=12)


def drop_of(seed: int, effect: float) -> list[bool]:
    world = treated_world(1200, 24, seed, 0.05, replace(LATER, effect=effect))
    bootstrap = AccountBootstrap(world.rows["account_id"].to_numpy(dtype=object), replicates=200, seed=1)
    sides = sides_of_care(world.index, exposure(world.rows, world.log, WINDOW)["treated"])
    return [found.found for found in drops(world.rows, world.index, sides, world.log, WINDOW, bootstrap)]


@pytest.mark.slow
def test_warnings_fire_where_a_playbook_works_and_not_where_there_is_none_or_it_does_nothing() -> None:
    works, idle = ([drop_of(seed, effect)[0] for seed in range(1, 6)] for effect in (0.25, 1.0))
    assert sum(works) >= 4
    assert sum(idle) == 0
    treated, bare = (treated_world(1500, 18, 0, 0.05, policy) for policy in (COINS, None))
    (sentence,) = shares(treated)
    assert "band red" in sentence
    assert "risk under current care" in sentence
    assert shares(bare) == []
    assert drops(bare.rows, bare.index, (bare.index > 0, bare.index < 0), bare.log, WINDOW, None) == []  # type: ignore[arg-type]


def test_a_playbook_as_old_as_the_data_leaves_nothing_to_compare_with_and_says_so() -> None:
    world = treated_world(1500, 18, 0, 0.05)
    bootstrap = AccountBootstrap(world.rows["account_id"].to_numpy(dtype=object), replicates=20, seed=1)
    (found,) = drops(world.rows, world.index, (world.index > 0, world.index < 0), world.log, WINDOW, bootstrap)
    assert not found.found
    assert "needed to know what to expect" in str(found.obstacle)


def test_the_side_of_care_is_where_the_treatments_are() -> None:
    index = np.arange(100.0)
    treated = index >= 80
    beyond, elsewhere = sides_of_care(index, treated)
    assert index[beyond].tolist() == list(range(80, 100))
    assert index[elsewhere].tolist() == list(range(80))
    nobody, _ = sides_of_care(index, np.zeros(100, dtype=bool))
    assert not nobody.any()
