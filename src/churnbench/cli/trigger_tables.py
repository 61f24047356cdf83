"""What the verbs of triggers print, in 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from churnbench.metrics import Estimate
from churnbench.playbooks import MULTIPLICITY, Declared, Evaluation, NotEvaluated, Record, TriggerBacktest, Update

WIDTH = 80
_ID = 29
_TOP = 10


def list_text(declared: Declared) -> str:
    """Triggers, then playbooks with their actions."""
    head = f"{'trigger':<{_ID}}  {'owner':<9}{'due':>4}{'rest':>5}  playbook"
    rows = [head]
    for trigger in declared.triggers:
        off = "" if trigger.enabled else "  (off)"
        name = f"{_cut(trigger.id, _ID):<{_ID}}  {_cut(trigger.owner, 8):<9}"
        rows.append(f"{name}{trigger.due_days:>4}{trigger.cool_down_days:>5}  {_cut(trigger.playbook or '-', 20)}{off}")
        rows += _wrapped(trigger.label, "  ")
    rows += ["", "due, rest: working days until it is due, days of rest after an alert", ""]
    for playbook in declared.playbooks.values():
        rows += _wrapped(f"{playbook.id}: {playbook.label}", "")
        for step in playbook.actions:
            rows += _wrapped(f"{step.action} ({step.owner}, {step.within_days} days). Success: {step.success}", "  - ")
    return "\n".join(rows)


def evaluation_text(made: Evaluation, update: Update, sent: Mapping[str, Any] | None, *, remembered: bool) -> str:
    """Counts per trigger, the alerts with most at stake, what could not be evaluated, what was delivered."""
    counts = [("new", update.opened), ("open before", update.continuing), ("over", update.over), ("held", update.held)]
    if update.resting:
        counts.append(("resting", update.resting))
    told = ", ".join(f"{len(records):,} {name}" for name, records in counts)
    rows = [f"Alerts as of {made.as_of:%Y-%m-%d}: {told}"]
    if not remembered:
        rows += ["Without --state nothing is remembered: every open alert counts as new."]
    rows += ["", *_by_trigger(counts)]
    if update.opened:
        rows += ["", "Most at stake among the new (P(churn) x ARR)", *_at_stake(update.opened)]
    rows += _not_evaluated(made.not_evaluated)
    if sent is not None:
        rows += ["", *_wrapped(sent_text(sent), "")]
    return "\n".join(rows)


def _by_trigger(counts: list[tuple[str, tuple[Record, ...]]]) -> list[str]:
    tables = [Counter(record["trigger"] for record in records) for _, records in counts]
    names = sorted({name for table in tables for name in table})
    if not names:
        return ["No alert."]
    rows = [f"{'trigger':<{_ID}}" + "".join(f"{name:>12}" for name, _ in counts[:4])]
    return rows + [
        f"{_cut(name, _ID):<{_ID}}" + "".join(f"{table[name]:>12,}" for table in tables[:4]) for name in names
    ]


def _at_stake(records: Iterable[Record]) -> list[str]:
    rows = [f"{'account':<16}{'trigger':<{_ID + 1}}{'owner':<12}{'due':<11}{'at stake':>10}"]
    for record in _one_per_account(records)[:_TOP]:
        loss = "-" if record["expected_loss"] is None else f"{record['expected_loss']:,.0f}"
        rows.append(
            f"{_cut(record['account_id'], 15):<16}{_cut(record['trigger'], _ID):<{_ID + 1}}"
            f"{_cut(record['owner'], 11):<12}{record['due']:<11}{loss:>10}"
        )
    return rows


def _one_per_account(records: Iterable[Record]) -> list[Record]:
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(record["account_id"], record)
    return list(first.values())


def _not_evaluated(others: Iterable[NotEvaluated]) -> list[str]:
    rows: list[str] = []
    for one in others:
        rows += _wrapped(f"{one.trigger}: {one.reason}", "  ")
    return ["", "Not evaluated", *rows] if rows else []


def sent_text(sent: Mapping[str, Any]) -> str:
    """What became of a delivery, in a sentence."""
    if "alerts" in sent:
        return f"{sent['alerts']:,} open alerts: {sent['to']}"
    told = f"{sent['to']}: {sent['acknowledged']:,} taken, {sent['already']:,} had been taken before"
    if sent["refused"]:
        told += f", {len(sent['refused']):,} refused ({next(iter(sent['refused'].values()))})"
    return f"{told}."


def backtest_text(made: TriggerBacktest) -> str:
    """Two tables: how often alerts are right, against the probability and chance; and what they catch, when, at what load."""  # noqa: E501 - one sentence
    window = made.window
    head = (
        f"{made.churns:,} churns of {made.accounts:,} accounts, alerts of {made.first} to {made.last}; right: churn "
        f"within {window.horizon_days} days after a gap of {window.gap_days}. 90 % intervals by account."
    )
    rows = [*_wrapped(head, ""), "", f"{'':<{_ID}}{'':>7}{'right, %':>19}  as many by"]
    rows.append(f"{'trigger':<{_ID}}{'alerts':>7}{'(90 % interval)':>19}{'prob.':>7}{'chance':>7}  verdict")
    for one in made.results:
        interval = (
            "" if one.precision.low is None else f" ({_percent(one.precision.low)}-{_percent(one.precision.high)})"
        )
        rows.append(
            f"{_cut(one.trigger, _ID):<{_ID}}{one.alerts:>7,}{_share(one.precision) + interval:>19}"
            f"{_share(one.probability_precision):>7}{_share(one.random_precision):>7}  {_SHORT[one.verdict.word]}"
        )
    rows += ["", f"{'trigger':<{_ID}}{'caught, % (90 %)':>19}{'prob.':>7}{'lead, days':>11}{'a CSM, week':>12}"]
    for one in made.results:
        interval = "" if one.recall.low is None else f" ({_percent(one.recall.low)}-{_percent(one.recall.high)})"
        lead = "-" if one.lead_days.value is None else f"{one.lead_days.value:.0f}"
        load = "-" if one.per_csm_week.value is None else f"{one.per_csm_week.value:.2f}"
        rows.append(
            f"{_cut(one.trigger, _ID):<{_ID}}{_share(one.recall) + interval:>19}{_share(one.probability_recall):>7}"
            f"{lead:>11}{load:>12}"
        )
    rows += _not_evaluated(made.not_evaluated)
    return "\n".join([*rows, *_notes(made)])


def _notes(made: TriggerBacktest) -> list[str]:
    notes = [
        "earns: beats chance and is not clearly worse than as many alerts by churn_probability. noise: worse than "
        "these, or less than twice chance. too few: neither can be said.",
        MULTIPLICITY,
        *made.warnings,
    ]
    rows = [""]
    for note in notes:
        rows += _wrapped(note, "")
    return rows


_SHORT = {"earns its noise": "earns", "noise": "noise", "too few events to say": "too few", "schedule": "-", "": ""}


def _share(estimate: Estimate) -> str:
    return _percent(estimate.value)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _cut(text: object, width: int) -> str:
    """Text on one line, without signs that move the cursor, at most so wide."""
    plain = "".join(sign if sign.isprintable() else " " for sign in str(text))
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def _wrapped(text: str, mark: str) -> list[str]:
    plain = "".join(sign if sign.isprintable() else " " for sign in text)
    return textwrap.wrap(plain, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)) or [mark]
