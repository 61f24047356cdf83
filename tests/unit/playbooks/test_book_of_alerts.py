"""The book: what is new, what goes on, what is over; closing by hand; limits; crashes."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from alert_histories import history, only, readings

from churnbench.domain.errors import InputError
from churnbench.playbooks import AlertBook, Declared, Update, evaluate, records_of, write_alerts
from churnbench.playbooks.journal import Journal, alone

BELOW = {"kind": "below", "of": "health_score", "value": 60}


def at(book: AlertBook, frame: pd.DataFrame, declared: Declared, day: str) -> Update:
    return book.update(evaluate(frame, declared, as_of=pd.Timestamp(day)), declared)


def names(records: tuple[dict[str, Any], ...]) -> list[str]:
    return [record["account_id"] for record in records]


def test_an_alert_is_new_once_goes_on_and_is_over_when_its_condition_clears(tmp_path: Path) -> None:
    frame, declared, book = history(readings("a", [70, 55, 50, 70])), only(**BELOW), AlertBook(tmp_path)
    told = [at(book, frame, declared, day) for day in ("2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26")]
    assert [len(one.opened) for one in told] == [0, 1, 0, 0]
    assert [len(one.continuing) for one in told] == [0, 0, 1, 0]
    assert [len(one.over) for one in told] == [0, 0, 0, 1]
    assert [entry.status for entry in book.entries().values()] == ["over"]


def test_the_same_evaluation_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    frame, declared, book = history(readings("a", [50])), only(**BELOW), AlertBook(tmp_path)
    at(book, frame, declared, "2026-01-05")
    before = (tmp_path / "alerts.jsonl").read_bytes()
    again = at(book, frame, declared, "2026-01-05")
    assert (len(again.opened), len(again.continuing)) == (0, 1)
    assert (tmp_path / "alerts.jsonl").read_bytes() == before


def test_the_due_date_counts_from_the_day_it_was_raised_not_from_a_reading_months_ago(tmp_path: Path) -> None:
    frame = history(readings("a", [50] * 10))
    (record,) = at(AlertBook(tmp_path), frame, only(**BELOW, due_days=2), "2026-03-09").opened
    assert (record["first_seen"], record["raised_on"], record["due"]) == ("2026-01-05", "2026-03-09", "2026-03-11")


def test_a_history_that_begins_later_does_not_raise_an_open_alert_again(tmp_path: Path) -> None:
    frame, declared, book = history(readings("a", [50] * 6)), only(**BELOW), AlertBook(tmp_path)
    at(book, frame, declared, "2026-01-12")
    shortened = frame[frame["as_of"] > "2026-01-12"].reset_index(drop=True)
    later = at(book, shortened, declared, "2026-02-09")
    assert (len(later.opened), len(later.continuing), len(later.over)) == (0, 1, 0)


def test_an_episode_missed_between_two_evaluations_is_over_and_the_next_one_new(tmp_path: Path) -> None:
    frame, declared, book = history(readings("a", [50, 70, 50])), only(**BELOW), AlertBook(tmp_path)
    at(book, frame, declared, "2026-01-05")
    later = at(book, frame, declared, "2026-01-19")
    assert (len(later.opened), len(later.over)) == (1, 1)
    assert later.opened[0]["alert_id"] != later.over[0]["alert_id"]


def test_what_a_person_closed_does_not_come_back_in_the_same_episode_nor_in_the_cool_down(tmp_path: Path) -> None:
    declared, book = only(**BELOW, cool_down_days=14), AlertBook(tmp_path)
    frame = history(readings("a", [50, 50, 70, 50, 50]))
    (record,) = at(book, frame, declared, "2026-01-05").opened
    closed = book.close(record["alert_id"], "done", on=date(2026, 1, 18), by="Ada", note="Called")
    assert closed.outcome == "done"
    assert at(book, frame, declared, "2026-01-12").opened == ()
    # Cleared on the 19th; the next episode would count from 2 February on, fourteen days after that.
    assert at(book, frame, declared, "2026-01-26").opened == ()
    assert len(at(book, frame, declared, "2026-02-02").opened) == 1
    lines = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["opened", "closed", "opened"]
    assert (lines[1]["by"], lines[1]["note"], lines[1]["outcome"]) == ("Ada", "Called", "done")


def test_closing_what_is_unknown_closed_or_without_a_known_outcome_is_refused(tmp_path: Path) -> None:
    book = AlertBook(tmp_path)
    (record,) = at(book, history(readings("a", [50])), only(**BELOW), "2026-01-05").opened
    with pytest.raises(InputError, match="no alert 'al-0'"):
        book.close("al-0", "done", on=date(2026, 1, 6))
    with pytest.raises(InputError, match="'saved' is no outcome"):
        book.close(record["alert_id"], "saved", on=date(2026, 1, 6))
    book.close(record["alert_id"], "other", on=date(2026, 1, 6))
    with pytest.raises(InputError, match="was closed on 2026-01-06"):
        book.close(record["alert_id"], "done", on=date(2026, 1, 7))


def test_a_csm_gets_the_most_valuable_ones_of_the_week_and_the_rest_competes_again(tmp_path: Path) -> None:
    declared = only({"per_csm_week": 2}, **BELOW)
    values = [("low", 10.0), ("high", 30.0), ("middle", 20.0)]
    accounts = [readings(name, [50] * 3, csm="Ada", arr=value, churn_probability=0.5) for name, value in values]
    frame = history(*accounts, readings("other", [50] * 3, csm="Bob", arr=1.0, churn_probability=0.1))
    book = AlertBook(tmp_path)
    first = at(book, frame, declared, "2026-01-05")
    assert (names(first.opened), names(first.held)) == (["high", "middle", "other"], ["low"])
    again = at(book, frame, declared, "2026-01-05")
    assert (names(again.opened), names(again.held)) == ([], ["low"])
    assert names(at(book, frame, declared, "2026-01-12").opened) == ["low"]


def test_an_evaluation_before_the_last_one_is_refused(tmp_path: Path) -> None:
    frame, book = history(readings("a", [50, 50])), AlertBook(tmp_path)
    at(book, frame, only(**BELOW), "2026-01-12")
    with pytest.raises(InputError, match="as of 2026-01-12 already; 2026-01-05 lies before it"):
        at(book, frame, only(**BELOW), "2026-01-05")


def test_a_line_that_a_crash_tore_counts_as_not_written_and_spoils_nothing_after_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append([{"n": 1}])
    with journal.path.open("ab") as stream:
        stream.write(b'{"n": 2, "te')
    assert (journal.read(), journal.torn) == ([{"n": 1}], 1)
    journal.append([{"n": 3}])
    assert journal.read() == [{"n": 1}, {"n": 3}]


def test_two_processes_do_not_write_at_once(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(InputError, match="another process"):
        at(AlertBook(tmp_path), history(readings("a", [50])), only(**BELOW), "2026-01-05")


def test_a_file_of_alerts_runs_nothing_in_a_spreadsheet_and_keeps_its_figures(tmp_path: Path) -> None:
    evil = "=cmd()|' /C calc'!A0"
    frame = history(readings(evil, [50], csm="@SUM(1)", arr=-5.0, churn_probability=0.5), readings(" -1+1", [50]))
    records = records_of(evaluate(frame, only(**BELOW)).alerts, only(**BELOW))
    write_alerts(records, tmp_path / "a.csv")
    rows = {row["account_id"]: row for row in csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text()))}
    assert set(rows) == {"'" + evil, "' -1+1"}
    assert rows["'" + evil]["csm"] == "'@SUM(1)"
    assert rows["'" + evil]["arr"] == "-5.0"
    assert rows["' -1+1"]["arr"] == ""
    write_alerts(records, tmp_path / "a.json")
    assert {one["account_id"] for one in json.loads((tmp_path / "a.json").read_text())["alerts"]} == {evil, " -1+1"}
    write_alerts(records, tmp_path / "a.jsonl")
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 2
    with pytest.raises(InputError, match=r"'\.xlsx' is no form of alerts"):
        write_alerts(records, tmp_path / "a.xlsx")
