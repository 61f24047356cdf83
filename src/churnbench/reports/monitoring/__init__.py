"""`monitoring.html`: one look at the formula in force, drawn from its result alone."""

from churnbench.reports.monitoring.page import render_monitoring

__all__ = ["render_monitoring"]
