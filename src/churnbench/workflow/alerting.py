"""A project's triggers on its own history: what they read, what they say today, whether they earn their noise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from churnbench.cohort import open_history
from churnbench.data.casts import ColumnKind
from churnbench.data.catalogue import catalogue
from churnbench.data.locations import open_location
from churnbench.data.project import Project
from churnbench.data.readers import Column, fetch_frame, read_table
from churnbench.data.session import Session
from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import RiskFactor
from churnbench.export import Document
from churnbench.history import ScoreStore, open_store
from churnbench.playbooks import Declared, Evaluation, TriggerBacktest, backtest_triggers, declare, evaluate
from churnbench.workflow.score_frames import scored_history
from churnbench.workflow.stored_history import require_store
from churnbench.workflow.usable import usable

#: Days of history that triggers read beside their own windows, so that an alert under way is recognised.
_MARGIN_DAYS = 60


@dataclass(frozen=True, eq=False)
class Watched:
    """A project's history as triggers read it.

    Attributes:
        history: score history, with every metric of the project and every column that a trigger names.
        labels: account_id, as_of, status, y, churned_on.
        window: outcome window.
        declared: triggers, playbooks, people.
        bands: bands that the config knows.
        learned_until: last as-of date that the config learned from, None when it does not say.
    """

    history: pd.DataFrame
    labels: pd.DataFrame
    window: OutcomeWindow
    declared: Declared
    bands: tuple[str, ...]
    learned_until: pd.Timestamp | None

    def evaluate(self, as_of: pd.Timestamp | None = None) -> Evaluation:
        """Alerts as of a date, the newest reading when None."""
        return evaluate(self.history, self.declared, as_of=as_of, bands=self.bands)

    def backtest(self, *, since: pd.Timestamp | None = None, replicates: int = 400, seed: int = 0) -> TriggerBacktest:
        """Every trigger against outcomes; see `churnbench.playbooks.backtest_triggers`."""
        made = backtest_triggers(
            self.history,
            self.labels,
            self.window,
            self.declared,
            bands=self.bands,
            since=since,
            learned_until=self.learned_until,
            replicates=replicates,
            seed=seed,
        )
        if self.learned_until is None or pd.Timestamp(made.first) > self.learned_until:
            return made
        flattered = (
            f"The config learned from dates up to {self.learned_until:%Y-%m-%d}, which are judged here: its "
            "churn_probability and score look better than they will on new dates. Verdicts hold triggers against "
            "the probability on later dates only; --since with a later date leaves the others out altogether."
        )
        return replace(made, warnings=(*made.warnings, flattered))


def declared_of(project: Project) -> Declared:
    """Triggers and playbooks of a project."""
    return declare(project.playbooks, project.triggers, file=project.file)


def watch(project: Project, document: Document) -> Watched:
    """Read a project's history for its triggers.

    Args:
        project: from `load_project`; dated.
        document: a config whose inputs the project's snapshots hold.

    Raises:
        InputError: a table without dates, a refused config, an absent input, a trigger that contradicts itself.
    """
    declared = declared_of(project)
    history = open_history(project)
    try:
        cohort, accounts = usable(project, history.cohort()), history.accounts
    finally:
        history.close()
    if cohort.window is None:
        raise InputError(
            "the table has no dates, so triggers have no history to be evaluated on.",
            file=project.file,
            fix="Give snapshots with an as_of column.",
        )
    rows = cohort.frame
    rows = rows.loc[rows["churned_on"].isna() | (rows["as_of"] < rows["churned_on"])].reset_index(drop=True)
    scored = scored_history(document, rows, accounts)
    further = [name for name in cohort.metrics if name not in scored]
    extra = trigger_columns(project, declared, {*scored.columns, *further})
    whole = beside(scored, rows[["account_id", "as_of", *further]])
    return Watched(
        history=whole if extra is None else beside(whole, extra),
        labels=rows[["account_id", "as_of", "status", "y", "churned_on"]],
        window=cohort.window,
        declared=declared,
        bands=bands_of(document),
        learned_until=_learned_until(document),
    )


def bands_of(document: Document) -> tuple[str, ...]:
    """Bands that a config knows."""
    return tuple(band for band, _ in document["body"]["bands"])


def stored_readings(project: Project, cohort: Cohort, declared: Declared, store: ScoreStore, day: date) -> pd.DataFrame:
    """The stored history up to a day, as far back as triggers look, with every metric that they name.

    Args:
        project: whose snapshots hold metrics that the config does not read.
        cohort: its rows.
        declared: triggers.
        store: the history, with the bands that people saw.
        day: last as-of date.
    """
    recent = store.history(since=day - timedelta(days=_look_back(declared)), until=day)
    return beside(recent, _further(project, cohort, declared, recent))


def evaluate_stored(
    project: Project, document: Document, store: str | Path, as_of: pd.Timestamp | None = None
) -> Evaluation:
    """Alerts on the score history as it was kept, by whatever configs, as of a date (the newest reading when None).

    Raises:
        InputError: no such history, no reading by that date, data that cannot be used.
    """
    declared = declared_of(project)
    history = open_history(project)
    try:
        cohort = history.cohort()
    finally:
        history.close()
    require_store(store)
    with open_store(store) as kept:
        day = kept.newest() if as_of is None else as_of.date()
        read = stored_readings(project, cohort, declared, kept, day or date.max)
    return evaluate(read, declared, as_of=as_of, bands=bands_of(document))


def _look_back(declared: Declared) -> int:
    windows = [trigger.days or 0 for trigger in declared.triggers]
    return max([*windows, *(trigger.cool_down_days for trigger in declared.triggers)], default=0) + _MARGIN_DAYS


def _further(project: Project, cohort: Cohort, declared: Declared, history: pd.DataFrame) -> pd.DataFrame:
    """Metrics that triggers may name and the config in force does not read, as known on each day."""
    dates = set(history["as_of"].unique())
    frame = cohort.frame[cohort.frame["as_of"].isin(dates)]
    found = frame[["account_id", "as_of", *(name for name in cohort.metrics if name not in history)]]
    extra = trigger_columns(project, declared, {*history.columns, *found.columns})
    return found if extra is None else beside(found, extra)


def beside(history: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Further columns beside a history, row by row in its order."""
    keyed = more.assign(
        account_id=more["account_id"].astype(str), as_of=more["as_of"].astype("datetime64[ns]")
    ).drop_duplicates(["account_id", "as_of"])
    return history.merge(keyed, on=["account_id", "as_of"], how="left")


