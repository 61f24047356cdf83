"""The core of the simulated world: a part of the book, at most 5,000 accounts, with everything drawn for it.

`simulate_world` joins chunks in memory, `stream_world` writes them one after the other. A chunk depends on
the settings, its number and the level of the hazard (solved once, on the first chunk), on nothing else; so
chunks can be drawn in any order and with bounded memory (about 60 MB for 5,000 accounts x 24 months).

How arrays are laid out: axis 0 is the account, in the order of `Chunk.book`; axis 1 is the month end, in
the order of `Chunk.days`, oldest first. The first `RUN_IN` (24) month ends lie before the first snapshot; an
account has values there even before it signed (a latent past), so mask with `Chunk.present`. Dates are
numpy datetime64[D], NaT where something never happens within the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.data import world_book, world_hazard, world_latent, world_records, world_treatment
from churnbench.data.world_hazard import Hazard, Scale
from churnbench.data.world_latent import Latent
from churnbench.data.world_metrics import Array
from churnbench.data.world_settings import AHEAD, CHUNK_ACCOUNTS, LIVED, RUN_IN, WorldSettings
from churnbench.data.world_treatment import Care

Days = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Chunk:
    """A part of the book, drawn from start to end.

    Attributes:
        settings: settings of the whole world (`settings.accounts` counts the whole book).
        part: number of the chunk, from 0.
        book: the accounts: account_id (unique over the whole book), started_on, segment, arr (as first
            signed), csm, industry, channel, seats; RangeIndex.
        latent: latent state of these accounts.
        hazard: their hazards.
        edges: month ends, shape (history + AHEAD,); the last `AHEAD` are later than the newest snapshot.
        contracts: their contract history, arrays (accounts, history).
        recorded: metric id -> recorded values, float (accounts, history), NaN where nothing was recorded.
            The value at month end m is what the snapshot of that month end shows.
        voluntary: day an account decides to leave (gives notice), NaT when it does not, shape (accounts,).
        closed: day an account closes down, NaT when it does not. The earlier of the two happens.
        ended: day the contract ends: the renewal after notice, else the day itself; NaT when it stays.
        departures: champion departures under contract: account_id, row (position in `book`), departed_on;
            sorted by row and day.
        care: what the treatment policy did, or None without one.
        interventions: its log, as `world_treatment.log_interventions` writes it; empty without a policy.
    """

    settings: WorldSettings
    part: int
    book: pd.DataFrame
    latent: Latent
    hazard: Hazard
    edges: pd.DatetimeIndex
    contracts: world_records.Contracts
    recorded: Mapping[str, Array]
    voluntary: Days
    closed: Days
    ended: Days
    departures: pd.DataFrame
    care: Care | None
    interventions: pd.DataFrame

    @property
    def days(self) -> Days:
        """Month ends of the history, shape (history,)."""
        return self.edges[: self.settings.history].to_numpy().astype("datetime64[D]")

    @property
    def started(self) -> Days:
        """Start of each contract, shape (accounts,)."""
        return np.asarray(self.book["started_on"].to_numpy().astype("datetime64[D]"))

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether an account is under contract at a month end, shape (accounts, history).

        The run-in counts as present from the start of the contract on; snapshots begin at column `RUN_IN`.
        """
        days = self.days[None, :]
        return np.asarray((self.started[:, None] <= days) & ~(self.ended[:, None] <= days))

    def rng(self, purpose: int) -> np.random.Generator:
        """Randomness of this chunk for a purpose of one's own, apart from the world's (purpose >= 100)."""
        return np.random.default_rng(np.random.SeedSequence(self.settings.seed, spawn_key=(self.part, purpose)))


def iter_chunks(settings: WorldSettings) -> Iterator[Chunk]:
    """Draw the book chunk by chunk.

    Args:
        settings: the world asked for.

    Yields:
        Chunks of at most `CHUNK_ACCOUNTS` accounts, in the order of the account ids. They are independent of
        each other except for the level of the hazard, which the first one fixes.
    """
    scale: Scale | None = None
    for part in range(settings.chunks):
        chunk = draw_chunk(settings, part, scale)
        scale = chunk.hazard.scale
        yield chunk


