"""Point-in-time metrics: what was known of an account at the end of each as-of date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from churnbench.data.computed import ComputedMetric
from churnbench.features.aggregates import has_zero
from churnbench.features.exact import scales_of
from churnbench.features.facts import Facts
from churnbench.features.scan import Found, scan


def features_at(
    facts: Mapping[str, Facts],
    accounts: pd.DataFrame,
    calendar: Iterable[date],
    metrics: Sequence[ComputedMetric],
    *,
    known_until: date | None = None,
) -> pd.DataFrame:
    """Compute metrics for every account and as-of date.

    A fact counts at as-of date s iff it was known by the end of s (`known_at`, or `event_at` where no known
    time is declared) and its date lies in `(s - window_days, s]`. Facts in the future of s never count.

    Args:
        facts: fact tables by name, all of one session.
        accounts: column account_id (str, unique); optional first_day and last_day (datetime64): an account
            has rows for as-of dates in `[first_day, last_day]`; missing bounds are open.
        calendar: as-of dates.
        metrics: what to compute; a ratio's parts must be among them.
        known_until: drop every fact that happened or became known after this day before anything is computed.

    Returns:
        Columns account_id (str), as_of (datetime64 midnight) and one per metric in the given order: float64
        with NaN, or object with None for text. Sorted by (as_of, account_id). Without any fact in the window
        count, sum, distinct, slope, active_days_share and change are 0; the others are missing.
    """
    days = np.unique(np.array([pd.Timestamp(day).date() for day in calendar], dtype="datetime64[D]"))
    ids = np.sort(accounts["account_id"].to_numpy(dtype=object))
    present = _present(accounts.set_index("account_id").loc[ids], days)
    i, a = np.nonzero(present.T)
    frame = pd.DataFrame({"account_id": pd.Series(ids[a]).astype(str), "as_of": days[i].astype("datetime64[us]")})
    if frame.empty:
        return frame.assign(**{metric.id: pd.Series(dtype=float) for metric in metrics})
    values: dict[str, np.ndarray] = {}
    plain = [metric for metric in metrics if metric.ratio is None]
    for name in dict.fromkeys(metric.source for metric in plain):
        table = facts[name] if known_until is None else facts[name].known_by(str(known_until)[:10])
        own = [metric for metric in plain if metric.source == name]
        found = scan(table, list(ids), days.astype(np.int64), own, scales_of(table, table.numbers.values()))
        values.update({m.id: _dense(found, m, present.shape)[a, i] for m in own})
    for metric in metrics:
        if metric.ratio is not None:
            values[metric.id] = divided(values[metric.ratio[0]], values[metric.ratio[1]])
    # The dtype is stated, else pandas would turn None into its own missing value for text.
    columns = {m.id: pd.Series(values[m.id], dtype=object if m.text else float) for m in metrics}
    return pd.DataFrame({"account_id": frame["account_id"], "as_of": frame["as_of"], **columns})


def _present(accounts: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Accounts x as-of dates: whether the account has a row."""
    present = np.ones((len(accounts), len(days)), dtype=bool)
    for column, inside in (("first_day", np.less_equal), ("last_day", np.greater_equal)):
        if column in accounts:
            bound = pd.to_datetime(accounts[column]).to_numpy().astype("datetime64[D]")[:, None]
            present &= np.isnat(bound) | inside(bound, days[None, :])
    return present


def _dense(found: Found, metric: ComputedMetric, shape: tuple[int, ...]) -> np.ndarray:
    if metric.text:
        full = np.full(shape, None, dtype=object)
    else:
        full = np.full(shape, 0.0 if has_zero(metric) else np.nan)
    account, date, value = found[metric.id]
    full[account, date] = value
    return full


def divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The quotient, NaN where the denominator is 0 or either is missing.

    >>> divided(np.array([1.0, 1.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    usable = np.where(below == 0, np.nan, below)
    return np.asarray(above / usable, dtype=float)
