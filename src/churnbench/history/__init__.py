"""The append-only score history: kept, explained, frozen at churn; velocity, hysteresis, overrides and roll-up."""

from churnbench.history.absences import Absence, Frozen
from churnbench.history.causes import ChangePart
from churnbench.history.change import Reading, ScoreChange, explain_change, reading_of
from churnbench.history.day import score_day
from churnbench.history.hysteresis import BandState
from churnbench.history.overrides import OVERRIDE_COLUMNS, in_force, lay_over
from churnbench.history.rollup import roll_up
from churnbench.history.store import Appended, ScoreStore, open_store
from churnbench.history.velocity import reading_of_movement, velocity_band, with_velocity

__all__ = [
    "OVERRIDE_COLUMNS",
    "Absence",
    "Appended",
    "BandState",
    "ChangePart",
    "Frozen",
    "Reading",
    "ScoreChange",
    "ScoreStore",
    "explain_change",
    "in_force",
    "lay_over",
    "open_store",
    "reading_of",
    "reading_of_movement",
    "roll_up",
    "score_day",
    "velocity_band",
    "with_velocity",
]
