"""One day of the score in use, and the next."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import projects
import pytest

from churnbench.data.project import Project, load_project
from churnbench.data.simulate import World
from churnbench.domain.errors import InputError
from churnbench.export import read_document, write_document
from churnbench.health import playbook_actions
from churnbench.history import open_store
from churnbench.playbooks import AlertBook
from churnbench.workflow.alerting import declared_of, evaluate_stored
from churnbench.workflow.daily import Day, run_day
from churnbench.workflow.health_book import book_of
from churnbench.workflow.stored_history import read_score_history, shown_bands

NOVEMBER, DECEMBER, NEW_YEAR = date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 2)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def book_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one account has a hostile name, and the hand formula as a config beside it."""
    folder = tmp_path_factory.mktemp("daily") / "project"
    made = projects.world(120, 14, 5)
    worst = made.snapshots.groupby("account_id")["active_seats_share"].last().idxmin()
    renamed = {worst: HOSTILE}
    world = World(
        made.snapshots.replace({"account_id": renamed}),
        made.outcomes.replace({"account_id": renamed}),
        made.accounts.replace({"account_id": renamed}),
        made.truth,
        made.truth_table,
    )
    projects.write_project(folder, made=world)
    write_document(dict(book_of(load_project(folder)).document), folder / "config.json")
    return folder


@pytest.fixture
def project(book_folder: Path) -> Project:
    return load_project(book_folder)


def run(project: Project, place: Path, day: date, today: date = NEW_YEAR, reason: str | None = None) -> Day:
    return run_day(
        project,
        place / "daily",
        today=today,
        as_of=day,
        config=project.root / "config.json",
        store=place / "history",
        reports=("portfolio",),
        reason=reason,
    )


def test_a_day_is_kept_alerted_and_reported(project: Project, tmp_path: Path) -> None:
    day = run(project, tmp_path, DECEMBER)
    snapshots = pd.read_csv(project.root / "snapshots.csv")
    under_contract = set(snapshots.loc[snapshots["as_of"] == "2025-12-31", "account_id"])

    stored = read_score_history(tmp_path / "history")
    assert set(stored["account_id"]) == under_contract
    assert day.appended.added == len(under_contract)
    assert {one["account_id"] for one in day.alerts.opened} <= under_contract
    assert day.files["portfolio"].read_text("utf-8").count("<h1") == 1
    assert any(name.startswith("account ") for name in day.files)
    assert {one.trigger for one in day.not_evaluated}, "what cannot be evaluated is named"


def test_the_same_day_again_changes_nothing(project: Project, tmp_path: Path) -> None:
    first = run(project, tmp_path, DECEMBER)
    journal = (tmp_path / "daily" / "alerts" / "alerts.jsonl").read_bytes()
    # Months later the readings are old, but they are there already and need no reason.
    again = run(project, tmp_path, DECEMBER, today=date(2026, 6, 1))

    assert (again.appended.added, again.appended.same) == (0, first.appended.added)
    assert again.alerts.opened == ()
    assert (tmp_path / "daily" / "alerts" / "alerts.jsonl").read_bytes() == journal


def test_the_next_day_continues_alerts_and_freezes_who_left(project: Project, tmp_path: Path) -> None:
    first = run(project, tmp_path, NOVEMBER, today=date(2025, 12, 1))
    second = run(project, tmp_path, DECEMBER)

    opened = {one["alert_id"] for one in first.alerts.opened}
    assert {one["alert_id"] for one in second.alerts.continuing} <= opened
    assert {one["alert_id"] for one in second.alerts.over} <= opened
    outcomes = pd.read_csv(project.root / "outcomes.csv")
    gone = outcomes[(outcomes["kind"] == "churn") & (outcomes["known_on"] <= "2025-12-31")]
    gone = gone[gone["churned_on"] <= "2025-12-31"]
    with open_store(tmp_path / "history") as store:
        assert set(gone["account_id"]) <= set(store.churned())
        last = store.history(since=DECEMBER)
    assert not set(last["account_id"]) & set(gone["account_id"])


def test_a_late_day_without_a_reason_is_refused_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="days old"):
        run(project, tmp_path, NOVEMBER)
    assert not (tmp_path / "daily").exists()
    assert run(project, tmp_path, NOVEMBER, reason="Loaded after the fact").appended.late > 0


def test_a_day_before_the_newest_alerts_is_kept_and_changes_no_alert_and_no_report(
    project: Project, tmp_path: Path
) -> None:
    run(project, tmp_path, DECEMBER)
    before = {path: path.read_bytes() for path in (tmp_path / "daily").rglob("*") if path.is_file()}

    late = run(project, tmp_path, NOVEMBER, reason="The warehouse was down")

    assert late.kept_as_of == "2025-12-31"
    assert late.appended.late == late.appended.added > 0
    assert (late.files, late.alerts.open_records) == ({}, [])
    assert {path: path.read_bytes() for path in (tmp_path / "daily").rglob("*") if path.is_file()} == before
    with open_store(tmp_path / "history") as store:
        assert set(store.history()["as_of"].dt.date) == {NOVEMBER, DECEMBER}


