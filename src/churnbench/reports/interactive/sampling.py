"""Which accounts go into the page when all of them would be too many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

#: A segment is shown by at least this many of its accounts that stayed, or by all of them.
LEAST_PER_SEGMENT = 50
#: A smaller share of the accounts that stayed is not worth estimating from.
LEAST_SHARE = 0.001
#: What a sample may fill of its room at the first try: sizes do not shrink quite in proportion.
SAFETY = 0.95
_SEED = 20_110


def account_sample(rows: pd.DataFrame, share: float) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """A sample of accounts with all their rows: every churner, and a share of those who stayed in each segment.

    Args:
        rows: sorted by account and then by date; account_id, y and segment.
        share: part of the accounts that stayed, within (0, 1].

    Returns:
        The rows of the sample in the same order, and per account how many accounts it stands for: 1 for churners,
        N/n for one of n drawn from the N accounts of its segment that stayed. Equal arguments give equal samples.
    """
    accounts = rows.groupby("account_id", sort=False).agg(churned=("y", "max"), segment=("segment", "last"))
    weights = pd.Series(0.0, index=accounts.index)
    weights[accounts["churned"] == 1] = 1.0
    stayed = accounts[accounts["churned"] != 1]
    for name, members in stayed.groupby(stayed["segment"].astype(str), sort=True):
        size = min(len(members), max(LEAST_PER_SEGMENT, round(share * len(members))))
        random = np.random.default_rng([_SEED, *str(name).encode()])
        drawn = random.choice(len(members), size=size, replace=False)
        weights[members.index[drawn]] = len(members) / size
    kept = weights[weights > 0]
    sizes = np.asarray(kept, dtype=np.float64)
    return rows[rows["account_id"].isin(set(kept.index))], sizes
