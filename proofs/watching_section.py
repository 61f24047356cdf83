"""The figures of the monitoring proof as promises and tables."""

from __future__ import annotations

import pandas as pd

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
    text = (
        f"Books of {watching.MONTHS} months, reviewed on {watching.REVIEWED:%Y-%m-%d}, looked at one and two quarters "
        "later with what was known by then: the newest outcomes are still on their way. The config in force is the "
        "preset with a risk curve estimated before the review's holdout, or the refit. All parts of the verdict count "
        f"as alarms; the budget of one look is {Budget().total:.0%}. A rise counts as found when either look asks "
        "for a new curve or a refit. Factor 1.5 on everybody's hazard makes about 1.4 times as many churned accounts, "
        "since the riskiest leave anyhow."
    )
    return text, promises, {"Looks": [_row(table) for table in tables.values()]}


def found_within(table: pd.DataFrame) -> Share:
    """Share of books in which one of the looks found a change of the outcomes; a data problem finds nothing."""
    hit = ~table["verdict"].isin([NOTHING, DATA])
    return Share.of(hit.groupby(table["seed"]).any())


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
