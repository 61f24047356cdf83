"""The history of a project: its rows labelled, and its features computed in other ways for the checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from churnbench.cohort.directions import propose_directions
from churnbench.cohort.fact_dates import fact_date_findings
from churnbench.cohort.fingerprint import fingerprint
from churnbench.cohort.from_facts import FactHistory, fact_rows, open_fact_history, truncated
from churnbench.cohort.from_table import snapshot_rows, table_rows
from churnbench.cohort.rows import Rows
from churnbench.cohort.warnings import account_warnings, attribute_warnings, date_warnings
from churnbench.data.contracts import account_rows, outcome_rows
from churnbench.data.formula_extras import formula_notes
from churnbench.data.project import Project
from churnbench.data.session import Session
from churnbench.domain.cohort import KEY_COLUMNS, ClaimLevel, Cohort, OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.domain.findings import Finding
from churnbench.domain.formula_spec import FormulaSpec, MetricSpec
from churnbench.labels.outcomes import Outcomes, read_outcomes
from churnbench.labels.sanity import sanity_findings
from churnbench.labels.secondary import label_changes
from churnbench.labels.window import label_snapshots, renewal_stratum

#: Days without any churn after which a later churn no longer says that outcomes are complete until then.
_LEAST_SILENCE = 31.0


@dataclass(frozen=True, eq=False)
class _Assembled:
    cohort: Cohort
    formula: FormulaSpec
    changes: pd.DataFrame
    outcomes: Outcomes | None = None


class History:
    """Reads a project's data once, on first use, and keeps them until `close`."""

    def __init__(self, project: Project, session: Session, *, today: date | None = None) -> None:
        self.project = project
        self._session = session
        # East of Greenwich the next day has begun.
        self._today = today or datetime.now(UTC).date() + timedelta(days=1)

    def cohort(self) -> Cohort:
        """Labelled snapshots.

        Raises:
            InputError: data that cannot be used.
        """
        return self._assembled.cohort

    @property
    def formula(self) -> FormulaSpec:
        """The hand formula as far as the data allow: absent preset metrics left out, directions proposed."""
        return self._assembled.formula

    @property
    def metric_specs(self) -> tuple[MetricSpec, ...]:
        """Metrics of the resolved formula, proposals included."""
        return self.formula.metrics

    @cached_property
    def accounts(self) -> pd.DataFrame | None:
        """The accounts table: started_on, renewal_on, segment, arr typed, all further columns as text."""
        return account_rows(self._session, self.project)

    def outcomes(self) -> Outcomes:
        """Cleaned outcomes, involuntary churns among them.

        Raises:
            InputError: for a table without dates, which has none; data that cannot be used.
        """
        found = self._assembled.outcomes
        if found is None:
            raise InputError(
                "a table without dates has no dated outcomes.",
                file=self.project.file,
                fix="Give snapshots of several dates and dated outcomes.",
            )
        return found

    def secondary_labels(self) -> pd.DataFrame:
        """account_id, as_of, y_contraction, y_expansion per cohort row; empty when cross-sectional."""
        return self._assembled.changes

    def replay(self, as_of: pd.Timestamp, *, inject: bool = False) -> pd.DataFrame | None:
        """Features of one date from facts cut off there, to compare with the cohort's.

        Args:
            as_of: an as-of date of the cohort.
            inject: add absurd facts that happened or became known after as_of instead of cutting off alone.

        Returns:
            account_id, as_of and the cohort's metrics for the cohort's accounts on that date, sorted by
            account; None unless features are computed from facts.
        """
        if self._facts is None:
            return None
        tables = truncated(self._facts, as_of.date(), inject=inject)
        rows = self._assembled.cohort.frame
        ids = rows.loc[rows["as_of"] == as_of, ["account_id"]].reset_index(drop=True)
        features = self._facts.features(ids, pd.DatetimeIndex([as_of]), tables)
        return features[["account_id", "as_of", *self._assembled.cohort.metrics]]

    def as_of_features(self) -> pd.DataFrame | None:
        """The cohort's features as if every fact had been known when it happened.

        Returns:
            account_id, as_of and the cohort's metrics, row for row like the cohort; None unless a fact table
            declares a known time.
        """
        if self._facts is None or not any(table.bitemporal for table in self._facts.facts.values()):
            return None
        cohort = self._assembled.cohort
        keys = cohort.frame[["account_id", "as_of"]]
        tables = {name: table.ignoring_known_time() for name, table in self._facts.facts.items()}
        calendar = pd.DatetimeIndex(keys["as_of"].unique())
        features = self._facts.features(keys[["account_id"]].drop_duplicates(), calendar, tables)
        return keys.merge(features[["account_id", "as_of", *cohort.metrics]], on=["account_id", "as_of"], how="left")

    def close(self) -> None:
        """Give back memory and disk; what was returned stays usable."""
        self._session.close()

    @cached_property
    def _facts(self) -> FactHistory | None:
        return (
            open_fact_history(self._session, self.project, today=self._today)
            if self.project.data.kind == "facts"
            else None
        )

    @cached_property
    def _assembled(self) -> _Assembled:
        return self._cross_sectional() if self.project.data.kind == "table" else self._dated()

    def _cross_sectional(self) -> _Assembled:
        rows, y = table_rows(self._session, self.project)
        findings = sanity_findings(rows.frame[["account_id", "as_of"]], None)
        frame = rows.frame.assign(
            y=y,
            status=np.where(y.notna(), "labelled", "ineligible"),
            reason=pd.Series("no-label", index=y.index).where(y.isna(), None),
            churned_on=rows.frame["as_of"],
            matures_on=rows.frame["as_of"],
            stratum="all",
            days_to_renewal=np.nan,
            days_since_start=np.nan,
        )
        return self._finished(rows, frame, "cross-sectional", None, None, list(rows.warnings), findings)

    def _dated(self) -> _Assembled:
        project, accounts = self.project, self.accounts
        raw, outcome_file = outcome_rows(self._session, project)
        outcomes = read_outcomes(raw, file=outcome_file)
        if self._facts is None:
            rows = snapshot_rows(self._session, project, accounts)
            happened = rows.frame.loc[rows.frame["as_of"] <= pd.Timestamp(self._today), "as_of"]
            newest = (rows.frame["as_of"] if happened.empty else happened).max().date()
            through = project.label.data_through or _last_seen(newest, outcomes, self._today)
        else:
            through = project.label.data_through or _last_seen(self._facts.last_day, outcomes, self._today)
            rows = fact_rows(self._facts, accounts, outcomes, through)
        warnings = [
            *rows.warnings,
            *outcomes.warnings,
            *account_warnings(rows.frame, raw, outcome_file, accounts),
            *attribute_warnings(rows.frame, accounts, project),
            *date_warnings(rows.frame, outcomes, through, declared=project.label.data_through is not None),
        ]
        settings = project.label
        settle = outcomes.settle_days if settings.settle_days is None else settings.settle_days
        window = OutcomeWindow(settings.gap_days, settings.horizon_days, settle)
        keys = rows.frame[["account_id", "as_of", "started_on"]]
        findings = sanity_findings(keys, outcomes, today=self._today)
        if self._facts is not None:
            findings += fact_date_findings(self._facts.facts, through)
            warnings += self._facts.ahead_words()
        labels = label_snapshots(rows.frame, outcomes, window, through, min_tenure_days=settings.min_tenure_days)
        strata = renewal_stratum(rows.frame["as_of"], rows.frame["renewal_on"], window)
        frame = rows.frame.join(labels).join(strata).assign(days_since_start=_tenure(rows.frame))
        changes = label_changes(frame, outcomes, window, contraction_share=settings.contraction_share)
        claim: ClaimLevel = "point-in-time"
        if self._facts is not None and not self._facts.bitemporal:
            claim = "reconstructed"
        made = self._finished(rows, frame.join(changes), claim, window, through, warnings, findings)
        return replace(made, outcomes=outcomes)

    def _finished(
        self,
        rows: Rows,
        frame: pd.DataFrame,
        claim: ClaimLevel,
        window: OutcomeWindow | None,
        through: date | None,
        warnings: list[str],
        findings: tuple[Finding, ...],
    ) -> _Assembled:
        metrics = tuple(metric.id for metric in rows.formula.metrics)
        unique = frame.drop_duplicates(["account_id", "as_of"])
        excluded = Counter(unique["reason"].dropna())
        if len(unique) < len(frame):
            excluded["duplicate"] = len(frame) - len(unique)
        unique = unique.sort_values(["as_of", "account_id"], kind="stable").reset_index(drop=True)
        unique["segment"] = _segments(unique["segment"])
        content = unique[[*dict.fromkeys([*KEY_COLUMNS, *metrics, *rows.extra])]]
        formula = propose_directions(rows.formula, content)
        warnings += formula_notes(formula)
        proposed = [metric.id for metric in formula.metrics if metric.direction_proposed]
        if proposed:
            warnings.append(f"Directions proposed from the earliest data, not declared: {', '.join(proposed)}.")
        cohort = Cohort(
            frame=content,
            metrics=metrics,
            claim_level=claim,
            window=window,
            data_through=through,
            excluded=dict(sorted(excluded.items())),
            fingerprint=fingerprint(content, f"{claim} {window} {through}"),
            warnings=tuple(warnings),
            findings=findings,
        )
        secondary = [name for name in ("y_contraction", "y_expansion") if name in unique]
        columns = ["account_id", "as_of", *secondary] if secondary else []
        return _Assembled(cohort, formula, unique[columns])


