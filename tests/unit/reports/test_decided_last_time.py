"""The page opens with the last decision; every figure is the evidence's, every text is only text."""

from __future__ import annotations

from typing import Any

from fake_evidence import full

from churnbench.reports import render_review

LAST: dict[str, Any] = {
    "event": "promote",
    "by": "Ada <b>Byron</b>",
    "role": "Head of CS",
    "at": "2026-02-03T10:00:00Z",
    "decision": "adopt & tell the team",
    "conditions": ["watch <SMB>", "recheck in May"],
    "override": None,
    "config_version": "2.0.0",
    "note": None,
    "outcome": {
        "after": "2026-01-31",
        "accounts": 812,
        "events": 37,
        "note": None,
        "bands": [
            {
                "band": "red",
                "promise": 0.06,
                "at_most": False,
                "expected": 0.081,
                "observed": 0.0432,
                "ci90": [0.031, 0.0587],
                "accounts": 120,
                "events": 14,
                "kept": False,
            },
            {
                "band": "green",
                "promise": 0.015,
                "at_most": True,
                "expected": 0.009,
                "observed": 0.0081,
                "ci90": [0.004, 0.0121],
                "accounts": 640,
                "events": 9,
                "kept": True,
            },
        ],
    },
}


def test_the_first_screen_says_what_was_decided_and_how_it_turned_out() -> None:
    page = render_review({**full(), "last_decision": LAST})
    hero = page[page.index('aria-label="Verdict"') : page.index("</section>")]
    assert "On 2026-02-03 Ada &lt;b&gt;Byron&lt;/b&gt; (Head of CS) released version 2.0.0: adopt &amp; tell" in hero
    assert "37 churned accounts since 2026-01-31: red broken (at least 6.0 %, observed 4.3 %" in hero
    assert "green kept (at most 1.5 %, observed 0.8 %" in hero
    assert "watch &lt;SMB&gt;; recheck in May" in page
    assert "<SMB>" not in page
    assert "<b>Byron" not in page


def test_before_the_first_release_nothing_is_claimed() -> None:
    for evidence in (full(), {**full(), "last_decision": None}):
        page = render_review(evidence)
        assert "no config of this project was released before this review" in page
        assert "Last time." not in page


def test_what_cannot_be_told_yet_is_said_in_words() -> None:
    outcome = {"after": "2026-01-31", "accounts": 0, "events": 0, "bands": [], "note": "No outcome has matured."}
    page = render_review({**full(), "last_decision": {**LAST, "outcome": outcome}})
    assert "No outcome has matured" in page
    broken = render_review({**full(), "last_decision": {"note": "the history <damaged>"}})
    assert "the history &lt;damaged&gt;" in broken


def test_a_rollback_and_an_override_are_told() -> None:
    last = {**LAST, "event": "rollback", "decision": None, "reason": "CSMs saw nonsense", "override": "no time"}
    page = render_review({**full(), "last_decision": last})
    assert "went back to the formula of version 2.0.0: CSMs saw nonsense" in page
    assert "Against the evidence, because:" in page
