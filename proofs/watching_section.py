"""The figures of the monitoring proof as promises and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from churnbench.monitoring.budget import DATA, NOTHING, Budget
from proofs import watching
from proofs.montecarlo import Share
from proofs.page import Promise
from proofs.sizes import Size

_FIRST = 701
_FALSE, _FOUND = 0.05, 0.80


def watching_section(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    """Run every case and draw up the section."""
    many = range(_FIRST, _FIRST + size.books)
    some = range(_FIRST, _FIRST + size.some)
    few = range(_FIRST, _FIRST + max(2, size.some // 10))  # a refit takes a minute
    seeds = {
        watching.STABLE: many,
        watching.HAZARD: many,
        watching.CHURN: some,
        watching.LARGE_STABLE: some,
        watching.LARGE: some,
        watching.REFITTED: few,
        watching.REFITTED_HAZARD: few,
    }
    tables = {case: watching.run(case, numbers, jobs) for case, numbers in seeds.items()}
    alarms = Share.of(tables[watching.STABLE]["verdict"] != NOTHING)
    promises = [
        Promise(
            "monitoring",
            "false alarms per quarter of a stable book, 1,000 accounts",
            str(alarms),
            "at most 0.05 + 2 se",
            alarms.at_most(_FALSE),
            alarms.replicates,
        )
    ]
    for case, claim in (
        (watching.HAZARD, "hazard up by half, found within two quarters at 1,000 accounts"),
        (watching.CHURN, "half as many churned accounts again, found within two quarters at 1,000 accounts"),
        (watching.LARGE, "hazard up by half, found within two quarters at 2,000 accounts"),
    ):
        share = found_within(tables[case])
        target = f"at least {_FOUND:.2f}"
        promises.append(Promise("monitoring", claim, str(share), target, share.value >= _FOUND, share.replicates))
    most = found_by_counting(tables[watching.HAZARD], tables[watching.STABLE], level=Budget().total)
    text = (
        f"Books of {watching.MONTHS} months, reviewed on {watching.REVIEWED:%Y-%m-%d}, looked at one and two quarters "
        "later with what was known by then: the newest outcomes are still on their way. The config in force is the "
        "preset with a risk curve estimated before the review's holdout, or the refit. All parts of the verdict count "
        f"as alarms; the budget of one look is {Budget().total:.0%}. A rise counts as found when either look asks "
        "for a new curve or a refit. Factor 1.5 on everybody's hazard makes about 1.4 times as many churned accounts, "
        "since the riskiest leave anyhow. Somebody who knew exactly how many of 1,000 accounts usually churn by each "
        f"look, and spent the whole {Budget().total:.0%} on counting them, would have found it in {most} of the same "
        "books."
    )
    return text, promises, {"Looks": [_row(table) for table in tables.values()]}


def found_within(table: pd.DataFrame) -> Share:
    """Share of books in which one of the looks found a change of the outcomes; a data problem finds nothing."""
    hit = ~table["verdict"].isin([NOTHING, DATA])
    return Share.of(hit.groupby(table["seed"]).any())


def found_by_counting(risen: pd.DataFrame, stable: pd.DataFrame, *, level: float) -> Share:
    """Share of books found by a Poisson test (mid-p) of somebody who knows the usual rate exactly.

    Args:
        risen: looks at books whose hazard rose.
        stable: looks at books of the same kind whose hazard did not; their mean is taken for the usual rate.
        level: probability of a false alarm per look.
    """
    sums = stable.groupby("quarter")[["observed", "accounts"]].sum()
    usual = np.asarray(risen["accounts"] * risen["quarter"].map(sums["observed"] / sums["accounts"]))
    p = stats.poisson.sf(risen["observed"], usual) + stats.poisson.pmf(risen["observed"], usual) / 2
    return Share.of(pd.Series(p < level, index=risen.index).groupby(risen["seed"]).any())


def _row(table: pd.DataFrame) -> dict[str, str]:
    second = table[table["quarter"] == 2]
    return {
        "case": str(table["case"].iloc[0]),
        "books": str(table["seed"].nunique()),
        "accounts under contract": f"{table['accounts'].mean():,.0f}",
        "alarms per look": str(Share.of(table["verdict"] != NOTHING)),
        "of these data": str(int((table["verdict"] == DATA).sum())),
        "found, first quarter": str(found_within(table[table["quarter"] == 1])),
        "found within two": str(found_within(table)),
        "observed / expected": f"{second['observed'].sum() / second['expected'].sum():.2f}",
        "churned before": f"{second['before'].mean():.0f}",
    }
