"""Small score histories for tests of triggers: a few readings written by hand, or a simulated book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from churnbench.data.sections_playbooks import PlaybooksSection, TriggerSection
from churnbench.data.simulate import World, simulate_world
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.score_history import as_history
from churnbench.labels.outcomes import read_outcomes
from churnbench.labels.window import label_snapshots
from churnbench.playbooks import Declared, Trigger, declare

WINDOW = OutcomeWindow(14, 90, 0)


def readings(account: str, scores: Sequence[float | None], *, every: str = "7D", **columns: Any) -> pd.DataFrame:
    """Readings of one account from 2026-01-05 on: scores, and further columns (one value, or one per reading)."""
    dates = pd.date_range("2026-01-05", periods=len(scores), freq=every)
    known = pd.Series([np.nan if score is None else score for score in scores], dtype=float)
    band = np.where(
        known.isna(), "insufficient-data", np.where(known < 60, "red", np.where(known < 80, "yellow", "green"))
    )
    frame = pd.DataFrame(
        {"account_id": account, "as_of": dates, "health_score_x100": (known * 100).round().astype("Int64")}
    )
    frame["band"] = band
    for name, value in columns.items():
        frame[name] = value
    return frame


def history(*accounts: pd.DataFrame) -> pd.DataFrame:
    """Readings of several accounts as a score history."""
    together = pd.concat(accounts, ignore_index=True)
    return as_history(together, [name for name in together if name not in ("account_id", "as_of", "band")])


def only(settings: Mapping[str, Any] | None = None, **trigger: Any) -> Declared:
    """One trigger and no other; the id is "t" unless given."""
    section = TriggerSection(**{"id": "t", **trigger})
    return declare(PlaybooksSection(use="none", **(settings or {})), [section])


def the(declared: Declared) -> Trigger:
    """The only trigger."""
    (trigger,) = declared.triggers
    return trigger


@lru_cache
def book(seed: int = 1, *, null: bool = False, accounts: int = 600, departures: float = 0.03) -> World:
    """A simulated book whose champions leave often."""
    return simulate_world(accounts, 20, seed, base_rate=0.05, null=null, departures=departures, truth=False)


def watched_book(world: World, noise: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """History and labels of a simulated book.

    The score is a plain mean of shares; churn_probability falls with it. champions_left_90d counts the true departures
    of the last 90 days; with `noise` (a seed) the score is drawn at random instead.
    """
    rows = world.snapshots.copy()
    parts = rows[["active_seats_share", "feature_adoption_share", "training_completion_share"]].clip(0, 1)
    score = 100 * parts.mean(axis=1)
    if noise is not None:
        score = pd.Series(np.random.default_rng(noise).uniform(0, 100, len(rows)))
    rows["health_score_x100"] = (score * 100).round().astype("Int64")
    rows["band"] = np.where(score < 60, "red", np.where(score < 80, "yellow", "green"))
    rows["usage_score"] = 100 * rows["active_seats_share"].clip(0, 1)
    rows["churn_probability"] = 1 / (1 + np.exp(score.astype(float) / 20))
    rows["champions_left_90d"] = left_within(world.departures, rows, 90)
    rows = rows.merge(world.accounts[["account_id", "csm", "segment"]], on="account_id", how="left")
    outcomes = read_outcomes(world.outcomes)
    through = world.snapshots["as_of"].max().date()
    labels = rows[["account_id", "as_of"]].join(label_snapshots(rows, outcomes, WINDOW, through))
    return as_history(rows, ["usage_score", "champions_left_90d", "escalations_90d"]), labels


def left_within(departures: pd.DataFrame, rows: pd.DataFrame, days: int) -> np.ndarray:
    """Departures in the days up to each reading, counted one by one."""
    dates = {account: np.sort(some.to_numpy()) for account, some in departures.groupby("account_id")["departed_on"]}
    found = np.zeros(len(rows))
    for place, (account, as_of) in enumerate(zip(rows["account_id"], rows["as_of"], strict=True)):
        for day in dates.get(account, ()):
            found[place] += pd.Timestamp(as_of) - pd.Timedelta(days=days) < pd.Timestamp(day) <= pd.Timestamp(as_of)
    return found
