"""A formula that a person drew up, put to the same test as those derived from data.

It learns nothing: on every fold it is scored as it is, and only its risk curve is made anew from that fold's training
rows, as every contender's is. Its cut-offs stay where its author put them. What monitoring drew up is nothing but a
moved risk curve: it is measured like the others, and the config keeps the curve that it was drawn up for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

#: Stamp of a formula that nobody has tested yet, under `provenance.verdict` of its document.
UNTESTED = "manual, not validated"
#: What the config of a run says of such a formula, under `extra.draft.status`.
TESTED = "manual, backtested"


@dataclass(frozen=True, eq=False)
class Draft:
    """A formula under test.

    Attributes:
        body: its config body.
        seen_until: last day whose outcomes its author could see; None when the document does not say.
        file: where it came from, for messages.
        manual: whether a person set it by hand; False for a config that another run derived.
        capacity: accounts a snapshot that its author planned to call; None when the project's stays.
        origin: what its document says of where it came from, kept in the config that this run leaves.
    """

    body: Mapping[str, Any]
    seen_until: date | None
    file: str
    manual: bool = True
    capacity: int | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def moved(self) -> str:
        """How monitoring moved its risk curve, in words; empty for any other draft.

        >>> Draft({}, None, "d.json", origin={"intercept": 0.635, "slope": 1.0}).moved
        'intercept +0.635'
        """
        intercept, slope = (self.origin.get(name) for name in ("intercept", "slope"))
        if not isinstance(intercept, (int, float)):
            return ""
        turned = isinstance(slope, (int, float)) and slope != 1.0
        return f"intercept {intercept:+.3f}" + (f", slope {slope:.3f}" if turned else "")

    def described(self) -> str:
        """Where it came from, in words.

        >>> Draft({}, None, "draft.json").described()
        'a manual draft (draft.json)'
        """
        return f"a manual draft ({self.file})" if self.manual else f"another run's config ({self.file})"
