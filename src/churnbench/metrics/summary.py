"""The seven measures of the evidence with account intervals, and paired comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import Floats, Integers, as_outcome, as_probability, as_weight
from churnbench.metrics.bootstrap import AccountBootstrap
from churnbench.metrics.discrimination import auc, average_precision, lift_at
from churnbench.metrics.estimate import Estimate, percentile_estimate
from churnbench.metrics.probability import brier, log_loss, observed_over_expected, row_log_loss
from churnbench.metrics.ranked import (
    Weighed,
    quotient,
    rank,
    replicate_auc,
    replicate_average_precision,
    replicate_lift,
)
from churnbench.metrics.reliability import calibration_slope, expit, fit_recalibration, logit

MeasureName = Literal[
    "auc",
    "log_loss",
    "brier",
    "average_precision",
    "lift_at_10pct",
    "calibration_slope",
    "observed_over_expected",
]

#: name -> value on all rows, called as f(y, p, weights=...).
MEASURES: Mapping[str, Callable[..., float]] = {
    "auc": auc,
    "log_loss": log_loss,
    "brier": brier,
    "average_precision": average_precision,
    "lift_at_10pct": lift_at,
    "calibration_slope": calibration_slope,
    "observed_over_expected": observed_over_expected,
}

#: name -> sign that makes a larger value better; measures that aim at 1 cannot be compared by difference.
IMPROVES: Mapping[str, float] = {
    "auc": 1.0,
    "average_precision": 1.0,
    "lift_at_10pct": 1.0,
    "log_loss": -1.0,
    "brier": -1.0,
}

_RANKED: Mapping[str, Callable[[Weighed], Floats]] = {
    "auc": replicate_auc,
    "average_precision": replicate_average_precision,
    "lift_at_10pct": lambda cells: replicate_lift(cells, 0.1),
}


@dataclass(frozen=True, eq=False)
class _Rows:
    """Checked rows of one measurement."""

    y: Floats
    p: Floats
    codes: Integers
    weight: Floats
    weighted: bool


def summarise(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    accounts: npt.ArrayLike | None = None,
    *,
    bootstrap: AccountBootstrap,
    weights: npt.ArrayLike | None = None,
    level: float = 0.9,
) -> dict[str, Estimate]:
    """The seven measures of the evidence, each with its percentile interval over resampled accounts.

    Rank measures, log loss, Brier and observed/expected are recomputed exactly in every resample. The
    calibration slope takes one Newton step from the full-sample fit, which is where a few resamples with
    very few churners differ from a full refit.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        accounts: shape (n,), account of each row, among those of the bootstrap; `None` when the rows are the
            bootstrap's own.
        bootstrap: the resamples; use one object for everything that shall be comparable.
        weights: shape (n,), row weights >= 0; 1 each when absent.
        level: coverage of the intervals.

    Returns:
        Exactly the keys of `MEASURES`; an undefined value is `None`.

    Raises:
        InputError: for NaN, wrong lengths, values outside their range or unknown accounts.

    >>> made = AccountBootstrap(["a", "b", "c", "d"], replicates=200, seed=0)
    >>> summarise([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], bootstrap=made)["auc"].value
    0.75
    """
    rows = _rows(y, p, accounts, bootstrap, weights)
    found = _replicates(tuple(MEASURES), rows, bootstrap)
    given = rows.weight if rows.weighted else None
    return {
        name: percentile_estimate(measure(rows.y, rows.p, weights=given), found[name], level=level)
        for name, measure in MEASURES.items()
    }


def paired_log_loss_difference(
    y: npt.ArrayLike,
    p_old: npt.ArrayLike,
    p_new: npt.ArrayLike,
    accounts: npt.ArrayLike | None = None,
    *,
    bootstrap: AccountBootstrap,
    weights: npt.ArrayLike | None = None,
    level: float = 0.9,
) -> Estimate:
    """Log loss of the old probabilities minus that of the new, on the same resampled accounts.

    Args:
        y: shape (n,), 0 or 1.
        p_old: shape (n,), P(churn) of today's formula.
        p_new: shape (n,), P(churn) of the candidate.
        accounts: as in `summarise`.
        bootstrap: the resamples.
        weights: shape (n,), row weights >= 0; 1 each when absent.
        level: coverage of the interval.

    Returns:
        Nats per row; positive means that the new one is better.

    Raises:
        InputError: as `summarise`.

    >>> made = AccountBootstrap(["a", "b"], replicates=50, seed=0)
    >>> paired_log_loss_difference([0, 1], [0.5, 0.5], [0.5, 0.5], bootstrap=made)
    Estimate(value=0.0, low=0.0, high=0.0)
    """
    return paired_difference("log_loss", y, p_old, p_new, accounts, bootstrap=bootstrap, weights=weights, level=level)


def paired_difference(
    name: str,
    y: npt.ArrayLike,
    p_old: npt.ArrayLike,
    p_new: npt.ArrayLike,
    accounts: npt.ArrayLike | None = None,
    *,
    bootstrap: AccountBootstrap,
    weights: npt.ArrayLike | None = None,
    level: float = 0.9,
) -> Estimate:
    """Improvement of one measure from old to new, on the same resampled accounts.

    new - old for measures where more is better (auc, average_precision, lift_at_10pct), old - new where less
    is better (log_loss, brier).

    Args:
        name: a key of `IMPROVES`.
        y: shape (n,), 0 or 1.
        p_old: shape (n,), P(churn) before.
        p_new: shape (n,), P(churn) after.
        accounts: as in `summarise`.
        bootstrap: the resamples.
        weights: shape (n,), row weights >= 0; 1 each when absent.
        level: coverage of the interval.

    Returns:
        Improvement in the measure's unit; positive is better.

    Raises:
        InputError: for an unknown name, and as `summarise`.
    """
    if name not in IMPROVES:
        raise InputError(
            f"measure '{name}' cannot be compared by its difference.",
            fix=f"Use one of {', '.join(IMPROVES)}.",
        )
    sign, measure = IMPROVES[name], MEASURES[name]
    values, found = [], []
    for p in (p_old, p_new):
        rows = _rows(y, p, accounts, bootstrap, weights)
        values.append(measure(rows.y, rows.p, weights=rows.weight if rows.weighted else None))
        found.append(_replicates((name,), rows, bootstrap)[name])
    # Adding 0.0 turns -0.0 into 0.0.
    return percentile_estimate(sign * (values[1] - values[0]) + 0.0, sign * (found[1] - found[0]) + 0.0, level=level)


def _rows(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    accounts: npt.ArrayLike | None,
    bootstrap: AccountBootstrap,
    weights: npt.ArrayLike | None,
) -> _Rows:
    outcome = as_outcome(y)
    return _Rows(
        outcome,
        as_probability(p, len(outcome)),
        bootstrap.row_codes(accounts, len(outcome)),
        as_weight(weights, len(outcome)),
        weights is not None,
    )


def _replicates(names: tuple[str, ...], rows: _Rows, bootstrap: AccountBootstrap) -> dict[str, Floats]:
    """Value of each named measure in every resample, each of shape (B,)."""
    found = {name: np.full(bootstrap.replicates, np.nan) for name in names}
    if len(rows.y) == 0:
        return found
    wanted = [name for name in names if name in _RANKED]
    if wanted:
        ranked = rank(rows.y, rows.p, rows.codes, bootstrap.size, weight=rows.weight if rows.weighted else None)
        for which, cells in ranked.chunks(bootstrap):
            for name in wanted:
                found[name][which] = _RANKED[name](cells)
    if any(name not in _RANKED for name in names):
        sums = _sums(rows, bootstrap)
        found.update({name: sums[name] for name in names if name not in _RANKED})
    return found


def _sums(rows: _Rows, bootstrap: AccountBootstrap) -> dict[str, Floats]:
    """Measures that are functions of sums over accounts."""
    w = rows.weight
    columns = [w, w * row_log_loss(rows.y, rows.p), w * (rows.p - rows.y) ** 2, w * rows.y, w * rows.p]
    fitted = fit_recalibration(rows.y, logit(rows.p), w)
    if fitted is not None:
        offset = logit(rows.p)
        chance = expit(fitted[0] + fitted[1] * offset)
        pull, spread = w * (rows.y - chance), w * chance * (1.0 - chance)
        columns += [pull, pull * offset, spread, spread * offset, spread * offset**2]
    totals = bootstrap.totals(bootstrap.by_account(rows.codes, *columns)).T
    size, loss, square, events, expected = totals[:5]
    slope = np.full(bootstrap.replicates, np.nan)
    if fitted is not None:
        slope = _one_step(fitted[1], totals[5:], (events > 0) & (events < size))
    return {
        "log_loss": quotient(loss, size),
        "brier": quotient(square, size),
        "observed_over_expected": quotient(events, expected),
        "calibration_slope": slope,
    }


def _one_step(slope: float, sums: Floats, both: npt.NDArray[np.bool_]) -> Floats:
    """Slope after one Newton step from the full-sample fit with each resample's gradient and curvature."""
    g0, g1, h00, h01, h11 = sums
    determinant = h00 * h11 - h01 * h01
    defined = both & (determinant > 1e-12 * h00 * h11)
    step = np.divide(h00 * g1 - h01 * g0, determinant, out=np.full(len(g0), np.nan), where=defined)
    return np.asarray(slope + step)
