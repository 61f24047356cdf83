"""The few things that DuckDB, PostgreSQL and SQLite spell differently in a mapping; the rest is common SQL."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from churnbench.data.hints import did_you_mean
from churnbench.data.sql import identifier, literal
from churnbench.domain.errors import InputError

#: Years whose changes of the clock SQLite is told of; the others ask their own zone database.
_FIRST_YEAR, _LAST_YEAR = 2005, 2045


class Dialect(ABC):
    """How one engine writes what a mapping needs. Moments are UTC without a zone.

    Attributes:
        name: "duckdb", "postgres" or "sqlite".
    """

    name = ""

    def identifier(self, name: str) -> str:
        """A quoted identifier.

        Raises:
            InputError: for an empty name or one with a control character.
        """
        if not name or re.search(r"[\x00-\x1f\x7f]", name):
            raise InputError(f"{name!r} cannot be the name of a table or column.", fix="Correct the name.")
        return identifier(name)

    def literal(self, value: str) -> str:
        """Text in quotes.

        Raises:
            InputError: for text with a control character.
        """
        if re.search(r"[\x00-\x1f\x7f]", value):
            raise InputError(f"{value!r} holds a control character.", fix="Remove it.")
        return literal(value)

    def one_of(self, values: tuple[str, ...]) -> str:
        """A parenthesised list of texts; an empty one holds only NULL, which equals nothing."""
        return f"({', '.join(self.literal(value) for value in values) or 'NULL'})"

    def text(self, expression: str) -> str:
        """The expression as trimmed text, NULL where nothing is left."""
        return f"nullif(trim(CAST({expression} AS TEXT)), '')"

    def true(self, column: str) -> str:
        """Whether a column says yes, whatever type the loader gave it."""
        return f"lower(CAST({column} AS TEXT)) IN ('true', 't', '1', 'yes')"

    @abstractmethod
    def number(self, expression: str) -> str:
        """The expression as a double, NULL where it is no number."""

    @abstractmethod
    def utc(self, expression: str) -> str:
        """A date, time or text as a moment; without an offset it is taken as UTC."""

    @abstractmethod
    def local(self, expression: str, zone: str) -> str:
        """A time of the clock in a zone as a moment."""

    @abstractmethod
    def unix(self, expression: str) -> str:
        """Seconds since 1970 as a moment."""

    @abstractmethod
    def moment(self, text: str) -> str:
        """A fixed moment, written as 2024-01-31 00:00:00."""

    @abstractmethod
    def hours(self, start: str, end: str) -> str:
        """Hours between two moments, a double."""

    @abstractmethod
    def later(self, moment: str, hours: str) -> str:
        """A moment a whole number of hours later."""

    @abstractmethod
    def day(self, moment: str) -> str:
        """Day of a moment as text."""

    @abstractmethod
    def now(self) -> str:
        """This moment."""

    @abstractmethod
    def parsed(self, column: str) -> str:
        """A cell with a JSON object in the form that `entry` reads, NULL where it holds none."""

    @abstractmethod
    def entry(self, parsed: str, name: str) -> str:
        """A key of a parsed object: its text, or the only element of a list; else NULL."""

    @abstractmethod
    def entry_as_written(self, parsed: str, name: str) -> str:
        """The same key as JSON text, lists included."""


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
        json, path = parsed, _path(name)
        several = f"json_array_length(json_extract({json}, {path}))"
        single = f"json_extract_string({json}, {_path(name, first=True)})"
        plain = f"json_extract_string({json}, {path})"
        kind = f"json_type(json_extract({json}, {path}))"
        return f"CASE WHEN {kind} = 'ARRAY' THEN CASE WHEN {several} = 1 THEN {single} END ELSE {plain} END"

    def entry_as_written(self, parsed: str, name: str) -> str:
        """JSON text."""
        return f"CAST(json_extract({parsed}, {_path(name)}) AS TEXT)"


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


class SQLite(Dialect):
    """SQLite: moments are text of one form, so that they compare as times."""

    name = "sqlite"
    _FORM = "'%Y-%m-%d %H:%M:%f'"

    def number(self, expression: str) -> str:
        """Cast only what looks like a number."""
        text = f"trim(CAST({expression} AS TEXT))"
        return f"CASE WHEN {text} GLOB '*[0-9]*' AND NOT {text} GLOB '*[^0-9.eE+-]*' THEN CAST({text} AS REAL) END"

    def utc(self, expression: str) -> str:
        """SQLite takes an offset to UTC."""
        return f"strftime({self._FORM}, {expression})"

    def local(self, expression: str, zone: str) -> str:
        """The zone's offsets, written out: SQLite knows no zones."""
        clock = f"strftime({self._FORM}, {expression})"
        cases = [f"WHEN {clock} < {self.literal(until)} THEN {seconds}" for until, seconds in _offsets(zone)[:-1]]
        last = _offsets(zone)[-1][1]
        seconds = f"CASE {' '.join(cases)} ELSE {last} END" if cases else str(last)
        return f"strftime({self._FORM}, {expression}, (-1 * ({seconds})) || ' seconds')"

    def unix(self, expression: str) -> str:
        """SQLite's own modifier."""
        return f"strftime({self._FORM}, {expression}, 'unixepoch')"

    def moment(self, text: str) -> str:
        """Text of the one form."""
        return self.literal(f"{text}.000")

    def hours(self, start: str, end: str) -> str:
        """By whole seconds."""
        return f"(strftime('%s', {end}) - strftime('%s', {start})) / 3600.0"

    def later(self, moment: str, hours: str) -> str:
        """A modifier."""
        return f"strftime({self._FORM}, {moment}, '+' || ({hours}) || ' hours')"

    def day(self, moment: str) -> str:
        """ISO date."""
        return f"date({moment})"

    def now(self) -> str:
        """In UTC."""
        return f"strftime({self._FORM}, 'now')"

    def parsed(self, column: str) -> str:
        """Text that is JSON."""
        return f"CASE WHEN json_valid({column}) THEN {column} END"

    def entry(self, parsed: str, name: str) -> str:
        """Lists of one element are taken apart."""
        json, path = parsed, _path(name)
        single = f"json_extract({json}, {_path(name, first=True)})"
        as_list = f"CASE WHEN json_array_length({json}, {path}) = 1 THEN {single} END"
        plain = f"json_extract({json}, {path})"
        return f"CASE WHEN json_type({json}, {path}) = 'array' THEN {as_list} ELSE {plain} END"

    def entry_as_written(self, parsed: str, name: str) -> str:
        """JSON text."""
        return f"CAST(json_extract({parsed}, {_path(name)}) AS TEXT)"


