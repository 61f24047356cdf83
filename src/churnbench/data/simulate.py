"""A synthetic book of B2B accounts with known truth: snapshots, outcomes, accounts, and why they left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.data import world_book, world_hazard, world_latent, world_records
from churnbench.data.world_leaks import LEAKS
from churnbench.data.world_metrics import METRICS, SEGMENT_EFFECTS
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.errors import InputError

_RUN_IN = 24  # months before the first snapshot: yearly trends and two-year counts need a past
_LIVED = 12  # months of the run-in during which accounts may already leave
_AHEAD = 8  # months after the newest snapshot that its outcome window may reach into


@dataclass(frozen=True, eq=False)
class World:
    """A simulated history beside its truth.

    Attributes:
        snapshots: one row per account and month end while under contract: account_id, as_of, renewal_on and
            arr as known then, and the 18 metrics of the preset "four-dimensions" (NaN when missing).
        outcomes: account_id, churned_on, known_on, kind, voluntary, share.
        accounts: account_id, started_on, segment, arr (as first signed), csm, industry, channel, seats.
        truth: true effects and settings, ready for JSON.
        truth_table: account_id, as_of, churn_probability (true probability of churn in the outcome window,
            knowing the latent state) and metric_risk (what the metrics add to the log hazard, centred).
    """

    snapshots: pd.DataFrame
    outcomes: pd.DataFrame
    accounts: pd.DataFrame
    truth: Mapping[str, object]
    truth_table: pd.DataFrame


def simulate_world(
    accounts: int,
    months: int,
    seed: int,
    *,
    base_rate: float = 0.026,
    signal: float = 1.0,
    leak: str | None = None,
    null: bool = False,
    window: OutcomeWindow | None = None,
) -> World:
    """Draw a world. The same arguments give the same bytes; a leak changes nothing but what it touches.

    Args:
        accounts: number of accounts, 20 or more. About 3 KB of memory per account and month.
        months: number of monthly snapshots, 6 or more; the newest is 2025-12-31.
        seed: seed of all randomness.
        base_rate: mean probability of voluntary churn per quarter among the accounts still there; the default
            makes about 200 churned accounts of 1,200 in 24 months.
        signal: factor on the effect of every metric; 0 leaves renewal, segment and season.
        leak: a key of `LEAKS`, or None for a clean history.
        null: churn independent of every metric, the segment, the season and the renewal date.
        window: outcome window of the true probabilities; 14 and 90 days when None.

    Returns:
        The world.

    Raises:
        InputError: an argument is out of range, or the leak is unknown.
    """
    window = window or OutcomeWindow()
    _check(accounts, months, base_rate, leak, window)
    streams = [np.random.default_rng(source) for source in np.random.SeedSequence(seed).spawn(8)]
    settings = {
        "accounts": accounts,
        "months": months,
        "seed": seed,
        "base_rate": base_rate,
        "signal": signal,
        "leak": leak,
        "null": null,
    }
    book, latent, hazard, voluntary = _survivors(settings, streams)
    edges, history = hazard.edges, _RUN_IN + months
    steady = np.where(np.isfinite(hazard.schedule[:, :history]), world_hazard.INVOLUNTARY_RATE, 0.0)
    closed = world_hazard.draw_times(steady[:, _RUN_IN:-1], edges[_RUN_IN:], streams[3])
    contracts = world_records.draw_contracts(book, latent, edges, streams[4])
    recorded = world_records.record_metrics(book, latent, contracts, edges, voluntary, streams[5])
    outcomes = world_records.record_outcomes(book, contracts, edges[:history], voluntary, closed, streams[6])
    ended = _ended(book, voluntary, closed)
    snapshots, rows, columns = _snapshots(book, edges[:history], ended, contracts.arr, recorded)
    table = _truth_table(snapshots, hazard, latent, window, (rows, columns), streams[7])
    if leak is not None:
        churn_time = pd.Series(pd.to_datetime(voluntary[rows]), index=snapshots.index)
        snapshots = LEAKS[leak](snapshots, churn_time, np.random.default_rng([seed, 7]))
    return World(snapshots, outcomes, book, _truth(settings, window, table), table)


def _check(accounts: int, months: int, base_rate: float, leak: str | None, window: OutcomeWindow) -> None:
    if accounts < 20 or months < 6:
        raise InputError(
            f"{accounts} accounts x {months} months is too small a world.",
            fix="Ask for at least 20 accounts and 6 months.",
        )
    if not 0.0 < base_rate <= 0.2:
        raise InputError(
            f"base_rate {base_rate} is not a quarterly churn probability.",
            fix="Give a number above 0 and at most 0.2, for example 0.03.",
        )
    if leak is not None and leak not in LEAKS:
        raise InputError(f"'{leak}' is not a kind of leak; known are {', '.join(LEAKS)}.")
    if window.gap_days + window.horizon_days > 28 * _AHEAD:
        raise InputError(
            f"A window of {window.gap_days} + {window.horizon_days} days is too long for the truth.",
            fix=f"Keep gap and horizon within {28 * _AHEAD} days.",
        )


def _survivors(
    settings: Mapping[str, Any], streams: Sequence[np.random.Generator]
) -> tuple[pd.DataFrame, world_latent.Latent, world_hazard.Hazard, NDArray[np.datetime64]]:
    """A book that has lived for a year: accounts that left before the first snapshot are not in it.

    Without that year the riskiest accounts would all leave in the first quarters, as if churn were falling.
    """
    accounts, months = int(settings["accounts"]), int(settings["months"])
    as_of = world_book.month_ends(months)
    edges = pd.date_range(as_of[0] - pd.offsets.MonthEnd(_RUN_IN), as_of[-1] + pd.offsets.MonthEnd(_AHEAD), freq="ME")
    begins = _RUN_IN - _LIVED
    # The lived year takes about base_rate * 4 of the older accounts; the reserve is generous.
    candidates = int(np.ceil(accounts * (1.1 + 8.0 * float(settings["base_rate"])))) + 20
    book = world_book.make_accounts(candidates, months, streams[0])
    latent = world_latent.draw_latent(candidates, _RUN_IN + months, streams[1])
    hazard = world_hazard.build_hazard(
        book,
        latent,
        edges,
        (begins, _RUN_IN),
        base_rate=float(settings["base_rate"]),
        signal=float(settings["signal"]),
        null=bool(settings["null"]),
    )
    times = world_hazard.draw_times(hazard.rates[:, begins:-1], edges[begins:], streams[2])
    alive = np.flatnonzero(~(times <= np.datetime64(as_of[0], "D")))[:accounts]
    book = book.iloc[alive].reset_index(drop=True)
    book["account_id"] = [f"A{number:05d}" for number in range(1, len(book) + 1)]
    return book, latent.take(alive), hazard.take(alive), times[alive]


def _ended(
    book: pd.DataFrame, voluntary: NDArray[np.datetime64], closed: NDArray[np.datetime64]
) -> NDArray[np.datetime64]:
    """End of the contract per account: the renewal after notice, else the day itself; NaT when it stays."""
    first = np.fmin(voluntary, closed)
    renewal = world_records.renewals_after(book, first)
    near = (renewal - first).astype(np.int64) <= world_hazard.NOTICE_DAYS
    return np.where((voluntary == first) & near, renewal, first)


def _snapshots(
    book: pd.DataFrame,
    edges: pd.DatetimeIndex,
    ended: NDArray[np.datetime64],
    arr: NDArray[np.float64],
    recorded: Mapping[str, NDArray[np.float64]],
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    days = edges.to_numpy().astype("datetime64[D]")[None, :]
    started = book["started_on"].to_numpy().astype("datetime64[D]")
    present = (started[:, None] <= days) & ~(ended[:, None] <= days)
    present[:, :_RUN_IN] = False
    columns, rows = np.nonzero(present.T)
    renewal = np.stack([world_book.next_renewals(started, day) for day in edges], axis=1)
    frame = pd.DataFrame(
        {
            "account_id": book["account_id"].to_numpy()[rows],
            "as_of": edges[columns],
            "renewal_on": pd.to_datetime(renewal[rows, columns]),
            "arr": arr[rows, columns],
            **{name: _tidy(values[rows, columns]) for name, values in recorded.items()},
        }
    )
    return frame, rows, columns


def _tidy(values: NDArray[np.float64]) -> NDArray[np.float64] | pd.api.extensions.ExtensionArray:
    """Whole numbers as integers, so that the files read 3 and not 3.0; NaN stays missing."""
    whole = bool(np.all(np.isnan(values) | (values == np.round(values))))
    return pd.Series(values).astype("Int64").array if whole else values


def _truth_table(
    snapshots: pd.DataFrame,
    hazard: world_hazard.Hazard,
    latent: world_latent.Latent,
    window: OutcomeWindow,
    place: tuple[NDArray[np.int64], NDArray[np.int64]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    rows, columns = place
    probability = np.empty(len(rows))
    for month in np.unique(columns):
        here = columns == month
        values = world_hazard.window_probability(hazard, latent, int(month), window, rng)
        probability[here] = values[rows[here]]
    risk = -hazard.relief[rows, columns]
    return pd.DataFrame(
        {
            "account_id": snapshots["account_id"],
            "as_of": snapshots["as_of"],
            "churn_probability": probability,
            "metric_risk": risk - risk.mean(),
        }
    )


def _truth(settings: Mapping[str, Any], window: OutcomeWindow, table: pd.DataFrame) -> dict[str, object]:
    """What truth.json says. `weight_percent` is |effect| per standard deviation, as a share of all."""
    silent = bool(settings["null"]) or settings["signal"] == 0.0
    total = sum(abs(metric.effect) for metric in METRICS)
    return {
        "settings": dict(settings),
        "window": {"gap_days": window.gap_days, "horizon_days": window.horizon_days},
        "mean_churn_probability": float(table["churn_probability"].mean()),
        "metrics": [
            {
                "id": metric.id,
                "dimension": metric.dimension,
                "effect_per_sd": 0.0 if silent else metric.effect * float(settings["signal"]),
                "weight_percent": 0.0 if silent else round(100.0 * abs(metric.effect) / total, 3),
                "direction": None
                if metric.effect == 0.0 or silent
                else ("higher_is_healthier" if metric.effect > 0 else "lower_is_healthier"),
                "saturates_at_sd": metric.saturates_at,
            }
            for metric in METRICS
        ],
        "segment_effects": SEGMENT_EFFECTS,
        "hazard": {
            "renewal_log_bonus": 0.0 if settings["null"] else world_hazard.RENEWAL_BONUS,
            "notice_days": world_hazard.NOTICE_DAYS,
            "season_log_bonus": {} if settings["null"] else world_hazard.SEASON_BONUS,
            "involuntary_monthly_rate": world_hazard.INVOLUNTARY_RATE,
            "champion_departure_monthly_rate": world_latent.DEPARTURE_RATE,
        },
    }


def write_world(world: World, out: Path) -> None:
    """Write snapshots.csv, outcomes.csv, accounts.csv, truth.json and truth.parquet into a folder.

    Args:
        world: the world.
        out: the folder; made when absent.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_tables(world, out)
    (out / "truth.json").write_text(json.dumps(world.truth, indent=2) + "\n", encoding="utf-8")
    world.truth_table.to_parquet(out / "truth.parquet", index=False)


def write_tables(world: World, out: Path) -> None:
    """Write the three tables that a company would have, as CSV with ISO dates and empty missing cells."""
    for name, frame in (
        ("snapshots", world.snapshots),
        ("outcomes", world.outcomes),
        ("accounts", world.accounts),
    ):
        frame.to_csv(out / f"{name}.csv", index=False, date_format="%Y-%m-%d", lineterminator="\n")
