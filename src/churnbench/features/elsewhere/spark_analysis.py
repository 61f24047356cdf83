"""Turns SQL text into a Spark plan that depends on nothing but the text."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: What a query depends on besides its text.
_SETTINGS: dict[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
}


@contextmanager
def settled(spark: SparkSession) -> Iterator[None]:
    """The settings that a query is analysed under; they are written into its plan and needed no longer."""
    before = {name: spark.conf.get(name, None) for name in _SETTINGS}
    try:
        for name, value in _SETTINGS.items():
            spark.conf.set(name, value)
        yield
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)


@contextmanager
def views() -> Iterator[Callable[[DataFrame], str]]:
    """Gives DataFrames names for the time in which a statement is analysed."""
    made: list[tuple[DataFrame, str]] = []

    def view_of(frame: DataFrame) -> str:
        name = f"churnbench_{uuid.uuid4().hex}"
        frame.createTempView(name)
        made.append((frame, name))
        return name

    try:
        yield view_of
    finally:
        for frame, name in made:
            frame.sparkSession.catalog.dropTempView(name)


@contextmanager
def quiet() -> Iterator[None]:
    """Without PySpark's warning about pandas 3: whatever passes through it here is compared exactly in tests."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield
