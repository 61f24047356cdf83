"""The main job: history in, calibrated weight config and evidence out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnbench import __version__
from churnbench.backtesting import Fold
from churnbench.calibration import Price, Spread, missing_policies, prices, resample_weights
from churnbench.checks import CheckContext, run_checks
from churnbench.cohort import History, open_history
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import BlockedError
from churnbench.domain.findings import Finding
from churnbench.domain.progress import Progress, Silent
from churnbench.domain.recorder import NoRecorder, Recorder
from churnbench.export import read_document, write_document
from churnbench.interventions import read_log
from churnbench.reports import figures, write_review
from churnbench.workflow.contest import Backtest, make_folds, run_backtest
from churnbench.workflow.documents import (
    candidate_document,
    config_id,
    incumbent_document,
    measured_candidate,
    measured_incumbent,
)
from churnbench.workflow.draft import read_draft
from churnbench.workflow.formula_in_force import formula_in_force, in_force_warnings, today_evidence
from churnbench.workflow.intervention_evidence import intervention_evidence
from churnbench.workflow.judgement import judge
from churnbench.workflow.last_decision import last_decision
from churnbench.workflow.lead_evidence import lead_evidence
from churnbench.workflow.publish import CONFIG, INCUMBENT, exclusive, publish, write_json
from churnbench.workflow.recording import record_blocked, record_files, record_review
from churnbench.workflow.settings import calibration_settings, require_values, threshold_rule
from churnbench.workflow.stopwatch import Stopwatch
from churnbench.workflow.what_if import scenario_of


@dataclass(frozen=True, eq=False)
class Review:
    """What a review found and where it lies.

    Attributes:
        evidence: the document of docs/evidence.md.
        backtest: fits and predictions; None when a check blocked the run.
        out: folder of the files; None when nothing was written.
    """

    evidence: dict[str, Any]
    backtest: Backtest | None
    out: Path | None = None


def blocked_by(findings: tuple[Finding, ...]) -> list[Finding]:
    """Findings that stop the run."""
    return [finding for finding in findings if finding.blocks]


def check_project(
    project: Project, *, seed: int = 0, progress: Progress | None = None
) -> tuple[Cohort, tuple[Finding, ...]]:
    """Read a project's data and run every check; nothing is written."""
    history = open_history(project)
    cohort = history.cohort()
    read_log(project)  # refuses a log that a run could not use
    folds = make_folds(project, cohort, seed) if len(cohort.labelled()) else ()
    return cohort, _checked(project, history, cohort, folds, seed, progress or Silent())


def _checked(
    project: Project, history: History, cohort: Cohort, folds: tuple[Fold, ...], seed: int, progress: Progress
) -> tuple[Finding, ...]:
    return run_checks(CheckContext(cohort, history, folds, seed, progress, project.checks.allow))


