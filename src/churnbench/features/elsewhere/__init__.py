"""The same point-in-time metrics where the facts are: on a Spark cluster, or as SQL inside a database.

Every number is the same double that `features_at` computes.
"""

from churnbench.features.elsewhere.on_spark import SparkFacts, features_on_spark
from churnbench.features.elsewhere.relations import AccountRelation, FactRelation
from churnbench.features.elsewhere.spellings import ENGINES
from churnbench.features.elsewhere.statement import door_sql, features_sql

__all__ = [
    "ENGINES",
    "AccountRelation",
    "FactRelation",
    "SparkFacts",
    "door_sql",
    "features_on_spark",
    "features_sql",
]
