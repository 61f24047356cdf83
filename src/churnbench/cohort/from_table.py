"""Rows of a snapshot table, and of a single labelled table without dates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.cohort.inputs import Inputs, inputs_of_table
from churnbench.cohort.rows import Rows, typed_inputs, with_attributes
from churnbench.data.contracts import attribute_columns
from churnbench.data.hints import listed
from churnbench.data.locations import open_location
from churnbench.data.project import Project
from churnbench.data.readers import Column, fetch_frame, read_table
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.features.compute import divided


def snapshot_rows(session: Session, project: Project, accounts: pd.DataFrame | None) -> Rows:
    """Read the snapshot table.

    Raises:
        InputError: missing column, bad cell, no row in the chosen period.
    """
    location = project.data.snapshots
    assert location is not None  # noqa: S101 - the caller dispatches on project.data.kind
    source = open_location(session, project, location, "data.snapshots")
    inputs = inputs_of_table(session, project, source, ())
    keys = [Column("account_id", "id", "@account_id"), Column("as_of", "day", "@as_of", filled=True)]
    wanted = [*keys, *attribute_columns(project, "@"), *inputs.columns]
    frame = fetch_frame(session, read_table(session, source, wanted))
    frame = frame.rename(columns={"@account_id": "account_id", "@as_of": "as_of"})
    frame["as_of"] = frame["as_of"].astype("datetime64[us]")
    first, until = project.snapshots.first, project.snapshots.until
    inside = frame["as_of"].between(pd.Timestamp(first or "1900-01-01"), pd.Timestamp(until or "2200-01-01"))
    if not inside.any():
        held = "no rows" if frame.empty else f"{frame['as_of'].min():%Y-%m-%d} to {frame['as_of'].max():%Y-%m-%d}"
        raise InputError(
            f"no snapshot between {first or 'the beginning'} and {until or 'the end'}; there are {held}.",
            file=source.label,
            column="as_of",
            fix="Correct [snapshots] from and until, or add rows.",
        )
    frame = with_attributes(frame[inside].reset_index(drop=True), accounts)
    return _rows(frame, inputs)


def table_rows(session: Session, project: Project) -> tuple[Rows, pd.Series]:
    """Read a single labelled table; the second result is y (1.0, 0.0, NaN where the label is empty).

    Raises:
        InputError: missing column, bad cell, no rows, or a positive label that never occurs.
    """
    location, label = project.data.table, project.data.label or ""
    assert location is not None  # noqa: S101 - the caller dispatches on project.data.kind
    source = open_location(session, project, location, "data.table")
    id_column = project.data.id
    inputs = inputs_of_table(session, project, source, [name for name in (label, id_column) if name])
    keys = [Column(label, "text", "@label", missing=project.data.missing)]
    if id_column:
        keys.append(Column(id_column, "id", "@account_id"))
    wanted = [*keys, *attribute_columns(project, "@"), *inputs.columns]
    frame = fetch_frame(session, read_table(session, source, wanted))
    if frame.empty:
        raise InputError("the table has no rows.", file=source.label, fix="Add rows.")
    raw_label = frame.pop("@label")
    y = _labels(raw_label, project, source.label)
    if id_column:
        frame = frame.rename(columns={"@account_id": "account_id"})
    else:
        width = len(str(len(frame)))
        frame["account_id"] = [f"row-{number:0{width}d}" for number in range(1, len(frame) + 1)]
    frame["account_id"] = frame["account_id"].astype(str)
    frame["as_of"] = pd.Series(pd.NaT, index=frame.index).astype("datetime64[us]")
    rows = _rows(with_attributes(frame, None), inputs)
    others = sorted({_plain(value) for value in raw_label[y == 0].dropna()})
    if len(others) > 1:
        rows.warnings.append(
            f"{source.label}, column {label}: {listed(others)} all count as stayed; only "
            f"{project.data.label_positive!r} counts as churned. Write an empty cell where the outcome is not known."
        )
    return rows, y


def _rows(frame: pd.DataFrame, inputs: Inputs) -> Rows:
    for metric, (above, below) in inputs.ratios.items():
        frame[metric] = divided(frame[above].to_numpy(dtype=float), frame[below].to_numpy(dtype=float))
    ids = [metric.id for metric in inputs.formula.metrics]
    frame["account_id"] = frame["account_id"].astype(str)
    return Rows(typed_inputs(frame, [*ids, *inputs.extra]), inputs.formula, inputs.extra, list(inputs.warnings))


def _labels(column: pd.Series, project: Project, file: str) -> pd.Series:
    text = column.astype(object).where(column.notna(), None).map(_plain, na_action="ignore")
    positive = _plain(project.data.label_positive)
    found = sorted(text.dropna().unique())
    if positive not in found:
        raise InputError(
            f"label_positive = {project.data.label_positive!r} does not occur; values are {listed(found)}.",
            file=file,
            column=project.data.label,
            fix="Write the value that means churned.",
        )
    return (text == positive).astype(float).where(text.notna(), np.nan)


def _plain(value: object) -> str:
    """Text by which labels are compared: 1, 1.0 and "1" are the same, as are true and "True"."""
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text
