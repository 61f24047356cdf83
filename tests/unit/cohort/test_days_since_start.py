"""Tenure is a column of every cohort: days between the start of the account and the snapshot."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from projects import write_project, write_table_project

from churnbench.cohort import open_history
from churnbench.data.project import load_project


def test_it_counts_from_the_start_that_the_accounts_table_names(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p")
    frame = open_history(load_project(folder)).cohort().frame
    accounts = pd.read_csv(folder / "accounts.csv", parse_dates=["started_on"]).set_index("account_id")
    started = accounts["started_on"].reindex(frame["account_id"]).to_numpy()
    assert (frame["days_since_start"] == (frame["as_of"] - started).dt.days).all()
    assert frame.loc[frame["status"] == "labelled", "days_since_start"].min() >= 90


def test_it_is_missing_where_the_start_is_not_known(tmp_path: Path) -> None:
    table = pd.DataFrame({"customer": range(40), "use": range(40), "Churn": ["Yes", "No"] * 20})
    frame = (
        open_history(load_project(write_table_project(tmp_path / "t", table, formula='\n[formula]\npreset = "none"\n')))
        .cohort()
        .frame
    )
    assert frame["days_since_start"].isna().all()
