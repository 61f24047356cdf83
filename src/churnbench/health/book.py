"""What every report reads: a score history as known on one date, the config behind it, outcomes and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.bands import NAMED, Role, roles_of
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.formula import score_frame
from churnbench.health.meaning import Metric, risk_at
from churnbench.health.result import scalar
from churnbench.history.velocity import EDGES
from churnbench.playbooks import Declared, declare

#: A reading older than this says nothing about today.
FRESH_DAYS = 31
#: Look-back of the short and of the long change, in days, and how far the nearest reading may lie from it.
MONTH, MONTH_WITHIN = 30, 15
QUARTER, QUARTER_WITHIN = 91, 20


@dataclass(frozen=True, eq=False)
class Book:
    """A book of accounts on one date.

    Attributes:
        project: its name.
        history: a score history (`churnbench.domain.score_history`), nothing later than `as_of`.
        as_of: date of the report.
        known_until: last date up to which outcomes are known here.
        document: the config.
        formula_source: sentence that says which config this is and how it was chosen.
        metrics, dimensions: what its parts mean.
        churns, changes: as `churnbench.labels.outcomes` gives them, known by `known_until`.
        accounts: attributes of today (started_on, industry, channel, ...); None without a table.
        window: outcome window.
        settings: capacity, contact_cost, save_rate as declared; None where not.
        learned_until: last day whose outcomes the config has learned from; None when it learned from none.
        velocity_edges: four ascending borders between the bands of movement, points per day.
        evidence, holdout: of a run, for the insights; None without one.
        subject: whom the book is cut down to, e.g. "segment SMB"; "" for the whole.
        spec: the project's formula, for its risk-factor register; None without one.
        declared: triggers and playbooks.
        interventions: entries of the log as known on the date, see `churnbench.interventions`; None without a log.
        notes: sentences for every reader.
    """

    project: str
    history: pd.DataFrame
    as_of: pd.Timestamp
    known_until: pd.Timestamp
    document: Mapping[str, Any]
    formula_source: str
    metrics: tuple[Metric, ...]
    dimensions: Mapping[str, str]
    churns: pd.DataFrame
    changes: pd.DataFrame
    accounts: pd.DataFrame | None = None
    window: OutcomeWindow = field(default_factory=OutcomeWindow)
    settings: Mapping[str, float | None] = field(default_factory=dict)
    learned_until: pd.Timestamp | None = None
    velocity_edges: tuple[float, ...] = EDGES
    evidence: Mapping[str, Any] | None = None
    holdout: pd.DataFrame | None = None
    subject: str = ""
    spec: FormulaSpec | None = None
    declared: Declared = field(default_factory=declare)
    interventions: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """The config's body."""
        return dict(self.document["body"])

    @property
    def bands(self) -> tuple[tuple[str, float], ...]:
        """Names and lowest scores of the bands, lowest band first."""
        return tuple((str(name), start / 100) for name, start in self.body["bands"])

    @cached_property
    def roles(self) -> dict[str, Role]:
        """Role of each band: red (at risk), yellow or green; bands of earlier configs in the history by their names."""
        return {**NAMED, **roles_of(self.document)}

    @property
    def at_risk_words(self) -> str:
        """The bands at risk in words, lowest first: "red", "critical or at-risk"."""
        return " or ".join(name for name, _ in self.bands if self.roles[name] == "red")

    @property
    def healthy_words(self) -> str:
        """The healthy bands in words: "green", "healthy or thriving"."""
        return " or ".join(name for name, _ in self.bands if self.roles[name] == "green")

    def in_role(self, bands: pd.Series, role: Role) -> pd.Series:
        """Whether each band has a role; a reading without a score has none."""
        return bands.isin([name for name, found in self.roles.items() if found == role])

    def at_risk(self, rows: pd.DataFrame) -> pd.Series:
        """Whether each reading's band is one of those at risk."""
        return self.in_role(rows["band"], "red")

    @cached_property
    def current(self) -> pd.DataFrame:
        """The newest reading of every active account, with `probability`, its limits, and `raw_score`.

        An account is active when its newest reading is at most 31 days old and no later churn is known.
        """
        last = self.history.drop_duplicates("account_id", keep="last")
        fresh = last[last["as_of"] >= self.as_of - pd.Timedelta(days=FRESH_DAYS)]
        # reindex, not map: pandas cannot map by an empty series of dates
        left = self.churns.groupby("account_id")["churn_at"].max().reindex(fresh["account_id"])
        active = fresh[~(left.to_numpy() > fresh["as_of"].to_numpy())].reset_index(drop=True)
        return self.with_risk(active)

    @cached_property
    def month_ago(self) -> pd.DataFrame:
        """Readings about 30 days before, one per account."""
        return self.near(self.as_of - pd.Timedelta(days=MONTH), MONTH_WITHIN)

    @cached_property
    def quarter_ago(self) -> pd.DataFrame:
        """Readings about 91 days before, one per account."""
        return self.near(self.as_of - pd.Timedelta(days=QUARTER), QUARTER_WITHIN)

    @cached_property
    def points(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Points gained and lost per metric of `current`, index account_id; see `contributions`."""
        gained, lost = self.contributions(self.current)
        accounts = pd.Index(self.current["account_id"])
        return gained.set_axis(accounts), lost.set_axis(accounts)

    def readings_of(self, account_id: str) -> pd.DataFrame:
        """The history of one account, oldest first; found at once, for a report on every account."""
        found: pd.DataFrame = self.history.iloc[self._places.get(account_id, [])]
        return found

    @cached_property
    def _places(self) -> Mapping[str, Any]:
        """Rows of the history by account."""
        places = self.history.groupby("account_id", sort=False).indices
        return {str(account): rows for account, rows in places.items()}

    def near(self, day: pd.Timestamp, within: int) -> pd.DataFrame:
        """The reading of each account nearest to a day, none farther away than `within` days."""
        distance = (self.history["as_of"] - day).abs()
        rows = self.history[distance <= pd.Timedelta(days=within)]
        order = distance.loc[rows.index].sort_values(kind="stable").index
        return rows.loc[order].drop_duplicates("account_id").sort_values("account_id").reset_index(drop=True)

    def with_risk(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Readings with `raw_score`, `days_to_renewal`, `probability`, `probability_low`, `probability_high`."""
        inputs = self._inputs(rows)
        raw = score_frame(self.body, inputs, allow_missing=True)["raw_score"].to_numpy(dtype=float)
        days = inputs["days_to_renewal"].to_numpy(dtype=float)
        p, low, high = risk_at(self.body, raw, days)
        given = rows["churn_probability"].to_numpy(dtype=float)
        return rows.assign(
            raw_score=raw,
            days_to_renewal=days,
            probability=np.where(np.isnan(given), p, given),
            probability_low=low,
            probability_high=high,
        )

    def contributions(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Points gained and lost per metric id, on the scale before ramp, caps and display map; index as `rows`."""
        scored = score_frame(self.body, self._inputs(rows), contributions=True, allow_missing=True)
        parts = []
        for way in ("gained", "lost"):
            columns = {m.id: scored[f"{m.id}_{way}_x100"].to_numpy(dtype=float, na_value=np.nan) for m in self.metrics}
            parts.append(pd.DataFrame(columns, index=rows.index) / 100)
        return parts[0], parts[1]

    def only(self, *, csm: str | None = None, segment: str | None = None) -> Book:
        """The book of one CSM or one segment, by today's attributes.

        Raises:
            InputError: nobody is called so.
        """
        cut = self
        for column, name in (("csm", csm), ("segment", segment)):
            if name is None:
                continue
            newest = cut.history.drop_duplicates("account_id", keep="last")
            chosen = newest.loc[newest[column].astype(object) == name, "account_id"]
            if chosen.empty:
                there = sorted({str(value) for value in newest[column].dropna()})
                raise InputError(
                    f"no account has {column} {name!r}.",
                    column=column,
                    fix=f"There are: {', '.join(there[:12]) or 'none; give a ' + column + ' column'}.",
                )
            cut = _cut(cut, set(chosen), f"{'CSM' if column == 'csm' else column} {name}")
        return cut

    def about(self) -> dict[str, Any]:
        """Where the figures come from, as plain data."""
        current = self.current
        return {
            "project": self.project,
            "as_of": scalar(self.as_of),
            "outcomes_known_until": scalar(self.known_until),
            "accounts": len(current),
            "config_id": self.document["config_id"],
            "config_version": self.document["config_version"],
            "body_sha256": self.document["integrity"]["body_sha256"],
            "formula": self.formula_source,
            "gap_days": self.window.gap_days,
            "horizon_days": self.window.horizon_days,
        }

    def _inputs(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Readings as a frame of inputs, with those that depend on dates."""
        made = rows.copy()
        made["days_to_renewal"] = (rows["renewal_on"] - rows["as_of"]).dt.days.astype(float)
        if "days_since_start" not in made:
            made["days_since_start"] = (rows["as_of"] - started(self, rows)).dt.days.astype(float)
        return made


def started(book: Book, rows: pd.DataFrame) -> pd.Series:
    """Start of each row's account, NaT where unknown; index as `rows`."""
    accounts = book.accounts
    if accounts is None or "started_on" not in accounts:
        return pd.Series(pd.NaT, index=rows.index, dtype="datetime64[ns]")
    dates = pd.to_datetime(accounts["started_on"]).astype("datetime64[ns]")
    known = pd.Series(dates.to_numpy(), index=accounts["account_id"])
    return known.reindex(rows["account_id"]).set_axis(rows.index)


def _cut(book: Book, chosen: set[str], subject: str) -> Book:
    def kept(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["account_id"].isin(chosen)].reset_index(drop=True)

    return replace(
        book,
        history=kept(book.history),
        churns=kept(book.churns),
        changes=kept(book.changes),
        accounts=None if book.accounts is None else kept(book.accounts),
        subject=" · ".join(part for part in (book.subject, subject) if part),
    )


def without_the_departed(history: pd.DataFrame, churns: pd.DataFrame) -> pd.DataFrame:
    """Readings of accounts that had not left by then, or had come back."""
    if churns.empty or history.empty:
        return history
    gone = churns[["account_id", "churn_at", "back_on"]].assign(
        account_id=churns["account_id"].astype(str), churn_at=churns["churn_at"].astype("datetime64[ns]")
    )
    rows = history[["account_id", "as_of"]].assign(
        account_id=history["account_id"].astype(str), order=np.arange(len(history))
    )
    rows = rows.assign(as_of=rows["as_of"].astype("datetime64[ns]")).sort_values("as_of", kind="stable")
    merged = pd.merge_asof(
        rows, gone.sort_values("churn_at"), left_on="as_of", right_on="churn_at", by="account_id", direction="backward"
    ).sort_values("order")
    away = merged["churn_at"].notna() & ~(merged["back_on"] <= merged["as_of"])
    return history[~away.to_numpy()].reset_index(drop=True)
