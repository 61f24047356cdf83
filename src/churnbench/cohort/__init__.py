"""Turns a project's data into labelled snapshots."""

from churnbench.cohort.history import History, open_history

__all__ = ["History", "open_history"]
