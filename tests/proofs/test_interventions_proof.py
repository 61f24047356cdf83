"""The proof of interventions: a broken promise is told, and a small form runs from end to end."""

from __future__ import annotations

import pandas as pd
import pytest
from proofs.sizes import QUICK

from proofs import interventions, suite


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """What the section gets instead of worlds; a test may change it."""
    levels = {f"{way}_level": 1.0 for way in ("plain", "weighted", "treatment_term")}
    ways = pd.DataFrame([{"truth": 0.8, "plain": 0.7, "weighted": 0.79, "treatment_term": 0.75, **levels}] * 20)
    arms = pd.DataFrame([{"low": -0.2, "high": 0.0, "true": -0.1, "true_reduction": 0.5, "events": 40}] * 20)
    arms.loc[:1, "high"] = -0.15
    drop = pd.DataFrame([{"effect": effect, "found": effect < 1.0} for effect in (0.25, 1.0) for _ in range(20)])
    monkeypatch.setattr(interventions, "weighted", lambda *_: ways)
    monkeypatch.setattr(interventions, "effects", lambda *_: arms)
    monkeypatch.setattr(interventions, "warned", lambda *_: drop)
    return {"ways": ways, "arms": arms, "drop": drop}


def broken() -> list[int]:
    _, promises, found = suite.PROOFS["interventions"].run(QUICK, 1)
    assert len(next(iter(found.values()))) == 3
    return [place for place, promise in enumerate(promises) if not promise.kept]


def test_figures_as_hoped_for_keep_every_promise(tables: dict[str, pd.DataFrame]) -> None:
    assert len(tables) == 3
    assert broken() == []


@pytest.mark.parametrize(
    ("table", "column", "rows", "value", "place"),
    [
        ("arms", "high", slice(0, 8), -0.15, 0),
        ("ways", "weighted", slice(0, 5), 0.6, 1),
        ("drop", "found", slice(20, 26), True, 2),
        ("drop", "found", slice(0, 10), False, 3),
    ],
)
def test_each_promise_can_be_broken_and_then_it_alone_is(
    tables: dict[str, pd.DataFrame], table: str, column: str, rows: slice, value: object, place: int
) -> None:
    tables[table].loc[rows, column] = value
    assert broken() == [place]
