"""The review page shows segment profiles and the ramp when the evidence has them."""

from __future__ import annotations

from typing import Any

import fake_evidence

from churnbench.reports import render_review


def part(name: str, weight: float, learned: float | None) -> dict[str, Any]:
    interval = None if learned is None else [learned - 4, learned + 4]
    return {"id": name, "overall": 25.0, "weight": weight, "learned": learned, "ci90": interval}


def page(*, own: bool, learned: float | None = 41.3) -> str:
    evidence = fake_evidence.full()
    dimensions = [row["id"] for row in evidence["weights"]["dimensions"]]
    evidence["weights"] |= {
        "segments": [
            {
                "segment": "SMB <b>",
                "accounts": 1234,
                "events": 87,
                "own": own,
                "level_points": 7.7 if own else None,
                "dimensions": [part(name, 41.3 if own else 25.0, learned) for name in dimensions],
            }
        ],
        "segment_weights": {
            "sentence": "SMB has weights of its own.",
            "default_level_points": 2.2 if own else None,
        },
        "ramp": {"sentence": "No lifecycle ramp. Too few."},
    }
    return render_review(evidence)


def test_profiles_that_ship_stand_beside_everybody_else() -> None:
    shown = page(own=True)
    assert "SMB has weights of its own." in shown
    assert "No lifecycle ramp. Too few." in shown
    assert "Weights of each segment" in shown
    assert "SMB &lt;b&gt;" in shown
    for text in ("1,234", "41.3", "37.3 – 45.3", "7.7", "2.2", "everybody else"):
        assert text in shown


def test_profiles_that_were_only_tried_are_marked_as_such() -> None:
    shown = page(own=False)
    assert "learned 41.3" in shown
    assert "overall weights" in shown


def test_nothing_learned_no_table_and_old_evidence_no_sentence() -> None:
    assert "Weights of each segment" not in page(own=False, learned=None)
    assert "By segment." not in render_review(fake_evidence.full())
