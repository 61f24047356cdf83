"""Snapshot tables and single labelled tables become cohorts, or are refused with a reason."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churnbench.cohort import History, open_history
from churnbench.cohort.fingerprint import fingerprint
from churnbench.data.project import load_project
from churnbench.domain.cohort import KEY_COLUMNS
from churnbench.domain.errors import InputError

DATED = """
[project]
name = "dated"
[data]
snapshots = "snapshots.csv"
outcomes = "outcomes.csv"
[label]
gap_days = 10
horizon_days = 50
min_tenure_days = 0
"""
TABLE = """
[project]
name = "table"
[data]
table = "table.csv"
label = "Churn"
label_positive = "Yes"
[formula]
preset = "none"
"""


def snapshots() -> pd.DataFrame:
    dates = pd.date_range("2023-01-31", periods=12, freq="ME")
    rows = pd.DataFrame([(f"{n:03d}", day) for n in range(1, 21) for day in dates], columns=["account_id", "as_of"])
    leaving = rows["account_id"] <= "010"
    rows["logins"] = np.where(leaving, 3.0, 9.0) + rows["as_of"].dt.month % 3
    rows["tickets"] = np.where(leaving, 5, 1) + rows["as_of"].dt.month % 2
    rows["plan"] = np.where(leaving, "tin", "gold")
    rows["sponsor"] = np.where(leaving, "no", "Yes")
    return rows[~(leaving & (rows["as_of"] > "2023-08-31"))].reset_index(drop=True)


def outcomes() -> pd.DataFrame:
    return pd.DataFrame({"account_id": [f"{n:03d}" for n in range(1, 11)], "churned_on": "2023-09-10"})


def history(folder: Path, text: str, **tables: pd.DataFrame | str) -> History:
    (folder / "churnbench.toml").write_text(text)
    for name, content in tables.items():
        if isinstance(content, str):
            (folder / f"{name}.csv").write_text(content)
        else:
            content.to_csv(folder / f"{name}.csv", index=False)
    return open_history(load_project(folder), memory_limit="300MB", threads=1)


def dated(folder: Path, more: str = "", **tables: pd.DataFrame | str) -> History:
    given = {"snapshots": snapshots(), "outcomes": outcomes(), **tables}
    return history(folder, DATED + (more or '[formula]\npreset = "none"\n'), **given)


def test_the_frame_is_typed_sorted_and_keeps_leading_zeros(tmp_path: Path) -> None:
    shuffled = snapshots().sample(frac=1, random_state=1)
    cohort = dated(tmp_path, snapshots=shuffled).cohort()
    assert list(cohort.frame) == [*KEY_COLUMNS, "logins", "tickets"]
    assert cohort.metrics == ("logins", "tickets")
    assert cohort.frame["account_id"].iloc[0] == "001"
    assert cohort.frame.equals(cohort.frame.sort_values(["as_of", "account_id"], ignore_index=True))
    assert str(cohort.frame["as_of"].dtype).startswith("datetime64")
    assert cohort.claim_level == "point-in-time"
    assert cohort.frame["y"].notna().equals(cohort.frame["status"] == "labelled")
    assert set(cohort.frame["segment"]) == {"all"}
    assert cohort.fingerprint == dated(tmp_path).cohort().fingerprint


def test_labels_equal_a_reading_by_hand(tmp_path: Path) -> None:
    cohort = dated(tmp_path, '[formula]\npreset = "none"\n').cohort()
    # 10 September lies 10 days and 50 more after 31 July, and 10 days after 31 August: too late.
    assert cohort.labelled().query("y == 1")["as_of"].dt.strftime("%m-%d").unique().tolist() == ["07-31"]
    assert cohort.excluded == {"immature": 20, "too-late": 10}
    assert (cohort.data_through, cohort.dated) == (pd.Timestamp("2023-12-31").date(), True)
    assert any("data_through is not set" in warning for warning in cohort.warnings)


def test_a_later_churn_changes_the_fingerprint(tmp_path: Path) -> None:
    first = dated(tmp_path).cohort().fingerprint
    moved = outcomes().assign(churned_on="2023-09-11")
    assert dated(tmp_path, outcomes=moved).cohort().fingerprint != first


def test_directions_are_proposed_from_early_dates_and_marked(tmp_path: Path) -> None:
    rows = snapshots()
    early = rows[(rows["account_id"] > "010") | (rows["as_of"] < "2023-04-15")]
    opened = dated(tmp_path, snapshots=early, outcomes=outcomes().assign(churned_on="2023-04-20"))
    found = {metric.id: (metric.direction, metric.direction_proposed) for metric in opened.metric_specs}
    assert found == {"logins": ("higher_is_healthier", True), "tickets": ("lower_is_healthier", True)}
    assert opened.formula.dimensions[0].id == "all"
    assert any("Directions proposed" in warning for warning in opened.cohort().warnings)
    assert any("plan, sponsor" in warning for warning in opened.cohort().warnings)


def test_categories_booleans_ratios_and_renamed_columns_are_read(tmp_path: Path) -> None:
    cohort = dated(
        tmp_path,
        """