def run_review(
    project: Project,
    out: Path,
    *,
    seed: int = 0,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
    draft: str | Path | None = None,
    models: str | Path | None = None,
) -> Review:
    """Run the whole loop and leave its files in `out`.

    Args:
        project: from `load_project`.
        out: output folder; made when absent, held by one run at a time.
        seed: seed of everything random.
        recorder: experiment tracking; keeps nothing when None.
        progress: told what is going on; silent when None.
        draft: a config document to test as the candidate, in place of the derivation that the project names.
        models: folder of released configs: what was decided last time, and the formula in force, which the candidate
            is compared with; not looked at when None.

    Raises:
        InputError: for data or a draft that cannot be used; nothing is changed in `out`.
        BlockedError: when a check blocks; evidence.json is written with verdict "blocked".
    """
    progress, recorder, watch = progress or Silent(), recorder or NoRecorder(), Stopwatch()
    with exclusive(out) as staging, recorder:
        rule = threshold_rule(project)
        progress.stage("reading data")
        with watch.stage("data"):
            history = open_history(project)
            cohort = history.cohort()
            spec = history.formula
            require_values(project, cohort)
            read_log(project)  # a faulty log is told now, not after all fits
            brought = None if draft is None else read_draft(draft, cohort, spec)
            line = config_id(project.name)
            today, instead = (None, []) if models is None else formula_in_force(models, line, cohort)
            settings = calibration_settings(project, seed, brought, today)
        folds = make_folds(project, cohort, seed) if len(cohort.labelled()) else ()
        with watch.stage("checks"):
            findings = _checked(project, history, cohort, folds, seed, progress)
        if blocked_by(findings):
            base = _preamble(project, cohort, folds, findings, recorder, seed)
            evidence = {**base, **_blocked_parts(findings), "seconds": watch.seconds()}
            write_json(staging / "evidence.json", evidence)
            write_review(evidence, staging / "review.html")
            record_blocked(recorder, evidence, staging)
            removed = "; the config.json of an earlier run there was removed" if (out / CONFIG).exists() else ""
            publish(staging, out)
            raise BlockedError(
                " ".join(finding.detail for finding in blocked_by(findings))
                + f" The evidence is in {out / 'evidence.json'}{removed}."
            )
        with watch.stage("backtest"):
            backtest = run_backtest(cohort, spec, folds, settings, rule, progress)
        evidence = evidence_of(project, backtest, findings, recorder, seed, progress, watch)
        evidence["history"] = recorder.earlier(project.name)
        evidence["last_decision"] = None if models is None else last_decision(models, line, cohort)
        evidence["warnings"] = [*instead, *in_force_warnings(backtest), *evidence["warnings"]]
        with watch.stage("writing"):
            evidence["configs"] = _write(staging, project, backtest, evidence)
        with watch.stage("tracking"):
            record_review(recorder, project, backtest, evidence, staging)
        evidence["seconds"] = watch.seconds()
        evidence["warnings"] = [*evidence["warnings"], *recorder.warnings]
        write_json(staging / "evidence.json", evidence)
        documents = {
            "incumbent": measured_incumbent(project, backtest, evidence) or read_document(staging / INCUMBENT),
            "candidate": measured_candidate(project, backtest, evidence) or read_document(staging / CONFIG),
        }
        scenario = scenario_of(project, backtest, evidence, documents)
        write_review(evidence, staging / "review.html", scenario=scenario)
        record_files(recorder, staging, tuple(figures(evidence, staging)))
        publish(staging, out)
    return Review(evidence, backtest, out)


def evidence_of(
    project: Project,
    backtest: Backtest,
    findings: tuple[Finding, ...],
    recorder: Recorder,
    seed: int,
    progress: Progress,
    watch: Stopwatch | None = None,
) -> dict[str, Any]:
    """Measure uncertainty and prices in training, open the holdout, and draw up the whole evidence.

    Args:
        project: its settings and name.
        backtest: finished, the holdout still closed.
        findings: what the checks said.
        recorder: counts how often this holdout is opened.
        seed: for the record.
        progress: told of long work.
        watch: adds up seconds per stage.
    """
    watch = watch or Stopwatch()
    cohort, folds = backtest.cohort, backtest.folds
    with watch.stage("resampling"):
        spread = _resampled(backtest, progress)
    with watch.stage("prices"):
        priced, policies = _prices(backtest, progress)
    progress.stage("looking at lead times")
    with watch.stage("lead_times"):
        lead_lag = lead_evidence(backtest)
    with watch.stage("holdout"):
        unlocks = recorder.holdout_unlocked(_holdout_key(cohort))
        backtest.open_holdout()
        base = _preamble(project, cohort, folds, findings, recorder, seed)
        evidence = {**base, **judge(project, backtest, spread, priced, policies, unlocks, progress)}
        evidence["today"] = today_evidence(backtest.settings.in_force)
    evidence["lead_lag"] = lead_lag
    with watch.stage("interventions"):
        evidence["interventions"], warnings = intervention_evidence(project, backtest)
    evidence["warnings"] += warnings
    watch.add("model_fits", backtest.model_seconds)
    evidence["warnings"] = [*evidence["warnings"], *backtest.proposal.warnings]
    evidence["seconds"] = watch.seconds()
    return evidence


def _resampled(backtest: Backtest, progress: Progress) -> Spread | None:
    derived = backtest.fitted["anchored"].derived
    if derived is None or derived.refit is None:
        return None
    return resample_weights(backtest.training, derived.refit[1], progress)


def _prices(backtest: Backtest, progress: Progress) -> tuple[list[Price], list[dict[str, object]]]:
    training = backtest.training
    derived, chosen = backtest.fitted["anchored"].derived, backtest.fitted[backtest.settings.derive].derived
    progress.stage("pricing limits")
    priced = [] if derived is None else prices(training, derived)
    policies = missing_policies(training, chosen) if chosen is not None and training.teachable else []
    return priced, policies


