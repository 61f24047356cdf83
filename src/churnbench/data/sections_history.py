"""The section `[history]` of `churnbench.toml`: how the score history is kept and read."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Slope = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class HistorySection(BaseModel):
    """`[history]`.

    Attributes:
        store: folder (relative to the project file) or postgresql:// address.
        band_after: readings in a row before a band changes, where the config has no hysteresis; 1 is at once.
        velocity_days: days over which the change per day is taken.
        velocity_bands: points per day, ascending: up to the first is declining fast, then declining, stable,
            improving, and from the last one improving fast.
        late_after_days: a reading older than this, on the day it is appended, is back-dated and needs a reason.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    store: Annotated[str, Field(min_length=1)] = "history"
    band_after: Annotated[int, Field(ge=1, le=30)] = 2
    velocity_days: Annotated[int, Field(ge=1, le=730)] = 30
    velocity_bands: Annotated[list[Slope], Field(min_length=4, max_length=4)] = Field(
        default_factory=lambda: [-0.5, -0.2, 0.2, 0.5]
    )
    late_after_days: Annotated[int, Field(ge=0, le=3660)] = 7

    @model_validator(mode="after")
    def _ascending(self) -> HistorySection:
        bands = self.velocity_bands
        if any(low >= high for low, high in pairwise(bands)) or not bands[1] < 0 < bands[2]:
            raise ValueError(f"velocity_bands = {bands} must ascend, two below zero and two above")
        return self
