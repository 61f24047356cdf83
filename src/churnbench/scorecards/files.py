"""Reads a scorecard file: CSV with one record per line, or YAML or JSON with the same names nested."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from churnbench.data.hints import did_you_mean
from churnbench.domain.errors import InputError
from churnbench.export.tables import FORMULA_STARTS
from churnbench.scorecards.fields import ROW
from churnbench.scorecards.layouts import Layout, layout_of
from churnbench.scorecards.model import Scorecard
from churnbench.scorecards.tree import SETTINGS, scorecard_of

#: A scorecard is a page of settings; more than this is something else.
_MOST_BYTES = 2_000_000
#: Columns of the CSV form. The first says what a line is about.
COLUMNS = (
    "record",
    "name",
    "label",
    "group",
    "measure",
    "column",
    "kind",
    "weight",
    "from",
    "points",
    "points_end",
    "text",
    "boundary",
    "nulls",
    "null_points",
    "op",
    "value",
)
RECORDS = ("setting", "level", "group", "measure", "band", "knot", "category", "state", "segment", "exception")


def read_scorecard(path: str | Path, style: str) -> Scorecard:
    """Read a scorecard.

    Args:
        path: .csv, .yaml, .yml or .json; docs/scorecards.md documents the columns and keys.
        style: whose words the file uses, one of `LAYOUTS`; churnbench's own words are understood in each.

    Returns:
        The checked scorecard.

    Raises:
        InputError: unreadable, an unknown key, a convention that is not declared, or rules that contradict each other.
    """
    layout, file = layout_of(style), Path(path)
    kind = file.suffix.lower()
    if kind not in _READERS:
        raise InputError(
            f"'{file.suffix}' is no kind of scorecard file; {', '.join(_READERS)} are.",
            file=str(path),
            fix="Save it as one of them.",
        )
    tree = _READERS[kind](_text(file), file.name, layout)
    if not isinstance(tree, dict):
        raise InputError(f"expected a table of settings, got {type(tree).__name__}.", file=file.name)
    return scorecard_of(_in_own_words(tree, layout), file.name)


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError("no such file.", file=str(path), fix="Name the scorecard's file.")
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"{path.stat().st_size:,} bytes arrived; a scorecard has at most {_MOST_BYTES:,}.",
            file=str(path),
            fix="Name the file with the scorecard's settings; accounts and scores belong to --check.",
        )
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8 text.", file=path.name, fix="Save it as UTF-8.") from None


def _json(text: str, file: str, layout: Layout) -> Any:  # noqa: ARG001 - one signature
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, file))
    except (json.JSONDecodeError, RecursionError) as error:
        row = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise InputError("not valid JSON.", file=file, row=row, fix="Correct the place named.") from None


def _yaml(text: str, file: str, layout: Layout) -> Any:  # noqa: ARG001 - one signature
    try:
        if any(isinstance(token, (yaml.AliasToken, yaml.AnchorToken)) for token in yaml.scan(text)):
            raise InputError("anchors and aliases are not read.", file=file, fix="Write the values out.")
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            f"not valid YAML: {getattr(error, 'problem', None) or 'it cannot be read'}.",
            file=file,
            row=None if mark is None else mark.line + 1,
            fix="Correct the place named.",
        ) from None


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """The safe loader; a key that occurs twice is an error, since the first would be lost without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - the parent's signature
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"key {str(twice)!r} twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _once(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"the key '{twice}' occurs twice in one table.", file=file, fix="Keep one of them.")
    return dict(pairs)


def _in_own_words(tree: Any, layout: Layout) -> Any:
    """Keys of two levels (groups, measures) in churnbench's words."""
    if not isinstance(tree, dict):
        return tree
    renamed = {layout.words(key) if isinstance(key, str) else key: value for key, value in tree.items()}
    for key in ("groups", "measures"):
        if isinstance(renamed.get(key), list):
            renamed[key] = [_in_own_words(one, layout) for one in renamed[key]]
    return renamed


