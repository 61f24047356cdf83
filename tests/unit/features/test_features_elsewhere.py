"""Features on a Spark cluster and inside PostgreSQL: the same doubles as on one machine."""

import os
from datetime import date

import pandas as pd
import pyarrow as pa
import pytest
from elsewhere_facts import ACCOUNTS, CALENDAR, TABLES, comparable, metrics_of, on_one_machine, random_facts

from churnbench.data.computed import ComputedMetric, Condition
from churnbench.domain.errors import InputError
from churnbench.features.elsewhere import (
    ENGINES,
    AccountRelation,
    FactRelation,
    SparkFacts,
    door_sql,
    features_on_spark,
    features_sql,
)

COUNT = ComputedMetric("n", "usage", "count", None, 30)
BOUNDS = {"first_day": "first_day", "last_day": "last_day"}


@pytest.fixture(scope="module")
def postgres():
    address = os.environ.get("CHURNBENCH_TEST_POSTGRES")
    if not address:
        pytest.skip("set CHURNBENCH_TEST_POSTGRES to a postgresql:// address")
    import psycopg

    with psycopg.connect(address) as connection:
        yield connection.cursor()
        connection.rollback()


TYPES = {
    "value": "double precision",
    "at": "timestamp",
    "loaded": "timestamptz",
    "first_day": "date",
    "last_day": "date",
}


def stored(cursor, name, frame):
    """A temporary table; NaN stays NaN, other missing cells are NULL, `loaded` holds times with a zone."""
    columns = ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in frame)
    cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns})")
    with cursor.copy(f"COPY {name} FROM STDIN") as copy:
        for row in frame.itertuples(index=False):
            cells = [cell if isinstance(cell, (str, float)) or not pd.isna(cell) else None for cell in row]
            copy.write_row(f"{cell}+00" if at == "loaded" else cell for at, cell in zip(frame, cells, strict=True))


def fetched(cursor, query):
    cursor.execute(query.encode())
    return pd.DataFrame(cursor.fetchall(), columns=[column[0] for column in cursor.description])


