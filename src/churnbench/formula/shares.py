"""From relative weights to integers that sum to 10000 basis points."""

from __future__ import annotations

import math
from collections.abc import Sequence

from churnbench.domain.errors import InputError

FULL = 10000
#: Above this the sum of a few shares is beyond a double; they are then taken relative to the largest.
_HUGE = 1e300


def to_basis_points(shares: Sequence[float], *, what: str = "weights", full: int = FULL) -> list[int]:
    """Round relative weights to basis points by the largest remainder.

    Args:
        shares: finite numbers >= 0 in any unit, at least one above 0.
        what: how an error names them.
        full: what the result sums to.

    Returns:
        Integers >= 0 that sum to `full`, each within 1 of its exact value; ties go to the earlier one.

    Raises:
        InputError: for a negative or non-finite share, or when all are zero.

    Example:
        >>> to_basis_points([1, 1, 1])
        [3334, 3333, 3333]
    """
    if any(not math.isfinite(share) or share < 0 for share in shares):
        raise InputError(f"{what}: {list(shares)} arrived.", fix="Use finite numbers from 0 upwards.")
    if shares and max(shares) > _HUGE:
        shares = [share / max(shares) for share in shares]
    total = math.fsum(shares)
    if total <= 0:
        raise InputError(f"{what}: all are zero or none is given.", fix="Give at least one weight above 0.")
    exact = [share / total * full for share in shares]
    whole = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda position: whole[position] - exact[position])
    for position in by_remainder[: full - sum(whole)]:
        whole[position] += 1
    return whole
