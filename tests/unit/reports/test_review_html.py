from __future__ import annotations

import copy
import html
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fake_evidence
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnbench.reports import figures, render_review, write_review
from churnbench.reports.decisions import decisions
from churnbench.reports.headline import headline
from churnbench.reports.lens import band_look, lens_of

VARIANTS = ["full", "cross_sectional", "not_enough", "blocked", "hostile", "empty_lists", "wide"]
ALLOWED_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "footer", "nav", "main", "section", "div"),
    *("p", "span", "strong", "a", "h1", "h2", "h3", "ol", "li", "details", "summary", "figure", "figcaption"),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "line", "rect", "circle", "text", "path", "script"),
}


class Reader(HTMLParser):
    """Tags, attributes and visible text of a page; unclosed elements are an error."""

    VOID = frozenset({"meta", "line", "rect", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1] in ("style", "script")):
            self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def text_of(evidence: dict[str, Any]) -> str:
    return re.sub(r"\s+", " ", " ".join(read(render_review(evidence)).words))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_well_formed_and_asks_for_nothing_outside(name: str) -> None:
    page = render_review(getattr(fake_evidence, name)())
    reader = read(page)
    assert {tag for tag, _ in reader.tags} <= ALLOWED_TAGS
    for tag, attributes in reader.tags:
        assert not any(key.startswith("on") for key in attributes), (tag, attributes)
        assert "src" not in attributes
        if "href" in attributes:
            assert re.fullmatch(r"#[a-z]+", attributes["href"] or "")
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'; script-src 'sha256-" in html.unescape(page)
    assert [attributes for tag, attributes in reader.tags if tag == "script"] == [{"type": "module"}]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_link_of_the_page_leads_somewhere(name: str) -> None:
    tags = read(render_review(getattr(fake_evidence, name)())).tags
    targets = {attributes["id"] for _, attributes in tags if "id" in attributes}
    assert {str(attributes["href"])[1:] for _, attributes in tags if "href" in attributes} <= targets


def test_the_first_screen_says_what_was_decided_and_why() -> None:
    text = text_of(fake_evidence.full())
    for words in (
        "Promote the candidate",
        "On the last two quarters it ranks churn better",
        "0.022 has a 90 % interval of 0.011 to 0.034",
        "For you to decide",
        "churners caught at 60 calls",
        "35 → 43",
        "green from 80 (74.2 before the display map): at most 3.0 % churn",
    ):
        assert words in text


def test_all_chapters_carry_their_figures() -> None:
    text = text_of(fake_evidence.full())
    for words in (
        "Anchored refit",
        "SHAP slope",
        "calibration slope",
        "Support tickets in 90 days: declared “higher is healthier”, the data say “lower is healthier”",
        "23.0 % missing, worth 41 points",
        "at least 15.0 %",
        "Share times rate, summed over the bands, is 5.78 %; the base rate is 5.78 %, as it must be.",
        "323 of 1,200 accounts change band (26.9 %), with 10.09 M of ARR.",
        "pooled: too few accounts",
        "shapes: audited against free",
        "learned neutral value",
        "A formula that flags nobody has 94.2 %",
        "Point-in-time: every figure",
        "9f1c2ab3d4e5f60718293a4b5c6d7e8f",
        "holdout looked at, this time included",
        "churn from day 15 to day 104 after the snapshot; outcomes settle in 6 days",
    ):
        assert words in text, words


def test_a_blocked_review_shows_the_check_first_and_no_empty_charts() -> None:
    text = text_of(fake_evidence.blocked())
    assert "Is lead-cliff:admin_exports a leak?" in text
    assert text.index("Leakage and sanity checks") < text.index("Holdout")
    assert "not available because a blocking check stopped the review" in text
    assert "Churners caught :" not in text


def test_an_allowed_block_shows_the_reason_and_asks_nothing() -> None:
    evidence = fake_evidence.full()
    evidence["checks"].append({"id": "x", "severity": "block", "detail": "d", "allowed": "known copy of the label"})
    assert "Allowed, reason given: known copy of the label" in text_of(evidence)
    assert all("leak" not in one.question for one in decisions(lens_of(evidence)))


def test_a_cross_sectional_review_claims_nothing_about_the_future() -> None:
    text = text_of(fake_evidence.cross_sectional())
    assert "say nothing about the future" in text
    assert "Out-of-fold predictions of every row" in text
    assert "Keep today's formula" in text
    assert "cross-sectional), or the review did not compute it" in text


def test_without_a_guarantee_nothing_is_promised() -> None:
    text = text_of(fake_evidence.not_enough())
    assert "No bound passes" in text
    assert "About 70 churned accounts in the holdout would settle it; there are 31." in text
    assert "at most 3.0 % churn, with 90 % confidence" not in text


def test_hostile_names_stay_text_and_huge_names_are_cut() -> None:
    page = render_review(fake_evidence.hostile())
    assert page.count("<script") == 1  # the page's own
    assert "<img" not in page
    assert "A" * 100 not in page
    assert "{{ 7 * 7 }}" in page
    assert not re.search(r"[\x00\x1b\u202e]", page)


def test_wide_evidence_stays_below_one_and_a_half_megabytes() -> None:
    assert len(render_review(fake_evidence.wide()).encode()) < 1_500_000


def test_the_same_evidence_gives_the_same_page() -> None:
    assert render_review(fake_evidence.full()) == render_review(fake_evidence.full())


def test_every_drawing_describes_itself() -> None:
    tags = read(render_review(fake_evidence.full())).tags
    drawings = [attributes for tag, attributes in tags if tag == "svg"]
    assert len(drawings) > 60
    assert all(one.get("aria-label") or one.get("aria-hidden") == "true" for one in drawings)


