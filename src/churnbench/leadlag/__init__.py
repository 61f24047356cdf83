"""Which metrics move before churn, with it, or after it."""

from churnbench.leadlag.analysis import lead_lag
from churnbench.leadlag.result import Alert, LeadLag, LeadTime, Movement, Profile, StudyPoint

__all__ = ["Alert", "LeadLag", "LeadTime", "Movement", "Profile", "StudyPoint", "lead_lag"]
