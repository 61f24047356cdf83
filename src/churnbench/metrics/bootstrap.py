"""Resamples of accounts: every interval of the workbench rests on these weights.

Rows of one account are alike, so rows are never resampled alone (measured coverage of nominal 90 % intervals:
rows 67-78 %, accounts 87-91 %). A resample draws as many accounts as there are, with replacement; an account
drawn twice counts twice, with all its rows. Source: Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import Floats, Integers, encode

Counts = npt.NDArray[np.uint8]

#: Resamples are drawn in blocks of this size, each from its own stream, so that any block can be drawn again.
_BLOCK = 50
#: Up to this many bytes all counts are kept, so that many contenders share one drawing.
_KEEP_BYTES = 100_000_000


class AccountBootstrap:
    """Multinomial account weights, the same for everything that is measured with this object.

    Args:
        accounts: shape (n,), account of each row; the resampled universe is its distinct values.
        replicates: B, number of resamples, >= 1.
        seed: same seed and accounts, same resamples; the order of rows does not matter.

    Raises:
        InputError: for a missing account or fewer than one replicate.

    >>> bootstrap = AccountBootstrap(["a", "a", "b", "c"], replicates=5, seed=1)
    >>> bootstrap.size, bootstrap.replicates
    (3, 5)
    """

    def __init__(self, accounts: npt.ArrayLike, *, replicates: int = 1000, seed: int = 0) -> None:
        if replicates < 1:
            raise InputError(f"{replicates} replicates arrived, at least 1 was expected.", column="replicates")
        self.codes, self.names = encode(accounts, "accounts")
        self.replicates = replicates
        self.seed = seed
        self.size = len(self.names)
        self._given = accounts
        self._kept: dict[int, Counts] = {}

    def row_codes(self, accounts: npt.ArrayLike | None, rows: int) -> Integers:
        """Position of each row's account among the resampled accounts.

        Args:
            accounts: shape (rows,), accounts of the rows measured, a subset of those resampled; `None` when
                the rows are exactly those that the bootstrap was made from.
            rows: number of rows measured.

        Raises:
            InputError: for a wrong number of rows or an account that is not resampled.
        """
        if accounts is None or accounts is self._given:
            if rows != len(self.codes):
                raise InputError(
                    f"{rows} rows arrived, the bootstrap was made from {len(self.codes)}.",
                    column="accounts",
                    fix="Pass the accounts of these rows, or make a bootstrap from them.",
                )
            return self.codes
        own, names = encode(accounts, "accounts", rows=rows)
        place = np.asarray(pd.Index(self.names).get_indexer(pd.Index(names)), dtype=np.int64)
        unknown = np.flatnonzero(place < 0)
        if unknown.size:
            raise InputError(
                f"account '{names[unknown[0]]}' is not among the {self.size} accounts of the bootstrap.",
                column="accounts",
                fix="Make the bootstrap from all accounts that are measured.",
            )
        return place[own]

    def chunks(self, width: int) -> Iterator[tuple[slice, Counts]]:
        """All resamples in order, at most `max(1, width)` at a time.

        Yields:
            `(which, counts)`: a slice of replicate numbers and how often each account was drawn, shape
            (replicates in the slice, accounts).
        """
        for start in range(0, self.replicates, _BLOCK):
            block = self._block(start // _BLOCK)
            for inner in range(0, len(block), max(1, width)):
                part = block[inner : inner + max(1, width)]
                yield slice(start + inner, start + inner + len(part)), part

    def totals(self, per_account: Floats) -> Floats:
        """Sums over resampled accounts.

        Args:
            per_account: shape (accounts, m), what each account adds.

        Returns:
            Shape (B, m): exact sums for every resample.
        """
        found = np.empty((self.replicates, per_account.shape[1]))
        for which, counts in self.chunks(_BLOCK):
            found[which] = counts.astype(np.float64) @ per_account
        return found

    def by_account(self, codes: Integers, *columns: Floats) -> Floats:
        """Sums of row columns per account, shape (accounts, number of columns)."""
        return np.column_stack([np.bincount(codes, column, minlength=self.size) for column in columns])

    def _block(self, number: int) -> Counts:
        """Counts of one block; drawn again from its own stream when they are too many to keep."""
        if number in self._kept:
            return self._kept[number]
        rows = min(_BLOCK, self.replicates - number * _BLOCK)
        stream = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(number,)))
        # One block is always drawn whole, so that fewer replicates are a prefix of more.
        drawn = stream.integers(0, max(1, self.size), size=(_BLOCK, self.size), dtype=np.int32)
        drawn += (np.arange(_BLOCK, dtype=np.int32) * self.size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=_BLOCK * self.size)
        # The number of draws of one account is about Poisson(1): more than 255 never happens.
        block = counts.reshape(_BLOCK, self.size)[:rows].astype(np.uint8)
        if self.size * self.replicates <= _KEEP_BYTES:
            self._kept[number] = block
        return block