[[formula.metrics]]
id = "tier"
column = "plan"
weight = 1
normalise = { kind = "category", map = { gold = 100, tin = 0 } }
[[formula.metrics]]
id = "sponsor"
weight = 1
normalise = { kind = "boolean" }
[[formula.metrics]]
id = "per_ticket"
weight = 1
ratio = ["logins", "tickets"]
[[formula.metrics]]
id = "use"
column = "logins"
weight = 1
normalise = { kind = "ratio", denominator = "tickets" }
""",
    ).cohort()
    row = cohort.frame.iloc[0]
    assert cohort.metrics == ("tier", "sponsor", "per_ticket", "use")
    assert (row["tier"], row["sponsor"], row["per_ticket"], row["use"], row["tickets"]) == ("tin", 0.0, 4 / 6, 4.0, 6.0)
    assert cohort.frame["tier"].dtype == object


def test_attributes_of_the_row_come_before_those_of_the_account(tmp_path: Path) -> None:
    rows = snapshots()
    rows["arr"] = 100.0
    rows["renewal_on"] = rows["as_of"] + pd.Timedelta(days=30)
    accounts = pd.DataFrame(
        {
            "account_id": [f"{n:03d}" for n in range(1, 21)],
            "arr": 999,
            "segment": ["SMB"] * 19 + [""],
            "started_on": "2022-01-01",
            "industry": "x",
        }
    )
    text = '[formula]\npreset = "none"\n'
    opened = history(
        tmp_path,
        DATED.replace('outcomes.csv"', 'outcomes.csv"\naccounts = "accounts.csv"') + text,
        snapshots=rows,
        outcomes=outcomes(),
        accounts=accounts,
    )
    frame = opened.cohort().frame
    assert set(frame["arr"]) == {100.0}
    assert set(frame["segment"]) == {"SMB", "unknown"}
    assert set(frame["stratum"]) == {"renewal"}
    assert set(frame["days_to_renewal"]) == {30.0}
    assert opened.accounts is not None
    assert opened.accounts["industry"].tolist()[0] == "x"
    assert opened.replay(pd.Timestamp("2023-01-31")) is None
    assert opened.as_of_features() is None


def test_the_presets_absent_metrics_are_left_out_with_a_warning(tmp_path: Path) -> None:
    rows = snapshots().rename(columns={"logins": "nps"})
    opened = dated(tmp_path, '[formula]\npreset = "four-dimensions"\n', snapshots=rows)
    assert opened.cohort().metrics == ("nps",)
    assert [dimension.id for dimension in opened.formula.dimensions] == ["sentiment"]
    assert set(opened.formula.segment_weights["SMB"]) == {"sentiment"}
    assert any("are left out" in warning for warning in opened.cohort().warnings)


def test_nothing_left_of_the_preset_is_refused_with_the_expected_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected columns such as active_seats_share"):
        dated(tmp_path, '[formula]\npreset = "four-dimensions"\n').cohort()


def test_a_declared_metric_without_a_column_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Did you mean 'logins'"):
        dated(tmp_path, '[[formula.metrics]]\nid = "logns"\nweight = 1\n').cohort()


def test_a_column_that_is_mostly_numbers_is_not_dropped_in_silence(tmp_path: Path) -> None:
    rows = snapshots().astype({"logins": object})
    rows.loc[50, "logins"] = "n/a"
    with pytest.raises(InputError, match=r"snapshots.csv, row 52, column logins: 'n/a' is not a number"):
        dated(tmp_path, snapshots=rows).cohort()


def test_columns_with_reserved_or_odd_names_do_not_clash(tmp_path: Path) -> None:
    rows = snapshots().assign(y=1, status=2, stratum=3)
    rows = rows.rename(columns={"logins": "Logins per day", "tickets": "90d"}).assign(Logins_per_day=5, empty=None)
    opened = dated(tmp_path, snapshots=rows)
    cohort = opened.cohort()
    assert cohort.metrics == ("m_90d", "Logins_per_day_2", "Logins_per_day")
    assert set(cohort.frame["status"]) <= {"labelled", "too-late", "immature", "ineligible"}
    assert any('id = "status_metric", column = "status"' in warning for warning in cohort.warnings)
    named = dated(tmp_path, '[[formula.metrics]]\nid = "y_metric"\ncolumn = "y"\nweight = 1\n', snapshots=rows).cohort()
    assert set(named.frame["y_metric"]) == {1.0}


def test_impossible_rows_are_findings_and_the_frame_stays_unique(tmp_path: Path) -> None:
    rows = pd.concat([snapshots(), snapshots().head(2).assign(logins=99)])
    cohort = dated(tmp_path, snapshots=rows, outcomes=outcomes().assign(churned_on="2023-07-15")).cohort()
    assert {finding.id for finding in cohort.findings} == {"sanity:duplicate-rows", "sanity:after-churn"}
    assert cohort.excluded["duplicate"] == 2
    assert not cohort.frame.duplicated(["account_id", "as_of"]).any()
    assert 99 not in set(cohort.frame["logins"])


def test_strange_and_missing_accounts_leave_warnings(tmp_path: Path) -> None:
    more = pd.concat([outcomes(), pd.DataFrame({"account_id": ["zz"], "churned_on": ["2030-01-01"]})])
    accounts = pd.DataFrame({"account_id": ["001"], "renewal_on": ["2023-05-01"]})
    text = DATED.replace('outcomes.csv"', 'outcomes.csv"\naccounts = "accounts.csv"') + "data_through = 2023-11-30\n"
    opened = history(
        tmp_path, text + '[formula]\npreset = "none"\n', snapshots=snapshots(), outcomes=more, accounts=accounts
    )
    warnings = " ".join(opened.cohort().warnings)
    assert "outcomes.csv: 1 accounts are unknown and do not count: zz." in warnings
    assert "19 accounts are not in the accounts table" in warnings
    assert "1 churns are dated after data_through" in warnings
    assert "10 snapshots are dated after data_through" in warnings


def test_ids_that_never_match_are_refused(tmp_path: Path) -> None:
    bare = outcomes().assign(account_id=[str(n) for n in range(1, 11)])
    with pytest.raises(InputError, match="named like '1', the snapshots have '001'"):
        dated(tmp_path, outcomes=bare).cohort()


def test_accounts_that_never_match_are_refused(tmp_path: Path) -> None:
    text = DATED.replace('outcomes.csv"', 'outcomes.csv"\naccounts = "accounts.csv"') + '[formula]\npreset = "none"\n'
    accounts = "account_id\n" + "".join(f"{n}\n" for n in range(1, 21))
    with pytest.raises(InputError, match="the accounts table, column account_id: no account matches"):
        history(tmp_path, text, snapshots=snapshots(), outcomes=outcomes(), accounts=accounts).cohort()


def test_no_outcome_at_all_is_a_matter_for_the_checks(tmp_path: Path) -> None:
    cohort = dated(tmp_path, outcomes="account_id,churned_on\n").cohort()
    assert cohort.labelled()["y"].sum() == 0


def test_an_account_named_twice_is_refused(tmp_path: Path) -> None:
    text = DATED.replace('outcomes.csv"', 'outcomes.csv"\naccounts = "accounts.csv"')
    with pytest.raises(InputError, match="account '001' occurs more than once"):
        history(tmp_path, text, snapshots=snapshots(), outcomes=outcomes(), accounts="account_id\n001\n001\n").cohort()


def test_the_period_may_be_narrowed_and_must_not_be_empty(tmp_path: Path) -> None:
    text = '[snapshots]\nfrom = 2023-03-01\nuntil = 2023-05-31\n[formula]\npreset = "none"\n'
    assert dated(tmp_path, text).cohort().frame["as_of"].dt.month.unique().tolist() == [3, 4, 5]
    with pytest.raises(InputError, match="no snapshot between 2024-03-01"):
        dated(tmp_path, text.replace("2023", "2024")).cohort()
    with pytest.raises(InputError, match="there are no rows"):
        dated(
            tmp_path, snapshots="account_id,as_of,logins\n", more='[[formula.metrics]]\nid="logins"\nweight=1\n'
        ).cohort()


def test_queries_take_the_place_of_files(tmp_path: Path) -> None:
    with_files = dated(tmp_path).cohort()
    book = sqlite3.connect(tmp_path / "book.db")
    snapshots().astype({"as_of": str}).to_sql("s", book, index=False)
    outcomes().to_sql("o", book, index=False)
    book.close()
    text = DATED.replace('"snapshots.csv"', '{ sql = "SELECT * FROM s" }').replace(
        '"outcomes.csv"', '{ sql = "SELECT * FROM o" }\ndatabase = "sqlite:book.db"'
    )
    queried = history(tmp_path, text + '[formula]\npreset = "none"\n').cohort()
    assert queried.fingerprint == with_files.fingerprint
    with pytest.raises(InputError, match="a query needs a database"):
        history(tmp_path, text.replace('database = "sqlite:book.db"', "")).cohort()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("snapshot.csv", "Did you mean 'snapshots.csv'"),
        ("none/*.csv", "no file matches"),
        (".", "is a folder"),
        ("far/away.csv", "there is no file"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path, path: str, says: str) -> None:
    dated(tmp_path)
    opened = history(tmp_path, DATED.replace("snapshots.csv", path))
    with pytest.raises(InputError, match=says):
        opened.cohort()


def telco(size: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    churn = rng.random(size) < 0.4
    return pd.DataFrame(
        {
            "customerID": [f"{n:04d}" for n in range(size)],
            "tenure": np.where(churn, 3, 30) + rng.integers(0, 5, size),
            "MonthlyCharges": np.where(churn, 90.5, 40.5) + rng.integers(0, 5, size),
            "TotalCharges": [" ", *map(str, range(1, size))],
            "Contract": "Month",
            "Churn": np.where(churn, "Yes", "No"),
        }
    )


def test_a_single_table_becomes_a_cross_sectional_cohort(tmp_path: Path) -> None:
    text = TABLE.replace("[formula]", 'id = "customerID"\nsegment = "Contract"\n[formula]')
    opened = history(tmp_path, text, table=telco())
    cohort = opened.cohort()
    assert (cohort.claim_level, cohort.dated, cohort.window, cohort.data_through) == (
        "cross-sectional",
        False,
        None,
        None,
    )
    assert cohort.metrics == ("MonthlyCharges", "TotalCharges", "tenure")
    assert cohort.frame["y"].sum() == (telco()["Churn"] == "Yes").sum()
    assert cohort.frame["as_of"].isna().all()
    assert cohort.frame["account_id"].iloc[1] == "0001"
    assert set(cohort.frame["segment"]) == {"Month"}
    assert np.isnan(cohort.frame["TotalCharges"].iloc[0])
    directions = {metric.id: metric.direction for metric in opened.metric_specs}
    assert directions["tenure"] == "higher_is_healthier"
    assert directions["MonthlyCharges"] == "lower_is_healthier"
    assert opened.secondary_labels().empty
    assert opened.accounts is None
    opened.close()


def test_rows_without_an_id_are_numbered_and_rows_without_a_label_are_left_out(tmp_path: Path) -> None:
    table = telco()
    table.loc[4, "Churn"] = None
    cohort = history(tmp_path, TABLE, table=table.drop(columns="customerID")).cohort()
    assert cohort.frame["account_id"].tolist()[:2] == ["row-01", "row-02"]
    assert cohort.excluded == {"no-label": 1}
    assert len(cohort.labelled()) == len(table) - 1


@pytest.mark.parametrize(
    ("written", "values"),
    [("1", [1, 0]), ('"1"', [1.0, 0.0]), ("true", ["True", "False"]), ("1.0", ["1", "0"]), ("0.5", ["0.5", "1"])],
)
def test_the_positive_label_may_be_text_number_or_truth(tmp_path: Path, written: str, values: list[object]) -> None:
    table = pd.DataFrame({"x": range(20), "Churn": values * 10})
    cohort = history(tmp_path, TABLE.replace('"Yes"', written), table=table).cohort()
    assert cohort.frame["y"].tolist() == [1.0, 0.0] * 10


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (telco().assign(Churn="maybe"), "does not occur; values are maybe"),
        (telco().head(0), "no rows"),
        (telco().drop(columns="Churn"), "there is no column 'Churn'"),
        (telco()[["customerID", "Contract", "Churn"]].assign(customerID="c"), "no numeric column"),
    ],
)
def test_a_table_without_usable_labels_or_metrics_is_refused(tmp_path: Path, table: pd.DataFrame, says: str) -> None:
    text = TABLE + ('[[formula.metrics]]\nid = "tenure"\nweight = 1\n' if table.empty else "")
    with pytest.raises(InputError, match=says):
        history(tmp_path, text, table=table).cohort()


def test_a_table_with_the_same_id_twice_is_a_finding(tmp_path: Path) -> None:
    text = TABLE.replace("[formula]", 'id = "customerID"\n[formula]')
    cohort = history(tmp_path, text, table=telco().assign(customerID=["a"] * 2 + list("b" * 58))).cohort()
    assert [finding.id for finding in cohort.findings] == ["sanity:duplicate-rows"]


def test_parquet_booleans_are_metrics_and_nested_columns_are_not(tmp_path: Path) -> None:
    rows = snapshots().assign(flag=lambda frame: frame["logins"] > 5, tags=[["a"]] * len(snapshots()))
    rows.to_parquet(tmp_path / "snapshots.parquet")
    text = DATED.replace("snapshots.csv", "snapshots.parquet") + '[formula]\npreset = "none"\n'
    opened = history(tmp_path, text, outcomes=outcomes())
    assert opened.cohort().metrics == ("flag", "logins", "tickets")
    assert opened.metric_specs[0].normalise.kind == "boolean"
    pd.DataFrame({"account_id": ["001"], "tags": [["x"]], "csm": ["c"]}).to_parquet(tmp_path / "accounts.parquet")
    text = text.replace('outcomes.csv"', 'outcomes.csv"\naccounts = "accounts.parquet"')
    accounts = history(tmp_path, text).accounts
    assert accounts is not None
    assert "csm" in accounts
    assert "tags" not in accounts


def test_the_fingerprint_tells_missing_from_empty_and_ignores_dtypes() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["", None], "c": pd.to_datetime(["2024-01-01", None])})
    same = frame.assign(a=pd.array([1, None], dtype="Int64"), b=frame["b"].astype(object))
    assert fingerprint(same) == fingerprint(frame)
    assert fingerprint(frame.assign(b=["", ""])) != fingerprint(frame)
    assert fingerprint(frame.assign(b=["1", "23"])) != fingerprint(frame.assign(b=["12", "3"]))
    assert fingerprint(frame.assign(a=[-0.0, 1])) == fingerprint(frame.assign(a=[0.0, 1]))
    assert fingerprint(frame, "x") != fingerprint(frame)


def test_a_row_from_the_future_blocks_and_does_not_make_outcomes_before_it_look_complete(tmp_path: Path) -> None:
    late = snapshots().iloc[[-1]].assign(as_of=pd.Timestamp("2095-01-31"))
    rows = pd.concat([snapshots(), late], ignore_index=True)
    found = history(tmp_path, DATED + '[formula]\npreset = "none"\n', snapshots=rows, outcomes=outcomes()).cohort()
    assert f"{found.data_through}" == "2023-12-31"
    assert [finding.id for finding in found.findings] == ["sanity:future-dated"]
    assert "2095-01-31" in found.findings[0].detail
