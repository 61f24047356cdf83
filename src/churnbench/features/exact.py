"""Sums that do not depend on the order of rows or on the number of threads.

Adding doubles in another order changes the last digit, and one digit is enough to change the bytes of a
config. Whole numbers below 2^53 add up exactly as they are. Other values are turned into 128-bit integers by
a power of two, chosen so that no sum of them (times a day number) can overflow: some 80 to 100 binary digits
below the largest value are kept, where a double has 53. The sum is turned back into the nearest double.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from churnbench.features.facts import Facts

#: Day numbers since 1970 stay below 2^16.
DAY_BITS = 16
#: Bits of a 128-bit integer that a sum may use, sign and one bit of margin left out.
SUM_BITS = 126
#: Largest power of two in a scale, so that it and its inverse are ordinary doubles.
MOST_POWER = 900


@dataclass(frozen=True)
class Scale:
    """How one number column is summed; `power` None adds the doubles themselves."""

    power: int | None

    def scaled(self, value: str) -> str:
        """SQL of the summand."""
        if self.power is None:
            return value
        return f"CAST({value} * CAST('{math.ldexp(1.0, self.power)!r}' AS DOUBLE) AS HUGEINT)"

    def restored(self, total: str) -> str:
        """SQL of the sum as a double."""
        if self.power is None:
            return f"CAST({total} AS DOUBLE)"
        return f"({nearest_double(total)} * CAST('{math.ldexp(1.0, -self.power)!r}' AS DOUBLE))"


def nearest_double(total: str) -> str:
    """SQL of the double nearest to a 128-bit integer.

    DuckDB's own cast rounds twice (each 64-bit half, then their sum), so that the same sum at another scale
    could end in another digit. Here the number is first cut to 61 or 62 bits, with the last bit set if
    anything was cut
    off: rounding that to 53 bits once is exact rounding (Boldo and Melquiond 2008,
        doi:10.1109/TC.2007.70819).
    """
    whole = f"abs(CAST({total} AS HUGEINT))"
    # The exponent may be off by one where the logarithm rounds up; 61 bits are still more than 53 + 2.
    shift = f"CAST(greatest(0, floor(log2(CAST({whole} AS DOUBLE) + 1)) - 60) AS INTEGER)"
    unit = f"CAST(pow(2.0::DOUBLE, {shift}) AS HUGEINT)"
    sticky = f"CASE WHEN {whole} % {unit} = 0 THEN 0 ELSE ({whole} // {unit} + 1) % 2 END"
    magnitude = f"CAST(CAST({whole} // {unit} + {sticky} AS BIGINT) AS DOUBLE) * pow(2.0::DOUBLE, {shift})"
    return f"(CASE WHEN {total} < 0 THEN -1.0::DOUBLE ELSE 1.0::DOUBLE END * {magnitude})"


def scale_for(largest: float, count: int, *, whole: bool) -> Scale:
    """The scale of a column.

    Args:
        largest: largest absolute value.
        count: number of values.
        whole: whether all are whole numbers.

    >>> scale_for(12.0, 1000, whole=True)
    Scale(power=None)
    >>> scale_for(12.5, 1000, whole=False)
    Scale(power=96)
    """
    if largest == 0 or (whole and largest * max(count, 1) < 2 ** (53 - DAY_BITS)):
        return Scale(None)
    digits = SUM_BITS - DAY_BITS - max(count, 1).bit_length()
    return Scale(max(-MOST_POWER, min(MOST_POWER, digits - math.frexp(largest)[1])))


def scales_of(facts: Facts, columns: Iterable[str]) -> dict[str, Scale]:
    """Scale of each SQL number column, from one scan.

    Args:
        facts: the table.
        columns: SQL names of its number columns.
    """
    names = list(columns)
    if not names:
        return {}
    asked = ", ".join(
        f"coalesce(max(abs({name})), 0), count({name}), coalesce(bool_and({name} = trunc({name})), TRUE)"
        for name in names
    )
    row = facts.session.connection.execute(f"SELECT {asked} FROM {facts.relation}").fetchall()[0]
    return {
        name: scale_for(float(row[3 * i]), int(row[3 * i + 1]), whole=bool(row[3 * i + 2]))
        for i, name in enumerate(names)
    }
