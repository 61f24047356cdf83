"""Values of a report as people read them."""

from __future__ import annotations

from typing import Any

from churnbench.health.result import Unit
from churnbench.reports.wording import NONE, clean, fixed, money, percent, signed, whole

#: Units that stand at the right of their column.
NUMERIC: frozenset[str] = frozenset(
    {"points", "change", "speed", "share", "probability", "money", "count", "days", "value", "auc", "loss", "ratio"}
)
_DECIMALS = {"points": 1, "auc": 3, "loss": 4, "ratio": 2}


def shown(value: Any, unit: Unit, limit: int = 90) -> str:
    """A value in words.

    >>> shown(0.114, "probability"), shown(-1.74, "change"), shown(None, "points"), shown(0.04213, "value")
    ('11.4 %', '−1.7', 'n/a', '0.04213')
    """
    if value is None or value == "":
        return NONE if unit in NUMERIC else "–"
    if isinstance(value, str):
        return clean(value, limit)
    number = float(value)
    if unit in ("share", "probability"):
        return percent(number)
    if unit in ("change", "speed"):
        return signed(number, 1 if unit == "change" else 2)
    if unit == "money":
        return money(number)
    if unit in ("count", "days"):
        return whole(number)
    if unit in _DECIMALS:
        return fixed(number, _DECIMALS[unit])
    return f"{number:,.4g}".replace("-", "−")


def span_words(interval: Any, unit: Unit) -> str:
    """An interval in words; "" without one."""
    if not interval or any(end is None for end in interval):
        return ""
    low, high = (shown(end, unit) for end in interval)
    if low.endswith(" %") and high.endswith(" %"):
        low = low.removesuffix(" %")
    return f"{low} – {high}"
