"""How each SQL engine spells what differs, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What a column may be declared as: `number` covers every numeric type and text that holds numbers.
COLUMN_TYPES = ("number", "boolean", "decimal")


@dataclass(frozen=True)
class Dialect:
    """One engine.

    Attributes:
        name: the name of sqlglot's dialect, which quotes identifiers and text.
        double, text, integer: type names in CAST.
        executed: whether this project's tests run the emitted text on the engine itself.
        fence: what keeps a relation from being inlined into the next one: "materialized" before its query,
            "offset" after it, or "" where the engine has neither.
        fence_all: whether every relation is fenced; else only the metric points are.
        raises: whether overflow and underflow of doubles are errors (elsewhere they give infinity and zero).
        folds: whether a plain name is stored in upper case, as an unquoted one is.
        longest_name: bytes after which names are cut, None where they are not.
        collation: what follows a text so that it is compared exactly.
        text_mark: added to both sides of a comparison where the engine ignores trailing blanks.
        infinity: text that is cast to infinity.
        floor: template of the whole part of a number that is not negative.
        casts: templates of a column `{x}` as a double, by its declared type; "either" is for inputs that the
            formula reads as true or false, whose column may be numeric or boolean.
        not_in_names: characters that no identifier can hold.
    """

    name: str
    double: str
    text: str
    integer: str
    executed: bool = False
    fence: str = ""
    fence_all: bool = False
    raises: bool = False
    folds: bool = False
    longest_name: int | None = None
    collation: str = ""
    text_mark: str = ""
    infinity: str = "Infinity"
    floor: str = "FLOOR({x})"
    casts: Mapping[str, str] = field(default_factory=dict)
    not_in_names: str = "\x00"

    def cast(self, column_type: str) -> str:
        """The template for a column of this type."""
        boolean = f"CASE WHEN {{x}} THEN CAST('1' AS {self.double}) WHEN NOT {{x}} THEN CAST('0' AS {self.double}) END"
        known = {"number": f"CAST({{x}} AS {self.double})", "boolean": boolean} | dict(self.casts)
        return known.get(column_type, known["number"])


def _either(text: str, double: str) -> str:
    """Numbers and booleans alike, by way of text: engines that cannot cast true to a double can write it out."""
    written = f"CAST({{x}} AS {text})"
    return f"CAST(CASE {written} WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE {written} END AS {double})"


# Text that is no number casts to 0 in SQLite, and missing is never zero: it becomes NULL. The comparison gives a
# text its numeric value only when all of it is a number.
_SQLITE_NUMBER = (
    "CASE WHEN typeof({x}) = 'text' THEN CASE WHEN {x} = CAST({x} AS NUMERIC) THEN CAST({x} AS REAL) END "
    "WHEN typeof({x}) = 'blob' THEN NULL ELSE CAST({x} AS REAL) END"
)
# A NUMERIC of PostgreSQL may be too large or too small for a double, which its cast does not forgive.
_POSTGRES_DECIMAL = (
    "CASE WHEN {x} >= CAST('2.4703282292062328e-324' AS NUMERIC) AND CAST('1e308' AS NUMERIC) >= {x} "
    "THEN CAST({x} AS DOUBLE PRECISION) "
    "WHEN {x} >= CAST('-1e308' AS NUMERIC) AND CAST('-2.4703282292062328e-324' AS NUMERIC) >= {x} "
    "THEN CAST({x} AS DOUBLE PRECISION) "
    "WHEN CAST('1e308' AS NUMERIC) >= {x} AND {x} >= CAST('-1e308' AS NUMERIC) "
    "THEN CAST('0' AS DOUBLE PRECISION) END"
)

DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "duckdb",
            double="DOUBLE",
            text="VARCHAR",
            integer="BIGINT",
            executed=True,
            fence="materialized",
            collation=' COLLATE "C"',
            # DuckDB divides the digits of a wide DECIMAL by a power of ten, which rounds twice.
            casts={"decimal": "CAST(CAST({x} AS VARCHAR) AS DOUBLE)"},
        ),
        Dialect(
            "sqlite",
            double="REAL",
            text="TEXT",
            integer="INTEGER",
            executed=True,
            fence="materialized",
            fence_all=True,
            collation=" COLLATE BINARY",
            floor="CAST(CAST({x} AS INTEGER) AS REAL)",  # FLOOR is a build option of SQLite
            casts={"number": _SQLITE_NUMBER},
        ),
        Dialect(
            "postgres",
            double="DOUBLE PRECISION",
            text="TEXT",
            integer="BIGINT",
            executed=True,
            fence="offset",
            fence_all=True,
            raises=True,
            longest_name=63,
            collation=' COLLATE "C"',
            casts={"either": _either("TEXT", "DOUBLE PRECISION"), "decimal": _POSTGRES_DECIMAL},
        ),
        Dialect("spark", double="DOUBLE", text="STRING", integer="BIGINT", executed=True),
        Dialect("databricks", double="DOUBLE", text="STRING", integer="BIGINT", longest_name=255),
        Dialect(
            "snowflake",
            double="FLOAT",
            text="VARCHAR",
            integer="BIGINT",
            raises=True,
            folds=True,
            longest_name=255,
            infinity="inf",
        ),
        Dialect(
            "bigquery",
            double="FLOAT64",
            text="STRING",
            integer="INT64",
            raises=True,
            longest_name=300,
            casts={"either": _either("STRING", "FLOAT64")},
            not_in_names="\x00`\\\n\r",
        ),
        Dialect(
            "redshift",
            double="DOUBLE PRECISION",
            text="VARCHAR(65535)",  # without a length it is cut at 256
            integer="BIGINT",
            raises=True,
            longest_name=127,
            text_mark=".",
        ),
    )
}
