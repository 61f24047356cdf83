"""Invariant 2: the order of rows and columns in the data changes nothing at all in the cohort."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import (
    DATED,
    FACT_FORMULA,
    FACTS,
    FORMULA,
    dated_tables,
    fact_rows,
    permuted,
    seeds,
    tried,
    written,
)

from churnbench.domain.cohort import Cohort
from churnbench.domain.formula_spec import FormulaSpec

TABLE = """
[project]
name = "invariants"
[data]
table = "table.csv"
id = "account_id"
label = "left"
label_positive = "yes"
"""


def _cohort(text: str, tables: dict[str, pd.DataFrame]) -> tuple[Cohort, FormulaSpec]:
    with TemporaryDirectory() as folder:
        history = written(Path(folder), text, tables)
        cohort, formula = history.cohort(), history.formula
        history.close()
    return cohort, formula


def _differences(text: str, tables: dict[str, pd.DataFrame], seed: int) -> list[str]:
    """What the cohort of permuted files says otherwise than that of the files."""
    (first, formula), (second, other) = (
        _cohort(text, part) for part in (tables, {name: permuted(table, seed) for name, table in tables.items()})
    )
    assert len(first.labelled()) > 0
    pd.testing.assert_frame_equal(first.frame, second.frame, check_exact=True)
    parts = ("fingerprint", "metrics", "excluded", "warnings", "findings")
    found = [part for part in parts if getattr(first, part) != getattr(second, part)]
    return found if formula == other else [*found, "formula"]


@tried(8)
@given(seeds)
def test_a_cohort_of_snapshots_does_not_depend_on_the_order_of_rows_and_columns(seed: int) -> None:
    assert _differences(DATED + FORMULA, dated_tables(seed), seed) == []


@tried(4)
@given(seeds)
def test_a_cohort_of_facts_does_not_depend_on_the_order_of_rows_and_columns(seed: int) -> None:
    tables = {**dated_tables(seed, accounts=12), "usage": fact_rows(seed)}
    del tables["snapshots"]
    assert _differences(FACTS + FACT_FORMULA, tables, seed) == []


@tried(4)
@given(seeds, st.sampled_from([FORMULA, '[formula]\npreset = "none"\n']))
def test_a_table_without_dates_does_not_depend_on_the_order_of_rows_and_columns(seed: int, formula: str) -> None:
    table = dated_tables(seed)["snapshots"].drop(columns="as_of")
    table["account_id"] = [f"c{number:03d}" for number in range(len(table))]
    table["left"] = np.where(np.random.default_rng(seed).random(len(table)) < 0.2, "yes", "no")
    assert _differences(TABLE + formula, {"table": table}, seed) == []
