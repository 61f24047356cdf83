"""Labels, day by day around every boundary, and against a slow reading of the definition."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.labels import label_changes, label_snapshots, read_outcomes, renewal_stratum, sanity_findings

AS_OF = pd.Timestamp("2024-03-31")
WINDOW = OutcomeWindow(gap_days=14, horizon_days=90, settle_days=5)
FAR = date(2025, 12, 31)


def day(offset: int) -> pd.Timestamp:
    return AS_OF + pd.Timedelta(days=offset)


def outcome(offset: int, *, known: int | None = None, **more: object) -> dict[str, object]:
    return {
        "account_id": "a",
        "churned_on": day(offset),
        "known_on": pd.NaT if known is None else day(known),
        "kind": None,
        "voluntary": np.nan,
        **more,
    }


def label(*rows: dict[str, object], through: date = FAR, started: int | None = None) -> pd.Series:
    snapshot = pd.DataFrame({"account_id": ["a"], "as_of": [AS_OF]})
    if started is not None:
        snapshot["started_on"] = day(started)
    columns = ["account_id", "churned_on", "known_on", "kind", "voluntary"]
    frame = pd.DataFrame(rows, columns=columns).astype({"churned_on": "datetime64[us]", "known_on": "datetime64[us]"})
    return label_snapshots(snapshot, read_outcomes(frame), WINDOW, through).iloc[0]


@pytest.mark.parametrize(
    ("offset", "status", "y"),
    [
        (-1, "ineligible", None),
        (0, "ineligible", None),
        (1, "too-late", None),
        (14, "too-late", None),
        (15, "labelled", 1.0),
        (104, "labelled", 1.0),
        (105, "labelled", 0.0),
    ],
)
def test_a_churn_counts_after_the_gap_up_to_the_last_day_of_the_horizon(
    offset: int, status: str, y: float | None
) -> None:
    row = label(outcome(offset))
    assert row["status"] == status
    assert row["y"] == y if y is not None else np.isnan(row["y"])
    assert row["churned_on"] == day(offset)


@pytest.mark.parametrize(("through", "status"), [(108, "immature"), (109, "labelled")])
@pytest.mark.parametrize("rows", [(), (outcome(20),), (outcome(5),)])
def test_a_row_is_immature_until_gap_horizon_and_settling_are_over_even_if_its_churn_is_seen(
    through: int, status: str, rows: tuple[dict[str, object], ...]
) -> None:
    row = label(*rows, through=day(through).date())
    too_late = rows and rows[0]["churned_on"] == day(5)
    assert row["status"] == ("too-late" if status == "labelled" and too_late else status)
    assert row["matures_on"] == day(109)
    if status == "immature":
        assert np.isnan(row["y"])


def test_the_notice_is_the_churn_when_it_comes_before_the_end() -> None:
    assert label(outcome(200, known=50))["y"] == 1.0
    assert label(outcome(50, known=200))["y"] == 1.0
    assert label(outcome(200, known=10))["status"] == "too-late"
    noticed = label(outcome(200, known=0))
    assert (noticed["status"], noticed["reason"]) == ("ineligible", "notice-known")
    assert noticed["churned_on"] == AS_OF


@pytest.mark.parametrize(
    ("started", "reason"), [(1, "before-signup"), (0, "tenure"), (-89, "tenure"), (-90, None), (-4000, None)]
)
def test_an_account_is_judged_from_its_ninetieth_day_on(started: int, reason: str | None) -> None:
    assert label(started=started)["reason"] == reason


@pytest.mark.parametrize(("offset", "reason"), [(5, "involuntary"), (104, "involuntary"), (105, None)])
def test_an_involuntary_churn_takes_the_row_out_instead_of_calling_it_a_stay(offset: int, reason: str | None) -> None:
    row = label(outcome(offset, voluntary=0.0))
    assert row["reason"] == reason
    assert row["status"] == ("ineligible" if reason else "labelled")


def test_a_reactivation_makes_the_account_eligible_again_from_its_day_on() -> None:
    gone = outcome(-100)
    assert label(gone)["reason"] == "churned"
    assert label(gone, outcome(0, kind="reactivation"))["status"] == "labelled"
    assert label(gone, outcome(1, kind="reactivation"))["reason"] == "churned"
    again = label(gone, outcome(-50, kind="reactivation"), outcome(60))
    assert (again["status"], again["y"], again["churned_on"]) == ("labelled", 1.0, day(60))


def test_of_two_churns_without_a_return_the_first_counts_and_a_warning_says_so() -> None:
    rows = pd.DataFrame([outcome(30), outcome(200), outcome(30)])
    found = read_outcomes(rows, file="outcomes.csv")
    assert found.churns["churned_on"].tolist() == [day(30)]
    assert len(found.warnings) == 2
    assert "1 rows are exact copies" in found.warnings[0]
    assert "1 churn rows follow an earlier churn" in found.warnings[1]


@pytest.mark.parametrize(("delays", "settle"), [([], 0), ([-5, -1], 0), ([0] * 19 + [7], 1), ([10] * 3, 10)])
def test_outcomes_settle_when_ninety_five_per_cent_are_on_record(delays: list[int], settle: int) -> None:
    rows = pd.DataFrame(
        {
            "account_id": [str(number) for number in range(len(delays))],
            "churned_on": pd.Series([AS_OF] * len(delays), dtype="datetime64[us]"),
            "known_on": pd.Series([day(delay) for delay in delays], dtype="datetime64[us]"),
        }
    )
    assert read_outcomes(rows).settle_days == settle


def test_an_unknown_kind_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(InputError, match=r"'chrun' is not a kind.*Did you mean 'churn'"):
        read_outcomes(pd.DataFrame([outcome(3, kind="chrun")]))


def test_outcomes_may_come_without_any_optional_column() -> None:
    found = read_outcomes(pd.DataFrame({"account_id": ["a"], "churned_on": [AS_OF]}))
    assert found.churns["churn_at"].tolist() == [AS_OF]
    assert not found.churns["involuntary"].any()


@pytest.mark.parametrize(
    ("offset", "stratum", "days"),
    [
        (-1, "no-renewal", None),
        (0, "no-renewal", 0),
        (1, "renewal", 1),
        (104, "renewal", 104),
        (105, "no-renewal", 105),
    ],
)
def test_a_renewal_counts_up_to_the_end_of_the_outcome_window(offset: int, stratum: str, days: int | None) -> None:
    as_of = pd.Series([AS_OF, AS_OF])
    found = renewal_stratum(as_of, pd.Series([day(offset), pd.NaT]), WINDOW)
    assert found["stratum"].tolist() == [stratum, "no-renewal"]
    assert np.isnan(found["days_to_renewal"].iloc[0]) if days is None else found["days_to_renewal"].iloc[0] == days


def test_without_renewal_dates_there_is_one_stratum() -> None:
    as_of = pd.Series([AS_OF])
    for renewal in (None, pd.Series([pd.NaT], dtype="datetime64[us]")):
        assert renewal_stratum(as_of, renewal, WINDOW)["stratum"].tolist() == ["all"]


@pytest.mark.parametrize(("offset", "hit"), [(14, 0.0), (15, 1.0), (104, 1.0), (105, 0.0)])
def test_contractions_have_the_same_window_as_churn(offset: int, hit: float) -> None:
    outcomes = read_outcomes(pd.DataFrame([{**outcome(offset, kind="contraction"), "share": -0.4}]))
    rows = pd.DataFrame({"account_id": ["a", "b"], "as_of": AS_OF, "status": "labelled"})
    found = label_changes(rows, outcomes, WINDOW)
    assert found["y_contraction"].tolist() == [hit, 0.0]
    assert found["y_expansion"].tolist() == [0.0, 0.0]
    unlabelled = label_changes(rows.assign(status="immature"), outcomes, WINDOW)
    assert unlabelled["y_contraction"].isna().all()


def test_impossible_rows_are_findings_with_examples() -> None:
    rows = pd.DataFrame(
        {
            "account_id": ["a", "a", "a", "b", "b"],
            "as_of": [day(-60), day(-60), day(10), day(-60), day(0)],
            "started_on": [day(-90), day(-90), day(-90), day(-30), day(-30)],
        }
    )
    outcomes = read_outcomes(pd.DataFrame([outcome(0, known=9)]))
    found = {finding.id: finding for finding in sanity_findings(rows, outcomes)}
    assert set(found) == {"sanity:duplicate-rows", "sanity:before-signup", "sanity:after-churn"}
    assert all(finding.blocks for finding in found.values())
    assert "1 row is" in found["sanity:after-churn"].detail
    assert f"a on {day(10):%Y-%m-%d}" in found["sanity:after-churn"].detail
    assert f"b on {day(-60):%Y-%m-%d}" in found["sanity:before-signup"].detail


def test_a_row_from_the_future_is_a_finding() -> None:
    rows = pd.DataFrame({"account_id": ["a", "b"], "as_of": [day(0), day(400)]})
    (found,) = sanity_findings(rows, None, today=day(1).date())
    assert found.id == "sanity:future-dated"
    assert f"b on {day(400):%Y-%m-%d}" in found.detail
    assert sanity_findings(rows, None) == ()


@pytest.mark.parametrize(("offset", "known", "late"), [(0, None, False), (1, None, True), (1, 1, False), (2, 1, True)])
def test_a_row_follows_a_churn_only_when_the_churn_was_on_record(offset: int, known: int | None, late: bool) -> None:
    rows = pd.DataFrame({"account_id": ["a"], "as_of": [day(offset)]})
    assert bool(sanity_findings(rows, read_outcomes(pd.DataFrame([outcome(0, known=known)])))) is late


def test_rows_after_a_return_are_no_finding() -> None:
    rows = pd.DataFrame({"account_id": ["a"], "as_of": [day(30)]})
    outcomes = read_outcomes(pd.DataFrame([outcome(0), outcome(20, kind="reactivation")]))
    assert sanity_findings(rows, outcomes) == ()


def by_definition(events: list[tuple[int, int | None, bool]], through: int) -> tuple[str, float]:
    """One account without reactivations: the first event is the only one."""
    at, involuntary = min(
        ((min(churn, churn if known is None else known), forced) for churn, known, forced in events),
        default=(10**6, False),
    )
    gap, horizon, settle = WINDOW.gap_days, WINDOW.horizon_days, WINDOW.settle_days
    if at <= 0:
        return "ineligible", np.nan
    if gap + horizon + settle > through:
        return "immature", np.nan
    if involuntary and at <= gap + horizon:
        return "ineligible", np.nan
    if at <= gap:
        return "too-late", np.nan
    return "labelled", float(at <= gap + horizon)


@settings(max_examples=150, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.integers(-30, 130), st.one_of(st.none(), st.integers(-30, 130)), st.booleans()), max_size=1
    ),
    through=st.integers(80, 130),
)
def test_every_label_follows_from_the_definition(events: list[tuple[int, int | None, bool]], through: int) -> None:
    rows = [outcome(churn, known=known, voluntary=0.0 if forced else np.nan) for churn, known, forced in events]
    found = label(*rows, through=day(through).date())
    status, y = by_definition(events, through)
    assert found["status"] == status
    assert found["y"] == pytest.approx(y, nan_ok=True)
