"""Which band stays in force: what each account's last readings say, and how many it takes to change a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.export import Document

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class BandState:
    """What is known of each account before a day.

    Attributes:
        held: account id -> band in force at its last reading; "insufficient-data" holds nothing.
        readings: for the last reading, the one before it, ...: account id -> band by the thresholds alone.
    """

    held: pd.Series
    readings: tuple[pd.Series, ...]

    @classmethod
    def empty(cls) -> BandState:
        """Nothing is known of anybody."""
        nobody = pd.Series(dtype=object)
        return cls(nobody, (nobody,))

    @classmethod
    def of(cls, recent: pd.DataFrame) -> BandState:
        """From the last readings per account: account_id, place (1 is the last), calculated_band, held_band."""
        places = [part.set_index("account_id") for _, part in recent.groupby("place", sort=True)]
        if not places:
            return cls.empty()
        return cls(places[0]["held_band"], tuple(part["calculated_band"] for part in places))


def supply(document: Document, inputs: pd.DataFrame, state: BandState) -> pd.DataFrame:
    """Give a config with hysteresis the band in force and the reading of the time before.

    Args:
        document: a config.
        inputs: account_id and one column per input. Text that a file brings in these two columns counts only for an
            account without a reading in the history.
        state: from the history.

    Returns:
        The inputs, with these two columns where the config asks for them.
    """
    rule = document["body"].get("hysteresis")
    if not rule:
        return inputs
    supplied = inputs.copy()
    for name, known in ((rule["input"], state.held), (rule.get("reading"), state.readings[0])):
        if name is not None:
            past = inputs["account_id"].map(known).astype(object)
            given = inputs[name].astype(object) if name in inputs else pd.Series(None, index=inputs.index, dtype=object)
            text = past.where(past.notna(), given)
            supplied[name] = text.where(text.notna(), None)
    return supplied


def settled(
    document: Document, accounts: pd.Series, calculated: pd.Series, state: BandState, band_after: int
) -> npt.NDArray[Any]:
    """Band in force where the config has no hysteresis of its own.

    A band changes when `band_after` readings in a row, today's included, lie on the same side of the band in force.
    A reading without a score, or of a band that the config does not have, holds nothing.

    Args:
        document: a config; its bands are in ascending order.
        accounts: account ids.
        calculated: their bands of today by the thresholds alone.
        state: from the history.
        band_after: readings in a row, at least 1.

    Returns:
        Band names in the order of `accounts`.
    """
    today = calculated.to_numpy(dtype=object)
    if band_after < 2:
        return today
    names = [name for name, _ in document["body"]["bands"]]
    held, now = _codes(accounts.map(state.held), names), _codes(calculated, names)
    known = (held >= 0) & (now >= 0)
    unconfirmed = np.zeros(len(now), dtype=bool)
    for past in state.readings[: band_after - 1]:
        last = _codes(accounts.map(past), names)
        unconfirmed |= (last >= 0) & ((last == held) | ((last < held) != (now < held)))
    stays = known & (now != held) & unconfirmed
    return np.where(stays, np.array([*names, None], dtype=object)[held], today)


def _codes(values: pd.Series, names: Sequence[str]) -> Codes:
    """Position of each band, -1 for any other text and for none."""
    return pd.Index(list(names), dtype=object).get_indexer(pd.Index(values, dtype=object)).astype(np.intp)
