"""Evidence about contenders: measures with account intervals on walk-forward rows and on the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnbench.calibration import Contender
from churnbench.domain.progress import Progress
from churnbench.metrics import AccountBootstrap, Estimate, at_capacity, gain_curve, korn_graubard, summarise
from churnbench.metrics.decision import expected_profit, net_benefit
from churnbench.metrics.probability import brier_parts
from churnbench.metrics.reliability import ece, ece_null, reliability_bins

REPLICATES = 1000
#: By-fold intervals are for a plot; fewer resamples do.
_FOLD_REPLICATES = 200
_SEGMENT_ACCOUNTS, _SEGMENT_EVENTS = 30, 5
#: Contenders that curves are drawn for.
DRAWN = ("incumbent", "lightgbm")


@dataclass(frozen=True, eq=False)
class Tested:
    """Predictions on rows that no contender learned from.

    Attributes:
        rows: account_id, as_of, y, fold and `NAME.churn_probability` columns; see `backtesting.pooled`.
        bootstrap: resamples of their accounts.
    """

    rows: pd.DataFrame
    bootstrap: AccountBootstrap

    @classmethod
    def of(cls, rows: pd.DataFrame, seed: int, replicates: int = REPLICATES) -> Tested:
        """Draw the resamples once, so that all contenders are compared on the same ones."""
        accounts = rows["account_id"].to_numpy(dtype=object)
        return cls(rows, AccountBootstrap(accounts, replicates=replicates, seed=seed))

    @property
    def y(self) -> np.ndarray:
        """0/1 (rows,)."""
        return self.rows["y"].to_numpy(dtype=float)

    def probability(self, name: str) -> np.ndarray:
        """P(churn) of a contender (rows,)."""
        return self.rows[f"{name}.churn_probability"].to_numpy(dtype=float)

    @property
    def names(self) -> list[str]:
        """Contenders in the order of the table."""
        ending = ".churn_probability"
        return [name.removesuffix(ending) for name in map(str, self.rows.columns) if name.endswith(ending)]

    def measures(self, name: str) -> dict[str, Estimate]:
        """The seven measures with intervals."""
        return summarise(self.y, self.probability(name), bootstrap=self.bootstrap)

    @property
    def snapshot(self) -> np.ndarray:
        """Snapshot of each row as text ("all" without dates)."""
        return np.asarray(self.rows["as_of"].dt.strftime("%Y-%m-%d").fillna("all").to_numpy(dtype=object))


def as_json(measures: Mapping[str, Estimate]) -> dict[str, Any]:
    """Measures as the evidence holds them."""
    return {name: estimate.as_json() for name, estimate in measures.items()}


def contender_evidence(
    holdout: Tested,
    walk_forward: Tested | None,
    *,
    seen_accounts: frozenset[str],
    capacity: int,
    too_late: int,
    arr: np.ndarray,
    costs: tuple[float, float] | None,
    seconds: Mapping[str, float],
    entered: Mapping[str, Contender],
    progress: Progress,
) -> dict[str, Any]:
    """The `contenders` section.

    Args:
        holdout: predictions on the holdout.
        walk_forward: predictions on earlier folds, or None.
        seen_accounts: accounts that the last training set held.
        capacity: accounts that can be called per snapshot.
        too_late: distinct accounts that churned within the gap after a holdout snapshot and in no window.
        arr: yearly value of the account per holdout row, NaN where unknown.
        costs: cost of a contact and share of contacted churners who stay, when the project names them.
        seconds: fit seconds per contender.
        entered: who took part.
        progress: told of each contender.
    """
    progress.stage("measuring contenders", len(holdout.names))
    folds = _by_fold(walk_forward, holdout)
    found = {}
    for name in holdout.names:
        entry = entered[name]
        found[name] = {
            "kind": entry.kind,
            "label": entry.label,
            "walk_forward": None if walk_forward is None else as_json(walk_forward.measures(name)),
            "holdout": as_json(holdout.measures(name)),
            "unseen_accounts": _unseen(holdout, name, seen_accounts),
            "by_fold": folds[name],
            "at_capacity": at_capacity(
                holdout.y,
                holdout.probability(name),
                holdout.snapshot,
                k=capacity,
                bootstrap=holdout.bootstrap,
                too_late=too_late,
            ).as_json(),
            "further": _further(holdout, name, capacity, arr, costs),
            "fit_seconds": round(seconds.get(name, 0.0), 3),
        }
        progress.step(entry.label)
    return found


def _further(
    holdout: Tested, name: str, capacity: int, arr: np.ndarray, costs: tuple[float, float] | None
) -> dict[str, Any]:
    """Measures that explain the seven: parts of the Brier score, ECE beside its null, net benefit, ARR, profit."""
    y, p = holdout.y, holdout.probability(name)
    parts = brier_parts(y, p)
    base_rate = float(y.mean())
    threshold = 2 * base_rate / (1 + base_rate)  # twice the odds of the base rate
    found: dict[str, Any] = {
        "brier_parts": {
            "miscalibration": parts.miscalibration,
            "discrimination": parts.discrimination,
            "uncertainty": parts.uncertainty,
        },
        "ece": ece(y, p),
        "ece_null": ece_null(p),
        "net_benefit": {"threshold": threshold, "value": net_benefit(y, p, threshold=threshold)},
        "arr_caught_share": _arr_caught(holdout, p, capacity, arr),
        "expected_profit": None,
    }
    known = ~np.isnan(arr)
    if costs is not None and known.any():
        found["expected_profit"] = expected_profit(
            y[known], p[known], value=arr[known], contact_cost=costs[0], save_rate=costs[1]
        )
    return found


def _arr_caught(holdout: Tested, p: np.ndarray, capacity: int, arr: np.ndarray) -> float | None:
    """Share of the churning ARR among the `capacity` riskiest rows of each snapshot."""
    table = pd.DataFrame({"snapshot": holdout.snapshot, "p": p, "lost": np.where(holdout.y == 1, arr, 0.0)})
    table = table[~np.isnan(arr)]
    total = float(table["lost"].sum())
    if total <= 0:
        return None
    rank = table.groupby("snapshot")["p"].rank(ascending=False, method="first")
    return float(table.loc[rank <= capacity, "lost"].sum()) / total


def _by_fold(walk_forward: Tested | None, holdout: Tested) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in holdout.names}
    blocks = [holdout.rows] if walk_forward is None else [walk_forward.rows, holdout.rows]
    for block in blocks:
        for fold, rows in block.groupby("fold", sort=False):
            tested = Tested.of(rows, holdout.bootstrap.seed, _FOLD_REPLICATES)
            events = int(rows.loc[rows["y"] == 1, "account_id"].nunique())
            for name in holdout.names:
                measures = tested.measures(name)
                found[name].append(
                    {
                        "origin": str(fold),
                        "events": events,
                        "auc": measures["auc"].as_json(),
                        "log_loss": measures["log_loss"].as_json(),
                    }
                )
    return found


def _unseen(holdout: Tested, name: str, seen: frozenset[str]) -> dict[str, Any]:
    fresh = ~holdout.rows["account_id"].isin(seen).to_numpy()
    y = holdout.y[fresh]
    events = int(holdout.rows.loc[fresh & (holdout.rows["y"] == 1).to_numpy(), "account_id"].nunique())
    area = Estimate(None)
    if events >= _SEGMENT_EVENTS and 0 < y.sum() < len(y):
        accounts = holdout.rows["account_id"].to_numpy(dtype=object)[fresh]
        area = summarise(y, holdout.probability(name)[fresh], accounts, bootstrap=holdout.bootstrap)["auc"]
    seen_now = int(holdout.rows.loc[fresh, "account_id"].nunique())
    return {"auc": area.as_json(), "accounts": seen_now, "events": events}


def reliability_evidence(holdout: Tested, names: tuple[str, ...]) -> dict[str, Any]:
    """Predicted against observed churn in bins of equal size, intervals with accounts as clusters."""
    accounts = holdout.rows["account_id"].to_numpy(dtype=object)
    found: dict[str, Any] = {}
    for name in names:
        found[name] = []
        for group in reliability_bins(holdout.y, holdout.probability(name)):
            rate = korn_graubard(holdout.y[group.members], accounts[group.members])
            found[name].append(
                {
                    "predicted": group.predicted,
                    "observed": group.observed,
                    "low": rate.low,
                    "high": rate.high,
                    "rows": group.rows,
                    "events": len(set(accounts[group.members][holdout.y[group.members] == 1])),
                }
            )
    return found


def gain_evidence(holdout: Tested, names: tuple[str, ...], capacity: int) -> dict[str, Any]:
    """Share of churners caught against accounts called per snapshot, finest around the team's capacity."""
    largest = int(pd.Series(holdout.snapshot).value_counts().max())
    near, far = np.linspace(0, 5 * capacity, 31), np.linspace(5 * capacity, max(largest, 5 * capacity), 11)
    called = sorted({min(round(float(k)), largest) for k in (*near, *far)})
    found = {}
    for name in names:
        points = gain_curve(
            holdout.y, holdout.probability(name), holdout.snapshot, bootstrap=holdout.bootstrap, called=called
        )
        found[name] = [point.as_json() for point in points]
    return found


def segment_counts(rows: pd.DataFrame, segment: np.ndarray) -> dict[str, tuple[int, int, np.ndarray]]:
    """Segment -> (distinct accounts, distinct churned accounts, row mask)."""
    found = {}
    for name in sorted(set(segment)):
        mask = segment == name
        part = rows[mask]
        found[str(name)] = (
            int(part["account_id"].nunique()),
            int(part.loc[part["y"] == 1, "account_id"].nunique()),
            mask,
        )
    return found


def enough(accounts: int, events: int) -> bool:
    """Whether a segment's own figures may be shown raw (at least 30 accounts and 5 events)."""
    return accounts >= _SEGMENT_ACCOUNTS and events >= _SEGMENT_EVENTS