def _tenure(frame: pd.DataFrame) -> pd.Series:
    """Days since the account started, NaN where the start is unknown."""
    return (frame["as_of"] - frame["started_on"]).dt.days.astype(float)


def _segments(segment: pd.Series) -> pd.Series:
    known = segment.notna()
    return segment.where(known, "unknown" if known.any() else "all").astype(str)


def _last_seen(newest: date, outcomes: Outcomes, today: date) -> date:
    """Last date in the data by today: the newest row or fact, or the newest churn that the other churns lead up to.

    A contract end far in the future, or a typing error, must not make every outcome before it look complete: a churn
    that stands alone after a silence longer than ten usual gaps (and a month) does not count.
    """
    days = np.sort(outcomes.churns["churn_at"].dropna().to_numpy(dtype="datetime64[D]"))
    days = np.unique(days[days <= np.datetime64(today)])
    if len(days) == 0:
        return newest
    usual = float(np.median(np.diff(days).astype(float))) if len(days) > 2 else 0.0
    silence = max(_LEAST_SILENCE, 10 * usual)
    start = max(np.datetime64(newest), days[0])
    seen = [start, *days[days > start]]
    for before, after in pairwise(seen):
        if float((after - before).astype(int)) > silence:
            return pd.Timestamp(before).date()
    return pd.Timestamp(seen[-1]).date()


def open_history(project: Project, *, memory_limit: str = "2GB", threads: int | None = None) -> History:
    """Open a project's data.

    Args:
        project: from `load_project`.
        memory_limit: memory that DuckDB may use before it spills to disk.
        threads: threads that DuckDB may use; None: all.

    Returns:
        The history; files are read on first use, so that is where an `InputError` may come from.
    """
    return History(project, Session(memory_limit=memory_limit, threads=threads))
