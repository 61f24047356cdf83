"""The engines that a project's database can be."""

from __future__ import annotations

from zoneinfo import available_timezones

from churnbench.data.hints import did_you_mean
from churnbench.domain.errors import InputError
from churnbench.sources.spelling import Dialect, json_path
from churnbench.sources.sqlite import SQLite


class DuckDB(Dialect):
    """DuckDB, its session in UTC."""

    name = "duckdb"

    def number(self, expression: str) -> str:
        """TRY_CAST, without infinities."""
        real = f"TRY_CAST({expression} AS DOUBLE)"
        return f"CASE WHEN isfinite({real}) THEN {real} END"

    def utc(self, expression: str) -> str:
        """By way of a time with a zone, so that an offset in a text counts."""
        return f"CAST(CAST({expression} AS TIMESTAMPTZ) AS TIMESTAMP)"

    def local(self, expression: str, zone: str) -> str:
        """The engine's zone database."""
        return f"((CAST({expression} AS TIMESTAMP) AT TIME ZONE {self.literal(zone)}) AT TIME ZONE 'UTC')"

    def unix(self, expression: str) -> str:
        """Whole microseconds."""
        return f"make_timestamp(CAST(CAST({expression} AS DOUBLE) * 1000000 AS BIGINT))"

    def moment(self, text: str) -> str:
        """A typed literal."""
        return f"TIMESTAMP {self.literal(text)}"

    def hours(self, start: str, end: str) -> str:
        """By microseconds."""
        return f"date_diff('microsecond', {start}, {end}) / CAST('3600000000' AS DOUBLE)"

    def later(self, moment: str, hours: str) -> str:
        """An interval."""
        return f"({moment} + to_hours({hours}))"

    def day(self, moment: str) -> str:
        """ISO date."""
        return f"CAST(CAST({moment} AS DATE) AS TEXT)"

    def now(self) -> str:
        """In UTC, as the session is."""
        return "CAST(now() AS TIMESTAMP)"

    def parsed(self, column: str) -> str:
        """Text that is JSON."""
        text = f"CAST({column} AS TEXT)"
        return f"CASE WHEN json_valid({text}) THEN {text} END"

    def entry(self, parsed: str, name: str) -> str:
        """Lists of one element are taken apart."""
        json, path = parsed, json_path(name)
        several = f"json_array_length(json_extract({json}, {path}))"
        single = f"json_extract_string({json}, {json_path(name, first=True)})"
        plain = f"json_extract_string({json}, {path})"
        kind = f"json_type(json_extract({json}, {path}))"
        return f"CASE WHEN {kind} = 'ARRAY' THEN CASE WHEN {several} = 1 THEN {single} END ELSE {plain} END"

    def entry_as_written(self, parsed: str, name: str) -> str:
        """JSON text."""
        return f"CAST(json_extract({parsed}, {json_path(name)}) AS TEXT)"


class Postgres(Dialect):
    """PostgreSQL 12 or later, its session in UTC. A cell in braces that is no JSON makes its query fail."""

    name = "postgres"

    def number(self, expression: str) -> str:
        """Cast only what looks like a number: PostgreSQL has no forgiving cast."""
        text = f"trim(CAST({expression} AS TEXT))"
        return rf"CASE WHEN {text} ~ '^[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{{1,2}})?$' THEN CAST({text} AS DOUBLE PRECISION) END"  # noqa: E501

    def utc(self, expression: str) -> str:
        """The session's zone is UTC."""
        return f"CAST(CAST({expression} AS TIMESTAMPTZ) AS TIMESTAMP)"

    def local(self, expression: str, zone: str) -> str:
        """The server's zone database."""
        return f"((CAST({expression} AS TIMESTAMP) AT TIME ZONE {self.literal(zone)}) AT TIME ZONE 'UTC')"

    def unix(self, expression: str) -> str:
        """to_timestamp."""
        return f"(to_timestamp(CAST({expression} AS DOUBLE PRECISION)) AT TIME ZONE 'UTC')"

    def moment(self, text: str) -> str:
        """A typed literal."""
        return f"TIMESTAMP {self.literal(text)}"

    def hours(self, start: str, end: str) -> str:
        """By seconds with their fraction."""
        return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) AS DOUBLE PRECISION) / 3600"

    def later(self, moment: str, hours: str) -> str:
        """An interval."""
        return f"({moment} + ({hours}) * INTERVAL '1 hour')"

    def day(self, moment: str) -> str:
        """ISO date."""
        return f"to_char({moment}, 'YYYY-MM-DD')"

    def now(self) -> str:
        """In UTC."""
        return "(now() AT TIME ZONE 'UTC')"

    def parsed(self, column: str) -> str:
        """Text that is JSON."""
        text = f"CAST({column} AS TEXT)"
        return f"CASE WHEN {text} LIKE '{{%}}' THEN CAST({text} AS JSONB) END"

    def entry(self, parsed: str, name: str) -> str:
        """Lists of one element are taken apart."""
        value = f"({parsed} -> {self.literal(name)})"
        as_list = f"CASE WHEN jsonb_array_length({value}) = 1 THEN {value} ->> 0 END"
        plain = f"({parsed} ->> {self.literal(name)})"
        return f"CASE WHEN jsonb_typeof({value}) = 'array' THEN {as_list} ELSE {plain} END"

    def entry_as_written(self, parsed: str, name: str) -> str:
        """JSON text."""
        return f"CAST(({parsed} -> {self.literal(name)}) AS TEXT)"


def checked_zone(zone: str) -> str:
    """The zone, if there is one of that name.

    Raises:
        InputError: for an unknown zone.
    """
    known = available_timezones()
    if zone in known:
        return zone
    raise InputError(
        f"'{zone}' is not a time zone.",
        column="timezone",
        fix=did_you_mean(zone, known) or "Write UTC, or a name such as Europe/Berlin or America/New_York.",
    )


#: Engines that a project's database can be, by the name that `dialect_of` gives.
DIALECTS: dict[str, Dialect] = {one.name: one for one in (DuckDB(), Postgres(), SQLite())}


def dialect_of(database: str | None) -> Dialect:
    """The dialect of `[data] database`; DuckDB without one.

    >>> dialect_of("sqlite:book.db").name
    'sqlite'
    """
    scheme = (database or "").split(":", 1)[0].lower() if ":" in (database or "") else ""
    return DIALECTS[{"sqlite": "sqlite", "postgresql": "postgres", "postgres": "postgres"}.get(scheme, "duckdb")]
