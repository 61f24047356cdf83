"""Whether the formula in force still holds: new snapshots and matured outcomes against what was seen before."""

from churnbench.monitoring.budget import DRAFTABLE, EXIT_CODES, VERDICTS, Budget
from churnbench.monitoring.recalibrated import recalibrated_document
from churnbench.monitoring.result import Monitoring
from churnbench.monitoring.watch import Watched, monitor

__all__ = ["DRAFTABLE", "EXIT_CODES", "VERDICTS", "Budget", "Monitoring", "Watched", "monitor", "recalibrated_document"]
