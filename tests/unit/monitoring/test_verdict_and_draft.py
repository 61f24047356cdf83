"""The verdict's order, what it says without outcomes, and the draft that it may write."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from monitored_books import NEWEST, REVIEWED, in_force, known, watched, world

from churnbench.calibration import UNTESTED
from churnbench.domain.errors import InputError
from churnbench.export import checked_scorer
from churnbench.monitoring import EXIT_CODES, VERDICTS, Budget, Watched, monitor, recalibrated_document
from churnbench.monitoring.bands import band_changes
from churnbench.monitoring.changes import ChangePoint, churn_change
from churnbench.monitoring.exposure import own_days, scored_book
from churnbench.monitoring.rates import Change, Count
from churnbench.monitoring.recalibrated import with_curve_moved
from churnbench.monitoring.shape import Figure, Shape
from churnbench.monitoring.verdict import decide

BUDGET = Budget()
STILL = ChangePoint("churn", None, None, None, 1.0, ())
SOUND = Shape(Figure(0.8, 0.02, 30), Figure(0.81, 0.02, 40), 0.9)
STEEP = Shape(Figure(0.4, 0.1, 30), Figure(1.0, 0.1, 40), 0.00001)
MANY, FEW = Count(60, 40.0, 1.0, 1.5, 1.0, 2.0), Count(8, 4.0, 1.0, 2.0, 1.0, 3.0)
RISE, CALM = Change(1.5, 1.1, 2.0, 0.92, 0.001, 0.999), Change(1.0, 0.8, 1.3, 0.92, 0.5, 0.5)


@pytest.mark.parametrize(
    ("problems", "recent", "change", "slope", "auc", "expected"),
    [
        ([], MANY, CALM, SOUND, SOUND, "nothing to do"),
        ([], MANY, RISE, SOUND, SOUND, "recalibrate intercept"),
        ([], MANY, RISE, STEEP, SOUND, "recalibrate"),
        ([], MANY, RISE, STEEP, STEEP, "refit"),
        (["nps: gone."], MANY, RISE, STEEP, STEEP, "investigate data"),
        ([], FEW, RISE, STEEP, STEEP, "nothing to do"),
    ],
)
def test_the_verdict_takes_the_gravest_cause_and_waits_for_ten_events(problems, recent, change, slope, auc, expected):
    found = decide(problems, recent, change, slope, auc, STILL, BUDGET)
    assert found.verdict == expected
    assert found.sentence.lower().startswith(expected)
    assert found.sentence.endswith(".")


@pytest.mark.parametrize(
    ("problems", "ending"),
    [
        (["Has the feed stopped?"], "stopped?"),
        (["Has the feed stopped?", "nps: gone."], "stopped? (and 1 more)."),
        (["nps: gone."], "nps: gone."),
    ],
)
def test_a_sentence_ends_once(problems, ending):
    assert decide(problems, MANY, CALM, SOUND, SOUND, STILL, BUDGET).sentence.endswith(ending)


def test_a_ranking_that_got_better_asks_for_nothing():
    better = Shape(Figure(0.95, 0.01, 30), Figure(0.8, 0.01, 40), 0.00001)
    assert decide([], MANY, CALM, SOUND, better, STILL, BUDGET).verdict == "nothing to do"


def test_fewer_churns_than_expected_point_at_playbooks_before_the_promise_is_lowered():
    fall = Change(0.4, 0.2, 0.7, 0.92, 0.999, 0.0001)
    found = decide([], MANY, fall, SOUND, SOUND, STILL, BUDGET)
    assert found.verdict == "recalibrate intercept"
    assert any("playbook" in sentence for sentence in found.evidence)


def test_exit_codes_differ_and_stay_clear_of_errors():
    assert sorted(EXIT_CODES) == sorted(VERDICTS)
    assert len(set(EXIT_CODES.values())) == len(VERDICTS)
    assert not {1, 2, 3, 130, 141} & set(EXIT_CODES.values())


def test_the_budget_of_false_alarms_sums_to_five_per_cent():
    assert BUDGET.total == pytest.approx(0.05)
    with pytest.raises(InputError):
        Budget(rise=0.0)


def test_before_anything_has_matured_it_says_so_and_shows_the_delay():
    cohort, churns = known(world(), REVIEWED)
    found = monitor(cohort, churns, watched())
    assert found.verdict == "nothing to do"
    assert "No outcome since the review has matured yet".lower() in found.sentence.lower()
    assert found.delay["waiting_rows"] > 0
    assert found.delay["next"][0]["matures_on"] > "2025-06-30"
    assert found.compared is None


def test_a_doubled_hazard_is_found_and_a_stable_book_left_alone():
    assert monitor(*known(world(), NEWEST), watched()).verdict == "nothing to do"
    found = monitor(*known(world(factor=2.5), NEWEST), watched())
    assert found.verdict == "recalibrate intercept"
    assert found.change.low > 1.0
    assert found.churn_change.p < 0.05


def test_the_same_data_and_seed_give_the_same_result():
    looks = [monitor(*known(world(), NEWEST), watched(), seed=4).as_json() for _ in range(2)]
    assert looks[0] == looks[1]


def test_a_date_outside_the_data_is_refused():
    cohort, churns = known(world(), NEWEST)
    for day in (date(2031, 1, 1), date(2001, 1, 1)):
        with pytest.raises(InputError, match="outside the data"):
            monitor(cohort, churns, type(watched())(in_force(), day))


def draft_of(factor: float = 2.5):
    cohort, churns = known(world(factor=factor), NEWEST)
    found = monitor(cohort, churns, watched())
    return recalibrated_document(cohort, churns, watched(), found, now=datetime(2026, 1, 2, tzinfo=UTC)), found


def test_the_draft_changes_nothing_but_the_risk_curve_and_expects_what_came():
    document, found = draft_of()
    checked_scorer(document, now="2026-01-02T00:00:00Z")
    old, new = in_force()["body"], document["body"]
    assert {name for name in old if old[name] != new[name]} == {"risk_curve"}
    for before, after in zip(old["risk_curve"]["strata"], new["risk_curve"]["strata"], strict=True):
        shift = np.diff(
            [np.log(np.array(s["points"])[:, 1] / (1 - np.array(s["points"])[:, 1])) for s in (before, after)], axis=0
        )
        assert np.ptp(shift) < 0.05
    cohort, churns = known(world(factor=2.5), NEWEST)
    rows = own_days(scored_book(cohort, churns, new), REVIEWED, NEWEST)
    assert rows["expected"].sum() == pytest.approx(found.recent.observed, rel=0.01)


def test_the_draft_says_that_nobody_has_tested_it_and_which_outcomes_were_seen():
    document, _ = draft_of()
    assert document["provenance"]["verdict"] == UNTESTED
    assert document["provenance"]["label_window"][-1] == "2025-12-31"
    assert document["provenance"]["approvals"] == []
    assert document["extra"]["draft"]["from_body_sha256"] == in_force()["integrity"]["body_sha256"]
    assert document["config_version"] == "1.1.0-recalibrated"


def test_a_moved_curve_is_held_against_the_days_that_moved_it_and_not_against_older_ones():
    made, reviewed = world(factor=2.5), pd.Timestamp("2025-09-30")
    cohort, churns = known(made, reviewed)
    look = monitor(cohort, churns, watched())
    document = recalibrated_document(cohort, churns, watched(), look)
    first = date.fromisoformat(document["extra"]["draft"]["outcomes_from"])
    assert f"{first}" == look.recent_from
    cohort, churns = known(made, NEWEST)
    found = monitor(cohort, churns, Watched(document, reviewed.date(), level_from=first))
    assert found.before.ratio == pytest.approx(1.0, abs=0.15)
    assert found.as_json()["config"]["level_from"] == f"{first}"
    # Older days were calmer, so that no curve whatever could be right for both.
    usual = monitor(cohort, churns, Watched(document, reviewed.date()))
    assert usual.before.ratio < found.before.ratio
    assert usual.before.observed > found.before.observed
    assert usual.change.p_rise < found.change.p_rise
    far = monitor(cohort, churns, Watched(document, reviewed.date(), level_from=date(2001, 1, 1)))
    assert far.before == usual.before


def test_a_tilted_curve_keeps_its_order_and_its_limits():
    body = with_curve_moved(in_force()["body"], 0.3, 0.6)
    points = np.array(body["risk_curve"]["strata"][0]["points"])
    assert (np.diff(points[:, 1]) <= 1e-9).all()
    assert (points[:, 2] <= points[:, 1]).all()
    assert (points[:, 1] <= points[:, 3]).all()


def test_no_draft_is_made_from_data_with_problems_or_from_few_events():
    cohort, churns = known(world(), NEWEST)
    blank = cohort.frame.assign(nps=cohort.frame["nps"].mask(cohort.frame["as_of"] == NEWEST))
    broken = type(cohort)(blank, cohort.metrics, "point-in-time", cohort.window, cohort.data_through)
    with pytest.raises(InputError, match="problems"):
        recalibrated_document(broken, churns, watched(), monitor(broken, churns, watched()))
    early, early_churns = known(world(), REVIEWED)
    with pytest.raises(InputError, match="0 accounts churned"):
        recalibrated_document(early, early_churns, watched(), monitor(early, early_churns, watched()))


def test_the_churn_rates_change_point_is_found_where_it_was_put_and_rarely_elsewhere():
    rng = np.random.default_rng(2)
    dates = pd.date_range("2023-01-31", periods=24, freq="ME")

    def rows(late: float) -> pd.DataFrame:
        mean = np.where(np.arange(24) < 16, 20.0, 20.0 * late)
        return pd.DataFrame({"as_of": dates, "event": rng.poisson(mean).astype(float), "expected": 20.0, "days": 30.0})

    found = churn_change(rows(2.0), seed=0)
    assert found.p < 0.01
    assert abs((pd.Timestamp(found.on) - dates[16]).days) <= 62
    quiet = [churn_change(rows(1.0), seed=0).p for _ in range(60)]
    assert np.mean([p <= 0.05 for p in quiet]) <= 0.12


def test_band_changes_are_counted_by_hand_computed_account_years():
    days = pd.to_datetime(["2024-01-01", "2024-12-31", "2025-12-31"])
    frame = pd.DataFrame(
        {
            "account_id": ["a"] * 3 + ["b"] * 3,
            "as_of": [*days, *days],
            "band": ["red", "green", "green", "red", "red", "insufficient-data"],
        }
    )
    found = band_changes(frame, pd.Timestamp("2025-01-31"))
    assert found["before"]["changes"] == 1
    assert found["before"]["account_years"] == pytest.approx(2 * 365 / 365.25)
    assert found["now"]["changes"] == 0
    assert band_changes(frame.head(0), days[0])["now"]["rate"] is None