def paths(node: object, prefix: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        found.append((*prefix, key))
        found += paths(value, (*prefix, key))
    return found


def small_evidence() -> dict[str, Any]:
    evidence = fake_evidence.full()
    evidence["curves"] = [evidence["curves"][0], evidence["curves"][-1]]
    evidence["movers"]["accounts"] = evidence["movers"]["accounts"][:2]
    evidence["weights"]["metrics"] = evidence["weights"]["metrics"][:2]
    for name in ("distilled", "logistic", "shap_share"):
        del evidence["contenders"][name]
    evidence["gain"] = {key: rows[:4] for key, rows in evidence["gain"].items()}
    return evidence


SMALL = small_evidence()
PATHS = paths(SMALL)
JUNK = [None, [], {}, "", "text", -1, 0, float("nan"), True, [None], [[None]], [1, 2, 3], {"value": None}]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(PATHS) - 1), st.sampled_from([*JUNK, "absent"])), min_size=1, max_size=6))
def test_any_part_may_be_absent_null_or_of_another_kind(changes: list[tuple[int, object]]) -> None:
    evidence = copy.deepcopy(SMALL)
    for index, value in changes:
        *way, last = PATHS[index]
        node: Any = evidence
        try:
            for key in way:
                node = node[key]
            if value == "absent":
                del node[last]
            else:
                node[last] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change removed the place
    assert read(render_review(evidence)).words


@pytest.mark.parametrize("key", sorted(set(fake_evidence.full()) - {"schema", "verdict", "checks"}))
def test_each_top_level_key_may_be_absent(key: str) -> None:
    evidence = fake_evidence.full()
    del evidence[key]
    assert "Promote the candidate" in text_of(evidence)


def test_nothing_but_a_verdict_is_enough_for_a_page() -> None:
    for verdict in ("promote", "reject", "descriptive-only", "unheard-of", None):
        text = text_of({"schema": 1, "verdict": verdict, "checks": []})
        assert "For you to decide" in text


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("Promote the candidate: it wins.", "It wins."),
        ("Promote the candidate:", "The candidate ranks churn better than today's formula."),
        ("Promote the candidate now.", "Promote the candidate now."),
        (None, "The candidate ranks churn better than today's formula."),
    ],
)
def test_the_verdict_is_not_said_twice(sentence: str | None, shown: str) -> None:
    head = headline(lens_of({"verdict": "promote", "verdict_sentence": sentence, "checks": []}))
    assert head.sentence == shown


def test_at_most_three_decisions_the_most_pressing_first() -> None:
    evidence = fake_evidence.full()
    evidence["checks"].insert(0, {"id": "a", "severity": "block", "detail": "d", "allowed": None})
    evidence["direction_changes"] *= 2
    found = decisions(lens_of(evidence))
    assert [one.question for one in found] == [
        "Is a a leak?",
        "Approve 2 turned directions?",
        "Sign off the candidate?",
    ]


def test_review_checks_and_drift_fill_free_places() -> None:
    evidence = {"verdict": "reject", "drift": {"sentence": "Recalibrate the intercept."}}
    evidence["checks"] = [{"id": "single-feature-auc:nps", "severity": "review", "detail": "d"}]
    assert [one.question for one in decisions(lens_of(evidence))] == [
        "Is nps sound?",
        "Recalibrate the probabilities?",
    ]


def test_only_the_known_band_names_get_colours() -> None:
    assert [band_look(name) for name in ("Green", "thriving", "at-risk", "purple", 'red" onload="x')] == [
        "green",
        "green",
        "red",
        "plain",
        "plain",
    ]


def test_writing_replaces_the_page_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "review.html"
    target.write_text("old")
    assert write_review(fake_evidence.blocked(), target) == target
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["review.html"]


def test_a_failed_write_leaves_the_old_page_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "review.html"
    target.write_text("old")

    def full_disk(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("churnbench.reports.page.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_review(fake_evidence.blocked(), target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["review.html"]


def test_figures_are_drawings_of_their_own_with_title_and_colours(tmp_path: Path) -> None:
    written = figures(fake_evidence.full(), tmp_path / "figures")
    assert {"gain.svg", "weights_dimensions.svg", "risk_by_score.svg", "folds_auc.svg"} <= {p.name for p in written}
    for path in written:
        root = ElementTree.parse(path).getroot()  # noqa: S314 - our own drawing
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "--accent" in path.read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in written) < 600_000


def test_hostile_and_repeated_metric_names_give_safe_file_names(tmp_path: Path) -> None:
    evidence = fake_evidence.full()
    evidence["curves"][0]["metric"] = "../../etc/passwd"
    evidence["curves"][1]["metric"] = evidence["curves"][2]["metric"]
    written = figures(evidence, tmp_path)
    assert len(set(written)) == len(written)
    assert all(path.parent == tmp_path and path.exists() for path in written)


def test_no_evidence_gives_no_figures(tmp_path: Path) -> None:
    assert figures(fake_evidence.blocked(), tmp_path) == []


def test_bands_over_the_risk_curve_stand_on_the_curves_own_scale() -> None:
    """The curve is a function of the score before the display map, so the cut-offs must be too."""
    text = text_of(fake_evidence.full())
    assert "yellow from 57.9" in text or "red below 57.9" in text
    assert "health score before the display map" in text
    evidence = fake_evidence.full()
    for row in evidence["thresholds"]:
        row["from_raw"] = None
    text = text_of(evidence)
    assert "red below 60" in text
    assert "health score before the display map" not in text
