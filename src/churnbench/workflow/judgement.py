"""From the opened holdout to a verdict and the rest of the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from churnbench.calibration import Guard, Price, Spread, contenders_of, decide, null_log_loss
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.progress import Progress
from churnbench.metrics import Estimate, paired_log_loss_difference
from churnbench.metrics.discrimination import auc
from churnbench.workflow import book_evidence as book
from churnbench.workflow import formula_evidence as formula
from churnbench.workflow.contender_evidence import (
    DRAWN,
    Tested,
    contender_evidence,
    gain_evidence,
    reliability_evidence,
)
from churnbench.workflow.contest import Backtest
from churnbench.workflow.direction_evidence import direction_evidence
from churnbench.workflow.segment_evidence import refinement_evidence, segment_warnings

#: A calibration slope whose interval lies wholly outside these limits breaks the guard.
_SLOPE_LIMITS = (0.7, 1.4)
_CHANCE = 0.5
_CAPACITY_SHARE = 0.05
_LEAST_CAPACITY = 10


def judge(
    project: Project,
    backtest: Backtest,
    spread: Spread | None,
    priced: Sequence[Price],
    policies: list[dict[str, object]],
    unlocks: int,
    progress: Progress,
) -> dict[str, Any]:
    """Measure every contender on the opened holdout, apply the gate, and describe what would change.

    Args:
        project: its thresholds name the capacity.
        backtest: with the holdout opened.
        spread: resampled weights and curves, or None.
        priced: prices of limits and shapes.
        policies: the missing-policy experiment.
        unlocks: how often this holdout has been looked at, this time included.
        progress: told of each contender.
    """
    cohort, candidate = backtest.cohort, backtest.candidate
    if backtest.holdout is None:
        backtest.open_holdout()
    assert backtest.holdout is not None  # noqa: S101 - opened just above
    holdout = Tested.of(backtest.holdout, backtest.settings.seed)
    walk = None if backtest.walk_forward is None else Tested.of(backtest.walk_forward, backtest.settings.seed)
    rows = cohort.frame.loc[backtest.holdout.index]
    planned = planned_capacity(project, backtest, rows)
    capacity = planned["accounts"]
    contenders = contender_evidence(
        holdout,
        walk,
        seen_accounts=frozenset((backtest.training.frame if cohort.dated else rows)["account_id"]),
        capacity=capacity,
        too_late=_too_late(cohort, rows),
        arr=rows["arr"].to_numpy(dtype=float),
        costs=_costs(project),
        seconds=backtest.fit_seconds,
        entered=contenders_of(backtest.settings, backtest.training.tier),
        progress=progress,
    )
    progress.stage("drawing up the evidence")
    delta = paired_log_loss_difference(
        holdout.y,
        holdout.probability("incumbent"),
        holdout.probability(candidate.name),
        bootstrap=holdout.bootstrap,
    )
    segments = book.segment_evidence(holdout, rows, candidate.name)
    return {
        "capacity": planned,
        "contenders": contenders,
        **verdict_evidence(backtest, contenders, delta, segments, rows, unlocks),
        **_formula_parts(backtest, spread, priced, policies),
        **_book_parts(backtest, holdout, rows, capacity, contenders),
        "segments": segments,
        "warnings": [*cohort.warnings, *_warnings(backtest, contenders, unlocks)],
    }


def capacity_of(declared: int | None, rows: pd.DataFrame) -> int:
    """Accounts that can be called per snapshot: as declared, or one in twenty and at least ten; at most all rows."""
    snapshots = max(1, int(rows["as_of"].nunique()))
    wanted = declared or max(_LEAST_CAPACITY, round(_CAPACITY_SHARE * len(rows) / snapshots))
    return min(wanted, len(rows))


def planned_capacity(project: Project, backtest: Backtest, rows: pd.DataFrame) -> dict[str, Any]:
    """The `capacity` section: accounts that can be called per snapshot, and who says so."""
    declared = project.thresholds.capacity
    usual = capacity_of(declared, rows)
    source = "default" if declared is None else "project"
    draft = backtest.settings.draft
    if draft is None or draft.capacity is None:
        return {"accounts": usual, "source": source, "sentence": ""}
    accounts = capacity_of(draft.capacity, rows)
    otherwise = "the project declares" if source == "project" else "without a choice it would be"
    return {
        "accounts": accounts,
        "source": "draft",
        "sentence": f"{accounts:,} calls a snapshot, as chosen in the draft ({draft.file}); {otherwise} {usual:,}.",
    }


def _costs(project: Project) -> tuple[float, float] | None:
    section = project.thresholds
    if section.contact_cost is None or section.save_rate is None:
        return None
    return section.contact_cost, section.save_rate


def verdict_evidence(
    backtest: Backtest,
    contenders: dict[str, Any],
    delta: Estimate,
    segments: list[dict[str, Any]],
    rows: pd.DataFrame,
    unlocks: int,
) -> dict[str, Any]:
    """The gate with its guards, as the evidence holds it.

    Args:
        backtest: names the candidate, its derivation and the tier of its training data.
        contenders: evidence of at least "incumbent" and the candidate on the holdout.
        delta: log loss of today's formula minus the candidate's.
        segments: evidence per segment.
        rows: cohort rows of the holdout.
        unlocks: how often this holdout has been looked at.
    """
    candidate = backtest.candidate.name
    base_rate = float(rows["y"].mean())
    events = int(rows.loc[rows["y"] == 1, "account_id"].nunique())
    guards = _guards(contenders, candidate, segments) + _draft_guard(backtest, rows)
    draft = backtest.settings.draft
    by_hand = " The candidate was drawn up by hand." if draft is not None and draft.manual else ""
    decision = decide(
        delta,
        base_rate=base_rate,
        holdout_events=events,
        tier=backtest.training.tier,
        guards=guards,
        dated=backtest.cohort.dated,
    )
    return {
        "verdict": decision.verdict,
        "verdict_sentence": _named(decision.sentence, backtest) + by_hand,
        "verdict_reason": decision.reason,
        "delta_log_loss": delta.as_json(),
        "gate": {
            "primary": "log_loss",
            "margin": decision.margin,
            "null_log_loss": null_log_loss(base_rate),
            "holdout_events": events,
            "holdout_accounts": int(rows["account_id"].nunique()),
            "events_needed": decision.events_needed,
            "guards": [{"id": g.id, "ok": g.ok, "detail": g.detail} for g in guards],
            "unlocks": unlocks,
            "candidate": candidate,
            "derive": backtest.settings.derive,
            "tier": backtest.training.tier,
        },
    }


def _named(sentence: str, backtest: Backtest) -> str:
    """A sentence of the gate, which calls the formula in force by that name."""
    if backtest.settings.in_force is None:
        return sentence
    return sentence.replace("Today's formula", "The formula in force").replace(
        "today's formula", "the formula in force"
    )


def _guards(contenders: dict[str, Any], candidate: str, segments: list[dict[str, Any]]) -> tuple[Guard, ...]:
    slope = contenders[candidate]["holdout"]["calibration_slope"]
    slope_ok, slope_detail = None, "The calibration slope cannot be judged."
    if slope["ci90"] is not None:
        slope_ok = slope["ci90"][1] >= _SLOPE_LIMITS[0] and slope["ci90"][0] <= _SLOPE_LIMITS[1]
        slope_detail = (
            f"Calibration slope {slope['value']:.2f} (90 % interval {slope['ci90'][0]:.2f} to {slope['ci90'][1]:.2f})."
        )
    worse = [segment["segment"] for segment in segments if segment.get("worse")]
    judged = [segment for segment in segments if "worse" in segment]
    old, new = contenders["incumbent"]["at_capacity"], contenders[candidate]["at_capacity"]
    precision_ok, precision_detail = None, "Precision at capacity cannot be judged."
    if new["precision"]["ci90"] is not None and old["precision"]["value"] is not None:
        precision_ok = new["precision"]["ci90"][1] >= old["precision"]["value"]
        precision_detail = (
            f"Precision in the {new['k']} accounts that can be called: {old['precision']['value']:.1%} today, "
            f"{new['precision']['value']:.1%} with the candidate."
        )
    area = contenders[candidate]["holdout"]["auc"]
    ranks = None if area["ci90"] is None else area["ci90"][0] > _CHANCE
    interval = "" if area["ci90"] is None else f" (90 % interval {area['ci90'][0]:.3f} to {area['ci90'][1]:.3f})"
    return (
        # Log loss alone could fall because the level of risk was met by luck; a formula must also rank.
        Guard("ranks-better-than-chance", ranks, f"AUC {area['value'] or _CHANCE:.3f}{interval}."),
        Guard("calibration-slope", slope_ok, slope_detail),
        Guard(
            "worst-segment",
            None if not judged else not worse,
            f"Worse in segment {', '.join(worse)}." if worse else "No segment is worse beyond noise.",
        ),
        Guard("precision-at-capacity", precision_ok, precision_detail),
    )


def _draft_guard(backtest: Backtest, rows: pd.DataFrame) -> tuple[Guard, ...]:
    """Whether the author of a draft had seen outcomes of the holdout; derived candidates never have."""
    draft, window = backtest.settings.draft, backtest.cohort.window
    if draft is None or window is None:
        return ()
    if draft.seen_until is None:
        return (Guard("unseen-holdout", None, "The draft does not say which outcomes its author had seen."),)
    first = (rows["as_of"].min() + timedelta(days=window.gap_days + 1)).date()
    unseen = first > draft.seen_until
    detail = f"The draft was drawn up looking at outcomes until {draft.seen_until}"
    if not unseen:
        detail += f", and those of the holdout begin on {first}: what it shows there is no test; later outcomes will be"
    return (Guard("unseen-holdout", unseen, f"{detail}."),)


def _formula_parts(
    backtest: Backtest, spread: Spread | None, priced: Sequence[Price], policies: list[dict[str, object]]
) -> dict[str, Any]:
    candidate, training = backtest.candidate, backtest.training
    return {
        "weights": {
            **formula.weight_evidence(backtest.spec, backtest.fitted, candidate.name, spread),
            **refinement_evidence(training, candidate),
        },
        "curves": formula.curve_evidence(training, candidate, spread),
        "direction_changes": direction_evidence(training, candidate),
        "constraints": formula.price_evidence(priced),
        "missing_policies": policies,
        "risk_curve": formula.risk_curve_evidence(backtest.shipped, backtest.proposal.rows),
    }


def _book_parts(
    backtest: Backtest, holdout: Tested, rows: pd.DataFrame, capacity: int, contenders: dict[str, Any]
) -> dict[str, Any]:
    incumbent, candidate = backtest.fitted["incumbent"].body or {}, backtest.candidate.body or {}
    snapshots = max(1, int(rows["as_of"].nunique()))
    old, new = book.bands_of(incumbent, rows), book.bands_of(candidate, rows)
    before = book.band_evidence("incumbent", incumbent, rows, old, snapshots)
    after = book.band_evidence("candidate", candidate, rows, new, snapshots)
    base_rate = float(rows["y"].mean())
    drawn = (*DRAWN, backtest.candidate.name)
    lowest = candidate["bands"][0][0]
    return {
        "thresholds": formula.threshold_evidence(backtest.proposal, holdout.rows, new),
        "bands": [*before, *after],
        "band_check": book.band_check(after, base_rate),
        "band_changes": {
            "incumbent": book.band_change_evidence(rows, old),
            "candidate": book.band_change_evidence(rows, new),
        },
        "reliability": reliability_evidence(holdout, drawn),
        "gain": gain_evidence(holdout, drawn, capacity),
        "movers": book.mover_evidence(backtest.cohort.latest().reset_index(drop=True), incumbent, candidate),
        "drift": book.drift_evidence(
            backtest.candidate.recalibration.base_rate,
            base_rate,
            contenders[backtest.candidate.name],
            _training_auc(backtest),
        )
        if backtest.cohort.dated
        else None,
        "caveats": book.caveat_evidence(base_rate, new == lowest, rows["y"].to_numpy(dtype=float)),
    }


def _training_auc(backtest: Backtest) -> float | None:
    """AUC of the candidate on the later training rows that its inner fits had not seen."""
    scored = backtest.proposal.rows
    if len(set(scored.y)) < 2:
        return None
    return float(auc(scored.y, backtest.candidate.recalibration.fallback.probability(scored.score)))


def _too_late(cohort: Cohort, rows: pd.DataFrame) -> int:
    """Accounts that churned within the gap after a holdout snapshot and in no holdout window: misses in recall."""
    late = cohort.frame[(cohort.frame["status"] == "too-late") & cohort.frame["as_of"].isin(rows["as_of"].unique())]
    return int(late.loc[~late["account_id"].isin(rows.loc[rows["y"] == 1, "account_id"]), "account_id"].nunique())


def _warnings(backtest: Backtest, contenders: dict[str, Any], unlocks: int) -> list[str]:
    found = []
    tier = backtest.training.tier
    if tier == "proposal":
        found.append("20 to 49 churned accounts in training: the weights are a proposal and cannot be promoted.")
    if tier in {"descriptive", "proposal", "gated"}:
        found.append("Fewer than 150 churned accounts in training: LightGBM is a challenger only, not a ceiling.")
    if unlocks > 1:
        found.append(
            f"This holdout has been looked at {unlocks} times. Each look that changes a setting makes its "
            "verdict a little too hopeful; new data restore it."
        )
    found += segment_warnings(backtest.training.today_body, backtest.candidate)
    if backtest.settings.draft is not None:
        found.append(f"The candidate comes from {backtest.settings.draft.described()}; nothing in it was learned here.")
        if backtest.settings.draft.moved:
            found.append(
                "Its config holds the risk curve that monitoring moved. The figures of this review are measured with "
                "curves fitted to training rows, for every contender alike, so that none of them tells whether the "
                "move is right: the evidence for it is the look that asked for it."
            )
    elif backtest.candidate.name != "anchored":
        found.append(
            f"The weights of this candidate ({backtest.candidate.name}) were derived from the rows on which its "
            "cut-offs were chosen; its promises are a little too hopeful. Only the anchored refit scores those rows "
            "out of fold."
        )
    if backtest.cohort.claim_level == "reconstructed":
        found.append(
            "The facts carry no known_time: features are reconstructed from today's tables, and late or corrected "
            "entries may have leaked into the past."
        )
    weak = contenders["lightgbm"]["holdout"]["auc"]["ci90"]
    if weak is not None and weak[0] <= _CHANCE:
        found.insert(
            0,
            f"Even LightGBM does not rank churn better than chance here (AUC 90 % interval {weak[0]:.3f} to "
            f"{weak[1]:.3f}): these metrics carry no usable signal.",
        )
    return found
