"""How fast a score moves: points per day over 30 days, in bands, and what band and movement say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.bands import roles_of

DAYS = 30
#: Points per day. An edge belongs to the stronger movement: -0.5 is declining fast, -0.2 declining, 0.2 improving.
EDGES = (-0.5, -0.2, 0.2, 0.5)
NAMES = ("declining-fast", "declining", "stable", "improving", "improving-fast")
#: What the five say to people.
LABELS: Mapping[str, str] = {
    "declining-fast": "declining fast (alarm)",
    "declining": "declining (concern)",
    "stable": "stable",
    "improving": "improving",
    "improving-fast": "improving fast",
}
#: Role of the band and movement -> what the pair says.
_SAID: Mapping[tuple[str, str], str] = {
    ("red", "improving-fast"): "recovery possible",
    ("yellow", "declining-fast"): "urgent",
    ("green", "declining"): "early warning",
    ("green", "declining-fast"): "early warning",
}


def with_velocity(history: pd.DataFrame, *, days: int = DAYS, edges: Sequence[float] = EDGES) -> pd.DataFrame:
    """Add the velocity of each reading.

    The velocity is the change since the last reading with a score at least `days` earlier (but no more than twice as
    many), else since the first one within `days`, divided by the days in between.

    Args:
        history: a score history.
        days: span.
        edges: four ascending borders in points per day.

    Returns:
        The history with `velocity` (points per day; NaN without a score or without a second reading), `velocity_days`
        (days really between) and `velocity_band` (one of `NAMES`, None where there is no velocity).
    """
    made = history.reset_index(drop=True)
    hundredths = made["health_score_x100"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    known = pd.DataFrame(
        {
            "account": pd.factorize(made["account_id"])[0],
            "as_of": made["as_of"],
            "x100": hundredths,
            "place": range(len(made)),
        }
    ).dropna(subset="x100")
    base = _base(known, days)
    change, between = known["x100"].to_numpy() - base["x100"].to_numpy(), base["days"].to_numpy()
    with np.errstate(invalid="ignore"):
        slope = change / (between * 100.0)
    velocity, spans = np.full(len(made), np.nan), np.full(len(made), np.nan)
    places = known["place"].to_numpy(dtype=int)
    velocity[places], spans[places] = slope, np.where(np.isnan(slope), np.nan, between)
    made["velocity"], made["velocity_days"] = velocity, spans
    made["velocity_band"] = pd.Series(velocity_band(velocity, edges), made.index, dtype=object)
    return made


def velocity_band(velocity: Sequence[float] | np.ndarray, edges: Sequence[float] = EDGES) -> np.ndarray:
    """Band of each velocity; None for NaN.

    >>> velocity_band([-0.5, -0.2, 0.0, 0.2, 0.5, float("nan")]).tolist()
    ['declining-fast', 'declining', 'stable', 'improving', 'improving-fast', None]
    """
    values = np.asarray(velocity, dtype=float)
    falling, rising = np.array(edges[:2]), np.array(edges[2:])
    # Falling borders belong to the band below them, rising ones to the band above.
    place = np.searchsorted(falling, values, side="left") + np.searchsorted(rising, values, side="right")
    named = np.array([*NAMES, None], dtype=object)
    return np.asarray(named[np.where(np.isnan(values), len(NAMES), place)])


def reading_of_movement(band: str, velocity: str | None, document: Mapping[str, Any]) -> str | None:
    """What a band and a movement say together; None when nothing in particular.

    Args:
        band: name of the band.
        velocity: one of `NAMES`, None when it is not known.
        document: the config; which of its bands are red, yellow and green, `churnbench.domain.bands` says.

    Returns:
        "recovery possible" (red and improving fast), "urgent" (yellow and declining fast) or "early warning" (green
        and declining).
    """
    return _SAID.get((roles_of(document).get(band, ""), velocity or ""))


def _base(known: pd.DataFrame, days: int) -> pd.DataFrame:
    """The reading that each one is compared with: its score, and days since; NaN where there is none."""
    span = pd.Timedelta(days=days)
    left = known[["account", "as_of", "place"]].assign(at=known["as_of"] - span).sort_values("at", kind="stable")
    right = known[["account", "as_of", "x100"]].rename(columns={"as_of": "then"}).sort_values("then", kind="stable")
    earlier = pd.merge_asof(left, right, left_on="at", right_on="then", by="account", tolerance=span)
    inside = pd.merge_asof(left, right, left_on="at", right_on="then", by="account", direction="forward")
    first = inside["then"] < inside["as_of"]  # not the reading itself
    use = earlier["then"].isna() & first
    then = earlier["then"].where(~use, inside["then"])
    score = earlier["x100"].where(~use, inside["x100"])
    found = pd.DataFrame({"x100": score, "days": (earlier["as_of"] - then).dt.days.astype(float)})
    found.index = pd.Index(earlier["place"])
    return found.loc[known["place"]]
