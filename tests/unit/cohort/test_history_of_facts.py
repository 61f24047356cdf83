"""Snapshots computed from fact tables: presence, point in time, replay, and what may be claimed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churnbench.cohort import History, open_history
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError

PROJECT = """
[project]
name = "facts"
[data]
outcomes = "outcomes.csv"
accounts = "accounts.csv"
[[data.facts]]
name = "usage"
path = "usage.csv"
event_time = "ts"
known_time = "loaded_at"
deduplicate = "event_id"
[snapshots]
lookback_days = 60
[label]
gap_days = 14
horizon_days = 30
min_tenure_days = 30
data_through = 2024-06-30
[formula]
preset = "none"
[[formula.metrics]]
id = "events"
weight = 2
direction = "higher_is_healthier"
source = "usage"
agg = "count"
window_days = 30
[[formula.metrics]]
id = "minutes_per_event"
weight = 1
ratio = ["minutes", "events"]
[[formula.metrics]]
id = "minutes"
helper = true
source = "usage"
agg = "sum"
column = "minutes"
window_days = 30
"""


def usage_rows() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    size = 900
    event = pd.Timestamp("2023-10-01") + pd.to_timedelta(rng.integers(0, 270, size), unit="D")
    rows = pd.DataFrame(
        {
            "account_id": [f"{number:03d}" for number in rng.integers(1, 13, size)],
            "ts": event,
            "loaded_at": event + pd.to_timedelta(rng.integers(0, 10, size), unit="D"),
            "minutes": rng.integers(1, 400, size) / 10,
            "event_id": np.arange(size),
        }
    )
    return rows[~((rows["account_id"] == "001") & (rows["ts"] >= "2024-03-10"))]


def write_project(folder: Path, text: str = PROJECT, usage: pd.DataFrame | None = None) -> Path:
    (folder / "churnbench.toml").write_text(text)
    (usage_rows() if usage is None else usage).to_csv(folder / "usage.csv", index=False)
    pd.DataFrame({"account_id": ["001"], "churned_on": ["2024-03-10"], "known_on": ["2024-03-12"]}).to_csv(
        folder / "outcomes.csv", index=False
    )
    ids = [f"{number:03d}" for number in range(1, 13)]
    pd.DataFrame({"account_id": ids, "started_on": ["2023-09-15"] * 11 + ["2024-02-10"], "segment": "SMB"}).to_csv(
        folder / "accounts.csv", index=False
    )
    return folder


def history(folder: Path) -> History:
    return open_history(load_project(folder), memory_limit="500MB", threads=1)


def test_rows_run_from_the_start_of_an_account_to_its_churn(tmp_path: Path) -> None:
    cohort = history(write_project(tmp_path)).cohort()
    dates = cohort.frame.groupby("account_id")["as_of"].agg(["min", "max"])
    assert f"{dates.loc['002', 'min']:%Y-%m-%d}" == "2023-11-30"
    assert f"{dates.loc['002', 'max']:%Y-%m-%d}" == "2024-06-30"
    assert f"{dates.loc['012', 'min']:%Y-%m-%d}" == "2024-02-29"
    assert f"{dates.loc['001', 'max']:%Y-%m-%d}" == "2024-02-29"
    assert cohort.findings == ()
    assert cohort.claim_level == "point-in-time"
    assert cohort.metrics == ("events", "minutes_per_event")
    assert set(cohort.frame["segment"]) == {"SMB"}


def test_the_churn_is_labelled_in_its_window_and_too_late_inside_the_gap(tmp_path: Path) -> None:
    frame = history(write_project(tmp_path)).cohort().frame
    one = frame[frame["account_id"] == "001"].set_index(
        frame["as_of"].dt.strftime("%m-%d")[frame["account_id"] == "001"]
    )
    assert one["status"].to_dict() == {
        "11-30": "labelled",
        "12-31": "labelled",
        "01-31": "labelled",
        "02-29": "too-late",
    }
    assert one["y"].tolist()[:3] == [0.0, 0.0, 1.0]


def test_replay_from_truncated_facts_gives_the_same_features(tmp_path: Path) -> None:
    opened = history(write_project(tmp_path))
    cohort = opened.cohort()
    columns = ["account_id", "as_of", *cohort.metrics]
    for as_of in cohort.frame["as_of"].unique():
        expected = cohort.frame.loc[cohort.frame["as_of"] == as_of, columns].reset_index(drop=True)
        for inject in (False, True):
            replayed = opened.replay(pd.Timestamp(as_of), inject=inject)
            pd.testing.assert_frame_equal(replayed, expected, check_exact=True)


def test_features_as_of_the_event_differ_where_facts_came_late(tmp_path: Path) -> None:
    opened = history(write_project(tmp_path))
    cohort = opened.cohort()
    late = opened.as_of_features()
    assert late is not None
    assert late["account_id"].tolist() == cohort.frame["account_id"].tolist()
    assert (late["events"] >= 0).all()
    assert (late["events"] != cohort.frame["events"]).any()
    usage = usage_rows()
    row = late.iloc[0]
    inside = (usage["account_id"] == row["account_id"]) & usage["ts"].between(
        row["as_of"] - pd.Timedelta(days=29), row["as_of"]
    )
    assert row["events"] == inside.sum()


def test_a_fact_that_is_loaded_twice_counts_once(tmp_path: Path) -> None:
    single = history(write_project(tmp_path)).cohort()
    again = usage_rows().assign(loaded_at=lambda rows: rows["loaded_at"] + pd.Timedelta(days=3), minutes=9999)
    write_project(tmp_path, usage=pd.concat([again, usage_rows()]))
    twice = history(tmp_path).cohort()
    assert twice.fingerprint == single.fingerprint


def test_facts_without_event_ids_are_all_kept(tmp_path: Path) -> None:
    single = history(write_project(tmp_path)).cohort()
    write_project(tmp_path, usage=usage_rows().assign(event_id=None))
    assert history(tmp_path).cohort().fingerprint == single.fingerprint


def test_facts_without_a_known_time_lower_the_claim(tmp_path: Path) -> None:
    opened = history(write_project(tmp_path, PROJECT.replace('known_time = "loaded_at"\n', "")))
    cohort = opened.cohort()
    assert cohort.claim_level == "reconstructed"
    assert opened.as_of_features() is None
    day = pd.Timestamp("2024-01-31")
    expected = cohort.frame.loc[cohort.frame["as_of"] == day, ["account_id", "as_of", *cohort.metrics]]
    pd.testing.assert_frame_equal(opened.replay(day, inject=True), expected.reset_index(drop=True), check_exact=True)


def test_the_same_content_as_parquet_has_the_same_fingerprint(tmp_path: Path) -> None:
    csv = history(write_project(tmp_path)).cohort()
    usage_rows().to_parquet(tmp_path / "usage.parquet")
    (tmp_path / "churnbench.toml").write_text(PROJECT.replace("usage.csv", "usage.parquet"))
    parquet = history(tmp_path).cohort()
    assert parquet.fingerprint == csv.fingerprint
    pd.testing.assert_frame_equal(parquet.frame, csv.frame, check_exact=True)


def test_without_an_accounts_table_an_account_begins_with_its_first_known_fact(tmp_path: Path) -> None:
    write_project(tmp_path, PROJECT.replace('accounts = "accounts.csv"\n', ""))
    cohort = history(tmp_path).cohort()
    usage = usage_rows()
    first = usage[usage["account_id"] == "012"]["loaded_at"].min()
    rows = cohort.frame[cohort.frame["account_id"] == "012"]
    assert rows["as_of"].min() >= first
    assert set(cohort.frame["segment"]) == {"all"}
    assert any("minimum tenure" in warning for warning in cohort.warnings)


def test_an_undeclared_direction_is_proposed_and_marked(tmp_path: Path) -> None:
    opened = history(write_project(tmp_path))
    marked = {metric.id: metric.direction_proposed for metric in opened.metric_specs}
    assert marked == {"events": False, "minutes_per_event": True}


def test_a_period_without_any_month_end_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, PROJECT.replace("[snapshots]", "[snapshots]\nfrom = 2024-01-02\nuntil = 2024-01-20"))
    with pytest.raises(InputError, match="no month end between 2024-01-02 and 2024-01-20"):
        history(tmp_path).cohort()


def test_accounts_that_are_named_otherwise_are_refused_with_both_spellings(tmp_path: Path) -> None:
    write_project(tmp_path)
    pd.DataFrame({"account_id": ["A1"]}).to_csv(tmp_path / "accounts.csv", index=False)
    with pytest.raises(InputError, match="named like 'A1', in the facts like '001'"):
        history(tmp_path).cohort()


def test_a_denominator_must_be_computed_too(tmp_path: Path) -> None:
    rule = '\nnormalise = { kind = "ratio", denominator = "NAME" }\ndirection = "higher_is_healthier"\nsource'
    text = PROJECT.replace('\ndirection = "higher_is_healthier"\nsource', rule)
    with pytest.raises(InputError, match="the denominator 'seats' is not a computed metric"):
        history(write_project(tmp_path, text.replace("NAME", "seats"))).cohort()
    frame = history(write_project(tmp_path, text.replace("NAME", "minutes"))).cohort().frame
    assert (frame["minutes"] >= 0).all()


def test_renewal_dates_of_today_leave_a_warning(tmp_path: Path) -> None:
    write_project(tmp_path)
    accounts = pd.read_csv(tmp_path / "accounts.csv", dtype=str).assign(renewal_on="2024-04-01")
    accounts.to_csv(tmp_path / "accounts.csv", index=False)
    cohort = history(tmp_path).cohort()
    assert any("renewal_on comes from the accounts table as it is today" in one for one in cohort.warnings)
    assert set(cohort.frame["stratum"]) == {"renewal", "no-renewal"}


def test_an_empty_fact_table_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, usage=usage_rows().head(0))
    with pytest.raises(InputError, match="no rows"):
        history(tmp_path).cohort()


def test_contraction_and_expansion_have_labels_of_their_own(tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / "outcomes.csv").write_text(
        "account_id,churned_on,kind,share\n002,2024-02-20,contraction,0.3\n003,2024-02-20,contraction,0.1\n"
        "004,2024-02-20,expansion,\n001,2024-03-10,,\n"
    )
    changes = history(tmp_path).secondary_labels()
    hit = changes[changes["as_of"] == "2024-01-31"].set_index("account_id")
    assert hit["y_contraction"].loc[["002", "003", "004"]].tolist() == [1.0, 0.0, 0.0]
    assert hit["y_expansion"].loc[["002", "003", "004"]].tolist() == [0.0, 0.0, 1.0]
    later = changes[changes["as_of"] == "2024-02-29"].set_index("account_id")
    assert later["y_contraction"].loc["002"] == 0.0


def test_facts_from_the_future_do_not_say_how_far_the_data_reach(tmp_path: Path) -> None:
    late = (
        usage_rows()
        .iloc[[-1]]
        .assign(ts=pd.Timestamp("2095-01-31"), loaded_at=pd.Timestamp("2095-01-31"), event_id=9999)
    )
    undated = PROJECT.replace("data_through = 2024-06-30\n", "")
    whole = history(write_project(tmp_path, undated)).cohort()
    odd = history(write_project(tmp_path, undated, pd.concat([usage_rows(), late], ignore_index=True))).cohort()
    assert odd.data_through == whole.data_through
    pd.testing.assert_frame_equal(odd.frame, whole.frame)
    assert any(warning.startswith("1 fact is dated in the future") for warning in odd.warnings)