def trigger_columns(
    project: Project, declared: Declared, known: Collection[str], factors: Iterable[RiskFactor] = ()
) -> pd.DataFrame | None:
    """Columns of the snapshots that triggers or factors name beside those known, by account and date; None if none."""
    kinds: dict[str, ColumnKind] = {factor.metric: _kind(factor) for factor in factors}
    kinds |= {name: "number" for trigger in declared.triggers for name in trigger.of}
    return _read_columns(project, {name: kinds[name] for name in sorted(set(kinds) - set(known))})


def _kind(factor: RiskFactor) -> ColumnKind:
    if factor.op == "=":
        return "text"
    listed = catalogue().get(factor.metric)
    return "boolean" if listed is not None and listed.normalise.kind == "boolean" else "number"


def _read_columns(project: Project, kinds: Mapping[str, ColumnKind]) -> pd.DataFrame | None:
    """Columns of the snapshot table that the formula does not read."""
    if project.data.snapshots is None:
        return None
    with Session() as session:
        source = open_location(session, project, project.data.snapshots, "data.snapshots")
        there = [name for name in kinds if name in source.columns]
        if not there:
            return None
        missing = project.data.missing
        keys = [Column("account_id", "id", "account_id"), Column("as_of", "day", "as_of", filled=True)]
        columns = [Column(name, kinds[name], name, required=False, missing=missing) for name in there]
        return fetch_frame(session, read_table(session, source, [*keys, *columns]))


def _learned_until(document: Document) -> pd.Timestamp | None:
    """Last as-of date of training; a formula set by hand learned from none."""
    window = (document.get("provenance") or {}).get("train_window")
    if not window or not isinstance(window[-1], str):
        return None
    last = np.datetime64(window[-1], "D")
    return None if np.isnat(last) else pd.Timestamp(last)
