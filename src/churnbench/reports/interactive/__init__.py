"""The part of the review page that answers "what if": data for it, its script, and how both get into one file."""

from __future__ import annotations

from churnbench.reports.interactive.payload import what_if_data
from churnbench.reports.interactive.scenario import Scenario
from churnbench.reports.interactive.script import page_script, script_hash

__all__ = ["Scenario", "page_script", "script_hash", "what_if_data"]
