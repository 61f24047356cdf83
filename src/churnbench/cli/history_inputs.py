"""Reads a day's inputs and the outcomes for the score history."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.export.scored_file import usable_inputs
from churnbench.export.tables import InputFile
from churnbench.formula import metric_inputs, validate_body
from churnbench.history.day import ATTRIBUTES


def inputs_of_day(path: Path, document: dict[str, Any], day: date, *, allow_missing: bool) -> pd.DataFrame:
    """The rows of a file that are of one day, as numbers and text.

    Args:
        path: .csv, .csv.gz or .parquet with account_id, one column per input, and attributes where there are any.
        document: the config that will read them.
        day: rows of this day count, where the file has a column as_of.
        allow_missing: whether metric columns may be absent.

    Raises:
        InputError: an absent column, a cell that is not a number, no row of that day.
    """
    with Session() as session:
        source = InputFile(session.connection, str(path))
        kinds, _ = usable_inputs(
            source, validate_body(document["body"]), metric_inputs(document["body"]), allow_missing=allow_missing
        )
        wanted = ("account_id", "as_of", "days_to_renewal", *ATTRIBUTES)
        kept = tuple(name for name in wanted if name in source.types)
        parts = []
        for table, values in source.batches(kinds, kept):
            known = table.to_pandas()
            parts.append(pd.concat([known, values[[n for n in values if n not in known]]], axis=1))
            parts[-1][list(values)] = values
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*dict.fromkeys([*kept, *kinds])])
    for name in ("arr", "days_to_renewal"):
        if name in rows and name not in kinds:
            rows[name] = _numbers(rows[name], path, name)
    return _of_day(rows, day, path)


def _of_day(rows: pd.DataFrame, day: date, path: Path) -> pd.DataFrame:
    if "as_of" not in rows:
        return rows
    when = pd.to_datetime(rows["as_of"], errors="coerce")
    chosen = rows.loc[(when.dt.normalize() == pd.Timestamp(day)).to_numpy()]
    if chosen.empty and len(rows):
        newest = "no date at all" if when.isna().all() else f"rows up to {when.max():%Y-%m-%d}"
        raise InputError(
            f"no row is of {day}; the file has {newest}.",
            file=str(path),
            column="as_of",
            fix="Give that day as --as-of, or leave the column out.",
        )
    return chosen.drop(columns="as_of").reset_index(drop=True)


def _numbers(values: pd.Series, path: Path, name: str) -> pd.Series:
    made = pd.to_numeric(values, errors="coerce")
    odd = made.isna() & values.notna() & (values.astype(str).str.strip() != "")
    if odd.any():
        raise InputError(
            f"{values[odd].iloc[0]!r} is not a number.",
            file=str(path),
            column=name,
            row=int(odd.to_numpy().argmax()) + 2,
            fix="Write a plain number, or leave the cell empty.",
        )
    return made


def whole_table(path: Path) -> pd.DataFrame:
    """Every column of a file, a csv's as text."""
    with Session() as session:
        source = InputFile(session.connection, str(path))
        kept = tuple(source.types)
        parts = [table.to_pandas() for table, _ in source.batches({}, kept)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=kept)
