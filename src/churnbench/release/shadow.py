"""Champion and challenger side by side on the same inputs, batch by batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.data.session import quiet
from churnbench.domain.errors import InputError
from churnbench.export import Document, checked_scorer
from churnbench.export.files import replaced_whole
from churnbench.export.scored_file import usable_inputs
from churnbench.export.tables import WRITE_KINDS, InputFile, kind_of, opened_sink, without_formulas
from churnbench.formula import metric_inputs, validate_body
from churnbench.release.portfolio import Migration, PortfolioShift

_KEYS = ("account_id", "as_of")
_ARR = "arr"
SIDES = ("champion", "challenger")


@dataclass(frozen=True)
class Shadow:
    """What `shadow` did.

    Attributes:
        path: the file written, None when only the summary was wanted.
        summary: champion is `before`, challenger `after`.
        warnings: sentences, e.g. that an optional column is absent.
    """

    path: Path | None
    summary: PortfolioShift
    warnings: tuple[str, ...]


def shadow(
    champion: Document,
    challenger: Document,
    input_path: str | Path,
    out_path: str | Path | None,
    *,
    allow_missing: bool = False,
    movers: int = 20,
    now: str | None = None,
) -> Shadow:
    """Score a file with two configs.

    Args:
        champion: the document in use.
        challenger: the document that might follow it.
        input_path: .csv, .csv.gz or .parquet (a glob is fine) with account_id, one column per input, optionally
            as_of and arr.
        out_path: .csv, .csv.gz or .parquet; appears whole or not at all. None writes nothing.
        allow_missing: whether metric columns of either may be absent; they then count as missing.
        movers: how many of the farthest movers to explain.
        now: moment that decides about expiry; default: the clock.

    Returns:
        The summary. The file has account_id (and as_of), and every column of `churnbench score` twice, with the
        prefixes champion_ and challenger_, versions and body hashes among them.

    Raises:
        InputError: a refused config, absent columns, text where a number belongs, an input read as number by one
            config and as text by the other, or an output that is the input.
    """
    documents = (champion, challenger)
    for document in documents:
        checked_scorer(document, now=now)
    target = None if out_path is None else Path(out_path)
    if target is not None and target.exists() and Path(input_path).exists() and target.samefile(input_path):
        raise InputError("the scores would replace their own inputs.", file=str(target), fix="Choose another --out.")
    kind = None if target is None else kind_of(str(target), WRITE_KINDS)
    migration = Migration(*documents, movers=movers)
    with duckdb.connect() as connection:
        quiet(connection)
        source = InputFile(connection, os.fspath(input_path))
        kinds, warnings = _usable(documents, source, allow_missing=allow_missing)
        tables = _tables(migration, source, kinds, csv=kind != ".parquet")
        first = next(tables)
        if target is None or kind is None:
            for _ in tables:
                pass
        else:
            with replaced_whole(target) as temporary, opened_sink(temporary, kind, first.schema) as sink:
                for table in chain((first,), tables):
                    sink.write_table(table)
    return Shadow(target, migration.summary(), warnings)


def _tables(migration: Migration, source: InputFile, kinds: Mapping[str, str], *, csv: bool) -> Iterator[pa.Table]:
    """Both scores beside the keys; at least one table, so that an empty input gives an empty file with its header."""
    kept = tuple(name for name in _KEYS if name in source.types)
    read = dict(kinds) | ({_ARR: "number"} if _ARR in source.types and _ARR not in kinds else {})
    count = 0
    for keys, frame in source.batches(read, kept):
        count += 1
        arr = frame[_ARR].to_numpy(dtype=np.float64) if _ARR in frame else None
        yield _joined(migration.add(keys.column("account_id").to_pylist(), frame, arr), keys, csv=csv)
    if count == 0:
        keys = pa.table({name: pa.array([], pa.string()) for name in kept})
        empty = pd.DataFrame({name: pd.Series([], dtype=np.float64) for name in kinds})
        yield _joined(migration.add([], empty, None), keys, csv=csv)


def _joined(scores: tuple[pd.DataFrame, pd.DataFrame], keys: pa.Table, *, csv: bool) -> pa.Table:
    table = keys
    for side, frame in zip(SIDES, scores, strict=True):
        columns = pa.Table.from_pandas(frame.add_prefix(f"{side}_"), preserve_index=False)
        for name, column in zip(columns.column_names, columns.columns, strict=True):
            wide = pa.types.is_large_string(column.type)
            table = table.append_column(name, column.cast(pa.string()) if wide else column)
    table = table.replace_schema_metadata(None)
    return without_formulas(table) if csv else table


def _usable(
    documents: tuple[Document, Document], source: InputFile, *, allow_missing: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Inputs of either config that the file has, and warnings about those it has not."""
    kinds = merged_kinds(*documents)
    read = dict.fromkeys(name for document in documents for name in metric_inputs(document["body"]))
    return usable_inputs(source, kinds, read, allow_missing=allow_missing, reader="one of the two formulas")


def merged_kinds(before: Document, after: Document) -> dict[str, str]:
    """Inputs of either config: id -> "number", "boolean" or "category".

    Raises:
        InputError: for an input that one reads as text and the other as a number.
    """
    kinds = validate_body(before["body"])
    for name, kind in validate_body(after["body"]).items():
        known = kinds.setdefault(name, kind)
        if "category" in (known, kind) and known != kind:
            raise InputError(
                f"one config reads {name!r} as {known}, the other as {kind}.",
                column=name,
                fix="Score the two in separate runs.",
            )
        if kind == "boolean":
            kinds[name] = kind
    return kinds
