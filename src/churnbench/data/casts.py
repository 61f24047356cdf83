"""Strict casts: an SQL expression for the value of a cell, and one that tells whether the cell is bad."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from churnbench.data.sql import literals

ColumnKind = Literal["id", "day", "time", "number", "boolean", "text"]
#: Text that a boolean column may hold, in lower case.
TRUE_WORDS = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS = ("false", "f", "no", "n", "0", "0.0")
#: Dates outside this range are typing errors or placeholders such as 9999-12-31.
FIRST_DAY, LAST_DAY = "1970-01-01", "2100-01-01"

_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL.*|BIGNUM)$")
_TIMES = re.compile(r"(DATE|TIMESTAMP.*)$")
_TEXTS = re.compile(r"(VARCHAR|ENUM.*|UUID|NULL|\"NULL\")$")


@dataclass(frozen=True)
class Cast:
    """How one column is read.

    Attributes:
        value: SQL expression of the typed value.
        bad: SQL expression, true for a cell that cannot be used; None when there can be no such cell.
    """

    value: str
    bad: str | None


def cast_for(cell: str, kind: ColumnKind, stored_as: str, missing: tuple[str, ...]) -> Cast | None:
    """The cast of a column.

    Args:
        cell: quoted SQL name of the column.
        kind: what the column shall be.
        stored_as: DuckDB's name of the type it is stored as.
        missing: trimmed texts that mean "no value".

    Returns:
        The cast, or None when no value of that type can be of that kind (a date where a number is wanted).
    """
    if _TEXTS.match(stored_as):
        return _FROM_TEXT[kind](f"trim(CAST({cell} AS VARCHAR))", missing)
    if _NUMBERS.match(stored_as):
        return _from_number(cell, kind, stored_as)
    if stored_as == "BOOLEAN":
        return _from_boolean(cell, kind)
    if _TIMES.match(stored_as):
        return _from_time(cell, kind)
    return None


def _id(text: str, _: tuple[str, ...]) -> Cast:
    return Cast(f"nullif({text}, '')", f"coalesce({text}, '') = ''")


def _text(text: str, missing: tuple[str, ...]) -> Cast:
    return Cast(f"CASE WHEN {text} IN {literals(missing)} THEN NULL ELSE {text} END", None)


def _number(text: str, missing: tuple[str, ...]) -> Cast:
    absent = f"({text} IS NULL OR {text} IN {literals(missing)})"
    value = f"CASE WHEN {absent} THEN NULL ELSE TRY_CAST({text} AS DOUBLE) END"
    # DuckDB reads 1_000, inf and nan as numbers; nobody who types them into a data file means it.
    bad = (
        f"(NOT {absent} AND (TRY_CAST({text} AS DOUBLE) IS NULL OR contains({text}, '_')"
        f" OR NOT isfinite(TRY_CAST({text} AS DOUBLE))))"
    )
    return Cast(value, bad)


def _boolean(text: str, missing: tuple[str, ...]) -> Cast:
    low = f"lower({text})"
    value = f"CASE WHEN {low} IN {literals(TRUE_WORDS)} THEN 1.0::DOUBLE"
    value += f" WHEN {low} IN {literals(FALSE_WORDS)} THEN 0.0::DOUBLE END"
    known = literals((*TRUE_WORDS, *FALSE_WORDS))
    return Cast(value, f"({text} NOT IN {literals(missing)} AND {low} NOT IN {known})")


def _moment(text: str, missing: tuple[str, ...]) -> Cast:
    absent = f"({text} IS NULL OR {text} IN {literals(missing)})"
    # By way of TIMESTAMPTZ, else DuckDB drops an offset such as +02:00 without a word.
    moment = f"CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP)"
    value = f"CASE WHEN {absent} THEN NULL ELSE {moment} END"
    return Cast(value, f"(NOT {absent} AND ({moment} IS NULL OR {_outside(moment)}))")


def _day(text: str, missing: tuple[str, ...]) -> Cast:
    moment = _moment(text, missing)
    return Cast(f"CAST({moment.value} AS DATE)", moment.bad)


def _outside(moment: str) -> str:
    return f"{moment} < TIMESTAMP '{FIRST_DAY}' OR {moment} >= TIMESTAMP '{LAST_DAY}'"


_FROM_TEXT = {"id": _id, "text": _text, "number": _number, "boolean": _boolean, "time": _moment, "day": _day}


def _from_number(cell: str, kind: ColumnKind, stored_as: str) -> Cast | None:
    real = f"CAST({cell} AS DOUBLE)"
    if kind == "number":
        if stored_as not in ("DOUBLE", "FLOAT"):
            return Cast(real, None)
        return Cast(f"CASE WHEN isfinite({real}) THEN {real} END", None)
    if kind == "boolean":
        return Cast(f"CASE WHEN NOT isnan({real}) THEN {real} END", f"(NOT isnan({real}) AND {real} NOT IN (0, 1))")
    if kind in ("id", "text"):
        # pandas turns whole-number ids with gaps into 123.0: give the 123 back.
        whole = f"{real} = trunc({real}) AND abs({real}) < 9e15"
        value = f"CASE WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE CAST({cell} AS VARCHAR) END"
        return Cast(value, f"({cell} IS NULL OR isnan({real}))" if kind == "id" else None)
    return None


def _from_boolean(cell: str, kind: ColumnKind) -> Cast | None:
    if kind in ("number", "boolean"):
        return Cast(f"CAST({cell} AS DOUBLE)", None)
    return Cast(f"CAST({cell} AS VARCHAR)", None) if kind == "text" else None


def _from_time(cell: str, kind: ColumnKind) -> Cast | None:
    moment = f"CAST({cell} AS TIMESTAMP)"
    if kind in ("time", "day"):
        value = moment if kind == "time" else f"CAST({moment} AS DATE)"
        return Cast(value, f"({_outside(moment)})")
    return Cast(f"CAST({cell} AS VARCHAR)", None) if kind == "text" else None


def explain_bad(value: str | None, kind: ColumnKind) -> tuple[str, str]:
    """What is wrong with a cell and what to do.

    >>> explain_bad("1,234", "number")
    ("'1,234' is not a number.", 'Write 1234, without thousands separators.')
    """
    shown = "an empty cell" if value is None or not value.strip() else repr(value.strip()[:60])
    message, fix = _EXPECTED[kind]
    text = (value or "").strip()
    if kind == "number":
        fix = next((_hint(advice, text) for pattern, advice in _NUMBER_HINTS if re.fullmatch(pattern, text)), fix)
        if re.fullmatch(r"[^\d]*", text):
            fix = f"Write an empty cell for a missing value, or add {text!r} to data.missing_values."
        if text.lower() in ("true", "false", "yes", "no", "y", "n", "t", "f"):
            fix = 'For a yes/no metric declare normalise = { kind = "boolean" }.'
    return f"{shown} is not {message}.", fix


_EXPECTED: dict[ColumnKind, tuple[str, str]] = {
    "id": ("an account id", "Give every row its account id."),
    "day": (f"a date between {FIRST_DAY} and {LAST_DAY}", "Write dates as 2024-01-31."),
    "time": (f"a date or time between {FIRST_DAY} and {LAST_DAY}", "Write times as 2024-01-31T09:30:00."),
    "number": (
        "a number",
        "Write an empty cell for a missing value, or add the text to data.missing_values.",
    ),
    "boolean": (
        "yes or no",
        "Write true or false (or 1 and 0, yes and no); leave the cell empty if unknown.",
    ),
    "text": ("text", "Write text."),
}

#: Text that people write instead of a number -> what to write.
_NUMBER_HINTS: tuple[tuple[str, str], ...] = (
    (r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", "Write {without_commas}, without thousands separators."),
    (r"[+-]?\d+,\d+", "Write {with_point}, with a decimal point."),
    (r"[+-]?\d+(\.\d+)? ?%", "Write {without_sign} without the sign, or the share."),
    (r"[$€£] ?.*|.*[$€£]", "Write the amount without the currency sign."),
    (r"\d+(_\d+)+", "Write {without_bars}, without underscores."),
)


def _hint(advice: str, text: str) -> str:
    return advice.format(
        without_commas=text.replace(",", ""),
        with_point=text.replace(",", "."),
        without_sign=text.rstrip("% "),
        without_bars=text.replace("_", ""),
    )
