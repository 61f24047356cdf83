"""The contenders, one visible table. Adding one is one entry.

Every contender yields an index per row (a health score, or log-odds of churn), known out of fold on the same later
training rows; the same recalibration then makes it P(churn). What is compared is therefore only how well the index
orders and separates accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnbench.backtesting import Prediction
from churnbench.calibration.derivations import DERIVATIONS, DerivedFormula, derive_draft, derive_today
from churnbench.calibration.gate import Tier
from churnbench.calibration.levelled_curve import levelled, steepness
from churnbench.calibration.training import Settings, Training
from churnbench.domain.cohort import OutcomeWindow
from churnbench.formula import score_frame, with_risk_curve
from churnbench.metrics.discrimination import auc
from churnbench.models import Line, Recalibration, cross_predict, fit_logistic, log_odds, on_one_scale, recalibrate

Kind = Literal["formula", "model", "rule"]
#: Churned accounts that a formula in force had not seen, from which on its risk curve is fitted anew.
EVENTS_TO_REFIT = 20
_CURVE_SCORES = np.linspace(0.0, 100.0, 41)


@dataclass(frozen=True, eq=False)
class FittedContender:
    """A contender fitted on one fold's training rows.

    Attributes:
        name, kind: key and kind in the table.
        recalibration: from index to P(churn).
        index: function of a frame: the index per row.
        rows: positions of training rows whose index is known out of fold.
        out_of_fold: their index.
        parameters: what was chosen, for the record.
        body: for formulas, the config body with its risk curve.
        derived: for formulas, how the weights came about.
        model: native model, for the record.
    """

    name: str
    kind: Kind
    recalibration: Recalibration
    index: Callable[[pd.DataFrame], np.ndarray]
    rows: np.ndarray
    out_of_fold: np.ndarray
    parameters: Mapping[str, object] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    derived: DerivedFormula | None = None
    model: Any = None

    def predict(self, frame: pd.DataFrame) -> Prediction:
        """Predict new rows. A formula answers through its config body, exactly as production would."""
        if self.body is None:
            stratum = frame["stratum"].to_numpy(dtype=object)
            return Prediction(self.recalibration.probability(self.index(frame), stratum), None)
        scored = score_frame(self.body, frame)
        p = scored["churn_probability"].to_numpy(dtype=float)
        health = scored["health_score_x100"].to_numpy(dtype=float, na_value=np.nan) / 100
        return Prediction(np.where(np.isnan(p), self.recalibration.base_rate, p), health)


@dataclass(frozen=True)
class Contender:
    """One row of the table."""

    label: str
    kind: Kind
    fit: Callable[[str, Training, OutcomeWindow | None], FittedContender]


def risk_strata(recalibration: Recalibration, window: OutcomeWindow | None) -> tuple[str | None, list[dict[str, Any]]]:
    """The recalibration of a score as the config's risk curve: points every 2.5, with 90 % intervals.

    Returns:
        Input that chooses the stratum (None without strata) and the strata, the default last.
    """

    def points(line: Line) -> list[list[float]]:
        p = line.probability(_CURVE_SCORES)
        low, high = line.interval(_CURVE_SCORES)
        return [
            [float(score), round(float(at), 6), round(float(below), 6), round(float(above), 6)]
            for score, at, below, above in zip(_CURVE_SCORES, p, low, high, strict=True)
        ]

    if window is None or "renewal" not in recalibration.lines:
        return None, [{"id": "all", "from": None, "to": None, "points": points(recalibration.fallback)}]
    other = recalibration.lines.get("no-renewal", recalibration.fallback)
    return "days_to_renewal", [
        {
            "id": "renewal",
            "from": 1.0,
            "to": float(window.gap_days + window.horizon_days),
            "points": points(recalibration.lines["renewal"]),
        },
        {"id": "no-renewal", "from": None, "to": None, "points": points(other)},
    ]


def _fit_formula(name: str, training: Training, window: OutcomeWindow | None) -> FittedContender:
    if training.teachable:
        derived = training.timed(lambda: DERIVATIONS[name](training))
    else:
        derived = derive_today(training)
    if derived.body == training.today_body:
        return _fit_today(name, training, window)  # no change proposed: it must not differ from what it would replace
    return finish_formula(name, training, derived, window)


def _fit_today(name: str, training: Training, window: OutcomeWindow | None) -> FittedContender:
    """The declared formula, or the one in force with a risk curve that neither flatters nor harms it."""
    found = training.settings.in_force
    derived = derive_today(training)
    fitted = finish_formula(name, training, derived, window)
    if found is None or not (found.body.get("risk_curve") or {}).get("strata"):
        return fitted
    frame, y = training.frame.iloc[derived.rows], training.y[derived.rows]
    unseen = np.zeros(len(y), dtype=bool)
    if window is not None and found.seen_until is not None:
        begins = frame["as_of"] + pd.Timedelta(days=window.gap_days + 1)
        unseen = (begins > pd.Timestamp(found.seen_until)).to_numpy()
    turned = steepness(found.body, frame[unseen], y[unseen], training.accounts[derived.rows][unseen])
    return replace(fitted, body=levelled(found.body, frame, y, turned=turned))


def _fit_draft(name: str, training: Training, window: OutcomeWindow | None) -> FittedContender:
    return finish_formula(name, training, derive_draft(training), window)


def finish_formula(
    name: str, training: Training, derived: DerivedFormula, window: OutcomeWindow | None
) -> FittedContender:
    """Recalibrate a derived formula and put the curve into its body."""
    line = _recalibrated(training, derived.rows, derived.raw_score, falling=True)
    selector, strata = risk_strata(line, window)
    body = with_risk_curve(derived.body, strata, stratum_input=selector)
    return FittedContender(
        name,
        "formula",
        line,
        lambda frame: score_frame(body, frame)["raw_score"].to_numpy(dtype=float),
        derived.rows,
        derived.raw_score,
        derived.notes,
        body,
        derived,
    )


def _recalibrated(training: Training, rows: np.ndarray, index: np.ndarray, *, falling: bool = False) -> Recalibration:
    usable = index if (~np.isnan(index)).any() else np.zeros(len(index))
    return recalibrate(usable, training.y[rows], training.accounts[rows], training.stratum[rows], falling=falling)


def _aligned(training: Training, inner: np.ndarray, final: np.ndarray) -> np.ndarray:
    ends = np.cumsum([len(predict) for _, predict in training.held_out])[:-1]
    return on_one_scale(np.split(inner, ends), np.split(final, ends))


def _constant(name: str, kind: Kind, training: Training) -> FittedContender:
    """What is left when there is nothing to learn from: the base rate."""
    rows = np.arange(len(training.y))
    index = np.zeros(len(rows))
    return FittedContender(
        name,
        kind,
        _recalibrated(training, rows, index),
        lambda frame: np.zeros(len(frame)),
        rows,
        index,
        {"constant": True},
    )


def _fit_lightgbm(name: str, training: Training, window: OutcomeWindow | None) -> FittedContender:  # noqa: ARG001
    if not training.teachable:
        return _constant(name, "model", training)
    boosted, rows = training.boosted, training.held_out_rows
    unseen = training.timed(
        lambda: cross_predict(
            training.matrix,
            training.y,
            boosted,
            folds=training.held_out,
            categories=training.encoder.category_positions,
            seed=training.settings.seed,
        )
    )
    index = _aligned(training, unseen, boosted.log_odds(training.matrix[rows]))
    return FittedContender(
        name,
        "model",
        _recalibrated(training, rows, index),
        lambda frame: boosted.log_odds(training.encoder.matrix(frame)),
        rows,
        index,
        {"depth": boosted.depth, "rounds": boosted.rounds},
        model=boosted.booster,
    )


def _fit_logistic(name: str, training: Training, window: OutcomeWindow | None) -> FittedContender:  # noqa: ARG001
    if not training.teachable:
        return _constant(name, "model", training)
    model, rows, inner, strength = training.timed(
        lambda: fit_logistic(
            training.matrix,
            training.y,
            folds=training.folds,
            held_out=training.held_out,
            categories=training.encoder.category_positions,
            seed=training.settings.seed,
        )
    )
    index = _aligned(training, inner, log_odds(model, training.matrix[rows]))
    return FittedContender(
        name,
        "model",
        _recalibrated(training, rows, index),
        lambda frame: log_odds(model, training.encoder.matrix(frame)),
        rows,
        index,
        {"C": strength},
        model=model,
    )


def _fit_best_single(name: str, training: Training, window: OutcomeWindow | None) -> FittedContender:  # noqa: ARG001
    """The one metric that orders training accounts best, either way round; its rank is the index."""
    best: tuple[float, float, Any, np.ndarray] | None = None
    for curve in training.hand_curves:
        x = curve.values(training.frame)
        known = ~np.isnan(x)
        if known.mean() < 0.5 or len(np.unique(x[known])) < 2 or len(set(training.y[known])) < 2:
            continue
        # The hand points give categories an order; elsewhere ranks are the same either way.
        area = auc(training.y[known], x[known])
        if best is None or abs(area - 0.5) > abs(best[0] - 0.5):
            best = (area, 1.0 if area >= 0.5 else -1.0, curve, np.sort(x[known]))
    if best is None:
        return _constant(name, "rule", training)
    _, sign, curve, ordered = best

    def index(frame: pd.DataFrame) -> np.ndarray:
        x = curve.values(frame)
        left, right = np.searchsorted(ordered, x, "left"), np.searchsorted(ordered, x, "right")
        return np.where(np.isnan(x), 0.0, sign * ((left + right) / (2 * len(ordered)) - 0.5))

    rows = training.held_out_rows
    known_index = index(training.frame.iloc[rows])
    return FittedContender(
        name,
        "rule",
        _recalibrated(training, rows, known_index),
        index,
        rows,
        known_index,
        {"metric": curve.metric},
    )


#: name -> contender, in the order in which tables show them.
CONTENDERS: dict[str, Contender] = {
    "incumbent": Contender("today's formula", "formula", _fit_today),
    "anchored": Contender("anchored refit", "formula", _fit_formula),
    "distilled": Contender("distilled", "formula", _fit_formula),
    "shap_slope": Contender("SHAP slope", "formula", _fit_formula),
    "shap_share": Contender("SHAP share", "formula", _fit_formula),
    "logistic": Contender("logistic regression", "model", _fit_logistic),
    "lightgbm": Contender("LightGBM (ceiling)", "model", _fit_lightgbm),
    "best_single_metric": Contender("best single metric", "rule", _fit_best_single),
}
#: What LightGBM is called where it is no ceiling.
NO_CEILING = "LightGBM (challenger)"
#: What today's formula is called where it is a released one.
IN_FORCE = "formula in force"
#: Enters beside them when somebody brings a formula of their own.
DRAFT = Contender("draft by hand", "formula", _fit_draft)


def contenders_of(settings: Settings, tier: Tier = "full") -> dict[str, Contender]:
    """Who takes part in a review, in the order in which tables show them.

    Args:
        settings: names a draft and the formula in force.
        tier: below "full", boosting has too little to learn from to be what is at most possible.
    """
    found = dict(CONTENDERS)
    if tier != "full":
        found["lightgbm"] = replace(found["lightgbm"], label=NO_CEILING)
    if settings.in_force is not None:
        found["incumbent"] = replace(found["incumbent"], label=IN_FORCE)
    return found if settings.draft is None else {**found, "draft": DRAFT}
