"""What a simulated world is asked for: its knobs, checked, in one frozen place."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from datetime import date

from churnbench.data.world_leaks import LEAKS
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.errors import InputError

#: Months before the first snapshot: yearly trends and two-year counts need a past.
RUN_IN = 24
#: Months of the run-in during which accounts may already leave.
LIVED = 12
#: Months after the newest snapshot that its outcome window may reach into.
AHEAD = 8
#: Most accounts that are drawn at once; larger books are drawn chunk by chunk.
CHUNK_ACCOUNTS = 5000


@dataclass(frozen=True)
class Treatment:
    """A playbook that saves accounts: who is treated, by which rule, and what it does to the hazard.

    Every month end each account gets a reading of its health today, in standard deviations, with noise. A
    reading below a cut-off that `trigger` of a standard book would pass asks for the playbook. Near the
    cut-off a coin decides and is logged with its propensity; further below the customer-success managers
    treat as many as they can, which nobody logs as a probability.

    Attributes:
        trigger: share of readings that fall below the cut-off, 0-1.
        treated: share treated of the triggered accounts that no coin decided on, 0-1.
        effect: factor on the hazard of voluntary churn while the treatment lasts, >= 0; 1 does nothing.
        months: how long it lasts, whole months, >= 1; nobody is treated again before it ends.
        near: width below the cut-off, in standard deviations, in which a coin decides.
        holdout: share held out there, 0-1; its propensity is 1 - holdout.
        noise: standard deviation of the noise of the reading, in standard deviations of health.
        begins: snapshots before the policy starts, whole months, >= 0; 0 treats from the first snapshot on.
    """

    trigger: float = 0.15
    treated: float = 0.7
    effect: float = 0.5
    months: int = 3
    near: float = 0.4
    holdout: float = 0.2
    noise: float = 0.5
    begins: int = 0

    def __post_init__(self) -> None:
        shares = (self.trigger, self.treated, self.holdout)
        if not all(0.0 <= share <= 1.0 for share in shares) or not 0.0 < self.trigger < 1.0:
            raise InputError("trigger, treated and holdout of a treatment are shares.", fix="Give numbers from 0 to 1.")
        finite = all(math.isfinite(number) for number in (self.effect, self.near, self.noise))
        if not finite or min(self.effect, self.near, self.begins) < 0 or self.months < 1 or self.noise <= 0.0:
            raise InputError(
                "A treatment needs effect >= 0, months >= 1, near >= 0, begins >= 0 and noise > 0.",
                fix="For example effect=0.5, months=3, near=0.4, noise=0.5.",
            )


@dataclass(frozen=True)
class WorldSettings:
    """Everything that decides what a world is; the same settings give the same bytes.

    Attributes:
        accounts: number of accounts, 20 or more.
        months: number of monthly snapshots, 6 or more; the newest is 2025-12-31.
        seed: seed of all randomness, 0 or more.
        base_rate: mean probability of voluntary churn per quarter among the accounts still there, nobody
            treated.
        signal: factor on the effect of every metric; 0 leaves renewal, segment and season.
        leak: a key of `LEAKS`, or None for a clean history.
        null: churn independent of every metric, the segment, the season and the renewal date.
        window: outcome window of the true probabilities.
        treatment: the policy that saves accounts, or None.
        contrast: how far the segments' true weights lie apart: 0 the same, 1 mildly apart, 3 far apart.
        departures: monthly probability that an account's champion leaves.
        missingness: factor on the share of unanswered surveys and ratings; 0 leaves only what cannot be
            known because nobody wrote a ticket.
        hazard_shift: first day and factor on the hazard of voluntary churn from that day on, whatever the
            metrics say; None for a stable world. `base_rate` is the rate without it.
    """

    accounts: int
    months: int
    seed: int
    base_rate: float = 0.026
    signal: float = 1.0
    leak: str | None = None
    null: bool = False
    window: OutcomeWindow = field(default_factory=OutcomeWindow)
    treatment: Treatment | None = None
    contrast: float = 1.0
    departures: float = 0.010
    missingness: float = 1.0
    hazard_shift: tuple[date, float] | None = None

    def __post_init__(self) -> None:
        if self.accounts < 20 or self.months < 6:
            raise InputError(
                f"{self.accounts} accounts x {self.months} months is too small a world.",
                fix="Ask for at least 20 accounts and 6 months.",
            )
        if not 0.0 < self.base_rate <= 0.2:
            raise InputError(
                f"base_rate {self.base_rate} is not a quarterly churn probability.",
                fix="Give a number above 0 and at most 0.2, for example 0.03.",
            )
        if self.leak is not None and self.leak not in LEAKS:
            raise InputError(f"'{self.leak}' is not a kind of leak; known are {', '.join(LEAKS)}.")
        if self.window.gap_days + self.window.horizon_days > 28 * AHEAD:
            raise InputError(
                f"A window of {self.window.gap_days} + {self.window.horizon_days} days is too long for the truth.",
                fix=f"Keep gap and horizon within {28 * AHEAD} days.",
            )
        limits = {"signal": 3.0, "contrast": 5.0, "departures": 0.1, "missingness": 3.0}
        for name, high in limits.items():
            if not 0.0 <= getattr(self, name) <= high:
                raise InputError(
                    f"{name} {getattr(self, name)} is out of range.", fix=f"Give a number from 0 to {high:g}."
                )
        if self.hazard_shift is not None and not 0.0 < self.hazard_shift[1] <= 5.0:
            raise InputError(
                f"hazard_shift {self.hazard_shift[1]} is no factor on a hazard.",
                fix="Give a number above 0 and at most 5, for example 1.5.",
            )

    @property
    def history(self) -> int:
        """Month ends of the drawn history: the run-in and the snapshots."""
        return RUN_IN + self.months

    @property
    def chunks(self) -> int:
        """Number of chunks that the book is drawn in."""
        return -(-self.accounts // CHUNK_ACCOUNTS)

    def as_json(self) -> dict[str, object]:
        """The settings for truth.json, without the window, which has a place of its own."""
        said = {name: value for name, value in asdict(self).items() if name != "window"}
        if self.hazard_shift is not None:
            said["hazard_shift"] = [self.hazard_shift[0].isoformat(), self.hazard_shift[1]]
        return said
