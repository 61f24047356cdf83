"""What the page needs beyond the evidence to score the holdout again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from churnbench.domain.errors import InputError

#: Columns of the rows beside the inputs of the formulas.
KEYS = ("account_id", "as_of", "y", "arr", "segment")


@dataclass(frozen=True, eq=False)
class Scenario:
    """The holdout with everything that the two formulas read of it.

    Attributes:
        rows: one row per account and snapshot of the holdout: account_id, as_of (NaT without dates), y 0/1, arr
            (yearly value, NaN where unknown), segment, and one column per input id. Inputs without a column are
            missing.
        documents: "candidate" and "incumbent", each a config document.
        capacity: accounts that can be called per snapshot, >= 1.
        too_late: distinct churners that left too early to be called; misses in recall.
        contact_cost: money per contact, None when the project declares none.
        save_rate: share of contacted churners who stay, 0 to 1, None when the project declares none.
        intervals: formula -> figure ("precision", "recall", "lift", "ofCalls", "worthwhile") -> its 90 % interval at
            this capacity, by resampling accounts; None where there is none. The page does not resample itself.
    """

    rows: pd.DataFrame
    documents: Mapping[str, Mapping[str, Any]]
    capacity: int
    too_late: int = 0
    contact_cost: float | None = None
    save_rate: float | None = None
    intervals: Mapping[str, Mapping[str, list[float] | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        absent = [name for name in KEYS if name not in self.rows]
        if absent:
            raise InputError(
                f"the rows of the what-if have no column {absent[0]!r}; {', '.join(KEYS)} were expected.",
                column=absent[0],
                fix="Pass the holdout rows of the cohort.",
            )
        unknown = sorted({"candidate", "incumbent"} ^ set(self.documents))
        if unknown:
            raise InputError(
                f"config document {unknown[0]!r} is absent or not known; candidate and incumbent were expected.",
                fix="Pass both documents.",
            )

    def kinds(self) -> dict[str, str]:
        """Input id -> "number", "boolean" or "category", of both formulas together."""
        return {
            entry["id"]: entry["type"]
            for name in ("incumbent", "candidate")
            for entry in self.documents[name]["inputs"]
        }
