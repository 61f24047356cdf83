"""What the last notebook needs to hold claims against the truth of a simulated world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

import churnbench as cb
from churnbench.data.simulate import World
from churnbench.data.simulate_demo import simulated_project
from churnbench.metrics.discrimination import auc
from churnbench.workflow import OpenProject
from guided.opening import scratch

Figure = tuple[float, float, float]


@dataclass
class Ledger:
    """Every interval that the review printed, beside the truth."""

    claims: list[dict[str, Any]] = field(default_factory=list)

    def note(self, about: str, item: str, figure: Figure, truth: float) -> None:
        """Note a claim `(value, low, high)` and the truth."""
        value, low, high = figure
        self.claims.append({"about": about, "item": item, "value": value, "low": low, "high": high, "truth": truth})

    def table(self) -> pd.DataFrame:
        """One row per claim: whether it holds, and how far off it is in half-widths on the side of the truth."""
        ledger = pd.DataFrame(self.claims)
        ledger["holds"] = ledger["truth"].between(ledger["low"], ledger["high"])
        above = ledger["truth"] > ledger["value"]
        half = np.where(above, ledger["high"] - ledger["value"], ledger["value"] - ledger["low"])
        ledger["in_halves"] = (ledger["truth"] - ledger["value"]) / np.maximum(half, 1e-12)
        return ledger


def figure_of(entry: Mapping[str, Any]) -> Figure:
    """`(value, low, high)` of an entry of the evidence."""
    low, high = entry["ci90"]
    return entry["value"], low, high


def opened(world: World, name: str) -> OpenProject:
    """A world as a project folder, opened the way any project is."""
    folder = scratch() / name
    simulated_project(world, folder)
    return cb.open_project(folder)


def with_truth(rows: pd.DataFrame, world: World) -> pd.DataFrame:
    """Rows beside `true_p`, the true probability that the account leaves in the outcome window."""
    known = world.truth_table[["account_id", "as_of", "churn_probability"]]
    return rows.merge(known.rename(columns={"churn_probability": "true_p"}), on=["account_id", "as_of"])


def true_auc(true_p: pd.Series, risk: np.ndarray) -> float:
    """AUC expected over the luck of who leaves: each row counts as churned with its true probability."""
    y = np.repeat([1.0, 0.0], len(true_p))
    return auc(y, np.tile(risk, 2), weights=np.concatenate([true_p, 1 - true_p]))


def true_log_loss(true_p: pd.Series, risk: np.ndarray) -> float:
    """Log loss expected over the luck of who leaves."""
    p, q = true_p.to_numpy(), np.clip(risk, 1e-9, 1 - 1e-9)
    return float(-np.mean(p * np.log(q) + (1 - p) * np.log(1 - q)))


def claimed_risk(config: Any, strata: Iterable[Mapping[str, Any]], rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a claimed probability, its band and the interval of the risk curve of their stratum."""
    scored = cb.score(config, rows)
    found = rows.assign(
        claimed=scored["churn_probability"].to_numpy(dtype=float), band=scored["band"].to_numpy(dtype=object)
    ).dropna(subset="claimed")
    for stratum in strata:
        points, inside = np.array(stratum["points"]), found["stratum"] == stratum["id"]
        for column, place in (("low", 2), ("high", 3)):
            # The curve falls with the score, so the claimed probability tells where on it an account is.
            at = np.interp(found.loc[inside, "claimed"], points[::-1, 1], points[::-1, place])
            found.loc[inside, column] = at
    return found


def grouped(rows: pd.DataFrame, by: str, parts: int = 8) -> pd.DataFrame:
    """Means of groups of equal size by `claimed` or `true_p`, and the middle 80 % of the other of the two."""
    groups = rows.groupby(pd.qcut(rows[by], parts, duplicates="drop"), observed=True)
    other = "true_p" if by == "claimed" else "claimed"
    table = groups[["claimed", "low", "high", "true_p", "y"]].mean()
    return table.assign(p10=groups[other].quantile(0.1), p90=groups[other].quantile(0.9)).reset_index(drop=True)
