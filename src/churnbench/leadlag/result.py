"""What a lead-lag analysis found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from churnbench.leadlag.matching import CLEAR_DAYS, MIN_CASES
from churnbench.metrics import Estimate

Kind = Literal["metric", "dimension", "formula"]
Timing = Literal["leading", "coincident", "footprint", "weak", "none", "not-enough-events"]

#: What each class means, for people.
MEANINGS: dict[str, str] = {
    "leading": "ranks churners 60 days or more before they leave",
    "coincident": "ranks churners 30 to 60 days before they leave, not shown earlier",
    "footprint": "ranks churners in the last 30 days only: too late to act on, or a trace of leaving",
    "weak": "ranks churners, but too weakly or too evenly to say from when on",
    "none": "not shown to rank churners at any lead time",
    "not-enough-events": f"fewer than {MIN_CASES} churned accounts at a lead time that decides",
}


@dataclass(frozen=True)
class LeadTime:
    """How well one signal ranks churners so many days before they leave.

    Attributes:
        low_days: the lead time is more than this many days,
        high_days: and at most so many.
        events: distinct churned accounts behind it.
        auc: cases against matched controls, 0-1; above .5 is risk in the declared direction. Undefined with
            fewer than `MIN_CASES` churned accounts.
        p_value: one-sided, against .5 in the declared direction; doubled where the direction was proposed from
            data. `None` when undefined.
        significant: whether it survives Benjamini-Hochberg, in either direction.
    """

    low_days: int
    high_days: int
    events: int
    auc: Estimate
    p_value: float | None = None
    significant: bool = False

    def as_json(self) -> dict[str, Any]:
        """As the evidence holds it."""
        return {
            "from": self.low_days,
            "to": self.high_days,
            "events": self.events,
            "auc": rounded(self.auc),
            "p": self.p_value,
            "significant": self.significant,
        }


@dataclass(frozen=True)
class StudyPoint:
    """Churners against matched accounts that stayed, so many days before the churn.

    Attributes:
        low_days: more than this many days before the churn,
        high_days: and at most so many.
        events: distinct churned accounts behind it.
        difference: mean of churners minus mean of the others, in standard deviations of the others; below 0 is
            less healthy in the declared direction.
    """

    low_days: int
    high_days: int
    events: int
    difference: Estimate

    def as_json(self) -> dict[str, Any]:
        """As the evidence holds it."""
        return {
            "from": self.low_days,
            "to": self.high_days,
            "events": self.events,
            "difference": rounded(self.difference),
        }


@dataclass(frozen=True)
class Movement:
    """Whether churners moved away from the others in the year before the churn, and when.

    Attributes:
        size: their distance in the last 90 days minus that 240 to 360 days before the churn, in standard
            deviations of the others; below 0 they became less healthy in the declared direction.
        half_days: days before the churn since when at least half of that had happened; `None` when the size
            may be 0.
    """

    size: Estimate
    half_days: Estimate | None

    def as_json(self) -> dict[str, Any]:
        """As the evidence holds it."""
        return {
            "size": rounded(self.size),
            "half_days": None if self.half_days is None else rounded(self.half_days, 1),
        }


@dataclass(frozen=True)
class Profile:
    """One signal over all lead times.

    Attributes:
        id: metric, dimension or formula.
        label: for people.
        kind: what it is.
        dimension: of a metric; `None` otherwise.
        direction: declared direction.
        declared: false when the direction was proposed from data.
        declared_leading: what its owner believes; `None` when not said.
        timing: the class.
        against: whether the data contradict the declared direction; the class then holds for the other one.
        lead_times: one entry per bucket, nearest to the churn first.
        study: one entry per 30 days, nearest to the churn first.
        movement: what the study comes to; `None` when it does not reach back far enough.
    """

    id: str
    label: str
    kind: Kind
    dimension: str | None
    direction: str
    declared: bool
    declared_leading: bool | None
    timing: Timing
    against: bool
    lead_times: tuple[LeadTime, ...]
    study: tuple[StudyPoint, ...]
    movement: Movement | None

    def as_json(self) -> dict[str, Any]:
        """As the evidence holds it."""
        return {
            "id": self.id,
            "label": self.label,
            "kind": self.kind,
            "dimension": self.dimension,
            "direction": self.direction,
            "direction_declared": self.declared,
            "declared_leading": self.declared_leading,
            "class": self.timing,
            "against_direction": self.against,
            "buckets": [one.as_json() for one in self.lead_times],
            "study": [one.as_json() for one in self.study],
            "movement": None if self.movement is None else self.movement.as_json(),
        }


@dataclass(frozen=True)
class Alert:
    """How long before the churn a formula's lowest band began to warn.

    An alert is sustained from the first of two consecutive readings in the lowest band.

    Attributes:
        band: the lowest band.
        look_back_days: an alert that began earlier before the churn is not credited.
        churned: churned accounts with two readings in that time.
        warned: those with a sustained alert.
        days: quartiles of the days from the first sustained alert to the churn, over those warned; `None`
            without any.
        at_least: `(days, share)`: share of the churned warned so many days ahead, with its interval.
        others: share of matched accounts that stayed with a sustained alert in as long a time; what an alert
            is worth shows only beside it.
    """

    band: str
    look_back_days: int
    churned: int
    warned: int
    days: tuple[float, float, float] | None
    at_least: tuple[tuple[int, Estimate], ...]
    others: Estimate

    def as_json(self) -> dict[str, Any]:
        """As the evidence holds it."""
        return {
            "band": self.band,
            "look_back_days": self.look_back_days,
            "churned": self.churned,
            "warned": self.warned,
            "days": None if self.days is None else dict(zip(("q25", "median", "q75"), self.days, strict=True)),
            "at_least": [{"days": days, "share": rounded(share)} for days, share in self.at_least],
            "others": rounded(self.others),
        }


@dataclass(frozen=True)
class LeadLag:
    """Which signals move before churn, with it, or after it.

    Attributes:
        until: what was known on this date was used, nothing later.
        accounts: accounts looked at.
        rows: snapshots looked at.
        churned: churned accounts among them.
        sampled: a sentence when whole accounts were drawn at random, else empty.
        controls_watched: whether every control was watched for 180 days; else some only until their label
            was mature.
        left_out: signals that could not be ranked, with the reason.
        profiles: one per signal in the order given.
        alert: of the formula whose lowest band was given; `None` without it.
    """

    until: pd.Timestamp
    accounts: int
    rows: int
    churned: int
    sampled: str
    controls_watched: bool
    left_out: tuple[tuple[str, str], ...]
    profiles: tuple[Profile, ...]
    alert: Alert | None

    def table(self) -> pd.DataFrame:
        """One row per signal: class; per lead time events, AUC with its 90 % interval, significance; movement."""
        rows = [_row(profile) for profile in self.profiles]
        return pd.DataFrame(rows, index=pd.Index([profile.id for profile in self.profiles], name="signal"))

    def study_table(self) -> pd.DataFrame:
        """One row per signal and 30 days: difference between churners and the others with its interval."""
        return pd.DataFrame(
            [
                {
                    "signal": profile.id,
                    "days": f"{point.low_days}-{point.high_days}",
                    "events": point.events,
                    "difference": point.difference.value,
                    "low": point.difference.low,
                    "high": point.difference.high,
                }
                for profile in self.profiles
                for point in profile.study
            ]
        )

    def named(self, timing: Timing, *, kind: Kind = "metric") -> tuple[str, ...]:
        """Ids of the signals of one class."""
        return tuple(one.id for one in self.profiles if one.timing == timing and one.kind == kind)

    def as_json(self) -> dict[str, Any]:
        """The `lead_lag` section of the evidence."""
        return {
            "until": f"{self.until:%Y-%m-%d}",
            "accounts": self.accounts,
            "rows": self.rows,
            "churned": self.churned,
            "sampled": self.sampled,
            "clear_days": CLEAR_DAYS,
            "controls_watched": self.controls_watched,
            "min_events": MIN_CASES,
            "left_out": [{"id": name, "reason": reason} for name, reason in self.left_out],
            "signals": [profile.as_json() for profile in self.profiles],
            "alert": None if self.alert is None else self.alert.as_json(),
        }


def _row(profile: Profile) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": profile.kind,
        "class": profile.timing,
        "against_direction": profile.against,
    }
    for one in profile.lead_times:
        days = f"{one.low_days}_{one.high_days}"
        row |= {
            f"events_{days}": one.events,
            f"auc_{days}": one.auc.value,
            f"low_{days}": one.auc.low,
            f"high_{days}": one.auc.high,
            f"significant_{days}": one.significant,
        }
    half = None if profile.movement is None else profile.movement.half_days
    row["moved"] = None if profile.movement is None else profile.movement.size.value
    row["half_days"] = None if half is None else half.value
    return row


def rounded(estimate: Estimate, decimals: int = 4) -> dict[str, Any]:
    """`{"value", "ci90"}` with few decimals: the page shows three, and there are many of them."""

    def few(numbers: Sequence[float] | None) -> list[float] | None:
        return None if numbers is None else [round(number, decimals) for number in numbers]

    found = estimate.as_json()
    value = few(None if found["value"] is None else [found["value"]])
    return {"value": None if value is None else value[0], "ci90": few(found["ci90"])}
