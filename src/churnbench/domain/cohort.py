"""Labelled snapshots: the one table that everything after the data layer works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pandas as pd

from churnbench.domain.findings import Finding
from churnbench.domain.rich_display import Column, facts, panel, table

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


@dataclass(frozen=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        size = f"{self._accounts(self.frame):,} accounts, {len(self.frame):,} rows"
        return f"Cohort({size}, {len(self.metrics)} metrics, {self.claim_level})"

    def _repr_html_(self) -> str:
        """Counts only: a rate would need its interval, which is the business of the layers above."""
        labelled = self.labelled()
        churned = self._accounts(labelled.loc[labelled["y"] == 1])
        window = self.window
        about = facts(
            [
                ("rows", f"{len(self.frame):,} of {self._accounts(self.frame):,} accounts"),
                ("labelled", f"{len(labelled):,} rows of {self._accounts(labelled):,} accounts"),
                ("churned accounts among them", f"{churned:,}"),
                ("snapshots", self._dates()),
                (
                    "outcome window",
                    None if window is None else f"{window.horizon_days} days after a gap of {window.gap_days}",
                ),
                ("days until outcomes are recorded", None if window is None else f"{window.settle_days}"),
                ("outcomes complete up to", None if self.data_through is None else f"{self.data_through}"),
                ("metrics", f"{len(self.metrics)}"),
            ]
        )
        columns = [Column("not labelled because", numeric=False), Column("rows")]
        left_out = table(columns, [[reason, f"{count:,}"] for reason, count in self.excluded.items()])
        notes = [*self.warnings, *(found.detail for found in self.findings if found.severity != "ok")]
        return panel(f"Cohort, {self.claim_level}", "", [about, left_out if self.excluded else ""], notes)

    @staticmethod
    def _accounts(rows: pd.DataFrame) -> int:
        return int(rows["account_id"].nunique())

    def _dates(self) -> str | None:
        dates = self.frame["as_of"].dropna()
        return None if dates.empty else f"{dates.nunique():,}, {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}"
