"""What a scorecard of measures, bands and weights cannot say of a config, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnbench.data.hints import listed
from churnbench.formula import SEGMENT_LEVEL
from churnbench.scorecards.layouts import Layout


def losses_of(
    body: Mapping[str, Any], layout: Layout, *, segment: str | None, most: int, decimals: int, dropped: Sequence[str]
) -> tuple[str, ...]:
    """Sentences, one per thing that the layout has no place for.

    Whether a platform has a place of its own for it is for its administrator to say.

    Args:
        body: the config's body.
        layout: the layout.
        segment: whose profile was written, or None.
        most: bands per measure.
        decimals: of weights in per cent.
        dropped: measures whose weight rounded to nothing.
    """
    found = [
        f"Weights are rounded to {'whole per cent' if decimals == 0 else f'{decimals} decimal(s) of a per cent'}.",
        *_about_metrics(body, layout, most),
    ]
    if dropped:
        found.append(f"Left out, because their weight rounds to nothing: {listed(dropped, 20)}.")
    found += _about_segments(body, segment)
    found += _about_total(body)
    return tuple(found)


def _about_metrics(body: Mapping[str, Any], layout: Layout, most: int) -> list[str]:
    metrics, found = body["metrics"], []
    if any(metric["rule"]["kind"] in ("piecewise", "ratio") for metric in metrics):
        found.append(f"Curves become at most {most} flat bands each; what that loses stands below.")
    ratios = [metric for metric in metrics if metric["rule"]["kind"] == "ratio"]
    for metric in ratios:
        rule = metric["rule"]
        times = "" if rule["multiplier"] == 1 else f" x {rule['multiplier']:g}"
        found.append(
            f"'{metric['id']}' reads {metric['input']} / {rule['denominator']}{times}: a calculated field is needed,"
            " empty where the denominator is missing or not above 0."
        )
    stale = [metric["id"] for metric in metrics if metric.get("validity")]
    if stale:
        found.append(
            f"Values do not grow stale: {listed(stale, 20)} counted as missing or were flagged after some days."
        )
    if layout.weights == "overall" and len(body["dimensions"]) > 1 and any(m["missing"] == "skip" for m in metrics):
        found.append(
            "A missing measure hands its weight to all others; in the config it goes to the rest of its dimension."
        )
    odd = [metric["id"] for metric in metrics if metric["missing"] != "skip"]
    if odd:
        found.append(f"Missing values do not simply drop out of {listed(odd, 20)}: see the column nulls.")
    if body["min_coverage"] > 0:
        found.append(
            f"An account with less than {body['min_coverage'] / 100:g} % of the weight known has no score in the"
            " config; here it gets one from whatever is known."
        )
    return found


def _about_segments(body: Mapping[str, Any], segment: str | None) -> list[str]:
    by = [entry["segment"] for entry in body["segments"]["by"]]
    if not by:
        return []
    written = f"segment '{segment}'" if segment else "all segments without one of their own"
    found = [
        f"Weights differ by segment ({listed(by)}): this is the scorecard of {written};"
        " write one for each with --segment."
    ]
    if any(dimension["id"] == SEGMENT_LEVEL for dimension in body["dimensions"]):
        found.append(
            f"'{SEGMENT_LEVEL}' keeps the segments on one scale: type it in as it is, with the segment as its field."
        )
    return found


def _about_total(body: Mapping[str, Any]) -> list[str]:
    found = []
    if body.get("display_map"):
        found.append(
            "The display map is left out: scores here are raw, and the states begin at the raw scores that it maps to"
            " the familiar numbers."
        )
    if body.get("ramp"):
        found.append(f"The onboarding ramp over {body['ramp']['input']} is left out: young accounts score lower here.")
    found += [
        f"The cap '{cap['id']}' is left out: at most {cap['max_score']:g} (raw)"
        f" where {cap['input']} {cap['op']} {cap['value']}."
        for cap in body.get("caps", ())
    ]
    if body.get("hysteresis"):
        found.append("Bands follow the score at once; the config holds a band until the score leaves it clearly.")
    if (body.get("risk_curve") or {}).get("strata"):
        found.append("There is no churn probability here.")
    return found
