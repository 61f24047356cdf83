"""Scores a file of inputs into a file of scores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.export.document import Document, checked_scorer
from churnbench.export.files import read_document, replaced_whole
from churnbench.export.sql import compose
from churnbench.export.sql_dialects import DIALECTS
from churnbench.export.tables import (
    BATCH_ROWS,
    WRITE_KINDS,
    InputFile,
    as_read_error,
    kind_of,
    opened_sink,
    without_formulas,
)
from churnbench.formula import metric_inputs, score_frame, validate_body
from churnbench.formula.batches import result_names, score_columns

#: What scoring a file may hold in memory, however large it is; it needs less, but would keep pages it has read.
MEMORY = "1GB"
#: Columns that name a row and are handed through.
KEYS = ("account_id", "as_of")


@dataclass(frozen=True)
class ScoredFile:
    """What `score_file` did.

    Attributes:
        path: the file written.
        rows: accounts scored.
        bands: band -> accounts, "insufficient-data" included.
        warnings: sentences, e.g. that a segment column is absent.
    """

    path: Path
    rows: int
    bands: Mapping[str, int]
    warnings: tuple[str, ...]


def score_file(
    config_path: str | Path,
    input_path: str | Path,
    out_path: str | Path,
    *,
    allow_missing: bool = False,
    now: str | None = None,
) -> ScoredFile:
    """Score a file, batch by batch, in bounded memory.

    Args:
        config_path: a config document.
        input_path: .csv, .csv.gz or .parquet (a glob is fine) with account_id and one column per input.
        out_path: .csv, .csv.gz or .parquet; appears whole or not at all.
        allow_missing: whether metric columns may be absent; they then count as missing in every row.
        now: moment that decides about expiry; default: the clock.

    Returns:
        Counts and warnings. The file has account_id (and as_of), health_score_x100, health_score, band,
        coverage_bp, churn_probability, one `<dimension>_score` per dimension, config_version, body_sha256.

    Raises:
        InputError: for a refused config, absent columns, text where a number belongs, or an output that is the input.
    """
    document = read_document(config_path)
    scorer = checked_scorer(document, now=now, file=str(config_path))
    target = Path(out_path)
    if target.exists() and Path(input_path).exists() and target.samefile(input_path):
        raise InputError("the scores would replace their own inputs.", file=str(target), fix="Choose another --out.")
    kind = kind_of(str(target), WRITE_KINDS)
    with Session(memory_limit=MEMORY) as session:
        connection = session.connection
        source = InputFile(connection, os.fspath(input_path))
        kinds, warnings = _usable(document, source, allow_missing=allow_missing)
        kept = tuple(name for name in KEYS if name in source.types)
        query = _scores_query(document, source, kept)
        with replaced_whole(target) as temporary:
            try:
                bands = _written(connection, query, temporary, kind)
            except duckdb.Error as error:
                source.refuse_faults(kinds)
                with as_read_error(source.path):
                    raise error
    return ScoredFile(target, sum(bands.values()), bands, scorer.warnings + warnings)


def _scores_query(document: Document, source: InputFile, kept: Sequence[str]) -> str:
    """The query that reads the file and gives the columns of the result, row by row in file order."""
    body = document["body"]
    kinds = validate_body(body)
    # Nothing is fenced, so that rows stream through; DuckDB computes each relation once all the same.
    dialect = replace(DIALECTS["duckdb"], fence="")
    query, outputs = compose(
        document,
        dialect,
        source="inputs",
        prefix="churnbench_",
        account_id=None,
        columns={name: f"v{position}" for position, name in enumerate(kinds)},
        column_types={},
        details=False,
    )
    write, dimensions = query.write, body["dimensions"]
    outputs += [f"{write.rounded(f'd{k}', 100.0)} AS s{k}" for k in range(len(dimensions))]
    hundred = write.number(100)
    wanted = [(f"account_id.k{position}", name) for position, name in enumerate(kept)]
    own = {"health_score": f"{write.as_double('health_score_x100')} / {hundred}"}
    own |= {f"{dimension['id']}_score": f"s{k} / {hundred}" for k, dimension in enumerate(dimensions)}
    wanted += [(own.get(name, name), name) for name in result_names(body)]
    wanted += [(write.string(value), name) for name, value in _stamps(document).items()]
    columns = ", ".join(f"{expression} AS {write.name(name)}" for expression, name in wanted)
    inputs = f"inputs AS (\n{source.relation(kinds, tuple(kept))})"
    return f"WITH {inputs},\nscored AS (\n{query.chain.query(outputs)})\nSELECT {columns} FROM scored"


def _written(connection: duckdb.DuckDBPyConnection, query: str, path: Path, kind: str) -> dict[str, int]:
    """Write the rows of a query and count the bands."""
    if kind == ".parquet":
        quoted = str(path).replace("'", "''")
        connection.execute(f"COPY ({query}) TO '{quoted}' (FORMAT parquet)")
        counted = connection.execute(f"SELECT band, count(*) FROM read_parquet('{quoted}') GROUP BY band").fetchall()
        return dict(sorted(counted))
    bands: Counter[str] = Counter()
    reader = connection.sql(query).to_arrow_reader(BATCH_ROWS)
    with opened_sink(path, kind, reader.schema) as sink:
        for batch in reader:
            table = pa.table(batch)
            sink.write_table(without_formulas(table))
            bands.update(table.column("band").to_pylist())
    return dict(bands)


def score_table(document: Document, frame: pd.DataFrame, *, contributions: bool = False) -> pd.DataFrame:
    """Score columns of one batch, as `score_file` writes them after the kept columns.

    Args:
        document: a checked config document.
        frame: one column per input.
        contributions: whether to add `<metric>_gained_x100` and `<metric>_lost_x100`, see `score_frame`.

    Returns:
        Same index; health_score_x100 and the others in the order of the contract.
    """
    body = document["body"]
    scored = score_frame(body, frame, contributions=contributions, allow_missing=True)
    scored["health_score"] = scored["health_score_x100"].to_numpy(dtype=np.float64, na_value=np.nan) / 100.0
    columns: dict[str, object] = {name: scored[name] for name in result_names(body, contributions=contributions)}
    stamps = _stamps(document)
    columns.update({name: pd.array([stamp] * len(frame), dtype="str") for name, stamp in stamps.items()})
    return pd.DataFrame(columns, index=frame.index)


def score_arrow(document: Document, table: pa.Table, *, contributions: bool = False) -> pa.Table:
    """Score an Arrow table.

    Args:
        document: a checked config document.
        table: one column per input, as `score_frame` reads them; others are not looked at.
        contributions: as in `score_table`.

    Returns:
        As many rows, in order: the columns of `score_table`, NULL where there is none.
    """
    body = document["body"]
    inputs = [name for name in validate_body(body) if name in table.column_names]
    frame = table.select(inputs).to_pandas(ignore_metadata=True)
    columns = score_columns(body, frame, contributions=contributions)
    for name, stamp in _stamps(document).items():
        columns[name] = pa.repeat(pa.scalar(stamp, pa.string()), table.num_rows)
    return pa.table(columns)


def _stamps(document: Document) -> dict[str, str]:
    """What tells which config a row was scored with."""
    return {"config_version": document["config_version"], "body_sha256": document["integrity"]["body_sha256"]}


def _usable(document: Document, source: InputFile, *, allow_missing: bool) -> tuple[dict[str, str], tuple[str, ...]]:
    """Inputs that the file has, and warnings about those it has not."""
    body = document["body"]
    return usable_inputs(source, validate_body(body), metric_inputs(body), allow_missing=allow_missing)


def usable_inputs(
    source: InputFile,
    kinds: Mapping[str, str],
    metrics: Collection[str],
    *,
    allow_missing: bool,
    reader: str = "the formula",
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Inputs that a file has, and warnings about those it has not.

    Args:
        source: the file.
        kinds: input id -> kind, of everything that the scoring reads.
        metrics: those without which a metric is missing in every row.
        allow_missing: whether these, too, may be absent.
        reader: who reads them, for the message.

    Raises:
        InputError: for a file without account_id, or without some of `metrics`.
    """
    if "account_id" not in source.types:
        raise InputError(
            f"no column account_id; the file has {', '.join(source.types)}.",
            file=source.path,
            column="account_id",
            fix="Add it, or rename the column that identifies an account.",
        )
    absent = [name for name in kinds if name not in source.types]
    needed = [name for name in metrics if name in absent]
    if needed and not allow_missing:
        raise InputError(
            f"no column {', '.join(needed)}, which {reader} reads.",
            file=source.path,
            column=needed[0],
            fix="Add the columns (empty where unknown), or pass allow_missing.",
        )
    warnings = tuple(f"Column {name} is absent and counts as missing in every row." for name in absent)
    return {name: kind for name, kind in kinds.items() if name in source.types}, warnings
