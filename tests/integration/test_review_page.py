"""The review page in a real browser.

Skipped without Chromium or playwright. To run: `pip install playwright` and install Chromium (on Debian
`apt-get install chromium`), or point CHURNBENCH_TEST_CHROMIUM at an executable.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from churnbench.reports import write_review

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import fake_evidence
from browsing import Visit

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["full", "cross_sectional", "not_enough", "blocked", "hostile", "empty_lists"])
def test_the_page_opens_offline_without_complaint(browser: Any, tmp_path: Path, name: str) -> None:
    path = write_review(getattr(fake_evidence, name)(), tmp_path / "review.html")
    visit = Visit(browser, path)
    visit.open_all()
    assert visit.requests == [path.as_uri()]
    assert visit.complaints == []
    assert visit.page.evaluate("document.scripts.length") == 1
    visit.page.close()


def test_names_that_attack_are_inert_text(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, write_review(fake_evidence.hostile(), tmp_path / "review.html"))
    visit.open_all()
    assert "pwned'" in visit.page.title()  # shown as words, never run
    assert not visit.page.title().startswith("pwned")
    assert visit.page.locator("img, iframe, object, form").count() == 0
    assert visit.page.get_by_text("{{ 7 * 7 }}").count() == 1
    visit.page.close()


def test_the_first_screen_holds_verdict_chart_weights_and_decisions(browser: Any, tmp_path: Path) -> None:
    path = write_review(fake_evidence.full(), tmp_path / "review.html")
    visit = Visit(browser, path, viewport={"width": 1280, "height": 800})
    for selector in ("h1", ".gain svg", ".panels .panel:nth-child(2) svg", ".decide li:nth-child(3)", "table.facts"):
        box = visit.page.locator(selector).first.bounding_box()
        assert box is not None, selector
        assert box["y"] + box["height"] <= 800, selector
    visit.page.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["full", "hostile", "wide"])
def test_the_page_never_scrolls_sideways(browser: Any, tmp_path: Path, width: int, name: str) -> None:
    path = write_review(getattr(fake_evidence, name)(), tmp_path / "review.html")
    visit = Visit(browser, path, viewport={"width": width, "height": 844})
    visit.open_all()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.close()


def test_a_decision_leads_to_its_evidence_and_an_account_opens_its_reasons(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, write_review(fake_evidence.full(), tmp_path / "review.html"))
    directions = visit.page.locator("#directions")
    assert not directions.is_visible()
    visit.page.locator(".decide a").first.click()
    assert directions.is_visible()
    visit.tab("Accounts that change")
    visit.page.locator("details.row summary").first.click()
    assert visit.page.get_by_text("median account", exact=True).first.is_visible()
    assert visit.requests == [visit.requests[0]]
    visit.page.close()


def test_chapters_are_open_on_paper(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, write_review(fake_evidence.full(), tmp_path / "review.html"))
    visit.page.emulate_media(media="print")
    assert visit.page.locator("#method").is_visible()
    paper = visit.page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    visit.page.close()
