"""Columns that never change within an account.

Size, industry or contract tier may rightly be one value per account. So are three mistakes: a value computed
over the whole period (a lifetime mean), today's state stamped on every past row, and a group replaced by its
own churn rate. A table of snapshots cannot tell a property fixed at signup from a number that was computed
later: both are one number per account. What can be told is whether the number matters (then a person must say
which it is), and whether it fits the outcomes of its groups better than chance allows (then it was made from
them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from churnbench.checks.context import CheckContext, Floats, both_classes, figure
from churnbench.checks.single_feature import column_auc
from churnbench.domain.findings import Finding
from churnbench.metrics.ranked import rank, replicate_auc

#: Share of accounts within which a column must not change.
CONSTANT_SHARE = 0.95
#: Accounts seen on two dates or more, below which constancy means nothing.
MIN_ACCOUNTS = 50
#: Distinct values from which one value per account is a measurement rather than a class.
MANY_VALUES = 20
#: What the lower limit of the AUC must exceed for a person to be asked: honest company sizes stay below.
ASK_AUC = 0.58
#: One-sided error over all columns together.
ALARM_RATE = 0.01
#: Probability of so good a fit by chance, per column, below which it was made from the outcomes.
FIT_RATE = 1e-4
#: Groups needed to judge a fit, accounts per group, and churned accounts expected in each.
MIN_GROUPS = 5
GROUP_ACCOUNTS = 5
#: Segments from which a number that repeats them is remarked on.
LEAST_SEGMENTS = 2


def check_one_value(context: CheckContext) -> list[Finding]:
    """A number that never changes within accounts, and predicts churn or copies its groups' churn rates: review."""
    if not context.cohort.dated:
        return [Finding("one-value", "ok", "Not applicable: the table has one row per account.")]
    constant = [name for name in context.cohort.metrics if never_changes(context.cohort.frame, name)]
    if not constant:
        return [Finding("one-value", "ok", "Every number changes within accounts over time.")]
    z = float(stats.norm.isf(ALARM_RATE / len(constant)))
    found = [
        finding
        for name in constant
        if (finding := _repeats_segment(context, name) or _encoded(context, name) or _predicts(context, name, z))
    ]
    listed = ", ".join(f"`{name}`" for name in constant)
    return found or [
        Finding("one-value", "ok", f"Columns with one value per account ({listed}) say little about churn.")
    ]


def never_changes(frame: pd.DataFrame, name: str) -> bool:
    """Whether a number differs between accounts but not within them."""
    if not pd.api.types.is_numeric_dtype(frame[name]):
        return False
    by_account = frame.groupby("account_id", sort=False)[name].agg(["count", "nunique", "first"])
    seen = by_account[by_account["count"] > 1]
    if len(seen) < MIN_ACCOUNTS or seen["first"].nunique() < 2:
        return False
    return bool((seen["nunique"] == 1).mean() >= CONSTANT_SHARE)


def _repeats_segment(context: CheckContext, name: str) -> Finding | None:
    """A number that is the segment under another name: too few groups to tell a code from their churn rates."""
    known = context.cohort.frame[["segment", name]].dropna()
    values = known.groupby("segment")[name].nunique()
    if len(values) < LEAST_SEGMENTS or not (values == 1).all():
        return None
    return Finding(
        f"one-value:{name}",
        "review",
        f"`{name}` has one value for each of the {len(values)} segments and says nothing that the segment does not. If "
        "it is their churn rate, it was computed from these outcomes; if it is a code, it has no order. Leave it out: "
        "segments may have weights and a level of their own.",
    )


def _predicts(context: CheckContext, name: str, z: float) -> Finding | None:
    """A measurement that matters; all labelled rows count, since one value per account needs every account."""
    rows = context.sample[(context.sample["status"] == "labelled") & context.sample[name].notna()]
    if rows[name].nunique() < MANY_VALUES or not both_classes(rows):
        return None
    value = column_auc(rows, name, seed=context.seed) or 0.5
    if value <= ASK_AUC or value - z * _spread(context, rows, name) <= ASK_AUC:
        return None
    return Finding(
        f"one-value:{name}",
        "review",
        f"`{name}` never changes within an account over {context.cohort.frame['as_of'].nunique()} dates, yet "
        f"predicts churn (AUC {figure(value)}). A mean over the whole period, a lifetime total or today's state "
        "looks like this, and knows the future; a property fixed at signup does, too, and does not. Please look at "
        f"where it comes from; if it was known on every date, write so under [checks.allow].{context.sampled}",
    )


