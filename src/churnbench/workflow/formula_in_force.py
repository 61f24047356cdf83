"""Which formula is today's: the released one, or, before the first release, the one that the project file declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.calibration import InForce
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.export import checked_scorer
from churnbench.formula import metric_inputs, score_frame
from churnbench.release import active, folder_of
from churnbench.release.store import POINTER
from churnbench.workflow.contest import Backtest

_INSTEAD = "This review compares with the formula that the project file declares instead."


def formula_in_force(models: str | Path, config_id: str, cohort: Cohort) -> tuple[InForce | None, list[str]]:
    """The active release of a line of configs, where this review can compare with it.

    Args:
        models: folder of released configs.
        config_id: which line of configs.
        cohort: this review's rows, which it must be able to score.

    Returns:
        The formula, and no warning; or None, with a warning that says why unless nothing was ever released.
    """
    try:
        if not (folder_of(models, config_id) / POINTER).exists():
            return None, []
        document, pointer = active(models, config_id)
        checked_scorer(document, file=pointer.file)
    except InputError as error:
        return None, [f"The formula in force cannot be read: {error} {_INSTEAD}"]
    body = document["body"]
    absent = [name for name in metric_inputs(body) if name not in cohort.frame]
    if absent:
        return None, [
            f"Version {pointer.version} is in force, but it reads {', '.join(absent)}, which the data no longer hold. "
            f"{_INSTEAD}"
        ]
    try:
        score_frame(body, cohort.frame)
    except InputError as error:
        return None, [
            f"Version {pointer.version} is in force, but the data cannot be scored with it: {error} {_INSTEAD}"
        ]
    seen = (document.get("provenance") or {}).get("label_window") or []
    return InForce(
        body,
        pointer.body_sha256,
        pointer.version,
        pointer.sequence,
        pointer.since[:10],
        pointer.by,
        date.fromisoformat(seen[-1][:10]) if seen else None,
        tuple(document["inputs"]),
    ), []


def today_evidence(found: InForce | None) -> dict[str, Any]:
    """The `today` section of the evidence: which formula the contender "incumbent" is."""
    if found is None:
        return {"source": "declared", "described": "formula that the project file declares"}
    return {
        "source": "in-force",
        "described": found.described(),
        "version": found.version,
        "sequence": found.sequence,
        "released_on": found.released_on,
        "by": found.by,
        "body_sha256": found.body_sha256,
        "seen_until": None if found.seen_until is None else f"{found.seen_until}",
    }


def in_force_warnings(backtest: Backtest) -> list[str]:
    """What a reader must know of a comparison with the formula in force; nothing when it is with the declared one."""
    found, window = backtest.settings.in_force, backtest.cohort.window
    if found is None:
        return []
    warnings = []
    if _scores_alike(found.body, backtest.candidate.body or {}):
        draft = backtest.settings.draft
        moved = draft.moved if draft is not None else ""
        warnings.append(
            f"The candidate scores exactly as the formula already in force (version {found.version}); "
            + (f"only its risk curve was moved ({moved})." if moved else "there is nothing new to decide.")
        )
    first_row = backtest.cohort.frame.loc[backtest.folds[-1].test_rows, "as_of"].min()
    if window is not None and found.seen_until is not None and not pd.isna(first_row):
        first = (first_row + timedelta(days=window.gap_days + 1)).date()
        if first <= found.seen_until:
            warnings.append(
                f"The formula in force had seen outcomes until {found.seen_until}, and those of the holdout begin on "
                f"{first}: the comparison favours it."
            )
    return warnings


def _scores_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two bodies differ in nothing but the risk curve."""
    return {**one, "risk_curve": None} == {**other, "risk_curve": None}
