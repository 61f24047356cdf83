"""Predictive churn modelling workbench for B2B customer success.

    import churnbench as cb

    project = cb.open_project("churnbench.toml")
    result = cb.backtest(project.contenders(), project.snapshots())
    proposal = cb.calibrate(result)
    proposal.compare()
    cb.score(proposal.config, project.latest())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from churnbench.workflow.facade import backtest, calibrate, open_project, score

__all__ = ["__version__", "backtest", "calibrate", "open_project", "score"]


def __getattr__(name: str) -> Any:
    # Importing the workflow takes a second or two; `import churnbench` alone (and `--help`) should not.
    if name in {"open_project", "backtest", "calibrate", "score"}:
        from churnbench.workflow import facade  # noqa: PLC0415 - see above

        return getattr(facade, name)
    raise AttributeError(f"module 'churnbench' has no attribute {name!r}")
