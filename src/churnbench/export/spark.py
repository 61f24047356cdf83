"""Scores a Spark DataFrame where it is: by the vectorised formula on the workers, or as Spark SQL."""

from __future__ import annotations

import json
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import churnbench_scorer
from churnbench.domain.errors import InputError
from churnbench.export.document import Document, checked_scorer
from churnbench.export.sql import compose, free_prefix
from churnbench.export.sql_text import DIALECTS, Writer
from churnbench.features.elsewhere.spark_analysis import quiet, settled, views
from churnbench.formula import Body, metric_inputs, validate_body
from churnbench.formula.batches import result_names, scored_batches

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean")
_TEXTS = ("string", "varchar", "char")
_SQL_TYPES = {"long": "BIGINT", "double": "DOUBLE", "text": "STRING"}
STAMPS = ("config_version", "body_sha256")


def score_spark(
    frame: DataFrame,
    document: Document,
    how: Literal["arrow", "columns"] = "arrow",
    keep: Sequence[str] = ("account_id",),
    *,
    allow_missing: bool = False,
    now: str | None = None,
) -> DataFrame:
    """Score a DataFrame; both ways give exactly what `churnbench score` gives.

    Args:
        frame: one column per input (numeric or boolean; string for categories), and the columns to keep.
        document: a config document.
        how: "arrow" runs the vectorised formula on batches; churnbench must be importable on the workers (see `ship`).
            "columns" is Spark SQL and needs nothing there.
        keep: columns that identify a row, passed on unchanged.
        allow_missing: whether metric columns may be absent; they then count as missing in every row.
        now: moment that decides about expiry; default: the clock.

    Returns:
        The kept columns, health_score_x100, health_score, band, coverage_bp, churn_probability, with hysteresis
        reading_band, one `<dimension>_score` per dimension, config_version, body_sha256. NULL where there is none.

    Raises:
        InputError: for a refused config, and for columns that are absent, ambiguous or of the wrong type.
    """
    if how not in _WAYS:
        raise InputError(f"how={how!r} is not known.", fix=f"Use one of {', '.join(_WAYS)}.")
    checked_scorer(document, now=now)
    body = document["body"]
    kinds = validate_body(body)
    names = frame.columns
    present = _checked(frame, kinds, metric_inputs(body), keep, allow_missing=allow_missing)
    # By position: Spark would find a column named X when it is asked for x.
    numbered = frame.toDF(*(f"c{k}" for k in range(len(names))))
    keys = [f"c{names.index(name)} AS k{k}" for k, name in enumerate(keep)]
    types = {name: "STRING" if kinds[name] == "category" else "DOUBLE" for name in present}
    inputs = [f"CAST(c{names.index(name)} AS {types[name]}) AS x{k}" for k, name in enumerate(present)]
    with quiet():
        scored = _WAYS[how](numbered.selectExpr(*keys, *inputs), document, present, len(keep))
    return scored.toDF(*keep, *result_names(body), *STAMPS)


