"""The score of one account and its explanation."""

from __future__ import annotations

from math import floor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .plan import Term

    Dimensions = list[tuple[list[Term], str]]


class Score:
    """Score of one account. Fields are None where the account has too little data.

    Attributes:
        health_score_x100: what people see, 0..10000 hundredths of a point, high is healthy.
        band: band of that score, or the one in force where hysteresis holds it; or "insufficient-data".
        reading_band: band of that score by the thresholds alone.
        coverage_bp: share of the weight whose input is present, basis points.
        churn_probability: P(churn) by the config's risk curve, six decimals; None without a curve.
        raw_score: after ramp and caps, before the display map, 0..100, not rounded.
        raw_score_x100: the same in hundredths.
        total_score_x100: before ramp, caps and display map; contributions sum to it.
        caps: ids of the caps whose condition held, in order.
        stale: ids of metrics older than their validity period and flagged for it.
    """

    __slots__ = (
        "_dimension_values",
        "_dimensions",
        "_values",
        "_weights",
        "band",
        "caps",
        "churn_probability",
        "coverage_bp",
        "health_score_x100",
        "raw_score",
        "raw_score_x100",
        "reading_band",
        "stale",
        "total_score_x100",
    )

    def __init__(
        self,
        health: tuple[Any, ...],
        coverage: int,
        stale: tuple[str, ...],
        dimensions: Dimensions,
        weights: list[float],
        values: list[float | None],
        dimension_values: list[float | None],
    ) -> None:
        self.total_score_x100: int | None
        self.raw_score: float | None
        self.raw_score_x100: int | None
        self.health_score_x100: int | None
        self.band: str
        self.reading_band: str
        self.churn_probability: float | None
        self.caps: tuple[str, ...]
        (
            self.total_score_x100,
            self.raw_score,
            self.raw_score_x100,
            self.health_score_x100,
            self.band,
            self.reading_band,
            self.churn_probability,
            self.caps,
        ) = health
        self.coverage_bp = coverage
        self.stale = stale
        self._dimensions, self._weights = dimensions, weights
        self._values, self._dimension_values = values, dimension_values

    @property
    def dimension_scores_x100(self) -> dict[str, int | None]:
        """Dimension id -> its score in hundredths of a point, None when nothing of it counts."""
        return {
            name: None if value is None else floor(value * 100.0 + 0.5)
            for (_, name), value in zip(self._dimensions, self._dimension_values)
        }

    @property
    def dimension_scores(self) -> dict[str, float | None]:
        """Dimension id -> its score with two decimals, None when nothing of it counts."""
        return {name: None if value is None else value / 100.0 for name, value in self.dimension_scores_x100.items()}

    @property
    def metric_points(self) -> dict[str, float | None]:
        """Metric id -> its 0-100 points as counted (missing policy applied), None when skipped."""
        names = [term.metric for terms, _ in self._dimensions for term in terms]
        return dict(zip(names, self._values))

    @property
    def contributions(self) -> list[tuple[str, int, int]]:
        """`(metric id, points gained, points lost)` in hundredths, in the order of the config.

        Gained sums to total_score_x100, lost to 10000 minus it. Rounding is cumulative: each running sum
        is rounded half up and held at the total, and a metric gets the step; what is left of the total
        goes to the last metric that has a part in it.
        Skipped metrics have (0, 0). Empty when there is no score.
        """
        if self.total_score_x100 is None:
            return []
        total_weight = 0.0
        for weight, value in zip(self._weights, self._dimension_values):
            if value is not None:
                total_weight += weight
        gained: list[float] = []
        lost: list[float] = []
        names: list[str] = []
        values = iter(self._values)
        for (terms, _), weight in zip(self._dimensions, self._weights):
            points = [next(values) for _ in terms]
            present = 0.0
            for term, value in zip(terms, points):
                present += term.weight if value is not None else 0.0
            for term, value in zip(terms, points):
                names.append(term.metric)
                if value is None or not present:  # skipped, or alone with a weight of zero
                    gained.append(0.0)
                    lost.append(0.0)
                    continue
                share = (weight * term.weight) / (total_weight * present)
                gained.append(share * value * 100.0)
                lost.append(share * (100.0 - value) * 100.0 if value < 100.0 else 0.0)
        total = self.total_score_x100
        return list(zip(names, whole_steps(gained, total), whole_steps(lost, 10000 - total)))

    def as_dict(self) -> dict[str, Any]:
        """Every field as plain JSON data."""
        fields = [name for name in self.__slots__ if not name.startswith("_")]
        plain: dict[str, Any] = {name: getattr(self, name) for name in fields}
        plain["caps"], plain["stale"] = list(self.caps), list(self.stale)
        plain["dimension_scores"] = self.dimension_scores
        plain["contributions"] = [list(entry) for entry in self.contributions]
        return plain

    def __repr__(self) -> str:
        return (
            f"Score(health_score_x100={self.health_score_x100}, band={self.band!r}, "
            f"coverage_bp={self.coverage_bp}, churn_probability={self.churn_probability})"
        )


def whole_steps(parts: list[float], total: int) -> list[int]:
    """Integers >= 0 that sum to `total` and follow the running sum of `parts`.

    Example:
        >>> whole_steps([33.4, 33.4, 33.2], 100)
        [33, 34, 33]
    """
    steps: list[int] = []
    running, reached, last = 0.0, 0, 0
    for position, part in enumerate(parts):
        running += part
        mark = floor(running + 0.5)
        mark = mark if mark < total else total
        steps.append(mark - reached)
        reached = mark
        if part > 0.0:
            last = position
    steps[last] += total - reached
    return steps
