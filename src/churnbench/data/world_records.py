"""From latent levels to what systems recorded: metric values, contract history, outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.data.world_hazard import NOTICE_DAYS
from churnbench.data.world_latent import Latent, delayed
from churnbench.data.world_metrics import FACTORS, FINANCIAL, METRICS, Array, Scene

#: Holidays pull usage down: calendar month -> shift of q.
USAGE_SEASON = {8: -0.35, 12: -0.3, 1: -0.1}
#: What is left of usage between notice and the end of the contract.
AFTER_NOTICE = 0.55

_RECORDING_DAYS = 12  # an off-cycle churn is entered at most this many days late


@dataclass(frozen=True, eq=False)
class Contracts:
    """Contract history, arrays (accounts, months).

    Attributes:
        arr: annual recurring revenue at month end.
        contracted, expanded: relative size of the month's change, 0 where there was none.
    """

    arr: Array
    contracted: Array
    expanded: Array


def draw_contracts(book: pd.DataFrame, latent: Latent, edges: pd.DatetimeIndex, rng: np.random.Generator) -> Contracts:
    """Contractions where commitment was low, expansions where it was high; nothing before signup.

    Contracts change as late as the other financial records show what was decided.
    """
    commitment = delayed(latent.factors[:, :, FACTORS.index("commitment")], FINANCIAL)
    shape = commitment.shape
    started = book["started_on"].to_numpy().astype("datetime64[D]")[:, None]
    active = started <= edges[: shape[1]].to_numpy().astype("datetime64[D]")[None, :]
    shrinks = active & (rng.random(shape) < 0.006 * np.exp(-0.6 * commitment))
    grows = active & ~shrinks & (rng.random(shape) < 0.018 * np.exp(0.4 * commitment))
    contracted = shrinks * np.round(rng.uniform(0.10, 0.45, shape), 2)
    expanded = grows * np.round(rng.uniform(0.05, 0.35, shape), 2)
    arr = book["arr"].to_numpy()[:, None] * np.cumprod(1.0 + expanded - contracted, axis=1)
    return Contracts(np.round(arr, -2), contracted, expanded)


def _trailing(values: Array, months: int) -> Array:
    total = np.cumsum(values, axis=1)
    total[:, months:] = total[:, months:] - total[:, :-months]
    return total


def contract_metrics(contracts: Contracts) -> dict[str, Array]:
    """The two metrics that the contract history makes, arrays (accounts, months)."""
    year_ago = np.concatenate([contracts.arr[:, :1].repeat(12, axis=1), contracts.arr[:, :-12]], axis=1)
    return {
        "arr_trend_12m": np.round(contracts.arr / year_ago - 1.0, 3),
        "expansions_24m": _trailing((contracts.expanded > 0).astype(np.float64), 24),
    }


def record_metrics(
    book: pd.DataFrame,
    latent: Latent,
    contracts: Contracts,
    edges: pd.DatetimeIndex,
    notice: NDArray[np.datetime64],
    rng: np.random.Generator,
    *,
    missingness: float = 1.0,
) -> dict[str, Array]:
    """Recorded value of every metric.

    Args:
        book: the accounts.
        latent: latent history.
        contracts: contract history.
        edges: month ends, at least as many as the history has months.
        notice: churn time per account (NaT when it stays).
        rng: source of randomness.
        missingness: factor on the share of unanswered surveys and ratings.

    Returns:
        Metric id -> (accounts, months) values, NaN where nothing was recorded.
    """
    months = latent.factors.shape[1]
    days = edges[:months].to_numpy().astype("datetime64[D]")
    scene = _scene(book, latent, days, rng)
    leaving = notice[:, None] <= days[None, :]
    fixed = contract_metrics(contracts)
    recorded: dict[str, Array] = {}
    for index, metric in enumerate(METRICS):
        if metric.observer is None:
            recorded[metric.id] = fixed[metric.id]
            continue
        values = metric.observer.record(latent.recorded_level(index), scene)
        if metric.dimension == "usage":
            values = np.where(leaving, np.round(AFTER_NOTICE * values, 3), values)
        if metric.id in ("support_tickets_90d", "escalations_90d"):
            values = values * scene.contact
        base, informative = min(missingness * metric.unanswered[0], 0.95), metric.unanswered[1]
        silent = _silent(latent, base, informative, rng) if base else np.zeros(values.shape, dtype=bool)
        if metric.needs_contact:
            silent = silent | (scene.contact == 0.0)
        recorded[metric.id] = np.where(silent, np.nan, values)
    return recorded


def _scene(book: pd.DataFrame, latent: Latent, days: NDArray[np.datetime64], rng: np.random.Generator) -> Scene:
    tenure = (days[None, :] - book["started_on"].to_numpy().astype("datetime64[D]")[:, None]).astype(np.float64)
    months = pd.DatetimeIndex(days).month
    support = latent.factors[:, :, FACTORS.index("support")]
    writes = 1.0 / (1.0 + np.exp(-(2.6 + 0.8 * support)))
    return Scene(
        rng=rng,
        seats=book["seats"].to_numpy(dtype=np.float64)[:, None],
        onboarding=1.0 - 0.7 * np.exp(-np.maximum(tenure, 0.0) / 35.0),
        season=np.array([[USAGE_SEASON.get(month, 0.0) for month in months]]),
        contact=(rng.random(support.shape) < writes).astype(np.float64),
    )


def _silent(latent: Latent, base: float, informative: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether a survey stays unanswered; one decision per account and quarter, unhappier ones more often."""
    mood = latent.factors[:, :, FACTORS.index("sentiment")]
    month = np.arange(mood.shape[1])[None, :]
    shift = rng.integers(0, 3, (len(mood), 1))
    # The mood and the coin of a quarter's first month decide for the whole quarter.
    opening = np.maximum((month + shift) // 3 * 3 - shift, 0)
    rows = np.arange(len(mood))[:, None]
    odds = np.log(base / (1.0 - base)) - informative * mood[rows, opening]
    return np.asarray(rng.random(mood.shape)[rows, opening] < 1.0 / (1.0 + np.exp(-odds)))


def record_outcomes(
    book: pd.DataFrame,
    contracts: Contracts,
    edges: pd.DatetimeIndex,
    voluntary: NDArray[np.datetime64],
    involuntary: NDArray[np.datetime64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Dated outcomes as a billing system holds them on the last month end of the history.

    Notice in the weeks before a renewal ends the contract at the renewal; any other churn is entered some
    days late. Nothing that became known later than the last month end is in the table.

    Args:
        book: the accounts.
        contracts: contract history, (accounts, months).
        edges: month ends of that history.
        voluntary: churn time per account, NaT when none.
        involuntary: day of closing down per account, NaT when none.
        rng: source of randomness.

    Returns:
        account_id, churned_on, known_on, kind, voluntary (1, 0; empty for contraction and expansion), share
        (relative change of ARR, -1 for churn); sorted by known_on and account_id.
    """
    ids = book["account_id"].to_numpy()
    late = rng.integers(0, _RECORDING_DAYS + 1, len(book)).astype("timedelta64[D]")
    first = np.fmin(voluntary, involuntary)
    by_choice = voluntary == first
    renewal = renewals_after(book, first)
    at_renewal = by_choice & ((renewal - first).astype(np.int64) <= NOTICE_DAYS)
    ended = np.where(at_renewal, renewal, first)
    known = np.where(at_renewal, first, first + late)
    churn = pd.DataFrame(
        {
            "account_id": ids,
            "churned_on": pd.to_datetime(ended),
            "known_on": pd.to_datetime(known),
            "kind": "churn",
            "voluntary": by_choice.astype(np.int64),
            "share": -1.0,
        }
    )[~np.isnat(first)]
    changes = [
        _changes(ids, contracts.contracted, edges, "contraction", -1.0),
        _changes(ids, contracts.expanded, edges, "expansion", 1.0),
    ]
    end = dict(zip(churn["account_id"], churn["churned_on"], strict=True))
    rest = pd.concat(changes, ignore_index=True)
    rest = rest[~(rest["churned_on"] >= rest["account_id"].map(end))]
    outcomes = pd.concat([churn, rest], ignore_index=True)
    outcomes["voluntary"] = outcomes["voluntary"].astype("Int64")
    outcomes = outcomes[outcomes["known_on"] <= edges[-1]]
    return outcomes.sort_values(["known_on", "account_id", "kind"]).reset_index(drop=True)


def renewals_after(book: pd.DataFrame, days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """First renewal strictly after each account's own day; NaT where the day is."""
    start = book["started_on"].to_numpy().astype("datetime64[D]")
    known = ~np.isnat(days)
    # NaT cannot be divided; those accounts get any day here and NaT at the end.
    elapsed = (np.where(known, days, start) - start).astype(np.int64)
    renewal = start + (elapsed // 365 + 1) * np.timedelta64(365, "D")
    return np.where(known, renewal, np.datetime64("NaT"))


def _changes(ids: NDArray[np.str_], sizes: Array, edges: pd.DatetimeIndex, kind: str, sign: float) -> pd.DataFrame:
    row, month = np.nonzero(sizes)
    days = edges[month]
    return pd.DataFrame(
        {
            "account_id": ids[row],
            "churned_on": days,
            "known_on": days,
            "kind": kind,
            "voluntary": pd.NA,
            "share": sign * sizes[row, month],
        }
    )
