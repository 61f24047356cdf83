"""From a project, a config and, where there is one, a score store to the book that the reports read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.calibration.contenders import risk_strata
from churnbench.cohort import open_history
from churnbench.cohort.history import History
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.domain.score_history import DIMENSION_SUFFIX
from churnbench.export import Document, build_document, checked_scorer, read_document
from churnbench.formula import build_body, metric_inputs, score_frame, with_risk_curve
from churnbench.health.book import Book, without_the_departed
from churnbench.health.meaning import dimensions_of, metrics_of
from churnbench.interventions import read_log
from churnbench.labels.outcomes import Outcomes
from churnbench.models.recalibration import recalibrate
from churnbench.playbooks import Declared
from churnbench.release.store import active, folder_of, read_pointer
from churnbench.workflow.alerting import beside, declared_of, trigger_columns
from churnbench.workflow.documents import beside_the_score, config_id
from churnbench.workflow.score_frames import scored_history
from churnbench.workflow.usable import usable

#: Distinct churned accounts from which on a hand formula's scores get a churn probability.
LEAST_EVENTS = 20


@dataclass(frozen=True)
class Chosen:
    """A config and the sentence that says why this one."""

    document: Document
    sentence: str
    learned_until: pd.Timestamp | None


def book_of(
    project: Project,
    *,
    config: Path | None = None,
    models: Path = Path("models"),
    run: Path | None = None,
    as_of: date | None = None,
    history: pd.DataFrame | None = None,
    data: History | None = None,
) -> Book:
    """Assemble what the reports read.

    Args:
        project: from `load_project`; dated.
        config: a weight config; default: that of `run`, the active release of this project, else the hand formula.
        models: folder of released configs.
        run: folder of a finished run; its evidence and holdout serve the insights.
        as_of: date of the report; nothing known later is used. Default: the newest snapshot.
        history: a score history of a store; default: every snapshot scored with the config.
        data: the project's data where they are open already, and stay so.

    Returns:
        The book.

    Raises:
        InputError: a table without dates, no reading by that date, a refused config, an unreadable run.
    """
    opened = data or open_history(project)
    try:
        cohort = usable(project, opened.cohort())
        if not cohort.dated:
            raise InputError(
                "the data have no dates, so there is nothing to report over time.",
                file=project.file,
                fix="Give snapshots with an as_of column, or score the table with churnbench score.",
            )
        outcomes = opened.outcomes()
        accounts, spec = opened.accounts, opened.formula
    finally:
        if data is None:
            opened.close()
    assert cohort.window is not None  # noqa: S101 - dated cohorts have one
    known_until = pd.Timestamp(min(as_of, _through(cohort)) if as_of else _through(cohort))
    churns, changes = _known(outcomes, known_until)
    chosen = _chosen(project, opened, cohort, config, models, run, known_until)
    checked_scorer(chosen.document)
    frame = _readings(cohort, accounts, churns, chosen.document, history, as_of)
    declared = declared_of(project)
    frame = _with_further(project, cohort, declared, spec, frame)
    evidence, holdout = _run_of(run)
    log = read_log(project)
    settings = project.thresholds
    return Book(
        project=project.name,
        history=frame,
        as_of=pd.Timestamp(frame["as_of"].max()),
        known_until=known_until,
        document=chosen.document,
        formula_source=chosen.sentence,
        metrics=metrics_of(chosen.document, spec),
        dimensions=dimensions_of(chosen.document, spec),
        churns=churns,
        changes=changes,
        accounts=accounts,
        window=cohort.window,
        settings={name: getattr(settings, name) for name in ("capacity", "contact_cost", "save_rate")},
        learned_until=chosen.learned_until,
        velocity_edges=tuple(project.history.velocity_bands),
        evidence=evidence,
        holdout=holdout,
        spec=spec,
        declared=declared,
        interventions=None if log is None else log.known_by(pd.Timestamp(frame["as_of"].max())).entries,
        notes=(*_other_configs(frame, chosen.document), *cohort.warnings),
    )


def _with_further(
    project: Project, cohort: Cohort, declared: Declared, spec: FormulaSpec, frame: pd.DataFrame
) -> pd.DataFrame:
    """Readings with what triggers and the risk-factor register name beside the inputs of the config."""
    named = {name for trigger in declared.triggers for name in trigger.of}
    named |= {factor.metric for factor in spec.risk_factors}
    held = [name for name in cohort.metrics if name in named and name not in frame]
    made = beside(frame, cohort.frame[["account_id", "as_of", *held]]) if held else frame
    extra = trigger_columns(project, declared, made.columns, spec.risk_factors)
    return made if extra is None else beside(made, extra)


def _other_configs(history: pd.DataFrame, document: Document) -> list[str]:
    """Says when stored readings were made by other configs than the one that explains them."""
    own = document["integrity"]["body_sha256"]
    other = int((history["body_sha256"].notna() & (history["body_sha256"] != own)).sum())
    if not other:
        return []
    return [
        f"{other} of {len(history)} stored readings were made by other configs; their scores are shown as they were."
    ]


def _through(cohort: Cohort) -> date:
    return cohort.data_through or pd.Timestamp(cohort.frame["as_of"].max()).date()


def _known(outcomes: Outcomes, until: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Outcomes that were on record by then."""
    churns = outcomes.churns
    recorded = churns["known_on"].fillna(churns["churned_on"])
    churns = churns[(recorded <= until) & (churns["churn_at"] <= until)].reset_index(drop=True)
    back = churns["back_on"].where(churns["back_on"] <= until)
    changes = outcomes.changes[outcomes.changes["on"] <= until].reset_index(drop=True)
    return churns.assign(back_on=back), changes


