"""What a stored reading looks like: fixed columns, and lists in the order of the config's own dimensions and inputs.

The columns are the same whatever config scored, so one table (or one set of Parquet files) holds readings of all of
them. The document kept under `body_sha256` names the entries of the lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.domain.errors import InputError
from churnbench.domain.score_history import DIMENSION_SUFFIX, HISTORY_COLUMNS, as_history
from churnbench.export import Document
from churnbench_scorer.rules import input_kinds

#: Which reading a row is, for one body of a config.
KEY = ("account_id", "as_of", "body_sha256")
#: What the store adds: order of arrival, moment, and why a reading came late (null when it did not).
MARKS = ("appended", "appended_at", "late_reason")
#: Columns of a stored reading.
STORED = pa.schema(
    [
        ("account_id", pa.string()),
        ("as_of", pa.date32()),
        ("body_sha256", pa.string()),
        ("config_version", pa.string()),
        ("sequence", pa.int64()),
        ("health_score_x100", pa.int32()),
        ("calculated_band", pa.string()),
        ("held_band", pa.string()),
        ("coverage_bp", pa.int32()),
        ("churn_probability", pa.float64()),
        ("segment", pa.string()),
        ("csm", pa.string()),
        ("arr", pa.float64()),
        ("parent_id", pa.string()),
        ("renewal_on", pa.date32()),
        ("dimensions_x100", pa.list_(pa.int32())),
        ("numbers", pa.list_(pa.float64())),
        ("texts", pa.list_(pa.string())),
        ("appended", pa.int64()),
        ("appended_at", pa.timestamp("us")),
        ("late_reason", pa.string()),
    ]
)
#: Columns that may differ between two deliveries of one reading: the same formula may be issued under a new version.
NOT_COMPARED = ("config_version", "sequence", *MARKS)
#: Columns of a history that may also be inputs of a config; any other name would mean two things.
SHARED = ("segment", "csm", "arr")


def input_names(document: Document) -> tuple[list[str], list[str]]:
    """Inputs of a config in stored order: numbers (booleans among them), then texts."""
    kinds = input_kinds(document["body"])  # of a body that was checked when its document was made
    return [k for k, kind in kinds.items() if kind != "category"], [k for k, v in kinds.items() if v == "category"]


def dimension_names(document: Document) -> list[str]:
    """Names of the columns with the dimension scores, in the order of the config."""
    return [f"{dimension['id']}{DIMENSION_SUFFIX}" for dimension in document["body"]["dimensions"]]


def refuse_ambiguous_names(document: Document) -> None:
    """Refuse a config one of whose inputs is called like a column of the history.

    Raises:
        InputError: naming it.
    """
    numbers, texts = input_names(document)
    taken = {*HISTORY_COLUMNS, "held_band", *MARKS, *dimension_names(document)} - set(SHARED)
    for name in (*numbers, *texts):
        if name in taken:
            raise InputError(
                f"the config reads an input called {name!r}, which is a column of every score history.",
                column=name,
                fix="Rename the input in the config, e.g. with a suffix.",
            )


def encode(frame: pd.DataFrame, document: Document) -> pa.Table:
    """Readings as they are stored, without the marks of the store.

    Args:
        frame: from `score_day`: the columns of a score history with held_band and all inputs of the config.
        document: the config that scored them.

    Returns:
        A table with the columns of `STORED` except `MARKS`, in the order of the rows.
    """
    numbers, texts = input_names(document)
    rows = len(frame)
    columns: dict[str, Any] = {name: pa.repeat(pa.scalar(value), rows) for name, value in stamps(document).items()}
    for name in ("account_id", "calculated_band", "held_band", "segment", "csm", "parent_id"):
        columns[name] = pa.array(frame[name].astype(object), pa.string(), from_pandas=True)
    columns["as_of"], columns["renewal_on"] = _days(frame["as_of"]), _days(frame["renewal_on"])
    columns["health_score_x100"] = pa.array(frame["health_score_x100"].astype("Int32"), from_pandas=True)
    columns["coverage_bp"] = pa.array(frame["coverage_bp"].to_numpy(dtype=np.int32))
    for name in ("churn_probability", "arr"):
        columns[name] = pa.array(frame[name].to_numpy(dtype=np.float64), from_pandas=True)
    scores = [np.rint(frame[name].to_numpy(dtype=np.float64) * 100) for name in dimension_names(document)]
    columns["dimensions_x100"] = _lists(scores, pa.float64(), rows)
    columns["numbers"] = _lists([frame[name].to_numpy(dtype=np.float64) for name in numbers], pa.float64(), rows)
    columns["texts"] = _lists([_text_of(frame, name, document) for name in texts], pa.string(), rows)
    schema = pa.schema([field for field in STORED if field.name not in MARKS])
    return pa.table({field.name: columns[field.name] for field in schema}).cast(schema)


def decode(table: pa.Table, documents: Mapping[str, Document]) -> pd.DataFrame:
    """Stored readings as a score history with held_band, sequence and the marks.

    Args:
        table: rows of `STORED`.
        documents: body hash -> config, for every hash in the table.

    Returns:
        See `churnbench.domain.score_history`; `band` is the held band (overrides are laid over it later). Columns of
        several configs stand side by side, missing where a row's config has none of that name.

    Raises:
        InputError: a reading whose config is not there.
    """
    hashes = table.column("body_sha256").to_pylist()
    parts = []
    extra: dict[str, None] = {}
    for body in dict.fromkeys(hashes):
        if body not in documents:
            raise InputError(
                f"readings were scored with the formula {str(body)[:12]}..., whose config is not in the store.",
                fix="Restore its file in the folder documents of the store.",
            )
        rows = table if len(set(hashes)) == 1 else table.filter(pa.compute.equal(table.column("body_sha256"), body))
        parts.append(_decoded(rows, documents[body]))
        numbers, texts = input_names(documents[body])
        extra.update(dict.fromkeys([*dimension_names(documents[body]), *numbers, *texts]))
    if not parts:
        return as_history(_plain(table), [*_KEPT])
    joined = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    return _sorted(joined, [*HISTORY_COLUMNS, *_KEPT, *(name for name in extra if name not in HISTORY_COLUMNS)])


_KEPT = ("held_band", "sequence", *MARKS)


def _sorted(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """`as_history` where one reading stands per date; with all configs' readings only its order and columns."""
    if frame["body_sha256"].nunique() < 2 or not frame.duplicated(["account_id", "as_of"]).any():
        return as_history(frame, names)
    parts = [as_history(part, names) for _, part in frame.groupby("body_sha256", sort=False)]
    return pd.concat(parts).sort_values(["account_id", "as_of", "appended"], kind="stable").reset_index(drop=True)


