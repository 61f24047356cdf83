"""What a compound metric is: two conditions that count when both are met, as an ordinary boolean metric."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from churnbench.calibration.hand_curve import HandCurve
from churnbench.domain.formula_spec import MetricSpec, Normaliser

_ID_LENGTH = 63


@dataclass(frozen=True, eq=False)
class Condition:
    """One side of a compound. A missing value never meets it.

    Attributes:
        curve: how the metric is read from a frame.
        label: what people call the metric.
        at_least: True for "value >= limit", False for "value < limit".
        limit: metric units; the code of a category.
    """

    curve: HandCurve
    label: str
    at_least: bool
    limit: float

    def met(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each row meets it, bool (rows,)."""
        return self.holds(self.curve.values(frame))

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Whether values on the metric's numeric axis meet it; NaN does not."""
        with np.errstate(invalid="ignore"):
            return np.asarray(values >= self.limit if self.at_least else values < self.limit)

    @property
    def text(self) -> str:
        """In words: "logins below 2", "contract is one of Monthly, Yearly", "sponsor is false"."""
        if self.curve.categories is not None:
            names = [text for text, code in self.curve.categories.items() if (code >= self.limit) == self.at_least]
            return f"{self.label} is {names[0]}" if len(names) == 1 else f"{self.label} is one of {', '.join(names)}"
        if self.curve.rule["kind"] == "boolean":
            return f"{self.label} is {'true' if self.at_least else 'false'}"
        return f"{self.label} {'at least' if self.at_least else 'below'} {self.limit:.12g}"

    @property
    def key(self) -> str:
        """For an id: metric, side and limit in lower-case letters, digits and underscores."""
        limit = f"{self.limit:.12g}".replace("-", "minus_")
        return re.sub(r"[^a-z0-9]+", "_", f"{self.curve.metric}_{'from' if self.at_least else 'below'}_{limit}".lower())


@dataclass(frozen=True, eq=False)
class Compound:
    """Two conditions that count when both are met: an ordinary boolean metric.

    Attributes:
        conditions: the two sides, on different metrics.
        dimension: dimension it would be listed in: that of the first condition's metric.
        raises_risk: whether accounts that meet it churn more than the additive formula says.
        statistic: score-test gain divided by the design effect, when it was chosen.
    """

    conditions: tuple[Condition, Condition]
    dimension: str
    raises_risk: bool
    statistic: float

    @cached_property
    def id(self) -> str:
        """Metric id, the same for the same conditions; a config allows 63 characters."""
        whole = "_and_".join(condition.key for condition in self.conditions)
        if len(whole) <= _ID_LENGTH and whole[0].isalpha():
            return whole
        return f"c_{whole[: _ID_LENGTH - 11]}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"

    @property
    def text(self) -> str:
        """In words: "logins below 2 and tickets at least 4"."""
        return " and ".join(condition.text for condition in self.conditions)

    def column(self, frame: pd.DataFrame) -> np.ndarray:
        """1.0 where both conditions are met, else 0.0 (rows,); a missing value meets nothing."""
        return np.asarray(self.conditions[0].met(frame) & self.conditions[1].met(frame), dtype=float)

    def metric(self, weight: float) -> MetricSpec:
        """The compound as a declared metric."""
        return MetricSpec(
            self.id,
            self.dimension,
            weight,
            direction="lower_is_healthier" if self.raises_risk else "higher_is_healthier",
            normalise=Normaliser("boolean"),
            label=self.text,
        )
