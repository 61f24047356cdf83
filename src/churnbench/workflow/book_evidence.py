"""Evidence about the book of accounts: bands, who would move, segments, drift, and caveats on usual targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from churnbench.calibration import pooled_rates, settled_history
from churnbench.formula import score_frame
from churnbench.metrics import korn_graubard
from churnbench.metrics.rates import effective_size
from churnbench.metrics.summary import paired_log_loss_difference, summarise
from churnbench.workflow.contender_evidence import Tested, enough, segment_counts

_MOVERS = 200
_READINGS = 2
_DAYS_PER_YEAR = 365.25


def bands_of(body: Mapping[str, Any], frame: pd.DataFrame) -> np.ndarray:
    """Band of each row under a formula (rows,), str objects."""
    return score_frame(dict(body), frame)["band"].to_numpy(dtype=object)


def band_evidence(
    name: str, body: Mapping[str, Any], rows: pd.DataFrame, bands: np.ndarray, snapshots: int
) -> list[dict[str, Any]]:
    """One entry per band of a formula on the holdout rows; `arr` is the mean sum per snapshot."""
    starts = {band: start / 100 for band, start in body["bands"]}
    y, accounts = rows["y"].to_numpy(dtype=float), rows["account_id"].to_numpy(dtype=object)
    arr = rows["arr"].to_numpy(dtype=float)
    found = []
    for band in [*starts, *sorted(set(bands) - set(starts))]:
        inside = bands == band
        rate = korn_graubard(y[inside], accounts[inside]) if inside.any() else None
        known = arr[inside & ~np.isnan(arr)]
        found.append(
            {
                "formula": name,
                "band": band,
                "from": starts.get(band),
                "accounts": len(set(accounts[inside])),
                "share": float(inside.mean()),
                "events": len(set(accounts[inside & (y == 1)])),
                "rate": None if rate is None else rate.value,
                "ci90": None if rate is None or rate.low is None else [rate.low, rate.high],
                "arr": float(known.sum()) / max(snapshots, 1) if len(known) else None,
            }
        )
    return found


def band_check(entries: Sequence[Mapping[str, Any]], base_rate: float) -> dict[str, Any]:
    """Shares times rates must sum to the base rate; a band table that does not is made up."""
    total = sum(entry["share"] * (entry["rate"] or 0.0) for entry in entries)
    return {"sum_share_times_rate": total, "base_rate": base_rate, "ok": abs(total - base_rate) < 1e-9}


def band_change_evidence(rows: pd.DataFrame, bands: np.ndarray) -> dict[str, Any] | None:
    """Band changes per account and year, as scored and with hysteresis of two consecutive readings."""
    if rows["as_of"].isna().all() or rows["as_of"].nunique() < 2:
        return None
    table = rows[["account_id", "as_of"]].assign(band=bands).sort_values(["account_id", "as_of"])
    reading = table.groupby("account_id", sort=False).cumcount().to_numpy()
    # One row per account, one column per reading, "" after an account's last.
    history = table.assign(reading=reading).set_index(["account_id", "reading"])["band"].unstack().fillna("")  # noqa: PD010
    seen = history.to_numpy(dtype=object)
    settled = settled_history(seen, _READINGS)
    span = table.groupby("account_id", sort=False)["as_of"].agg(["min", "max"])
    years = float((span["max"] - span["min"]).dt.days.sum()) / _DAYS_PER_YEAR
    if years == 0:
        return None
    later = seen[:, 1:] != ""
    return {
        "readings": _READINGS,
        "per_account_year": float(((seen[:, 1:] != seen[:, :-1]) & later).sum()) / years,
        "per_account_year_with_hysteresis": float(((settled[:, 1:] != settled[:, :-1]) & later).sum()) / years,
    }


def segment_evidence(tested: Tested, rows: pd.DataFrame, candidate: str) -> list[dict[str, Any]]:
    """Per segment: base rate, pooled rate, and old against new where the segment is large enough."""
    segment = rows["segment"].to_numpy(dtype=object)
    counts = segment_counts(rows, segment)
    if len(counts) < 2:
        return []
    y = tested.y
    accounts = rows["account_id"].to_numpy(dtype=object)
    sizes = {}
    for name, (_, _, mask) in counts.items():
        size = effective_size(y[mask], accounts[mask])
        sizes[name] = (float(y[mask].mean()) * size, size)
    pooled = pooled_rates(sizes)
    level = 1 - 0.1 / len(counts)
    found = []
    for name, (account_count, events, mask) in counts.items():
        entry: dict[str, Any] = {
            "segment": name,
            "accounts": account_count,
            "events": events,
            "base_rate": float(y[mask].mean()),
            "pooled_rate": {"value": pooled[name].value, "ci90": [pooled[name].low, pooled[name].high]},
            "raw": enough(account_count, events),
            "auc": None,
            "delta_log_loss": None,
        }
        if enough(account_count, events):
            old, new = tested.probability("incumbent")[mask], tested.probability(candidate)[mask]
            entry["auc"] = {
                label: summarise(y[mask], p, accounts[mask], bootstrap=tested.bootstrap)["auc"].as_json()
                for label, p in (("incumbent", old), ("candidate", new))
            }
            delta = paired_log_loss_difference(y[mask], old, new, accounts[mask], bootstrap=tested.bootstrap)
            entry["delta_log_loss"] = delta.as_json()
            # The guard looks at all segments at once, so its level is shared among them.
            guard = paired_log_loss_difference(
                y[mask], old, new, accounts[mask], bootstrap=tested.bootstrap, level=level
            )
            entry["worse"] = bool(guard.high is not None and guard.high < 0)
        found.append(entry)
    return found


def mover_evidence(latest: pd.DataFrame, incumbent: Mapping[str, Any], candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Who changes band if the candidate is adopted, at the newest snapshot."""
    old, new = score_frame(dict(incumbent), latest), score_frame(dict(candidate), latest)
    arr = latest["arr"].to_numpy(dtype=float)
    table = pd.DataFrame(
        {
            "account_id": latest["account_id"].to_numpy(dtype=object),
            "segment": latest["segment"].to_numpy(dtype=object),
            "arr": arr,
            "from": old["band"].to_numpy(dtype=object),
            "to": new["band"].to_numpy(dtype=object),
        }
    )
    matrix = []
    for (start, end), group in table.groupby(["from", "to"], sort=True):
        known = group["arr"].dropna()
        matrix.append(
            {
                "from": start,
                "to": end,
                "accounts": len(group),
                "arr": float(known.sum()) if len(known) else None,
            }
        )
    moving = table[table["from"] != table["to"]]
    order = moving.assign(size=moving["arr"].fillna(-1.0)).sort_values(["size", "account_id"], ascending=[False, True])
    chosen = order.index[:_MOVERS].to_numpy()
    return {"matrix": matrix, "accounts": _explained(latest, table, old, new, candidate, chosen)}


