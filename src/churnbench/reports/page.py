"""`review.html`: one self-contained file drawn from the evidence alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from churnbench.reports.headline import headline
from churnbench.reports.lens import lens_of
from churnbench.reports.sections import SECTIONS


def render_review(evidence: Mapping[str, Any]) -> str:
    """Draw the review page.

    Pure: the same evidence gives the same text. Any key of the evidence may be absent or null; the page then
    says what is not available and why.

    Args:
        evidence: the document of docs/evidence.md.

    Returns:
        A whole HTML document without script and without any outside address; its content security policy
        forbids both.
    """
    lens = lens_of(evidence)
    sections = [section(lens) for section in SECTIONS]
    if lens.blocked:
        # What stopped the review comes first; the rest only says that it is not there.
        sections.sort(key=lambda section: section.id != "checks")
    template = _environment().get_template("review.html")
    return template.render(head=headline(lens), sections=sections, style=style_sheet())


def write_review(evidence: Mapping[str, Any], path: Path) -> Path:
    """Write the page, or leave whatever stood there untouched.

    Args:
        evidence: the document of docs/evidence.md.
        path: file to write; its folder must exist.

    Returns:
        `path`.

    Raises:
        OSError: when the folder cannot be written.
    """
    text = render_review(evidence)
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    ) as part:
        temporary = Path(part.name)
        try:
            part.write(text)
            part.flush()
            os.fsync(part.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    temporary.chmod(0o644)
    temporary.replace(path)
    return path


@cache
def style_sheet() -> Markup:
    """The page's style sheet, part of this package and so trusted."""
    text = files("churnbench.reports").joinpath("templates/review.css").read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - a file of this package


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("churnbench.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
