"""From replicates to promises: what breaks one, and that every section can be drawn up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from proofs.page import Promise
from proofs.sizes import QUICK

from proofs import care, gate, segments, suite


def verdicts(name: str, verdicts: list[str], gains: list[float]) -> pd.DataFrame:
    count = len(verdicts)
    return pd.DataFrame(
        {
            "seed": range(count),
            "verdict": verdicts,
            "events": 100,
            "holdout_events": np.linspace(10, 400, count),
            "true_gain": gains,
            "case": name,
        }
    )


@pytest.fixture
def faked_gate(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """Tables that the section gets instead of books; a test may change them."""
    tables = {
        "right experts": verdicts("right experts", ["keep-equivalent"] * 20, [-0.001] * 20),
        "usual experts": verdicts("usual experts", ["promote"] * 10, [0.01] * 10),
        "null world": verdicts("null world", ["reject"] * 10, [float("nan")] * 10),
        "equals": verdicts("equals", ["keep-equivalent"] * 20, [0.0] * 20),
    }
    monkeypatch.setattr(gate, "cases", lambda books: {name: name for name in tables if name != "equals"})
    monkeypatch.setattr(gate, "run", lambda case, books, jobs: tables[case])
    monkeypatch.setattr(gate, "equals", lambda books: SimpleNamespace(gap=1e-6))
    monkeypatch.setattr(gate, "run_equals", lambda pair, books, jobs: tables["equals"])
    return tables


def promises(name: str) -> dict[str, Promise]:
    _, found, tables = suite.PROOFS[name].run(QUICK, 1)
    assert next(iter(tables.values()))
    return {promise.claim: promise for promise in found}


def test_a_gate_that_promotes_nothing_false_keeps_its_promises(faked_gate: dict[str, pd.DataFrame]) -> None:
    assert len(faked_gate) == 4
    assert all(promise.kept for promise in promises("gate").values())


@pytest.mark.parametrize(
    ("table", "claim"),
    [
        ("right experts", "false promotion: today's formula is already right"),
        ("equals", "false promotion: two equally good formulas, no guards"),
        ("null world", "promotions in worlds without signal"),
    ],
)
def test_promotions_of_what_is_not_better_break_exactly_that_promise(
    faked_gate: dict[str, pd.DataFrame], table: str, claim: str
) -> None:
    faked_gate[table].loc[:4, "verdict"] = "promote"
    found = promises("gate")
    assert [name for name, promise in found.items() if not promise.kept] == [claim]


def test_promoting_what_is_truly_better_is_no_false_promotion(faked_gate: dict[str, pd.DataFrame]) -> None:
    faked_gate["right experts"].loc[:9, ["verdict", "true_gain"]] = ["promote", 0.002]
    assert all(promise.kept for promise in promises("gate").values())


def test_sizes_are_judged_case_by_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "population", lambda recipe, books: (None, None))
    monkeypatch.setattr(suite, "expert_formula", lambda truth, spec: spec)

    def run(case: gate.Case, books: int, jobs: int, first: int) -> pd.DataFrame:
        wrong = case.name == "300 accounts, right experts"
        return verdicts(case.name, ["promote" if wrong else "reject"] * books, [-0.001] * books)

    monkeypatch.setattr(gate, "run", run)
    found = promises("sizes")
    assert [name for name, promise in found.items() if not promise.kept] == [
        "false promotion, 300 accounts, right experts"
    ]
    assert len(found) == 2 * len(QUICK.sizes)


@pytest.mark.parametrize(("low", "kept"), [(0.7, True), (0.81, False)])
def test_care_is_judged_by_whether_the_interval_covers_the_auc_under_care(
    monkeypatch: pytest.MonkeyPatch, low: float, kept: bool
) -> None:
    def table(name: str, books: int, jobs: int) -> pd.DataFrame:
        covering = np.arange(20) < 18
        row: dict[str, Any] = {"live": 0.8, "auc": 0.82, "high": 0.9, "lowest_band_rate": 0.1, "base_rate": 0.02}
        return pd.DataFrame({**row, "low": np.where(covering, low, 0.85), "verdict": "promote", "company": [name] * 20})

    monkeypatch.setattr(care, "companies", lambda books: ("nobody intervenes", "playbook at work"))
    monkeypatch.setattr(care, "run", table)
    (promise,) = promises("care").values()
    assert promise.kept is kept


@pytest.mark.parametrize(("pooled", "kept"), [(0.05, [True, True, True]), (0.3, [False, False, False])])
def test_segment_weights_must_not_be_worse_than_one_profile_and_better_where_segments_differ(
    monkeypatch: pytest.MonkeyPatch, pooled: float, kept: list[bool]
) -> None:
    def table(contrast: float, books: int, jobs: int) -> pd.DataFrame:
        noise = np.linspace(-0.01, 0.01, 12)
        row = {"one profile": 0.1, "no pooling": 0.4, "covered": 0.9, "adopted": False}
        return pd.DataFrame({**row, "pooled": pooled + noise, "seed": np.repeat(range(4), 3)})

    monkeypatch.setattr(segments, "company", lambda contrast, books: contrast)
    monkeypatch.setattr(segments, "run", table)
    found = promises("segments")
    assert [promise.kept for claim, promise in found.items() if claim.startswith("weights")] == kept
    assert all(promise.kept for claim, promise in found.items() if claim.startswith("90 % interval"))
