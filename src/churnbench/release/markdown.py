"""Markdown of releases: the escaping that every Markdown of this project uses."""

from churnbench.domain.markdown import code, escaped, table

__all__ = ["code", "escaped", "table"]