def _explained(
    latest: pd.DataFrame,
    table: pd.DataFrame,
    old: pd.DataFrame,
    new: pd.DataFrame,
    candidate: Mapping[str, Any],
    chosen: np.ndarray,
) -> list[dict[str, Any]]:
    detailed = score_frame(dict(candidate), latest, contributions=True)
    metrics = [metric["id"] for metric in candidate["metrics"]]
    gained = pd.DataFrame({m: detailed[f"{m}_gained_x100"].astype("Float64") / 100 for m in metrics})
    median = gained.median()
    inputs = {metric["id"]: metric["input"] for metric in candidate["metrics"]}

    def shown(scores: pd.DataFrame, position: int) -> float | None:
        value = scores["health_score_x100"].iloc[position]
        return None if pd.isna(value) else int(value) / 100

    found = []
    for position in chosen:
        row = table.iloc[position]
        parts = [
            {
                "metric": metric,
                "value": _plain(latest[inputs[metric]].iloc[position]),
                "points": float(gained[metric].iloc[position]),
                "median_points": float(median[metric]),
            }
            for metric in gained.columns
            if not pd.isna(gained[metric].iloc[position])
        ]
        p = new["churn_probability"].iloc[position]
        found.append(
            {
                "account_id": str(row["account_id"]),
                "segment": str(row["segment"]),
                "arr": None if math.isnan(row["arr"]) else float(row["arr"]),
                "from_band": row["from"],
                "to_band": row["to"],
                "from_score": shown(old, position),
                "to_score": shown(new, position),
                "churn_probability": None if pd.isna(p) else float(p),
                "contributions": sorted(parts, key=lambda part: -abs(part["points"] - part["median_points"])),
            }
        )
    return found


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value if isinstance(value, str) else float(value)


