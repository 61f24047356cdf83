"""Predictive churn modelling workbench for B2B customer success.

`open_project` reads a project, `backtest` walks all contenders forward, `calibrate` opens the holdout and proposes a
formula, `score` applies a weight config. The first notebook shows them in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from churnbench.workflow.facade import backtest, calibrate, lead_lag, open_project, score

__all__ = ["__version__", "backtest", "calibrate", "lead_lag", "open_project", "score"]


def __getattr__(name: str) -> Any:
    # Importing the workflow takes a second or two; `import churnbench` alone (and `--help`) should not.
    if name in {"open_project", "backtest", "calibrate", "lead_lag", "score"}:
        from churnbench.workflow import facade

        return getattr(facade, name)
    raise AttributeError(f"module 'churnbench' has no attribute {name!r}")
