"""What the verb `daily` does; `daily_verbs` only parses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from churnbench.cli.dates import typed_date
from churnbench.cli.terminal import say
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.playbooks import Record
from churnbench.workflow.daily import REPORTS, Day, run_day
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
) -> None:
    """Run a day and say what it did."""
    day = run_day(
        load_project(project),
        out,
        today=_today(),
        as_of=typed_date(as_of, "--as-of"),
        config=config,
        models=models,
        store=store,
        reports=REPORTS if reports is None else _kinds(reports),
        reason=reason,
    )
    _tell(day, out)


def _tell(day: Day, out: Path) -> None:
    made, alerts = day.appended, day.alerts
    signals = [one for one in alerts.opened if one["trigger"] not in day.scheduled]
    lines = [
        f"churnbench daily · {day.as_of}",
        "",
        f"  History   {made.added:,} readings added, {made.same:,} were there",
        f"  Alerts    {len(signals):,} new, {_count(alerts.continuing, day):,} still open, "
        f"{_count(alerts.over, day):,} over",
        f"  Calendar  {len(alerts.opened) - len(signals):,} new steps: cadence and renewal clock",
    ]
    if made.frozen or day.newly_frozen:
        lines.append(f"  Churned   {day.newly_frozen:,} newly frozen, {made.frozen:,} readings left out")
    lines += [f"{'':12}{_short(one['account_id'], 20)}: {_short(one['label'], 46)}" for one in signals[:_SHOWN]]
    if len(signals) > _SHOWN:
        lines.append(f"            and {len(signals) - _SHOWN:,} more in {day.files['alerts'].name}")
    if day.not_evaluated:
        lines.append(f"  Idle      {len(day.not_evaluated):,} triggers lack a metric: churnbench triggers list")
    lines += ["", f"  Open      {out}"]
    say(
        "\n".join(lines),
        as_of=day.as_of,
        added=made.added,
        same=made.same,
        frozen=made.frozen,
        opened=list(alerts.opened),
        continuing=[record["alert_id"] for record in alerts.continuing],
        over=[record["alert_id"] for record in alerts.over],
        not_evaluated=[vars(one) for one in day.not_evaluated],
        files={name: str(path) for name, path in day.files.items()},
    )


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
