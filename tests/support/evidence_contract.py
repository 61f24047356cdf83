"""A checker of evidence.json against docs/contract: every promised key, of the promised type."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

MEASURES = (
    "auc",
    "log_loss",
    "brier",
    "average_precision",
    "lift_at_10pct",
    "calibration_slope",
    "observed_over_expected",
)
CONTENDERS = (
    "incumbent",
    "shap_share",
    "shap_slope",
    "distilled",
    "anchored",
    "logistic",
    "lightgbm",
    "best_single_metric",
)
VERDICTS = ("promote", "keep-equivalent", "reject", "not-enough-evidence", "descriptive-only", "blocked")
FULL_ONLY = (
    "gate",
    "bands",
    "band_check",
    "segments",
    "weights",
    "curves",
    "direction_changes",
    "constraints",
    "missing_policies",
    "risk_curve",
    "reliability",
    "gain",
    "movers",
    "caveats",
    "lead_lag",
)


def strict_json(path: Path) -> Any:
    """Read JSON that must hold neither NaN nor infinities."""

    def refuse(text: str) -> float:
        raise AssertionError(f"{path.name} holds {text}")

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


def _number(value: Any, *, null: bool = False) -> None:
    if value is None:
        assert null
        return
    assert isinstance(value, int | float), value
    assert not isinstance(value, bool)
    assert math.isfinite(value)


def _count(value: Any) -> None:
    assert isinstance(value, int), value
    assert not isinstance(value, bool)
    assert value >= 0


def _day(value: Any, *, null: bool = False) -> None:
    if value is None:
        assert null
        return
    date.fromisoformat(value)


def _figure(figure: Mapping[str, Any]) -> None:
    assert set(figure) == {"value", "ci90"}
    _number(figure["value"], null=True)
    if figure["ci90"] is not None:
        low, high = figure["ci90"]
        _number(low)
        _number(high)
        assert low <= high


def _measures(found: Mapping[str, Any]) -> None:
    assert set(found) == set(MEASURES)
    for figure in found.values():
        _figure(figure)


def check_evidence(evidence: Mapping[str, Any]) -> None:
    """Raise an AssertionError where the document breaks the contract."""
    assert evidence["schema"] == 1
    assert evidence["claim_level"] in ("point-in-time", "reconstructed", "cross-sectional")
    assert evidence["verdict"] in VERDICTS
    dated = evidence["claim_level"] != "cross-sectional"
    data = evidence["data"]
    for key in ("accounts", "rows", "events", "snapshots"):
        _count(data[key])
    _number(data["base_rate"], null=True)
    assert re.fullmatch(r"sha256:[0-9a-f]+", data["fingerprint"])
    for key in ("first_as_of", "last_as_of", "data_through"):
        _day(data[key], null=True)
    for fold in evidence["folds"]:
        assert fold["role"] in (("walk-forward", "holdout") if dated else ("cross-validation",))
        for key in ("train_rows", "test_rows", "test_events"):
            _count(fold[key])
        for key in ("train_until", "test_from", "test_until"):
            _day(fold[key], null=not dated)
        assert isinstance(fold["origin"], str)
    _figure(evidence["delta_log_loss"])
    for entry in evidence["thresholds"]:
        assert {"band", "from", "promise", "bound", "accounts", "events"} <= set(entry)
        _number(entry["from"])
        for key in ("promise", "bound", "accounts", "events"):
            _number(entry[key], null=True)
    assert evidence["checks"]
    for check in evidence["checks"]:
        assert check["severity"] in ("ok", "review", "block")
        assert check["id"]
        assert isinstance(check["detail"], str)
    assert all(isinstance(warning, str) for warning in evidence["warnings"])
    assert evidence["seconds"]
    for seconds in evidence["seconds"].values():
        _number(seconds)
        assert seconds >= 0
    assert "mlflow_run_id" in evidence
    if evidence["verdict"] == "blocked":
        assert evidence["contenders"] == {}
        assert any(check["severity"] == "block" for check in evidence["checks"])
        return
    _check_full(evidence, dated)


def _check_full(evidence: Mapping[str, Any], dated: bool) -> None:
    assert set(FULL_ONLY) <= set(evidence)
    assert set(evidence["contenders"]) == set(CONTENDERS)
    for contender in evidence["contenders"].values():
        assert contender["kind"] in ("formula", "model", "rule")
        _measures(contender["holdout"])
        if contender["walk_forward"] is not None:
            assert dated
            _measures(contender["walk_forward"])
        _count(contender["at_capacity"]["k"])
    assert evidence["band_check"]["ok"] is True
    assert (evidence["lead_lag"] is not None) == dated
    gate = evidence["gate"]
    assert gate["unlocks"] >= 1
    assert gate["candidate"] in evidence["contenders"]
    for level in ("metrics", "dimensions"):
        for column in ("hand", "shap_share", "shap_slope", "distilled", "anchored", "candidate"):
            total = sum(entry[column] for entry in evidence["weights"][level])
            assert abs(total - 100) < 0.05, (level, column, total)
    for formula in ("incumbent", "candidate"):
        share = sum(entry["share"] for entry in evidence["bands"] if entry["formula"] == formula)
        assert abs(share - 1) < 1e-9