@pytest.mark.postgres
@pytest.mark.parametrize("seed", [1, 2])
def test_postgres_computes_every_aggregate_to_the_last_digit(postgres, tmp_path, seed) -> None:
    tables = random_facts(seed)
    metrics = [metric for name in tables for metric in metrics_of(name, (7, 45, None))]
    wanted = on_one_machine(tmp_path, tables, metrics)
    postgres.execute("DROP TABLE IF EXISTS usage, odd, copies, accounts")
    postgres.execute("SET TimeZone = 'Pacific/Auckland'")  # must change nothing
    postgres.execute("SET jit = off")  # compiling a long statement that runs once costs more than it saves
    for name, frame in {**tables, "accounts": ACCOUNTS}.items():
        stored(postgres, name, frame)
    query = features_sql("postgres", TABLES, AccountRelation("accounts", **BOUNDS), CALENDAR, metrics)
    pd.testing.assert_frame_equal(comparable(fetched(postgres, query), metrics), wanted, check_exact=True)
    assert fetched(postgres, door_sql("postgres", TABLES["copies"])).to_numpy().tolist() == [[0, 0, 0]]
    postgres.execute(f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS {query}".encode())
    past = features_sql("postgres", TABLES, AccountRelation("accounts", **BOUNDS), CALENDAR, metrics, known_until=CUT)
    wanted = on_one_machine(tmp_path, tables, metrics, known_until=CUT)
    pd.testing.assert_frame_equal(comparable(fetched(postgres, past), metrics), wanted, check_exact=True)
    postgres.execute("DROP TABLE kept")


CUT = date(2024, 2, 10)


@pytest.mark.postgres
def test_the_door_counts_facts_that_nobody_could_use(postgres) -> None:
    postgres.execute("CREATE TEMPORARY TABLE doubtful (account_id text, at timestamp, loaded timestamp)")
    rows = [("1", "2024-01-01", None), (" ", "1969-12-31 23:00", "2024-01-01"), (None, "2024-01-01", "2150-01-01")]
    postgres.executemany("INSERT INTO doubtful VALUES (%s, %s, %s)", rows)
    door = door_sql("postgres", FactRelation("doubtful", event_time="at", known_time="loaded"))
    assert fetched(postgres, door).to_numpy().tolist() == [[2, 1, 2]]


def on_the_cluster(spark, frame, *, zoned=True):
    """Missing numbers as NaN, missing texts as NULL; times as instants, or as times without a zone."""
    columns, selected = {}, []
    for name in frame:
        column, chosen = frame[name], f"`{name}`"
        if column.dtype.kind == "M" and name in ("first_day", "last_day"):
            columns[name] = pa.array(column.dt.date.where(column.notna(), None), pa.date32())
        elif column.dtype.kind == "M" and zoned:
            columns[name] = pa.array(column.to_numpy()).cast(pa.timestamp("us", "UTC"))
        elif column.dtype.kind == "M":
            # By way of text: Arrow times without a zone would become instants of the session's zone.
            columns[name], chosen = (
                pa.array(column.astype(str), pa.string()),
                f"CAST(`{name}` AS TIMESTAMP_NTZ) AS `{name}`",
            )
        elif column.dtype.kind == "f":
            columns[name] = pa.array(column.to_numpy(), pa.float64(), from_pandas=False)
        else:
            columns[name] = pa.array(column.astype(object).where(column.notna(), None), pa.string())
        selected.append(chosen)
    return spark.createDataFrame(pa.table(columns)).selectExpr(*selected)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_a_spark_cluster_computes_every_aggregate_to_the_last_digit(spark, tmp_path) -> None:
    tables = random_facts(4)
    metrics = [
        *metrics_of("usage", (45, None)),
        *metrics_of("odd", (30,), few=True),
        *metrics_of("copies", (30,), few=True),
    ]
    wanted = on_one_machine(tmp_path, tables, metrics)
    facts = {
        # One table without zones: such times are UTC, whatever the session's zone.
        name: SparkFacts(
            on_the_cluster(spark, frame, zoned=name != "odd"),
            event_time=TABLES[name].event_time,
            known_time=TABLES[name].known_time,
            deduplicate=TABLES[name].deduplicate,
        )
        for name, frame in tables.items()
    }
    zone = spark.conf.get("spark.sql.session.timeZone")
    found = features_on_spark(spark, facts, on_the_cluster(spark, ACCOUNTS), CALENDAR, metrics)
    assert spark.conf.get("spark.sql.session.timeZone") == zone != "UTC"
    assert not [table for table in spark.catalog.listTables() if table.name.startswith("churnbench")]
    pd.testing.assert_frame_equal(comparable(found.toArrow().to_pandas(), metrics), wanted, check_exact=True)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_columns_and_facts_that_cannot_be_used_are_refused_at_the_door(spark) -> None:
    accounts = on_the_cluster(spark, ACCOUNTS[["account_id"]])
    frame = spark.sql("SELECT '1' AS account_id, TIMESTAMP_NTZ '2024-01-01 00:00:00' AS at, 'x' AS value")
    total = ComputedMetric("total", "usage", "sum", "value", 30)

    def computed(metric, facts):
        return features_on_spark(spark, {"usage": facts}, accounts, CALENDAR, [metric])

    with pytest.raises(
        InputError, match=r"usage, column event_at: there is no column 'event_at'.*account_id, at, value"
    ):
        computed(COUNT, SparkFacts(frame))
    with pytest.raises(InputError, match="the column holds string; it must be one of tinyint"):
        computed(total, SparkFacts(frame, event_time="at"))
    with pytest.raises(InputError, match="the column holds string; it must be one of date"):
        computed(COUNT, SparkFacts(frame, event_time="value"))
    blank = frame.selectExpr("'  ' AS account_id", "at")
    with pytest.raises(InputError, match="account_id: 1 rows have no usable value"):
        computed(COUNT, SparkFacts(blank, event_time="at"))


@pytest.mark.parametrize("engine", list(ENGINES))
def test_names_are_quoted_and_texts_are_data(engine) -> None:
    told = FactRelation(['sch`em"a', "t; DROP TABLE x"], account='a"c`c', event_time="at ' time")
    metric = ComputedMetric("n", "usage", "count", None, 30, (Condition('ki`n"d', "equals", ("it's \\ ${x}",)),))
    text = features_sql(engine, {"usage": told}, AccountRelation("accounts"), CALENDAR, [metric])
    if engine == "spark":
        assert '`sch``em"a`.`t; DROP TABLE x`' in text
        assert "CAST(X'69742773205c20247b787d' AS STRING)" in text
        assert "${" not in text
    else:
        assert '"sch`em""a"."t; DROP TABLE x"' in text
        assert "'it''s \\ ${x}'" in text
    assert text.startswith("WITH ")
    assert not text.rstrip().endswith(";")


def test_what_no_engine_can_hold_is_refused() -> None:
    accounts, facts = AccountRelation("accounts"), {"usage": FactRelation("usage")}
    with pytest.raises(InputError, match="engine 'oracle' is not known"):
        features_sql("oracle", facts, accounts, CALENDAR, [COUNT])
    with pytest.raises(InputError, match="no fact table 'usage'"):
        features_sql("spark", {}, accounts, CALENDAR, [COUNT])
    with pytest.raises(InputError, match="no as-of date"):
        features_sql("spark", facts, accounts, [], [COUNT])
    with pytest.raises(InputError, match="Spark replaces"):
        features_sql("spark", {"usage": FactRelation("${env:HOME}")}, accounts, CALENDAR, [COUNT])
    with pytest.raises(InputError, match="cannot be a name"):
        features_sql("postgres", {"usage": FactRelation("a\x00b")}, accounts, CALENDAR, [COUNT])
    zero = ComputedMetric("n", "usage", "count", None, 30, (Condition("kind", "equals", ("a\x00",)),))
    with pytest.raises(InputError, match="zero character"):
        features_sql("postgres", facts, accounts, CALENDAR, [zero])
