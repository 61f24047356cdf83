"""Score histories from where they are kept: a store, or a plain file, thinned to what a reader needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.domain.score_history import HISTORY_COLUMNS, as_history
from churnbench.history import ScoreStore, open_store

#: Reports compare with a quarter and a year ago, which month ends show; and with each day of the last weeks.
YEAR_DAYS, RECENT_DAYS = 400, 45
TWO_YEARS = 731
_NEEDED = ("account_id", "as_of", "health_score_x100", "band")
_FILES = (".parquet", ".csv", ".gz")


def read_score_history(location: str | Path, *, until: date | None = None) -> pd.DataFrame:
    """A score history: a store (folder or postgresql://...), or one Parquet or CSV file.

    Args:
        location: where it is.
        until: last as-of date.

    Returns:
        See `churnbench.domain.score_history`; of a store the month ends of a year and every day of the last weeks.

    Raises:
        InputError: no such history, or a file without its columns.
    """
    if _is_file(location):
        return _of_file(Path(location), until)
    require_store(location)
    with open_store(location) as store:
        found = thinned(store, until or store.newest() or date.max)
    if found.empty:
        raise InputError(
            "the history holds no reading by that date.", file=str(location), fix="Fill it: churnbench daily PROJECT."
        )
    return found


def shown_bands(location: str | Path) -> pd.DataFrame:
    """The bands that people saw at month ends, of the last two years.

    Args:
        location: a store, or a Parquet or CSV file of which every reading counts.

    Returns:
        account_id, as_of, band.

    Raises:
        InputError: no such history.
    """
    names = ["account_id", "as_of", "band"]
    if _is_file(location):
        found = _table(Path(location), names)[names]
        return found.assign(as_of=pd.to_datetime(found["as_of"]).astype("datetime64[us]"))
    require_store(location)
    with open_store(location) as store:
        newest = store.newest()
        ends = [] if newest is None else _month_ends(newest - timedelta(days=TWO_YEARS), newest)
        parts = [store.history(since=day, until=day)[names] for day in ends]
    held = [part for part in parts if len(part)]
    if not held:
        raise InputError(
            "the history holds no month end.", file=str(location), fix="Fill it: churnbench daily PROJECT."
        )
    return pd.concat(held, ignore_index=True)


def thinned(store: ScoreStore, until: date) -> pd.DataFrame:
    """Month ends of the last year and every day of the last weeks, up to a date."""
    newest = store.newest()
    if newest is None:
        return store.history(until=until)
    last = min(until, newest)
    recent = store.history(since=last - timedelta(days=RECENT_DAYS), until=last)
    before = last - timedelta(days=RECENT_DAYS + 1)
    parts = [store.history(since=day, until=day) for day in _month_ends(last - timedelta(days=YEAR_DAYS), before)]
    held = [part for part in [*parts, recent] if len(part)]
    if not held:
        return recent
    return pd.concat(held, ignore_index=True).sort_values(["account_id", "as_of"]).reset_index(drop=True)


def _is_file(location: str | Path) -> bool:
    return "://" not in str(location) and Path(location).suffix in _FILES


def require_store(location: str | Path) -> None:
    """An address, or a folder; a store that is read should be there already."""
    if "://" not in str(location) and not Path(location).is_dir():
        raise InputError("there is no score history.", file=str(location), fix="Name a store or a Parquet file.")


def _month_ends(first: date, last: date) -> list[date]:
    return [day.date() for day in pd.date_range(first, last, freq="ME")]


def _of_file(path: Path, until: date | None) -> pd.DataFrame:
    found = _table(path, _NEEDED)
    history = as_history(found, [name for name in found.columns if name not in HISTORY_COLUMNS])
    return history if until is None else history.loc[history["as_of"] <= pd.Timestamp(until)].reset_index(drop=True)


def _table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    try:
        found = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no score history can be read: {error}.", file=str(path), fix="Name Parquet or CSV."
        ) from None
    absent = [name for name in needed if name not in found]
    if absent:
        raise InputError(f"columns are missing: {', '.join(absent)}.", file=str(path), fix="Name a score history.")
    return found
