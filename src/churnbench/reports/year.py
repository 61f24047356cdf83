"""The page of a company's year: what each quarter's review said and decided, and the days between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.reports.templating import environment, style_sheet
from churnbench.reports.wording import clean

#: Decision -> class of its chip; the word stands in it, so that colour is never alone.
_LOOKS = {"promoted": "green", "refused": "yellow", "rolled back": "red"}


def render_year(facts: Mapping[str, Any]) -> str:
    """Draw the year as one self-contained HTML file without script or outside address; every text is escaped.

    Args:
        facts: the document `year.json`.
    """
    quarters = [
        {
            **{key: clean(str(value), 500) for key, value in quarter.items() if isinstance(value, str)},
            "monitoring": None if quarter["monitoring"] is None else clean(quarter["monitoring"], 400),
            "version": quarter["version"] or "none yet",
            "look": _LOOKS.get(quarter["decision"], ""),
            "pages": quarter["pages"],
        }
        for quarter in facts["quarters"]
    ]
    return (
        environment()
        .get_template("year.html")
        .render(company=clean(facts["company"], 80), quarters=quarters, days=facts["days"], style=style_sheet("health"))
    )
