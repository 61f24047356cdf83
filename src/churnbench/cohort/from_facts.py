"""Rows computed from fact tables: who was there on which date, and what was known then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from churnbench.cohort.inputs import denominators, without_absent
from churnbench.cohort.rows import Rows, typed_inputs, with_attributes
from churnbench.data.project import Project
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.features.calendar import as_of_dates
from churnbench.features.compute import features_at
from churnbench.features.facts import Facts, open_facts
from churnbench.labels.outcomes import Outcomes
from churnbench.labels.sanity import rows_after_churn


@dataclass(frozen=True, eq=False)
class FactHistory:
    """Everything that features are computed from.

    Attributes:
        project: the project.
        facts: fact tables by name.
        first_seen: account_id -> day of its first known fact.
        first_day, last_day: first event and newest knowledge in all tables, by today.
        ahead: facts that became known after today, as their dates say.
        today: the day of the look.
    """

    project: Project
    facts: Mapping[str, Facts]
    first_seen: pd.Series
    first_day: date
    last_day: date
    ahead: int
    today: date

    def ahead_words(self) -> list[str]:
        """A warning where dates lie in the future."""
        if not self.ahead:
            return []
        known = "1 fact is" if self.ahead == 1 else f"{self.ahead:,} facts are"
        return [f"{known} dated in the future, after {self.today}: a wrong clock or a slip. The data end before."]

    @property
    def bitemporal(self) -> bool:
        """Whether every table says since when each fact was known."""
        return all(table.bitemporal for table in self.facts.values())

    def features(self, accounts: pd.DataFrame, calendar: pd.DatetimeIndex, facts: Mapping[str, Facts]) -> pd.DataFrame:
        """Features of the project's metrics from the given tables; see `features_at`."""
        return features_at(facts, accounts, calendar, self.project.declared.computed)


def open_fact_history(session: Session, project: Project, *, today: date) -> FactHistory:
    """Open the fact tables of a project; dates after today do not say how far the data reach.

    Raises:
        InputError: a file, column or cell that cannot be used, or no fact at all.
    """
    facts = open_facts(session, project)
    parts = " UNION ALL ".join(
        f"SELECT account_id, CAST(greatest(event_at, known_at) AS DATE) AS seen,"
        f" CAST(event_at AS DATE) AS day, CAST(known_at AS DATE) AS known FROM {table.relation}"
        for table in facts.values()
    )
    rows = session.connection.execute(
        f"SELECT account_id, min(seen) AS seen, min(day) AS day,"
        f" count(*) FILTER (WHERE known > DATE '{today}') AS ahead,"
        f" coalesce(max(known) FILTER (WHERE known <= DATE '{today}'), min(known)) AS known FROM ({parts})"
        " GROUP BY account_id ORDER BY account_id"
    ).df()
    if rows.empty:
        raise InputError("the fact tables have no rows.", file=project.file, column="data.facts", fix="Add facts.")
    seen = pd.Series(rows["seen"].astype("datetime64[us]").to_numpy(), index=pd.Index(rows["account_id"].astype(str)))
    by_today = rows.loc[rows["known"] <= pd.Timestamp(today), "known"]
    last = (rows["known"] if by_today.empty else by_today).max().date()
    return FactHistory(project, facts, seen, rows["day"].min().date(), last, int(rows["ahead"].sum()), today)