def _spread(context: CheckContext, rows: pd.DataFrame, name: str) -> float:
    """Standard deviation of the AUC over resampled accounts."""
    codes = context.codes[context.sample.index.get_indexer(rows.index)]
    y, value = (rows[column].to_numpy(dtype=np.float64) for column in ("y", name))
    ranked = rank(y, value, codes, context.bootstrap.size)
    drawn = np.concatenate([replicate_auc(cells) for _, cells in ranked.chunks(context.bootstrap)])
    return float(np.nanstd(drawn, ddof=1))


def _encoded(context: CheckContext, name: str) -> Finding | None:
    """A group's own churn rate in disguise."""
    fit = closest_fit(group_outcomes(context.cohort.frame, name))
    if fit is None or fit.probability >= FIT_RATE:
        return None
    return Finding(
        f"one-value:{name}",
        "review",
        f"`{name}` has {fit.groups} values, each shared by a group of accounts, and follows the groups' own churn "
        f"rates more closely than chance allows even for a perfect score (p = {fit.probability:.0e}). It was "
        "probably computed from these outcomes, each account's own included. Compute it from earlier outcomes only.",
    )


@dataclass(frozen=True, eq=False)
class GroupOutcomes:
    """Churn by value of a column, in one way of counting.

    Attributes:
        value: the column's value, shape (k,).
        rate: churn rate of the accounts (or rows) that hold it, shape (k,).
        variance: sampling variance of the rate if all groups were alike, shape (k,).
    """

    value: Floats
    rate: Floats
    variance: Floats


@dataclass(frozen=True)
class Fit:
    """How probable so close a fit is by chance, and of how many groups."""

    probability: float
    groups: int


def group_outcomes(frame: pd.DataFrame, name: str) -> list[GroupOutcomes]:
    """Churn by value of a column that never changes: of accounts (ever churned), and of labelled rows.

    Only values held by at least 5 accounts, with at least one churned account expected, take part.
    """
    known = frame[frame[name].notna()]
    labelled = (known["status"] == "labelled").astype(float)
    rows = known.assign(
        ever=known["churned_on"].notna().astype(float), events=known["y"].fillna(0.0), labelled=labelled
    )
    accounts = rows.groupby("account_id").agg(
        value=(name, "first"), ever=("ever", "max"), events=("events", "sum"), labelled=("labelled", "sum")
    )
    accounts["one"] = 1.0
    return [_by_value(accounts, above, below) for above, below in (("ever", "one"), ("events", "labelled"))]


def _by_value(accounts: pd.DataFrame, above: str, below: str) -> GroupOutcomes:
    """Rates `above / below` per value; their variance as of a ratio whose units are whole accounts."""
    pooled = accounts[above].sum() / max(1.0, accounts[below].sum())
    spread = ((accounts[above] - pooled * accounts[below]) ** 2).mean()
    groups = accounts.groupby("value").agg(above=(above, "sum"), below=(below, "sum"), n=("one", "size"))
    enough = (groups["n"] >= GROUP_ACCOUNTS) & (groups["n"] * accounts["ever"].mean() >= 1.0)
    groups = groups[enough & (groups["below"] > 0.0)]
    variance = groups["n"] * spread / groups["below"] ** 2
    columns = (groups.index, groups["above"] / groups["below"], variance)
    return GroupOutcomes(*(np.asarray(column, dtype=np.float64) for column in columns))


def closest_fit(counted: list[GroupOutcomes]) -> Fit | None:
    """Probability that the best of the ways of counting lies so close to a straight line in the value.

    For any honest score the squared distances of group rates from the best line, over their sampling
    variances, follow at least a chi-square distribution with k - 2 degrees of freedom; a score made from the
    rates themselves leaves almost nothing. Bonferroni over the ways of counting.

    Returns:
        The fit, or `None` with fewer than 5 groups.
    """
    fits = []
    for groups in counted:
        k = len(groups.value)
        if k < MIN_GROUPS or not (groups.variance > 0.0).all():
            continue
        design = np.column_stack([np.ones(k), groups.value])
        scale = 1.0 / np.sqrt(groups.variance)
        line, *_ = np.linalg.lstsq(design * scale[:, None], groups.rate * scale, rcond=None)
        distance = float((((groups.rate - design @ line) * scale) ** 2).sum())
        fits.append(Fit(min(1.0, len(counted) * float(stats.chi2.cdf(distance, k - 2))), k))
    return min(fits, key=lambda fit: fit.probability) if fits else None
