"""A formula that a person drew up, put to the same test as those derived from data.

It learns nothing: on every fold it is scored as it is, and only its risk curve is made anew from that fold's training
rows, as every contender's is. Its cut-offs stay where its author put them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

#: Stamp of a formula that nobody has tested yet, under `provenance.verdict` of its document.
UNTESTED = "manual, not validated"


@dataclass(frozen=True, eq=False)
class Draft:
    """A formula under test.

    Attributes:
        body: its config body.
        seen_until: last day whose outcomes its author could see; None when the document does not say.
        file: where it came from, for messages.
    """

    body: Mapping[str, Any]
    seen_until: date | None
    file: str
