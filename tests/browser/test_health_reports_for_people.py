"""The seven reports in a real browser: light and dark, narrow, on paper, for those who do not see them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from browsing import Visit
from health_books import HOSTILE, hostile

from churnbench.workflow.health_reports import KINDS, make_report, write_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind, drawn from a book whose names are hostile."""
    folder, book = tmp_path_factory.mktemp("reports"), hostile()
    accounts = {"account": HOSTILE[4], "customer": HOSTILE[0]}
    return {kind: write_report(make_report(book, kind, account=accounts.get(kind)), folder) for kind in KINDS}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_violation_in_any_report(browser: Any, pages: dict[str, Path], kind: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="install axe-playwright-python (pip): it ships axe-core")
    with Visit(browser, pages[kind], color_scheme=scheme, bypass_csp=True) as visit:
        visit.open_all()
        visit.page.evaluate(files(axe.__name__).joinpath("axe.min.js").read_text(encoding="utf-8"))
        found = visit.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    serious = [
        (one["id"], [node["html"][:160] for node in one["nodes"][:3]])
        for one in found["violations"]
        if {"wcag2a", "wcag2aa", "wcag21a", "wcag21aa"} & set(one["tags"]) or one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_asks_for_nothing_and_fits_a_narrow_screen(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with Visit(browser, pages[kind], viewport={"width": 390, "height": 800}) as visit:
        visit.open_all()
        assert visit.requests == [pages[kind].as_uri()]
        assert visit.complaints == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.page.title() != "pwned"


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_prints_on_a4(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with Visit(browser, pages[kind]) as visit:
        visit.page.emulate_media(media="print")
        visit.page.set_viewport_size({"width": 690, "height": 1000})  # what A4 leaves between its margins
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 690
        assert visit.page.pdf(format="A4").startswith(b"%PDF")
