"""What the verb `daily` does; `daily_verbs` only parses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from churnbench.cli.dates import typed_date
from churnbench.cli.terminal import say
from churnbench.cli.trigger_tables import sent_text
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.playbooks import Record
from churnbench.workflow.daily import ALERTS, REPORTS, Day, run_day
from churnbench.workflow.delivery import check_target, refuse_failed, send
from churnbench.workflow.health_reports import ABOUT_BOOKS

_SHOWN = 5


def run(
    project: Path,
    out: Path,
    *,
    config: Path | None,
    models: Path,
    store: str | None,
    as_of: str | None,
    reports: str | None,
    reason: str | None,
    target: str | None,
) -> None:
    """Run a day, deliver its alerts, and say what it did."""
    opened = load_project(project)
    webhook = opened.playbooks.webhook
    if target is not None:
        check_target(target, webhook)
    day = run_day(
        opened,
        out,
        today=_today(),
        as_of=typed_date(as_of, "--as-of"),
        config=config,
        models=models,
        store=store,
        reports=REPORTS if reports is None else _kinds(reports),
        reason=reason,
    )
    # A late day raises nothing, and what is open was delivered with the day that raised it.
    sent = None if target is None or day.kept_as_of else send(day.alerts.open_records, target, out / ALERTS, webhook)
    _tell(day, out, sent)
    refuse_failed(sent)


def _tell(day: Day, out: Path, sent: Mapping[str, Any] | None) -> None:
    made, alerts = day.appended, day.alerts
    signals = [one for one in alerts.opened if one["trigger"] not in day.scheduled]
    lines = [
        f"churnbench daily · {day.as_of}",
        "",
        f"  History   {made.added:,} readings added, {made.same:,} were there",
    ]
    if day.kept_as_of:
        lines.append(f"  Alerts    and reports stay those of {day.kept_as_of}: this day comes before it")
    else:
        lines += [
            f"  Alerts    {len(signals):,} new, {_count(alerts.continuing, day):,} still open, "
            f"{_count(alerts.over, day):,} over",
            f"  Calendar  {len(alerts.opened) - len(signals):,} new steps: cadence and renewal clock",
        ]
    lines += [f"{'':12}{_short(one['account_id'], 20)}: {_short(one['label'], 46)}" for one in signals[:_SHOWN]]
    if len(signals) > _SHOWN:
        lines.append(f"            and {len(signals) - _SHOWN:,} more in {day.files['alerts'].name}")
    if made.frozen or day.outcomes.churned or day.outcomes.returned:
        told = f"{day.outcomes.churned:,} newly frozen, {made.frozen:,} readings left out"
        back = f", {day.outcomes.returned:,} back and scored again" if day.outcomes.returned else ""
        lines.append(f"  Churned   {told}{back}")
    if day.after_churn:
        lines += _left_out(day.after_churn)
    if day.not_evaluated:
        lines.append(f"  Idle      {len(day.not_evaluated):,} triggers lack a metric: churnbench triggers list")
    if sent is not None:
        lines.append(f"  Sent      {sent_text(sent)}")
    lines += ["", f"  Open      {out}"]
    say(
        "\n".join(lines),
        as_of=day.as_of,
        added=made.added,
        same=made.same,
        frozen=made.frozen,
        newly_frozen=day.outcomes.churned,
        returned=day.outcomes.returned,
        after_churn=list(day.after_churn),
        opened=list(alerts.opened),
        continuing=[record["alert_id"] for record in alerts.continuing],
        over=[record["alert_id"] for record in alerts.over],
        not_evaluated=[vars(one) for one in day.not_evaluated],
        files={name: str(path) for name, path in day.files.items()},
        kept_as_of=day.kept_as_of or None,
        **({} if sent is None else {"delivered": sent}),
    )


def _left_out(accounts: Sequence[str]) -> list[str]:
    """A snapshot after a churn is a notice running out, a leftover or a return, and only a person knows which."""
    return [
        f"  Left out  {len(accounts):,} that left or gave notice by then, first {_short(accounts[0], 30)}.",
        '            Who came back needs an outcome of kind "reactivation".',
    ]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _count(records: Iterable[Record], day: Day) -> int:
    return sum(record["trigger"] not in day.scheduled for record in records)


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(part.strip() for part in text.split(",") if part.strip())
    odd = [kind for kind in kinds if kind not in ABOUT_BOOKS]
    if odd:
        raise InputError(
            f"{odd[0]!r} is no report about a book.", column="--reports", fix=f"Use {', '.join(ABOUT_BOOKS)}."
        )
    return kinds


def _today() -> date:
    return datetime.now(UTC).date()
