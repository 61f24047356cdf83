"""Retention of one cohort among the others."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from churnbench.reports.charts.kit import Axis, Frame, Scale, Svg, draw_axes

Step = tuple[float, float, float, float]


def kept_chart(
    curve: Sequence[Step], others: Sequence[Sequence[Step]], limits: tuple[float, float], x_title: str, label: str
) -> Markup:
    """A step curve with its interval; the other cohorts stay thin behind it.

    Args:
        curve: (time, share kept, low, high) in ascending time.
        others: the curves of the other cohorts.
        limits: end of the time axis and lowest share, shared by charts side by side.
        x_title: what the time axis counts.
        label: description for people who cannot see the drawing.
    """
    svg = Svg(340, 230)
    frame = Frame(44, 24, 330, 186)
    x, y = frame.x(0, limits[0]), frame.y(limits[1], 1)
    draw_axes(svg, frame, x, y, Axis(x_title, 5), Axis("kept", 4, percent=True))
    for other in others:
        svg.path(_steps(other, x, y, 1), "l thin")
    svg.ribbon(_steps(curve, x, y, 3), _steps(curve, x, y, 2), "r cand")
    svg.path(_steps(curve, x, y, 1), "l cand")
    return svg.render(label)


def _steps(curve: Sequence[Step], x: Scale, y: Scale, column: int) -> list[tuple[float, float]]:
    """Corners of a step curve: each value holds until the next time."""
    corners: list[tuple[float, float]] = []
    for place, point in enumerate(curve):
        if place:
            corners.append((x(point[0]), corners[-1][1]))
        corners.append((x(point[0]), y.clipped(point[column])))
    return corners
