"""Scorecards of other platforms: read as today's formula, held against the platform's own scores, and written back."""

from churnbench.scorecards.checked import Parity, check_parity
from churnbench.scorecards.exported import ExportedScorecard, export_scorecard, measure_loss
from churnbench.scorecards.files import read_scorecard
from churnbench.scorecards.formula import declared_formula, project_files, scorecard_formula
from churnbench.scorecards.layouts import LAYOUTS, Layout, layout_of
from churnbench.scorecards.model import Group, Measure, Scorecard
from churnbench.scorecards.written import loss_page, scorecard_table

__all__ = [
    "LAYOUTS",
    "ExportedScorecard",
    "Group",
    "Layout",
    "Measure",
    "Parity",
    "Scorecard",
    "check_parity",
    "declared_formula",
    "export_scorecard",
    "layout_of",
    "loss_page",
    "measure_loss",
    "project_files",
    "read_scorecard",
    "scorecard_formula",
    "scorecard_table",
]
