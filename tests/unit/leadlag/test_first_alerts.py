"""The first sustained alert, counted by hand on a few accounts and by a slow loop on many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from check_worlds import DAY, labelled_cohort
from lead_worlds import answering_book

from churnbench.domain.cohort import Cohort
from churnbench.leadlag import Alert, lead_lag

DATES = pd.date_range("2024-01-01", periods=12, freq="30D").astype("datetime64[ns]")


def book(readings: dict[str, str], churn: dict[str, int]) -> tuple[Cohort, pd.Series]:
    """Accounts from strings of R (red) and g (green), one letter per 30 days; churn on day N."""
    rows = [
        (account, date, letter == "R")
        for account, letters in readings.items()
        for date, letter in zip(DATES, letters, strict=False)
    ]
    frame = pd.DataFrame(rows, columns=["account_id", "as_of", "red"])
    left = pd.Series({account: DATES[0] + days * DAY for account, days in churn.items()}, dtype="datetime64[ns]")
    cohort = labelled_cohort(frame.assign(m=0.0), left, ("m",), DATES[-1] + 200 * DAY)
    return cohort, cohort.frame["red"]


def alert_of(readings: dict[str, str], churn: dict[str, int]) -> Alert:
    cohort, red = book(readings, churn)
    found = lead_lag(cohort, red=red, red_band="crimson", replicates=20).alert
    assert found is not None
    return found


def test_an_alert_counts_from_the_first_of_two_red_readings_in_a_row() -> None:
    found = alert_of(
        {"twice": "ggggRRg", "once": "ggggRgR", "earlier": "gRRgRRR", "never": "ggggggg", "stays": "gRRRRRRRRRRR"},
        {"twice": 200, "once": 200, "earlier": 200, "never": 200},
    )
    assert (found.band, found.churned, found.warned) == ("crimson", 4, 2)
    assert found.days == (pytest.approx(102.5), 125.0, pytest.approx(147.5))  # 80 and 170 days
    assert [(days, share.value) for days, share in found.at_least] == [(30, 0.5), (60, 0.5), (90, 0.25)]


def test_the_evidence_holds_the_same_figures() -> None:
    found = alert_of({"twice": "ggggRRg", "never": "ggggggg"}, {"twice": 200, "never": 200})
    document = found.as_json()
    assert (document["band"], document["churned"], document["warned"]) == ("crimson", 2, 1)
    assert document["days"] == {"q25": 80.0, "median": 80.0, "q75": 80.0}
    assert document["at_least"][0]["days"] == 30
    assert document["at_least"][0]["share"]["value"] == 0.5
    assert document["others"] == {"value": None, "ci90": None}
    assert alert_of({"never": "ggggggg"}, {"never": 200}).as_json()["days"] is None


def test_readings_after_the_churn_or_of_another_account_do_not_pair_up() -> None:
    found = alert_of(
        {"a_late": "gggggR", "b_next": "Rggggg", "c_gone": "ggggggRR"},
        {"a_late": 160, "b_next": 170, "c_gone": 185},
    )
    assert (found.churned, found.warned, found.days) == (3, 0, None)
    assert found.others.value is None  # too few churned accounts to match


def test_a_single_reading_cannot_be_judged() -> None:
    found = alert_of({"short": "R", "long": "RRR"}, {"short": 20, "long": 80})
    assert (found.churned, found.warned) == (1, 1)


def test_without_a_band_there_is_no_alert() -> None:
    cohort, _ = book({"a": "RR"}, {"a": 80})
    assert lead_lag(cohort, replicates=5).alert is None


def test_shares_agree_with_a_loop_over_accounts_and_dates() -> None:
    cohort = answering_book({"m": (90.0, 1.5)}, accounts=300, months=20, seed=11)
    red = cohort.frame["m"] < -0.6
    found = lead_lag(cohort, red=red, replicates=50).alert
    assert found is not None
    frame = cohort.frame.assign(red=red)
    frame = frame[frame["status"].isin(["labelled", "too-late"])].sort_values(["account_id", "as_of"])
    leads = []
    for _, rows in frame.dropna(subset=["churned_on"]).groupby("account_id"):
        days = (rows["churned_on"] - rows["as_of"]).dt.days.to_numpy()
        alarm = rows["red"].to_numpy()
        near = days <= 360
        if near.sum() < 2:
            continue
        starts = [d for d, now, then, ok in zip(days, alarm, alarm[1:], near, strict=False) if now and then and ok]
        leads.append(max(starts, default=0))
    assert (found.churned, found.warned) == (len(leads), sum(lead > 0 for lead in leads))
    for days, share in found.at_least:
        assert share.value == pytest.approx(np.mean(np.array(leads) >= days))
        assert share.low <= share.value <= share.high
    assert found.days is not None
    assert found.days[1] == np.median([lead for lead in leads if lead])
    assert found.others.value == pytest.approx(_others(frame, pd.Timestamp(cohort.data_through)))


def _others(frame: pd.DataFrame, through: pd.Timestamp) -> float:
    days = (frame["churned_on"] - frame["as_of"]).dt.days
    control = (frame["status"] == "labelled") & ~(days <= 180) & (frame["as_of"] + 180 * DAY <= through)
    case = (days > 0) & (days <= 30) & frame["as_of"].isin(frame.loc[control, "as_of"])
    mix = (frame.loc[case, "as_of"].value_counts() / frame.loc[control, "as_of"].value_counts()).fillna(0.0)
    hit = total = 0.0
    for _, rows in frame.groupby("account_id"):
        dates, alarm = rows["as_of"].to_list(), rows["red"].to_list()
        for place, row in enumerate(rows.index):
            if not control[row] or place == 0:
                continue
            weight = mix.get(dates[place], 0.0)
            pairs = [k for k in range(place) if alarm[k] and alarm[k + 1] and (dates[place] - dates[k]).days < 360]
            hit += weight * bool(pairs)
            total += weight
    return hit / total
