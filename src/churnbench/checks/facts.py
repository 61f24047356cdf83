"""Checks against the raw facts: what would the snapshot have looked like on its own date?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from churnbench.checks.context import CheckContext, both_classes, figure
from churnbench.domain.findings import Finding
from churnbench.metrics.discrimination import auc
from churnbench.metrics.ranked import rank, replicate_auc

#: Relative difference that passes for rounding.
ROUNDING = 1e-9
#: Snapshots that are replayed: the first, the middle and the last labelled one.
REPLAYS = 3
#: Largest AUC that a column may gain from knowing records at once.
KNOWN_LIMIT = 0.02
#: One-sided error over all columns together.
ALARM_RATE = 0.01


def check_replay(context: CheckContext) -> list[Finding]:
    """Features must not change when the future is deleted, or facts are invented after the date: block."""
    history = context.history
    if history is None or not context.cohort.dated:
        return [Finding("replay", "ok", "Not applicable: snapshots were given, not computed from facts.")]
    dates = sorted(context.cohort.labelled()["as_of"].unique())
    chosen = sorted({dates[round(place)] for place in np.linspace(0, len(dates) - 1, REPLAYS)}) if dates else []
    found: dict[str, Finding] = {}
    replayed = 0
    for date in chosen:
        for inject in (False, True):
            again = history.replay(pd.Timestamp(date), inject=inject)
            if again is None:
                continue
            replayed += 1
            for finding in _compare(context, pd.Timestamp(date), again, inject=inject):
                found.setdefault(finding.id, finding)
    if found:
        return list(found.values())
    if not replayed:
        return [Finding("replay", "ok", "Not applicable: no column is computed from facts.")]
    return [
        Finding(
            "replay",
            "ok",
            f"{len(chosen)} snapshots were computed again with the future deleted and with invented future "
            "facts; nothing changed.",
        )
    ]


def _compare(context: CheckContext, date: pd.Timestamp, again: pd.DataFrame, *, inject: bool) -> list[Finding]:
    """One finding per column that differs."""
    frame = context.cohort.frame
    columns = [name for name in context.cohort.metrics if name in again.columns]
    here = frame[(frame["as_of"] == date) & (frame["status"] != "ineligible")]
    both = here[["account_id", *columns]].merge(
        again[["account_id", *columns]], on="account_id", how="left", suffixes=("", "|again"), indicator=True
    )
    how = "with invented facts after that date" if inject else "from the facts known by that date"
    lost = both["_merge"] != "both"
    found = []
    if lost.any():
        found.append(
            Finding(
                "replay:account_id",
                "block",
                f"{int(lost.sum())} accounts of the snapshot {date:%Y-%m-%d}, e.g. "
                f"`{both.loc[lost, 'account_id'].iloc[0]}`, do not exist when it is computed again {how}.",
            )
        )
    both = both[~lost]
    for name in columns:
        differs = ~_same(both[name], both[f"{name}|again"])
        if differs.any():
            row = both[differs].iloc[0]
            found.append(
                Finding(
                    f"replay:{name}",
                    "block",
                    f"`{name}` of account `{row['account_id']}` on {date:%Y-%m-%d} is {row[name]}, but "
                    f"{row[f'{name}|again']} when computed again {how} ({int(differs.sum())} of "
                    f"{len(both)} accounts differ). It looks into the future. Restrict its source to records "
                    "known by the as-of date.",
                )
            )
    return found


def _same(left: pd.Series, right: pd.Series) -> npt.NDArray[np.bool_]:
    """Equal, both missing, or different by rounding only."""
    missing = left.isna().to_numpy() & right.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(left) and pd.api.types.is_numeric_dtype(right):
        a, b = (side.to_numpy(dtype=np.float64, na_value=np.nan) for side in (left, right))
        return np.asarray(missing | np.isclose(a, b, rtol=ROUNDING, atol=ROUNDING))
    a, b = (side.astype(object).to_numpy() for side in (left, right))
    return np.asarray(missing | (~left.isna().to_numpy() & ~right.isna().to_numpy() & (a == b)))


def check_as_known(context: CheckContext) -> list[Finding]:
    """A column must not rank churn better by event time than by known time: gain > .02 beyond noise, block.

    Such a column is filled in late, for churners first. The lower limit of the gain (accounts resampled,
    Bonferroni over columns) must exceed 0.
    """
    later = context.history.as_of_features() if context.history is not None else None
    if later is None or not context.cohort.dated:
        return [Finding("as-known", "ok", "Not applicable: no record carries the time it became known.")]
    rows = context.training
    if not both_classes(rows):
        return [Finding("as-known", "ok", "Not computed: too few churned accounts in the training part.")]
    columns = [
        name
        for name in context.cohort.metrics
        if name in later.columns
        and pd.api.types.is_numeric_dtype(rows[name])
        and pd.api.types.is_numeric_dtype(later[name])
    ]
    other = rows[["account_id", "as_of"]].merge(
        later[["account_id", "as_of", *columns]], on=["account_id", "as_of"], how="left"
    )
    z = float(stats.norm.isf(ALARM_RATE / max(1, len(columns))))
    found = [
        finding
        for name in columns
        if (finding := _gain(context, rows, name, other[name].to_numpy(dtype=np.float64, na_value=np.nan), z))
    ]
    return found or [
        Finding(
            "as-known",
            "ok",
            f"No column ranks churn better in hindsight than as known (limit {figure(KNOWN_LIMIT)} AUC)."
            f"{context.sampled}",
        )
    ]


def _gain(
    context: CheckContext, rows: pd.DataFrame, name: str, hindsight: npt.NDArray[np.float64], z: float
) -> Finding | None:
    """Finding when hindsight helps one column too much."""
    known = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
    y = rows["y"].to_numpy(dtype=np.float64)
    # A value that is not there yet ranks in the middle: late filling must show.
    sides = [np.where(np.isnan(side), _middle(side), side) for side in (known, hindsight)]
    values = [auc(y, side) for side in sides]
    sign = 1.0 if values[1] >= 0.5 else -1.0
    gain = sign * (values[1] - values[0])
    if gain <= KNOWN_LIMIT:
        return None
    codes = context.codes[context.sample.index.get_indexer(rows.index)]
    drawn = []
    for side in sides:
        ranked = rank(y, side, codes, context.bootstrap.size)
        drawn.append(np.concatenate([replicate_auc(cells) for _, cells in ranked.chunks(context.bootstrap)]))
    spread = float(np.nanstd(drawn[1] - drawn[0], ddof=1))
    if gain - z * spread <= 0.0:
        return None
    before, after = (figure(0.5 + sign * (value - 0.5)) for value in values)
    return Finding(
        f"as-known:{name}",
        "block",
        f"`{name}` ranks churn with AUC {after} in hindsight but {before} as it was known on each date: its "
        "records arrive late, and for churned accounts differently. Blocked, since snapshots taken from a "
        "current table would leak; to keep it, write the reason under [checks.allow]."
        f"{context.sampled}",
    )


def _middle(values: npt.NDArray[np.float64]) -> float:
    """Median of the known values, 0 without any."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else 0.0
