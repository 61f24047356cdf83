"""Dates as people type them."""

from __future__ import annotations

from datetime import date
from typing import overload

from churnbench.domain.errors import InputError


@overload
def typed_date(text: str, option: str) -> date: ...


@overload
def typed_date(text: str | None, option: str) -> date | None: ...


def typed_date(text: str | None, option: str) -> date | None:
    """An ISO date; None for None.

    Args:
        text: what was typed.
        option: where, e.g. "--as-of".

    Raises:
        InputError: for anything else.

    >>> typed_date(" 2026-01-31", "--as-of")
    datetime.date(2026, 1, 31)
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{text!r} is not a date.", column=option, fix="Write it like 2026-01-31.") from None
