"""Can a model predict outcomes that were dealt to the wrong accounts? Then the split leaks.

Whole outcome trajectories are swapped between accounts that entered the data at about the same time: account
a gets the label that account b had on the same date, rows where b has none are left out. Then columns say
nothing about the labels, within a date. A model that still ranks them on the test part has met the same
account with the same label in training: the split lets outcomes through.

Three details keep the test honest: AUC is taken within each as-of date, or seasons in the base rate count as
skill; nobody keeps the own label; accounts are swapped within entry groups, or the model learns who was there
from the start. The naive rule, 2 sd/sqrt(20), rejects 6 % of clean splits by construction; the rule here is 4
standard errors and at least .05, since the refits share one book, and between books the mean varies more than its
standard error says (measured in docs/checks.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.checks.context import CheckContext, Floats, FoldRows, Rows, both_classes, figure
from churnbench.checks.small_models import fit_and_predict, matrix
from churnbench.domain.findings import Finding
from churnbench.metrics.discrimination import auc

REFITS = 20
#: Standard errors that the mean may lie away from .5.
ERRORS = 4.0
#: Departure that is always allowed: between clean books the mean varies by .014 (one standard deviation), whatever
#: the refits say; rows dealt at random to training and test reach .61 and more.
TOLERANCE = 0.05
#: Rows of the fold that are used; whole accounts are drawn when there are more.
PERMUTED_ROWS = 8_000
#: Accounts per entry group, at least.
_GROUP = 20


def check_target_permutation(context: CheckContext) -> list[Finding]:
    """Refit on swapped outcomes, 20 times, on the first fold: mean AUC away from .5 blocks."""
    if not context.folds:
        return [Finding("target-permutation", "ok", "Not applicable: there are no folds.")]
    rows = _rows(context, context.folds[0])
    train = rows[rows["part"] == "train"]
    if not both_classes(train) or not both_classes(rows[rows["part"] == "test"]):
        return [Finding("target-permutation", "ok", "Not computed: too few churned accounts in the first fold.")]
    values = permuted_aucs(rows, context.cohort.metrics, seed=context.seed)
    if len(values) < REFITS // 2:
        return [Finding("target-permutation", "ok", "Not computed: too few churned accounts to swap.")]
    mean = float(values.mean())
    allowed = max(TOLERANCE, ERRORS * float(values.std(ddof=1)) / np.sqrt(len(values)))
    if abs(mean - 0.5) > allowed:
        return [
            Finding(
                "target-permutation",
                "block",
                f"With outcomes dealt to the wrong accounts a model still reaches AUC {figure(mean)} (mean "
                f"of {len(values)} refits; .500 within {figure(allowed)} is expected). Outcomes pass from "
                "training to test through the split: look for rows of one account or period on both sides.",
            )
        ]
    return [
        Finding(
            "target-permutation",
            "ok",
            f"With outcomes dealt to the wrong accounts nothing is left to predict (AUC {figure(mean)}, "
            f".500 within {figure(allowed)} expected).",
        )
    ]


def permuted_aucs(rows: pd.DataFrame, metrics: tuple[str, ...], *, seed: int) -> Floats:
    """AUC within as-of dates on the test part, after each refit on swapped outcomes.

    Args:
        rows: `account_id`, `as_of`, `y`, `part` ("train" or "test") and the metrics.
        metrics: columns to learn from.
        seed: of swaps and models.

    Returns:
        At most `REFITS` values; refits without both classes on both parts are left out.
    """
    random = np.random.default_rng(seed)
    x = matrix(rows, metrics)
    account = np.asarray(pd.factorize(rows["account_id"], sort=True)[0], dtype=np.int64)
    date = np.asarray(pd.factorize(rows["as_of"], sort=True, use_na_sentinel=False)[0], dtype=np.int64)
    test = (rows["part"] == "test").to_numpy()
    # Cross-sectional rows have no date to share: their labels are looked up by account alone.
    label = np.full((int(account.max()) + 1, int(date.max()) + 1), np.nan)
    label[account, date] = rows["y"].to_numpy(dtype=np.float64)
    groups = entry_groups(account, date)
    values = []
    for refit in range(REFITS):
        swapped = label[_swap(groups, random)[account], date]
        fit, judged = ~test & ~np.isnan(swapped), test & ~np.isnan(swapped)
        if not _both(swapped[fit]) or not _both(swapped[judged]):
            continue
        risk = fit_and_predict(x[fit], swapped[fit], x[judged], seed=seed + refit)
        values.append(_auc_within(swapped[judged], risk, date[judged]))
    return np.asarray([value for value in values if not np.isnan(value)])


def entry_groups(account: Rows, date: Rows) -> list[Rows]:
    """Accounts by first date seen; neighbouring dates are merged until each group has at least 20."""
    first = np.full(int(account.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, account, date)
    order = np.argsort(first, kind="stable")
    groups: list[Rows] = []
    start = 0
    for end in range(1, len(order) + 1):
        whole = end == len(order) or first[order[end]] != first[order[end - 1]]
        if whole and (end - start >= _GROUP or end == len(order)):
            groups.append(order[start:end])
            start = end
    if len(groups) > 1 and len(groups[-1]) < _GROUP:
        last = groups.pop()
        groups[-1] = np.concatenate([groups[-1], last])
    return groups


def _swap(groups: list[Rows], random: np.random.Generator) -> Rows:
    """For each account the one whose labels it gets; never itself in a group of two or more."""
    other = np.empty(sum(len(group) for group in groups), dtype=np.int64)
    for group in groups:
        circle = random.permutation(group)
        other[circle] = np.roll(circle, 1)
    return other


def _auc_within(y: Floats, risk: Floats, date: Rows) -> float:
    """Mean over dates of AUC, weighted by the number of (churner, other) pairs."""
    total = pairs = 0.0
    for one in np.unique(date):
        here = date == one
        churned = float(y[here].sum())
        weight = churned * (float(here.sum()) - churned)
        if weight > 0.0:
            total += weight * auc(y[here], risk[here])
            pairs += weight
    return total / pairs if pairs else float("nan")


def _both(y: Floats) -> bool:
    return bool(y.size) and 0.0 < float(y.sum()) < float(y.size)


def _rows(context: CheckContext, fold: FoldRows) -> pd.DataFrame:
    """Labelled rows of a fold with their part; whole accounts are drawn when there are too many."""
    frame = context.cohort.labelled()
    parts: dict[str, npt.NDArray[np.int64]] = {"train": fold.train_rows, "test": fold.test_rows}
    rows = pd.concat([frame[frame.index.isin(index)].assign(part=part) for part, index in parts.items()])
    if len(rows) <= PERMUTED_ROWS:
        return rows
    sizes = rows["account_id"].value_counts().sort_index()
    order = np.random.default_rng(context.seed).permutation(len(sizes))
    kept = sizes.index[order[np.cumsum(sizes.to_numpy()[order]) <= PERMUTED_ROWS]]
    return rows[rows["account_id"].isin(kept)]
