"""Values in the shape and size that MLflow accepts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from churnbench.domain.recorder import MetricValues

PARAM_LENGTH = 6000
TAG_LENGTH = 5000
NAME_LENGTH = 250


def clean_name(name: str) -> str:
    """A name MLflow accepts as key: letters, digits, `_`, `-`, `.`, `/`, blank.

    >>> clean_name("auc [90 %]")
    'auc _90 __'
    """
    cleaned = re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII).strip().strip("/.") or "unnamed"
    return cleaned[:NAME_LENGTH]


def flat_metrics(values: MetricValues) -> dict[str, float]:
    """Each metric and its interval as `name`, `name_low`, `name_high`; what is undefined is left out.

    >>> flat_metrics({"auc": (0.8, 0.7, 0.9), "brier": (None, None, None)})
    {'auc': 0.8, 'auc_low': 0.7, 'auc_high': 0.9}
    """
    flat: dict[str, float] = {}
    for name, parts in values.items():
        for suffix, value in zip(("", "_low", "_high"), parts, strict=True):
            if value is not None and math.isfinite(value):
                flat[clean_name(name) + suffix] = float(value)
    return flat


def flat_parameters(values: Mapping[str, object]) -> dict[str, str]:
    """Parameters as text, nested mappings with dotted keys, over-long values cut.

    >>> flat_parameters({"label": {"gap_days": 14}, "seed": 7})
    {'label.gap_days': '14', 'seed': '7'}
    """
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            nested = {f"{name}.{key}": inner for key, inner in value.items()}
            flat.update(flat_parameters(nested))
        else:
            flat[clean_name(name)] = shorten(str(value), PARAM_LENGTH)
    return flat


def flat_tags(values: Mapping[str, str]) -> dict[str, str]:
    """Tags with accepted keys and lengths."""
    return {clean_name(key): shorten(str(value), TAG_LENGTH) for key, value in values.items()}


def shorten(text: str, limit: int) -> str:
    """Text of at most `limit` characters; a cut is marked.

    >>> shorten("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"
