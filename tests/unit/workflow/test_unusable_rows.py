"""Rows that are there twice or come from the future stop daily use, as they stop a review."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import projects
import pytest

from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export import write_document
from churnbench.workflow.alerting import watch
from churnbench.workflow.daily import run_day
from churnbench.workflow.health_book import book_of


@pytest.fixture(params=["twice", "future"])
def spoilt(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = projects.write_project(tmp_path / "project", made=projects.world(120, 14, 5))
    path = folder / "snapshots.csv"
    rows = pd.read_csv(path)
    odd = rows.tail(1) if request.param == "twice" else rows.tail(1).assign(as_of="2095-01-31")
    pd.concat([rows, odd]).to_csv(path, index=False)
    return folder


def test_reports_triggers_and_days_refuse_them_and_name_the_row(spoilt: Path, tmp_path: Path) -> None:
    project = load_project(spoilt)
    clean = projects.write_project(tmp_path / "clean", made=projects.world(120, 14, 5))
    document = dict(book_of(load_project(clean)).document)
    words = "again for the same account|dated in the future"
    with pytest.raises(InputError, match=words):
        book_of(project)
    with pytest.raises(InputError, match=words):
        watch(project, document)
    config = write_document(document, tmp_path / "config.json")
    with pytest.raises(InputError, match=words):
        run_day(project, tmp_path / "day", today=date(2026, 1, 1), config=config, store=tmp_path / "history")
    assert not (tmp_path / "day").exists()


def test_a_written_reason_lets_them_pass(spoilt: Path) -> None:
    projects.edit(
        spoilt / "churnbench.toml", "[project]", '[checks.allow]\nsanity = "known, the first row counts"\n[project]'
    )
    assert len(book_of(load_project(spoilt)).current)
