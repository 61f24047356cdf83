"""Bounds below which an engine that raises on overflow and underflow must not multiply or divide.

PostgreSQL, and some warehouses, stop the whole query when a product of doubles is too large or rounds to zero; the
scorer goes on with infinity or zero. Every bound here is found by halving between doubles with the very operation
that the engine would do, so that the guarded expression gives what the unguarded one gives.

Points between 0 and `TINY` are written as `TINY`: no integer of a score can tell them apart, they stay above zero
(which decides who gets what rounding leaves over), and nothing computed from them underflows.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

#: Points, multipliers and probabilities above zero are at least this.
TINY = 2.0**-200
#: What is added to at least `TINY` changes nothing below this.
_ABSORBED = 2.0**-1000

# A quotient is infinite from |top| >= bottom * 2^1024 on and rounds to zero from |top| * 2^1075 <= bottom on, exactly:
# the quotient of two doubles never falls between these and the rounding bounds. Both sides are scaled by powers of
# two, without rounding, into the range of doubles; BORDER tells which of the two can happen.
BORDER = 2.0**-51
SHRUNK, STRETCHED = 2.0**-500, 2.0**524
RAISED, LOWERED = 2.0**575, 2.0**-500


def lifted(height: float) -> float:
    """A height that is not between 0 and `TINY`."""
    return TINY if 0.0 < height < TINY else height


def flat_starts(x0: float, x1: float, y0: float, slope: float) -> list[tuple[float, float]]:
    """Where a piece of a curve must not be computed.

    Args:
        x0: its first knot.
        x1: the next one.
        y0: height at `x0`, `lifted`.
        slope: rise per unit.

    Returns:
        `(bound, height)` ascending: from the bound before (at first x0) to below this one, the height is that. From the
        last bound on `y0 + (x - x0) * slope` neither underflows nor lies between 0 and `TINY`. Often empty.
    """
    if slope == 0.0:
        return []
    beside = math.nextafter(x0, math.inf)
    least = TINY if y0 == 0.0 else _ABSORBED
    if abs((beside - x0) * slope) >= least:
        return []
    bound = min(x1, first_double(lambda x: abs((x - x0) * slope) >= least, x0, x1))
    if y0 > 0.0 or slope < 0.0:
        return [(bound, y0)]
    return [(beside, 0.0), (bound, TINY)]


def first_double(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The smallest double above `low` for which a condition holds that, once true, stays so; `high` if none before."""
    below, above = _order(low), _order(high)
    while above - below > 1:
        middle = (below + above) // 2
        if holds(_double(middle)):
            above = middle
        else:
            below = middle
    return _double(above)


def _order(x: float) -> int:
    """Place of a double among all doubles; both zeros are 0."""
    bits = int(struct.unpack("<q", struct.pack("<d", x))[0])
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _double(place: int) -> float:
    value = float(struct.unpack("<d", struct.pack("<q", abs(place)))[0])
    return value if place >= 0 else -value
