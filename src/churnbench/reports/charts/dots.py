"""Old and new weights as paired dots; intervals as small bars in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from churnbench.reports.charts.kit import Frame, Scale, Svg
from churnbench.reports.wording import clean, fixed, weight, weight_decimals

ROW = 40.0


@dataclass(frozen=True)
class Pair:
    """One weight before and after, in per cent of the health score."""

    label: str
    old: float | None
    new: float | None
    bounds: tuple[float, float] | None = None


def paired_dots(pairs: Sequence[Pair], label: str, *, width: float = 380) -> Markup:
    """One row a weight: hollow dot today, full dot candidate with its interval, the figures at the right."""
    svg = Svg(width, 44 + ROW * len(pairs))
    frame = Frame(8, 18, width - 78, svg.height - 36)
    known = [value for pair in pairs for value in (pair.old, pair.new, *(pair.bounds or ())) if value is not None]
    x = frame.x(0, max(known, default=1.0) * 1.08 or 1.0)
    for value in x.ticks(5):
        svg.line((x(value), frame.top - 6), (x(value), frame.bottom), "g")
        svg.text((x(value), frame.bottom + 15), weight(value), "k", "middle")
    svg.text((frame.right, frame.bottom + 30), "weight, % of the health score", "k", "end")
    decimals = weight_decimals(value for pair in pairs for value in (pair.old, pair.new))
    for index, pair in enumerate(pairs):
        _pair_row(svg, frame, x, pair, frame.top + ROW * index + ROW * 0.62, decimals)
    return svg.render(label)


def _pair_row(svg: Svg, frame: Frame, x: Scale, pair: Pair, height: float, decimals: int) -> None:
    svg.text((frame.left, height - 12), clean(pair.label, 34), "t")
    if pair.bounds is not None:
        left, right = x.clipped(pair.bounds[0]), x.clipped(pair.bounds[1])
        svg.rect((left, height - 4), right - left, 8, "r cand", radius=4)
    if pair.old is not None and pair.new is not None:
        svg.line((x(pair.old), height), (x(pair.new), height), "c")
    if pair.old is not None:
        svg.circle((x(pair.old), height), 4.6, "o today", f"today {weight(pair.old)} %")
    if pair.new is not None:
        svg.circle((x(pair.new), height), 5, "d cand", f"candidate {weight(pair.new)} %")
    change = f"{fixed(pair.old, decimals)} → {fixed(pair.new, decimals)}"
    svg.text((svg.width - 2, height + 4), change, "t num strong", "end")


def interval_bar(
    value: float | None,
    bounds: tuple[float, float] | None,
    limits: tuple[float, float],
    role: str,
    reference: float | None = None,
) -> Markup:
    """A dot with its interval on a scale shared by one table column.

    Args:
        value: the figure; nothing is drawn when None.
        bounds: its interval.
        limits: lowest and highest value of the column's scale.
        role: look, e.g. `cand` or `today`.
        reference: where a thin vertical line stands (no difference, today's value).
    """
    svg = Svg(150, 16)
    x = Frame(4, 2, 146, 14).x(*limits)
    if reference is not None and limits[0] <= reference <= limits[1]:
        svg.line((x(reference), 0), (x(reference), 16), "m")
    if bounds is not None:
        left, right = x.clipped(bounds[0]), x.clipped(bounds[1])
        svg.rect((left, 5), right - left, 6, f"r {role}", radius=3)
    if value is not None:
        svg.circle((x.clipped(value), 8), 3.8, f"d {role}")
    return svg.render("interval")
