"""Does churn fall short of what was expected only beyond a cut-off, and only since a playbook began?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.cohort import OutcomeWindow
from churnbench.interventions.log import InterventionLog
from churnbench.metrics import AccountBootstrap, Estimate, percentile_estimate
from churnbench.metrics.reliability import expit, fit_recalibration

Floats = npt.NDArray[np.float64]

#: Churned accounts needed before the start, to know what to expect, and expected ones after it.
MIN_EVENTS = 10
#: Playbooks that reached fewer accounts cannot move a band.
MIN_TREATED = 10
#: Groups of equal size by score, in which the cut-off of care is looked for.
GROUPS = 10


@dataclass(frozen=True)
class Drop:
    """Observed over expected churn since a playbook began, against before.

    Attributes:
        kind: the playbook.
        began: its first day.
        beyond, other: observed/expected after the start over the same before it, beyond the cut-off and elsewhere.
        contrast: the first over the second; below 1 when churn fell short beyond the cut-off only.
        obstacle: why nothing can be said, or None.
    """

    kind: str
    began: pd.Timestamp
    beyond: Estimate
    other: Estimate
    contrast: Estimate
    obstacle: str | None = None

    @property
    def found(self) -> bool:
        """Whether churn fell beyond the cut-off outside the 90 % interval, and elsewhere less and not beyond noise."""
        if self.beyond.high is None or self.other.high is None or self.contrast.value is None:
            return False
        return self.beyond.high < 1.0 <= self.other.high and self.contrast.value < 1.0

    def as_json(self) -> dict[str, Any]:
        """For the evidence."""
        return {
            "kind": self.kind,
            "began": f"{self.began:%Y-%m-%d}",
            "beyond": self.beyond.as_json(),
            "other": self.other.as_json(),
            "contrast": self.contrast.as_json(),
            "found": self.found,
            "obstacle": self.obstacle,
        }

    def warning(self, where: str) -> str:
        """The finding as a sentence; `where` names the side beyond the cut-off."""
        return (
            f"Since '{self.kind}' began on {self.began:%Y-%m-%d}, churn fell to {self.beyond.value:.0%} of what was "
            f"expected {where} (90 % interval {self.beyond.low:.0%} to {self.beyond.high:.0%}), and less or not at "
            f"all elsewhere ({self.other.value:.0%}). This looks like a playbook that works, not like a "
            "score that fails: do not lower the weights or move the cut-off because of it."
        )


def sides_of_care(index: npt.ArrayLike, treated: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where the treatments are, by score: beyond the cut-off of care, and clearly elsewhere.

    Rows fall into ten groups of equal size by score. From the riskiest group on, groups treated at least half as often
    as the most treated one lie beyond the cut-off; groups treated less than a quarter as often lie elsewhere. What is
    between belongs to neither. Outcomes play no part.

    Args:
        index: shape (n,), higher is riskier.
        treated: shape (n,), bool.

    Returns:
        Two masks of shape (n,).
    """
    risk, begun = np.asarray(index, dtype=float), np.asarray(treated, dtype=bool)
    group = pd.Series(-risk).rank(method="first").sub(1).mul(GROUPS).floordiv(max(len(risk), 1)).astype(int)
    share = pd.Series(begun.astype(float)).groupby(group).mean().reindex(range(GROUPS), fill_value=0.0).to_numpy()
    often, seldom = share >= share.max() / 2.0, share < share.max() / 4.0
    beyond = np.cumprod(often).astype(bool) if often[0] else often
    place = group.to_numpy()
    return (begun.any() & beyond)[place], seldom[place]


def drops(
    rows: pd.DataFrame,
    index: npt.ArrayLike,
    sides: tuple[npt.ArrayLike, npt.ArrayLike],
    log: InterventionLog,
    window: OutcomeWindow,
    bootstrap: AccountBootstrap,
) -> list[Drop]:
    """One finding per playbook that reached at least ten accounts.

    What to expect is a logistic curve of the score, fitted on rows whose window closed before the playbook began.

    Args:
        rows: account_id, as_of, y; n labelled rows.
        index: shape (n,), any real numbers, higher is riskier; not fitted on these rows' outcomes.
        sides: from `sides_of_care`: rows beyond the cut-off of care and rows elsewhere, each of shape (n,), bool.
        log: the interventions.
        window: gap and horizon.
        bootstrap: resamples of the accounts of these rows.
    """
    risk = np.asarray(index, dtype=float)
    masks = (np.asarray(sides[0], dtype=bool), np.asarray(sides[1], dtype=bool))
    return [_drop(rows, risk, masks, str(kind), began, window, bootstrap) for kind, began in _playbooks(log)]


def _playbooks(log: InterventionLog) -> Iterable[tuple[str, pd.Timestamp]]:
    for kind, entries in log.treatments.groupby("kind"):
        if entries["account_id"].nunique() >= MIN_TREATED:
            yield str(kind), entries["started_on"].min()


def _drop(
    rows: pd.DataFrame,
    risk: Floats,
    sides: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    kind: str,
    began: pd.Timestamp,
    window: OutcomeWindow,
    bootstrap: AccountBootstrap,
) -> Drop:
    y = rows["y"].to_numpy(dtype=float)
    closed = rows["as_of"] + pd.Timedelta(days=window.gap_days + window.horizon_days)
    before = (closed < began).to_numpy()
    after = (rows["as_of"] >= began - pd.Timedelta(days=window.gap_days)).to_numpy()
    churned = int(rows.loc[before & (y == 1), "account_id"].nunique())
    fitted = fit_recalibration(y[before], risk[before], np.ones(int(before.sum()))) if churned >= MIN_EVENTS else None
    if fitted is None:
        return _untold(
            kind,
            began,
            f"Before '{kind}' began on {began:%Y-%m-%d}, {churned} churned accounts had been settled; at least "
            f"{MIN_EVENTS} are needed to know what to expect.",
        )
    expected = expit(fitted[0] + fitted[1] * risk)
    parts = [(when & there) for there in sides for when in (before, after)]
    if min(float(expected[part].sum()) for part in parts) < MIN_EVENTS / 2:
        return _untold(kind, began, "Too few churned accounts are expected on one side of the cut-off.")
    codes = bootstrap.row_codes(rows["account_id"].to_numpy(dtype=object), len(rows))
    columns = [values * part for part in parts for values in (y, expected)]
    whole = _ratios(np.array([[column.sum() for column in columns]]))[0]
    drawn = _ratios(bootstrap.totals(bootstrap.by_account(codes, *columns)))
    beyond, other, contrast = (percentile_estimate(float(whole[k]), drawn[:, k]) for k in range(3))
    return Drop(kind, began, beyond, other, contrast)


def _untold(kind: str, began: pd.Timestamp, why: str) -> Drop:
    empty = Estimate(None)
    return Drop(kind, began, empty, empty, empty, why)


def _ratios(sums: Floats) -> Floats:
    """Beyond, elsewhere and their quotient from sums of (observed, expected) before and after on both sides."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = sums[:, 0::2] / sums[:, 1::2]
        beyond, other = share[:, 1] / share[:, 0], share[:, 3] / share[:, 2]
        return np.column_stack([beyond, other, beyond / other])
