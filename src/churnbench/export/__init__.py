"""Config documents: build, write, read; SQL; scoring of files; proof that every engine agrees."""

from churnbench.export.conformance import Kit, kit_of, read_answers, read_kit, standard_kit, write_kit
from churnbench.export.document import Document, build_document, checked_scorer
from churnbench.export.engines import ENGINES
from churnbench.export.files import read_document, write_document
from churnbench.export.parity import EngineResult, checked_answers, verify, verify_kit
from churnbench.export.scored_file import KEYS, ScoredFile, score_arrow, score_file, score_table
from churnbench.export.sql import to_sql
from churnbench.export.sql_dbt import dbt_models
from churnbench.export.sql_details import everything_of_row
from churnbench.export.sql_text import DIALECTS

__all__ = [
    "DIALECTS",
    "ENGINES",
    "KEYS",
    "Document",
    "EngineResult",
    "Kit",
    "ScoredFile",
    "build_document",
    "checked_answers",
    "checked_scorer",
    "dbt_models",
    "everything_of_row",
    "kit_of",
    "read_answers",
    "read_document",
    "read_kit",
    "score_arrow",
    "score_file",
    "score_table",
    "standard_kit",
    "to_sql",
    "verify",
    "verify_kit",
    "write_document",
    "write_kit",
]
