"""Outcome windows, censoring and eligibility."""

from churnbench.labels.outcomes import Outcomes, read_outcomes, settle_days
from churnbench.labels.sanity import UNUSABLE, sanity_findings
from churnbench.labels.secondary import label_changes
from churnbench.labels.window import label_snapshots, renewal_stratum

__all__ = [
    "UNUSABLE",
    "Outcomes",
    "label_changes",
    "label_snapshots",
    "read_outcomes",
    "renewal_stratum",
    "sanity_findings",
    "settle_days",
]
