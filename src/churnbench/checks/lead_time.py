"""How well columns rank churners at different times before they leave.

A true warning fades slowly with the lead time. A footprint of leaving (account closed, data exported) shows
in the last days only; a value filled in afterwards shows exactly as far back as somebody filled it, which is
the outcome window. Both are cliffs in AUC by lead time, and both pass a plain alarm on the column's AUC.

Cases and controls are those of `leadlag.matching`, with controls in the cases' mix of as-of dates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from churnbench.checks.context import CheckContext, figure
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.findings import Finding
from churnbench.leadlag.matching import BUCKETS, CLEAR_DAYS, MIN_CASES, Matched, Panel, days_until
from churnbench.metrics.discrimination import auc
from churnbench.metrics.ranked import rank, replicate_auc

Floats = npt.NDArray[np.float64]

#: One-sided error over all columns and boundaries of a review together, by Bonferroni.
ALARM_RATE = 0.01


@dataclass(frozen=True)
class Cliff:
    """A boundary in lead time across which an AUC may fall.

    Attributes:
        near: `(from, to]` days before churn on the side of the churn.
        far: the same on the other side.
        limit: largest fall that passes for fading.
        meaning: what a larger fall suggests.
    """

    near: tuple[int, int]
    far: tuple[int, int]
    limit: float
    meaning: str


def cliffs(window: OutcomeWindow) -> tuple[Cliff, ...]:
    """Boundaries between a month and the month before it: every 30 days to 180, and the window's end.

    >>> [cliff.near[1] for cliff in cliffs(OutcomeWindow(gap_days=14, horizon_days=90))]
    [30, 60, 90, 104, 120, 150, 180]
    """
    end = window.gap_days + window.horizon_days
    found = [Cliff((0, 30), (30, 60), 0.15, "It looks like a footprint of leaving, not a warning.")]
    for edge in sorted({*range(60, CLEAR_DAYS + 1, 30), max(end, 60)}):
        meaning = (
            "It knows where the outcome window ends: it looks filled in after the outcome was known."
            if edge == end
            else f"A warning fades slowly; this looks filled in afterwards, about {edge} days back."
        )
        found.append(Cliff((edge - 30, edge), (edge, edge + 30), 0.10, meaning))
    return tuple(found)


def check_lead_cliff(context: CheckContext) -> list[Finding]:
    """AUC of each column, and of small trees on all, must not fall off a cliff by lead time: review.

    A fall counts when it exceeds .15 at 30 days or .10 at a later boundary (see `cliffs`), AND its lower
    confidence limit (accounts resampled, Bonferroni over columns and boundaries) exceeds a third of that.
    At least 20 churned accounts are needed on each side.
    """
    window = context.cohort.window
    if not context.cohort.dated or window is None:
        return [Finding("lead-cliff", "ok", "Not applicable: the table has no dates.")]
    found: list[Finding] = []
    panel = _panel(context)
    boundaries = [cliff for cliff in cliffs(window) if _enough(panel, cliff)]
    z = float(stats.norm.isf(ALARM_RATE / (max(1, len(boundaries)) * (len(context.cohort.metrics) + 1))))
    test = _CliffTest(context, panel, boundaries, z)
    for name in context.cohort.metrics:
        column = context.sample[name]
        if boundaries and pd.api.types.is_numeric_dtype(column):
            found += test.falls(f"`{name}`", name, column.to_numpy(dtype=np.float64))
    # Trees on all columns find what is spread over several; beside an accused column they add no news.
    if boundaries and not found and context.model_risk is not None:
        found += test.falls("A model of all columns", "model", context.model_risk)
    if found:
        return found
    if not boundaries:
        detail = f"Not computed: it needs {MIN_CASES} churned accounts with snapshots on both sides of a boundary."
    else:
        detail = f"No column ranks churners suddenly better close to the churn.{context.sampled}"
    return [Finding("lead-cliff", "ok", detail)]


def lead_sentence(context: CheckContext, name: str) -> str:
    """AUC of a column by lead time as a sentence that ends in a space; empty when it cannot be computed."""
    column = context.sample[name]
    if not context.cohort.dated or not pd.api.types.is_numeric_dtype(column):
        return ""
    risk, panel = column.to_numpy(dtype=np.float64), _panel(context)
    known = [(bucket, side.auc) for bucket in BUCKETS if (side := _side(panel, risk, bucket)) is not None]
    if len(known) < 2:
        return ""
    sign = 1.0 if known[0][1] >= 0.5 else -1.0
    parts = [f"{figure(0.5 + sign * (value - 0.5))} at {low}-{high} days" for (low, high), value in known]
    return f"By days before churn its AUC is {', '.join(parts)}. "


@dataclass(frozen=True, eq=False)
class _CliffTest:
    """Looks for falls of one column after the other.

    Attributes:
        context: what is checked.
        panel: cases and controls of the sample.
        boundaries: those with enough churned accounts on both sides.
        z: how many standard deviations a fall must exceed its limit by.
    """

    context: CheckContext
    panel: Panel
    boundaries: list[Cliff]
    z: float

    def falls(self, subject: str, place: str, risk: Floats) -> list[Finding]:
        """The boundary across which one column falls farthest, if it falls too far at any."""
        found: list[tuple[float, str]] = []
        sampled = self.context.sampled
        for cliff in self.boundaries:
            near, far = (_side(self.panel, risk, bucket) for bucket in (cliff.near, cliff.far))
            if near is None or far is None:
                continue
            sign = 1.0 if near.auc >= 0.5 else -1.0
            fall = sign * (near.auc - far.auc)
            # Resampling is the dear part: only falls that matter are put to the test.
            if fall > cliff.limit and fall - self.z * self._spread(near, far) > cliff.limit / 3.0:
                near_figure, far_figure = (figure(0.5 + sign * (side.auc - 0.5)) for side in (near, far))
                detail = (
                    f"{subject} predicts churn {cliff.near[0]}-{cliff.near[1]} days before it happens with "
                    f"AUC {near_figure} and {cliff.far[0]}-{cliff.far[1]} days before with {far_figure}. "
                    f"{cliff.meaning} Please look at when it is recorded.{sampled}"
                )
                found.append((fall, detail))
        return [Finding(f"lead-cliff:{place}", "review", max(found)[1])] if found else []

    def _spread(self, near: _Side, far: _Side) -> float:
        """Standard deviation of the fall in AUC over resampled accounts."""
        bootstrap = self.context.bootstrap
        sides = []
        for side in (near, far):
            codes = self.panel.codes[side.match.rows]
            ranked = rank(side.match.outcome, side.risk, codes, bootstrap.size, weight=side.match.weight)
            sides.append(np.concatenate([replicate_auc(cells) for _, cells in ranked.chunks(bootstrap)]))
        return float(np.nanstd(sides[0] - sides[1], ddof=1))


@dataclass(frozen=True, eq=False)
class _Side:
    """One side of a boundary: cases, controls and the column's values."""

    match: Matched
    risk: Floats
    auc: float


def _panel(context: CheckContext) -> Panel:
    """The sampled rows; all of them may be cases, labelled ones controls."""
    frame = context.sample
    through = pd.Timestamp(context.cohort.data_through or frame["as_of"].max())
    return Panel(
        codes=context.codes,
        days=days_until(frame["churned_on"], frame["as_of"]),
        group=np.asarray(pd.factorize(frame["as_of"])[0], dtype=np.int64),
        case=np.ones(len(frame), dtype=bool),
        control=(frame["status"] == "labelled").to_numpy(),
        watched=(frame["as_of"] + pd.Timedelta(days=CLEAR_DAYS) <= through).to_numpy(),
    )


def _side(panel: Panel, risk: Floats, bucket: tuple[int, int]) -> _Side | None:
    """Cases and controls for one lead time; `None` with too few churned accounts."""
    match = panel.match(~np.isnan(risk), bucket)
    if match is None:
        return None
    values = risk[match.rows]
    return _Side(match, values, auc(match.outcome, values, weights=match.weight))


def _enough(panel: Panel, cliff: Cliff) -> bool:
    """Whether both sides have enough churned accounts."""
    return all(panel.events(panel.within(bucket)) >= MIN_CASES for bucket in (cliff.near, cliff.far))
