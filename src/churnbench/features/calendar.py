"""As-of dates: the ends of weeks, months or quarters."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pandas as pd

#: pandas' names of the period ends; a week ends on Sunday.
_FREQUENCIES = {"week": "W-SUN", "month": "ME", "quarter": "QE"}


def as_of_dates(first: date, last: date, every: Literal["week", "month", "quarter"]) -> pd.DatetimeIndex:
    """Period ends between two dates, both included.

    >>> from datetime import date
    >>> [str(day.date()) for day in as_of_dates(date(2024, 1, 31), date(2024, 3, 30), "month")]
    ['2024-01-31', '2024-02-29']
    """
    return pd.date_range(first, last, freq=_FREQUENCIES[every])