def drift_evidence(
    train_rate: float, holdout_rate: float, candidate: Mapping[str, Any], training_auc: float | None
) -> dict[str, Any]:
    """Base rate in training and holdout, and what the change did to the candidate's probabilities."""
    holdout = candidate["holdout"]
    ratio = holdout["observed_over_expected"]["value"]
    area = holdout["auc"]["value"]
    direction = "rose" if holdout_rate > train_rate else "fell"
    sentence = (
        f"Churn {direction} from {train_rate:.1%} in the later training rows, which set the probabilities, to "
        f"{holdout_rate:.1%} in the holdout."
    )
    if abs(holdout_rate - train_rate) < 0.1 * train_rate:
        sentence = f"Churn stayed near {train_rate:.1%} (holdout {holdout_rate:.1%})."
    if area is not None and training_auc is not None:
        sentence += f" Ranking: AUC {area:.3f} in the holdout, {training_auc:.3f} on later rows inside training."
    interval = holdout["observed_over_expected"]["ci90"]
    if ratio is not None and interval is not None and not interval[0] <= 1 <= interval[1]:
        off = "low" if ratio > 1 else "high"
        sentence += (
            f" Probabilities are too {off}: {ratio:.2f} times as many churned as expected "
            f"(90 % interval {interval[0]:.2f} to {interval[1]:.2f}). Recalibrate the intercept before using them."
        )
    return {"train_base_rate": train_rate, "holdout_base_rate": holdout_rate, "sentence": sentence}


def caveat_evidence(base_rate: float, flagged: np.ndarray, y: np.ndarray) -> list[dict[str, str]]:
    """Targets the field likes, beside what they are worth at this base rate.

    Args:
        base_rate: share of churn in the holdout, 0-1.
        flagged: whether each holdout row is in the candidate's lowest band.
        y: 0/1 per holdout row.
    """
    accuracy = float((flagged == (y == 1)).mean())
    nobody = 1 - base_rate
    density = (
        stats.norm.pdf(stats.norm.isf(base_rate)) / math.sqrt(base_rate * (1 - base_rate)) if 0 < base_rate < 1 else 0
    )
    precision = 0.7 * base_rate / (0.7 * base_rate + 0.15 * (1 - base_rate)) if base_rate > 0 else 0.0
    return [
        {
            "target": "accuracy above 85 %",
            "sentence": f"Flagging the lowest band is right in {accuracy:.1%} of cases; flagging nobody is right in "
            f"{nobody:.1%}. See precision at capacity instead.",
        },
        {
            "target": "70 % of churners caught with fewer than 15 % false alarms",
            "sentence": f"At a base rate of {base_rate:.1%} even that means only {precision:.0%} of the flagged "
            "accounts churn. See precision at capacity instead.",
        },
        {
            "target": "indicator correlation above .6",
            "sentence": f"At this base rate a correlation with churn can reach at most about {density:.2f}. "
            "See AUC instead.",
        },
    ]