def _path(name: str, *, first: bool = False) -> str:
    if re.search(r'["\\\x00-\x1f]', name):
        raise InputError(f"{name!r} cannot be the key of a property.", fix="Use a key without quotes and backslashes.")
    return literal(f'$."{name}"' + ("[0]" if first else ""))


def _offsets(zone: str) -> list[tuple[str, int]]:
    """(until, seconds east of UTC): which offset the clock of a zone has before each change; the last has no end.

    `until` is the time on that clock when it is changed.
    """
    here = ZoneInfo(zone)
    day, found = datetime(_FIRST_YEAR, 1, 1), []  # noqa: DTZ001 - a time on the clock of the zone
    seconds = _seconds(here, day)
    while day.year < _LAST_YEAR:
        following = day + timedelta(days=1)
        if _seconds(here, following) != seconds:
            minutes = range(24 * 60 + 1)
            change = next(at for n in minutes if _seconds(here, at := day + timedelta(minutes=n)) != seconds)
            found.append((change.strftime("%Y-%m-%d %H:%M:%S.000"), seconds))
            seconds = _seconds(here, following)
        day = following
    return [*found, ("", seconds)]


def _seconds(zone: ZoneInfo, clock: datetime) -> int:
    offset = clock.replace(tzinfo=zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


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