def _readings(
    cohort: Cohort,
    accounts: pd.DataFrame | None,
    churns: pd.DataFrame,
    document: Document,
    history: pd.DataFrame | None,
    as_of: date | None,
) -> pd.DataFrame:
    frame = history if history is not None else cohort.frame
    if as_of is not None:
        frame = frame[frame["as_of"] <= pd.Timestamp(as_of)]
    frame = without_the_departed(frame.reset_index(drop=True), churns)
    if frame.empty:
        first = (history if history is not None else cohort.frame)["as_of"].min()
        raise InputError(
            "there is no reading of an active account by that date.",
            column="as_of",
            fix=f"The first reading is of {first:%Y-%m-%d}; choose a later --as-of." if pd.notna(first) else None,
        )
    return scored_history(document, frame, accounts) if history is None else _completed(frame, document)


def _completed(history: pd.DataFrame, document: Document) -> pd.DataFrame:
    """A stored history with every column that the config speaks of; what the store lacks is missing, not zero."""
    names = [f"{dimension['id']}{DIMENSION_SUFFIX}" for dimension in document["body"]["dimensions"]]
    absent = [name for name in (*names, *metric_inputs(document["body"])) if name not in history]
    return history.assign(**dict.fromkeys(absent, float("nan")))


def _chosen(
    project: Project,
    opened: History,
    cohort: Cohort,
    config: Path | None,
    models: Path,
    run: Path | None,
    until: pd.Timestamp,
) -> Chosen:
    if config is not None or run is not None:
        path = config if config is not None else Path(run or "") / "config.json"
        document = read_document(path)
        return Chosen(document, f"config {_named(document)}, named for this report ({path.name})", _learned(document))
    name = config_id(project.name)
    if read_pointer(folder_of(models, name)) is not None:
        document, pointer = active(models, name)
        return Chosen(document, f"active release {_named(document)}, since {pointer.since[:10]}", _learned(document))
    return _hand_formula(project, opened, cohort, until)


def _named(document: Mapping[str, Any]) -> str:
    return f"{document['config_id']} {document['config_version']}"


def _learned(document: Mapping[str, Any]) -> pd.Timestamp | None:
    window = (document.get("provenance") or {}).get("label_window") or []
    return pd.Timestamp(window[1]) if len(window) > 1 else None


def _hand_formula(project: Project, opened: History, cohort: Cohort, until: pd.Timestamp) -> Chosen:
    """The declared formula as a config; its scores get a risk curve where enough accounts have churned."""
    rows = cohort.frame
    rows = rows[(rows["as_of"] <= until)]
    body = build_body(opened.formula, rows)
    mature = rows[(rows["status"] == "labelled") & (rows["matures_on"] <= until)].reset_index(drop=True)
    events = int(mature.loc[mature["y"] == 1, "account_id"].nunique())
    sentence = "the project's own hand formula, not calibrated; no release is active and no config was named"
    if events >= LEAST_EVENTS:
        raw = score_frame(body, mature)["raw_score"].to_numpy(dtype=float)
        if (raw == raw).any():  # NaN marks a row without a score
            line = recalibrate(
                raw,
                mature["y"].to_numpy(dtype=float),
                mature["account_id"].to_numpy(),
                mature["stratum"].to_numpy(),
                falling=True,
            )
            selector, strata = risk_strata(line, cohort.window)
            body = with_risk_curve(body, strata, stratum_input=selector)
            sentence += f". Its churn probabilities were fitted on {events} churned accounts of this project"
    else:
        sentence += f". It has no churn probability: {events} churned accounts are known, {LEAST_EVENTS} are needed"
    document = build_document(
        body,
        config_id=config_id(project.name),
        config_version="0.0.0",
        sequence=0,
        lifecycle={"created": f"{until:%Y-%m-%d}T00:00:00Z"},
        inputs=_units(opened, body),
        extra=beside_the_score(opened.formula) or None,
    )
    return Chosen(document, sentence, None)  # its cut-offs saw no outcome


def _units(opened: History, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    used = {metric["input"] for metric in body["metrics"]}
    return [{"id": m.id, "unit": m.unit} for m in opened.formula.metrics if m.unit and m.id in used]


def _run_of(run: Path | None) -> tuple[dict[str, Any] | None, pd.DataFrame | None]:
    if run is None:
        return None, None
    path = run / "evidence.json"
    try:
        evidence = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        evidence = None
    if not isinstance(evidence, dict):
        raise InputError(
            "no evidence of a run can be read there.", file=str(path), fix="Name what churnbench run --out left."
        )
    scores = run / "holdout_scores.parquet"
    return evidence, pd.read_parquet(scores) if scores.is_file() else None
