"""Proof 1: what the workbench prints about a book, beside what is true of the endless book it was drawn from.

One replicate serves many promises: intervals of AUC, log loss and their difference, risk per band, weights, the risk
curve; the promises of cut-offs; the recovery of weights and curves; and backtest AUC beside live AUC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from churnbench.calibration import resample_weights
from churnbench.calibration.derivations import formula_curves
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.domain.progress import Silent
from churnbench.formula import score_frame
from churnbench.metrics import korn_graubard
from churnbench.metrics.discrimination import auc
from churnbench.metrics.probability import log_loss
from churnbench.models import fit_boosting
from proofs.books import Recipe, book_of, folds_of, pooled_cohort, preset_formula
from proofs.montecarlo import replicate
from proofs.reviewed import FORMULAS, Reviewed, difference, population_rows, review
from proofs.truth import Truth, effective_shares, known_curves, learn_truth, total_variation

#: About 240 distinct churned accounts in training.
RECIPE = Recipe(accounts=2000, months=30)
#: Books that make up the population, and the seed of the first (replicates use 1, 2, ...).
POPULATION_BOOKS, POPULATION_SEED = 60, 1_000_000
_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
#: Share of accounts on either side of a place of the risk curve whose churn is its truth.
_REACH = 0.08
#: The careless backtest (rows dealt at random) is shown on the first books only.
_CARELESS = 10


@dataclass(frozen=True, eq=False)
class Setting:
    """What every replicate is held against.

    Attributes:
        recipe: kind of book.
        spec: today's formula.
        truth: the population's own formula.
        later: population rows on the holdout's dates.
        calibrated: population rows on the dates whose out-of-fold scores calibrate risks and cut-offs.
    """

    recipe: Recipe
    spec: FormulaSpec
    truth: Truth
    later: pd.DataFrame
    calibrated: pd.DataFrame


@dataclass(frozen=True)
class Claim:
    """A printed figure with its 90 % interval, beside the truth and how well that is known (one standard error)."""

    seed: int
    quantity: str
    item: str
    value: float
    low: float
    high: float
    truth: float
    truth_error: float = float("nan")


def prepare(recipe: Recipe = RECIPE, books: int = POPULATION_BOOKS) -> Setting:
    """Draw the population and learn its formula."""
    spec = preset_formula()
    probe = recipe.cohort(0)
    folds = folds_of(probe)
    population = pooled_cohort(recipe, books, POPULATION_SEED)
    later = population_rows(population, probe.frame.loc[folds[-1].test_rows])
    earlier = pd.concat([probe.frame.loc[fold.test_rows] for fold in folds[:-1]])
    calibrated = population_rows(population, earlier, books=books)
    return Setting(recipe, spec, learn_truth(population, spec), later, calibrated)


def halves_apart(recipe: Recipe = RECIPE, books: int = POPULATION_BOOKS) -> float:
    """Distance between the true metric weights that either half of the population gives: how well truth is known."""
    population = pooled_cohort(recipe, books, POPULATION_SEED)
    number = book_of(population.frame)
    halves = [replace(population, frame=population.frame[number % 2 == part]) for part in (0, 1)]
    one, other = (learn_truth(half, preset_formula()) for half in halves)
    return total_variation(one.signed(), other.signed())


def run(replicates: int, jobs: int, setting: Setting | None = None, first: int = 1) -> dict[str, pd.DataFrame]:
    """All replicates, the books of seeds `first`, `first` + 1, ...

    Returns:
        Tables: claims (see `Claim`, with covered), promises, recovery, live.
    """
    held = setting or prepare()
    found: dict[str, list[Any]] = {"claims": [], "promises": [], "recovery": [], "live": []}
    for one in replicate(partial(_one, held, first), range(first, first + replicates), jobs=jobs, label="coverage"):
        for name, rows in one.items():
            found[name] += rows
    tables = {name: pd.DataFrame(rows) for name, rows in found.items()}
    claims = tables["claims"]
    claims["covered"] = (claims["low"] <= claims["truth"]) & (claims["truth"] <= claims["high"])
    return tables


def _one(setting: Setting, first: int, seed: int) -> dict[str, list[Any]]:
    reviewed = review(setting.recipe, setting.spec, seed, names=FORMULAS)
    if reviewed is None:
        return {"claims": [], "promises": [], "recovery": [], "live": []}
    return {
        "claims": list(claims(reviewed, setting, seed)),
        "promises": list(promises(reviewed, setting, seed)),
        "recovery": list(recovery(reviewed, setting.truth, seed)),
        "live": live(reviewed, setting, seed, careless=seed < first + _CARELESS),
    }


def claims(reviewed: Reviewed, setting: Setting, seed: int) -> Iterator[Claim]:
    """Every interval of a review that has a population value."""
    later, tested, fitted = setting.later, reviewed.tested, reviewed.backtest.fitted
    y = later["y"].to_numpy(dtype=float)
    losses = {}
    for name in ("incumbent", "anchored"):
        p = fitted[name].predict(later).churn_probability
        measures = tested.measures(name)
        losses[name] = log_loss(y, p)
        for quantity, key, truth in (("AUC", "auc", auc(y, p)), ("log loss", "log_loss", losses[name])):
            estimate = measures[key]
            yield Claim(seed, quantity, name, _f(estimate.value), _f(estimate.low), _f(estimate.high), truth)
    delta = difference(reviewed)
    gain = losses["incumbent"] - losses["anchored"]
    yield Claim(seed, "log loss difference", "anchored", _f(delta.value), _f(delta.low), _f(delta.high), gain)
    yield from _bands(reviewed, later, seed)
    yield from _risk_curve(reviewed, setting.calibrated, seed)
    yield from _weights(reviewed, setting.truth, seed)


def _f(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _bands(reviewed: Reviewed, later: pd.DataFrame, seed: int) -> Iterator[Claim]:
    hold = reviewed.cohort.frame.loc[reviewed.tested.rows.index]
    y, accounts = hold["y"].to_numpy(dtype=float), hold["account_id"].to_numpy(dtype=object)
    for name in ("incumbent", "anchored"):
        body = reviewed.backtest.fitted[name].body or {}
        here = score_frame(body, hold)["band"].to_numpy(dtype=object)
        there = score_frame(body, later)["band"].to_numpy(dtype=object)
        for band, _ in body["bands"]:
            mine, theirs = here == band, there == band
            if mine.any() and theirs.any():
                rate = korn_graubard(y[mine], accounts[mine])
                true, error = _rate(later["y"].to_numpy(dtype=float)[theirs], later["book"].to_numpy()[theirs])
                yield Claim(
                    seed, "band risk", f"{name} {band}", _f(rate.value), _f(rate.low), _f(rate.high), true, error
                )


def _risk_curve(reviewed: Reviewed, rows: pd.DataFrame, seed: int) -> Iterator[Claim]:
    """The curve at five quantiles of the score per renewal stratum, against the churn rate of accounts near it."""
    candidate = reviewed.backtest.candidate
    raw = score_frame(candidate.body or {}, rows)["raw_score"].to_numpy(dtype=float)
    y, stratum = rows["y"].to_numpy(dtype=float), rows["stratum"].to_numpy(dtype=object)
    book = rows["book"].to_numpy()
    for name in sorted(set(stratum)):
        line = candidate.recalibration.lines.get(name, candidate.recalibration.fallback)
        inside = (stratum == name) & ~np.isnan(raw)
        for quantile in _QUANTILES:
            low, high = np.quantile(raw[inside], [quantile - _REACH, quantile + _REACH])
            near = inside & (raw >= low) & (raw <= high)
            below, above = (float(end.mean()) for end in line.interval(raw[near]))
            said = float(line.probability(raw[near]).mean())
            true, error = _rate(y[near], book[near])
            yield Claim(seed, "risk curve", f"{name} {quantile:.0%}", said, below, above, true, error)


def _rate(y: np.ndarray, book: np.ndarray) -> tuple[float, float]:
    """Churn rate and its standard error, from how the books of the population differ."""
    rate = float(y.mean())
    sums = np.bincount(book, y - rate)
    return rate, float(np.sqrt((sums**2).sum())) / len(y)


def _weights(reviewed: Reviewed, truth: Truth, seed: int) -> Iterator[Claim]:
    training, derived = reviewed.backtest.training, reviewed.backtest.fitted["anchored"].derived
    if derived is None or derived.refit is None:
        return
    spread = resample_weights(training, derived.refit[1], Silent())
    if spread is None:
        return
    true = truth.shares({ramps.metric: ramps.knots for ramps in derived.refit[1].basis.ramps})
    for metric, (low, high) in spread.metrics.items():
        yield Claim(seed, "metric weight", metric, derived.shares[metric], low, high, true[metric])
    true_by, own_by = truth.by_dimension(true), truth.by_dimension(derived.shares)
    for dimension, (low, high) in spread.dimensions.items():
        yield Claim(seed, "dimension weight", dimension, own_by[dimension], low, high, true_by[dimension])


def promises(reviewed: Reviewed, setting: Setting, seed: int) -> Iterator[dict[str, Any]]:
    """Cut-offs that promise a risk: what the population shows beyond them, in both periods."""
    proposal = reviewed.backtest.proposal
    top = len(proposal.thresholds) - 1
    for place, threshold in enumerate(proposal.thresholds):
        if place not in (0, top):
            continue
        cut = threshold.cut
        made = cut is not None and cut.promise is not None
        row: dict[str, Any] = {"seed": seed, "end": "green" if place else "red", "made": made}
        for period, rows in (("calibrated", setting.calibrated), ("later", setting.later)):
            raw = score_frame(reviewed.backtest.candidate.body or {}, rows)["raw_score"].to_numpy(dtype=float)
            y = rows["y"].to_numpy(dtype=float)
            inside = raw >= threshold.from_raw if place else raw < proposal.thresholds[1].from_raw
            rate = float(y[inside].mean()) if inside.any() else float("nan")
            row[f"{period}_rate"] = rate
            promise = cut.promise if cut is not None and cut.promise is not None else float("nan")
            row["promise"] = promise
            row[f"{period}_broken"] = bool(made and (rate > promise if place else rate < promise))
        yield row


def recovery(reviewed: Reviewed, truth: Truth, seed: int) -> Iterator[dict[str, Any]]:
    """How far each way's weights and curves are from the truth."""
    training, fitted = reviewed.backtest.training, reviewed.backtest.fitted
    signed = truth.signed()
    true = {metric: abs(share) for metric, share in signed.items()}
    bodies = {name: fitted[name].body or {} for name in FORMULAS}
    for name, body in bodies.items():
        own = effective_shares(body, truth.grid)
        yield {"seed": seed, "name": name, "events": training.events, **_errors(own, signed, true, truth)}
    known = known_curves(training, truth)
    yield {"seed": seed, "name": "curves known", "events": training.events, **_errors(known, signed, true, truth)}
    derived = fitted["anchored"].derived
    if derived is None or derived.refit is None:
        return
    refit, fit = derived.refit
    fits = {
        "maximum likelihood, directions declared": refit.fit_part(refit.whole, 100.0, "declared"),
        "maximum likelihood": refit.fit_part(refit.whole, 100.0, "audited"),
        "anchored": fit,
    }
    for name, found in fits.items():
        curves, _ = formula_curves(training, found)
        if name != "anchored":
            shares = {curve.id: curve.share for curve in curves}
            turned = {change.metric for change in found.changes if change.shape == "flipped"}
            up = {m.id: (m.direction == "higher_is_healthier") != (m.id in turned) for m in training.spec.metrics}
            own = {metric: share if up[metric] else -share for metric, share in shares.items()}
            yield {"seed": seed, "name": name, "events": training.events, **_errors(own, signed, true, truth)}
        error = sum(
            true[curve.id]
            * float(
                np.abs(_points(curve.rule, truth.grid[curve.id]) - truth.curve(curve.id, truth.grid[curve.id])).mean()
            )
            for curve in curves
            if curve.rule is not None and curve.rule["kind"] in {"piecewise", "ratio"}
        )
        yield {"seed": seed, "name": f"{name} curves", "events": training.events, "curve_error": error}


