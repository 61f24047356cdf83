"""A measure over the folds, contenders side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from churnbench.reports.charts.kit import Frame, Scale, Svg, padded, spread
from churnbench.reports.reading import Estimate
from churnbench.reports.wording import clean, fixed


@dataclass(frozen=True)
class FoldLine:
    """One contender over the folds; an unknown fold is left out."""

    label: str
    role: str
    values: Sequence[Estimate]


def fold_chart(
    names: Sequence[str], counts: Sequence[str], lines: Sequence[FoldLine], title: str, label: str
) -> Markup:
    """Dots with intervals per fold, joined by lines; below each fold its name and its events."""
    svg = Svg(460, 290)
    longest = max((len(line.label) for line in lines), default=0)
    frame = Frame(50, 24, 460 - min(18 + longest * 6.4, 140), 236)
    known = [v for line in lines for one in line.values for v in (one.value, one.low, one.high) if v is not None]
    y = frame.y(*padded(known))
    x = frame.x(-0.5, max(len(names) - 0.5, 0.5))
    for value in y.ticks(5):
        svg.line((frame.left, y(value)), (frame.right, y(value)), "g")
        svg.text((frame.left - 6, y(value) + 3.6), fixed(value, 2), "k", "end")
    svg.text((2, 11), title, "k")
    every = max(1, -(-len(names) // 6))
    for index in range(0, len(names), every):
        svg.text((x(index), frame.bottom + 16), clean(names[index], 14), "k", "middle")
        svg.text((x(index), frame.bottom + 30), clean(counts[index], 20), "k", "middle")
    for order, line in enumerate(lines):
        shift = (order - (len(lines) - 1) / 2) * 7
        _draw(svg, x, y, line, shift)
    _names(svg, frame, y, lines)
    svg.line((frame.left, frame.bottom), (frame.right, frame.bottom), "b")
    svg.text((frame.right, frame.bottom + 46), "fold, with churned accounts in its test rows", "k", "end")
    return svg.render(label)


def _draw(svg: Svg, x: Scale, y: Scale, line: FoldLine, shift: float) -> None:
    places = [(x(index) + shift, one, one.value) for index, one in enumerate(line.values) if one.value is not None]
    svg.path([(place, y(value)) for place, _, value in places], f"l thin {line.role}")
    for place, one, value in places:
        if one.bounds is not None:
            svg.line((place, y(one.bounds[0])), (place, y(one.bounds[1])), f"e {line.role}")
        svg.circle((place, y(value)), 4, f"d {line.role}", f"{line.label}: {fixed(value)}")


def _names(svg: Svg, frame: Frame, y: Scale, lines: Sequence[FoldLine]) -> None:
    last = [(line, [one.value for one in line.values if one.value is not None]) for line in lines]
    drawn = [(line, values[-1]) for line, values in last if values]
    places = spread([y(value) for _, value in drawn], 14, frame.top, frame.bottom)
    for (line, _), place in zip(drawn, places, strict=True):
        svg.text((frame.right + 7, place + 4), line.label, f"t n {line.role}")
