"""The formula that a company scores with at the moment, where a release says which one that is.

It takes the part of the formula that the project file declares: it is what the candidate must beat, what weights move
away from and what bands were. The refit's prior stays the declared formula, see `calibration.anchored`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, eq=False)
class InForce:
    """A released formula.

    Attributes:
        body: its config body, risk curve included, exactly as released.
        body_sha256: hash of that body.
        version: its config version.
        sequence: its place in the line of releases.
        released_on: day of the release.
        by: who released it.
        seen_until: last day whose outcomes it had learned from, or its author had seen; None when it does not say.
        inputs: its declared inputs, with what people call them.
    """

    body: Mapping[str, Any]
    body_sha256: str
    version: str
    sequence: int
    released_on: str
    by: str
    seen_until: date | None
    inputs: tuple[Mapping[str, Any], ...] = ()

    def described(self) -> str:
        """Which formula this is, in words.

        >>> InForce({}, "", "2.1.0", 3, "2026-06-30", "Ada Byron", None).described()
        'formula in force (released 2.1.0 on 2026-06-30 by Ada Byron)'
        """
        return f"formula in force (released {self.version} on {self.released_on} by {self.by})"
