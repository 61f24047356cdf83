"""The main job end to end, and the notebook facade."""

from churnbench.workflow.backtesting import Backtest, make_folds, run_backtest
from churnbench.workflow.review import Review, check_project, run_review

__all__ = ["Backtest", "Review", "check_project", "make_folds", "run_backtest", "run_review"]
