"""A company's year, played on a small company."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from churnbench.data.simulate_year import CONNECTED_ON, RESCALED, RESCALED_BY, RESCALED_ON, Company, simulate_company
from churnbench.domain.errors import InputError
from churnbench.release import decisions
from churnbench.reports.year import render_year
from churnbench.workflow.year import play_year


@pytest.fixture(scope="module")
def company() -> Company:
    return simulate_company(500, 4)


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


def test_a_project_holds_what_was_known_on_the_day_and_nothing_later(company: Company, tmp_path: Path) -> None:
    folder = company.write_project(tmp_path / "march", date(2025, 3, 31))
    assert read(folder, "snapshots")["as_of"].max() == "2025-03-31"
    assert read(folder, "outcomes")["known_on"].max() <= "2025-03-31"
    assert read(folder, "accounts")["started_on"].max() <= "2025-03-31"
    assert "nps" not in read(folder, "snapshots")
    later = company.write_project(tmp_path / "july", CONNECTED_ON)
    assert "nps" in read(later, "snapshots")


def test_from_december_on_one_tool_counts_on_another_scale(company: Company, tmp_path: Path) -> None:
    rows = read(company.write_project(tmp_path / "december", date(2025, 12, 31)), "snapshots")
    true = company.world.snapshots
    late = rows["as_of"] >= f"{RESCALED_ON}"
    expected = true.loc[pd.to_datetime(true["as_of"]) >= pd.Timestamp(RESCALED_ON), RESCALED]
    assert rows.loc[late, RESCALED].sum() == pytest.approx(RESCALED_BY * expected.sum())
    assert rows.loc[~late, RESCALED].max() <= 5.0


@pytest.mark.slow
def test_decisions_follow_from_what_the_tools_say(company: Company, tmp_path: Path) -> None:
    year = play_year(tmp_path / "year", company=company)
    assert [quarter.name for quarter in year.quarters] == ["Q1", "Q2", "Q3", "Q4"]
    versions = []
    for quarter in year.quarters:
        if quarter.decision == "promoted":
            assert quarter.verdict == "promote"
            versions.append(quarter.version)
        elif quarter.decision == "refused":
            assert quarter.verdict != "promote"
            assert quarter.why.startswith("It cannot be promoted on its evidence")
        else:
            assert quarter.monitoring is not None
            assert RESCALED in quarter.why
        for page in quarter.pages.values():
            assert (year.out / page).is_file()
            assert f'href="{page}"' in (year.out / "year.html").read_text("utf-8")
        if quarter.monitoring is not None:
            assert {"portfolio", "early-warning", "executive"} <= set(quarter.pages)
    released = list(decisions(year.out / "models" / "larkspur")) if versions else []
    promoted = [entry for entry in released if entry["event"] == "promote"]
    assert len(promoted) == len(versions)
    assert json.loads((year.out / "year.json").read_text("utf-8"))["days"] == list(year.days)
    with pytest.raises(InputError, match="not empty"):
        play_year(tmp_path / "year", company=company)


def test_the_page_of_a_year_escapes_every_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    quarter = {
        "name": hostile, "on": "2025-03-31", "monitoring": hostile, "verdict": hostile, "sentence": hostile,
        "decision": hostile, "why": hostile, "version": hostile, "pages": {"review": "q1/run/review.html"},
    }  # fmt: skip
    day = {"as_of": hostile, "readings": 1, "new_alerts": 0, "open_alerts": 0, "config_version": hostile}
    page = render_year({"company": hostile, "quarters": [quarter], "days": [day]})
    assert "<img" not in page
    assert "&lt;img" in page
    assert "http" not in page.replace("http-equiv", "")
