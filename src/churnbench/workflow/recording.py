"""What a review tells the experiment tracking: one parent run, one nested run per fold and contender."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churnbench.data.project import Project
from churnbench.domain.recorder import Recorder
from churnbench.workflow.contest import Backtest

_ALIAS_CHALLENGER, _ALIAS_CANDIDATE = "challenger", "candidate"
_EXAMPLE_ROWS = 5


def record_review(
    recorder: Recorder, project: Project, backtest: Backtest, evidence: Mapping[str, Any], staging: Path
) -> None:
    """Parameters, data, nested runs, models and configs; figures and evidence follow when they are written."""
    recorder.parameters(_parameters(project, backtest))
    data = evidence["data"]
    recorder.dataset(project.name, data["fingerprint"], {k: v for k, v in data.items() if k != "excluded"})
    recorder.tags(
        {
            "verdict": evidence["verdict"],
            "claim_level": evidence["claim_level"],
            "candidate": backtest.candidate.name,
            "verdict_sentence": evidence["verdict_sentence"],
        }
    )
    for name, contender in evidence["contenders"].items():
        chosen = dict(backtest.fitted[name].parameters)
        holdout = next((f["origin"] for f in evidence["folds"] if f["role"] == "holdout"), None)
        for fold in contender["by_fold"]:
            if fold["origin"] == holdout:
                continue
            values = {m: _triple(fold[m]) for m in ("auc", "log_loss")}
            recorder.fold(name, fold["origin"], {"events": fold["events"]}, values)
        values = {measure: _triple(figure) for measure, figure in contender["holdout"].items()}
        recorder.fold(name, "holdout", chosen, values)
    delta = evidence["delta_log_loss"]
    recorder.metrics(
        {
            "delta_log_loss": _triple(delta),
            "holdout_events": (float(evidence["gate"]["holdout_events"]), None, None),
            "model_fit_seconds": (backtest.model_seconds, None, None),
        }
    )
    example = backtest.training.matrix[:_EXAMPLE_ROWS]
    for name in ("lightgbm", "logistic"):
        model = backtest.fitted[name].model
        if model is not None:
            recorder.model(f"{project.name}-{name}", model, example, _ALIAS_CHALLENGER)
    recorder.config(staging / "config.json", _ALIAS_CANDIDATE)
    recorder.artifact(staging / "incumbent.json")


def _triple(figure: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    interval = figure.get("ci90") or (None, None)
    return figure["value"], interval[0], interval[1]


def _parameters(project: Project, backtest: Backtest) -> dict[str, object]:
    window = backtest.cohort.window
    limits = backtest.settings.limits
    return {
        "project": project.name,
        "derive": backtest.settings.derive,
        "shapes": backtest.settings.shapes,
        "seed": backtest.settings.seed,
        "bootstrap": backtest.settings.bootstrap,
        "tier": backtest.training.tier,
        "folds": len(backtest.folds),
        "gap_days": None if window is None else window.gap_days,
        "horizon_days": None if window is None else window.horizon_days,
        "settle_days": None if window is None else window.settle_days,
        **{f"limit.{name}": getattr(limits, name) for name in limits.active()},
        **{f"anchored.{key}": value for key, value in backtest.fitted["anchored"].parameters.items()},
    }
