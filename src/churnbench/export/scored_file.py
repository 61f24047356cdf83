"""Scores a file of inputs into a file of scores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.domain.errors import InputError
from churnbench.export.document import Document, checked_scorer
from churnbench.export.files import read_document, replaced_whole
from churnbench.export.tables import WRITE_KINDS, InputFile, kind_of, opened_sink, without_formulas
from churnbench.formula import metric_inputs, score_frame, validate_body

_KEYS = ("account_id", "as_of")


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
    with duckdb.connect() as connection:
        source = InputFile(connection, os.fspath(input_path))
        kinds, warnings = _usable(document, source, allow_missing=allow_missing)
        kept = tuple(name for name in _KEYS if name in source.types)
        bands: Counter[str] = Counter()
        with replaced_whole(target) as temporary:
            tables = _scored(document, source, kinds, kept, csv=kind != ".parquet")
            first = next(tables)
            with opened_sink(temporary, kind, first.schema) as sink:
                for table in chain((first,), tables):
                    sink.write_table(table)
                    bands.update(table.column("band").to_pylist())
    return ScoredFile(target, sum(bands.values()), dict(bands), scorer.warnings + warnings)


def score_table(document: Document, frame: pd.DataFrame) -> pd.DataFrame:
    """Score columns of one batch, as `score_file` writes them after the kept columns.

    Returns:
        Same index; health_score_x100 and the others in the order of the contract.
    """
    body = document["body"]
    scored = score_frame(body, frame, allow_missing=True)
    columns: dict[str, object] = {
        "health_score_x100": scored["health_score_x100"],
        "health_score": scored["health_score_x100"].to_numpy(dtype=np.float64, na_value=np.nan) / 100.0,
    }
    names = ["band", "coverage_bp", "churn_probability"]
    names += [f"{dimension['id']}_score" for dimension in body["dimensions"]]
    columns.update({name: scored[name] for name in names})
    stamps = {
        "config_version": document["config_version"],
        "body_sha256": document["integrity"]["body_sha256"],
    }
    columns.update({name: pd.array([stamp] * len(frame), dtype="str") for name, stamp in stamps.items()})
    return pd.DataFrame(columns, index=frame.index)


def _usable(document: Document, source: InputFile, *, allow_missing: bool) -> tuple[dict[str, str], tuple[str, ...]]:
    """Inputs that the file has, and warnings about those it has not."""
    kinds = validate_body(document["body"])
    if "account_id" not in source.types:
        raise InputError(
            f"no column account_id; the file has {', '.join(source.types)}.",
            file=source.path,
            column="account_id",
            fix="Add it, or rename the column that identifies an account.",
        )
    absent = [name for name in kinds if name not in source.types]
    needed = [name for name in metric_inputs(document["body"]) if name in absent]
    if needed and not allow_missing:
        raise InputError(
            f"no column {', '.join(needed)}, which the formula reads.",
            file=source.path,
            column=needed[0],
            fix="Add the columns (empty where unknown), or pass allow_missing.",
        )
    warnings = tuple(f"Column {name} is absent and counts as missing in every row." for name in absent)
    return {name: kind for name, kind in kinds.items() if name in source.types}, warnings


def _scored(
    document: Document, source: InputFile, kinds: Mapping[str, str], kept: tuple[str, ...], *, csv: bool
) -> Iterator[pa.Table]:
    """Tables of scores; at least one, so that an empty input gives an empty file with its header."""
    count = 0
    for keys, frame in source.batches(kinds, kept):
        count += 1
        yield _joined(document, keys, frame, csv=csv)
    if count == 0:
        keys = pa.table({name: pa.array([], pa.string()) for name in kept})
        empty = pd.DataFrame({name: pd.Series([], dtype=np.float64) for name in kinds})
        yield _joined(document, keys, empty, csv=csv)


def _joined(document: Document, keys: pa.Table, frame: pd.DataFrame, *, csv: bool) -> pa.Table:
    scores = pa.Table.from_pandas(score_table(document, frame), preserve_index=False)
    table = keys
    for name, column in zip(scores.column_names, scores.columns, strict=True):
        wide = pa.types.is_large_string(column.type)
        table = table.append_column(name, column.cast(pa.string()) if wide else column)
    table = table.replace_schema_metadata(None)
    return without_formulas(table) if csv else table
