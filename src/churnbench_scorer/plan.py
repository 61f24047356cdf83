"""A checked body, laid out for scoring one account after the other."""

from __future__ import annotations

from bisect import bisect_right

from .errors import InputRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Reader = Callable[[Callable[[str], Any]], "float | None"]
    Pieces = list[tuple[float, float, float]]

#: A number is present within these bounds; NaN and the infinities fail the same test.
LOWEST, HIGHEST = -1e308, 1e308
_NAN = float("nan")


class Term:
    """One metric inside its dimension.

    Attributes:
        metric: metric id.
        weight: basis points, as a float (sums of them are exact).
        key: input id.
        knots, pieces: lookup table of a plain piecewise rule.
        read: reader of every other rule, else None.
        fallback: points of a missing value, None when it is skipped.
        row: all of it but the id, for the inner loop.
    """

    __slots__ = ("fallback", "key", "knots", "metric", "pieces", "read", "row", "weight")

    def __init__(self, metric: Any, weight: int) -> None:
        rule = metric["rule"]
        self.metric: str = metric["id"]
        self.key: str = metric["input"]
        self.weight = float(weight)
        self.fallback = fallback_points(metric)
        self.knots: list[float] = []
        self.pieces: Pieces = []
        self.read: Reader | None = None
        validity = metric.get("validity")
        expires = bool(validity) and validity["then"] == "missing"
        if rule["kind"] in ("piecewise", "ratio"):
            self.knots, self.pieces = lookup(rule["points"], rule["slopes"])
        if rule["kind"] != "piecewise" or expires:
            self.read = _READERS[rule["kind"]](self, rule)
        if expires and self.read is not None:
            self.read = _expiring(self.read, validity["input"], float(validity["days"]))
        # One tuple to unpack costs a third of six attributes to look up.
        self.row = (self.weight, self.key, self.knots, self.pieces, self.read, self.fallback)


def fallback_points(metric: Mapping[str, Any]) -> float | None:
    """Points of a missing value by the metric's policy; None when it is skipped."""
    if metric["missing"] == "skip":
        return None
    return float(metric["neutral"]) if metric["missing"] == "neutral" else 0.0


def lookup(points: list[list[float]], slopes: list[float]) -> tuple[list[float], Pieces]:
    """Table for `pieces[bisect_right(knots, x)]`: one flat piece before the first knot, one from the last."""
    knots = [float(point[0]) for point in points]
    heights = [float(point[1]) for point in points]
    inner = list(zip(knots, heights, [float(slope) for slope in slopes]))
    return knots, [(knots[0], heights[0], 0.0), *inner, (knots[-1], heights[-1], 0.0)]


def on_curve(x: float, knots: list[float], pieces: Pieces) -> float:
    """Height of the piecewise line at x; flat outside its knots."""
    left, base, slope = pieces[bisect_right(knots, x)]
    return base + (x - left) * slope


def number(value: Any, key: str) -> float:
    """The value as a double, NaN when it is missing.

    Raises:
        InputRefused: for text or anything else that is not a number.
    """
    if value is None:
        return _NAN
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if isinstance(value, (str, bytes)) or (not hasattr(kind, "__float__") and not hasattr(kind, "__index__")):
        if kind.__name__ in ("NAType", "NaTType"):
            return _NAN
        raise InputRefused(f"input {key!r}: {value!r} is not a number. Pass a number, or None for missing.")
    try:
        return float(value)
    except OverflowError:
        return _NAN


def text(value: Any, key: str) -> str | None:
    """The value as text, None when it is missing.

    Raises:
        InputRefused: for anything that is neither text nor missing.
    """
    if isinstance(value, str):
        return value
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    raise InputRefused(f"input {key!r}: {value!r} is not text. Pass text, or None for missing.")


def present_number(value: Any, key: str) -> float | None:
    """The value as a double within the bounds of presence, else None."""
    x = number(value, key)
    return x if LOWEST <= x <= HIGHEST else None


def _piecewise(term: Term, rule: Mapping[str, Any]) -> Reader:  # noqa: ARG001 - one signature for all readers
    key, knots, pieces = term.key, term.knots, term.pieces

    def read(get: Callable[[str], Any]) -> float | None:
        x = present_number(get(key), key)
        return None if x is None else on_curve(x, knots, pieces)

    return read


def _ratio(term: Term, rule: Mapping[str, Any]) -> Reader:
    key, knots, pieces, below = term.key, term.knots, term.pieces, rule["denominator"]
    multiplier, low, high = float(rule["multiplier"]), float(rule["low"]), float(rule["high"])

    def read(get: Callable[[str], Any]) -> float | None:
        top, bottom = present_number(get(key), key), present_number(get(below), below)
        if top is None or bottom is None or not bottom > 0.0:
            return None
        ratio = top / bottom * multiplier
        if ratio < low:
            ratio = low
        elif ratio >= high:
            ratio = high
        return on_curve(ratio, knots, pieces)

    return read


def _boolean(term: Term, rule: Mapping[str, Any]) -> Reader:
    key, yes, no = term.key, float(rule["true"]), float(rule["false"])

    def read(get: Callable[[str], Any]) -> float | None:
        x = present_number(get(key), key)
        return None if x is None else (yes if x >= 0.5 else no)

    return read


def _category(term: Term, rule: Mapping[str, Any]) -> Reader:
    key, points = term.key, {entry[0]: float(entry[1]) for entry in rule["map"]}

    def read(get: Callable[[str], Any]) -> float | None:
        value = text(get(key), key)
        return None if value is None else points.get(value)

    return read


def _expiring(inner: Reader, age_key: str, days: float) -> Reader:
    def read(get: Callable[[str], Any]) -> float | None:
        age = present_number(get(age_key), age_key)
        value = inner(get)  # read first, so that a wrong type is refused however old it is
        return None if age is not None and age > days else value

    return read


_READERS: dict[str, Callable[[Term, Mapping[str, Any]], Reader]] = {
    "piecewise": _piecewise,
    "ratio": _ratio,
    "boolean": _boolean,
    "category": _category,
}
