"""Why the score is what it is: from the peers' median to the account, risk factors and positive indicators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnbench.formula.risk_register import register_points, risk_register
from churnbench.health.account_parts import Account
from churnbench.health.meaning import Metric
from churnbench.health.result import Absent, Chart, Column, Part, Section, Table, known, scalar

#: Points below the peers' median from which on a risk factor is called high or medium.
HIGH, MEDIUM = 4.0, 1.5
SHOWN_STEPS = 10


def reasons_section(account: Account) -> Section:
    """Waterfall, ranked risk factors, positive indicators."""
    if known(account.row["health_score"]) is None:
        return Section("reasons", "Why this score", "No score, so nothing to explain.", [])
    parts: list[Part] = []
    if account.peers.enough:
        parts.append(_waterfall(account))
    else:
        parts.append(
            Absent("waterfall", "From the peers' median", account.peers.why_not, "More accounts of the segment.")
        )
    risks, positives = _risk_rows(account), _positive_rows(account)
    columns = [
        Column("metric", "Risk factor"),
        Column("severity", "Severity"),
        Column("evidence", "Evidence"),
        Column("lost", "Points lost", "points"),
        Column("against", "Against the peers' median", "change"),
    ]
    lost = "Points lost: what full points on this metric would add, before ramp, caps and display scale"
    severity = f"severity: high from {HIGH:g} points below the peers' median, medium from {MEDIUM:g}"
    parts.append(Table("risks", "Risk factors", columns, risks, f"{lost}; {severity} (declared). {account.peers.how}"))
    good = [Column("metric", "Positive indicator"), Column("evidence", "Evidence")]
    good += [Column("gained", "Points gained", "points"), Column("against", "Against the peers' median", "change")]
    parts.append(_register(account))
    parts.append(
        Table("positives", "Positive indicators", good, positives, account.peers.how, empty="none above the median")
    )
    largest = risks[0]["metric"] if risks else "none"
    return Section("reasons", "Why this score", f"Largest risk factor: {largest}.", parts)


def _register(account: Account) -> Part:
    """The formula's own register of risk factors: which hold, with evidence and points."""
    spec = account.book.spec
    if spec is None or not spec.risk_factors:
        why = "the formula declares no risk factors"
        return Absent("register", "Risk-factor register", why, "Add [[formula.risk_factors]] (preset account-review).")
    frame = pd.DataFrame([account.row])
    held = risk_register(spec, frame)
    unread = {factor.id: factor.label for factor in spec.risk_factors if _unknown(account, factor.metric)}
    points = float(register_points(spec, frame).iloc[0])
    rows = held[["label", "severity", "evidence", "points"]].to_dict("records")
    metrics = held["metric"].tolist()
    rows = [{**row, "evidence": f"{name} is {row['evidence']}"} for name, row in zip(metrics, rows, strict=True)]
    columns = [Column("label", "Factor"), Column("severity", "Severity"), Column("evidence", "Evidence")]
    columns.append(Column("points", "Risk points", "points"))
    how = f"Declared factors and points, beside the score and no part of it: {len(spec.risk_factors)} looked for"
    how += f"; no value known, so not judged: {', '.join(unread.values())}." if unread else ", all with a value."
    title = f"Risk-factor register: {points:g} points" if rows else "Risk-factor register"
    looked = len(spec.risk_factors) - len(unread)
    return Table(
        "register",
        title,
        columns,
        [{str(k): v for k, v in row.items()} for row in rows],
        how,
        empty=f"none of the {looked} factors with a value holds; {len(unread)} have none",
    )


def _unknown(account: Account, metric: str) -> bool:
    return scalar(account.row.get(metric)) is None


def _median(account: Account) -> dict[str, float | None]:
    if not account.peers.enough:
        return {metric.id: None for metric in account.book.metrics}
    return {str(name): known(value) for name, value in account.peers.gained.median().items()}


def _risk_rows(account: Account) -> list[dict[str, Any]]:
    median, rows = _median(account), list[dict[str, Any]]()
    for metric in account.book.metrics:
        lost, gained = known(account.lost[metric.id]), known(account.gained[metric.id])
        if lost is None or lost < 0.05 or scalar(account.row[metric.input]) is None:
            continue
        middle = median[metric.id]
        against = None if middle is None or gained is None else gained - middle
        rows.append(
            {
                "metric": metric.label,
                "severity": _severity(against, lost),
                "evidence": _evidence(account, metric),
                "lost": lost,
                "against": against,
            }
        )
    order = {"high": 0, "medium": 1, "low": 2}
    return sorted(rows, key=lambda row: (order[row["severity"]], -row["lost"]))[:10]


def _severity(against: float | None, lost: float) -> str:
    behind = lost / 2 if against is None else -against
    return "high" if behind >= HIGH else "medium" if behind >= MEDIUM else "low"


def _positive_rows(account: Account) -> list[dict[str, Any]]:
    median, rows = _median(account), list[dict[str, Any]]()
    for metric in account.book.metrics:
        gained, middle = known(account.gained[metric.id]), median[metric.id]
        if gained is None or middle is None or gained - middle < 0.5:
            continue
        rows.append(
            {
                "metric": metric.label,
                "evidence": _evidence(account, metric),
                "gained": gained,
                "against": gained - middle,
            }
        )
    return sorted(rows, key=lambda row: -row["against"])[:8]


def _evidence(account: Account, metric: Metric) -> str:
    value = scalar(account.row[metric.input])
    said = f"{value}" if isinstance(value, str) else "no value" if value is None else f"{value:.4g}"
    average = account.peers.average(metric.input).value if account.peers.enough and not isinstance(value, str) else None
    peers = "" if average is None else f"; peers {average:.4g} on average"
    return f"{said}{f' ({metric.unit})' if metric.unit else ''}{peers}"


def _waterfall(account: Account) -> Chart:
    """Steps from the peers' median points to this account's, largest first; the rest and the display scale last."""
    median = _median(account)
    gaps = []
    for metric in account.book.metrics:
        middle, gained = median[metric.id] or 0.0, known(account.gained[metric.id]) or 0.0
        value = scalar(account.row[metric.input])
        gaps.append((metric.label, "no value" if value is None else value, gained - middle))
    gaps.sort(key=lambda gap: -abs(gap[2]))
    steps = [[label, value, change] for label, value, change in gaps[:SHOWN_STEPS]]
    rest = sum(change for _, _, change in gaps[SHOWN_STEPS:])
    if len(gaps) > SHOWN_STEPS:
        steps.append([f"{len(gaps) - SHOWN_STEPS} other metrics", None, rest])
    start = float(np.sum([value or 0.0 for value in median.values()]))
    total = start + sum(change for _, _, change in gaps)
    afterwards = float(account.row["health_score"]) - total
    if abs(afterwards) >= 0.05:
        steps.append(["caps and shown scale", None, afterwards])
    how = (
        "Points of each metric in the score against the median of its peers; a last step, if any, leads from the "
        f"formula's own scale to the one people see. {account.peers.how}"
    )
    return Chart(
        "waterfall", "From the peers' median to this account", "waterfall", {"start": start, "steps": steps}, how
    )
