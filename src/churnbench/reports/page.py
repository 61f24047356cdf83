"""`review.html`: one self-contained file drawn from the evidence, the scored holdout and the two configs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from markupsafe import Markup

from churnbench.reports.headline import headline
from churnbench.reports.interactive import Scenario, page_script, script_hash, what_if_data
from churnbench.reports.lens import lens_of
from churnbench.reports.tabs import tabs
from churnbench.reports.templating import environment, style_sheet

#: Where the data of the what-if go; text of the evidence cannot look like it, since its `<` is escaped.
DATA = '<script type="application/json" id="whatifdata">'


def render_review(evidence: Mapping[str, Any], *, scenario: Scenario | None = None) -> str:
    """Draw the review page.

    Pure: the same arguments give the same text. Any key of the evidence may be absent or null; the page then
    says what is not available and why.

    Args:
        evidence: the document of docs/evidence.md.
        scenario: the holdout and both formulas, which the page scores again; no what-if without it.

    Returns:
        A whole HTML document with one script and without any outside address; its content security policy allows
        that script alone and no connection.
    """
    lens = lens_of(evidence)
    script = page_script(what_if=scenario is not None)
    page = (
        environment()
        .get_template("review.html")
        .render(
            head=headline(lens),
            tabs=tabs(lens, what_if=scenario is not None),
            style=style_sheet(),
            script=Markup(script),  # noqa: S704 - of files of this package, checked not to end its element
            script_hash=script_hash(script),
            what_if=scenario is not None,
        )
    )
    if scenario is None:
        return page
    # Only now is it known how much room is left for the accounts.
    return page.replace(DATA, DATA + what_if_data(evidence, scenario, taken=len(page.encode())), 1)


def write_review(
    evidence: Mapping[str, Any],
    path: Path,
    *,
    scenario: Scenario | None = None,
) -> Path:
    """Write the page, or leave whatever stood there untouched.

    Args:
        evidence: the document of docs/evidence.md.
        path: file to write; its folder must exist.
        scenario: see `render_review`.

    Returns:
        `path`.

    Raises:
        OSError: when the folder cannot be written.
    """
    text = render_review(evidence, scenario=scenario)
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
