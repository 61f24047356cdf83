"""The review page and its figures; the only package that draws."""

from __future__ import annotations

from churnbench.reports.figures import figures
from churnbench.reports.page import render_review, write_review

__all__ = ["figures", "render_review", "write_review"]
