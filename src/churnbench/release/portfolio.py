"""What changing the formula does to a book of accounts: who changes band, how far scores move, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.export import Document, score_table
from churnbench.formula import score_frame
from churnbench_scorer import INSUFFICIENT

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
REASONS = 3
#: What happens after the weights; it completes the reasons of a mover.
AFTERWARDS = "ramp, caps and display map"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Flow:
    """Accounts that go from one band to another (or stay).

    Attributes:
        before, after: bands; "insufficient-data" among them.
        accounts: how many.
        arr: sum of what is known, None when nothing is.
    """

    before: str
    after: str
    accounts: int
    arr: float | None


@dataclass(frozen=True)
class Mover:
    """An account whose score moves far.

    Attributes:
        account_id: as text.
        arr: None when unknown.
        score_before, score_after: points.
        band_before, band_after: bands.
        reasons: `(metric, points)`: the largest differences of contributions, largest first.
    """

    account_id: str
    arr: float | None
    score_before: float
    score_after: float
    band_before: str
    band_after: str
    reasons: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class PortfolioShift:
    """Two formulas on the same accounts; `before` and `after` as in `Differences`.

    Attributes:
        accounts: rows scored.
        changed: rows whose score or whether there is one differs.
        bands: every band of either, lowest first, then "insufficient-data".
        flows: the migration matrix, only cells with accounts.
        shift: mean, least, most and quantiles ("q05" ...) of score after - before, points, where both have a score;
            empty when no account has.
        coverage: mean coverage before and after, per cent.
        arr: sums of ARR of accounts that go to a "lower" or "higher" band, or whose score is "lost" or "gained"; None
            without an arr column.
        without_arr: rows whose ARR is unknown; they are in no sum.
        movers: the accounts whose scores move farthest.
    """

    accounts: int
    changed: int
    bands: tuple[str, ...]
    flows: tuple[Flow, ...]
    shift: dict[str, float]
    coverage: dict[str, float | None]
    arr: dict[str, float] | None
    without_arr: int
    movers: tuple[Mover, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)


class Migration:
    """Adds up batches; memory grows by four bytes a row."""

    def __init__(self, before: Document, after: Document, *, movers: int = 20) -> None:
        self._documents, self._most = (before, after), movers
        self._flows: Counter[tuple[str, str]] = Counter()
        self._money: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._known: Counter[tuple[str, str]] = Counter()
        self._shifts: list[npt.NDArray[np.int32]] = []
        self._coverage = [0.0, 0.0]
        self._rows = self._changed = self._without = 0
        self._has_arr = False
        self._kept = self._notes = pd.DataFrame()

    def add(
        self, account_ids: Sequence[object], inputs: pd.DataFrame, arr: Floats | None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Score a batch with both formulas and count it.

        Args:
            account_ids: one per row.
            inputs: one column per input of either; absent ones count as missing.
            arr: ARR per row, NaN where unknown; None when there is none at all.

        Returns:
            The score columns of both, as `churnbench.export.score_table` gives them.
        """
        tables = (score_table(self._documents[0], inputs), score_table(self._documents[1], inputs))
        scores = [table["health_score_x100"].to_numpy(dtype=np.float64, na_value=np.nan) for table in tables]
        shift = scores[1] - scores[0]
        both = ~np.isnan(shift)
        self._rows += len(inputs)
        self._changed += int(np.sum(shift[both] != 0) + np.sum(np.isnan(scores[0]) != np.isnan(scores[1])))
        self._shifts.append(shift[both].astype(np.int32))
        for side in (0, 1):
            self._coverage[side] += float(tables[side]["coverage_bp"].sum())
        money = np.full(len(inputs), np.nan) if arr is None else arr
        self._has_arr = self._has_arr or arr is not None
        self._count(tables, money)
        self._keep(account_ids, inputs, money, shift, tables)
        return tables

    def summary(self) -> PortfolioShift:
        """Everything added so far."""
        rows = self._rows
        shifts = np.concatenate([*self._shifts, np.empty(0, np.int32)]) / 100
        flows = tuple(
            Flow(old, new, count, self._money[old, new] if self._known[old, new] else None)
            for (old, new), count in sorted(self._flows.items(), key=self._place)
        )
        coverage = {
            side: self._coverage[k] / rows / 100 if rows else None for k, side in enumerate(("before", "after"))
        }
        return PortfolioShift(
            rows,
            self._changed,
            self._bands(),
            flows,
            _spread(shifts),
            coverage,
            self._moved() if self._has_arr else None,
            self._without if self._has_arr else 0,
            self._movers(),
        )

    def _count(self, tables: tuple[pd.DataFrame, pd.DataFrame], money: Floats) -> None:
        known = ~np.isnan(money)
        self._without += int(np.sum(~known))
        rows = pd.DataFrame(
            {
                "before": tables[0]["band"].to_numpy(),
                "after": tables[1]["band"].to_numpy(),
                "arr": np.where(known, money, 0.0),
                "known": known,
            }
        )
        grouped = rows.groupby(["before", "after"], sort=False).agg(
            n=("arr", "size"), arr=("arr", "sum"), k=("known", "sum")
        )
        for old, new, count, amount, stated in grouped.reset_index().itertuples(index=False):
            self._flows[old, new] += int(count)
            self._money[old, new] += float(amount)
            self._known[old, new] += int(stated)

    def _keep(
        self,
        account_ids: Sequence[object],
        inputs: pd.DataFrame,
        money: Floats,
        shift: Floats,
        tables: tuple[pd.DataFrame, pd.DataFrame],
    ) -> None:
        """Rows that may be among the farthest movers of the whole book, with their inputs."""
        size = np.nan_to_num(np.abs(shift))
        moved = np.flatnonzero(size > 0)
        chosen = moved[np.lexsort((moved, -np.nan_to_num(money[moved]), -size[moved]))][: self._most]
        if not len(chosen):
            return
        notes = pd.DataFrame(
            {
                "id": [str(account_ids[place]) for place in chosen],
                "arr": money[chosen],
                "size": size[chosen],
                **{f"band{k}": table["band"].to_numpy()[chosen] for k, table in enumerate(tables)},
            }
        )
        kept = inputs.iloc[chosen]
        if not self._notes.empty:
            notes, kept = pd.concat([self._notes, notes]), pd.concat([self._kept, kept])
        notes, kept = notes.reset_index(drop=True), kept.reset_index(drop=True)
        far = notes.sort_values(["size", "arr"], ascending=False, kind="stable", na_position="last").index[: self._most]
        self._notes, self._kept = notes.loc[far].reset_index(drop=True), kept.loc[far].reset_index(drop=True)

    def _movers(self) -> tuple[Mover, ...]:
        if self._notes.empty:
            return ()
        scored = [
            score_frame(one["body"], self._kept, contributions=True, allow_missing=True) for one in self._documents
        ]
        return tuple(self._mover(row, scored) for row in range(len(self._notes)))

    def _mover(self, row: int, scored: list[pd.DataFrame]) -> Mover:
        points: defaultdict[str, float] = defaultdict(float)
        shown = []
        for sign, document, table in zip((-1, 1), self._documents, scored, strict=True):
            total = 0
            for metric in document["body"]["metrics"]:
                gained = int(table[f"{metric['id']}_gained_x100"].iloc[row])
                points[metric["id"]] += sign * gained / 100
                total += gained
            shown.append(int(table["health_score_x100"].iloc[row]))
            points[AFTERWARDS] += sign * (shown[-1] - total) / 100
        reasons = sorted(((name, round(value, 2)) for name, value in points.items()), key=lambda r: (-abs(r[1]), r[0]))
        note = self._notes.iloc[row]
        return Mover(
            str(note["id"]),
            None if np.isnan(note["arr"]) else float(note["arr"]),
            shown[0] / 100,
            shown[1] / 100,
            str(note["band0"]),
            str(note["band1"]),
            tuple(reason for reason in reasons[:REASONS] if reason[1]),
        )

    def _bands(self) -> tuple[str, ...]:
        names = [name for document in self._documents for name, _ in document["body"]["bands"]]
        return (*dict.fromkeys(names), INSUFFICIENT)

    def _place(self, flow: tuple[tuple[str, str], int]) -> tuple[int, int]:
        bands = self._bands()
        return bands.index(flow[0][0]), bands.index(flow[0][1])

    def _moved(self) -> dict[str, float]:
        """ARR by the way it goes; bands are compared by how far up their own list they stand."""
        ranks = [
            {
                name: place / max(1, len(one["body"]["bands"]) - 1)
                for place, (name, _) in enumerate(one["body"]["bands"])
            }
            for one in self._documents
        ]
        moved = {"lower": 0.0, "higher": 0.0, "lost": 0.0, "gained": 0.0}
        for (old, new), amount in self._money.items():
            if INSUFFICIENT in (old, new):
                if old != new:
                    moved["lost" if new == INSUFFICIENT else "gained"] += amount
            elif ranks[0][old] != ranks[1][new]:
                moved["lower" if ranks[1][new] < ranks[0][old] else "higher"] += amount
        return moved


def _spread(shifts: Floats) -> dict[str, float]:
    if not len(shifts):
        return {}
    at = {
        f"q{round(100 * q):02d}": float(value)
        for q, value in zip(QUANTILES, np.quantile(shifts, QUANTILES), strict=True)
    }
    return {"mean": float(np.mean(shifts)), "least": float(shifts.min()), **at, "most": float(shifts.max())}