def ship(spark: SparkSession) -> Path:
    """Send churnbench to the workers of a session, as a zip beside their own packages.

    Numpy, pandas and pyarrow must be installed there; nothing else is read.

    Returns:
        The zip; it lives as long as the process.
    """
    folder = Path(tempfile.mkdtemp(prefix="churnbench-ship-"))
    target = folder / "churnbench-shipped.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for root in (Path(__file__).resolve().parents[1], Path(churnbench_scorer.__file__).resolve().parent):
            for file in sorted(root.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    bundle.write(file, file.relative_to(root.parent))
    weakref.finalize(spark, _remove, target)
    spark.sparkContext.addPyFile(str(target))
    return target


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.parent.rmdir()


def _checked(
    frame: DataFrame, kinds: Mapping[str, str], needed: Sequence[str], keep: Sequence[str], *, allow_missing: bool
) -> list[str]:
    """Inputs that the frame has."""
    stored = frame.dtypes
    names = [name for name, _ in stored]
    for name in [*keep, *(() if allow_missing else needed)]:
        if name not in names:
            raise InputError(
                f"no column {name}; the columns are {', '.join(names)}.",
                column=name,
                fix="Add the column, name another one to keep, or pass allow_missing.",
            )
    present = [name for name in kinds if name in names]
    for name in [*keep, *present]:
        if names.count(name) > 1:
            raise InputError("the column is there more than once.", column=name, fix="Drop or rename one of them.")
    for name in present:
        wanted = _TEXTS if kinds[name] == "category" else _NUMBERS
        kind = dict(stored)[name]
        if kind.split("(")[0].split(" ")[0] not in wanted:
            raise InputError(
                f"the column holds {kind}; the formula reads one of {', '.join(wanted)}.",
                column=name,
                fix="Cast it before (try_cast where some cells are no numbers).",
            )
    return present


def _stamps(document: Document) -> tuple[str, str]:
    return str(document["config_version"]), str(document["integrity"]["body_sha256"])


def _by_arrow(numbered: DataFrame, document: Document, inputs: Sequence[str], keys: int) -> DataFrame:
    from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

    kinds = {"long": LongType(), "double": DoubleType(), "text": StringType()}
    results = [*result_names(document["body"]).values(), *("text" for _ in STAMPS)]
    types = [field.dataType for field in numbered.schema.fields[:keys]] + [kinds[kind] for kind in results]
    schema = StructType([StructField(f"o{k}", kind) for k, kind in enumerate(types)])
    # A function of a module is sent by name and text by value, so that nothing of ours is pickled.
    score = partial(scored_batches, json.dumps(document["body"]), tuple(inputs), keys, _stamps(document))
    return numbered.mapInArrow(score, schema)


def _by_columns(numbered: DataFrame, document: Document, inputs: Sequence[str], keys: int) -> DataFrame:
    spark, body, dialect = numbered.sparkSession, document["body"], DIALECTS["spark"]
    kinds = validate_body(body)
    columns = {name: f"x{k}" for k, name in enumerate([*inputs, *(name for name in kinds if name not in inputs)])}
    packed = f"struct({', '.join(f'k{k}' for k in range(keys))}) AS k"
    read = [
        slot if name in inputs else f"CAST(NULL AS {'STRING' if kinds[name] == 'category' else 'DOUBLE'}) AS {slot}"
        for name, slot in columns.items()
    ]
    writer = Writer(dialect)
    with settled(spark), views() as view_of:
        view = view_of(numbered.selectExpr(packed, *read))
        query, outputs = compose(
            document,
            dialect,
            source=writer.table([view]),
            prefix=free_prefix([view]),
            account_id="k",
            columns=columns,
            column_types={},
            details=False,
        )
        for position in range(len(body["dimensions"])):
            outputs.append(f"{writer.as_integer(writer.rounded(f'd{position}', 100.0))} AS q{position}")
        scored = spark.sql(query.chain.query(outputs))
        version, digest = (writer.string(stamp) for stamp in _stamps(document))
        results = [f"account_id.k{k}" for k in range(keys)] + _scores_from_sql(body) + [version, digest]
        return scored.selectExpr(*(f"{text} AS o{k}" for k, text in enumerate(results)))


def _scores_from_sql(body: Body) -> list[str]:
    """Expressions of `result_names` over the query's columns; dimension k comes in hundredths as q<k>."""
    hundredths = {f"{dimension['id']}_score": f"q{k}" for k, dimension in enumerate(body["dimensions"])}
    hundredths["health_score"] = "health_score_x100"
    return [
        f"CAST({hundredths[name]} AS DOUBLE) / 100D" if name in hundredths else f"CAST({name} AS {_SQL_TYPES[kind]})"
        for name, kind in result_names(body).items()
    ]


_WAYS: dict[str, Callable[[Any, Document, Sequence[str], int], Any]] = {"arrow": _by_arrow, "columns": _by_columns}
