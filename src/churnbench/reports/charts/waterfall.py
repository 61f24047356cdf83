"""One account: from the peer median to its score, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from churnbench.reports.charts.kit import Frame, Scale, Svg, padded
from churnbench.reports.wording import clean, fixed, signed

ROW = 19.0


@dataclass(frozen=True)
class Step:
    """A metric's points against the peer median's."""

    label: str
    change: float


def waterfall(start: float, steps: Sequence[Step], label: str, *, start_words: str = "median account") -> Markup:
    """A bar per step from the median account's points to this account's.

    Args:
        start: points of the median account.
        steps: changes in the order drawn; their sum leads to the account's points.
        label: description for people who cannot see the drawing.
        start_words: what the first bar is called.
    """
    svg = Svg(520, 30 + ROW * (len(steps) + 2))
    frame = Frame(200, 6, 462, svg.height - 24)
    reached, levels = start, [start]
    for step in steps:
        reached += step.change
        levels.append(reached)
    x = frame.x(*padded(levels, 0.08))
    _end(svg, x, start_words, start, 0)
    reached = start
    for index, step in enumerate(steps, start=1):
        height = frame.top + ROW * index
        left, right = sorted((x(reached), x(reached + step.change)))
        svg.text((192, height + 13), clean(step.label, 34), "k", "end")
        svg.rect(
            (left, height + 3),
            max(right - left, 1),
            ROW - 6,
            "w up" if step.change >= 0 else "w down",
            radius=2,
        )
        svg.text((518, height + 13), signed(step.change, 1), "k num", "end")
        reached += step.change
    _end(svg, x, "this account", reached, len(steps) + 1)
    svg.text((462, svg.height - 4), "points of the health score", "k", "end")
    return svg.render(label)


def _end(svg: Svg, x: Scale, words: str, value: float, row: int) -> None:
    height = 6 + ROW * row
    svg.text((192, height + 13), words, "t strong", "end")
    svg.line((x(value), height + 2), (x(value), height + ROW - 2), "s")
    svg.text((518, height + 13), fixed(value, 1), "t num strong", "end")