def _csv(text: str, file: str, layout: Layout) -> dict[str, Any]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}.", file=file, fix="Correct the quotes.") from None
    if not rows:
        raise InputError("the file is empty.", file=file, fix=f"Columns are {', '.join(COLUMNS)}.")
    header = [layout.words(name.strip().lower()) for name in rows[0]]
    _check_header(header, file)
    tree: dict[str, Any] = {}
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            _place(tree, _record(header, row, number, file), layout, file)
    return tree


def _check_header(header: list[str], file: str) -> None:
    for name in header:
        if name not in COLUMNS or header.count(name) > 1:
            what = "is no column of a scorecard file" if name not in COLUMNS else "occurs twice"
            raise InputError(
                f"'{name}' {what}; columns are {', '.join(COLUMNS)}.",
                file=file,
                row=1,
                fix=did_you_mean(name, COLUMNS) or "Delete it.",
            )
    if "record" not in header:
        raise InputError("there is no column 'record'.", file=file, row=1, fix=f"It is one of {', '.join(RECORDS)}.")


def _record(header: list[str], row: list[str], number: int, file: str) -> dict[str, Any]:
    if len(row) > len(header):
        raise InputError(
            f"{len(row)} cells under {len(header)} columns.", file=file, row=number, fix="Quote a cell with a comma."
        )
    cells: dict[str, Any] = {
        name: _bare(cell.strip()) for name, cell in zip(header, row, strict=False) if cell.strip() != ""
    }
    return {**cells, ROW: number}


def _bare(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from running the cell."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def _place(tree: dict[str, Any], record: dict[str, Any], layout: Layout, file: str) -> None:
    """Put one line where it belongs in the tree."""
    kind = layout.words(str(record.pop("record", "")))
    row = record[ROW]
    if kind not in RECORDS:
        raise InputError(
            f"record = '{kind}' is not known; it is one of {', '.join(RECORDS)}.",
            file=file,
            row=row,
            column="record",
            fix=did_you_mean(kind, RECORDS) or "Correct it.",
        )
    if kind == "setting":
        name = str(record.get("name", ""))
        if name in tree or name not in SETTINGS:
            what = "is set twice" if name in tree else f"is no setting; those are {', '.join(SETTINGS)}"
            raise InputError(f"'{name}' {what}.", file=file, row=row, column="name", fix="Correct it.")
        tree[name] = record.get("value")
    elif kind == "level":
        tree.setdefault("levels", {})[str(record.get("name", ""))] = record.get("points")
    elif kind == "segment":
        by = tree.setdefault("segment_weights", {}).setdefault(str(record.get("name", "")), {})
        by[str(record.get("group", ""))] = record.get("weight")
    elif kind in ("group", "state", "exception"):
        tree.setdefault(f"{kind}s", []).append(record)
    elif kind == "measure":
        _named(tree.get("groups", []), record.pop("group", None), "group", row, file).setdefault("measures", []).append(
            record
        )
    else:
        _place_rule(tree, kind, record, file)


def _place_rule(tree: Mapping[str, Any], kind: str, record: dict[str, Any], file: str) -> None:
    row = record[ROW]
    measures = [one for group in tree.get("groups", []) for one in group.get("measures", [])]
    measure = _named(measures, record.pop("measure", None), "measure", row, file)
    if kind == "band":
        measure.setdefault("bands", []).append(record)
    elif kind == "knot":
        measure.setdefault("curve", []).append([record.get("from"), record.get("points")])
    else:
        texts = measure.setdefault("categories", {})
        text = str(record.get("text", ""))
        if text in texts:
            raise InputError(f"category '{text}' occurs twice.", file=file, row=row, fix="Keep one of them.")
        texts[text] = record.get("points")


def _named(records: list[dict[str, Any]], name: object, what: str, row: int, file: str) -> dict[str, Any]:
    found = [record for record in records if record.get("name") == name]
    if len(found) != 1:
        known = [str(record.get("name")) for record in records]
        many = "is declared twice" if found else "is not declared above this line"
        raise InputError(
            f"{what} '{name}' {many}.",
            file=file,
            row=row,
            column=what,
            fix=did_you_mean(str(name), known) or f"A line with record = {what} and this name comes first.",
        )
    return found[0]


_READERS: Mapping[str, Callable[[str, str, Layout], Any]] = {
    ".csv": _csv,
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
}
