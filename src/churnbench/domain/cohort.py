"""Labelled snapshots: the one table that everything after the data layer works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pandas as pd

from churnbench.domain.findings import Finding

ClaimLevel = Literal["point-in-time", "reconstructed", "cross-sectional"]
RowStatus = Literal["labelled", "too-late", "immature", "ineligible"]

#: Columns that every cohort frame has beside its metric columns.
KEY_COLUMNS = (
    "account_id",
    "as_of",
    "status",
    "y",
    "churned_on",
    "matures_on",
    "stratum",
    "segment",
    "arr",
    "days_to_renewal",
    "days_since_start",
)


@dataclass(frozen=True)
class OutcomeWindow:
    """`y = 1` iff the churn date lies in `(as_of + gap, as_of + gap + horizon]`.

    Attributes:
        gap_days: days needed to act, >= 0.
        horizon_days: length of the outcome window after the gap, >= 1.
        settle_days: days after the window until its outcomes are recorded (95th percentile), >= 0.
    """

    gap_days: int = 14
    horizon_days: int = 90
    settle_days: int = 0

    @property
    def label_days(self) -> int:
        """Days from the as-of date until the label may be trusted (gap + horizon + settle)."""
        return self.gap_days + self.horizon_days + self.settle_days


@dataclass(frozen=True, eq=False)
class Cohort:
    """One row per account and as-of date.

    Attributes:
        frame: RangeIndex, sorted by (as_of, account_id). Columns `KEY_COLUMNS` and one per metric input:
            account_id str; as_of datetime64 midnight (NaT when cross-sectional); status a `RowStatus`;
            y float 0/1 where status is "labelled", else NaN; churned_on the churn time t* (min of notice
            known and effective end) when known, else NaT; matures_on = as_of + label_days;
            stratum "renewal" | "no-renewal" | "all"; segment str ("all" when none is known); arr float or
            NaN; days_to_renewal and days_since_start (tenure) float or NaN. Metric inputs are float64 with NaN
            for missing, or str with None for categories.
        metrics: ids of the metric input columns, in declared order.
        claim_level: what the history allows to be claimed.
        window: outcome window; None when cross-sectional.
        data_through: last date up to which outcomes are complete; None when cross-sectional.
        excluded: count of rows per reason that are not labelled.
        fingerprint: `sha256:...` of the content that labels and features were made from.
        warnings: sentences for the person who reads the evidence.
        findings: what the assembly itself noticed (duplicates, rows before signup or after churn, ...).
    """

    frame: pd.DataFrame
    metrics: tuple[str, ...]
    claim_level: ClaimLevel
    window: OutcomeWindow | None
    data_through: date | None
    excluded: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = ""
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def dated(self) -> bool:
        """Whether rows carry as-of dates (false for a cross-sectional table)."""
        return self.claim_level != "cross-sectional"

    def labelled(self) -> pd.DataFrame:
        """Rows with a mature, eligible label; the index is kept."""
        return self.frame.loc[self.frame["status"] == "labelled"]

    def latest(self) -> pd.DataFrame:
        """Rows of the newest as-of date that are still active, labelled or not."""
        if not self.dated:
            return self.frame
        open_rows = self.frame.loc[self.frame["status"] != "ineligible"]
        newest: pd.DataFrame = open_rows.loc[open_rows["as_of"] == open_rows["as_of"].max()]
        return newest