def _errors(own: dict[str, float], signed: dict[str, float], true: dict[str, float], truth: Truth) -> dict[str, float]:
    size = {metric: abs(share) for metric, share in own.items()}
    return {
        "metric": total_variation(true, size),
        "metric_signed": total_variation(signed, own),
        "dimension": total_variation(truth.by_dimension(true), truth.by_dimension(size)),
    }


def _points(rule: Any, x: np.ndarray) -> np.ndarray:
    knots = np.asarray(rule["points"], dtype=float)
    values = np.interp(x, knots[:, 0], knots[:, 1])
    span = float(np.ptp(values))
    return 100 * (values - values.min()) / span if span > 0 else np.full(len(x), 50.0)


def live(reviewed: Reviewed, setting: Setting, seed: int, *, careless: bool) -> list[dict[str, Any]]:
    """Backtest AUC beside the AUC that the same fitted contender has on accounts and days nobody saw."""
    y = setting.later["y"].to_numpy(dtype=float)
    book = setting.later["book"].to_numpy()
    members = [np.flatnonzero(book == number) for number in np.unique(book)]

    def row(name: str, said: float, risk: np.ndarray) -> dict[str, Any]:
        # The population is only so many books; its AUC is known no better than those differ.
        each = [auc(y[rows], risk[rows]) for rows in members]
        error = float(np.std(each, ddof=1) / np.sqrt(len(each)))
        return {"seed": seed, "name": name, "backtest": said, "live": auc(y, risk), "live_error": error}

    found = []
    for name in ("incumbent", "anchored"):
        fitted = reviewed.backtest.fitted[name]
        said = auc(reviewed.tested.y, reviewed.tested.probability(name))
        found.append(row(name, said, fitted.predict(setting.later).churn_probability))
    training: Any = reviewed.backtest.training
    matrix = training.encoder.matrix(setting.later)
    boosted = training.boosted
    hold = training.encoder.matrix(reviewed.cohort.frame.loc[reviewed.tested.rows.index])
    said = auc(reviewed.tested.y, boosted.log_odds(hold))
    found.append(row("lightgbm", said, boosted.log_odds(matrix)))
    if not careless:
        return found
    shuffled = np.random.default_rng(seed).permutation(len(training.y))
    parts = np.array_split(shuffled, 5)
    folds = [(np.concatenate([p for p in parts if p is not part]), part) for part in parts]
    shown = fit_boosting(
        training.matrix,
        training.y,
        folds=folds,
        events=training.events,
        categories=training.encoder.category_positions,
        names=training.metrics,
        seed=seed,
        contribution_rows=1,
    )
    said = auc(training.y[shown.rows], shown.index)
    found.append(row("lightgbm, rows dealt at random", said, shown.log_odds(matrix)))
    return found
