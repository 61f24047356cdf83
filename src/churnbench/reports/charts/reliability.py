"""Predicted against observed churn, with counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from churnbench.reports.charts.kit import Axis, Frame, Svg, draw_axes
from churnbench.reports.wording import percent, whole


@dataclass(frozen=True)
class Bin:
    """Rows with nearly the same predicted probability."""

    predicted: float
    observed: float
    low: float | None
    high: float | None
    rows: float


def reliability_chart(bins: Sequence[Bin], role: str, label: str, top: float) -> Markup:
    """Dots with intervals against the diagonal; bars below count the rows behind each dot.

    Args:
        bins: ascending predicted probability.
        role: look of the dots.
        label: description for people who cannot see the drawing.
        top: end of both axes, shared by charts side by side.
    """
    svg = Svg(340, 310)
    frame, strip = Frame(46, 24, 330, 222), Frame(46, 262, 330, 306)
    x, y = frame.x(0, top), frame.y(0, top)
    draw_axes(svg, frame, x, y, Axis("predicted churn", 4, percent=True), Axis("observed churn", 4, percent=True))
    svg.line((x(0), y(0)), (x(top), y(top)), "m")
    most = max((one.rows for one in bins), default=1) or 1
    for one in bins:
        place = x.clipped(one.predicted)
        if one.low is not None and one.high is not None:
            svg.line((place, y.clipped(one.low)), (place, y.clipped(one.high)), f"e {role}")
        hint = f"predicted {percent(one.predicted)}, observed {percent(one.observed)}, {whole(one.rows)} rows"
        svg.circle((place, y.clipped(one.observed)), 4, f"d {role}", hint)
        height = (strip.bottom - strip.top) * one.rows / most
        svg.rect((place - 4, strip.bottom - height), 8, height, "h")
    svg.path([(x.clipped(one.predicted), y.clipped(one.observed)) for one in bins], f"l thin {role}")
    svg.line((strip.left, strip.bottom), (strip.right, strip.bottom), "b")
    svg.text((2, strip.top + 2), "rows", "k")
    svg.text((strip.left - 6, strip.top + 16), whole(most), "k", "end")
    return svg.render(label)
