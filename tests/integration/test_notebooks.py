"""Notebooks run top to bottom on the demo data and on books with little to say, and their two halves say the same."""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pandas as pd
import pytest
from projects import edit, world, write_project, write_table_project

from churnbench.data.project import load_project
from churnbench.data.simulate_demo import demo_project
from churnbench.workflow import run_review
from churnbench.workflow.headless import about_a_project, notebooks, parameters_of, run_notebooks

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = notebooks(FOLDER)
#: Those that a review brings to the table, which meet the oddest results.
ANALYSIS = [name for name in NOTEBOOKS if name[:2] in ("05", "06")]
FEW = "\n[calibration]\nbootstrap = 3\n"
#: One labelled table without dates: two metrics and a category.
TABLE_FORMULA = """
[formula]
preset = "none"

[[formula.dimensions]]
id = "usage"
weight = 100

[[formula.metrics]]
id = "logins"
dimension = "usage"
weight = 70

[[formula.metrics]]
id = "tickets"
dimension = "usage"
weight = 20
direction = "lower_is_healthier"

[[formula.metrics]]
id = "plan"
dimension = "usage"
weight = 10
normalise = { kind = "category", map = { "<b>a</b>" = 100, b = 0 } }
"""

#: Notebooks that look at a simulated world and not at a project.
SIMULATED = tuple(name for name in NOTEBOOKS if "08" <= name[:2] <= "14")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of the kernel close after the test


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


def outputs(path: Path) -> list[nbformat.NotebookNode]:
    return [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo project and one run of it, which all notebooks share, in a folder."""
    folder = tmp_path_factory.mktemp("demo")
    demo_project(folder / "project")
    run_review(load_project(folder / "project"), folder / "run")
    return folder


def test_there_is_one_notebook_per_topic_in_reading_order() -> None:
    assert list(NOTEBOOKS) == [
        "01_data_and_checks",
        "02_backtest",
        "03_weights_curves_shap",
        "04_thresholds_and_capacity",
        "05_quarterly_review",
        "06_account_deep_dive",
        "07_from_review_to_production",
        "08_claims_and_truth",
        "09_scorecards",
        "10_sources",
        "11_interventions",
        "12_monitoring",
        "13_history",
        "14_triggers",
        "15_reports",
    ]
    assert about_a_project(NOTEBOOKS) == [name for name in NOTEBOOKS if name not in SIMULATED]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_and_its_script_hold_the_same_cells_and_no_outputs(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    assert cells(notebook) == cells(jupytext.read(FOLDER / f"{name}.py"))
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert "SEED" in parameters_of(NOTEBOOKS[name])
    assert "parameters" in notebook.cells[1].metadata.get("tags", [])


def test_links_between_notebooks_lead_somewhere() -> None:
    linked = [part.split(")")[0] for path in NOTEBOOKS.values() for part in path.read_text("utf-8").split("](")[1:]]
    assert len(linked) >= len(NOTEBOOKS) - 1
    assert [link for link in linked if link.endswith(".ipynb") and not (FOLDER / link).is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_top_to_bottom_on_the_demo(name: str, demo: Path, tmp_path: Path) -> None:
    (page,) = run_notebooks(demo / "project", demo / "run", tmp_path, only=[name])
    shown = outputs(page.with_suffix(".ipynb"))
    assert any("image/png" in output.get("data", {}) or "text/html" in output.get("data", {}) for output in shown)
    assert [output.text for output in shown if output.get("name") == "stderr"] == []
    assert "<script" not in page.read_text("utf-8")


@pytest.mark.slow
def test_the_analysis_has_something_to_say_where_few_accounts_left(tmp_path: Path) -> None:
    few = write_project(tmp_path / "few", made=world(150, 20, 3, 0.03), tail=FEW)
    edit(few / "churnbench.toml", "[calibration]", "[label]\ndata_through = 2025-08-31\n\n[calibration]")
    run_review(load_project(few), tmp_path / "before")
    edit(few / "churnbench.toml", "data_through = 2025-08-31", "")
    run = run_review(load_project(few), tmp_path / "run")
    assert run.evidence["verdict"] in ("descriptive-only", "not-enough-evidence")
    pages = run_notebooks(few, tmp_path / "run", tmp_path / "out", only=ANALYSIS, PREVIOUS=str(tmp_path / "before"))
    review = next(page for page in pages if page.stem.startswith("05")).with_suffix(".ipynb")
    text = "".join(output.get("text", "") + output.get("data", {}).get("text/html", "") for output in outputs(review))
    assert "Verdict then" in text
    assert "observed, %" in text


@pytest.mark.slow
def test_the_analysis_runs_on_a_table_without_dates_and_prints_no_name_as_markup(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    logins, tickets = rng.normal(size=(2, 400)).round(2)
    left = rng.random(400) < 1 / (1 + np.exp(1.5 + logins))
    table = pd.DataFrame({"customer": [f"<script>{n}</script>" for n in range(400)], "logins": logins})
    table["tickets"] = np.where(np.arange(400) % 7 == 0, np.nan, tickets)
    table["plan"] = rng.choice(["<b>a</b>", "b"], 400)
    table["Churn"] = np.where(left, "Yes", "No")
    project = write_table_project(tmp_path / "table", table, formula=TABLE_FORMULA, tail=FEW)
    run_review(load_project(project), tmp_path / "run")
    for page in run_notebooks(project, tmp_path / "run", tmp_path / "out", only=ANALYSIS):
        assert "<script" not in page.read_text("utf-8")
        assert "<b>a</b>" not in page.read_text("utf-8")


def test_a_shown_table_keeps_names_as_text_figures_apart_and_missing_as_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from guided.tables import Shown

    frame = pd.DataFrame({"n": [1000, 2], "x": [0.5, np.nan], "mixed": ["<i>", 3.0]}, index=["<script>", "b"])
    html = Shown(frame, {"x": 1}, "<u>")._repr_html_()
    assert not any(tag in html for tag in ("<script>", "<i>", "<u>"))
    assert [f">{text}<" in html for text in ("1,000", "0.5", "–", "&lt;i&gt;", "3")] == [True] * 5
    assert "<script>" in repr(Shown(frame))
    sys.modules.pop("guided", None)
