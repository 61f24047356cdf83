"""What was decided last time, and how its promises turned out.

Only outcomes count that the earlier review could not see: rows whose outcome window began after the last day of its
data, and has ended by now. The released formula is scored on them as it was released.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.formula import metric_inputs, score_frame
from churnbench.metrics import band_outcome
from churnbench.release import active, decisions, folder_of


def last_decision(models: str | Path, config_id: str, cohort: Cohort) -> dict[str, Any] | None:
    """The `last_decision` section of the evidence.

    Args:
        models: folder of released configs.
        config_id: which line of configs.
        cohort: this review's rows.

    Returns:
        Who decided what, when and on which conditions, and per band the promised and the observed risk; None when
        nothing was ever released under this id. A folder that cannot be read is no reason to stop a review: `note`
        then says why.
    """
    try:
        made = [entry for entry in decisions(folder_of(models, config_id)) if entry["state"] == "activated"]
        if not made:
            return None
        document, pointer = active(models, config_id)
    except InputError as error:
        return {"note": f"What was decided last time cannot be read: {error}"}
    last = made[-1]
    # A rollback brings back an earlier formula; its promises are those of the review that first released it.
    reviewed = [entry for entry in made if entry["body_sha256"] == pointer.body_sha256 and entry.get("review")]
    review = reviewed[-1]["review"] if reviewed else {}
    told = ("event", "by", "role", "at", "decision", "reason", "conditions", "override")
    return {
        **{name: last.get(name) for name in told},
        "config_version": pointer.version,
        "sequence": pointer.sequence,
        "body_sha256": pointer.body_sha256,
        "verdict": review.get("verdict"),
        "note": None,
        "outcome": _outcome(document["body"], review, cohort),
    }


def _outcome(body: Mapping[str, Any], review: Mapping[str, Any], cohort: Cohort) -> dict[str, Any]:
    """How the promises turned out; without rows that can tell, `note` says why."""
    seen_until, window = review.get("data_through"), cohort.window
    found: dict[str, Any] = {"after": seen_until, "accounts": 0, "events": 0, "bands": [], "note": None}
    if seen_until is None or window is None:
        return {**found, "note": "The record of that release does not say which outcomes its review had seen."}
    absent = [name for name in metric_inputs(dict(body)) if name not in cohort.frame]
    if absent:
        return {**found, "note": f"The released formula reads {', '.join(absent)}, which the data no longer hold."}
    labelled = cohort.labelled()
    rows = labelled[labelled["as_of"] + pd.Timedelta(days=window.gap_days) >= pd.Timestamp(seen_until)]
    if not len(rows):
        return {**found, "note": f"No outcome that the review had not seen has matured since {seen_until}."}
    scored = score_frame(dict(body), rows, allow_missing=True)
    promised = {entry["band"]: entry for entry in review.get("promises", ())}
    top = body["bands"][-1][0]
    y, accounts = rows["y"].to_numpy(dtype=float), rows["account_id"].to_numpy(dtype=object)
    band, p = scored["band"].to_numpy(dtype=object), scored["churn_probability"].to_numpy(dtype=float)
    found["accounts"] = len(set(accounts))
    found["events"] = len(set(accounts[y == 1]))
    for name, _ in body["bands"]:
        inside = band == name
        promise = (promised.get(name) or {}).get("promise")
        found["bands"].append(band_outcome(name, promise, y[inside], accounts[inside], p[inside], at_most=name == top))
    return found
