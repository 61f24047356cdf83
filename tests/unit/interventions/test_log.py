"""The log of interventions: what is read, what is refused with its line, and rows that are only ever added."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from projects import edit, write_project

from churnbench.data.project import Project, load_project
from churnbench.domain.errors import InputError
from churnbench.interventions import InterventionLog, NewEntry, append, log_path, read_log

TODAY = date(2026, 1, 20)
HOSTILE = ("=cmd()", "@x", "+1", "'=1", "<script>alert(1)</script>", 'a "quoted", name', "Zoë; O'Neil")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that declares a log, which is not there yet."""
    folder = write_project(tmp_path)
    edit(folder / "churnbench.toml", "[data]\n", '[data]\ninterventions = "interventions.csv"\n')
    return load_project(folder)


def written(project: Project, text: str) -> InterventionLog:
    log_path(project).write_text(text, encoding="utf-8")
    found = read_log(project)
    assert found is not None
    return found


def entry(account: str = "A1", day: date = date(2026, 1, 5), kind: str = "adoption", **further: object) -> NewEntry:
    return NewEntry(account, day, kind, TODAY, **further)  # type: ignore[arg-type]


def test_a_project_without_a_log_has_none(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path))
    assert read_log(project) is None
    append(project, [NewEntry("A1", date(2025, 3, 1), "call", date(2025, 3, 1))], today=date(2025, 3, 1))
    found = read_log(project)
    assert found is not None
    assert found.entries["account_id"].tolist() == ["A1"]


def test_two_columns_are_enough_and_missing_cells_mean_what_is_documented(project: Project) -> None:
    log = written(project, "account_id,started_on\nA1,2025-03-01\nA2,2025-02-01\n").entries
    assert log["account_id"].tolist() == ["A2", "A1"]
    assert log["treated"].tolist() == [True, True]
    assert log["randomised"].tolist() == [False, False]
    assert log["propensity"].isna().all()
    assert (log["known_on"] == log["started_on"]).all()
    assert log["intervention_id"].is_unique


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("A1,2025-03-01,1.2,0,1,,", "propensity", "1.2 is not a probability"),
        ("A1,2025-03-01,,1,1,,", "propensity", "with no propensity"),
        ("A1,2025-03-01,1,1,1,,", "propensity", "with a propensity of 1"),
        ("A1,2025-03-01,,0,perhaps,,", "treated", "not yes or no"),
        ("A1,soon,,0,1,,", "started_on", "not a date"),
        ("A1,,,0,1,,", "started_on", "an empty cell"),
        (",2025-03-01,,0,1,,", "account_id", "not an account id"),
        ("A0,2025-01-01,,0,1,,", "account_id", "stands in the log already"),
        ("A1,2025-03-01,,0,1,saved,nobody", "refers_to", "'nobody' is not the intervention_id"),
    ],
)
def test_a_cell_that_cannot_be_used_is_refused_with_its_line(
    project: Project, row: str, column: str, words: str
) -> None:
    head = "account_id,started_on,propensity,randomised,treated,outcome,refers_to\nA0,2025-01-01,,0,1,,\n"
    with pytest.raises(InputError) as caught:
        written(project, head + row + "\n")
    assert words in caught.value.message
    assert (caught.value.column, caught.value.row, caught.value.file) == (column, 3, "interventions.csv")
    assert caught.value.fix


def test_an_empty_log_is_a_log(project: Project) -> None:
    assert written(project, "account_id,started_on\n").entries.empty


def test_only_what_had_begun_and_was_on_record_counts_on_a_day(project: Project) -> None:
    log = written(
        project, "account_id,started_on,known_on\nA1,2025-03-01,2025-03-09\nA2,2025-03-04,2025-03-01\nA3,2025-02-01,\n"
    )
    known = log.known_by(pd.Timestamp("2025-03-03"))
    assert known.entries["account_id"].tolist() == ["A3"]


