"""The risk curve of a released formula, brought to the level of risk of today.

A formula in force has mostly learned from the very rows that the others are recalibrated on. Its scores look sharper
there than they are, and a curve fitted to them would be too steep, so that any candidate would beat it. So its curve
keeps the slope that it was released with, which came from rows its fit had not seen, and only its level is moved, until
as many are expected to churn as did.
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


def levelled(body: Mapping[str, Any], frame: pd.DataFrame, y: np.ndarray) -> dict[str, Any]:
    """The body with its risk curve moved in log-odds so that expected and observed churn agree.

    Args:
        body: a config body with a risk curve.
        frame: rows with its inputs.
        y: 0/1 (rows,).

    Returns:
        A new body; the same where nothing can be moved (no curve, no scored rows, or one class only).
    """
    p = score_frame(dict(body), frame)["churn_probability"].to_numpy(dtype=float)
    known = ~np.isnan(p)
    if not known.any() or not 0.0 < float(y[known].mean()) < 1.0:
        return dict(body)
    at, rate = logit(np.clip(p[known], _EDGE, 1 - _EDGE)), float(y[known].mean())

    def excess(shift: float) -> float:
        return float(expit(at + shift).mean()) - rate

    if excess(-_FARTHEST) >= 0 or excess(_FARTHEST) <= 0:
        return dict(body)
    shift = float(brentq(excess, -_FARTHEST, _FARTHEST, xtol=1e-9))
    curve = body["risk_curve"]
    strata = [
        {**stratum, "points": [_moved(point, shift) for point in stratum["points"]]} for stratum in curve["strata"]
    ]
    return with_risk_curve(dict(body), strata, stratum_input=curve["input"])


def _moved(point: list[float], shift: float) -> list[float]:
    score, *risks = point
    moved = expit(logit(np.clip(np.asarray(risks, dtype=float), _EDGE, 1 - _EDGE)) + shift)
    return [float(score), *(float(risk) for risk in moved)]