def _decoded(table: pa.Table, document: Document) -> pd.DataFrame:
    frame = _plain(table)
    dimensions, (numbers, texts) = dimension_names(document), input_names(document)
    scores = _matrix(table, "dimensions_x100", len(dimensions)).astype(np.float64) / 100.0
    made: dict[str, Any] = {name: scores[:, place] for place, name in enumerate(dimensions)}
    for column, names in (("numbers", numbers), ("texts", texts)):
        values = _matrix(table, column, len(names))
        kind = object if column == "texts" else np.float64
        made.update(
            {n: pd.Series(values[:, k], frame.index, dtype=kind) for k, n in enumerate(names) if n not in frame}
        )
    return pd.concat([frame, pd.DataFrame(made, index=frame.index)], axis=1)


def _plain(table: pa.Table) -> pd.DataFrame:
    """The columns that every reading has."""
    flat = table.drop_columns(["dimensions_x100", "numbers", "texts"])
    frame: pd.DataFrame = flat.to_pandas(date_as_object=False)
    frame["health_score_x100"] = table.column("health_score_x100").to_pandas(types_mapper=_nullable)
    frame["band"] = frame["held_band"]
    for name in ("late_reason", "held_band"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return frame


def _nullable(kind: pa.DataType) -> pd.api.extensions.ExtensionDtype | None:
    return pd.Int64Dtype() if pa.types.is_integer(kind) else None


def _matrix(table: pa.Table, column: str, width: int) -> Any:
    chunks = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in table.column(column).chunks]
    return np.concatenate(chunks).reshape(table.num_rows, width)


def _lists(columns: list[Any], kind: pa.DataType, rows: int) -> pa.Array:
    """One list per row, its entries in the order of the columns; NaN and None become null."""
    flat = np.column_stack(columns).ravel() if columns else np.empty(0, dtype=object)
    offsets = pa.array(np.arange(rows + 1) * len(columns), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(flat, kind, from_pandas=True))


def _days(values: pd.Series) -> pa.Array:
    return pa.array(pd.to_datetime(values), pa.timestamp("ns"), from_pandas=True).cast(pa.date32(), safe=False)


def _text_of(frame: pd.DataFrame, name: str, document: Document) -> Any:
    """Text of an input; the history writes "all" for a missing segment, which is stored as missing again."""
    values = frame[name].astype(object)
    if name == "segment" and not _names_all(document):
        values = values.where(values != "all", None)
    return values.where(values.notna(), None).to_numpy(dtype=object)


def _names_all(document: Document) -> bool:
    """Whether a config gives the text "all" a meaning of its own."""
    body = document["body"]
    profiles = [entry["segment"] for entry in body["segments"]["by"]]
    maps = [text for metric in body["metrics"] for text, _ in metric["rule"].get("map", ())]
    return "all" in (*profiles, *maps, *(cap["value"] for cap in body.get("caps", ())))


def stamps(document: Document) -> dict[str, Any]:
    """What tells which config a reading was scored with."""
    return {
        "body_sha256": document["integrity"]["body_sha256"],
        "config_version": document["config_version"],
        "sequence": int(document["sequence"]),
    }
