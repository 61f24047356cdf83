import dataclasses
import json
import math
import sqlite3
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from formula_worlds import FULL_ROW, assemble, knots_of, random_body, small_body
from hostile_numbers import extreme_body, extreme_row
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench.domain.errors import InputError
from churnbench.export import DIALECTS, ENGINES, parity, sql_dialects, to_sql
from churnbench.export.engines import in_order, input_table, outcomes
from churnbench.export.sql import RESULT_COLUMNS
from churnbench.export.sql_guards import TINY, first_double, flat_starts, lifted
from churnbench.export.sql_text import Writer
from churnbench.formula import validate_body

EMITTED = [name for name, dialect in DIALECTS.items() if not dialect.executed]
#: typeof is only SQLite's, COLLATE where columns have collations; sqlglot reads every CAST of Spark as TRY_CAST.
CONSTRUCTS = {"Case", "Cast", "Coalesce", "Floor", "If", "And", "Typeof", "Collate", "TryCast"}


@pytest.mark.parametrize("details", [False, True])
@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_emitted_sql_parses_and_uses_only_the_constructs_all_engines_agree_on(dialect: str, details: bool) -> None:
    for seed in (4, 5):
        body = random_body(Random(seed))
        tree = sqlglot.parse_one(to_sql(assemble(body), dialect, details=details), read=dialect)
        functions = {type(node).__name__ for node in tree.find_all(sqlglot.exp.Func)}
        assert functions <= CONSTRUCTS
        assert not list(tree.find_all(sqlglot.exp.Is))
        assert not list(tree.find_all(sqlglot.exp.Star))
        for literal in tree.find_all(sqlglot.exp.Literal):
            # No bare decimals: 0.4 is a DECIMAL in some engines.
            assert literal.is_string or isinstance(literal.parent, (sqlglot.exp.Offset, sqlglot.exp.DataTypeParam))
        names = [column.alias_or_name for column in tree.selects]
        extra = ["reading_band"] if body.get("hysteresis") else []
        wanted = [*RESULT_COLUMNS, *extra]
        assert [name.lower() for name in names[: len(wanted)]] == wanted
        assert (len(names) > len(wanted)) == details


def test_only_engines_that_run_here_go_without_a_notice() -> None:
    assert set(EMITTED) == {"databricks", "snowflake", "bigquery", "redshift"}
    for dialect in DIALECTS:
        first = to_sql(assemble(small_body()), dialect).splitlines()[0]
        noticed = first == f"-- emitted for {dialect}, not executed by churnbench's tests"
        assert noticed == (dialect in EMITTED)


TEXTS = [
    "it's",
    "back\\slash",
    "end\\",
    "\\' OR 1=1 --",
    "line\nbreak",
    "tab\t",
    '"',
    "`",
    "{{ x }}",
    "$$",
    "é日",
    "a'b\\'c",
]


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_every_dialect_reads_back_the_texts_that_were_written(dialect: str) -> None:
    body = small_body()
    body["metrics"][3]["rule"]["map"] = [[text, 1.0] for text in TEXTS]
    tree = sqlglot.parse_one(to_sql(assemble(body), dialect), read=dialect)
    literals = {literal.this for literal in tree.find_all(sqlglot.exp.Literal)}
    mark = DIALECTS[dialect].text_mark
    assert {text + mark for text in TEXTS} <= literals


@pytest.mark.parametrize("name", ['a"b', "a`b", "select", "Ünï cödé", "a.b c", "back\\slash"])
@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_hostile_names_come_back_whole_or_are_refused(dialect: str, name: str) -> None:
    if any(character in DIALECTS[dialect].not_in_names for character in name):
        with pytest.raises(InputError, match="cannot be a name"):
            to_sql(assemble(small_body()), dialect, name)
        return
    sql = to_sql(assemble(small_body()), dialect, [name], columns={"logins_30d": name})
    tree = sqlglot.parse_one(sql, read=dialect)
    for kind in (sqlglot.exp.Table, sqlglot.exp.Column):
        # BigQuery takes a whole path in one pair of quotes, so there the parts of a dotted name come back.
        assert name in {".".join(part.name for part in found.parts) for found in tree.find_all(kind)}


def test_plain_names_are_upper_case_where_unquoted_ones_are() -> None:
    sql = to_sql(assemble(small_body()), "snowflake", "crm.accounts", columns={"plan": "Plan"}, details=True)
    assert '"CRM"."ACCOUNTS"' in sql
    assert '"LOGINS_30D"' in sql
    assert '"Plan"' in sql
    assert 'AS "USAGE_SCORE_X100"' in sql
    assert '"crm"."accounts"' in to_sql(assemble(small_body()), "snowflake", ["crm", "accounts"])


