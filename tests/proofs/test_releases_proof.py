"""The proof of the review after a release: a broken promise is told, and one company goes through both reviews."""

from __future__ import annotations

import pandas as pd
import pytest
from proofs.sizes import QUICK

from proofs import releases, suite


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """What the section gets instead of companies; a test may change it."""
    rates = {f"{name}.{rate}": 0.9 for name in ("incumbent", "anchored") for rate in ("auc", "slope", "level")}
    row = {"verdict": "keep-equivalent", "incumbent.loss": 0.112, "anchored.loss": 0.111, **rates}
    rows = pd.DataFrame([{"delta": 0.001 + 0.0001 * (k % 2 - 0.5), **row} for k in range(20)])
    rows.loc[:3, "verdict"] = "promote"
    monkeypatch.setattr(releases, "run", lambda *_: rows)
    return rows


def broken() -> list[int]:
    _, promises, found = suite.PROOFS["releases"].run(QUICK, 1)
    assert [len(rows) for rows in found.values()] == [2, 2]
    return [place for place, promise in enumerate(promises) if not promise.kept]


def test_figures_as_hoped_for_keep_every_promise(table: pd.DataFrame) -> None:
    assert len(table) == 20
    assert broken() == []


def test_a_promotion_of_what_is_not_better_breaks_the_first_promise(table: pd.DataFrame) -> None:
    table.loc[:3, "incumbent.loss"] = 0.111
    table.loc[:3, "delta"] -= 0.001
    assert broken() == [0]


def test_a_comparison_that_flatters_the_candidate_breaks_the_second(table: pd.DataFrame) -> None:
    table["delta"] += 0.0005
    assert broken() == [1]


@pytest.mark.slow
def test_a_company_that_released_its_refit_meets_it_as_the_formula_in_force() -> None:
    found = releases.run(1, 1, 1).iloc[0]
    assert found["verdict"] in {"promote", "keep-equivalent", "reject", "not-enough-evidence"}
    assert 0.7 < found["incumbent.auc"] < 1.0
    assert found["events"] > 50
