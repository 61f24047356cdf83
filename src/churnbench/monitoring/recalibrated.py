"""A draft config whose only change is its risk curve: moved, or moved and tilted, to what has been observed since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.calibration.draft import UNTESTED
from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.export import Document, build_document
from churnbench.formula import Body, with_risk_curve
from churnbench.metrics.reliability import expit, logit
from churnbench.models.recalibration import fit_line
from churnbench.monitoring.budget import LEAST_EVENTS, LEAST_FOR_SHAPE, RECALIBRATE
from churnbench.monitoring.exposure import own_days, part_of_window, scored_book
from churnbench.monitoring.result import Monitoring
from churnbench.monitoring.watch import Watched

Floats = npt.NDArray[np.float64]


def recalibrated_document(
    cohort: Cohort, churns: pd.DataFrame, watched: Watched, found: Monitoring, *, now: datetime | None = None
) -> Document:
    """The draft.

    Args:
        cohort: as for `monitor`.
        churns: as for `monitor`.
        watched: as for `monitor`.
        found: its result; "recalibrate" also tilts the curve, everything else only moves it.
        now: moment of making; the present when None.

    Returns:
        A document with the same formula, bands and inputs. The curve gives as much churn as was observed on the
        recent days. It says of itself that nobody has tested it, and that outcomes up to the end of the data were seen.

    Raises:
        InputError: fewer than 10 new churned accounts (20 for a slope), or data problems.
    """
    if found.data_problems:
        raise InputError(
            "the data have problems, and a curve fitted to them would carry these on.", fix="Mend the data."
        )
    tilt = found.verdict == RECALIBRATE
    least = LEAST_FOR_SHAPE if tilt else LEAST_EVENTS
    if found.recent.observed < least:
        raise InputError(
            f"{found.recent.observed} accounts churned since {found.recent_from}; a new curve takes {least}.",
            fix="Wait for more outcomes.",
        )
    book = scored_book(cohort, churns, dict(watched.document["body"]))
    after = pd.Timestamp(found.recent_from) - pd.Timedelta(days=1)
    rows = own_days(book, after, book.settled)
    slope = _slope(rows) if tilt else 1.0
    intercept = _intercept(rows, slope, book.window)
    body = with_curve_moved(dict(watched.document["body"]), intercept, slope)
    return _document(watched, found, body, intercept, slope, now or datetime.now(UTC))


def with_curve_moved(body: Body, intercept: float, slope: float) -> Body:
    """The body with logit p -> intercept + slope * logit p in every stratum of its risk curve, nothing else changed.

    Args:
        body: a checked body with a risk curve.
        intercept: log-odds.
        slope: > 0.
    """
    curve = body["risk_curve"]
    strata = [
        {
            **{name: stratum.get(name) for name in ("id", "from", "to")},
            "points": [
                [point[0], *_moved(np.array(point[1:], dtype=float), intercept, slope)] for point in stratum["points"]
            ],
        }
        for stratum in curve["strata"]
    ]
    return with_risk_curve(body, strata, stratum_input=curve.get("input"))


def _moved(p: Floats, intercept: float, slope: float) -> list[float]:
    return [float(value) for value in expit(intercept + slope * logit(np.clip(p, 1e-6, 1.0 - 1e-6)))]


def _slope(rows: pd.DataFrame) -> float:
    index = logit(rows["expected"].to_numpy(dtype=float))
    line = fit_line(index, rows["event"].to_numpy(dtype=float), rows["account_id"].to_numpy(dtype=object))
    # A slope of 0 or less says that the ranking is gone, which no tilt mends.
    return max(line.slope, 0.1)


def _intercept(rows: pd.DataFrame, slope: float, window: OutcomeWindow) -> float:
    """Intercept at which as many are expected on the own days as churned."""
    index, days = slope * logit(rows["p"].to_numpy(dtype=float)), rows["days"].to_numpy(dtype=float)
    events, low, high = float(rows["event"].sum()), -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2.0
        expected = float(part_of_window(expit(middle + index), days, window).sum())
        low, high = (middle, high) if expected < events else (low, middle)
    return (low + high) / 2.0


def _document(
    watched: Watched, found: Monitoring, body: Body, intercept: float, slope: float, now: datetime
) -> Document:
    old = watched.document
    started = {"version": old["config_version"], "sha256": old["integrity"]["body_sha256"]}
    moment = now.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    change = f"intercept {intercept:+.3f}" + ("" if slope == 1.0 else f", slope {slope:.3f}")
    sentence = (
        f"{UNTESTED}: the risk curve was moved ({change}) to {found.recent.observed} churned accounts since "
        f"{found.recent_from}, starting from {started['version']} (body {started['sha256'][:12]}). "
        "Backtest it before anybody relies on it."
    )
    seen = str(found.delay["data_through"])
    provenance: Mapping[str, Any] = old.get("provenance") or {}
    first = (provenance.get("label_window") or [seen])[0]
    made = {**provenance, "metrics": [], "verdict": UNTESTED, "warnings": [sentence], "approvals": []}
    draft = {
        "status": UNTESTED,
        "from_version": started["version"],
        "from_body_sha256": started["sha256"],
        "outcomes_from": found.recent_from,
        "intercept": round(intercept, 6),
        "slope": round(slope, 6),
    }
    return build_document(
        body,
        config_id=old["config_id"],
        config_version=f"{str(started['version']).split('-')[0]}-recalibrated",
        sequence=old["sequence"],
        inputs=old.get("inputs", ()),
        provenance={**made, "label_window": [first, seen]},
        lifecycle={"created": moment, "review_by": moment, "hard_expiry": None, "supersedes": started["version"]},
        extra={**(old.get("extra") or {}), "draft": draft},
    )
