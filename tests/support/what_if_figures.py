"""What Python makes of a formula that somebody set in the review page: the figures that the page must show."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnbench.export import ENGINES, build_document
from churnbench.metrics import AccountBootstrap, at_capacity, korn_graubard
from churnbench.metrics.decision import expected_profit
from churnbench.reports import Scenario

Profiles = Sequence[Sequence[Any]]


def edited(document: Mapping[str, Any], profiles: Profiles, starts: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """A document with other weights per profile ("" for the default one) and other band starts."""
    body = copy.deepcopy(document["body"])
    weights = dict(profiles)
    body["segments"]["default"] = weights[""]
    for entry in body["segments"]["by"]:
        entry["weights"] = weights[entry["segment"]]
    body["bands"] = [list(pair) for pair in starts]
    return build_document(
        body, config_id="tried", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
    )


def scored(document: Mapping[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by account and date with what the reference scorer gives: score, band, p."""
    ordered = rows.sort_values(["account_id", "as_of"], kind="stable").reset_index(drop=True)
    names = [entry["id"] for entry in document["inputs"] if entry["id"] in ordered]
    plain = ordered[names].astype(object).where(ordered[names].notna(), None)
    found = ENGINES["python"](dict(document), plain.to_dict("records"))
    return ordered.assign(
        score=[-1 if one["score"] is None else one["score"] for one in found],
        band=[one["band"] for one in found],
        p=[0.0 if one["churn_probability"] is None else one["churn_probability"] for one in found],
        gained=[{name: plus for name, plus, _ in one["contributions"]} for one in found],
    )


def band_figures(rows: pd.DataFrame, names: Sequence[str], weight: np.ndarray | None = None) -> list[dict[str, Any]]:
    """Per band what the page's table shows; `weight` per row for a sample."""
    unit = np.ones(len(rows)) if weight is None else weight
    snapshots = max(1, rows["as_of"].nunique())
    found = []
    for band in names:
        inside = (rows["band"] == band).to_numpy()
        part, mine = rows[inside], unit[inside]
        y = part["y"].to_numpy(dtype=float)
        rate = korn_graubard(y, part["account_id"].to_numpy(dtype=object), weights=mine) if len(part) else None
        per_account = pd.Series(mine, index=part["account_id"].to_numpy()).groupby(level=0).first()
        churned = sorted(set(part.loc[part["y"] == 1, "account_id"]))
        known = part["arr"].notna().to_numpy()
        found.append(
            {
                "band": band,
                "accounts": float(per_account.sum()),
                "share": float(mine.sum() / unit.sum()),
                "events": float(per_account.loc[churned].sum()),
                "rate": None if rate is None else rate.value,
                "low": 0.0 if rate is None else rate.low,
                "high": 1.0 if rate is None else rate.high,
                "arr": float((mine * part["arr"].to_numpy(dtype=float))[known].sum()) / snapshots
                if known.any()
                else None,
            }
        )
    return found


def call_figures(rows: pd.DataFrame, k: int, too_late: int) -> dict[str, float | None]:
    """Caught, precision, recall and lift at a capacity."""
    accounts = rows["account_id"].to_numpy(dtype=object)
    found = at_capacity(
        rows["y"].to_numpy(dtype=float),
        rows["p"].to_numpy(dtype=float),
        rows["as_of"].astype(str).to_numpy(dtype=object),
        k=k,
        bootstrap=AccountBootstrap(accounts, replicates=2, seed=0),
        too_late=too_late,
    )
    return {
        "k": found.k,
        "caught": found.caught,
        "of": found.of,
        "precision": found.precision.value,
        "recall": found.recall.value,
        "lift": found.lift.value,
    }


def segment_figures(rows: pd.DataFrame, lowest: str) -> list[dict[str, Any]]:
    """Rows flagged in the lowest band against rows that churned, with limits, by segment."""
    found = []
    for segment, part in rows.groupby("segment", sort=True):
        y, flagged = part["y"].to_numpy(dtype=float), (part["band"] == lowest).to_numpy()
        accounts = part["account_id"].to_numpy(dtype=object)
        entry: dict[str, Any] = {
            "segment": segment,
            "caught": float((flagged & (y == 1)).sum()),
            "alarms": float((flagged & (y == 0)).sum()),
            "missed": float((~flagged & (y == 1)).sum()),
            "quiet": float((~flagged & (y == 0)).sum()),
        }
        for name, inside, of in (("precision", flagged, y), ("recall", y == 1, flagged.astype(float))):
            rate = korn_graubard(of[inside], accounts[inside]) if inside.any() else None
            entry[name] = None if rate is None else rate.value
            entry[f"{name}Limits"] = None if rate is None else [rate.low, rate.high]
        found.append(entry)
    return found


def profit_of_calls(rows: pd.DataFrame, scenario: Scenario, k: int) -> float | None:
    """What the k riskiest accounts of every snapshot earn when called, mean over snapshots."""
    assert scenario.contact_cost is not None
    assert scenario.save_rate is not None
    gain = scenario.save_rate * rows["arr"].to_numpy(dtype=float)
    earned = np.where(
        rows["y"] == 1, gain - scenario.contact_cost, np.where(np.isnan(gain), np.nan, -scenario.contact_cost)
    )
    total = 0.0
    for _, part in rows.assign(earned=np.nan_to_num(earned)).groupby("as_of"):
        left = float(k)
        for _, tied in sorted(part.groupby("p"), key=lambda pair: -pair[0]):
            share = min(1.0, max(0.0, left / len(tied)))
            total += share * float(tied["earned"].sum())
            left -= len(tied)
    return total / max(1, rows["as_of"].nunique())


def profit_a_row(rows: pd.DataFrame, scenario: Scenario) -> float:
    """Expected profit of contacting all whom it pays to contact."""
    assert scenario.contact_cost is not None
    assert scenario.save_rate is not None
    known = rows[rows["arr"].notna()]
    return expected_profit(
        known["y"], known["p"], value=known["arr"], contact_cost=scenario.contact_cost, save_rate=scenario.save_rate
    )