def _holdout_key(cohort: Cohort) -> str:
    """Which outcomes a look reveals. Changing metrics, gap or horizon does not make them unseen again."""
    rows = cohort.frame[["account_id", "churned_on"]] if cohort.dated else cohort.frame[["account_id", "y"]]
    text = rows.drop_duplicates().sort_values(["account_id", rows.columns[1]]).to_csv(index=False)
    return f"outcomes:{sha256(text.encode()).hexdigest()}"


def _preamble(
    project: Project,
    cohort: Cohort,
    folds: tuple[Fold, ...],
    findings: tuple[Finding, ...],
    recorder: Recorder,
    seed: int,
) -> dict[str, Any]:
    """What is known before anything is fitted."""
    rows = cohort.labelled()
    window = cohort.window
    return {
        "schema": 1,
        "project": {
            "name": project.name,
            "churnbench_version": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": seed,
        },
        "claim_level": cohort.claim_level,
        "data": {
            "accounts": int(rows["account_id"].nunique()),
            "rows": len(rows),
            "events": int(rows.loc[rows["y"] == 1, "account_id"].nunique()),
            "snapshots": int(rows["as_of"].nunique()) if cohort.dated else 1,
            "base_rate": float(rows["y"].mean()) if len(rows) else None,
            "first_as_of": _day(rows["as_of"].min()),
            "last_as_of": _day(rows["as_of"].max()),
            "data_through": _day(cohort.data_through),
            "excluded": dict(cohort.excluded),
            "fingerprint": cohort.fingerprint,
        },
        "label": None
        if window is None
        else {
            "gap_days": window.gap_days,
            "horizon_days": window.horizon_days,
            "settle_days": window.settle_days,
        },
        "folds": [_fold_json(cohort, fold) for fold in folds],
        "checks": [{"id": f.id, "severity": f.severity, "detail": f.detail, "allowed": f.allowed} for f in findings],
        "warnings": list(cohort.warnings),
        "mlflow_run_id": recorder.run_id or None,
    }


def _blocked_parts(findings: tuple[Finding, ...]) -> dict[str, Any]:
    blocking = blocked_by(findings)
    return {
        "contenders": {},
        "verdict": "blocked",
        "verdict_sentence": "Blocked: the data contradict themselves or contain the future.",
        "verdict_reason": " ".join(finding.detail for finding in blocking),
        "delta_log_loss": {"value": None, "ci90": None},
        "thresholds": [],
    }


def _day(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else f"{pd.Timestamp(value):%Y-%m-%d}"


def _fold_json(cohort: Cohort, fold: Fold) -> dict[str, Any]:
    train, test = cohort.frame.loc[fold.train_rows], cohort.frame.loc[fold.test_rows]
    return {
        "origin": fold.name if fold.origin is None else _day(fold.origin),
        "train_until": _day(train["as_of"].max()),
        "test_from": _day(test["as_of"].min()),
        "test_until": _day(test["as_of"].max()),
        "train_rows": len(train),
        "test_rows": len(test),
        "test_events": int(test.loc[test["y"] == 1, "account_id"].nunique()),
        "role": fold.role,
    }


def _write(staging: Path, project: Project, backtest: Backtest, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Configs and tables into the staging folder; returns which bodies this evidence is about."""
    documents = {
        "incumbent": (INCUMBENT, incumbent_document(project, backtest, evidence)),
        "candidate": (CONFIG, candidate_document(project, backtest, evidence)),
    }
    for name, document in documents.values():
        write_document(document, staging / name)
    assert backtest.holdout is not None  # noqa: S101 - opened before anything is written
    backtest.holdout.drop(columns="fold").astype({"y": np.int8}).to_parquet(
        staging / "holdout_scores.parquet", index=False
    )
    latest = backtest.cohort.latest()
    inputs = [name for name in ("segment", "arr", "days_to_renewal", "days_since_start") if name in latest]
    columns = ["account_id", "as_of", *dict.fromkeys([*inputs, *backtest.cohort.metrics])]
    latest[columns].to_parquet(staging / "latest_inputs.parquet", index=False)
    return {role: {"file": name, **document["integrity"]} for role, (name, document) in documents.items()}
