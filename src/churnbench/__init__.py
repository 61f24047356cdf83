"""Predictive churn modelling workbench for B2B customer success.

`open_project` reads a project, `backtest` walks all contenders forward, `calibrate` opens the holdout and proposes a
formula, `score` applies a weight config, `open_run` reads what `churnbench run` left. The notebooks show them in this
order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from churnbench.workflow import backtest, calibrate, lead_lag, open_project, open_run, score

__all__ = ["__version__", "backtest", "calibrate", "lead_lag", "open_project", "open_run", "score"]


def __getattr__(name: str) -> Any:
    # Importing the workflow takes a second or two; `import churnbench` alone (and `--help`) should not.
    if name in {"open_project", "open_run", "backtest", "calibrate", "lead_lag", "score"}:
        from churnbench import workflow

        return getattr(workflow, name)
    raise AttributeError(f"module 'churnbench' has no attribute {name!r}")
