"""Earlier reviews stand in a chapter of their own, as MLflow remembers them; every key of theirs may be absent."""

from __future__ import annotations

from typing import Any

import pytest
from fake_evidence import full

from churnbench.reports import render_review
from churnbench.reports.lens import lens_of
from churnbench.reports.sections.history import history_section
from churnbench.reports.tabs import tabs

LAST: dict[str, Any] = {
    "run_id": "abc",
    "name": "acme · to 2025-12-31 · promote",
    "finished": "2026-01-15T10:00:00+00:00",
    "data_through": "2025-12-31",
    "verdict": "promote",
    "delta_log_loss": 0.022,
    "low": 0.011,
    "high": 0.034,
    "holdout_events": 61,
    "config_version": "1.1.0",
    "decided_by": "Ada <b>Byron</b>",
    "decided_role": "Head of CS",
    "decided_at": "2026-01-20T09:00:00Z",
    "decision": "look at SMB again",
    "released_version": "1.2.0",
}


def test_earlier_reviews_are_told_newest_first_with_what_was_released() -> None:
    page = render_review({**full(), "history": [LAST, {"finished": "2025-10-10", "verdict": "reject"}]})
    chapter = page[page.index('id="history"') :]
    for words in (
        "2026-01-15",
        "2025-12-31",
        "+0.0220",
        "0.0110 – 0.0340",
        "61",
        "1.2.0",
        "Ada &lt;b&gt;Byron&lt;/b&gt; (Head of CS), 2026-01-20, look at SMB again",
        "not released",
    ):
        assert words in chapter, words
    assert chapter.index("2026-01-15") < chapter.index("2025-10-10")
    assert "2 earlier; the last, outcomes until 2025-12-31: promote." in chapter


def test_without_earlier_reviews_the_chapter_says_so() -> None:
    assert history_section(lens_of(full())).finding == "No earlier review."
    assert "MLflow holds no earlier review of this project" in render_review(full())


@pytest.mark.parametrize("entry", [{}, {"verdict": None, "low": []}, {"delta_log_loss": "x", "decided_by": None}])
def test_any_key_of_an_earlier_review_may_be_absent_or_odd(entry: dict[str, Any]) -> None:
    assert "not released" in render_review({**full(), "history": [entry]})


def test_chapters_have_the_order_of_the_meeting_and_the_what_if_only_with_data() -> None:
    titles = [tab.title for tab in tabs(lens_of(full()), what_if=True)]
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
    assert "What if" not in [tab.title for tab in tabs(lens_of(full()), what_if=False)]
    assert tabs(lens_of({"verdict": "blocked"}), what_if=False)[0].title == "Data quality & checks"
