"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "review", "block"]


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        id: stable identifier, e.g. "single-feature-auc:admin_exports"; the part before the colon names the
            check, the part after it the column or period.
        severity: "ok", "review" (a person should look) or "block" (the run stops).
        detail: plain words with the figures, and what to do.
        allowed: the written reason under `[checks.allow]` that overrides a block, else None.
    """

    id: str
    severity: Severity
    detail: str
    allowed: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether the run must stop."""
        return self.severity == "block" and self.allowed is None
