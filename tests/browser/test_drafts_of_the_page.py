"""A draft leaves the page as a config that every reader accepts, and that says what it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from browsing import Visit
from what_if_figures import scored

import churnbench_scorer
from churnbench.export import read_document, verify
from churnbench.reports import Scenario

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def exported(visit: Visit, to: Path) -> Path:
    """The file that the button saves."""
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Export draft config").click()
    waiting.value.save_as(to)
    return to


def test_a_draft_gives_the_integers_that_the_page_showed(
    browser: Any, page_path: Path, scenario: Scenario, tmp_path: Path
) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        visit.page.locator("#weight3number").fill("33.33")
        visit.page.locator("#band2number").fill("91.5")
        found = visit.figures()
        path = exported(visit, tmp_path / "draft.json")
        assert "manual, not validated" in visit.page.locator("#whatifexported").text_content()
        assert visit.complaints == []
    document = read_document(path)
    rows = scored(document, scenario.rows)
    assert found["scores"] == list(rows["score"])
    assert found["band"] == list(rows["band"])
    assert all(result.ok for result in verify(document, ["python", "numpy", "duckdb"]))


def test_a_draft_says_that_nobody_validated_it(
    browser: Any, page_path: Path, scenario: Scenario, tmp_path: Path
) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        visit.page.locator("#weight0number").fill("12")
        path = exported(visit, tmp_path / "draft.json")
    document, started = read_document(path), scenario.documents["candidate"]
    assert document["provenance"]["verdict"] == "manual, not validated"
    assert document["provenance"]["metrics"] == document["provenance"]["approvals"] == []
    assert document["config_version"] == started["config_version"] + "-manual"
    assert document["extra"]["draft"]["from_body_sha256"] == started["integrity"]["body_sha256"]
    assert document["integrity"]["body_sha256"] != started["integrity"]["body_sha256"]
    assert "due for review" in churnbench_scorer.load(document).warnings[0]
    # Whoever set it had the outcomes of the holdout before their eyes.
    last = scenario.rows["as_of"].max().date()
    assert date.fromisoformat(document["provenance"]["label_window"][1]) > last


def test_a_capacity_that_was_chosen_travels_with_the_draft_and_the_reviews_own_does_not(
    browser: Any, page_path: Path, tmp_path: Path
) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        visit.page.locator("#weight0number").fill("12")
        plain = exported(visit, tmp_path / "plain.json")
        visit.page.locator("#capacitynumber").fill("7")
        chosen = exported(visit, tmp_path / "chosen.json")
    assert "capacity" not in read_document(plain)["extra"]["draft"]
    assert read_document(chosen)["extra"]["draft"]["capacity"] == 7
