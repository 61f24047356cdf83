"""The page with a keyboard, on paper, in the dark, without a script, and for those who do not see it."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import fake_evidence
import pytest
from browsing import Visit

from churnbench.reports import Scenario, write_review
from churnbench.workflow.review import Review

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHAPTERS = [
    "Decision",
    "Evidence",
    "Weights & curves",
    "Thresholds",
    "What if",
    "Segments",
    "Accounts that change",
    "Lead time",
    "Data quality & checks",
    "Method & caveats",
    "Past reviews",
]
HOSTILE = [
    "</script><script>document.title='pwned'</script>",
    '"><img src=x onerror="document.title=\'pwned\'">',
    "<!--<script>",
    "'-alert(1)-'",
    "\u2028{{ 7 * 7 }}\u202e",
]


def test_chapters_are_tabs_for_the_keyboard(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        keys = visit.page.keyboard
        tabs = visit.page.get_by_role("tab")
        assert tabs.all_text_contents() == CHAPTERS
        tabs.first.focus()
        keys.press("ArrowRight")
        assert visit.page.get_by_role("tab", selected=True).text_content() == "Evidence"
        assert visit.page.evaluate("document.activeElement.textContent") == "Evidence"
        keys.press("End")
        assert visit.page.get_by_role("tabpanel", name="Past reviews").is_visible()
        assert visit.page.get_by_role("tabpanel").count() == 1
        keys.press("ArrowRight")
        assert visit.page.evaluate("document.activeElement.textContent") == "Decision"
        keys.press("Tab")  # one stop for all tabs, then the open chapter
        assert visit.page.evaluate("document.activeElement.id") == "tabdecision"


def test_a_slider_is_moved_with_the_keyboard(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        before = dict(visit.what_if()["profiles"])[""][0][1]
        visit.page.locator("#weight0").focus()
        visit.page.keyboard.press("ArrowRight")
        # One press is a per cent; the slider then stands on a whole one.
        assert dict(visit.figures()["profiles"])[""][0][1] == round((before + 100) / 100) * 100
        assert visit.page.locator("#weight0").get_attribute("aria-valuetext").endswith("per cent")


def test_a_decision_and_the_address_lead_into_their_chapter(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        visit.page.evaluate("location.hash = '#nowhere'")
        assert visit.page.locator(".hero").is_visible()
        visit.page.evaluate("location.hash = '#thresholds'")
        visit.page.wait_for_selector("#thresholds", state="visible")
        assert not visit.page.locator(".hero").is_visible()


def test_every_chapter_is_on_paper(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        visit.page.emulate_media(media="print")
        hidden = [
            part.get_attribute("id") for part in visit.page.locator(".tab, .chapter").all() if not part.is_visible()
        ]
        assert hidden == []
        assert visit.page.locator("#whatifbands table").is_visible()
        assert not visit.page.get_by_role("tablist").is_visible()
        paper = visit.page.pdf(format="A4")
        assert paper.startswith(b"%PDF")
        assert paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") + paper.count(b"/Type /Page/") >= 8


def test_without_a_script_every_chapter_can_be_read(browser: Any, page_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    with Visit(context, page_path) as visit:
        chapters = visit.page.locator(".chapter").all()
        assert len(chapters) >= 14
        assert all(part.is_visible() for part in chapters)
        assert "needs JavaScript" in visit.page.locator("#whatifstatus").text_content()
        assert not visit.page.locator("#whatifbody").is_visible()
        assert visit.requests == [page_path.as_uri()]
    context.close()


def test_the_page_asks_for_nothing_and_runs_no_other_script(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        for name in CHAPTERS:
            visit.tab(name)
        assert visit.requests == [page_path.as_uri()]
        assert visit.complaints == []
        assert page_path.stat().st_size < 3_000_000
        injected = """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'ran'";
          document.body.append(script);
          fetch("https://example.invalid/").catch(() => {});
        }"""
        visit.page.evaluate(injected)
        visit.page.wait_for_function("true")
        assert visit.page.title() != "ran"
        assert any("Content Security Policy" in complaint for complaint in visit.complaints)


def hostile(scenario: Scenario, review: Review) -> tuple[dict[str, Any], Scenario]:
    """The same book with accounts, segments and labels that attack."""
    evidence = json.loads(json.dumps(review.evidence, default=str))
    for part in ("dimensions", "metrics"):
        for place, row in enumerate(evidence["weights"][part]):
            row["label"] = HOSTILE[place % len(HOSTILE)]
    evidence["interventions"] = fake_evidence.hostile()["interventions"]
    rows = scenario.rows.copy()
    names = {name: f"{HOSTILE[place % len(HOSTILE)]}{place}" for place, name in enumerate(rows["account_id"].unique())}
    kinds = {name: HOSTILE[place % len(HOSTILE)] for place, name in enumerate(rows["segment"].unique())}
    rows["account_id"], rows["segment"] = rows["account_id"].map(names), rows["segment"].map(kinds)
    return evidence, Scenario(rows, scenario.documents, scenario.capacity, 0, 300.0, 0.3)


def test_hostile_names_stay_text(browser: Any, review: Review, scenario: Scenario, tmp_path: Path) -> None:
    evidence, attacked = hostile(scenario, review)
    with Visit(browser, write_review(evidence, tmp_path / "review.html", scenario=attacked)) as visit:
        visit.what_if()
        visit.page.locator("#weight0number").fill("60")
        visit.figures()
        assert visit.page.locator("#whatifmoves tbody tr").count() > 20
        assert "<img src=x" in visit.page.locator("#whatifmoves").text_content()
        assert "</script>" in visit.page.locator("#whatifsegments").text_content()
        assert "<script>document.title='pwned'</script>" in visit.page.locator("#interventions").text_content()
        assert visit.page.locator("img, iframe, object, form").count() == 0
        assert visit.page.locator("script").count() == 2
        assert "pwned" not in visit.page.title()
        assert "\u202e" not in visit.page.locator("#whatifmoves").text_content()
        assert visit.requests == [visit.path.as_uri()]
        assert visit.complaints == []


def test_a_value_that_is_not_possible_is_answered(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        said = visit.page.locator("#whatifcontrols .said")
        visit.page.locator("#weight0number").fill("-5")
        assert said.nth(0).text_content() == "\u22125.00 is not possible; 0.00 holds."
        visit.page.locator("#weight0number").fill("20")
        assert said.nth(0).text_content() == ""
        weights = len(dict(visit.figures()["profiles"])[""])
        for place in range(1, weights):
            visit.page.locator(f"#hold{place}").check()
        visit.page.locator("#weight0number").fill("30")
        assert said.nth(0).text_content() == (
            "30.00 is not possible, since all other weights are held: release one; 20.00 holds."
        )
        visit.page.locator("#hold1").uncheck()
        visit.page.locator("#hold2").uncheck()
        visit.page.locator("#weight0number").fill("100")
        assert "with the weights that are held" in (said.nth(0).text_content() or "")
        visit.page.locator("#capacitynumber").fill("0")
        assert visit.page.locator(".slider", has_text="Accounts a snapshot").locator(".said").text_content() == (
            "0 is not possible; 1 holds."
        )
        visit.page.locator("#whatifreset").click()
        assert "".join(said.all_text_contents()) == ""


def test_an_account_of_two_hundred_letters_leaves_room_for_the_reasons(
    browser: Any, review: Review, scenario: Scenario, tmp_path: Path
) -> None:
    rows = scenario.rows.assign(account_id=scenario.rows["account_id"].astype(str) + "w" * 200)
    path = write_review(review.evidence, tmp_path / "review.html", scenario=replace(scenario, rows=rows))
    with Visit(browser, path, viewport={"width": 1280, "height": 900}) as visit:
        visit.what_if()
        visit.page.locator("#weight0number").fill("60")
        visit.figures()
        line = visit.page.locator("#whatifmoves .tablebox").nth(1).locator("tbody tr").first
        widths = [box["width"] for box in (cell.bounding_box() for cell in line.locator("td").all()) if box]
        assert widths[0] < 240
        assert widths[-1] > 160
        box = visit.page.locator("#whatifmoves .scroll").nth(1)
        assert box.evaluate("part => part.scrollWidth - part.clientWidth") <= 1


def test_numbers_can_be_typed_key_by_key(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        for field, typed in (("#weight0number", "45.5"), ("#band1number", "72.5"), ("#capacitynumber", "37")):
            box = visit.page.locator(field)
            box.click()
            visit.page.keyboard.press("Control+A")
            visit.page.keyboard.type(typed, delay=20)
            assert box.input_value() == typed
            visit.page.keyboard.press("Tab")
            assert float(box.input_value()) == float(typed)


def violations(visit: Visit) -> list[str]:
    """Rules of WCAG levels A and AA that axe-core finds broken on what is seen, and anything serious besides."""
    axe = pytest.importorskip("axe_playwright_python", reason="install axe-playwright-python (pip): it ships axe-core")
    visit.page.evaluate(files(axe.__name__).joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = visit.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical") or {"wcag2a", "wcag2aa", "wcag21a", "wcag21aa"} & set(one["tags"])
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_any_chapter(browser: Any, page_path: Path, scheme: str) -> None:
    with Visit(browser, page_path, color_scheme=scheme) as visit:
        visit.what_if()
        visit.open_all()
        found = {}
        for name in CHAPTERS:
            visit.tab(name)
            found[name] = violations(visit)
        assert found == {name: [] for name in CHAPTERS}


def test_the_dark_page_is_dark(browser: Any, page_path: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with Visit(browser, page_path, color_scheme="dark") as visit:
        assert visit.page.evaluate(ground) == "rgb(20, 22, 26)"
    with Visit(browser, page_path, color_scheme="light") as visit:
        assert visit.page.evaluate(ground) == "rgb(255, 255, 255)"


def test_bands_differ_by_shape_as_well_as_colour(browser: Any, page_path: Path) -> None:
    with Visit(browser, page_path) as visit:
        visit.what_if()
        shape = """(chip) => {
          const { borderRadius, clipPath, transform } = getComputedStyle(chip, "::before");
          return [borderRadius, clipPath, transform].join("|");
        }"""
        chips = visit.page.locator("#whatifbands .chip").all()
        assert len({chip.evaluate(shape) for chip in chips}) == len(chips) == 3
