"""The chapters of the review page in their order; each is a function of the evidence alone."""

from __future__ import annotations

from collections.abc import Callable

from churnbench.reports.blocks import Section
from churnbench.reports.lens import Lens
from churnbench.reports.sections.bands import bands_section
from churnbench.reports.sections.checks import checks_section
from churnbench.reports.sections.choices import choices_section
from churnbench.reports.sections.contenders import contenders_section
from churnbench.reports.sections.curves import curves_section
from churnbench.reports.sections.directions import directions_section
from churnbench.reports.sections.folds import folds_section
from churnbench.reports.sections.last_time import last_section
from churnbench.reports.sections.lead_time import lead_section
from churnbench.reports.sections.method import method_section
from churnbench.reports.sections.movers import movers_section
from churnbench.reports.sections.reliability import reliability_section
from churnbench.reports.sections.segments import segments_section
from churnbench.reports.sections.weights import weights_section

#: Visible order of the page.
SECTIONS: tuple[Callable[[Lens], Section], ...] = (
    last_section,
    contenders_section,
    weights_section,
    directions_section,
    curves_section,
    lead_section,
    bands_section,
    reliability_section,
    folds_section,
    movers_section,
    segments_section,
    choices_section,
    checks_section,
    method_section,
)
