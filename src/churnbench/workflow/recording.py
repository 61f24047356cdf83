"""What a review tells the experiment tracking: one parent run, one nested run per fold and contender.

Names are the same in every review, so that two of them stand side by side: `holdout.log_loss` is the candidate's figure
in the parent run and the contender's own in a nested one; `holdout.log_loss.incumbent` is today's formula.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churnbench.data.project import Project
from churnbench.domain.recorder import Recorder
from churnbench.workflow.contest import Backtest
from churnbench.workflow.recording_words import holdout_span, review_name, review_note

_ALIAS_CHALLENGER, _ALIAS_CANDIDATE = "challenger", "candidate"
_EXAMPLE_ROWS = 5
#: Contenders whose figures stand in the parent run beside the candidate's.
_BESIDE = ("incumbent", "lightgbm")

Triple = tuple[float | None, float | None, float | None]


def record_review(
    recorder: Recorder, project: Project, backtest: Backtest, evidence: Mapping[str, Any], staging: Path
) -> None:
    """Name, parameters, data, nested runs, models and configs; the page and its figures follow when they are drawn."""
    _head(recorder, evidence)
    compared = {"compared_with": (evidence.get("today") or {}).get("described")}
    recorder.parameters({**_dates(evidence), **_parameters(project, backtest), **compared})
    recorder.tags({"candidate": backtest.candidate.name, **_version(staging / "config.json")})
    _contenders(recorder, backtest, evidence)
    seconds = {"seconds.model_fits": (backtest.model_seconds, None, None)}
    recorder.metrics(review_metrics(evidence) | seconds)
    example = backtest.training.matrix[:_EXAMPLE_ROWS]
    for name in ("lightgbm", "logistic"):
        model = backtest.fitted[name].model
        if model is not None:
            recorder.model(f"{project.name}-{name}", model, example, _ALIAS_CHALLENGER)
    recorder.config(staging / "config.json", _ALIAS_CANDIDATE)
    recorder.artifact(staging / "incumbent.json")


def record_blocked(recorder: Recorder, evidence: Mapping[str, Any], staging: Path) -> None:
    """A review that a check stopped: its name says so, its page is there, nothing was fitted."""
    _head(recorder, evidence)
    recorder.parameters({**_dates(evidence), "project": evidence["project"]["name"]})
    recorder.metrics(_data_metrics(evidence))
    record_files(recorder, staging, ())


def record_files(recorder: Recorder, staging: Path, drawn: tuple[Path, ...]) -> None:
    """The page, its evidence and scores, and every figure as a file of its own under `figures`.

    The page lies on top, since MLflow's comparison of runs shows only what lies there.
    """
    for path in drawn:
        recorder.artifact(path, "figures")
    for name in ("review.html", "evidence.json", "holdout_scores.parquet"):
        if (staging / name).exists():
            recorder.artifact(staging / name)


def _head(recorder: Recorder, evidence: Mapping[str, Any]) -> None:
    name, data = evidence["project"]["name"], evidence["data"]
    recorder.named(review_name(name, data["data_through"], evidence["verdict"]), review_note(evidence))
    recorder.dataset(name, data["fingerprint"], {k: v for k, v in data.items() if k != "excluded"})
    recorder.tags(
        {
            "project": name,
            "verdict": evidence["verdict"],
            "verdict_sentence": evidence["verdict_sentence"],
            "claim_level": evidence["claim_level"],
            **({} if data["data_through"] is None else {"data_through": data["data_through"]}),
        }
    )


def _contenders(recorder: Recorder, backtest: Backtest, evidence: Mapping[str, Any]) -> None:
    holdout = next((f["origin"] for f in evidence["folds"] if f["role"] == "holdout"), None)
    # MLflow lists what was recorded last first: there the candidate stands, then today's formula.
    first = (backtest.candidate.name, "incumbent")
    order = sorted(
        evidence["contenders"].items(), key=lambda entry: -first.index(entry[0]) if entry[0] in first else -9
    )
    for name, contender in order:
        said = {"label": contender["label"], "kind": contender["kind"]}
        for fold in contender["by_fold"]:
            if fold["origin"] == holdout:
                continue
            values = {f"fold.{m}": _triple(fold[m]) for m in ("auc", "log_loss")}
            values["fold.events"] = (float(fold["events"]), None, None)
            recorder.fold(name, fold["origin"], said, values)
        values = {f"holdout.{measure}": _triple(figure) for measure, figure in contender["holdout"].items()}
        for measure, figure in (contender["walk_forward"] or {}).items():
            values[f"walk_forward.{measure}"] = _triple(figure)
        recorder.fold(name, "holdout", said | dict(backtest.fitted[name].parameters), values | _capacity(contender))


def review_metrics(evidence: Mapping[str, Any]) -> dict[str, Triple]:
    """The figures by which two reviews are compared, under names that never change.

    Args:
        evidence: of a review that was not blocked.

    Returns:
        Name -> (value, low, high): `holdout.MEASURE` of the candidate, `holdout.MEASURE.incumbent` and `.lightgbm`;
        `delta.log_loss` (today's formula minus the candidate, positive is better); `capacity.*`; `gate.*`;
        `weight.DIMENSION` and `weight.DIMENSION.incumbent` in per cent; `band.NAME.from`, `.accounts` and
        `.churn_rate` of the candidate's bands on the holdout; `data.*`.
    """
    gate, contenders = evidence["gate"], evidence["contenders"]
    found: dict[str, Triple] = {"delta.log_loss": _triple(evidence["delta_log_loss"])}
    for measure, figure in contenders[gate["candidate"]]["holdout"].items():
        found[f"holdout.{measure}"] = _triple(figure)
        for other in _BESIDE:
            found[f"holdout.{measure}.{other}"] = (contenders[other]["holdout"][measure]["value"], None, None)
    found |= _capacity(contenders[gate["candidate"]])
    found |= {f"{name}.incumbent": value for name, value in _capacity(contenders["incumbent"]).items()}
    for key in ("margin", "null_log_loss", "events_needed", "unlocks"):
        found[f"gate.{key}"] = _plain(gate.get(key))
    found["holdout.events"] = _plain(gate["holdout_events"])
    found["holdout.accounts"] = _plain(gate.get("holdout_accounts"))
    for row in evidence["weights"]["dimensions"]:
        low, high = row["ci90"] or (None, None)
        found[f"weight.{row['id']}"] = (row["candidate"], low, high)
        found[f"weight.{row['id']}.incumbent"] = _plain(row["hand"])
    return found | _band_metrics(evidence) | _data_metrics(evidence)


def _band_metrics(evidence: Mapping[str, Any]) -> dict[str, Triple]:
    found: dict[str, Triple] = {}
    for band in evidence["bands"]:
        if band["formula"] == "candidate":
            low, high = band["ci90"] or (None, None)
            found[f"band.{band['band']}.from"] = _plain(band["from"])
            found[f"band.{band['band']}.accounts"] = _plain(band["accounts"])
            found[f"band.{band['band']}.churn_rate"] = (band["rate"], low, high)
    return found


def _data_metrics(evidence: Mapping[str, Any]) -> dict[str, Triple]:
    data = evidence["data"]
    return {f"data.{key}": _plain(data[key]) for key in ("accounts", "rows", "events", "snapshots", "base_rate")}


def _capacity(contender: Mapping[str, Any]) -> dict[str, Triple]:
    at = contender["at_capacity"]
    figures = {f"capacity.{key}": _triple(at[key]) for key in ("precision", "recall", "lift")}
    return {"capacity.accounts": _plain(at["k"]), "capacity.caught": _plain(at["caught"]), **figures}


def _plain(value: float | None) -> Triple:
    return None if value is None else float(value), None, None


def _triple(figure: Mapping[str, Any]) -> Triple:
    interval = figure.get("ci90") or (None, None)
    return figure["value"], interval[0], interval[1]


def _version(config: Path) -> dict[str, str]:
    document = json.loads(config.read_text("utf-8"))
    return {"config_version": document["config_version"], "body_sha256": document["integrity"]["body_sha256"]}


def _dates(evidence: Mapping[str, Any]) -> dict[str, object]:
    data, span = evidence["data"], holdout_span(evidence)
    return {
        **{key: data[key] for key in ("first_as_of", "last_as_of", "data_through")},
        "holdout_from": None if span is None else span[0],
        "holdout_until": None if span is None else span[1],
    }


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
