"""Earlier reviews stand in a chapter of their own; every key of theirs may be absent."""

from __future__ import annotations

from typing import Any

import pytest
from fake_evidence import full

from churnbench.reports import render_review
from churnbench.reports.lens import lens_of
from churnbench.reports.sections.history import history_section
from churnbench.reports.tabs import tabs

LAST: dict[str, Any] = {
    "created": "2026-01-15T10:00:00Z",
    "verdict": "promote",
    "auc": {
        "incumbent": {"value": 0.712, "ci90": [0.655, 0.766]},
        "candidate": {"value": 0.793, "ci90": [0.744, 0.838]},
    },
    "delta_log_loss": {"value": 0.022, "ci90": [0.011, 0.034]},
    "decision": "adopt",
    "by": "Ada <b>Byron</b>",
    "role": "Head of CS",
    "decided_at": "2026-01-20",
    "conditions": "look at SMB again",
    "bands": [
        {
            "band": "green",
            "promised": 0.03,
            "observed": {"rate": 0.021, "ci90": [0.015, 0.03], "accounts": 800, "events": 17},
        },
        {"band": "red", "promised": None, "observed": None},
    ],
}


def test_earlier_reviews_are_told_newest_first_with_their_promises() -> None:
    page = render_review(full(), history=[LAST, {"created": "2025-10-10"}])
    chapter = page[page.index('id="history"') :]
    for words in (
        "2026-01-15",
        "0.793",
        "+0.0220",
        "adopt",
        "look at SMB again",
        "Ada &lt;b&gt;Byron",
        "2.1 %",
        "not matured",
    ):
        assert words in chapter, words
    assert chapter.index("2026-01-15") < chapter.index("2025-10-10")
    assert "2 earlier; last time (2026-01-15): adopt." in chapter


def test_without_earlier_reviews_the_chapter_says_so() -> None:
    section = history_section([])
    assert section.finding == "No earlier review."
    assert "there was no earlier review of this project" in render_review(full())


@pytest.mark.parametrize("entry", [{}, {"bands": None, "auc": []}, {"bands": [{}], "delta_log_loss": "x", "by": None}])
def test_any_key_of_an_earlier_review_may_be_absent_or_odd(entry: dict[str, Any]) -> None:
    assert "no decision on record" in render_review(full(), history=[entry])


def test_chapters_have_the_order_of_the_meeting_and_the_what_if_only_with_data() -> None:
    titles = [tab.title for tab in tabs(lens_of(full()), [], what_if=True)]
    assert titles == [
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
    assert "What if" not in [tab.title for tab in tabs(lens_of(full()), [], what_if=False)]
    assert tabs(lens_of({"verdict": "blocked"}), [], what_if=False)[0].title == "Data quality & checks"