def draw_chunk(settings: WorldSettings, part: int, scale: Scale | None = None) -> Chunk:
    """Draw one chunk.

    Args:
        settings: the world asked for.
        part: number of the chunk, from 0 to `settings.chunks - 1`.
        scale: level of the hazard, from an earlier chunk's `hazard.scale`; solved on this one when None.

    Returns:
        The chunk.
    """
    spawned = np.random.SeedSequence(settings.seed, spawn_key=(part,)).spawn(11)
    streams = [np.random.default_rng(source) for source in spawned]
    history = settings.history
    as_of = world_book.month_ends(settings.months)
    edges = pd.date_range(as_of[0] - pd.offsets.MonthEnd(RUN_IN), as_of[-1] + pd.offsets.MonthEnd(AHEAD), freq="ME")
    book, latent, hazard, care, voluntary = _survivors(settings, part, scale, edges, streams)
    steady = np.where(np.isfinite(hazard.schedule[:, :history]), world_hazard.INVOLUNTARY_RATE, 0.0)
    closed = world_hazard.draw_times(steady[:, RUN_IN:-1], edges[RUN_IN:], streams[3])
    contracts = world_records.draw_contracts(book, latent, edges, streams[4])
    recorded = world_records.record_metrics(
        book, latent, contracts, edges, voluntary, streams[5], missingness=settings.missingness
    )
    ended = _ended(book, voluntary, closed)
    interventions = world_treatment.no_interventions()
    if care is not None and settings.treatment is not None:
        gone = np.fmin(voluntary, closed)
        interventions = world_treatment.log_interventions(
            book, care, settings.treatment, edges[:history], gone, streams[10]
        )
    departures = _departures(book, latent.departed, edges[:history], ended, streams[8])
    return Chunk(
        settings=settings,
        part=part,
        book=book,
        latent=latent,
        hazard=hazard,
        edges=edges,
        contracts=contracts,
        recorded=recorded,
        voluntary=voluntary,
        closed=closed,
        ended=ended,
        departures=departures,
        care=care,
        interventions=interventions,
    )


def _survivors(
    settings: WorldSettings,
    part: int,
    scale: Scale | None,
    edges: pd.DatetimeIndex,
    streams: list[np.random.Generator],
) -> tuple[pd.DataFrame, Latent, Hazard, Care | None, Days]:
    """A book that has lived for a year: accounts that left before the first snapshot are not in it.

    Without that year the riskiest accounts would all leave in the first quarters, as if churn were falling.
    """
    first = part * CHUNK_ACCOUNTS
    accounts = min(CHUNK_ACCOUNTS, settings.accounts - first)
    begins = RUN_IN - LIVED
    # The lived year takes about base_rate * 4 of the older accounts; the reserve is generous.
    candidates = int(np.ceil(accounts * (1.1 + 8.0 * settings.base_rate))) + 20
    book = world_book.make_accounts(candidates, settings.months, streams[0], part=part)
    latent = world_latent.draw_latent(candidates, settings.history, streams[1], departures=settings.departures)
    hazard = world_hazard.build_hazard(
        book,
        latent,
        edges,
        (begins, RUN_IN),
        base_rate=settings.base_rate,
        by_segment=world_hazard.segment_effects(signal=settings.signal, contrast=settings.contrast, null=settings.null),
        null=settings.null,
        scale=scale,
        shift=settings.hazard_shift,
    )
    rates, care = hazard.rates, None
    if settings.treatment is not None:
        care = world_treatment.draw_care(hazard, settings.treatment, streams[9])
        rates = rates * care.factor
    times = world_hazard.draw_times(rates[:, begins:-1], edges[begins:], streams[2])
    alive = np.flatnonzero(~(times <= edges[RUN_IN].to_datetime64().astype("datetime64[D]")))[:accounts]
    digits = max(5, len(str(settings.accounts)))
    book = book.iloc[alive].reset_index(drop=True)
    book["account_id"] = [f"A{number:0{digits}d}" for number in range(first + 1, first + 1 + len(book))]
    care = None if care is None else care.take(alive)
    return book, latent.take(alive), hazard.take(alive), care, times[alive]


def _ended(book: pd.DataFrame, voluntary: Days, closed: Days) -> Days:
    """End of the contract per account: the renewal after notice, else the day itself; NaT when it stays."""
    first = np.fmin(voluntary, closed)
    renewal = world_records.renewals_after(book, first)
    near = (renewal - first).astype(np.int64) <= world_hazard.NOTICE_DAYS
    return np.where((voluntary == first) & near, renewal, first)


def _departures(
    book: pd.DataFrame,
    departed: NDArray[np.bool_],
    edges: pd.DatetimeIndex,
    ended: Days,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Dates of the champion departures: a day of the month at whose end they first show."""
    row, month = np.nonzero(departed)
    days = edges.to_numpy().astype("datetime64[D]")
    on = days[month] - rng.integers(0, 28, len(row)).astype("timedelta64[D]")
    started = book["started_on"].to_numpy().astype("datetime64[D]")[row]
    here = (on > started) & ~(on >= ended[row])
    row, on = row[here], on[here]
    return pd.DataFrame(
        {
            "account_id": book["account_id"].to_numpy()[row],
            "row": row,
            "departed_on": pd.to_datetime(on),
        }
    )
