"""Every kind of report in every format: nothing of the data becomes markup, nothing internal reaches a customer."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from health_books import HOSTILE, MONTH_AGO, NOW, QUARTER_AGO, book, hostile, peers, row

from churnbench.health import Book, Report
from churnbench.reports.health import FORMATS, render_html, render_markdown
from churnbench.workflow.health_reports import KINDS, make_report


class Structure(HTMLParser):
    """Collects tags and text, and fails on a document whose tags do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def book_of_hostile_names() -> Book:
    return hostile()


@pytest.fixture(scope="module", params=KINDS)
def report(request: pytest.FixtureRequest, book_of_hostile_names: Book) -> Report:
    account = HOSTILE[0] if request.param in ("account", "customer") else None
    return make_report(book_of_hostile_names, request.param, account=account)


def test_no_name_becomes_markup_in_html(report: Report) -> None:
    text = render_html(report)

    tags = Structure(text).tags
    assert "script" not in tags
    assert "img" not in tags
    assert "http://" not in re.sub(r"[^\n]*\[a\]\(http://b\)[^\n]*", "", text)
    assert "\u202e" not in text
    assert "a" * 130 not in text
    assert "default-src 'none'" in text


def test_no_name_becomes_markup_in_markdown(report: Report) -> None:
    text = render_markdown(report)

    assert "<script" not in text
    assert "](" not in text
    assert "\u202e" not in text
    lines = text.splitlines()
    for before, rule in pairwise(lines):
        if rule.startswith("|---"):
            at = lines.index(rule, lines.index(before))
            columns = rule.count("|")
            for line in lines[at + 1 :]:
                if not line.startswith("|"):
                    break
                assert len(re.findall(r"(?<!\\)\|", line)) == columns, line


def test_json_is_strict_and_every_figure_says_where_it_comes_from(report: Report) -> None:
    content = json.loads(FORMATS["json"][1](report), parse_constant=pytest.fail)

    assert content["kind"] == report.kind
    for section in content["sections"]:
        for part in section["parts"]:
            if part["kind"] in ("table", "chart"):
                assert part["how"], part["id"]
            if part["kind"] == "absent":
                assert part["why"]
                assert part["fix"]
    if report.kind != "customer":
        assert content["about"]["body_sha256"]
        assert all(number["how"] for number in content["facts"])


def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    for _, draw in FORMATS.values():
        assert draw(report) == draw(report)


def test_the_customers_view_holds_no_internal_figure(book_of_hostile_names: Book) -> None:
    shown = make_report(book_of_hostile_names, "customer", account=HOSTILE[6])
    content = shown.as_dict()
    words = json.dumps({**content, "schema": None, "about": None})
    values = re.sub(r"(Jan|Sep|Nov|Dec|Oct|Jun|Mar) 20\d\d|\"ci90\": null", "", words)

    assert not re.search(r"\d", values), values
    assert content["about"] == {"as_of": "2025-12-31"}
    visible = render_html(shown).partition("</style>")[2].lower()
    for word in ("probability", "arr", "score", "churn", "config", "tiny", "smb"):
        assert word not in visible, word
    assert {"Usage", "Engagement"} == {one["area"] for one in content["sections"][1]["parts"][0]["rows"]}


def test_insights_without_a_run_say_how_to_get_one() -> None:
    report = make_report(book([row("x", NOW, 5.0, 5.0)]), "insights")

    assert "churnbench run" in render_html(report)
    assert "not available because no run was named" in render_markdown(report)


def test_insights_of_a_thin_run_draw_what_there_is(book_of_hostile_names: Book) -> None:
    text = render_html(make_report(book_of_hostile_names, "insights"))

    assert "Reject the candidate." in text
    assert "not available because" in text


def test_markdown_holds_the_figures_of_every_chart_that_no_table_repeats() -> None:
    rows = [row("x", day, logins, 20.0) for day, logins in ((QUARTER_AGO, 8.0), (MONTH_AGO, 6.0), (NOW, 5.0))]
    seen = book([*rows, *[one for day in (QUARTER_AGO, NOW) for one in peers(12, as_of=day)]])

    account = render_markdown(make_report(seen, "account", account="x"))
    assert "| 2025\\-11-30 | 44\\.0 |" in account
    assert "peers' median" in account
    assert "| 2025\\-09-30 |" in render_markdown(make_report(seen, "executive"))
    assert "**Change over the quarter, all segments**" in render_markdown(make_report(seen, "early-warning"))
