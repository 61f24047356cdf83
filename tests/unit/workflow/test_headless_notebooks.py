"""Notebooks run with nobody watching: parameters, pages, and what is left when a cell fails."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from projects import churnbench

from churnbench.domain.errors import InputError
from churnbench.workflow.headless import about_a_project, chosen, notebooks, run_notebooks
from churnbench.workflow.review import Review

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of the kernel close after the test


def write(folder: Path, name: str, *code: str, parameters: str = "PROJECT = None\nRUN = None\nSEED = 3") -> Path:
    """A notebook with a parameters cell and some code."""
    tagged = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell(f"# {name}"), tagged, *(new_code_cell(source) for source in code)]
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with two notebooks and a module that they import."""
    folder = tmp_path / "notebooks"
    write(folder, "01_one", "import helper", "print(helper.said, SEED, PROJECT)")
    write(folder, "02_two", "print('again', LEFT)", parameters="LEFT = 'own'\nSEED = 1")
    (folder / "helper.py").write_text("said = 'from beside'\n", encoding="utf-8")
    (folder / "draft.ipynb").write_text("not counted", encoding="utf-8")
    return folder


def printed(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.text for cell in cells for output in cell.get("outputs", []) if "text" in output)


def test_notebooks_get_the_parameters_they_declare_and_become_pages(
    beside: Path, review: Review, dated_project: Path, tmp_path: Path
) -> None:
    assert review.out is not None
    out = tmp_path / "out"
    pages = run_notebooks(
        dated_project, review.out, out, seed=5, only=["01", "two"], folder=beside, LEFT="<b>given</b>", UNKNOWN=1
    )
    assert pages == [out / "01_one.html", out / "02_two.html"]
    assert printed(out / "01_one.ipynb") == f"from beside 5 {dated_project.resolve()}\n"
    assert printed(out / "02_two.ipynb") == "again <b>given</b>\n"
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) == [
        "01_one.html",
        "01_one.ipynb",
        "02_two.html",
        "02_two.ipynb",
    ]
    page = pages[1].read_text("utf-8")
    assert "<b>given</b>" not in page
    assert "&lt;b&gt;given&lt;/b&gt;" in page
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "<script" not in page
    assert "UNKNOWN" not in (out / "02_two.ipynb").read_text("utf-8")


def test_without_names_those_about_a_project_are_run(beside: Path) -> None:
    found = notebooks(beside)
    assert about_a_project(found) == chosen(found, []) == ["01_one"]
    assert chosen(found, ["02", "01_one", "one"]) == ["01_one", "02_two"]
    with pytest.raises(InputError, match=r"no notebook 'three'\. There are 01_one, 02_two"):
        chosen(found, ["three"])
    with pytest.raises(InputError, match="did not come with this installation"):
        notebooks(beside / "nowhere")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1 / 0", r"02_two\.ipynb: the cell that begins '1 / 0' failed: ZeroDivisionError: division by zero"),
        (
            "from churnbench.domain.errors import InputError as E\nraise E('No date.', file='a.csv', fix='Add it.')",
            r"failed: a\.csv: No date\. Add it\.",
        ),
        ("\n\nraise ValueError", r"begins 'raise ValueError' failed: ValueError: no reason was given\."),
        ("import os\nos._exit(1)", r"02_two\.ipynb: its kernel stopped"),
    ],
)
def test_a_notebook_that_fails_says_so_in_words_and_changes_nothing(
    cell: str, said: str, beside: Path, review: Review, dated_project: Path, tmp_path: Path
) -> None:
    assert review.out is not None
    write(beside, "02_two", cell)
    out = tmp_path / "out"
    out.mkdir()
    (out / "01_one.html").write_text("of last quarter", encoding="utf-8")
    with pytest.raises(InputError, match=said) as refusal:
        run_notebooks(dated_project, review.out, out, only=["01", "02"], folder=beside)
    assert "Nothing was changed" in str(refusal.value)
    assert "Traceback" not in str(refusal.value)
    assert (out / "01_one.html").read_text("utf-8") == "of last quarter"
    assert [path.name for path in out.iterdir() if not path.name.startswith(".churnbench")] == ["01_one.html"]


def test_a_project_or_run_that_cannot_be_used_is_refused_before_anything_runs(
    beside: Path, review: Review, dated_project: Path, tmp_path: Path
) -> None:
    assert review.out is not None
    with pytest.raises(InputError, match="no finished run"):
        run_notebooks(dated_project, tmp_path, tmp_path / "out", folder=beside)
    with pytest.raises(InputError, match="nowhere"):
        run_notebooks(tmp_path / "nowhere", review.out, tmp_path / "out", folder=beside)
    assert not (tmp_path / "out").exists()


def test_without_papermill_it_is_said_how_to_have_it(
    beside: Path, review: Review, dated_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert review.out is not None
    monkeypatch.setitem(sys.modules, "papermill", None)
    with pytest.raises(InputError, match=r"papermill is not installed.*pip install 'churnbench\[notebooks\]'"):
        run_notebooks(dated_project, review.out, tmp_path / "out", folder=beside)


def test_the_command_line_ends_with_exit_code_2_and_one_paragraph(dated_project: Path, tmp_path: Path) -> None:
    ended = churnbench("notebooks", dated_project, "--out", tmp_path / "out", "--only", "99", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("churnbench: there is no notebook '99'. There are 01_data_and_checks,")
    ended = churnbench("notebooks", dated_project, "--run", tmp_path, "--out", tmp_path / "out", cwd=tmp_path)
    assert ended.returncode == 2
    assert "no finished run lies here" in ended.stderr
    assert not (tmp_path / "out").exists()
