"""Columns of many rows in few bytes, every double kept to its last bit.

A number column is a table of its distinct values and one small code per row, or the doubles themselves where nearly
all differ. Bytes of equal weight lie together, which is what deflate compresses best.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Codes have at most two bytes; a column with more distinct values is kept as doubles.
_MOST_CODES = 65_535
#: Of deflate; the highest is three times as slow and saves two per cent.
_EFFORT = 6


class _Store:
    """Bytes one after the other; `array` gives the place of what it added."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def array(self, values: npt.NDArray[Any], width: int) -> dict[str, int]:
        kind = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<f8"}[width]
        flat = np.ascontiguousarray(values, dtype=kind).view(np.uint8).reshape(-1, width)
        data = flat.T.tobytes()
        place = {"at": self.size, "rows": len(values), "width": width}
        self.parts.append(data)
        self.size += len(data)
        return place


def packed(rows: pd.DataFrame, kinds: Mapping[str, str], weights: npt.NDArray[np.float64] | None = None) -> str:
    """Rows of the holdout as text that the page's script unpacks.

    Args:
        rows: sorted by account and then by date; columns as `Scenario.rows`.
        kinds: input id -> "number", "boolean" or "category".
        weights: shape (accounts,), accounts that each account of a sample stands for, in order of first appearance;
            1 each when absent.

    Returns:
        Base64 of a deflated block: length of the header (uint32), the header as JSON, then arrays, least significant
        bytes of all values first.
    """
    store = _Store()
    codes, names = pd.factorize(rows["account_id"].astype(str))
    snapshots, dates = pd.factorize(rows["as_of"].dt.strftime("%Y-%m-%d").fillna(""), sort=True)
    counts = np.bincount(codes, minlength=len(names))
    header = {
        "rows": len(rows),
        "accounts": [str(name) for name in names],
        "counts": store.array(counts, _width(counts)),
        "snapshots": [str(date) for date in dates],
        "snapshot": store.array(snapshots, _width(snapshots)),
        "y": store.array(rows["y"].to_numpy(dtype=np.int64), 1),
        "arr": _numbers(rows["arr"], store),
        "segment": _texts(rows["segment"], store),
        "weights": None if weights is None else store.array(weights, 8),
        "inputs": {name: _column(rows, name, kind, store) for name, kind in kinds.items() if name in rows},
    }
    head = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    block = struct.pack("<I", len(head)) + head + b"".join(store.parts)
    return base64.b64encode(zlib.compress(block, _EFFORT)).decode("ascii")


def _column(rows: pd.DataFrame, name: str, kind: str, store: _Store) -> dict[str, Any]:
    return _texts(rows[name], store) if kind == "category" else _numbers(rows[name], store)


def _numbers(column: pd.Series[Any], store: _Store) -> dict[str, Any]:
    """A column of doubles; code 0 and NaN are missing."""
    values = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    known, codes = np.unique(values[~np.isnan(values)], return_inverse=True)
    if len(known) > _MOST_CODES or 2 * len(known) > len(values) > 0:
        return {"doubles": store.array(values, 8)}
    places = np.zeros(len(values), dtype=np.int64)
    places[~np.isnan(values)] = codes + 1
    return {"values": store.array(known, 8), "codes": store.array(places, _width(places))}


def _texts(column: pd.Series[Any], store: _Store) -> dict[str, Any]:
    """A column of words; code 0 is missing."""
    codes, words = pd.factorize(column)
    return {"words": [str(word) for word in words], "codes": store.array(codes + 1, _width(codes + 1))}


def _width(values: npt.NDArray[Any]) -> int:
    """Bytes that the largest of some whole numbers needs."""
    largest = int(values.max()) if len(values) else 0
    return 1 if largest < 256 else 2 if largest <= _MOST_CODES else 4
