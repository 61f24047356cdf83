"""Scores on a Spark cluster: both ways exactly what `churnbench score` gives."""

import copy
import importlib
import json
import subprocess
import sys
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from formula_worlds import FULL_ROW, assemble, small_body
from spark_rows import expected, random_case, rows_that_differ

from churnbench.domain.errors import InputError
from churnbench.export import engines, verify
from churnbench.export.spark import score_spark, ship
from churnbench.export.spark_engine import spark_session
from churnbench.formula import validate_body
from churnbench.formula.batches import gathered, scored_batches

pandas_3 = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


@pytest.mark.parametrize("seed", range(6))
def test_batches_that_a_worker_scores_equal_scored_files(seed: int) -> None:
    document, table = random_case(Random(seed), 700)
    inputs = table.column_names[1:]
    batches = table.to_batches(max_chunksize=97)
    empty = batches[0].slice(0, 0)
    text = json.dumps(document["body"])
    stamps = (document["config_version"], document["integrity"]["body_sha256"])
    (found,) = scored_batches(text, inputs, 1, stamps, [empty, *batches])
    wanted = expected(document, table)
    assert rows_that_differ(wanted, pa.table(found.columns, names=wanted.column_names)) == 0


def test_one_changed_cell_is_a_row_that_differs() -> None:
    document, table = random_case(Random(1), 50)
    wanted = expected(document, table)
    place = wanted.column_names.index("coverage_bp")
    column = wanted["coverage_bp"].to_pylist()
    for wrong in (column[3] + 1, None):
        changed = wanted.set_column(place, "coverage_bp", pa.array([*column[:3], wrong, *column[4:]], pa.int64()))
        assert rows_that_differ(wanted, changed) == 1


def test_small_batches_are_gathered_and_no_row_is_lost() -> None:
    batch = pa.RecordBatch.from_pydict({"x": np.arange(10)})
    sizes = [part.num_rows for part in gathered([batch] * 7, rows=25)]
    assert sizes == [30, 30, 10]
    assert list(gathered([batch.slice(0, 0)])) == []


@pytest.mark.spark
@pandas_3
@pytest.mark.parametrize("seed", [3, 8])
def test_both_ways_score_random_rows_exactly_on_a_cluster(spark, seed: int) -> None:
    document, table = random_case(Random(seed), 3000)
    wanted = expected(document, table)
    frame = spark.createDataFrame(table).repartition(2)
    for how in ("arrow", "columns"):
        found = score_spark(frame, document, how).toArrow().sort_by("account_id")
        assert rows_that_differ(wanted, found) == 0, how
    assert pc.sum(pc.is_valid(wanted["health_score_x100"])).as_py() > 1000


@pytest.mark.spark
@pandas_3
def test_kept_columns_keep_their_type_and_absent_inputs_are_missing_only_when_allowed(spark) -> None:
    document = assemble(small_body())
    frame = spark.createDataFrame(pa.table({"account_id": ["007"], "as_of": [None], "logins_30d": ["x"]}).slice(0, 0))
    with pytest.raises(InputError, match="no column active_seats"):
        score_spark(frame.selectExpr("account_id", "CAST(1 AS INT) AS logins_30d"), document)
    row = frame.sparkSession.sql(
        "SELECT '007' AS account_id, DATE '2024-01-31' AS as_of, CAST(15 AS DECIMAL(9,2)) AS logins_30d"
    )
    for how in ("arrow", "columns"):
        found = score_spark(row, document, how, ("account_id", "as_of"), allow_missing=True)
        assert dict(found.dtypes)["as_of"] == "date"
        (got,) = found.collect()
        assert (got["account_id"], str(got["as_of"]), got["coverage_bp"]) == ("007", "2024-01-31", 4200)
        assert got["health_score_x100"] is None
        assert got["band"] == "insufficient-data"
    with pytest.raises(InputError, match=r"logins_30d: the column holds string.*try_cast"):
        score_spark(row.selectExpr("account_id", "'x' AS logins_30d"), document, allow_missing=True)
    twice = row.selectExpr("account_id", "logins_30d", "logins_30d")
    with pytest.raises(InputError, match="more than once"):
        score_spark(twice, document, allow_missing=True)
    with pytest.raises(InputError, match="arrow, columns"):
        score_spark(row, document, "pandas")
    broken = copy.deepcopy(document)
    broken["body"]["min_coverage"] = 0
    with pytest.raises(InputError, match="edited"):
        score_spark(row, broken)


@pytest.mark.spark
@pandas_3
def test_verify_compares_spark_sql_in_all_that_a_score_has_and_the_vectorised_way(spark) -> None:
    assert spark_session() is spark
    sql, arrow = verify(assemble(small_body()), ["spark", "spark-arrow"], random_rows=60)
    assert (sql.broken, arrow.broken) == ((), ())
    assert {"contributions", "caps", "stale", "total"} <= set(sql.compared)
    assert {"score", "band", "coverage", "churn_probability", "dimensions", "reading"} <= set(arrow.compared)


def test_verify_says_how_to_have_spark_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    for engine in ("spark", "spark-arrow"):
        with pytest.raises(InputError, match=r"churnbench\[spark\].*Java 17"):
            engines.ENGINES[engine](assemble(small_body()), [FULL_ROW])


class Context:
    """Notes what would be sent to the workers."""

    def addPyFile(self, path):  # noqa: N802 - Spark's name
        self.path = path


class Session:
    """Has a context, as a Spark session."""

    def __init__(self):
        self.sparkContext = Context()


def test_the_shipped_zip_scores_without_any_installed_churnbench(tmp_path) -> None:
    session = Session()
    shipped = ship(session)
    assert session.sparkContext.path == str(shipped)
    body = tmp_path / "body.json"
    body.write_text(json.dumps(small_body()))
    kinds = validate_body(small_body())
    code = (
        "import sys, pathlib; sys.path[:] = [p for p in sys.path if 'churnbench' not in p and not p.endswith('src')]\n"
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in str(f)]\n"
        f"sys.path.insert(0, {str(shipped)!r})\n"
        "import churnbench, pyarrow as pa; assert '.zip' in churnbench.__file__, churnbench.__file__\n"
        "from churnbench.formula.batches import scored_batches\n"
        f"row = pa.RecordBatch.from_pylist([{ {name: FULL_ROW[name] for name in kinds}!r}])\n"
        "floats = [c.cast(pa.float64()) if not pa.types.is_string(c.type) else c for c in row.columns]\n"
        "row = pa.RecordBatch.from_arrays(floats, names=row.schema.names)\n"
        f"(found,) = scored_batches(pathlib.Path({str(body)!r}).read_text(), row.schema.names, 0, (), [row])\n"
        "print(found.column(0)[0], 'duckdb' in sys.modules, 'sqlglot' in sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env={})
    assert told.stdout.split() == ["6900", "False", "False"], told.stderr
    del session
    importlib.invalidate_caches()
