"""The notebooks run without anybody watching: papermill executes them, nbconvert makes pages of them.

All of them appear in the output folder, each as a notebook with its outputs and as one HTML file that opens offline, or
none does.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.domain.progress import Progress, Silent
from churnbench.workflow.finished_run import open_run
from churnbench.workflow.publish import exclusive

#: Shipped inside the package, or beside the sources in a checkout.
_PLACES = (Path(__file__).parents[1] / "notebooks", Path(__file__).parents[3] / "notebooks")
_NUMBERED = re.compile(r"\d\d_\w+")
#: The parts of nbconvert's page that would fetch scripts from the network are left out; nothing here needs them.
_OFFLINE = (
    "{%- extends 'lab/index.html.j2' -%}{% block html_head_js %}{% endblock %}{% block html_head_js_mathjax %}"
    "{% endblock %}{% block html_head_js_mermaidjs %}{% endblock %}{% block jupyter_widgets %}{% endblock %}"
)


def notebooks(folder: Path | None = None) -> dict[str, Path]:
    """Notebooks by name, in reading order.

    Args:
        folder: where they lie; by default those that came with churnbench.

    Raises:
        InputError: when there are none.
    """
    for place in _PLACES if folder is None else (folder,):
        found = {path.stem: path for path in sorted(place.glob("*.ipynb")) if _NUMBERED.fullmatch(path.stem)}
        if found:
            return found
    raise InputError("the notebooks did not come with this installation.", fix="Install churnbench from its wheel.")


def about_a_project(found: Mapping[str, Path]) -> list[str]:
    """Names of the notebooks that look at a project; the others look at simulated worlds."""
    return [name for name, path in found.items() if "PROJECT" in parameters_of(path)]


def parameters_of(path: Path) -> frozenset[str]:
    """Names that the cell tagged `parameters` sets."""
    import nbformat

    cells = nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call]
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return frozenset(re.findall(r"^(\w+) *=", "\n".join(tagged), flags=re.MULTILINE))


def chosen(found: Mapping[str, Path], asked: Sequence[str]) -> list[str]:
    """Names asked for, each by its number or its name; nothing asked means all that are about a project.

    Raises:
        InputError: for one that does not exist.
    """
    if not asked:
        return about_a_project(found)
    names = []
    for want in asked:
        fits = [name for name in found if want in (name, name.split("_", 1)[0], name.split("_", 1)[1])]
        if not fits:
            raise InputError(f"there is no notebook '{want}'.", fix=f"There are {', '.join(found)}.")
        names += fits
    return sorted(set(names))


def require_papermill() -> None:
    """Say how to have papermill and nbconvert when they are absent.

    Raises:
        InputError: when they are.
    """
    try:
        import ipykernel  # noqa: F401 - what the notebooks run on
        import nbconvert  # noqa: F401 - asked for only
        import papermill  # noqa: F401 - asked for only
    except ImportError as error:
        raise InputError(
            f"{error.name} is not installed; notebooks need it to run by themselves.",
            fix="Install it with: pip install 'churnbench[notebooks]'.",
        ) from None


def run_notebooks(
    project: Path,
    run: Path,
    out: Path,
    *,
    seed: int = 0,
    only: Sequence[str] = (),
    folder: Path | None = None,
    progress: Progress | None = None,
    **further: Any,
) -> list[Path]:
    """Run notebooks on a project and one finished run of it.

    Args:
        project: project file or its folder.
        run: folder of a finished run of this project.
        out: output folder; made when absent. Notebooks and pages of the same names are replaced.
        seed: seed of everything random.
        only: numbers or names; by default all notebooks that are about a project.
        folder: where the notebooks lie; by default those that came with churnbench.
        progress: told of each notebook.
        further: values of other parameters; a notebook gets those that it declares.

    Returns:
        The pages, in reading order.

    Raises:
        InputError: for a project or run that cannot be used, and for a notebook that fails, in the words of its error;
            then nothing in `out` is changed.
    """
    require_papermill()
    load_project(project)
    open_run(run)
    found, progress = notebooks(folder), progress or Silent()
    names = chosen(found, only)
    given = {"PROJECT": str(project.resolve()), "RUN": str(run.resolve()), "SEED": seed, **further}
    progress.stage("running notebooks", len(names))
    with exclusive(out) as staging:
        made = []
        for name in names:
            made.append(
                _executed(found[name], staging, {k: v for k, v in given.items() if k in parameters_of(found[name])})
            )
            made.append(_page(made[-1]))
            progress.step(name)
        for path in made:
            os.replace(path, out / path.name)  # noqa: PTH105 - the atomic rename is the point
    return [out / f"{name}.html" for name in names]


def _executed(path: Path, staging: Path, values: Mapping[str, Any]) -> Path:
    """Run one notebook in its own folder, since it imports what lies beside it."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.ERROR)
    target = staging / path.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the kernel's start-up; a cell's own warnings stand in the notebook
            papermill.execute_notebook(
                str(path),
                str(target),
                parameters=dict(values),
                kernel_name="python3",
                language="python",
                cwd=str(path.parent),
                progress_bar=False,
                log_output=False,
                config=Config({"KernelManager": {"transport": "ipc"}}),  # no port that another user could reach
            )
    except papermill.PapermillExecutionError as error:
        raise InputError(
            f"the cell that begins '{_first_line(error.source)}' failed: {_in_words(error.ename, error.evalue)}",
            file=path.name,
            fix="Nothing was changed in the output folder; open the notebook to look at the cell.",
        ) from None
    except (DeadKernelError, CellTimeoutError) as error:
        raise InputError(
            f"its kernel stopped: {error}.",
            file=path.name,
            fix="Nothing was changed in the output folder; see whether the machine has memory left.",
        ) from None
    return target


def _in_words(name: str, value: str) -> str:
    """The words of an error; its class too unless the words were written for a person."""
    text = value.strip() or "no reason was given."
    return text if name in ("InputError", "BlockedError") else f"{name}: {text}"


def _first_line(source: str) -> str:
    """How to find a cell: its number in the run counts the cell of parameters that the notebook itself lacks."""
    line = next((line.strip() for line in source.splitlines() if line.strip()), "")
    return line if len(line) <= 60 else line[:59] + "…"


def _page(notebook: Path) -> Path:
    """One HTML file beside the notebook, without a script from the network."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbconvert's own templates
        exporter = HTMLExporter(extra_loaders=[DictLoader({"offline.j2": _OFFLINE})], template_file="offline.j2")
        text, _ = exporter.from_filename(str(notebook))
    page = notebook.with_suffix(".html")
    page.write_text(text, encoding="utf-8")
    return page