def fact_rows(history: FactHistory, accounts: pd.DataFrame | None, outcomes: Outcomes, data_through: date) -> Rows:
    """Generate the snapshots and compute their features.

    An account has a row from its started_on (its first known fact where that is unknown) until its churn.

    Raises:
        InputError: no as-of date in the chosen period.
    """
    project = history.project
    present = _presence(history, accounts)
    calendar = _calendar(history, data_through)
    frame = history.features(present, calendar, history.facts)
    keys = frame[["account_id", "as_of"]]
    frame = frame[~rows_after_churn(keys, outcomes)].reset_index(drop=True)
    computed = {metric.id for metric in project.declared.computed}
    kept = [metric for metric in project.formula.metrics if metric.id in computed]
    formula, warnings = without_absent(project.formula, kept, "the computed metrics")
    extra = denominators(formula)
    absent = [name for name in extra if name not in computed]
    if absent:
        raise InputError(
            f"the denominator '{absent[0]}' is not a computed metric.",
            file=project.file,
            column="formula.metrics",
            fix="Declare it with source and agg; helper = true keeps it out of the formula.",
        )
    wanted = [*(metric.id for metric in formula.metrics), *extra]
    rows = with_attributes(frame[["account_id", "as_of", *wanted]], accounts)
    return Rows(typed_inputs(rows, wanted), formula, extra, list(warnings))


def _presence(history: FactHistory, accounts: pd.DataFrame | None) -> pd.DataFrame:
    seen = history.first_seen
    if accounts is None:
        return pd.DataFrame({"account_id": seen.index.to_numpy(), "first_day": seen.to_numpy()})
    ids = pd.Index(accounts["account_id"])
    started = accounts["started_on"].to_numpy().astype("datetime64[us]")
    first = pd.Series(started, index=ids).fillna(seen.reindex(ids))
    known = first.dropna()
    if known.empty:
        raise InputError(
            f"no account has a started_on or a fact; accounts are named like '{ids[0]}', in the facts like"
            f" '{seen.index[0]}'.",
            file=history.project.file,
            column="data.accounts",
            fix="Use the same account ids in both tables (leading zeros count).",
        )
    return pd.DataFrame({"account_id": known.index.to_numpy(), "first_day": known.to_numpy()})


def _calendar(history: FactHistory, data_through: date) -> pd.DatetimeIndex:
    """As-of dates; by default from where the look-back is covered by data until the data end."""
    settings = history.project.snapshots
    until = settings.until or data_through
    covered = history.first_day + timedelta(days=settings.lookback_days)
    for first in (settings.first,) if settings.first else (covered, history.first_day):
        dates = as_of_dates(first, until, settings.every)
        if len(dates):
            return dates
    raise InputError(
        f"there is no {settings.every} end between {settings.first or history.first_day} and {until}.",
        file=history.project.file,
        column="snapshots",
        fix="Correct [snapshots] from, until and every; the facts begin"
        f" {history.first_day} and end {history.last_day}.",
    )


def truncated(history: FactHistory, as_of: date, *, inject: bool) -> dict[str, Facts]:
    """Fact tables as they were on a date, or with absurd facts added that became known only later."""
    past = {name: table.known_by(str(as_of)) for name, table in history.facts.items()}
    return {name: _injected(table, as_of) for name, table in past.items()} if inject else past


#: At most so many facts are injected per table; what one future fact cannot change, a million cannot.
_INJECTED = 200_000


def _injected(table: Facts, as_of: date) -> Facts:
    """Add copies of known facts with absurd values, dated after as_of.

    If the table has known times, also copies with their old date that became known after as_of.
    """
    absurd = ", ".join(f"{name} * -1000 - 1e6 AS {name}" for name in table.numbers.values())
    replaced = f", {absurd}" if absurd else ""
    later = f"TIMESTAMP '{as_of}' + INTERVAL 1 DAY"
    sample = f"(SELECT * FROM {table.relation} LIMIT {_INJECTED})"
    copies = [f"SELECT * REPLACE ({later} AS event_at, {later} AS known_at{replaced}) FROM {sample}"]
    if table.bitemporal:
        copies.append(f"SELECT * REPLACE ({later} AS known_at{replaced}) FROM {sample}")
    body = " UNION ALL ".join([f"SELECT * FROM {table.relation}", *copies])
    return Facts(table.name, table.session, f"({body})", table.numbers, table.texts, table.bitemporal)
