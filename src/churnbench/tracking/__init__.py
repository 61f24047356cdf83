"""Experiment tracking with MLflow; nothing outside this package imports it."""

from __future__ import annotations

from churnbench.tracking.opening import open_recorder
from churnbench.tracking.recorder import MlflowRecorder
from churnbench.tracking.registry import MlflowRegistry, open_registry, require_registry
from churnbench.tracking.ui import ui_command

__all__ = ["MlflowRecorder", "MlflowRegistry", "open_recorder", "open_registry", "require_registry", "ui_command"]
