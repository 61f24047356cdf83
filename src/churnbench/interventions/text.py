"""Text cells of files that people open in a spreadsheet: made harmless on the way out, restored on the way in."""

from __future__ import annotations

from churnbench.export.tables import FORMULA_STARTS


def safe_cell(value: str) -> str:
    """Text that no spreadsheet runs; `plain_cell` gives back what it was.

    >>> safe_cell("=1+1"), safe_cell("'=1+1"), safe_cell("A-1")
    ("'=1+1", "''=1+1", 'A-1')
    """
    return f"'{value}" if value.lstrip("'").startswith(FORMULA_STARTS) else value


def plain_cell(value: str) -> str:
    """Text as it was before `safe_cell`; any other text unchanged.

    >>> plain_cell("'=1+1"), plain_cell("'quoted'")
    ('=1+1', "'quoted'")
    """
    return value[1:] if value.startswith("'") and value.lstrip("'").startswith(FORMULA_STARTS) else value
