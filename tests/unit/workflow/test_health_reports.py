"""`churnbench report` on a simulated project: every kind and format, and what it refuses."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import projects
import pytest
from health_books import HOSTILE, NOW, book, peers, row

from churnbench.data.project import Project, load_project
from churnbench.domain.errors import InputError
from churnbench.export import write_document
from churnbench.health import Book
from churnbench.health.movement import movement
from churnbench.reports.health import FORMATS
from churnbench.workflow.health_book import book_of
from churnbench.workflow.health_reports import KINDS, file_names, make_report, write_accounts, write_report
from churnbench.workflow.stored_history import read_score_history


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("reported") / "project"
    return load_project(projects.write_project(folder, made=projects.world(150, 16, 5)))


@pytest.fixture(scope="module")
def simulated(project: Project) -> Book:
    return book_of(project)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_format_is_written(simulated: Book, tmp_path: Path, kind: str, form: str) -> None:
    made = make_report(simulated, kind)
    path = write_report(made, tmp_path, form)

    assert path.name == f"{kind}-{simulated.as_of:%Y-%m-%d}{FORMATS[form][0]}"
    text = path.read_text("utf-8")
    assert made.headline.split()[-1].rstrip(".") in text
    if kind != "customer":
        assert "hand formula" in text, "which formula was used is said in the report"


def test_a_hand_formula_without_churns_enough_has_no_probability_and_says_why(project: Project) -> None:
    early = book_of(project, as_of=date(2024, 10, 31))

    assert "20 are needed" in early.formula_source
    assert early.current["probability"].isna().all()
    assert make_report(early, "account").as_dict()["facts"]


def test_a_report_as_of_a_date_knows_nothing_later(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    projects.write_project(folder, made=projects.world(150, 16, 5))
    day = pd.Timestamp("2025-01-31")
    snapshots = pd.read_csv(folder / "snapshots.csv")
    snapshots[pd.to_datetime(snapshots["as_of"]) <= day].to_csv(folder / "snapshots.csv", index=False)
    outcomes = pd.read_csv(folder / "outcomes.csv")
    recorded = pd.to_datetime(outcomes["known_on"]).fillna(pd.to_datetime(outcomes["churned_on"]))
    outcomes[recorded <= day].to_csv(folder / "outcomes.csv", index=False)
    document = book_of(project, as_of=day.date()).document
    config = write_document(document, tmp_path / "config.json")

    for kind in ("portfolio", "executive", "cohorts", "early-warning"):
        whole = make_report(book_of(project, as_of=day.date(), config=config), kind).as_dict()
        cut = make_report(book_of(load_project(folder), as_of=day.date(), config=config), kind).as_dict()
        for one in (whole, cut):
            one.pop("caveats")
            one["about"].pop("outcomes_known_until")
        assert whole == cut, kind


def test_a_stored_history_gives_the_same_report_as_the_project(
    project: Project, simulated: Book, tmp_path: Path
) -> None:
    simulated.history.to_parquet(tmp_path / "part.parquet")
    config = write_document(dict(simulated.document), tmp_path / "config.json")
    stored = book_of(project, config=config, history=read_score_history(tmp_path / "part.parquet"))
    again = book_of(project, config=config)

    assert make_report(stored, "portfolio").as_dict() == make_report(again, "portfolio").as_dict()


def test_readings_of_other_configs_are_pointed_out(project: Project, simulated: Book, tmp_path: Path) -> None:
    simulated.history.assign(body_sha256="0" * 64).to_parquet(tmp_path / "old.parquet")
    stored = book_of(project, history=read_score_history(tmp_path / "old.parquet"))

    assert any("made by other configs" in note for note in stored.notes)


def test_a_folder_without_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no reading"):
        read_score_history(tmp_path)
    with pytest.raises(InputError, match="there is no score history"):
        read_score_history(tmp_path / "nowhere")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="columns are missing: account_id"):
        read_score_history(tmp_path / "bad.csv")


def test_all_accounts_get_a_file_of_their_own_and_an_index(tmp_path: Path) -> None:
    rows = [row(name, NOW, 5.0, 5.0, segment="SMB") for name in HOSTILE] + peers(3)
    count = write_accounts(book(rows), "account", tmp_path / "out")

    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert count == len(HOSTILE) + 3
    assert len(files) == count + 1
    assert all("/" not in name and not name.startswith(".") for name in files)
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "<script>alert" not in index
    assert index.count("<a href=") == count


def test_a_filled_folder_is_refused_before_any_report_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    monkeypatch.setattr("churnbench.workflow.health_reports.movement", lambda _: pytest.fail("work was begun"))

    with pytest.raises(InputError, match="not empty"):
        write_accounts(book([row("x", NOW, 5.0, 5.0)]), "account", tmp_path)


def test_what_triggers_and_risk_factors_name_is_read_beside_the_formula(tmp_path: Path) -> None:
    factor = """
