"""Point-in-time metrics of Spark DataFrames, computed on the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

from churnbench.data.computed import ComputedMetric
from churnbench.data.project import Project
from churnbench.domain.errors import InputError
from churnbench.features.elsewhere.relations import AccountRelation, FactColumns, FactRelation, columns_of
from churnbench.features.elsewhere.spark_analysis import settled, views
from churnbench.features.elsewhere.statement import door_sql, features_sql
from churnbench.features.facts import number_columns, text_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean")
_TIMES = ("date", "timestamp", "timestamp_ntz")
_TEXTS = ("string", "varchar", "char", "tinyint", "smallint", "int", "bigint", "boolean")


@dataclass(frozen=True)
class SparkFacts(FactColumns):
    """One fact table as a DataFrame."""

    frame: DataFrame

    @classmethod
    def of_project(cls, project: Project, name: str, frame: DataFrame) -> SparkFacts:
        """A DataFrame that holds what the project declares under `[[data.facts]]` with this name."""
        return cls(frame, **columns_of(project, name))


def features_on_spark(
    spark: SparkSession,
    facts: Mapping[str, SparkFacts],
    accounts: DataFrame,
    calendar: Iterable[date],
    metrics: Sequence[ComputedMetric],
    *,
    known_until: date | None = None,
    check: bool = True,
) -> DataFrame:
    """Compute on a cluster what `features_at` computes on one machine, double for double.

    Args:
        spark: the session; its settings are as before afterwards.
        facts: fact tables by the name that the metrics' `source` uses.
        accounts: column account_id (unique); optional first_day and last_day, as in `features_at`.
        calendar: as-of dates.
        metrics: what to compute; a ratio's parts must be among them.
        known_until: drop every fact that happened or became known after this day before anything is computed.
        check: whether to count, in one pass over each fact table now, facts that cannot be used.

    Returns:
        account_id (string), as_of (date) and one column per metric, NULL where it is missing; not sorted, and
        evaluated when something is done with it.

    Raises:
        InputError: a column that is absent or of the wrong type, or facts without account or time.
    """
    with settled(spark), views() as view_of:
        relations = {}
        for name, table in facts.items():
            own = [metric for metric in metrics if metric.source == name]
            if own:
                relations[name] = _relation(name, table, own, view_of)
                if check:
                    _refuse_unusable(spark, name, table, relations[name])
        bounds = {name: name for name in ("first_day", "last_day") if name in accounts.columns}
        _require(accounts, "accounts", {"account_id": _TEXTS, **dict.fromkeys(bounds, _TIMES)})
        view = AccountRelation(view_of(accounts), "account_id", **bounds)
        return spark.sql(features_sql("spark", relations, view, calendar, metrics, known_until=known_until))


def _relation(
    name: str, table: SparkFacts, metrics: Sequence[ComputedMetric], view_of: Callable[[DataFrame], str]
) -> FactRelation:
    times = [table.event_time, *([table.known_time] if table.known_time else [])]
    wanted = {table.account: _TEXTS, **dict.fromkeys(times, _TIMES)}
    if table.deduplicate:
        wanted[table.deduplicate] = _TEXTS
    for column in sorted(text_columns(metrics)):
        wanted[column] = _TEXTS
    for column in sorted(number_columns(metrics)):
        both = set(_NUMBERS) & set(wanted.get(column, _NUMBERS))
        wanted[column] = tuple(kind for kind in _NUMBERS if kind in both)
    _require(table.frame, name, wanted)
    columns = {field.name: getattr(table, field.name) for field in fields(FactColumns)}
    return FactRelation(view_of(table.frame), **columns)


def _require(frame: DataFrame, name: str, wanted: Mapping[str, Sequence[str]]) -> None:
    stored = dict(frame.dtypes)
    for column, kinds in wanted.items():
        if column not in stored:
            raise InputError(
                f"there is no column {column!r}; the columns are {', '.join(stored)}.",
                file=name,
                column=column,
                fix="Add the column, or correct its name.",
            )
        if stored[column].split("(")[0] not in kinds:
            raise InputError(
                f"the column holds {stored[column]}; it must be one of {', '.join(kinds)}.",
                file=name,
                column=column,
                fix="Cast it before.",
            )


def _refuse_unusable(spark: SparkSession, name: str, table: SparkFacts, relation: FactRelation) -> None:
    counts = spark.sql(door_sql("spark", relation)).collect()[0]
    columns = (table.account, table.event_time, table.known_time or table.event_time)
    for column, count in zip(columns, counts, strict=True):
        if count:
            raise InputError(
                f"{count} rows have no usable value: blank, or a time outside 1970 to 2099.",
                file=name,
                column=column,
                fix="Correct or remove them; a fact without account or time belongs to nobody.",
            )
