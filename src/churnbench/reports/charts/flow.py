"""Which accounts change their band, and how much revenue goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from churnbench.reports.charts.kit import Frame, Svg, short, spread
from churnbench.reports.wording import clean, whole

Cell = tuple[str, str]
GAP = 10.0
BAR = 12.0


def flow_chart(cells: Mapping[Cell, float], order: Sequence[str], looks: Mapping[str, str], label: str) -> Markup:
    """Two columns of bands, today at the left and candidate at the right, joined by flows of accounts.

    Args:
        cells: accounts by (band today, band under the candidate).
        order: bands from top to bottom.
        looks: style of each band, `green`, `yellow`, `red` or ``.
        label: description for people who cannot see the drawing.
    """
    svg = Svg(460, 300)
    frame = Frame(118, 28, 342, 290)
    total = sum(cells.values()) or 1.0
    height = (frame.bottom - frame.top - GAP * (len(order) - 1)) / total
    left = _stack({band: sum(n for (a, _), n in cells.items() if a == band) for band in order}, frame.top, height)
    right = _stack({band: sum(n for (_, b), n in cells.items() if b == band) for band in order}, frame.top, height)
    svg.text((frame.left - 10, 12), "today", "k", "end")
    svg.text((frame.right + 10, 12), "candidate", "k")
    used_left, used_right = dict.fromkeys(order, 0.0), dict.fromkeys(order, 0.0)
    for start in order:
        for end in order:
            size = cells.get((start, end), 0.0) * height
            if size <= 0:
                continue
            ends = (left[start][0] + used_left[start], right[end][0] + used_right[end])
            used_left[start] += size
            used_right[end] += size
            svg.shape(_ribbon(frame, *ends, size), f"f {looks.get(end, '') if start != end else 'same'}")
    for x, places, at_left in ((frame.left, left, True), (frame.right - BAR, right, False)):
        _bars(
            svg,
            frame,
            x,
            [(band, *places[band]) for band in order if places[band][1] > 0],
            looks,
            height,
            at_left=at_left,
        )
    return svg.render(label)


def _stack(sizes: Mapping[str, float], top: float, height: float) -> dict[str, tuple[float, float]]:
    places, used = {}, top
    for band, size in sizes.items():
        places[band] = (used, size * height)
        used += size * height + GAP
    return places


def _ribbon(frame: Frame, start: float, end: float, size: float) -> str:
    x1, x2 = frame.left + BAR, frame.right - BAR
    middle = short((x1 + x2) / 2)
    one, two = short(x1), short(x2)
    upper = f"M{one} {short(start)}C{middle} {short(start)} {middle} {short(end)} {two} {short(end)}"
    low_start, low_end = short(start + size), short(end + size)
    return f"{upper}V{low_end}C{middle} {low_end} {middle} {low_start} {one} {low_start}Z"


def _bars(
    svg: Svg,
    frame: Frame,
    x: float,
    bars: Sequence[tuple[str, float, float]],
    looks: Mapping[str, str],
    height: float,
    *,
    at_left: bool,
) -> None:
    """One column of bands; names of thin bands are moved apart."""
    side, anchor = (x - 10, "end") if at_left else (x + BAR + 10, "start")
    names = spread([top + size / 2 for _, top, size in bars], 29, frame.top + 8, frame.bottom - 8)
    for (band, top, size), middle in zip(bars, names, strict=True):
        svg.rect((x, top), BAR, max(size, 1.5), f"y {looks.get(band, '')}", radius=2)
        svg.text((side, middle + 1), clean(band, 16), "t strong", anchor)
        svg.text((side, middle + 14), whole(size / height), "k", anchor)
