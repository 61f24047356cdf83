"""MLflow, imported late and kept silent.

MLflow takes one to three seconds to import, logs the migration of its database line by line, warns about
integer columns and type hints, draws progress bars and looks a telemetry address up. None of that belongs in
a review's output, so every call into MLflow goes through `quiet()`.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Read by MLflow at import or at each call; a value the user has set wins.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
#: Telemetry is never left to the environment: this tool makes no network call of its own.
FORCED = ("MLFLOW_DISABLE_TELEMETRY",)


def prepare_environment() -> None:
    """Set the switches MLflow reads; must run before its first import."""
    for name, value in ENVIRONMENT.items():
        if name in FORCED:
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence logging and warnings while the block runs.

    Logging is switched off as a whole, not by logger: MLflow and Alembic configure their loggers again while
    they are imported and while tables are made. Blocks are short, one call into MLflow each.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def load_mlflow() -> Any:
    """Import MLflow without output and return the module."""
    prepare_environment()
    with quiet():
        import mlflow

    return mlflow
