"""The review page and its figures; the only package that draws."""

from __future__ import annotations

from churnbench.reports.figures import figures
from churnbench.reports.interactive import Scenario
from churnbench.reports.page import render_review, write_review

__all__ = ["Scenario", "figures", "render_review", "write_review"]
