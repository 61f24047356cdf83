"""The main job end to end, and the notebook facade."""

from churnbench.workflow.contest import Backtest, make_folds, run_backtest
from churnbench.workflow.facade import OpenProject, backtest, calibrate, lead_lag, open_project, score
from churnbench.workflow.review import Review, check_project, run_review

__all__ = [
    "Backtest",
    "OpenProject",
    "Review",
    "backtest",
    "calibrate",
    "check_project",
    "lead_lag",
    "make_folds",
    "open_project",
    "run_backtest",
    "run_review",
    "score",
]
