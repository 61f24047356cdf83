"""Leakage and sanity checks with severity and detail."""

from churnbench.checks.context import CheckContext, FoldRows, History
from churnbench.checks.run import CHECKS, run_checks

__all__ = ["CHECKS", "CheckContext", "FoldRows", "History", "run_checks"]
