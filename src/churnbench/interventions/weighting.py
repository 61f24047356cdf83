"""Inverse-probability weights: rows that met no treatment stand for those like them that did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

#: Largest weight of a row before normalising; beyond it one account would speak for twenty.
CLIP = 20.0
#: Weights are used when no more than this share of the treated rows was treated with an unknown propensity.
MAX_UNKNOWN = 0.05
#: Fewer untreated accounts among those that a decision was made on cannot stand for the treated ones.
MIN_STANDING_IN = 10


@dataclass(frozen=True, eq=False)
class UntreatedWeights:
    """Weights that make rows without a treatment stand for all rows.

    Attributes:
        weight: shape (n,), 0 for treated rows; the mean over all rows is 1.
        rows: n.
        treated_rows: rows that a treatment took out.
        unknown_share: share of the treated rows with an unknown propensity on the way, 0-1; NaN without treated rows.
        standing_in: distinct accounts with weight that a decision was made on, and that were left alone.
        lowest: smallest known probability of meeting no treatment among the rows used, 0-1.
        certain: rows that were treated with probability one: nobody stands for them.
        clipped: rows whose weight was cut at `CLIP`.
        effective_rows, effective_events: (sum w)^2 / sum w^2 over the rows, and over the churned rows.
    """

    weight: Floats
    rows: int
    treated_rows: int
    unknown_share: float
    standing_in: int
    lowest: float
    certain: int
    clipped: int
    effective_rows: float
    effective_events: float

    @property
    def obstacle(self) -> str | None:
        """Why the weights must not be used, as a sentence; None when they may."""
        if self.treated_rows == 0:
            return "No snapshot met a treatment inside its outcome window; there is nothing to weigh."
        if self.unknown_share > MAX_UNKNOWN:
            return (
                f"{self.unknown_share:.0%} of the treated snapshots were treated with a probability that nobody knows; "
                f"weights need it for all but {MAX_UNKNOWN:.0%}."
            )
        if self.certain:
            return (
                f"{self.certain} snapshots met a treatment that was certain (propensity 1): no account was left alone "
                "that could stand for them."
            )
        if self.standing_in < MIN_STANDING_IN:
            return (
                f"Only {self.standing_in} accounts that a coin was thrown for were left alone; at least "
                f"{MIN_STANDING_IN} are needed to stand for the treated ones."
            )
        return None

    def as_json(self) -> dict[str, Any]:
        """For the evidence; numbers that do not exist are null."""
        return {
            "usable": self.obstacle is None,
            "obstacle": self.obstacle,
            "rows": self.rows,
            "treated_rows": self.treated_rows,
            "unknown_share": None if np.isnan(self.unknown_share) else self.unknown_share,
            "standing_in": self.standing_in,
            "lowest_probability_of_no_treatment": self.lowest,
            "clip": CLIP,
            "clipped_rows": self.clipped,
            "effective_rows": self.effective_rows,
            "effective_events": self.effective_events,
        }


def untreated_weights(exposed: pd.DataFrame, rows: pd.DataFrame) -> UntreatedWeights:
    """Stabilised and clipped weights for the risk of rows if nobody intervened inside their window.

    A row that met no treatment gets 1 / stay; the stabilising factor is the share of rows without a treatment, the
    same for all, so that the weights have mean 1 and the mix of accounts stays that of all rows.

    Args:
        exposed: from `exposure`, n rows.
        rows: account_id and y of the same rows.

    Source: Hernan & Robins 2020, Causal Inference: What If, chapter 12; clipping as Cole & Hernan 2008,
        doi:10.1093/aje/kwn164.
    """
    treated = exposed["treated"].to_numpy(dtype=bool)
    unknown = exposed["unknown"].to_numpy(dtype=bool)
    stay = exposed["stay"].to_numpy(dtype=float)
    used = ~treated & ~unknown & (stay > 0.0)
    raw = np.divide(1.0, stay, out=np.zeros(len(stay)), where=used)
    values = np.minimum(raw, CLIP)
    mean = values.mean() if len(values) else 0.0
    values = values / mean if mean > 0 else values
    decided = used & (exposed["decisions"].to_numpy() > 0)
    return UntreatedWeights(
        weight=values,
        rows=len(values),
        treated_rows=int(treated.sum()),
        unknown_share=float(unknown[treated].mean()) if treated.any() else float("nan"),
        standing_in=int(rows.loc[decided, "account_id"].nunique()),
        lowest=float(stay[used].min()) if used.any() else 1.0,
        certain=int((treated & ~unknown & (stay <= 0.0)).sum()),
        clipped=int((raw > CLIP).sum()),
        effective_rows=effective(values),
        effective_events=effective(values[rows["y"].to_numpy() == 1]),
    )


def effective(weights: Floats) -> float:
    """Kish's number of equally weighted rows that carry as much: (sum w)^2 / sum w^2; 0 without weight.

    >>> effective(np.array([1.0, 1.0, 2.0, 0.0]))
    2.6666666666666665
    """
    square = float(weights @ weights)
    return float(weights.sum()) ** 2 / square if square > 0 else 0.0