def test_quoted_parts_of_a_table_are_exact_and_words_beyond_ascii_are_words() -> None:
    writer = Writer(DIALECTS["snowflake"])
    assert writer.table('crm."b.c"."d ""e"""') == '"CRM"."b.c"."d ""e"""'
    assert writer.table("crm.größen") == '"CRM"."größen"'
    assert writer.table("crm.b c") == '"crm.b c"'
    assert writer.table("crm..b") == '"crm..b"'
    for text in ('"a', '"a"b', '"a".', '"a"."', '""'):
        with pytest.raises(InputError, match="a quote that does not close"):
            writer.table(text)


def renamed(old: str, new: str) -> dict[str, Any]:
    """The small body with another id of an input."""
    return json.loads(json.dumps(small_body()).replace(f'"{old}"', f'"{new}"'))


@pytest.mark.parametrize("name", ["account_id", "Account_ID"])
def test_an_input_in_the_accounts_own_column_is_refused_by_sql_and_by_its_engines(name: str) -> None:
    document = assemble(renamed("logins_30d", name))
    with pytest.raises(InputError, match=f"input '{name}' would be read from the column 'account_id'"):
        to_sql(document, "postgres")
    with pytest.raises(InputError, match="which identifies the account"):
        parity.verify(document, ["python", "duckdb"])
    assert parity.verify(document, ["python", "numpy"])[1].ok
    assert '"logins"' in to_sql(document, "postgres", columns={name: "logins"})
    assert '"Nr"' in to_sql(document, "postgres", account_id="Nr")


@pytest.mark.parametrize("name", [*RESULT_COLUMNS[1:], "reading_band", "ci0", "select"])
def test_inputs_named_like_results_and_like_words_of_sql_are_read_right(name: str) -> None:
    document = assemble(renamed("logins_30d", name))
    assert all(result.ok for result in parity.verify(document, ["duckdb", "sqlite"], random_rows=20))


def test_doubles_are_spelled_as_each_engine_reads_them() -> None:
    spelled = {name: to_sql(assemble(small_body()), name) for name in DIALECTS}
    assert "CAST('0.5' AS FLOAT64)" in spelled["bigquery"]
    assert "CAST('0.5' AS DOUBLE PRECISION)" in spelled["postgres"]
    assert "CAST('0.5' AS DOUBLE)" in spelled["spark"]
    assert "CAST('0.5' AS FLOAT)" in spelled["snowflake"]
    assert "CAST('inf' AS FLOAT)" in spelled["snowflake"]
    assert "VARCHAR(65535)" in spelled["redshift"]


def test_each_engine_is_fenced_as_it_can_be() -> None:
    fences = {name: to_sql(assemble(small_body()), name) for name in DIALECTS}
    assert fences["duckdb"].count("AS MATERIALIZED (") == 1
    assert fences["sqlite"].count("AS MATERIALIZED (") > 5
    assert fences["postgres"].count("OFFSET 0") > 5
    for name in ("spark", "snowflake", "bigquery", "redshift", "databricks"):
        assert "MATERIALIZED" not in fences[name]
        assert "OFFSET" not in fences[name]


