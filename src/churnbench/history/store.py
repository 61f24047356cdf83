"""The append-only score history: one store, two places to keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.domain.errors import InputError
from churnbench.export import Document
from churnbench.history.absences import Absence, Frozen, absences, away, new_outcomes
from churnbench.history.arrivals import LATE_AFTER_DAYS, lateness, refuse_future, split_known
from churnbench.history.backend import Backend, Wanted
from churnbench.history.change import Reading, reading_of
from churnbench.history.day import BAND_AFTER
from churnbench.history.hysteresis import BandState
from churnbench.history.overrides import Entry, lay_over, new_override, new_revocation
from churnbench.history.schema import STORED, decode, encode

#: A reading older than this tells nothing about the band in force.
STATE_DAYS = 100


@dataclass(frozen=True)
class Appended:
    """What an append did: readings added, already there, and left out since their account had churned."""

    added: int
    same: int
    frozen: int
    late: int


class ScoreStore:
    """A score history that is only ever appended to; made by `open_store`. A context manager."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: dict[str, Document] = {}

    @property
    def location(self) -> str:
        """Where it is kept."""
        return self._backend.location

    def append(
        self,
        document: Document,
        readings: pd.DataFrame,
        *,
        today: date,
        reason: str | None = None,
        late_after_days: int = LATE_AFTER_DAYS,
        now: datetime | None = None,
    ) -> Appended:
        """Append readings of one config, all or none.

        Args:
            document: the config that scored them; it is kept beside them.
            readings: from `score_day`, of one day or several.
            today: the day of the append.
            reason: why readings come late: before the newest day held, or long before today.
            late_after_days: how old a reading may be without a reason.
            now: moment of the append, UTC; default: the clock.

        Returns:
            Counts. Readings from an account's churn date on are left out and counted.

        Raises:
            InputError: a day after today, a late day without a reason, or a reading that differs from the one that
                is there for the same account, day and formula.
        """
        days = [day.date() for day in pd.DatetimeIndex(readings["as_of"].unique())]
        refuse_future(days, today)
        moment = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
        body = document["integrity"]["body_sha256"]
        with self._backend.writing():
            fresh = readings.loc[~self._after_churn(readings)]
            if days:
                held = self._raw(Wanted(since=min(days), until=max(days), body=body, every=True))
                new, same = split_known(fresh, held)
            else:
                new, same = np.zeros(0, dtype=bool), 0
            kept = fresh.loc[new]
            # What is there already needs no reason to be said again.
            arriving = [day.date() for day in pd.DatetimeIndex(kept["as_of"].unique())]
            late = lateness(arriving, self._backend.newest(), today, reason, late_after_days)
            if len(kept):
                self._backend.keep(document)
                self._backend.add(self._marked(encode(kept, document), late, reason, moment))
        is_late = kept["as_of"].dt.date.isin(late) if len(kept) else pd.Series(dtype=bool)
        return Appended(len(kept), same, len(readings) - len(fresh), int(is_late.sum()))

    def history(
        self,
        accounts: Sequence[str] | None = None,
        *,
        since: date | None = None,
        until: date | None = None,
        body_sha256: str | None = None,
        every: bool = False,
        after_churn: bool = False,
    ) -> pd.DataFrame:
        """Readings as a score history, with overrides shown.

        Args:
            accounts: account ids; default: all.
            since: first as-of date.
            until: last as-of date.
            body_sha256: readings of this formula only; default: per account and date those of the config with the
                highest sequence, and of these the one appended last.
            every: readings of all formulas instead; a date may then stand several times.
            after_churn: whether to keep readings from an account's churn date on that were appended before it was
                known.

        Returns:
            See `churnbench.domain.score_history`; then held_band, sequence, appended, appended_at, late_reason, one
            column per dimension score and input, and the columns of overrides.
        """
        wanted = Wanted(None if accounts is None else tuple(map(str, accounts)), since, until, body_sha256, every)
        frame = self._raw(wanted)
        if not after_churn and len(frame):
            frame = frame.loc[~self._after_churn(frame)].reset_index(drop=True)
        return lay_over(frame, self.overrides(), self.documents())

    def last(self, accounts: Sequence[str] | None = None, *, on: date | None = None) -> pd.DataFrame:
        """The last reading per account up to a day: of a churned account the last one before it left."""
        frame = self.history(accounts, since=None if on is None else on - timedelta(days=STATE_DAYS), until=on)
        return frame.groupby("account_id", sort=True).tail(1).reset_index(drop=True)

    def state(self, as_of: date, *, band_after: int = BAND_AFTER) -> BandState:
        """Bands in force before a day, for `score_day`."""
        depth = max(1, band_after - 1)
        recent = self._backend.recent(as_of, as_of - timedelta(days=STATE_DAYS), depth)
        return BandState.of(recent.to_pandas(date_as_object=False))

    def reading(self, account_id: str, on: date, *, body_sha256: str | None = None) -> Reading:
        """The reading of an account on a day, for `explain_change`.

        Raises:
            InputError: when there is none; the nearest earlier one is named.
        """
        wanted = Wanted((account_id,), until=on, body=body_sha256)
        frame = lay_over(self._raw(wanted), self.overrides(), self.documents())
        if frame.empty or frame["as_of"].iloc[-1].date() != on:
            nearest = (
                "none before it" if frame.empty else f"the last one before it is of {frame['as_of'].iloc[-1]:%Y-%m-%d}"
            )
            raise InputError(
                f"account {account_id!r} has no reading on {on}; {nearest}.", fix="Choose a day with a reading."
            )
        row: dict[str, Any] = dict(frame.iloc[-1].items())  # type: ignore[arg-type] # columns are text
        return reading_of(row, self.documents()[row["body_sha256"]])

    def freeze(self, outcomes: pd.DataFrame, *, today: date, reason: str | None = None) -> Frozen:
        """Freeze accounts from their churn date on, and thaw those that came back; what was new or corrected.

        Args:
            outcomes: account_id, churned_on and optionally kind ("churn" freezes, "reactivation" ends it).
            today: day of the entry.
            reason: why a date that is known changes.

        Raises:
            InputError: see `new_outcomes`.
        """
        with self._backend.writing():
            entries = new_outcomes(outcomes, self.absences(), today, reason)
            if entries:
                self._backend.write("outcomes", entries)
        returned = sum("returned_on" in entry for entry in entries)
        return Frozen(len(entries) - returned, returned)

    def absences(self) -> dict[str, list[Absence]]:
        """Account -> when it was no customer, oldest first."""
        return absences(self._backend.log("outcomes"))

    def churned(self) -> dict[str, date]:
        """Account -> churn date from which on it is frozen, of those that have not come back."""
        last = {account: gone[-1] for account, gone in self.absences().items()}
        return {account: one.churned_on for account, one in last.items() if one.returned_on is None}

    def override(self, account_id: str, *, today: date, **what: Any) -> Entry:
        """Override the band or score of an account; see `new_override`.

        Raises:
            InputError: an account without a reading, or see `new_override`.
        """
        if not self._raw(Wanted((account_id,))).shape[0]:
            raise InputError(f"account {account_id!r} has no reading.", file=self.location, fix="Check its spelling.")
        documents = sorted(self.documents().values(), key=lambda document: int(document["sequence"]))
        bands = [name for name, _ in documents[-1]["body"]["bands"]]
        entry = new_override(account_id, today=today, bands=bands, **what)
        with self._backend.writing():
            if entry["id"] not in {known["id"] for known in self.overrides()}:
                self._backend.write("overrides", [entry])
        return entry

    def revoke(self, override_id: str, *, reason: str, author: str, today: date) -> Entry:
        """End an override from today on; see `new_revocation`."""
        with self._backend.writing():
            entry = new_revocation(self.overrides(), override_id, reason=reason, author=author, today=today)
            self._backend.write("overrides", [entry])
        return entry

    def overrides(self) -> Sequence[Entry]:
        """The log of overrides and revocations, oldest first."""
        return list(self._backend.log("overrides"))

    def documents(self) -> Mapping[str, Document]:
        """Body hash -> config of every reading."""
        return self._backend.documents()

    def newest(self) -> date | None:
        """Newest as-of date."""
        return self._backend.newest()

    def compact(self) -> dict[str, int]:
        """Put day files together into month files; counts."""
        return self._backend.compact()

    def close(self) -> None:
        """Let go of the place."""
        self._backend.close()

    def __enter__(self) -> ScoreStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _raw(self, wanted: Wanted) -> pd.DataFrame:
        return decode(self._backend.rows(wanted), self.documents())

    def _after_churn(self, frame: pd.DataFrame) -> Any:
        """Whether each reading is of a day on which its account had churned and was not back."""
        return away(frame, self.absences())

    def _marked(self, table: pa.Table, late: set[date], reason: str | None, moment: datetime) -> pa.Table:
        said = (reason or "").strip()
        reasons = [said if day in late else None for day in table.column("as_of").to_pylist()]
        rows = table.num_rows
        marks = {
            "appended": pa.repeat(pa.scalar(self._backend.appends() + 1, pa.int64()), rows),
            "appended_at": pa.repeat(pa.scalar(moment, pa.timestamp("us")), rows),
            "late_reason": pa.array(reasons, pa.string()),
        }
        for name, values in marks.items():
            table = table.append_column(name, values)
        return table.select(STORED.names).cast(STORED)


def open_store(location: str | Path, *, patience: float = 30.0) -> ScoreStore:
    """Open a score history.

    Args:
        location: a folder (made at the first append), or postgresql://... (tables are made when absent).
        patience: seconds to wait for another writer.

    Raises:
        InputError: a server that does not answer, or an address of another kind.
    """
    text = str(location)
    if text.startswith(("postgresql://", "postgres://")):
        from churnbench.history.postgres_backend import PostgresBackend

        return ScoreStore(PostgresBackend(text, patience=patience))
    if "://" in text:
        raise InputError(f"no history can be kept at {text.split('://')[0]}://.", fix="Name a folder or postgresql://.")
    from churnbench.history.parquet_backend import ParquetBackend

    return ScoreStore(ParquetBackend(text, patience=patience))
