"""Experiment tracking with MLflow; nothing outside this package imports it."""

from __future__ import annotations

from churnbench.tracking.opening import open_recorder
from churnbench.tracking.past import past_reviews
from churnbench.tracking.recorder import MlflowRecorder
from churnbench.tracking.registry import MlflowRegistry, open_registry, require_registry
from churnbench.tracking.reviews import PastReview
from churnbench.tracking.store import DEFAULT_URI
from churnbench.tracking.ui import page_of, require_free, serve, shown_uri, ui_command

__all__ = [
    "DEFAULT_URI",
    "MlflowRecorder",
    "MlflowRegistry",
    "PastReview",
    "open_recorder",
    "open_registry",
    "page_of",
    "past_reviews",
    "require_free",
    "require_registry",
    "serve",
    "shown_uri",
    "ui_command",
]
