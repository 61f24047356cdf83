"""The two weight configs that a review leaves: today's formula and the candidate, in one format."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from churnbench.calibration import TESTED, FittedContender, InForce
from churnbench.data.project import Project
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.export import build_document
from churnbench.release.versions import level_of_change, next_version
from churnbench.workflow.contest import Backtest

_REVIEW_AFTER_DAYS = 120


def incumbent_document(project: Project, backtest: Backtest, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Today's formula as a weight config: the released body as it is, or the declared formula with its risk curve."""
    found = backtest.settings.in_force
    if found is None:
        return _document(project, backtest, evidence, backtest.fitted["incumbent"], _Place("1.0.0", 1, None))
    as_released = replace(backtest.fitted["incumbent"], body=dict(found.body))
    return _document(project, backtest, evidence, as_released, _place_of(found))


def measured_incumbent(project: Project, backtest: Backtest, evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """The formula in force with the risk curve that it was measured with, made anew as every contender's is.

    None where today's formula is the declared one: its document then holds that very curve.
    """
    found = backtest.settings.in_force
    if found is None:
        return None
    return _document(project, backtest, evidence, backtest.fitted["incumbent"], _place_of(found))


def measured_candidate(project: Project, backtest: Backtest, evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """The candidate with the risk curve that it was measured with; None where its config holds that very curve."""
    if backtest.shipped is backtest.candidate:
        return None
    return _candidate(project, backtest, evidence, backtest.candidate)


def candidate_document(project: Project, backtest: Backtest, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The candidate; its version is the one after today's: MAJOR for other inputs or bands, else MINOR."""
    return _candidate(project, backtest, evidence, backtest.shipped)


def _candidate(
    project: Project, backtest: Backtest, evidence: Mapping[str, Any], candidate: FittedContender
) -> dict[str, Any]:
    found = backtest.settings.in_force
    if found is None:
        old = {metric["input"] for metric in (backtest.fitted["incumbent"].body or {})["metrics"]}
        new = {metric["input"] for metric in (candidate.body or {})["metrics"]}
        place = _Place("1.1.0" if old == new else "2.0.0", 2, "1.0.0", _origin(backtest, evidence))
        return _document(project, backtest, evidence, candidate, place)
    origin = _origin(backtest, evidence)
    first = _Place(next_version(found.version, "minor"), found.sequence + 1, found.version, origin)
    made = _document(project, backtest, evidence, candidate, first)
    before = {"inputs": found.inputs, "body": found.body, "integrity": {"body_sha256": found.body_sha256}}
    version = next_version(found.version, level_of_change(before, made))
    if version == first.version:
        return made
    return _document(project, backtest, evidence, candidate, replace(first, version=version))


@dataclass(frozen=True)
class _Place:
    """Where a config stands in its line: version, sequence, the version it follows, and notes on where it came from."""

    version: str
    sequence: int
    supersedes: str | None
    extra: Mapping[str, Any] | None = None


def _place_of(found: InForce) -> _Place:
    return _Place(found.version, found.sequence, None)


def config_id(name: str) -> str:
    """A project's name as an identifier.

    >>> config_id("Acme Corp. (EU)")
    'acme_corp_eu'
    """
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "core"
    return (text if text[0].isalpha() else f"c_{text}")[:63]


def _document(
    project: Project,
    backtest: Backtest,
    evidence: Mapping[str, Any],
    contender: FittedContender,
    place: _Place,
) -> dict[str, Any]:
    now = datetime.now(UTC).replace(microsecond=0)
    label = evidence.get("label") or {}
    provenance = {
        "train_window": _window(backtest),
        "label_window": _label_window(backtest),
        "gap_days": label.get("gap_days"),
        "horizon_days": label.get("horizon_days"),
        "data_fingerprint": evidence["data"]["fingerprint"],
        "mlflow_run_id": evidence.get("mlflow_run_id"),
        "code_commit": _commit(),
        "metrics": _measures(evidence, contender.name),
        "verdict": evidence["verdict"],
        "warnings": [*(_tested(backtest, evidence) if place.extra else []), *evidence["warnings"]],
        "approvals": [],
    }
    lifecycle = {
        "created": now.isoformat().replace("+00:00", "Z"),
        "review_by": f"{now.date() + timedelta(days=_REVIEW_AFTER_DAYS)}",
        "hard_expiry": None,
        "supersedes": place.supersedes,
    }
    used = {metric["input"] for metric in (contender.body or {})["metrics"]}
    inputs = [
        {"id": metric.id, "unit": metric.unit} for metric in backtest.spec.metrics if metric.unit and metric.id in used
    ]
    return build_document(
        contender.body or {},
        config_id=config_id(project.name),
        config_version=place.version,
        sequence=place.sequence,
        inputs=inputs,
        provenance=provenance,
        lifecycle=lifecycle,
        extra={**beside_the_score(backtest.spec), **(place.extra or {})} or None,
    )


def _tested(backtest: Backtest, evidence: Mapping[str, Any]) -> list[str]:
    draft = backtest.settings.draft
    if draft is None:
        return []
    day = evidence["project"]["created"][:10]
    return [f"It came from {draft.described()} and was backtested on {day}; the verdict was {evidence['verdict']!r}."]


def _origin(backtest: Backtest, evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """Notes of a config that was brought and tested; None for one that this run derived."""
    draft = backtest.settings.draft
    if draft is None:
        return None
    day = evidence["project"]["created"][:10]
    role = "draft" if draft.manual else "candidate"
    status = {"status": TESTED} if draft.manual else {}
    tested = {"file": draft.file, "backtested_on": day, "verdict": evidence["verdict"]}
    return {role: {**draft.origin, **status, **tested}}


def beside_the_score(spec: FormulaSpec) -> dict[str, Any]:
    """Motions of bands and the risk-factor register, for whoever reads the config; no score depends on them."""
    register = [
        {**asdict(factor), "points": spec.severity_points.get(factor.severity, 0.0)} for factor in spec.risk_factors
    ]
    notes = {"motions": dict(spec.motions), "risk_factors": register}
    return {name: value for name, value in notes.items() if value}


def _window(backtest: Backtest) -> list[str]:
    if not backtest.cohort.dated:
        return []
    as_of = backtest.training.frame["as_of"]
    return [f"{as_of.min():%Y-%m-%d}", f"{as_of.max():%Y-%m-%d}"]


def _label_window(backtest: Backtest) -> list[str]:
    """From the first day on which a training outcome could fall to the last."""
    window = backtest.cohort.window
    if window is None:
        return []
    as_of = backtest.training.frame["as_of"]
    first = as_of.min() + timedelta(days=window.gap_days + 1)
    last = (as_of.max() + timedelta(days=window.gap_days + window.horizon_days)).date()
    draft = backtest.settings.draft
    if draft is not None and draft.seen_until is not None:
        last = max(last, draft.seen_until)  # its author's eyes, too, are a way of learning
    return [f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"]


def _measures(evidence: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    holdout = evidence["contenders"][name]["holdout"]
    gate = evidence["gate"]
    return [
        {
            "name": measure,
            "value": figure["value"],
            "ci90": figure["ci90"],
            "accounts": gate["holdout_accounts"],
            "events": gate["holdout_events"],
            "segment": "all",
        }
        for measure, figure in holdout.items()
    ]


def _commit() -> str | None:
    """Commit of the code, when it runs from a checkout."""
    here = Path(__file__).resolve().parent
    if "site-packages" in here.parts:
        return None  # installed: the repository around it, if any, is somebody else's
    try:
        said = subprocess.run(  # noqa: S603 - a fixed command
            ["git", "-C", str(here), "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None if said.returncode == 0 else None
