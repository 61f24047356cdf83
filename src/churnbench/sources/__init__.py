"""Ready mappings from the tables that loaders leave in a warehouse to point-in-time metrics; docs/sources.md."""

from churnbench.sources.dialects import DIALECTS, dialect_of
from churnbench.sources.identities import Counted, Families, count_identities, families
from churnbench.sources.joint import joint_notes, ready_in, tables_read
from churnbench.sources.model import Asked, Fact, Identity, Metric, Parameter, Source
from churnbench.sources.registry import SOURCES, asked_for, source_named, wanted_facts
from churnbench.sources.resolve import count_sql, fact_sql
from churnbench.sources.snippet import snippet, target_of

__all__ = [
    "DIALECTS",
    "SOURCES",
    "Asked",
    "Counted",
    "Fact",
    "Families",
    "Identity",
    "Metric",
    "Parameter",
    "Source",
    "asked_for",
    "count_identities",
    "count_sql",
    "dialect_of",
    "fact_sql",
    "families",
    "joint_notes",
    "ready_in",
    "snippet",
    "source_named",
    "tables_read",
    "target_of",
    "wanted_facts",
]
