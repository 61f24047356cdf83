"""How well columns rank churners at different times before they leave.

A true warning fades slowly with the lead time. A footprint of leaving (account closed, data exported) shows
in the last days only; a value filled in afterwards shows exactly as far back as somebody filled it, which is
the outcome window. Both are cliffs in AUC by lead time, and both pass a plain alarm on the column's AUC.

Cases are all snapshots of churned accounts, labelled or too late to act, by days until the churn; controls
are labelled snapshots of accounts without an event for 180 days, weighted to the cases' mix of as-of dates.
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
from churnbench.metrics.discrimination import auc
from churnbench.metrics.ranked import rank, replicate_auc

Floats = npt.NDArray[np.float64]

#: Distinct churned accounts needed on each side of a boundary.
MIN_CASES = 20
#: Days without an event that make a control.
CLEAR_DAYS = 180
#: Lead times of the profile in days, `(from, to]`.
BUCKETS = ((0, 30), (30, 60), (60, 90), (90, 180))
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
    boundaries = [cliff for cliff in cliffs(window) if _enough(context, cliff)]
    z = float(stats.norm.isf(ALARM_RATE / (max(1, len(boundaries)) * (len(context.cohort.metrics) + 1))))
    for name in context.cohort.metrics:
        column = context.sample[name]
        if boundaries and pd.api.types.is_numeric_dtype(column):
            found += _falls(context, f"`{name}`", name, column.to_numpy(dtype=np.float64), boundaries, z)
    # Trees on all columns find what is spread over several; beside an accused column they add no news.
    if boundaries and not found and context.model_risk is not None:
        found += _falls(context, "A model of all columns", "model", context.model_risk, boundaries, z)
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
    profile = [(bucket, _match(context, column.to_numpy(dtype=np.float64), bucket)) for bucket in BUCKETS]
    known = [(bucket, match.auc) for bucket, match in profile if match is not None]
    if len(known) < 2:
        return ""
    sign = 1.0 if known[0][1] >= 0.5 else -1.0
    parts = [f"{figure(0.5 + sign * (value - 0.5))} at {low}-{high} days" for (low, high), value in known]
    return f"By days before churn its AUC is {', '.join(parts)}. "


def _falls(
    context: CheckContext, subject: str, place: str, risk: Floats, boundaries: list[Cliff], z: float
) -> list[Finding]:
    """The boundary across which one column falls farthest, if it falls too far at any."""
    found: list[tuple[float, str]] = []
    for cliff in boundaries:
        near, far = (_match(context, risk, bucket) for bucket in (cliff.near, cliff.far))
        if near is None or far is None:
            continue
        sign = 1.0 if near.auc >= 0.5 else -1.0
        fall = sign * (near.auc - far.auc)
        # Resampling is the dear part: only falls that matter are put to the test.
        if fall > cliff.limit and fall - z * _spread(context, near, far) > cliff.limit / 3.0:
            near_figure, far_figure = (figure(0.5 + sign * (side.auc - 0.5)) for side in (near, far))
            detail = (
                f"{subject} predicts churn {cliff.near[0]}-{cliff.near[1]} days before it happens with "
                f"AUC {near_figure} and {cliff.far[0]}-{cliff.far[1]} days before with {far_figure}. "
                f"{cliff.meaning} Please look at when it is recorded.{context.sampled}"
            )
            found.append((fall, detail))
    return [Finding(f"lead-cliff:{place}", "review", max(found)[1])] if found else []


def _days(context: CheckContext) -> Floats:
    """Days from the as-of date until the churn, NaN when none is known."""
    lead = context.sample["churned_on"] - context.sample["as_of"]
    return np.asarray(lead.dt.total_seconds().to_numpy(dtype=np.float64) / 86_400.0)


def _enough(context: CheckContext, cliff: Cliff) -> bool:
    """Whether both sides have enough churned accounts."""
    days = _days(context)
    return all(
        len(np.unique(context.codes[(days > low) & (days <= high)])) >= MIN_CASES
        for low, high in (cliff.near, cliff.far)
    )


@dataclass(frozen=True, eq=False)
class _Match:
    """Cases at one lead time and controls of the same as-of dates.

    Attributes:
        rows: which sampled rows are used.
        outcome: 1 for cases, 0 for controls.
        risk: value of the column, of the rows used.
        weight: 1 for cases; controls are weighted to the cases' mix of as-of dates.
    """

    rows: npt.NDArray[np.bool_]
    outcome: Floats
    risk: Floats
    weight: Floats

    @property
    def auc(self) -> float:
        """AUC of cases against controls."""
        return auc(self.outcome, self.risk, weights=self.weight)


def _match(context: CheckContext, risk: Floats, bucket: tuple[int, int]) -> _Match | None:
    """Cases and controls for one lead time; `None` with fewer than `MIN_CASES` churned accounts."""
    days, frame = _days(context), context.sample
    known = ~np.isnan(risk)
    case = known & (days > bucket[0]) & (days <= bucket[1])
    control = known & (frame["status"] == "labelled").to_numpy() & ~(days <= max(CLEAR_DAYS, bucket[1]))
    clear_until = frame["as_of"] + pd.Timedelta(days=CLEAR_DAYS)
    through = context.cohort.data_through or frame["as_of"].max()
    watched = control & (clear_until <= pd.Timestamp(through)).to_numpy()
    # Short histories: a mature label without an event has to do.
    control = watched if watched.sum() >= control.sum() / 2.0 else control
    snapshot = pd.factorize(frame["as_of"])[0]
    size = int(snapshot.max()) + 1
    cases = np.bincount(snapshot[case], minlength=size)
    controls = np.bincount(snapshot[control], minlength=size)
    case &= controls[snapshot] > 0
    if len(np.unique(context.codes[case])) < MIN_CASES:
        return None
    share = np.divide(cases, controls, out=np.zeros(size), where=controls > 0)
    weight = np.where(case, 1.0, share[snapshot])
    rows = case | (control & (weight > 0.0))
    return _Match(rows, case[rows].astype(np.float64), risk[rows], weight[rows])


def _spread(context: CheckContext, near: _Match, far: _Match) -> float:
    """Standard deviation of the fall in AUC over resampled accounts."""
    sides = []
    for side in (near, far):
        ranked = rank(side.outcome, side.risk, context.codes[side.rows], context.bootstrap.size, weight=side.weight)
        sides.append(np.concatenate([replicate_auc(cells) for _, cells in ranked.chunks(context.bootstrap)]))
    return float(np.nanstd(sides[0] - sides[1], ddof=1))
