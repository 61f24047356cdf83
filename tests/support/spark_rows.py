"""Random formulas and rows for Spark, and what the vectorised formula makes of them."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from formula_worlds import assemble, knots_of, random_body, random_row

from churnbench.export.engines import input_table
from churnbench.export.scored_file import score_table
from churnbench.export.vectors import Probes
from churnbench.formula import score_frame, validate_body
from churnbench.formula.batches import result_names

#: Texts that SQL text or a shell could take for something else.
ODD_TEXTS = ["${spark.app.name}", "back\\slash", "it's", 'say "hi"', "-- x", "Größe\u2028", "gold ", "GOLD", "%s{}", ""]
_DISTINCT_ROWS = 4_000


def random_case(rng: Random, rows: int) -> tuple[dict[str, Any], pa.Table]:
    """A document, and a table with account_id and its inputs; each column is drawn afresh from distinct rows."""
    body = random_body(rng)
    document = assemble(body)
    kinds = validate_body(body)
    knots, probes = knots_of(body), Probes(body, kinds)
    drawn = [random_row(rng, kinds, knots) for _ in range(_DISTINCT_ROWS // 2)]
    drawn += [probes.random(rng) for _ in range(_DISTINCT_ROWS // 2)]
    for row in drawn[:200]:
        row.update({name: rng.choice(ODD_TEXTS) for name, kind in kinds.items() if kind == "category"})
    few = input_table(document, drawn)
    numpy_rng = np.random.default_rng(rng.randrange(2**32))
    columns = {"account_id": pa.array(np.arange(rows))}
    for name in few.column_names[1:]:
        column = few[name].combine_chunks().take(pa.array(numpy_rng.integers(0, len(drawn), rows)))
        if pa.types.is_floating(column.type):
            # A part of the ordinary values is moved, so that rows are more than combinations of few values.
            values = column.to_numpy(zero_copy_only=False)
            with np.errstate(over="ignore"):
                moved = np.where(numpy_rng.random(rows) < 0.5, values * (1 + numpy_rng.normal(0, 0.3, rows)), values)
            column = pc.if_else(pc.is_null(column), column, pa.array(moved, pa.float64()))
        columns[name] = column
    return document, pa.table(columns)


def expected(document: dict[str, Any], table: pa.Table) -> pa.Table:
    """What `churnbench score` gives for the rows, missing values as NULL, in their order."""
    frame = table.drop_columns("account_id").to_pandas()
    scored = score_table(document, frame)
    names = result_names(document["body"])
    if "reading_band" in names:
        scored["reading_band"] = score_frame(document["body"], frame, allow_missing=True)["reading_band"]
    types = {"long": pa.int64(), "double": pa.float64(), "text": pa.string()}
    columns = {"account_id": table["account_id"]}
    columns |= {name: pa.array(scored[name], types[kind], from_pandas=True) for name, kind in names.items()}
    columns |= {name: pa.array(scored[name], pa.string()) for name in ("config_version", "body_sha256")}
    return pa.table(columns)


def rows_that_differ(wanted: pa.Table, found: pa.Table) -> int:
    """Rows in which any column differs; both tables in the same order of rows."""
    assert found.column_names == wanted.column_names
    assert found.num_rows == wanted.num_rows
    different = np.zeros(wanted.num_rows, dtype=bool)
    for name in wanted.column_names:
        ours, theirs = wanted[name], found[name].cast(wanted[name].type)
        different |= pc.not_equal(pc.is_null(ours), pc.is_null(theirs)).to_numpy()
        different |= pc.fill_null(pc.not_equal(ours, theirs), fill_value=False).to_numpy()
    return int(different.sum())
