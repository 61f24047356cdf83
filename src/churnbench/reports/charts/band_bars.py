"""Bands as stacked bars, and a row of traffic lights. Colour never stands alone: shape and words say the same."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from churnbench.reports.charts.kit import Frame, Svg, short, spread
from churnbench.reports.wording import clean

Part = tuple[str, float, str, str]


def band_bars(bars: Sequence[tuple[str, Sequence[Part]]], label: str) -> Markup:
    """One bar of full width per entry, cut by bands.

    Args:
        bars: (name, parts); a part is (band, size, look, words under it).
        label: description for people who cannot see the drawing.
    """
    svg = Svg(620, 74 * len(bars) + 4)
    frame = Frame(76, 0, 612, svg.height)
    for row, (name, parts) in enumerate(bars):
        top = 74 * row + 10
        svg.text((2, top + 16), clean(name, 12), "t strong")
        total = sum(size for _, size, _, _ in parts) or 1.0
        x, middles = frame.left, []
        for _, size, look, _ in parts:
            width = (frame.right - frame.left) * size / total
            svg.rect((x, top), width, 24, f"y {look}", radius=1)
            middles.append(x + width / 2)
            x += width
        shown = [place for place, part in enumerate(parts) if part[1] > 0]
        places = spread([middles[place] for place in shown], 108, frame.left + 50, frame.right - 50)
        for place, middle in zip(shown, places, strict=True):
            band, _, _, words = parts[place]
            svg.text((middle, top + 40), clean(band, 18), "t", "middle")
            svg.text((middle, top + 54), words, "k", "middle")
    return svg.render(label)


def lights(shown: Sequence[tuple[str, str]], label: str) -> Markup:
    """A row of traffic lights with their dates; shape tells the light where colour does not.

    Args:
        shown: (date in words, `green`, `yellow` or `red`), oldest first.
        label: description for people who cannot see the drawing.
    """
    svg = Svg(max(96 * len(shown), 96) + 8, 92)
    for place, (when, light) in enumerate(shown):
        middle, radius = 52 + 96 * place, 22 if place == len(shown) - 1 else 15
        _light(svg, middle, 34, radius, light)
        svg.text((middle, 84), when, "k", "middle")
        svg.text((middle, 70), light, "k", "middle")
    return svg.render(label)


def _light(svg: Svg, x: float, y: float, radius: float, light: str) -> None:
    """A disc for green, a diamond for yellow, a triangle for red."""
    if light == "green":
        svg.circle((x, y), radius, "y green")
        return
    corners = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)]
    if light == "red":
        corners = [(x, y - radius), (x + radius, y + radius * 0.8), (x - radius, y + radius * 0.8)]
    outline = "L".join(f"{short(a)} {short(b)}" for a, b in corners)
    svg.shape(f"M{outline}Z", f"y {light}")
