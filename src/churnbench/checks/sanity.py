"""Things that must hold before any figure means anything."""

from __future__ import annotations

import numpy as np

from churnbench.checks.context import CheckContext, events, figure
from churnbench.domain.findings import Finding
from churnbench.metrics.discrimination import auc

#: Out-of-account AUC that no honest churn model reaches.
PERFECT_AUC = 0.99


def check_sanity(context: CheckContext) -> list[Finding]:
    """Zero rows, one class, a label decided by the date, duplicates, rows after churn, AUC near 1: block."""
    rows = context.cohort.labelled()
    if rows.empty:
        reasons = ", ".join(f"{count} {reason}" for reason, count in context.cohort.excluded.items())
        return [
            _block(
                "no-rows",
                f"No labelled row is left{f' ({reasons})' if reasons else ''}. Check data_through, gap_days "
                "and horizon_days against the dates in the data.",
            )
        ]
    churned = int((rows["y"] == 1.0).sum())
    if churned in (0, len(rows)):
        what = "no churn at all" if churned == 0 else "nothing but churn"
        return [
            _block(
                "one-class",
                f"The {len(rows):,} labelled rows hold {what}. Check that account ids of outcomes and "
                "snapshots are the same, and that churned_on falls into the outcome window.",
            )
        ]
    found = _dates(context) + _impossible_rows(context) + _too_good(context)
    return found or [
        Finding(
            "sanity",
            "ok",
            f"{len(rows):,} labelled rows, {events(rows):,} churned accounts, no contradiction.",
        )
    ]


def _dates(context: CheckContext) -> list[Finding]:
    """A label that is constant within every snapshot is decided by the date."""
    if not context.cohort.dated:
        return []
    rates = context.cohort.labelled().groupby("as_of")["y"].mean()
    if len(rates) < 2 or not rates.isin([0.0, 1.0]).all():
        return []
    return [
        _block(
            "constant-per-snapshot",
            f"Within each of the {len(rates)} snapshots all rows have the same label: the date decides the "
            "outcome. Check how churn dates were assigned.",
        )
    ]


def _impossible_rows(context: CheckContext) -> list[Finding]:
    """Duplicates of (account, as-of date), and labelled rows on or after the churn."""
    rows = context.cohort.labelled()
    found = []
    twice = rows[rows.duplicated(["account_id", "as_of"])]
    if len(twice):
        found.append(
            _block(
                "duplicates",
                f"{len(twice)} rows repeat an account and as-of date, e.g. account "
                f"`{twice['account_id'].iloc[0]}`. Keep one row of each.",
            )
        )
    if context.cohort.dated:
        after = rows[(rows["churned_on"] <= rows["as_of"]).to_numpy()]
        if len(after):
            row = after.iloc[0]
            found.append(
                _block(
                    "after-churn",
                    f"{len(after)} labelled rows lie on or after the churn, e.g. account "
                    f"`{row['account_id']}` as of {row['as_of']:%Y-%m-%d}, churned on "
                    f"{row['churned_on']:%Y-%m-%d}. Remove them.",
                )
            )
    return found


def _too_good(context: CheckContext) -> list[Finding]:
    """A model that is right about nearly everybody has seen the answer."""
    risk = context.model_risk
    if risk is None:
        return []
    y = context.sample["y"].to_numpy(dtype=np.float64)
    known = ~np.isnan(y)
    value = auc(y[known], risk[known])
    if not value > PERFECT_AUC:
        return []
    return [
        _block(
            "perfect-model",
            f"Small trees rank churn of accounts they never saw with AUC {figure(value)}. No warning is that "
            f"good; look for columns that are written when an account leaves.{context.sampled}",
        )
    ]


def _block(what: str, detail: str) -> Finding:
    return Finding(f"sanity:{what}", "block", detail)
