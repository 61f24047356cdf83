"""The chapters of the page: which sections stand in which tab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from churnbench.reports.blocks import Section
from churnbench.reports.lens import Lens
from churnbench.reports.sections.bands import bands_section
from churnbench.reports.sections.checks import checks_section
from churnbench.reports.sections.choices import choices_section
from churnbench.reports.sections.contenders import contenders_section
from churnbench.reports.sections.curves import curves_section
from churnbench.reports.sections.directions import directions_section
from churnbench.reports.sections.folds import folds_section
from churnbench.reports.sections.history import history_section
from churnbench.reports.sections.interventions import interventions_section
from churnbench.reports.sections.last_time import last_section
from churnbench.reports.sections.lead_time import lead_section
from churnbench.reports.sections.method import method_section
from churnbench.reports.sections.movers import movers_section
from churnbench.reports.sections.reliability import reliability_section
from churnbench.reports.sections.segments import segments_section
from churnbench.reports.sections.weights import weights_section

WHAT_IF = "tabwhatif"


@dataclass(frozen=True)
class Tab:
    """One chapter: `id` is its place in the address, `sections` what it shows."""

    id: str
    title: str
    sections: Sequence[Section] = ()


#: Tabs after the first one, which holds the verdict and what to decide.
TABS: tuple[tuple[str, str, tuple[Callable[[Lens], Section], ...]], ...] = (
    ("tabevidence", "Evidence", (contenders_section, reliability_section, folds_section, interventions_section)),
    ("tabweights", "Weights & curves", (weights_section, directions_section, curves_section, choices_section)),
    ("tabthresholds", "Thresholds", (bands_section,)),
    (WHAT_IF, "What if", ()),
    ("tabsegments", "Segments", (segments_section,)),
    ("tabmovers", "Accounts that change", (movers_section,)),
    ("tableadtime", "Lead time", (lead_section,)),
    ("tabchecks", "Data quality & checks", (checks_section,)),
    ("tabmethod", "Method & caveats", (method_section,)),
    ("tabhistory", "Past reviews", (last_section, history_section)),
)


def tabs(lens: Lens, *, what_if: bool) -> list[Tab]:
    """All tabs but the first, in the order of the page.

    Args:
        lens: the evidence.
        what_if: whether the page has something to score again.
    """
    found = [
        Tab(name, title, [section(lens) for section in sections])
        for name, title, sections in TABS
        if name != WHAT_IF or what_if
    ]
    if lens.blocked:
        # What stopped the review comes first; the rest only says that it is not there.
        found.sort(key=lambda tab: tab.id != "tabchecks")
    return found
