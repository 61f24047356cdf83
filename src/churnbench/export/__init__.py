"""Config documents: build, write, read; SQL; scoring of files; proof that every engine agrees."""

from churnbench.export.document import Document, build_document, checked_scorer
from churnbench.export.engines import ENGINES, EngineResult, verify
from churnbench.export.files import read_document, write_document
from churnbench.export.scored_file import ScoredFile, score_file, score_table
from churnbench.export.sql import to_sql
from churnbench.export.sql_dbt import dbt_models
from churnbench.export.sql_details import everything_of_row
from churnbench.export.sql_text import DIALECTS

__all__ = [
    "DIALECTS",
    "ENGINES",
    "Document",
    "EngineResult",
    "ScoredFile",
    "build_document",
    "checked_scorer",
    "dbt_models",
    "everything_of_row",
    "read_document",
    "score_file",
    "score_table",
    "to_sql",
    "verify",
    "write_document",
]
