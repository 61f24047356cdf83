"""Fits every method on every fold, times it, and fits it again on halves of the accounts to see what holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from benchmarks.comparison.protocol import Made, Method
from benchmarks.comparison.sets import OpenSet

from churnbench.backtesting import distinct_events
from churnbench.backtesting.splits import deal_accounts
from churnbench.calibration import Training


@dataclass(eq=False)
class Fought:
    """What came out of one set.

    Attributes:
        rows: account_id, fold, y and one column of P(churn) per method; one row per tested row and fold.
        seconds: method -> processor seconds per training set, LightGBM's included where a method starts from it.
        inputs: method -> metrics read, on the last fold.
        notes: method -> what it chose, on the last fold.
        compounds: compound method -> training sets on which it added at least one.
        stability: method -> total-variation distance between the weights of two halves, per pair of halves.
        train_rows, train_events: of the last fold's training rows.
    """

    rows: pd.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    compounds: dict[str, int] = field(default_factory=dict)
    stability: dict[str, list[float]] = field(default_factory=dict)
    train_rows: int = 0
    train_events: int = 0


def fight(opened: OpenSet, methods: Mapping[str, Method], *, halves: int, say: Callable[[str], None]) -> Fought:
    """Every method on every fold of a set, then on `halves` pairs of halves of its last training rows."""
    cohort, blocks = opened.cohort, []
    fought = Fought(pd.DataFrame())
    total = dict.fromkeys(methods, 0.0)
    for number, fold in enumerate(opened.folds):
        training = Training.of(cohort, fold.train_rows, opened.spec, opened.settings)
        test = cohort.frame.loc[fold.test_rows]
        block = pd.DataFrame({"account_id": test["account_id"].to_numpy(dtype=object), "fold": number})
        block["y"] = test["y"].to_numpy(dtype=float)
        begun = time.process_time()
        _ = training.boosted
        boosting = time.process_time() - begun
        for name, method in methods.items():
            made, seconds = _timed(method, training, opened)
            total[name] += seconds + (boosting if method.from_boosting else 0.0)
            block[name] = made.predict(test)
            fought.inputs[name], fought.notes[name] = made.inputs, made.notes
            if name.startswith("compounds"):
                fought.compounds[name] = fought.compounds.get(name, 0) + bool(made.notes)
        blocks.append(block)
        fought.train_rows, fought.train_events = len(training.y), training.events
        say(f"{opened.title}: fold {number + 1} of {len(opened.folds)}")
    fought.rows = pd.concat(blocks, ignore_index=True)
    fought.seconds = {name: seconds / len(opened.folds) for name, seconds in total.items()}
    fought.stability = stability(opened, methods, halves)
    return fought


def _timed(method: Method, training: Training, opened: OpenSet) -> tuple[Made, float]:
    begun = time.process_time()
    made = method.fit(training, opened.cohort.window)
    return made, time.process_time() - begun


def stability(opened: OpenSet, methods: Mapping[str, Method], halves: int) -> dict[str, list[float]]:
    """How differently two halves of the accounts would have weighted: 0 not at all, 1 wholly.

    The halves share no account, so that nothing but the method makes their weights alike. A half on which nothing
    can be fitted gives no distance.
    """
    rows = opened.cohort.frame.loc[opened.last_training]
    found: dict[str, list[float]] = {name: [] for name, method in methods.items() if method.weighted}
    for repeat in range(halves):
        part = deal_accounts(rows, parts=2, seed=opened.settings.seed + repeat)
        sides = [
            Training.of(opened.cohort, rows.index.to_numpy()[part == side], opened.spec, opened.settings)
            for side in (0, 1)
        ]
        if not all(side.teachable and distinct_events(side.frame) >= 20 for side in sides):
            continue
        for name in found:
            first, second = (_weights(methods[name], side, opened) for side in sides)
            if first is not None and second is not None:
                found[name].append(total_variation(first, second))
    return found


def _weights(method: Method, training: Training, opened: OpenSet) -> Mapping[str, float] | None:
    if method.weigh is not None:
        return method.weigh(training)
    return method.fit(training, opened.cohort.window).weights


def total_variation(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Half the summed absolute difference of two sets of shares, 0 to 1; a term that one lacks has share 0 there.

    >>> total_variation({"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5})
    0.5
    """
    together = sorted(set(first) | set(second))
    return 0.5 * float(np.sum([abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in together]))
