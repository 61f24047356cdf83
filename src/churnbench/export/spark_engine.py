"""Spark as an engine of `churnbench verify`: a session of its own on this machine, or the one that is active."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from churnbench.domain.errors import InputError
from churnbench.export.document import Document
from churnbench.export.spark import score_spark
from churnbench.export.sql import to_sql
from churnbench.features.elsewhere.spark_analysis import quiet, settled, views

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_HOST = "127.0.0.1"
_TO_HAVE = 'pip install "churnbench[spark]", and Java 17 (on Debian: apt-get install openjdk-17-jre-headless).'


def spark_session() -> SparkSession:
    """The active session, else one on this machine with two threads, reachable from loopback alone.

    Raises:
        InputError: without pyspark or Java.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError("the engine spark needs the package pyspark.", fix=_TO_HAVE) from error
    active: SparkSession | None = SparkSession.getActiveSession()
    return active or _local()


def sql_scores(document: Document, table: pa.Table) -> tuple[Sequence[Sequence[Any]], list[Sequence[Any]]]:
    """Score a table with the emitted Spark SQL.

    Args:
        document: a config document.
        table: account_id (int64) and one column per input, float64 or text.

    Returns:
        Column names (each in a tuple of its own, as a database cursor describes them), and rows by account_id.

    Raises:
        InputError: without pyspark or Java.
    """
    spark = spark_session()
    with quiet(), settled(spark), views() as view_of:
        view = view_of(_frame(spark, table))
        scored = spark.sql(to_sql(document, "spark", [view], details=True))
    rows = [tuple(row) for row in scored.collect()]
    return [(name,) for name in scored.columns], sorted(rows, key=lambda row: row[0])


def arrow_scores(document: Document, table: pa.Table) -> list[dict[str, Any]]:
    """Score a table with the vectorised formula on Spark's workers.

    Returns:
        Per row, by account_id, the columns of `score_spark`.

    Raises:
        InputError: without pyspark or Java.
    """
    spark = spark_session()
    with quiet():
        found: list[dict[str, Any]] = score_spark(_frame(spark, table), document).toArrow().to_pylist()
    return sorted(found, key=lambda row: row["account_id"])


def _frame(spark: SparkSession, table: pa.Table) -> DataFrame:
    return spark.createDataFrame(table)


@lru_cache(maxsize=1)
def _local() -> SparkSession:
    from pyspark.sql import SparkSession

    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        raise InputError("the engine spark needs Java, and there is none on the PATH.", fix=_TO_HAVE)
    os.environ["SPARK_LOCAL_IP"] = _HOST
    # Else workers are whatever python3 is on the PATH, without what is installed here.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.driver.host": _HOST,
        "spark.driver.bindAddress": _HOST,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
    }
    builder = SparkSession.builder.master("local[2]").appName("churnbench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