def test_triggers_on_the_stored_history_find_what_the_day_raised(project: Project, tmp_path: Path) -> None:
    first = run(project, tmp_path, NOVEMBER, reason="Loaded after the fact")
    second = run(project, tmp_path, DECEMBER)
    document = read_document(project.root / "config.json")

    on_store = evaluate_stored(project, document, tmp_path / "history")
    again = AlertBook(tmp_path / "daily" / "alerts").update(on_store, declared_of(project))

    assert first.alerts.opened
    assert (again.opened, again.over) == ((), ())
    assert {one["alert_id"] for one in again.continuing} == {one["alert_id"] for one in second.alerts.open_records}
    november = evaluate_stored(project, document, tmp_path / "history", pd.Timestamp(NOVEMBER))
    assert {one["alert_id"] for one in first.alerts.opened} == set(november.alerts["alert_id"])
    with pytest.raises(InputError, match="no score history"):
        evaluate_stored(project, document, tmp_path / "absent")


def test_a_day_in_the_future_is_refused(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="after today"):
        run(project, tmp_path, DECEMBER, today=date(2025, 12, 1))


def test_without_a_config_the_way_to_one_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="churnbench promote"):
        run_day(project, tmp_path / "daily", today=NEW_YEAR, models=tmp_path / "models", store=tmp_path / "history")


def test_a_date_before_the_first_snapshot_names_it(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the first one is of"):
        run(project, tmp_path, date(2020, 1, 1))


def test_hostile_names_are_escaped_wherever_they_appear(project: Project, tmp_path: Path) -> None:
    day = run(project, tmp_path, DECEMBER)
    assert any(one["account_id"] == HOSTILE for one in day.alerts.open_records)
    for path in (tmp_path / "daily").rglob("*.html"):
        assert HOSTILE not in path.read_text("utf-8"), path.name
    assert HOSTILE not in (tmp_path / "daily" / "alerts.md").read_text("utf-8")


def test_playbook_tasks_become_actions_each_once() -> None:
    task = {"action": "Call", "owner": "Ada", "due": "2026-01-05", "success": "Called"}
    alert = {"playbook": "save", "label": "Falling", "tasks": [task, {**task, "due": "2026-01-09"}]}

    actions = playbook_actions([alert, alert])

    assert [(one["action"], f"{one['due']:%Y-%m-%d}") for one in actions] == [("Call", "2026-01-05")]
    assert json.dumps(actions[0]["source"]) == '"playbook save: Falling"'


def test_of_a_long_history_month_ends_and_the_last_weeks_are_read(project: Project, tmp_path: Path) -> None:
    run(project, tmp_path, date(2025, 10, 31), reason="Loaded after the fact")
    run(project, tmp_path, DECEMBER)

    assert read_score_history(tmp_path / "history")["as_of"].nunique() == 2
    assert set(read_score_history(tmp_path / "history", until=NOVEMBER)["as_of"]) == {pd.Timestamp("2025-10-31")}
    assert list(shown_bands(tmp_path / "history").columns) == ["account_id", "as_of", "band"]


@pytest.mark.parametrize("back", [True, False])
def test_who_left_and_came_back_is_a_customer_again(book_folder: Path, tmp_path: Path, back: bool) -> None:
    folder = tmp_path / "project"
    shutil.copytree(book_folder, folder)
    snapshots = pd.read_csv(folder / "snapshots.csv")
    here = str(snapshots.loc[snapshots["as_of"] == "2025-12-31", "account_id"].iloc[0])
    outcomes = pd.read_csv(folder / "outcomes.csv")
    left = {"account_id": here, "churned_on": "2025-11-15", "known_on": "2025-11-15", "kind": "churn"}
    pd.concat([outcomes, pd.DataFrame([left])]).to_csv(folder / "outcomes.csv", index=False)
    first = run(load_project(folder), tmp_path, NOVEMBER, today=date(2025, 12, 1))
    assert here in first.after_churn, "a snapshot after a churn is named, and not scored"
    if back:
        again = left | {"churned_on": "2025-12-20", "known_on": "2025-12-20", "kind": "reactivation"}
        pd.concat([outcomes, pd.DataFrame([left, again])]).to_csv(folder / "outcomes.csv", index=False)

    second = run(load_project(folder), tmp_path, DECEMBER)

    assert (here in second.after_churn) == (not back)
    assert second.outcomes.returned == back
    with open_store(tmp_path / "history") as store:
        assert (here in store.churned()) == (not back)
        assert len(store.history([here])) == back
        assert [one.churned_on for one in store.absences()[here]] == [date(2025, 11, 15)], "the freeze stays on record"
