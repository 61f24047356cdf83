"""Pure changes of a body: each returns a new, checked one and leaves its argument alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.formula.checked import Body, validate_body
from churnbench.formula.curves import PROBABILITY_DECIMALS, category_rule, rounded, slopes_of, tidy_points
from churnbench.formula.from_curves import band_starts
from churnbench.formula.shares import FULL, to_basis_points

#: Dimension and metric that keep segments with learned profiles on one scale.
SEGMENT_LEVEL = "segment_level"


def with_bands(body: Body, bands: Sequence[tuple[str, float]]) -> Body:
    """Replace the bands: `(name, lowest score 0-100 as shown to people)`, ascending, the first at 0."""
    return _changed(body, bands=band_starts(bands))


def with_display_map(body: Body, points: Sequence[Sequence[float]] | None) -> Body:
    """Set the last map from raw to shown score: `[raw, shown]` pairs, never falling; None removes it."""
    if points is None:
        return _changed(body, display_map=None)
    knots = tidy_points(points, what="display map")
    return _changed(body, display_map={"points": knots, "slopes": slopes_of(knots)})


def with_risk_curve(body: Body, strata: Sequence[Mapping[str, Any]], *, stratum_input: str | None = None) -> Body:
    """Set the calibrated risk curve.

    Args:
        body: the body.
        strata: in order of precedence `{"id", "from", "to", "points"}`; a stratum holds where the stratum
            input lies in [from, to] (None: open on that side). The last has neither bound and is the default.
            `points` are `[raw score, p, low, high]`, the raw score ascending, 0 <= low <= p <= high <= 1.
        stratum_input: numeric input that selects the stratum, e.g. "days_to_renewal"; None with one stratum.

    Raises:
        InputError: for strata or points that break these rules.
    """
    entries = []
    for stratum in strata:
        if any(len(point) != 4 for point in stratum["points"]):
            raise InputError(
                f"risk curve {stratum['id']!r}: points that are not [score, p, low, high].",
                fix="Give four numbers per point.",
            )
        points = [
            [rounded(float(score)), *(round(float(p), PROBABILITY_DECIMALS) for p in rest)]
            for score, *rest in stratum["points"]
        ]
        tidy_points([point[:2] for point in points], what=f"risk curve {stratum['id']!r}", high=1.0)
        entries.append(
            {
                "id": stratum["id"],
                "from": stratum.get("from"),
                "to": stratum.get("to"),
                "points": points,
                "slopes": slopes_of(points),
            }
        )
    return _changed(body, risk_curve={"input": stratum_input, "strata": entries})


def with_segments(
    body: Body, segment_weights: Mapping[str, Mapping[str, float]], *, segment_input: str = "segment"
) -> Body:
    """Give segments their own dimension weights; unknown and missing segments keep the default profile.

    Args:
        body: the body.
        segment_weights: segment -> dimension -> relative weight; a dimension not named weighs 0.
        segment_input: text input that names the segment.

    Raises:
        InputError: for an unknown dimension, or a segment whose weights are all zero.
    """
    order = [dimension["id"] for dimension in body["dimensions"]]
    entries = []
    for segment, weights in segment_weights.items():
        unknown = sorted(set(weights) - set(order))
        if unknown:
            raise InputError(
                f"segment {segment!r}: dimension {unknown[0]!r} is not among {order}.",
                fix="Correct its name, or leave it out.",
            )
        points = to_basis_points([float(weights.get(name, 0.0)) for name in order], what=f"segment {segment!r}")
        entries.append({"segment": segment, "weights": [list(pair) for pair in zip(order, points, strict=True)]})
    segments = {"input": segment_input, "default": deepcopy(body["segments"]["default"]), "by": entries}
    return _changed(body, segments=segments)


def with_segment_profiles(
    body: Body,
    shares: Mapping[str, Mapping[str, float]],
    levels: Mapping[str, float],
    *,
    level_share: float,
    segment_input: str = "segment",
) -> Body:
    """Give segments learned profiles, and a level each so that the same score means the same risk in all of them.

    A profile that moves weight from a fuller to an emptier dimension lowers its whole segment. The dimension
    `SEGMENT_LEVEL` gives that back: one category metric on the segment, with the same weight in every profile.

    Args:
        body: the body, with one profile.
        shares: segment -> dimension -> share; dimensions that the body does not have are left out.
        levels: segment -> points 0-100 of its level; the text "" stands for every other segment.
        level_share: weight of the level in the whole score, 0-1; 0 leaves it out.
        segment_input: text input that names the segment.

    Raises:
        InputError: when the body already has a dimension or metric of that name, or a segment's shares are all zero.
    """
    order = [dimension["id"] for dimension in body["dimensions"]]
    by = {segment: {name: weights.get(name, 0.0) for name in order} for segment, weights in shares.items()}
    if level_share <= 0:
        return with_segments(body, by, segment_input=segment_input)
    rule = category_rule([(name, points) for name, points in levels.items() if name], what=SEGMENT_LEVEL)
    metric = {
        "id": SEGMENT_LEVEL,
        "input": segment_input,
        "missing": "neutral",
        "neutral": rounded(float(levels[""])),
        "rule": rule,
    }
    raised = deepcopy(body)
    raised["metrics"].append(metric)
    raised["dimensions"].append({"id": SEGMENT_LEVEL, "weights": [[SEGMENT_LEVEL, FULL]]})
    default = _beside_level([weight for _, weight in body["segments"]["default"]], level_share)
    raised["segments"]["default"] = [list(pair) for pair in zip([*order, SEGMENT_LEVEL], default, strict=True)]
    wide = {
        segment: dict(
            zip([*order, SEGMENT_LEVEL], _beside_level([weights[name] for name in order], level_share), strict=True)
        )
        for segment, weights in by.items()
    }
    return with_segments(raised, wide, segment_input=segment_input)


def _beside_level(weights: Sequence[float], level_share: float) -> list[int]:
    """Basis points of a profile whose last entry is the level, the same in every profile."""
    level = to_basis_points([level_share, 1.0 - level_share], what=SEGMENT_LEVEL)[0]
    total = sum(weights)
    exact = [weight / total * (FULL - level) for weight in weights] if total > 0 else list(weights)
    return [*to_basis_points(exact, what="profile", full=FULL - level), level]


def with_ramp(body: Body, points: Sequence[Sequence[float]] | None, *, tenure_input: str) -> Body:
    """Set the onboarding ramp: `[tenure, multiplier of the total]` pairs; None removes it."""
    if points is None:
        return _changed(body, ramp=None)
    knots = tidy_points(points, what="ramp")
    return _changed(body, ramp={"input": tenure_input, "points": knots, "slopes": slopes_of(knots)})


def with_caps(body: Body, caps: Sequence[Mapping[str, Any]]) -> Body:
    """Replace the caps: `{"id", "input", "op": "<" | ">=" | "=", "value", "max_score"}` in order."""
    return _changed(body, caps=[dict(cap) for cap in caps])


def with_hysteresis(
    body: Body, *, band_input: str | None, margin: float = 0.0, reading_input: str | None = None
) -> Body:
    """Keep a band until the score leaves it clearly; see docs/scoring-rules.md, section 4.

    Args:
        body: a checked body.
        band_input: input with the name of the band in force; None removes hysteresis.
        margin: points, 0 to 100, beyond a border before the band changes.
        reading_input: input with the name of the last reading's band: then a band changes after two readings.
    """
    if band_input is None:
        return _changed(body, hysteresis=None)
    held = {"input": band_input, "margin": round(margin * 100), "reading": reading_input}
    return _changed(body, hysteresis=held)


def _changed(body: Body, **parts: Any) -> Body:
    changed = deepcopy(body)
    changed.update(parts)
    validate_body(changed)
    return changed
