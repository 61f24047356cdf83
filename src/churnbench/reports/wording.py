"""Numbers, dates and names as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from churnbench.reports.reading import Estimate

DASH = "–"
NONE = "n/a"

#: Words for contender names that evidence may carry without a label.
CONTENDER_LABELS = {
    "incumbent": "Today's formula",
    "anchored": "Anchored refit",
    "distilled": "Distilled",
    "shap_slope": "SHAP slope",
    "shap_share": "SHAP share",
    "logistic": "Logistic regression",
    "lightgbm": "LightGBM",
    "best_single_metric": "Best single metric",
}
DIRECTIONS = {"higher_is_healthier": "higher is healthier", "lower_is_healthier": "lower is healthier"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def fixed(value: float | None, decimals: int = 3) -> str:
    """A number with fixed decimals and a real minus sign.

    >>> fixed(0.7934), fixed(-0.0041, 3), fixed(None)
    ('0.793', '−0.004', 'n/a')
    """
    if value is None:
        return NONE
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")


def signed(value: float | None, decimals: int = 3) -> str:
    """A number with its sign always shown.

    >>> signed(0.022), signed(0.0)
    ('+0.022', '0.000')
    """
    text = fixed(value, decimals)
    return f"+{text}" if value is not None and value > 0 and float(text.replace(",", "")) else text


def whole(value: float | None) -> str:
    """A count with thousands separators.

    >>> whole(14812)
    '14,812'
    """
    return NONE if value is None else f"{value:,.0f}".replace("-", "−")


def percent(value: float | None, decimals: int = 1) -> str:
    """A share as per cent.

    >>> percent(0.0412)
    '4.1 %'
    """
    return NONE if value is None else f"{fixed(value * 100, decimals)} %"


def money(value: float | None) -> str:
    """An amount, short; the currency stands in the heading.

    >>> money(1_250_000), money(48_300), money(900)
    ('1.25 M', '48.3 k', '900')
    """
    if value is None:
        return NONE
    for size, unit, decimals in ((1e9, " B", 2), (1e6, " M", 2), (1e4, " k", 1)):
        if abs(value) >= size:
            return fixed(value / (1e3 if size == 1e4 else size), decimals) + unit
    return whole(value)


def span(found: Estimate | tuple[float, float] | None, decimals: int = 3, *, share: bool = False) -> str:
    """An interval; "" when there is none.

    >>> span((0.744, 0.838)), span((0.011, 0.034), 1, share=True)
    ('0.744 – 0.838', '1.1 – 3.4 %')
    """
    bounds = found.bounds if isinstance(found, Estimate) else found
    if bounds is None:
        return ""
    factor = 100 if share else 1
    low, high = (fixed(part * factor, decimals) for part in bounds)
    return f"{low} {DASH} {high}{' %' if share else ''}"


def weight(value: float | None) -> str:
    """A weight in per cent of the health score: one decimal, none when it is whole.

    >>> weight(35.0), weight(12.4)
    ('35', '12.4')
    """
    if value is None:
        return NONE
    return fixed(value, 0) if abs(value - round(value)) < 0.05 else fixed(value, 1)


def weight_decimals(values: Iterable[float | None]) -> int:
    """Decimals shared by one column or chart of weights: none when all are whole.

    >>> weight_decimals([35.0, 25.0]), weight_decimals([35.0, 12.4])
    (0, 1)
    """
    return int(any(value is not None and abs(value - round(value)) >= 0.05 for value in values))


def clean(text: str, limit: int = 80) -> str:
    """A name fit to print: no control or direction-changing characters, cut at `limit`.

    >>> clean("a" * 100, 5)
    'aaaa…'
    """
    plain = _CONTROL.sub("", text).strip()
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def label_of(name: str, label: str = "") -> str:
    """What a contender is called on the page."""
    return clean(label or CONTENDER_LABELS.get(name, name.replace("_", " ")), 40)


def day(text: str) -> str:
    """The date part of a timestamp.

    >>> day("2018-04-02T17:52:00")
    '2018-04-02'
    """
    return clean(text[:10])
