"""How the false alarms of one look are shared out, and what every verdict is called.

Each look may raise a false alarm in at most 5 % of stable quarters, everything together. Most of it is spent on what
costs money, a rise of churn; what chance moves too is shown but decides nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from churnbench.domain.errors import InputError

NOTHING = "nothing to do"
INTERCEPT = "recalibrate intercept"
RECALIBRATE = "recalibrate"
REFIT = "refit"
DATA = "investigate data"
#: From the mildest to what comes first.
VERDICTS = (NOTHING, INTERCEPT, RECALIBRATE, REFIT, DATA)
#: What `churnbench monitor` ends with; 2 and 3 are taken by errors and blocked data.
EXIT_CODES = {NOTHING: 0, INTERCEPT: 10, RECALIBRATE: 11, REFIT: 12, DATA: 13}

#: Verdicts that a moved risk curve answers.
DRAFTABLE = (INTERCEPT, RECALIBRATE)

#: New churned accounts below which the level is not touched.
LEAST_EVENTS = 10
#: Churned accounts on either side below which neither slope nor ranking is judged.
LEAST_FOR_SHAPE = 20
#: Share of accounts, 0-1, that must come or go among a metric's missing values before it is called a problem.
MATERIAL_SHARE = 0.10
#: PSI that must be reached beside the null limit: in a large book everything moves by more than chance.
MATERIAL_PSI = 0.10
#: Points of mean score that must come between two snapshots.
MATERIAL_POINTS = 3.0
#: Longest stretch of newest outcomes that is judged at once, days.
RECENT_DAYS = 184
#: Days before the review that they are compared with: long enough for events, short enough to be the same book.
BEFORE_DAYS = 548


@dataclass(frozen=True)
class Budget:
    """Probability of a false alarm per look, by cause; the sum is the promise.

    Attributes:
        rise: more churn than expected.
        fall: less churn than expected.
        slope: probabilities too extreme or too timid.
        discrimination: a ranking that is worse than it was.
        data: metrics, missing values, coverage and score, all of them together.
    """

    rise: float = 0.040
    fall: float = 0.0025
    slope: float = 0.0025
    discrimination: float = 0.0025
    data: float = 0.0025

    def __post_init__(self) -> None:
        parts = asdict(self)
        if not all(0.0 < share < 1.0 for share in parts.values()) or sum(parts.values()) >= 1.0:
            raise InputError(f"the shares {parts} are no probabilities of false alarms.", fix="Give small shares > 0.")

    @property
    def total(self) -> float:
        """Upper bound of the false alarms of one look."""
        return float(sum(asdict(self).values()))