[[formula.risk_factors]]
id = "competitor_mentioned_90d"
label = "Competitor mentioned"
severity = "high"

[[triggers]]
id = "seats-halved"
kind = "below"
of = "seats_paid"
value = 1000
playbook = "adoption"
"""
    folder = projects.write_project(tmp_path / "more", made=projects.world(60, 6, 5), tail=factor)
    snapshots = pd.read_csv(folder / "snapshots.csv")
    snapshots.assign(competitor_mentioned_90d="yes", seats_paid=7).to_csv(folder / "snapshots.csv", index=False)
    report = make_report(book_of(load_project(folder)), "account").as_dict()
    parts = {one["id"]: one for section in report["sections"] for one in section["parts"] if "id" in one}

    assert [(row["label"], row["points"]) for row in parts["register"]["rows"]] == [("Competitor mentioned", 20.0)]
    assert any(action["source"] == "playbook adoption: seats-halved" for action in parts["actions"]["rows"])


def test_the_list_beside_the_customers_views_holds_nothing_internal(tmp_path: Path) -> None:
    write_accounts(book([row("x", NOW, 5.0, 5.0, arr=777.0)]), "customer", tmp_path / "out", form="json")

    assert json.loads((tmp_path / "out" / "index.json").read_text())["accounts"] == [
        {"account_id": "x", "file": "x.json"}
    ]


def test_file_names_never_collide_even_where_case_does_not_count() -> None:
    ids = [
        "A",
        "a",
        "a/",
        "a-1",
        "A-2",
        "index",
        "index-1",
        "..",
        ".",
        "x" * 300,
        "x" * 301,
        "CON",
        "lpt1",
        "客户",
        "🦊",
    ]
    named = file_names(ids, ".md")

    assert len({name.lower() for name in named.values()}) == len(ids), "an account's report would overwrite another's"
    assert named["a-1"] == "a-1.md"
    assert not {"index.md", "con.md", "lpt1.md"} & {name.lower() for name in named.values()}
    assert max(map(len, named.values())) < 80


def test_what_makes_no_sense_is_refused_with_the_choice(simulated: Book, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no report"):
        make_report(simulated, "weekly")
    with pytest.raises(InputError, match="about a book"):
        make_report(simulated, "portfolio", account="A00001")
    with pytest.raises(InputError, match="about the formula"):
        make_report(simulated, "insights", segment="SMB")
    with pytest.raises(InputError, match="--all is for"):
        write_accounts(simulated, "portfolio", tmp_path / "out")
    with pytest.raises(InputError, match="no format"):
        write_report(make_report(simulated, "cohorts"), tmp_path, "pdf")


def test_a_table_without_dates_is_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({"customer": ["a", "b"] * 20, "Churn": ["Yes", "No"] * 20, "x": range(40)})
    table["customer"] = [f"c{n}" for n in range(40)]
    metric = '\n[[formula.metrics]]\nid = "x"\nweight = 1\ndirection = "higher_is_healthier"\n'
    made = load_project(projects.write_table_project(tmp_path / "p", table, formula=metric))
    with pytest.raises(InputError, match="no dates"):
        book_of(made)


def test_movement_is_banded_as_the_history_section_says(tmp_path: Path) -> None:
    folder = projects.write_project(tmp_path / "calm", made=projects.world(150, 16, 5))
    file = folder / "churnbench.toml"
    file.write_text(file.read_text("utf-8") + "\n[history]\nvelocity_bands = [-90.0, -80.0, 80.0, 90.0]\n")
    calm = movement(book_of(load_project(folder)))
    assert set(calm["moves"]) <= {"stable", ""}
    usual = movement(book_of(load_project(projects.write_project(tmp_path / "usual", made=projects.world(150, 16, 5)))))
    assert {"declining", "improving"} <= set(usual["moves"])
