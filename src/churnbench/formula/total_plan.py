"""From dimension scores to what people see, for many rows: ramp, caps, display map, risk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from churnbench.formula.arrays import Bools, Curve, Floats
from churnbench.formula.checked import Body
from churnbench.formula.metric_plan import Inputs
from churnbench_scorer.plan import HIGHEST, LOWEST

Positions = npt.NDArray[np.intp]
#: Rows -> one profile number per row, or None when every row has the default profile.
ProfileOf = Callable[[slice], "npt.NDArray[np.intp] | None"]


class TotalPlan:
    """Everything that happens to the total of a row.

    Attributes:
        profiles: weights in basis points, shape (profiles, dimensions); the first is the default.
    """

    def __init__(self, body: Body, inputs: Inputs) -> None:
        self._inputs = inputs
        segments = body["segments"]
        rows = [segments["default"], *(entry["weights"] for entry in segments["by"])]
        self.profiles = np.array([[weight for _, weight in row] for row in rows], dtype=np.float64)
        self.profile_of = self._profiles(segments)
        ramp, shown = body.get("ramp"), body.get("display_map")
        self._ramp = (ramp["input"], Curve.of(ramp["points"], ramp["slopes"])) if ramp else None
        self._display = Curve.of(shown["points"], shown["slopes"]) if shown else None
        self._caps = [self._cap(cap) for cap in body.get("caps", ())]
        self._starts = np.array([start for _, start in body["bands"]], dtype=np.float64)
        self._held = self._bands_in_force(body) if body.get("hysteresis") else None
        curve = body.get("risk_curve") or {"strata": []}
        self._stratum_input: str | None = curve.get("input")
        self._strata = [
            (stratum.get("from"), stratum.get("to"), Curve.of(stratum["points"], stratum["slopes"]))
            for stratum in curve["strata"]
        ]

    def raw(self, total: Floats, rows: slice) -> Floats:
        """Total after ramp and caps; NaN stays NaN."""
        raw = total
        if self._ramp is not None:
            name, curve = self._ramp
            multiplier = curve(self._inputs.number(name, rows))
            raised = total * multiplier
            raised = np.where(raised < 100.0, raised, 100.0)
            raw = np.where(np.isnan(multiplier) | np.isnan(total), total, raised)
        for holds, most in self._caps:
            raw = np.where(holds(rows) & (most < raw), most, raw)
        return raw

    def shown(self, raw: Floats) -> Floats:
        """Raw score on the scale that people see, not rounded."""
        return raw if self._display is None else self._display(raw)

    def bands(self, health: Floats, rows: slice) -> tuple[Positions, Positions]:
        """Position of the band in force and of the band by thresholds alone, for scores in hundredths (NaN: any)."""
        starts = self._starts
        reading = np.searchsorted(starts, health, side="right") - 1
        if self._held is None:
            return reading, reading
        margin, in_force, last_readings = self._held
        held, last = in_force[rows], last_readings[rows]
        known = ~np.isnan(held)
        place = np.where(known, held, 0.0).astype(np.intp)
        ends = np.append(starts[1:], np.inf)
        within = (health >= starts[place] - margin) & (health < ends[place] + margin)
        unconfirmed = (last == held) | (~np.isnan(last) & ((last < held) != (reading < held)))
        return np.where(known & (within | unconfirmed), place, reading), reading

    def risk(self, raw: Floats, rows: slice) -> Floats:
        """P(churn) with six decimals; NaN without a score or without a curve."""
        if not self._strata:
            return np.full(raw.shape, np.nan)
        probability = self._strata[-1][2](raw)
        if self._stratum_input is not None:
            position = self._inputs.number(self._stratum_input, rows)
            for low, high, curve in reversed(self._strata[:-1]):  # the first one that holds is written last
                inside = (position >= (LOWEST if low is None else low)) & (
                    position <= (HIGHEST if high is None else high)
                )
                probability = np.where(inside, curve(raw), probability)
        rounded: Floats = np.floor(probability * 1000000.0 + 0.5) * 0.000001
        return rounded

    def _profiles(self, segments: Mapping[str, Any]) -> ProfileOf:
        if segments["input"] is None:
            return lambda rows: None  # noqa: ARG005 - one signature
        number = {entry["segment"]: float(k) for k, entry in enumerate(segments["by"], start=1)}
        profile = self._inputs.points_of_text(segments["input"], number, 0.0).astype(np.intp)
        return lambda rows: profile[rows]

    def _bands_in_force(self, body: Body) -> tuple[float, Floats, Floats]:
        """Margin, then positions of the bands in force and of the last readings, NaN where unknown."""
        hysteresis = body["hysteresis"]
        number = {name: float(place) for place, (name, _) in enumerate(body["bands"])}
        held = self._inputs.points_of_text(hysteresis["input"], number, np.nan)
        last = np.full(held.shape, np.nan)
        if hysteresis.get("reading") is not None:
            last = self._inputs.points_of_text(hysteresis["reading"], number, np.nan)
        return float(hysteresis["margin"]), held, last

    def _cap(self, cap: Mapping[str, Any]) -> tuple[Callable[[slice], Bools], float]:
        most, name = float(cap["max_score"]), cap["input"]
        if cap["op"] == "=":
            held = self._inputs.points_of_text(name, {cap["value"]: 1.0}, 0.0) > 0.0
            return (lambda rows: held[rows]), most
        bound = float(cap["value"])
        if cap["op"] == "<":
            return (lambda rows: self._inputs.number(name, rows) < bound), most
        return (lambda rows: self._inputs.number(name, rows) >= bound), most
