"""The main job end to end, and the notebook facade."""

from churnbench.workflow.contest import Backtest, make_folds, run_backtest
from churnbench.workflow.facade import OpenProject, backtest, calibrate, lead_lag, open_project, score
from churnbench.workflow.finished_run import FinishedRun, open_run
from churnbench.workflow.review import Review, check_project, run_review

__all__ = [
    "Backtest",
    "FinishedRun",
    "OpenProject",
    "Review",
    "backtest",
    "calibrate",
    "check_project",
    "lead_lag",
    "make_folds",
    "open_project",
    "open_run",
    "run_backtest",
    "run_review",
    "score",
]
