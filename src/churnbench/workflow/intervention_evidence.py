"""Evidence about interventions: who was treated, what that does to the figures, and what a playbook saves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnbench import interventions as care
from churnbench.data.contracts import outcome_rows
from churnbench.data.project import Project
from churnbench.data.session import Session
from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.formula import score_frame
from churnbench.labels.outcomes import read_outcomes
from churnbench.metrics import AccountBootstrap
from churnbench.workflow.book_evidence import bands_of
from churnbench.workflow.contest import Backtest

_REPLICATES = 500


def intervention_evidence(project: Project, backtest: Backtest) -> tuple[dict[str, Any] | None, list[str]]:
    """The `interventions` section and the warnings that belong to it.

    Args:
        project: names the log; the section is None when it names none.
        backtest: with the holdout opened.

    Returns:
        The section (docs/evidence.md) and sentences for people.

    Raises:
        InputError: for a log that cannot be used.
    """
    log, cohort = care.read_log(project), backtest.cohort
    if log is None:
        return None, []
    if cohort.window is None or cohort.data_through is None:
        return None, ["The log of interventions was not used: a table without dates cannot tell before from after."]
    known = log.known_by(pd.Timestamp(cohort.data_through))
    rows = cohort.labelled()
    exposed = care.exposure(rows, known, cohort.window)
    incumbent = dict(backtest.fitted["incumbent"].body or {})
    today = pd.Series(bands_of(incumbent, rows), index=rows.index)
    shares = care.treated_shares(rows, exposed, today)
    found = _drops(rows, exposed, incumbent, known, cohort.window, backtest.settings.seed)
    randomised = randomised_evidence(project, cohort, log, incumbent=incumbent, seed=backtest.settings.seed)
    section = {
        "file": log.file,
        "estimand": care.ESTIMAND,
        "entries": len(log.entries),
        "used": len(known.entries),
        "treatments": int(known.entries["treated"].sum()),
        "held_out": int((known.entries["randomised"] & ~known.entries["treated"]).sum()),
        "unknown_accounts": _unknown(known, cohort),
        "assumptions": dict(care.ASSUMPTIONS),
        "untreated_estimand": care.UNTREATED,
        "shares": shares,
        "drops": [drop.as_json() for drop in found],
        "evaluation": _evaluation(backtest, known, cohort.window),
        "randomised": randomised,
    }
    warnings = [*_log_warnings(section), *care.share_warnings(shares), *_told(found), *randomised["warnings"]]
    section["warnings"] = warnings
    return section, warnings


def randomised_evidence(
    project: Project,
    cohort: Cohort,
    log: care.InterventionLog,
    *,
    incumbent: dict[str, Any] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """What randomised data say, per kind of intervention.

    Args:
        project: names the outcomes.
        cohort: its window and the date up to which outcomes are complete.
        log: the interventions; what became known later is left out.
        incumbent: body of today's formula, for the bands; no effects per band without it.
        seed: of the resamples.

    Returns:
        `effects`, a list of the effect per kind with its `bands`; `sentence`, why there is none, or null; `warnings`.
    """
    window, through = cohort.window, cohort.data_through
    if window is None or through is None:
        return {"effects": [], "sentence": f"{care.NO_UPLIFT} A table without dates has none.", "warnings": []}
    days = window.gap_days + window.horizon_days
    with Session() as session:
        recorded, file = outcome_rows(session, project)
    outcomes = read_outcomes(recorded, file=file)
    effects, warnings = [], []
    try:
        entries = care.randomised_outcomes(
            log, outcomes.churns, days=days, through=through, settle_days=window.settle_days
        )
        if entries.empty:
            care.randomised_effect(entries, days=days)
        for kind, part in entries.groupby("kind", sort=True):
            effect = care.randomised_effect(part, days=days, seed=seed)
            by_band = [] if incumbent is None else _by_band(part, cohort, incumbent, days, seed)
            effects.append({"kind": str(kind), **effect.as_json(), "bands": by_band})
            warnings += [f"Playbook '{kind}': {sentence}" for sentence in effect.warnings]
    except InputError as error:
        return {"effects": [], "sentence": f"{error.message} {error.fix}", "warnings": []}
    return {"effects": effects, "sentence": None, "warnings": warnings}


def _by_band(
    entries: pd.DataFrame, cohort: Cohort, incumbent: dict[str, Any], days: int, seed: int
) -> list[dict[str, Any]]:
    """Effects by the band of the last snapshot before the coin, under today's formula."""
    frame = cohort.frame[cohort.frame["account_id"].isin(entries["account_id"])]
    banded = frame[["account_id", "as_of"]].assign(band=bands_of(incumbent, frame))
    banded["account_id"] = banded["account_id"].astype(object)
    keyed = entries.reset_index()[["index", "account_id", "started_on"]].sort_values("started_on", kind="stable")
    keyed["as_of"] = keyed["started_on"].astype(banded["as_of"].dtype)
    joined = pd.merge_asof(
        keyed.astype({"account_id": object}), banded.sort_values("as_of", kind="stable"), on="as_of", by="account_id"
    )
    bands = joined.set_index("index")["band"].reindex(entries.index)
    return care.uplift_by_band(entries, bands, days=days, seed=seed)


