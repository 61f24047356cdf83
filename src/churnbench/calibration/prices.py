"""What each limit, each degree of freedom and each missing policy costs, on rows the fit did not see."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from churnbench.calibration.anchored import AnchoredFit, AnchoredRefit
from churnbench.calibration.derivations import DerivedFormula
from churnbench.calibration.training import Training
from churnbench.formula import score_frame
from churnbench.metrics.discrimination import auc
from churnbench.metrics.probability import log_loss
from churnbench.models import recalibrate

_POLICIES = ("skip", "neutral", "worst")


@dataclass(frozen=True)
class Price:
    """Cost of holding to a setting: how much worse than without it, out of fold inside training.

    Attributes:
        id: what is held to.
        setting: its value in words.
        active: whether it is in force in the candidate.
        auc: AUC without it minus AUC with it; positive is what it costs.
        log_loss: log loss with it minus log loss without it; positive is what it costs.
    """

    id: str
    setting: str
    active: bool
    auc: float
    log_loss: float


def prices(training: Training, derived: DerivedFormula) -> list[Price]:
    """Prices of the shapes setting against its alternatives and of each limit that is set; none without a refit."""
    if derived.refit is None or derived.log_odds is None:
        return []
    mode = training.settings.shapes
    refit, fit = derived.refit
    auc_now, loss_now = _measured(training, derived.rows, derived.log_odds)
    found = []
    for other in ("declared", "audited", "free"):
        if other == mode:
            continue
        auc_other, loss_other = _out_of_fold(training, refit, fit, other, refit.limits)
        found.append(
            Price(f"shapes: {mode} against {other}", mode, mode != "free", auc_other - auc_now, loss_now - loss_other)
        )
    for name in refit.limits:
        fewer = {other: value for other, value in refit.limits.items() if other != name}
        auc_without, loss_without = _out_of_fold(training, refit, fit, mode, fewer)
        setting = getattr(training.settings.limits, name)
        found.append(Price(name, str(setting), name in refit.limits, auc_without - auc_now, loss_now - loss_without))
    return found


def _out_of_fold(
    training: Training, refit: AnchoredRefit, fit: AnchoredFit, mode: str, limits: object
) -> tuple[float, float]:
    rows, index = refit.out_of_fold(fit, mode=mode, limits=limits)  # type: ignore[arg-type]
    return _measured(training, rows, index)


def _measured(training: Training, rows: np.ndarray, index: np.ndarray) -> tuple[float, float]:
    y = training.y[rows]
    line = recalibrate(index, y, training.accounts[rows], training.stratum[rows])
    p = line.probability(index, training.stratum[rows])
    return float(auc(y, p)), float(log_loss(y, np.clip(p, 1e-9, 1 - 1e-9)))


def missing_policies(training: Training, derived: DerivedFormula) -> list[dict[str, object]]:
    """The candidate scored under each missing policy: an experiment on training rows, policies compared alike.

    Returns:
        `{policy, auc, log_loss}` per policy; "as exported" is the candidate's own mixture of learned and
        declared values.
    """
    frame = training.frame.iloc[derived.rows]
    bodies = {"as exported": derived.body}
    for policy in _POLICIES:
        body = deepcopy(derived.body)
        for metric in body["metrics"]:
            metric["missing"] = policy
            metric.pop("neutral", None)
            if policy == "neutral":
                metric["neutral"] = 50.0
        body["min_coverage"] = 0
        bodies[policy] = body
    found: list[dict[str, object]] = []
    for policy, body in bodies.items():
        raw = score_frame(body, frame)["raw_score"].to_numpy(dtype=float)
        y = training.y[derived.rows]
        line = recalibrate(raw, y, training.accounts[derived.rows], training.stratum[derived.rows], falling=True)
        p = line.probability(raw, training.stratum[derived.rows])
        found.append(
            {
                "policy": policy,
                "auc": float(auc(y, p)),
                "log_loss": float(log_loss(y, np.clip(p, 1e-9, 1 - 1e-9))),
            }
        )
    return found