def test_an_outcome_is_a_new_row_that_refers_to_the_first_and_the_newest_counts(project: Project) -> None:
    (first,) = append(project, [entry(author="Ada")], today=TODAY)
    before = log_path(project).read_bytes()
    for number, outcome in enumerate(("no answer", "stayed")):
        said = entry(outcome=outcome, refers_to=first)
        assert append(project, [replace(said, known_on=date(2026, 1, 10 + number))], today=TODAY) == [first]
    assert log_path(project).read_bytes().startswith(before)
    log = read_log(project)
    assert log is not None
    assert log.entries["outcome"].tolist() == ["stayed"]
    assert len(log_path(project).read_text("utf-8").splitlines()) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_spreadsheet_would_run_is_neutralised_in_the_file_and_comes_back_as_it_was(
    project: Project, text: str
) -> None:
    append(project, [entry(text, kind=text, trigger=text, note=text, author=text)], today=TODAY)
    cells = list(csv.reader(log_path(project).read_text("utf-8").splitlines()))[1]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    log = read_log(project)
    assert log is not None
    assert log.entries.loc[0, ["account_id", "kind", "trigger", "note", "author"]].tolist() == [text] * 5
    with pytest.raises(InputError, match="already"):
        append(project, [entry(text, kind=text, trigger=text)], today=TODAY)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"day": date(2026, 1, 21)}, "in the future"),
        ({"day": date(1, 1, 1)}, "not a date after 1970"),
        ({"account": "  "}, "needs an account"),
        ({"kind": ""}, "needs a kind"),
        ({"note": "a\x00b"}, "control character"),
        ({"refers_to": "0123"}, "not the id of an intervention"),
        ({"randomised": True}, "with no propensity"),
        ({"propensity": 1.5}, "not a probability"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused_and_the_log_stays_as_it_was(
    project: Project, wrong: dict[str, object], words: str
) -> None:
    append(project, [entry("A0")], today=TODAY)
    before = log_path(project).read_bytes()
    with pytest.raises(InputError, match=words):
        append(project, [entry(**wrong)], today=TODAY)  # type: ignore[arg-type]
    assert log_path(project).read_bytes() == before


def test_the_same_row_twice_in_one_call_is_refused_and_nothing_is_written(project: Project) -> None:
    with pytest.raises(InputError, match="twice"):
        append(project, [entry(), entry()], today=TODAY)
    assert not log_path(project).exists()


def test_a_log_that_lacks_a_column_gets_it_and_keeps_every_other_cell(project: Project) -> None:
    old = 'account_id;started_on;kind;colour\r\nA1;2025-03-01;call;"red; and ""blue"""\r\nA2;2025-03-02;call;'
    log_path(project).write_bytes(b"\xef\xbb\xbf" + old.encode())
    append(project, [entry("A3", note="new")], today=TODAY)
    read = list(csv.reader(log_path(project).read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert [row[:4] for row in read[:3]] == [
        ["account_id", "started_on", "kind", "colour"],
        ["A1", "2025-03-01", "call", 'red; and "blue"'],
        ["A2", "2025-03-02", "call", ""],
    ]
    log = read_log(project)
    assert log is not None
    assert log.entries["note"].tolist() == [None, None, "new"]


def test_writers_at_the_same_time_lose_no_row(project: Project) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: append(project, [entry(f"A{number}")], today=TODAY), range(12)))
    log = read_log(project)
    assert log is not None
    assert sorted(log.entries["account_id"]) == sorted(f"A{number}" for number in range(12))


def test_a_parquet_log_is_appended_to_as_well(project: Project) -> None:
    edit(project.root / "churnbench.toml", "interventions.csv", "log.parquet")
    project = load_project(project.root)
    frame = pd.DataFrame({"account_id": ["A1"], "started_on": pd.to_datetime(["2025-03-01"]), "extra": [7]})
    frame.to_parquet(log_path(project), index=False)
    (first,) = append(project, [entry("A2", author="Ada")], today=TODAY)
    append(project, [entry("A2", outcome="stayed", refers_to=first)], today=TODAY)
    log = read_log(project)
    assert log is not None
    assert log.entries["account_id"].tolist() == ["A1", "A2"]
    assert log.entries["outcome"].tolist() == [None, "stayed"]
    assert pd.read_parquet(log_path(project))["extra"].tolist()[0] == 7


def test_a_log_of_several_files_is_not_written_to(project: Project) -> None:
    edit(project.root / "churnbench.toml", "interventions.csv", "logs/*.csv")
    with pytest.raises(InputError, match="one file only"):
        append(load_project(project.root), [entry()], today=TODAY)
