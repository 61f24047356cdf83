"""Small hand-made books with known truth, for tests of splits, models, calibration and the workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser

WINDOW = OutcomeWindow(gap_days=14, horizon_days=90, settle_days=0)


def cohort_frame(
    account_id: Sequence[str], as_of: Sequence[object], y: Sequence[float], window: OutcomeWindow = WINDOW
) -> pd.DataFrame:
    """Key columns of a labelled cohort, sorted as a cohort is, without metrics."""
    frame = pd.DataFrame({"account_id": list(account_id), "as_of": pd.to_datetime(pd.Series(list(as_of)))})
    frame["y"] = np.asarray(y, dtype=float)
    frame["status"] = "labelled"
    frame["churned_on"] = pd.NaT
    frame["matures_on"] = frame["as_of"] + pd.Timedelta(days=window.label_days)
    frame = frame.assign(stratum="all", segment="all", arr=np.nan, days_to_renewal=np.nan)
    return frame.sort_values(["as_of", "account_id"], kind="stable").reset_index(drop=True)


def cohort_of(
    frame: pd.DataFrame, metrics: Sequence[str] = (), window: OutcomeWindow | None = WINDOW, *, dated: bool = True
) -> Cohort:
    """A cohort around a frame."""
    level = "point-in-time" if dated else "cross-sectional"
    return Cohort(frame, tuple(metrics), level, window, date(2026, 1, 1) if dated else None, fingerprint="sha256:0")


def panel(dates: Sequence[pd.Timestamp], accounts: int = 40, *, churners: int = 20) -> Cohort:
    """Every account on every date; the first `churners` accounts carry y = 1 on every third date."""
    ids = [f"a{number:03d}" for number in range(accounts)]
    rows = [(a, d, float(n < churners and (n + k) % 3 == 0)) for k, d in enumerate(dates) for n, a in enumerate(ids)]
    return cohort_of(cohort_frame([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]))


def plain_spec(
    weights: Mapping[str, float],
    *,
    dimension_of: Mapping[str, str] | None = None,
    directions: Mapping[str, str] | None = None,
    leading: Sequence[str] = (),
    normalisers: Mapping[str, Normaliser] | None = None,
) -> FormulaSpec:
    """A hand formula whose points are the metric itself (ramp 0 to 100); one dimension per metric unless named."""
    groups = {metric: (dimension_of or {}).get(metric, "all") for metric in weights}
    order = list(dict.fromkeys(groups.values()))
    return FormulaSpec(
        tuple(DimensionSpec(name, sum(w for m, w in weights.items() if groups[m] == name)) for name in order),
        tuple(
            MetricSpec(
                metric,
                groups[metric],
                weight,
                direction=(directions or {}).get(metric, "higher_is_healthier"),  # type: ignore[arg-type]
                leading=metric in leading,
                normalise=(normalisers or {}).get(metric, Normaliser("ramp", {"low": 0.0, "high": 100.0})),
            )
            for metric, weight in weights.items()
        ),
    )


def linear_book(
    effects: Mapping[str, float],
    *,
    accounts: int = 300,
    months: int = 10,
    seed: int = 0,
    intercept: float = -2.4,
    bent: Mapping[str, float] | None = None,
    missing: float = 0.0,
    constant_within: bool = False,
) -> pd.DataFrame:
    """Rows whose log-odds of churn are `intercept - sum_j effect_j (x_j - 50) / 50`.

    Args:
        effects: metric -> log-odds per 50 points; positive is healthier with more.
        accounts, months: size; every account on every month end.
        seed: of everything random.
        intercept: log-odds of the middle account.
        bent: metric -> log-odds of a U shape, `bent * (|x - 50| / 50 - 1/2)`: both ends are risky.
        missing: share of cells that are missing at random.
        constant_within: one value per account and metric; else values wander from month to month.
    """
    rng = np.random.default_rng(seed)
    names = list(effects)
    level = rng.uniform(0, 100, (accounts, 1, len(names)))
    noise = rng.uniform(0, 100, (accounts, months, len(names)))
    x = (
        np.broadcast_to(level, noise.shape).copy()
        if constant_within
        else np.where(rng.random(noise.shape) < 0.5, level, noise)
    )
    risk = intercept - ((x - 50) / 50) @ np.array([effects[name] for name in names])
    for metric, size in (bent or {}).items():
        risk = risk + size * (np.abs(x[:, :, names.index(metric)] - 50) / 50 - 0.5)
    y = (rng.random(risk.shape) < 1 / (1 + np.exp(-risk))).astype(float)
    dates = pd.date_range("2024-01-31", periods=months, freq="ME")
    ids = np.repeat([f"a{number:04d}" for number in range(accounts)], months)
    frame = pd.DataFrame({"account_id": ids, "as_of": np.tile(dates.to_numpy(), accounts), "y": y.ravel()})
    frame["as_of"] = frame["as_of"].astype("datetime64[us]")
    for number, name in enumerate(names):
        values = x[:, :, number].ravel()
        frame[name] = np.where(rng.random(len(values)) < missing, np.nan, values)
    frame["status"], frame["churned_on"] = "labelled", pd.NaT
    frame["matures_on"] = frame["as_of"] + pd.Timedelta(days=WINDOW.label_days)
    frame = frame.assign(stratum="all", segment="all", arr=1000.0, days_to_renewal=np.nan)
    return frame.sort_values(["as_of", "account_id"], kind="stable").reset_index(drop=True)
