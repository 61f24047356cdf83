"""What the verb `report` does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from churnbench.cli.terminal import say
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.reports.health import FORMATS
from churnbench.workflow.health_book import book_of
from churnbench.workflow.health_reports import KINDS, make_report, write_accounts, write_report
from churnbench.workflow.stored_history import read_score_history


@dataclass(frozen=True)
class Sources:
    """Where a report takes its figures from."""

    config: Path | None
    models: Path
    run: Path | None
    history: str | None
    as_of: date | None


def write(
    kind: str,
    project: Path,
    out: Path,
    *,
    sources: Sources,
    account: str | None,
    all_accounts: bool,
    csm: str | None,
    segment: str | None,
    form: str,
) -> None:
    """Make and write one report, or one per account.

    Raises:
        InputError: an unknown kind, format, account, CSM or segment; data that cannot be used.
    """
    # Said before the data are read, which may take a while.
    for given, known in ((kind, KINDS), (form, tuple(FORMATS))):
        if given not in known:
            raise InputError(f"{given!r} is not known here.", fix=f"Choose one of {', '.join(known)}.")
    if all_accounts and account is not None:
        raise InputError("--all and --account contradict each other.", fix="Give one of them.")
    book = book_of(
        load_project(project),
        config=sources.config,
        models=sources.models,
        run=sources.run,
        as_of=sources.as_of,
        history=None if sources.history is None else read_score_history(sources.history, until=sources.as_of),
    )
    if all_accounts:
        count = write_accounts(book, kind, out, form=form, csm=csm, segment=segment)
        say(f"{count} reports and an index: {out}", out=str(out), accounts=count, as_of=f"{book.as_of:%Y-%m-%d}")
        return
    made = make_report(book, kind, account=account, csm=csm, segment=segment)
    path = write_report(made, out, form)
    lines = [f"{made.headline} {made.reason}".strip(), f"By {book.formula_source}.", f"Report {kind}: {path}"]
    say(
        "\n".join(lines),
        report=kind,
        subject=made.subject,
        out=str(path),
        headline=made.headline,
        formula=book.formula_source,
    )
