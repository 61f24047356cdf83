"""Reports made and written: one file, or one per account with an index."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.domain.markdown import escaped, table
from churnbench.export.files import refuse_filled, replaced_whole, write_folder
from churnbench.health import (
    Book,
    Report,
    account_report,
    cohorts_report,
    customer_report,
    early_warning_report,
    executive_report,
    insights_report,
    portfolio_report,
    worst_account,
)
from churnbench.health.alerts import OpenAlerts, open_alerts
from churnbench.health.movement import movement
from churnbench.health.result import scalar
from churnbench.reports.health import FORMATS, render_index

#: Kinds about the book, or a part of it.
ABOUT_BOOKS: dict[str, Callable[[Book], Report]] = {
    "portfolio": portfolio_report,
    "early-warning": early_warning_report,
    "insights": insights_report,
    "executive": executive_report,
    "cohorts": cohorts_report,
}
#: Kinds about one account.
ABOUT_ACCOUNTS = ("account", "customer")
KINDS = ("account", *ABOUT_BOOKS, "customer")
Actions = Sequence[Mapping[str, Any]]
#: Names that the list itself has, or that Windows keeps for devices; in lower case.
_RESERVED = {"index", "con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}


def make_report(
    book: Book,
    kind: str,
    *,
    account: str | None = None,
    csm: str | None = None,
    segment: str | None = None,
    actions: Actions | None = None,
) -> Report:
    """One report.

    Args:
        book: the whole book.
        kind: one of `KINDS`.
        account: for account and customer; default: the account at risk with the largest expected loss.
        csm: cut the book down to a CSM; with account and customer, where the default is looked for.
        segment: likewise to a segment.
        actions: for account, see `churnbench.health.account_report`.

    Raises:
        InputError: an unknown kind, account, CSM or segment.
    """
    if kind in ABOUT_BOOKS:
        if account is not None:
            raise InputError(f"{kind} is about a book, not about an account.", fix="Use report account --account ID.")
        if kind == "insights" and (csm or segment):
            raise InputError("insights are about the formula, not about a part of the book.", fix="Leave it out.")
        return ABOUT_BOOKS[kind](book.only(csm=csm, segment=segment))
    if kind not in ABOUT_ACCOUNTS:
        raise InputError(f"{kind!r} is no report.", fix=f"Choose one of {', '.join(KINDS)}.")
    chosen = account or worst_account(book.only(csm=csm, segment=segment))
    return account_report(book, chosen, actions=actions) if kind == "account" else customer_report(book, chosen)


def write_report(report: Report, out: Path, form: str = "html") -> Path:
    """Write a report; `out` is a file, or a folder in which it is named after its kind and date.

    Raises:
        InputError: an unknown format.
    """
    ending, draw = _form(form)
    path = out / f"{report.kind}-{report.about['as_of']}{ending}" if out.is_dir() or not out.suffix else out
    text = draw(report)
    with replaced_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def write_accounts(
    book: Book, kind: str, folder: Path, *, form: str = "html", csm: str | None = None, segment: str | None = None
) -> int:
    """One file per active account and an index; the folder appears whole.

    Args:
        book: the whole book.
        kind: "account" or "customer".
        folder: absent or empty.
        form: html, markdown or json.
        csm: only the accounts of this CSM; peers come from the whole book.
        segment: only those of this segment.

    Returns:
        How many accounts.

    Raises:
        InputError: another kind, a filled folder, nobody of that name.
    """
    if kind not in ABOUT_ACCOUNTS:
        raise InputError(f"--all is for {' and '.join(ABOUT_ACCOUNTS)}, not for {kind}.", fix="Leave --all out.")
    ending, draw = _form(form)
    refuse_filled(folder)  # said before the work, which may take minutes
    moved = movement(book)
    alerts = open_alerts(book) if kind == "account" else None
    cut = book.only(csm=csm, segment=segment).current.sort_values(["health_score", "account_id"])
    names = file_names(cut["account_id"], ending)
    files = {names[one]: draw(_of_account(book, one, moved, alerts)).encode() for one in cut["account_id"]}
    # What lies beside the customers' own views holds nothing internal either.
    kept = {"score": "health_score", "band": "band", "arr": "arr"} if kind == "account" else {}
    rows = [
        {"account_id": row["account_id"], "file": names[row["account_id"]]}
        | {name: scalar(row[column]) for name, column in kept.items()}
        for row in cut.to_dict("records")
    ]
    files[f"index{ending}"] = _index(book, rows, form).encode()
    write_folder(files, folder)
    return len(cut)


def _of_account(book: Book, account: str, moved: pd.DataFrame, alerts: OpenAlerts | None) -> Report:
    if alerts is None:
        return customer_report(book, account, moved=moved)
    return account_report(book, account, moved=moved, alerts=alerts)


def file_names(accounts: Iterable[str], ending: str) -> dict[str, str]:
    """A file name per account: what a file system takes of its id, and a number where two would collide.

    >>> file_names(["a/b", "a_b", "a_b-1", "ok", "CON"], ".html")
    {'a/b': 'a_b-2.html', 'a_b': 'a_b-3.html', 'a_b-1': 'a_b-1.html', 'ok': 'ok.html', 'CON': 'CON-1.html'}
    """
    plain = {one: (re.sub(r"[^A-Za-z0-9-]+", "_", one)[:60].strip("_-") or "account") for one in accounts}
    counts = Counter(name.lower() for name in plain.values())
    alone = {name for name, times in counts.items() if times == 1} - _RESERVED
    taken = alone | _RESERVED  # names that stand alone come first, so that no number runs into one of them
    named = {}
    for one, name in plain.items():
        numbered = (f"{name}-{number}" for number in count(1))
        chosen = name if name.lower() in alone else next(made for made in numbered if made.lower() not in taken)
        taken.add(chosen.lower())
        named[one] = f"{chosen}{ending}"
    return named


def _index(book: Book, rows: list[dict[str, Any]], form: str) -> str:
    if form == "html":
        return render_index(book.project, f"{book.as_of:%Y-%m-%d}", rows)
    if form == "json":
        return json.dumps({"schema": 1, "as_of": f"{book.as_of:%Y-%m-%d}", "accounts": rows}, ensure_ascii=False) + "\n"
    cells = ([f"[{escaped(row['account_id'])}]({row['file']})", escaped(row.get("band", "")) or " "] for row in rows)
    return "\n".join(table(["Account", "Band"], cells)) + "\n"


def _form(form: str) -> tuple[str, Callable[[Report], str]]:
    if form not in FORMATS:
        raise InputError(f"{form!r} is no format.", fix=f"Choose one of {', '.join(FORMATS)}.")
    return FORMATS[form]
