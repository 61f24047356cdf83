"""Point-in-time metrics computed from fact tables."""

from churnbench.features.calendar import as_of_dates
from churnbench.features.compute import features_at
from churnbench.features.facts import Facts, open_facts

__all__ = ["Facts", "as_of_dates", "features_at", "open_facts"]
