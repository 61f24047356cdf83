"""SQLite: moments are text of one form, and changes of the clock are written into the query."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from churnbench.sources.spelling import Dialect, json_path

#: Years whose changes of the clock SQLite is told of; the others ask their own zone database.
_FIRST_YEAR, _LAST_YEAR = 2005, 2045


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
        json, path = parsed, json_path(name)
        single = f"json_extract({json}, {json_path(name, first=True)})"
        as_list = f"CASE WHEN json_array_length({json}, {path}) = 1 THEN {single} END"
        plain = f"json_extract({json}, {path})"
        return f"CASE WHEN json_type({json}, {path}) = 'array' THEN {as_list} ELSE {plain} END"

    def entry_as_written(self, parsed: str, name: str) -> str:
        """JSON text."""
        return f"CAST(json_extract({parsed}, {json_path(name)}) AS TEXT)"


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
