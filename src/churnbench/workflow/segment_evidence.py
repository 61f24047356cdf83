"""Evidence about segment weights and the lifecycle ramp: what was learned, what it was worth, what ships."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from churnbench.calibration import FittedContender, Training
from churnbench.calibration.refinements import RampTrial, Refinements, SegmentTrial, Trial
from churnbench.calibration.segment_uncertainty import ProfileSpread, resample_profiles
from churnbench.calibration.segment_weights import OWN_EVENTS

_ONE_PROFILE = "One profile for all segments. "
_NOT_ANCHORED = "Only the anchored refit learns them."


def refinement_evidence(training: Training, candidate: FittedContender) -> dict[str, Any]:
    """The keys `segments`, `segment_weights` and `ramp` of the `weights` section.

    Args:
        training: what the candidate was fitted on.
        candidate: the finished candidate.
    """
    found = None if candidate.derived is None else candidate.derived.refinements
    if found is None:
        nothing = {"tried": False, "adopted": False, "gain": None, "gain_se": None, "auc_gain": None}
        return {
            "segments": [],
            "segment_weights": nothing
            | {
                "deviation": None,
                "declared_confirmed": None,
                "default_level_points": None,
                "sentence": f"One profile. {_NOT_ANCHORED}",
            },
            "ramp": nothing | {"points": [], "sentence": f"No lifecycle ramp. {_NOT_ANCHORED}"},
        }
    spread = resample_profiles(training, found.final.parts, found.segments)
    return {
        "segments": _segment_rows(training, found, spread),
        "segment_weights": _worth(found.segments.trial)
        | {
            "deviation": found.segments.weights.pooled.deviation if found.segments.trial else None,
            "declared_confirmed": found.segments.weights.pooled.trust,
            "default_level_points": _level_points(found, 0.0),
            "sentence": segment_sentence(found.segments),
        },
        "ramp": _worth(found.ramp.trial)
        | {
            "points": [] if found.ramp.ramp is None else [list(point) for point in found.ramp.ramp.points],
            "sentence": ramp_sentence(found.ramp),
        },
    }


def segment_warnings(today: Mapping[str, Any], candidate: FittedContender) -> list[str]:
    """What a reader must know who is used to today's segment profiles; nothing when today's formula has none.

    Args:
        today: body of today's formula.
        candidate: the finished candidate.
    """
    profiles = {entry["segment"] for entry in today["segments"]["by"]}
    if not profiles:
        return []
    found = None if candidate.derived is None else candidate.derived.refinements
    if found is None or not found.segments.adopted:
        why = "" if found is None else f" {segment_sentence(found.segments).removeprefix(_ONE_PROFILE)}"
        return [
            "Today's formula weighs dimensions by segment; the candidate has one profile for all segments, learned "
            "from the whole book, and limits on moves are held against the default profile. See the segments before "
            f"adopting it.{why}"
        ]
    others = sorted(profiles - set(found.final.weights.shares))
    if not others:
        return []
    return [
        f"Today's formula has weights of its own for {', '.join(others)}; the candidate scores them with its default "
        f"profile, since weights of a segment's own need {OWN_EVENTS} churned accounts in training."
    ]


def _worth(trial: Trial | None) -> dict[str, Any]:
    if trial is None:
        return {"tried": False, "adopted": False, "gain": None, "gain_se": None, "auc_gain": None}
    return {
        "tried": True,
        "adopted": trial.adopted,
        "gain": trial.gain,
        "gain_se": trial.error,
        "auc_gain": trial.auc,
    }


def _segment_rows(training: Training, found: Refinements, spread: ProfileSpread | None) -> list[dict[str, Any]]:
    """One entry per segment; weights in per cent of the score."""
    learned, shipped = found.segments.weights, found.final.weights
    frame = training.frame
    rows = []
    for name in found.segments.samples:
        here = frame[frame["segment"] == name]
        profile = learned.shares.get(name)
        interval = None if spread is None or profile is None else spread.segments[name]
        rows.append(
            {
                "segment": name,
                "accounts": int(here["account_id"].nunique()),
                "events": int(here.loc[here["y"] == 1, "account_id"].nunique()),
                "own": name in shipped.shares,
                "level_points": _level_points(found, shipped.levels.get(name, 0.0)),
                "dimensions": [
                    {
                        "id": dimension,
                        "overall": _percent(learned.overall[k]),
                        "weight": _percent(shipped.shares.get(name, shipped.overall)[k]),
                        "learned": None if profile is None else _percent(profile[k]),
                        "ci90": None if interval is None else [_percent(end) for end in interval[k]],
                    }
                    for k, dimension in enumerate(learned.dimensions)
                ],
            }
        )
    return rows


def _level_points(found: Refinements, level: float) -> float | None:
    """Points of the score that a level adds; None without profiles."""
    weights = found.final.weights
    return round(100 * (level - weights.level_range[0]) / found.final.spread, 2) if weights.shares else None


def _percent(share: float) -> float:
    return round(100 * float(share), 4)


def segment_sentence(found: SegmentTrial) -> str:
    """What became of segment weights, in one or two sentences."""
    if found.trial is None:
        return f"{_ONE_PROFILE}{found.reason}"
    trial, names = found.trial, ", ".join(found.weights.shares)
    if not names:
        return "One profile for all segments: there are not enough churned accounts to compare them."
    confirmed = ""
    if found.weights.pooled.trust is not None:
        confirmed = (
            f" Of the differences that today's formula declares, the data confirm {found.weights.pooled.trust:.0%}."
        )
    if trial.adopted:
        return (
            f"{names} have weights of their own, drawn towards the overall ones: {_figures(trial)}. Each keeps the "
            f"level that the overall weights give it, so that a score means the same in every segment.{confirmed}"
        )
    if not found.weights.differ:
        alike = f"Learned with partial pooling, the weights of {names} come out like the overall ones."
        return f"{_ONE_PROFILE}{alike}{confirmed}"
    return (
        f"{_ONE_PROFILE}Weights of their own were tried for {names}: {_figures(trial)}; that is no "
        f"gain beyond chance, and they are not adopted.{confirmed}"
    )


def ramp_sentence(found: RampTrial) -> str:
    """What became of the lifecycle ramp, in a sentence."""
    if found.trial is None or found.ramp is None:
        return f"No lifecycle ramp. {found.reason}"
    days, most = found.ramp.points[0]
    where = f"accounts up to {days:.0f} days old" if days > 0 else "new accounts"
    until, figures = f"{found.ramp.points[-1][0]:.0f} days after the start", _figures(found.trial)
    if found.trial.adopted:
        return (
            f"The totals of young accounts are raised: by a factor of {most:.2f} for {where}, then less and less until "
            f"{until}: {figures}."
        )
    return (
        f"No lifecycle ramp. A factor of {most:.2f} for {where}, falling to 1 until {until}, was tried: {figures}; "
        "that is no gain beyond chance, and it is not adopted."
    )


def _figures(trial: Trial) -> str:
    moved = "fell" if trial.gain > 0 else "rose"
    return (
        f"on later training rows the log loss {moved} by {_seen(abs(trial.gain))} (standard error "
        f"{_seen(trial.error)}) and AUC changed by {trial.auc:+.4f}"
    )


def _seen(size: float) -> str:
    """A small difference with as many decimals as show it.

    >>> _seen(0.00213), _seen(0.0000083), _seen(3e-12), _seen(0.0)
    ('0.0021', '0.0000083', 'less than 0.00000001', '0')
    """
    if size == 0:
        return "0"
    if size < 1e-8:
        return "less than 0.00000001"
    decimals = max(4, 1 - math.floor(math.log10(size)))
    return f"{size:.{decimals}f}"