def guarded(document: dict[str, Any], rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """DuckDB, with the guards that engines need which raise."""
    dialect = dataclasses.replace(DIALECTS["duckdb"], raises=True)
    with monkeypatch.context() as patch, duckdb.connect() as connection:
        patch.setitem(sql_dialects.DIALECTS, "duckdb", dialect)
        connection.register("accounts", input_table(document, rows))
        cursor = connection.execute(in_order(to_sql(document, "duckdb", "accounts", details=True)))
        return outcomes(document, cursor.description, cursor.fetchall())


@pytest.mark.parametrize("seed", range(8))
def test_numbers_at_the_ends_of_the_range_score_alike_with_and_without_guards(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(seed)
    body = extreme_body(rng)
    document, kinds = assemble(body), validate_body(body)
    rows = [extreme_row(rng, kinds, knots_of(body)) for _ in range(250)]
    wanted = ENGINES["python"](document, rows)
    assert guarded(document, rows, monkeypatch) == wanted
    for name in ("duckdb", "sqlite"):
        assert ENGINES[name](document, rows) == wanted, name


@given(
    st.floats(-1e300, 1e299, allow_subnormal=True),
    st.floats(1e-300, 1e300),
    st.floats(-1e6, 1e6, allow_subnormal=True),
    st.sampled_from([0.0, 1e-310, 3.0, 100.0]),
    st.floats(0, 1),
)
@settings(max_examples=300, deadline=None)
def test_a_flat_start_is_where_the_line_cannot_be_told_from_its_knot(
    x0: float, width: float, slope: float, y0: float, part: float
) -> None:
    x1, y0 = min(x0 + width, 1e300), lifted(y0)
    if not x0 < x1:
        return
    bounds = flat_starts(x0, x1, y0, slope)
    assert bounds == sorted(bounds)
    for x in {x0, math.nextafter(x0, 1e301), x0 + (x1 - x0) * part, *(bound for bound, _ in bounds)}:
        if not x0 <= x < x1:
            continue
        line = y0 + (x - x0) * slope
        flat = next((height for bound, height in bounds if x < bound), None)
        if flat is None:
            product = (x - x0) * slope
            assert x == x0 or slope == 0.0 or product != 0.0  # what an engine computes does not underflow
            assert not 0.0 < line < TINY or y0 > 0.0
        else:
            assert flat == line or (0.0 < line < TINY and flat in (0.0, TINY)) or abs(line) < TINY


def test_the_first_double_is_found_to_the_bit() -> None:
    for bound in (5e-324, 1e-310, 0.1, 1.0, 1e300):
        assert first_double(lambda x, bound=bound: x >= bound, 0.0, 1e301) == bound
        assert first_double(lambda x, bound=bound: x >= -bound, -math.inf, math.inf) == -bound
    assert first_double(lambda _: False, 0.0, math.inf) == math.inf


def sqlite_scores(column: str, values: list[object], sql: str) -> list[tuple]:
    connection = sqlite3.connect(":memory:")
    try:
        others = ", ".join(name for name in FULL_ROW if name != "plan" and name != "logins_30d")
        connection.execute(f"CREATE TABLE accounts (account_id, {column}, {others})")
        marks = ", ".join("?" * (len(FULL_ROW) + 1))
        rest = [value for name, value in FULL_ROW.items() if name not in ("plan", "logins_30d")]
        for number, (plan, logins) in enumerate(values):  # type: ignore[misc]
            connection.execute(f"INSERT INTO accounts VALUES ({marks})", [number, plan, logins, *rest])
        return connection.execute(in_order(sql)).fetchall()
    finally:
        connection.close()


def test_text_that_is_no_number_is_missing_in_sqlite_and_never_zero() -> None:
    sql = to_sql(assemble(small_body()), "sqlite", details=True)
    values: list[object] = ["15", " 15 ", "1.5e1", "", "abc", "15 logins", b"15", None, 15, 15.0]
    found = sqlite_scores("plan, logins_30d", [("free", value) for value in values], sql)
    present = [row[3] == 10000 for row in found]
    assert present == [True, True, True, False, False, False, False, False, True, True]
    assert len({row[1] for row, here in zip(found, present, strict=True) if here}) == 1


@pytest.mark.parametrize("collation", ["NOCASE", "RTRIM"])
def test_a_column_collation_of_sqlite_does_not_loosen_the_comparison(collation: str) -> None:
    sql = to_sql(assemble(small_body()), "sqlite", details=True)
    found = sqlite_scores(f"plan TEXT COLLATE {collation}, logins_30d", [("gold", 1), ("GOLD", 1), ("gold ", 1)], sql)
    assert [row[3] for row in found] == [10000, 8500, 8500]


def test_a_column_collation_of_duckdb_does_not_loosen_the_comparison() -> None:
    with duckdb.connect() as connection:
        rows = [{**FULL_ROW, "plan": plan} for plan in ("gold", "GOLD")]
        connection.register("source", input_table(assemble(small_body()), rows))
        connection.execute("CREATE TABLE accounts AS SELECT * FROM source")
        connection.execute("ALTER TABLE accounts ALTER plan TYPE VARCHAR COLLATE NOCASE")
        found = connection.execute(in_order(to_sql(assemble(small_body())))).fetchall()
    assert [row[3] for row in found] == [10000, 8500]


def test_boolean_and_decimal_columns_can_be_declared() -> None:
    document = assemble(small_body())
    sql = to_sql(document, column_types={"open_sev1": "boolean", "logins_30d": "decimal"})
    with duckdb.connect() as connection:
        connection.register("source", input_table(document, [FULL_ROW]))
        connection.execute(
            "CREATE TABLE accounts AS SELECT * REPLACE (true AS open_sev1, 15.000000000000000000001::DECIMAL(38, 21) "
            "AS logins_30d) FROM source"
        )
        assert connection.execute(sql).fetchall()[0][1:4] == (5900, "red", 10000)


@pytest.mark.parametrize(
    ("given_columns", "given_types", "words"),
    [
        ({"login": "x"}, {}, "'login' is no input"),
        ({}, {"logins_30d": "integer"}, "column type 'integer'"),
        ({}, {"plan": "boolean"}, "text inputs have none"),
    ],
)
def test_columns_and_types_of_unknown_inputs_are_refused(given_columns: dict, given_types: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        to_sql(assemble(small_body()), columns=given_columns, column_types=given_types)


def test_result_columns_that_would_be_one_are_refused() -> None:
    body = small_body()
    body["dimensions"][0]["id"] = "total"
    for weights in (body["segments"]["default"], body["segments"]["by"][0]["weights"]):
        weights[0][0] = "total"
    document = assemble(body)
    assert to_sql(document)
    with pytest.raises(InputError, match=r"'total_score_x100' and 'total_score_x100'"):
        to_sql(document, details=True)


def test_result_columns_that_an_engine_would_cut_are_refused_there() -> None:
    body = small_body()
    body["caps"][0]["id"] = "c" * 62
    document = assemble(body)
    assert to_sql(document, "duckdb", details=True)
    assert to_sql(document, "postgres")
    with pytest.raises(InputError, match="postgres cuts names after 63"):
        to_sql(document, "postgres", details=True)


def border_pairs(rng: Random) -> list[tuple[float, float]]:
    """Tops and bottoms whose quotient is as close as doubles allow to the largest double, or to half the smallest."""
    pairs = []
    for _ in range(150):
        small = math.ldexp(rng.uniform(0.5, 1.0), rng.randint(-1070, -1))
        large = math.ldexp(small, 1024) if small < 0.4 else math.inf
        if 2.0**-51 <= large <= 1e308:
            pairs += [(top, small) for top in (large, math.nextafter(large, 0), math.nextafter(large, math.inf))]
        top = math.ldexp(rng.choice([1.0, 3.0, 5.0, rng.uniform(0.5, 1.0)]), rng.randint(-1074, -60))
        bottom = math.ldexp(math.ldexp(top, 500), 575)
        if top > 0 and bottom <= 1e308:
            pairs += [(top, other) for other in (bottom, math.nextafter(bottom, 0), math.nextafter(bottom, math.inf))]
    return [(sign * top, bottom) for top, bottom in pairs for sign in (1.0, -1.0)]


def test_guarded_quotients_are_the_quotients_at_both_borders() -> None:
    pairs = border_pairs(Random(0))
    quotient = Writer(dataclasses.replace(DIALECTS["duckdb"], raises=True)).quotient("a", "b")
    with duckdb.connect() as connection:
        table = pa.table({"k": range(len(pairs)), "a": [top for top, _ in pairs], "b": [low for _, low in pairs]})
        connection.register("pairs", table)
        found = [row[0] for row in connection.execute(f"SELECT {quotient} FROM pairs ORDER BY k").fetchall()]
    wanted = [top / bottom for top, bottom in pairs]
    assert found == wanted
    assert math.inf in wanted
    assert -math.inf in wanted
    assert 0.0 in wanted
    assert 5e-324 in wanted


@pytest.mark.parametrize(
    ("multiplier", "low", "high"), [(1e-12, -1.0, 1e300), (0.3, 0.0, 1e-300), (1e12, -1e300, 1e300)]
)
def test_guarded_products_are_the_held_products(multiplier: float, low: float, high: float) -> None:
    rng = Random(1)
    values = [math.ldexp(rng.uniform(-1, 1), rng.randint(-1080, 1024)) for _ in range(500)]
    values += [0.0, math.inf, -math.inf, 5e-324, -5e-324, low / multiplier, high / multiplier, 1.7976931348623157e308]
    held = Writer(dataclasses.replace(DIALECTS["duckdb"], raises=True)).held("a", multiplier, low, high)
    with duckdb.connect() as connection:
        connection.register("given", pa.table({"k": range(len(values)), "a": values}))
        found = [row[0] for row in connection.execute(f"SELECT {held} FROM given ORDER BY k").fetchall()]
    assert found == [min(max(value * multiplier, low), high) for value in values]
