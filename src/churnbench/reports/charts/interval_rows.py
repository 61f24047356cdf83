"""Changes with their intervals, one row each, around zero."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from churnbench.reports.charts.kit import Frame, Svg, padded
from churnbench.reports.wording import clean, signed

ROW = 20.0
Row = tuple[str, float, tuple[float, float] | None, bool]


def interval_rows(rows: Sequence[Row], x_title: str, label: str) -> Markup:
    """A dot with its interval per row; rows that stand out are drawn full and named in bold.

    Args:
        rows: (label, value, interval, whether it stands out), drawn from the top.
        x_title: what the values are.
        label: description for people who cannot see the drawing.
    """
    svg = Svg(560, 44 + ROW * len(rows))
    frame = Frame(190, 8, 500, svg.height - 36)
    known = [bound for _, value, bounds, _ in rows for bound in (value, *(bounds or ()))]
    x = frame.x(*padded([0.0, *known], 0.06))
    for value in x.ticks(6):
        svg.line((x(value), frame.top), (x(value), frame.bottom), "g")
        svg.text((x(value), frame.bottom + 15), signed(value, 0 if float(value).is_integer() else 1), "k", "middle")
    svg.line((x(0), frame.top), (x(0), frame.bottom), "b")
    svg.text((frame.right, frame.bottom + 30), x_title, "k", "end")
    for place, (name, value, bounds, stands_out) in enumerate(rows):
        height = frame.top + ROW * (place + 0.6)
        role = "cand" if stands_out else "today"
        svg.text((182, height + 4), clean(name, 28), "t strong" if stands_out else "k", "end")
        if bounds is not None:
            left, right = x.clipped(bounds[0]), x.clipped(bounds[1])
            svg.rect((left, height - 3.5), right - left, 7, f"r {role}", radius=3)
        svg.circle((x(value), height), 4, f"d {role}", f"{name}: {signed(value, 1)}")
        svg.text((558, height + 4), signed(value, 1), "k num", "end")
    return svg.render(label)
