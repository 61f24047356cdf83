"""Small words for error messages: what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question with the nearest known word, or nothing.

    >>> did_you_mean("acount_id", ["account_id", "as_of"])
    "Did you mean 'account_id'?"
    >>> did_you_mean("zebra", ["account_id", "as_of"])
    ''
    """
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"Did you mean '{by_lower[near[0]]}'?" if near else ""


def listed(words: Iterable[str], limit: int = 12) -> str:
    """Words in a row, cut after `limit`.

    >>> listed(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    shown = list(words)
    if len(shown) <= limit:
        return ", ".join(shown)
    return f"{', '.join(shown[:limit])} and {len(shown) - limit} more"
