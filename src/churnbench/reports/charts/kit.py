"""A small kit for inline SVG: escaping, scales, ticks, axes. Colours live in the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from churnbench.reports.wording import clean

Point = tuple[float, float]


def short(value: float) -> str:
    """A coordinate with at most one decimal.

    >>> short(12.04), short(3.0), short(-0.01)
    ('12', '3', '0')
    """
    text = f"{value:.1f}"
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")


@dataclass(frozen=True)
class Scale:
    """A straight line from data to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a value."""
        width = self.high - self.low
        share = 0.5 if width <= 0 else (value - self.low) / width
        return self.start + share * (self.end - self.start)

    def clipped(self, value: float) -> float:
        """Pixel of a value, held inside the plot."""
        return self(min(max(value, self.low), self.high))

    def ticks(self, count: int = 5) -> list[float]:
        """Round values inside the scale, about `count` of them."""
        return nice_ticks(self.low, self.high, count)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values between low and high.

    >>> nice_ticks(0, 1, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    width = high - low
    if not math.isfinite(width) or width <= 0 or count < 1:
        return [low]
    raw = width / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def padded(values: Iterable[float], share: float = 0.06, around: float = 1.0) -> tuple[float, float]:
    """Lowest and highest value with some room; a span of `around` when there is nothing to span."""
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, around)
    room = (high - low) * share if high > low else around / 2
    return low - room, high + room


def compact(value: float) -> str:
    """A tick label.

    >>> compact(0.25), compact(12000), compact(-40)
    ('0.25', '12k', '−40')
    """
    if abs(value) >= 1e6:
        text = f"{value / 1e6:g}M"
    elif abs(value) >= 1e4:
        text = f"{value / 1e3:g}k"
    else:
        text = f"{value:g}"
    return text.replace("-", "−")


def as_percent(value: float) -> str:
    """A tick label for a share."""
    return compact(round(value * 100, 6)) + " %"


@dataclass
class Svg:
    """Collects the parts of one drawing; every text is escaped here and nowhere else."""

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def _add(self, tag: str, cls: str, attributes: str, body: str | None = None) -> None:
        kind = f' class="{cls}"' if cls else ""
        end = "/>" if body is None else f">{body}</{tag}>"
        self.parts.append(f"<{tag}{kind} {attributes}{end}")

    def line(self, start: Point, end: Point, cls: str) -> None:
        """A straight line."""
        (x1, y1), (x2, y2) = start, end
        self._add("line", cls, f'x1="{short(x1)}" y1="{short(y1)}" x2="{short(x2)}" y2="{short(y2)}"')

    def rect(self, corner: Point, width: float, height: float, cls: str, *, radius: float = 0) -> None:
        """A rectangle; a negative size is drawn as 0."""
        rounded = f' rx="{short(radius)}"' if radius else ""
        size = f'width="{short(max(width, 0))}" height="{short(max(height, 0))}"'
        self._add("rect", cls, f'x="{short(corner[0])}" y="{short(corner[1])}" {size}{rounded}')

    def circle(self, centre: Point, radius: float, cls: str, hint: str = "") -> None:
        """A dot; `hint` shows on hovering."""
        body = f"<title>{escape(clean(hint, 200))}</title>" if hint else None
        self._add("circle", cls, f'cx="{short(centre[0])}" cy="{short(centre[1])}" r="{short(radius)}"', body)

    def text(self, place: Point, words: str, cls: str = "t", anchor: str = "start") -> None:
        """Text, cut to a printable length; `anchor` is start, middle or end."""
        where = f'x="{short(place[0])}" y="{short(place[1])}"'
        if anchor != "start":
            where += f' text-anchor="{anchor}"'
        self._add("text", cls, where, str(escape(clean(words, 120))))

    def path(self, points: Sequence[Point], cls: str, *, closed: bool = False) -> None:
        """A broken line through the points."""
        if len(points) > 1:
            self._add("path", cls, f'd="{trace(points)}{"Z" if closed else ""}"')

    def shape(self, outline: str, cls: str) -> None:
        """A path given as its own commands (numbers only)."""
        self._add("path", cls, f'd="{outline}"')

    def ribbon(self, upper: Sequence[Point], lower: Sequence[Point], cls: str) -> None:
        """The area between two lines over the same x values."""
        if len(upper) > 1:
            self.path([*upper, *reversed(lower)], cls, closed=True)

    def render(self, label: str) -> Markup:
        """The drawing with its description for people who cannot see it."""
        head = (
            f'<svg viewBox="0 0 {short(self.width)} {short(self.height)}" role="img" '
            f'aria-label="{escape(clean(label, 300))}" style="max-width:{short(self.width * 1.35)}px">'
        )
        return Markup(head + "".join(self.parts) + "</svg>")  # noqa: S704 - every text was escaped above


def trace(points: Sequence[Point]) -> str:
    """Path commands through points.

    >>> trace([(0, 0), (10, 5.25)])
    'M0 0L10 5.2'
    """
    steps = [f"{short(x)} {short(y)}" for x, y in points]
    return "M" + "L".join(steps)


@dataclass(frozen=True)
class Frame:
    """The plot area inside a drawing, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, low: float, high: float) -> Scale:
        """Scale along the bottom."""
        return Scale(low, high, self.left, self.right)

    def y(self, low: float, high: float) -> Scale:
        """Scale upwards."""
        return Scale(low, high, self.bottom, self.top)


@dataclass(frozen=True)
class Axis:
    """How one axis is labelled; `words` writes the ticks where a number would not be read."""

    title: str
    count: int = 5
    percent: bool = False
    words: Callable[[float], str] | None = None

    def label(self, value: float) -> str:
        """Text of a tick."""
        if self.words is not None:
            return self.words(value)
        return as_percent(value) if self.percent else compact(value)


def draw_axes(svg: Svg, frame: Frame, x: Scale, y: Scale, x_axis: Axis, y_axis: Axis) -> None:
    """Light horizontal grid, tick labels, the y title above its axis, the x title below at the right."""
    for value in y.ticks(y_axis.count):
        height = y(value)
        svg.line((frame.left, height), (frame.right, height), "g")
        svg.text((frame.left - 6, height + 3.6), y_axis.label(value), "k", "end")
    for value in x.ticks(x_axis.count):
        svg.text((x(value), frame.bottom + 15), x_axis.label(value), "k", "middle")
    svg.line((frame.left, frame.bottom), (frame.right, frame.bottom), "b")
    svg.text((2, 11), y_axis.title, "k")
    svg.text((frame.right, frame.bottom + 30), x_axis.title, "k", "end")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels near where they are wanted, `gap` apart, within [low, high], order kept.

    >>> spread([10, 11, 40], 10, 0, 100)
    [10, 20, 40]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed: dict[int, float] = {}
    floor = low
    for index in order:
        placed[index] = max(wanted[index], floor)
        floor = placed[index] + gap
    ceiling = high
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return [placed[index] for index in range(len(wanted))]
