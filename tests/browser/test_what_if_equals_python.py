"""Figures of the page are those of Python: the same integers, rates to 1e-9."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Visit
from what_if_figures import band_figures, call_figures, edited, profit_a_row, profit_of_calls, scored, segment_figures

from churnbench.reports import Scenario, page, write_review
from churnbench.reports.interactive import payload
from churnbench.workflow.review import Review

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def close(found: Any, wanted: Any) -> bool:
    """Equal, numbers to 1e-9 of their size."""
    if isinstance(wanted, dict):
        return all(close(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(close(*pair) for pair in zip(found, wanted, strict=True))
    if isinstance(wanted, float):
        return found is not None and math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == wanted)


def assert_equal_to_python(found: dict[str, Any], scenario: Scenario, start: str) -> None:
    """Everything on show against the reference scorer and `churnbench.metrics`."""
    rows = scored(edited(scenario.documents[start], found["profiles"], found["starts"]), scenario.rows)
    assert found["accounts"] == list(rows["account_id"])
    assert found["scores"] == list(rows["score"])
    assert found["band"] == list(rows["band"])
    names = [*(band for band, _ in found["starts"]), "insufficient-data"]
    assert close(found["bands"], band_figures(rows, names))
    assert close(found["calls"], call_figures(rows, found["capacity"], scenario.too_late))
    assert close(found["profit"]["worthwhile"], profit_a_row(rows, scenario))
    assert close(found["profit"]["ofCalls"], profit_of_calls(rows, scenario, found["capacity"]))
    assert close(found["segments"], segment_figures(rows, names[0]))


@pytest.mark.parametrize("start", ["candidate", "incumbent"])
def test_untouched_figures_are_those_of_the_evidence(
    browser: Any, page_path: Path, review: Review, scenario: Scenario, start: str
) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        visit.page.locator("#start").select_option(start)
        found = visit.figures()
        assert_equal_to_python(found, scenario, start)
        measured = [row for row in review.evidence["bands"] if row["formula"] == start]
        shown = {one["band"]: one for one in found["bands"]}
        for row in measured:
            one = shown[row["band"]]
            assert close([one["low"], one["high"]], list(map(float, row["ci90"] or [0.0, 1.0])))
            assert close(one, {name: row[name] for name in ("accounts", "share", "events", "rate", "arr")})


def test_moved_sliders_show_what_python_computes(browser: Any, page_path: Path, scenario: Scenario) -> None:
    with Visit(browser, page_path) as visit:
        before = visit.what_if()
        visit.page.locator("#weight0number").fill("41.37")
        visit.page.locator("#hold0").check()
        visit.page.locator("#weight1").fill("30")
        visit.page.locator("#band1number").fill("47.25")
        visit.page.locator("#capacitynumber").fill("7")
        found = visit.figures()
        weights = dict(found["profiles"])[""]
        assert [points for _, points in weights][:2] == [4137, 3000]
        assert sum(points for _, points in weights) == 10000
        assert found["starts"][1][1] == 4725
        assert found["capacity"] == 7
        assert found["scores"] != before["scores"]
        assert_equal_to_python(found, scenario, "candidate")
        assert "7 calls a snapshot" in visit.page.locator("#whatifsummary").text_content()
        visit.page.locator("#whatifreset").click()
        assert visit.figures()["scores"] == before["scores"]


def test_intervals_of_calls_are_those_of_python_and_say_when_they_are_of_another_setting(
    browser: Any, page_path: Path, scenario: Scenario, review: Review
) -> None:
    assert set(scenario.intervals["candidate"]) == {"precision", "recall", "lift", "ofCalls", "worthwhile"}
    low, high = (f"{100 * end:.1f}" for end in scenario.intervals["candidate"]["precision"] or [])
    reached = review.evidence["contenders"][review.evidence["gate"]["candidate"]]["at_capacity"]["precision"]["ci90"]
    assert close(scenario.intervals["candidate"]["precision"], reached)
    with Visit(browser, page_path) as visit:
        visit.what_if()
        notes = visit.page.locator("#whatifcalls tr", has_text="precision").locator(".sub")
        assert notes.nth(0).text_content() == f"{low} \u2013 {high} %"
        assert "shipped" not in (notes.nth(1).text_content() or "")
        visit.page.locator("#weight0number").fill("41.37")
        visit.figures()
        assert notes.nth(0).text_content() == f"shipped setting: {low} \u2013 {high} %"
        assert "shipped" not in (notes.nth(1).text_content() or "")
        visit.page.locator("#capacitynumber").fill("7")
        visit.figures()
        assert (notes.nth(1).text_content() or "").startswith("shipped setting: ")


def test_a_segment_with_weights_of_its_own_is_moved_alone(browser: Any, page_path: Path, scenario: Scenario) -> None:
    segments = [entry["segment"] for entry in scenario.documents["incumbent"]["body"]["segments"]["by"]]
    assert segments
    with Visit(browser, page_path) as visit:
        visit.what_if()
        visit.page.locator("#start").select_option("incumbent")
        before = visit.figures()
        visit.page.locator("#profile").select_option(segments[0])
        visit.page.locator("#weight2number").fill("70")
        found = visit.figures()
        assert dict(found["profiles"])[""] == dict(before["profiles"])[""]
        assert dict(found["profiles"])[segments[0]][2][1] == 7000
        assert_equal_to_python(found, scenario, "incumbent")


def test_accounts_that_move_carry_their_differences(browser: Any, page_path: Path, scenario: Scenario) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        visit.page.locator("#weight0number").fill("60")
        found = visit.figures()
        old = scored(scenario.documents["incumbent"], scenario.rows)
        new = scored(edited(scenario.documents["candidate"], found["profiles"], found["starts"]), scenario.rows)
        last = ~old["account_id"].duplicated(keep="last")
        moved = last & (old["band"] != new["band"])
        assert found["moves"]["moved"] == moved.sum() > 0
        assert close(found["moves"]["movedArr"], float(old.loc[moved, "arr"].fillna(0).sum()))
        largest = old[moved].assign(size=old["arr"].fillna(-1)).sort_values("size", ascending=False, kind="stable")
        assert found["moves"]["listed"] == [int(row) for row in largest.index[:25]]
        for row, reasons in zip(found["moves"]["listed"], found["moves"]["reasons"], strict=True):
            gained, was = new["gained"][row], old["gained"][row]
            change = {name: gained.get(name, 0) - was.get(name, 0) for name in {*gained, *was}}
            assert dict(reasons) == {name: points for name, points in change.items() if points}
            sizes = [abs(points) for _, points in reasons]
            assert sizes == sorted(sizes, reverse=True)


def test_a_sample_is_called_one_and_weighs_its_accounts(
    browser: Any, review: Review, scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "LEAST_ROOM", 20_000)
    monkeypatch.setattr(page, "what_if_data", lambda *given, **_: payload.what_if_data(*given, page=0))
    path = write_review(review.evidence, tmp_path / "review.html", scenario=scenario)
    with Visit(browser, path) as visit:
        visit.what_if()
        visit.page.locator("#weight0number").fill("50")
        found = visit.figures()
        assert found["weight"] is not None
        assert "are estimates" in visit.page.locator("#whatifstatus").text_content()
        assert visit.page.locator(".results h3", has_text="estimated from").count() == 5
        everyone = scored(edited(scenario.documents["candidate"], found["profiles"], found["starts"]), scenario.rows)
        rows = everyone[everyone["account_id"].isin(set(found["accounts"]))].reset_index(drop=True)
        assert 0 < len(rows) < len(everyone)
        assert set(everyone.loc[everyone["y"] == 1, "account_id"]) <= set(rows["account_id"])
        assert found["scores"] == list(rows["score"])
        names = [*(band for band, _ in found["starts"]), "insufficient-data"]
        assert close(found["bands"], band_figures(rows, names, np.asarray(found["weight"])))
        accounts = scenario.rows["account_id"].nunique()
        assert sum(dict(zip(found["accounts"], found["weight"], strict=True)).values()) == pytest.approx(accounts)
