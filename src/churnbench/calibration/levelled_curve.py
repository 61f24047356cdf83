"""The risk curve of a released formula, brought to today's level and steepness of risk.

A formula in force has mostly learned from the very rows that the others are recalibrated on. Its scores look sharper
there than they are, and a curve fitted to them would be too steep, so that any candidate would beat it. A curve fitted
to the few outcomes that it had not seen would be too noisy, and any candidate would beat it again. So the released
curve, whose steepness came from rows its fit had not seen, is where it starts: unseen outcomes may turn it as far as
they weigh against what was known at its release, and its level is moved until as many are expected to churn as did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from churnbench.formula import score_frame, with_risk_curve
from churnbench.metrics.reliability import expit, logit

_FARTHEST = 6.0
_EDGE = 1e-6
#: How well the steepness of a released curve is known, relatively: 1 / (spread of log-odds x root of churned accounts)
#: with a spread of .9 and the 120 churned accounts or so that a first promotion rests on.
_STEEPNESS_SD = 0.10
_STEPS = 50


def steepness(body: Mapping[str, Any], frame: pd.DataFrame, y: np.ndarray, accounts: np.ndarray) -> float:
    """By which factor unseen outcomes turn a released curve in log-odds, held back towards 1.

    The maximum of the likelihood of the rows, each churned account counted once, times a normal prior around 1 with
    standard deviation .10.

    Args:
        body: a config body with a risk curve.
        frame: rows whose outcomes the formula had not seen.
        y: 0/1 (rows,).
        accounts: account per row.

    Returns:
        A factor above 0; 1 where the rows say nothing (no curve, one class, no scores).
    """
    p = score_frame(dict(body), frame)["churn_probability"].to_numpy(dtype=float) if len(frame) else np.zeros(0)
    known = ~np.isnan(p)
    y, accounts = np.asarray(y, dtype=float)[known], accounts[known]
    if not 0.0 < float(y.sum()) < len(y):
        return 1.0
    at = logit(np.clip(p[known], _EDGE, 1 - _EDGE))
    # Rows of one account repeat its outcome.
    weight = len(set(accounts[y == 1])) / float(y.sum())
    design = np.column_stack([np.ones(len(at)), at])
    found = np.array([0.0, 1.0])
    held = np.diag([1e-9, 1 / _STEEPNESS_SD**2])
    for _ in range(_STEPS):
        q = expit(design @ found)
        gradient = weight * design.T @ (y - q) - held @ (found - [0.0, 1.0])
        step = np.linalg.solve(weight * (design.T * (q * (1 - q))) @ design + held, gradient)
        found = found + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-10:
            break
    return max(float(found[1]), _STEEPNESS_SD)


def levelled(body: Mapping[str, Any], frame: pd.DataFrame, y: np.ndarray, *, turned: float = 1.0) -> dict[str, Any]:
    """The body with its risk curve turned and moved in log-odds so that expected and observed churn agree.

    Args:
        body: a config body with a risk curve.
        frame: rows with its inputs.
        y: 0/1 (rows,).
        turned: factor on the log-odds, from `steepness`.

    Returns:
        A new body; the same where nothing can be moved (no curve, no scored rows, or one class only).
    """
    p = score_frame(dict(body), frame)["churn_probability"].to_numpy(dtype=float)
    known = ~np.isnan(p)
    if not known.any() or not 0.0 < float(y[known].mean()) < 1.0:
        return dict(body)
    at, rate = turned * logit(np.clip(p[known], _EDGE, 1 - _EDGE)), float(y[known].mean())

    def excess(shift: float) -> float:
        return float(expit(at + shift).mean()) - rate

    if excess(-_FARTHEST) >= 0 or excess(_FARTHEST) <= 0:
        return dict(body)
    shift = float(brentq(excess, -_FARTHEST, _FARTHEST, xtol=1e-9))
    curve = body["risk_curve"]
    strata = [
        {**stratum, "points": [_moved(point, turned, shift) for point in stratum["points"]]}
        for stratum in curve["strata"]
    ]
    return with_risk_curve(dict(body), strata, stratum_input=curve["input"])


def _moved(point: list[float], turned: float, shift: float) -> list[float]:
    score, *risks = point
    moved = expit(turned * logit(np.clip(np.asarray(risks, dtype=float), _EDGE, 1 - _EDGE)) + shift)
    return [float(score), *(float(risk) for risk in moved)]