def _drops(
    rows: pd.DataFrame,
    exposed: pd.DataFrame,
    incumbent: dict[str, Any],
    log: care.InterventionLog,
    window: OutcomeWindow,
    seed: int,
) -> list[care.Drop]:
    """Today's formula was fixed before any of these outcomes, so that its score may say what to expect."""
    index = -score_frame(incumbent, rows)["raw_score"].to_numpy(dtype=float)
    scored = np.isfinite(index)
    rows, index, exposed = rows[scored], index[scored], exposed[scored]
    if rows.empty or np.ptp(index) == 0.0:
        return []
    index = (index - index.mean()) / index.std()
    bootstrap = AccountBootstrap(rows["account_id"].to_numpy(dtype=object), replicates=_REPLICATES, seed=seed)
    sides = care.sides_of_care(index, exposed["treated"])
    return care.drops(rows, index, sides, log, window, bootstrap)


def _told(found: list[care.Drop]) -> list[str]:
    return [drop.warning("among the accounts that get it most") for drop in found if drop.found]


def _evaluation(backtest: Backtest, log: care.InterventionLog, window: OutcomeWindow) -> dict[str, Any] | None:
    """Today's formula and the candidate on the holdout, measured in three ways."""
    if backtest.holdout is None or backtest.holdout.empty:
        return None
    scored = backtest.holdout
    rows = backtest.cohort.frame.loc[scored.index]
    exposed = care.exposure(rows, log, window)
    weights = care.untreated_weights(exposed, rows)
    accounts = rows["account_id"].to_numpy(dtype=object)
    bootstrap = AccountBootstrap(accounts, replicates=_REPLICATES, seed=backtest.settings.seed)
    found = {
        role: care.evaluate_under_treatment(
            rows,
            exposed,
            scored[f"{name}.churn_probability"].to_numpy(dtype=float),
            weights=weights,
            window=window,
            bootstrap=bootstrap,
        )
        for role, name in (("incumbent", "incumbent"), ("candidate", backtest.candidate.name))
    }
    return {"rows": "holdout", "weights": weights.as_json(), "scores": found}


def _unknown(log: care.InterventionLog, cohort: Cohort) -> int:
    logged = log.entries["account_id"]
    return int(logged[~logged.isin(cohort.frame["account_id"].astype(str))].nunique())


def _log_warnings(section: dict[str, Any]) -> list[str]:
    found = []
    if section["used"] < section["entries"]:
        found.append(
            f"{section['file']}: {section['entries'] - section['used']} interventions began or became known after the "
            "date up to which outcomes are complete, and are left out."
        )
    if section["unknown_accounts"]:
        found.append(f"{section['file']}: {section['unknown_accounts']} accounts are in no snapshot; check their ids.")
    return found
