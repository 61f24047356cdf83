import copy
import math
import sqlite3
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from formula_worlds import FULL_ROW, assemble, knots_of, random_body, random_row, small_body
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench.domain.errors import InputError
from churnbench.export import ENGINES, to_sql, verify
from churnbench.export import engines as engines_module
from churnbench.export.sql import RESULT_COLUMNS
from churnbench.export.sql_details import everything_of_row
from churnbench.export.vectors import Probes
from churnbench.formula import validate_body

#: Engines that need nothing but this package.
LOCAL = ("python", "numpy", "duckdb", "sqlite")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9))
def test_every_engine_gives_exactly_the_scorers_outputs_on_random_formulas_and_rows(seed: int) -> None:
    rng = Random(seed)
    body = random_body(rng)
    document = assemble(body)
    kinds = validate_body(body)
    rows = [random_row(rng, kinds, knots_of(body)) for _ in range(40)]
    rows += [Probes(body, kinds).random(rng) for _ in range(20)]
    wanted = ENGINES["python"](document, rows)
    for name in LOCAL:
        for expected, found in zip(wanted, ENGINES[name](document, rows), strict=True):
            assert found == {key: expected[key] for key in found}, name


def test_not_a_number_infinity_and_null_reach_duckdb_as_they_are() -> None:
    rows: list[dict[str, Any]] = [
        {**FULL_ROW, "logins_30d": value} for value in (math.nan, math.inf, -math.inf, None, 15.0)
    ]
    with duckdb.connect() as connection:
        connection.register("source", engines_module.input_table(assemble(small_body()), rows))
        found = connection.execute("SELECT logins_30d IS NULL, isnan(logins_30d) FROM source").fetchall()
    assert found == [(False, True), (False, False), (False, False), (True, None), (False, False)]
    outcomes = engines_module.score_in_duckdb(assemble(small_body()), rows)
    assert [outcome["coverage"] for outcome in outcomes] == [5800, 5800, 5800, 5800, 10000]


def test_verify_compares_golden_and_random_rows_on_every_engine() -> None:
    document = assemble(small_body())
    results = verify(document, LOCAL, random_rows=50)
    assert tuple(result.engine for result in results) == LOCAL
    assert all(result.ok and result.rows == 53 and result.first_difference is None for result in results)
    everything = set(ENGINES["python"](document, [FULL_ROW])[0])
    left_out = {result.engine: everything - set(result.compared) for result in results}
    assert left_out == {"python": set(), "numpy": {"total", "caps", "stale"}, "duckdb": set(), "sqlite": set()}


def test_verify_reports_the_first_row_an_engine_gets_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(document: dict, rows: list) -> list:
        found = list(ENGINES["python"](document, rows))
        found[2] = {**found[2], "caps": ["never"]}
        return found

    monkeypatch.setattr(engines_module, "ENGINES", {**ENGINES, "wrong": wrong})
    (result,) = verify(assemble(small_body()), ["wrong"], random_rows=3)
    assert (result.ok, result.mismatches, result.rows) == (False, 1, 6)
    assert "caps expected [], wrong gave ['never']" in str(result.first_difference)


def test_unknown_engines_dialects_and_broken_documents_are_refused() -> None:
    document = assemble(small_body())
    with pytest.raises(InputError, match="python, numpy, duckdb"):
        verify(document, ["excel"])
    with pytest.raises(InputError, match="duckdb, sqlite"):
        to_sql(document, "cobol")
    broken = copy.deepcopy(document)
    broken["golden"][0]["out"]["score"] = 1
    with pytest.raises(InputError, match="edited"):
        verify(broken)


def run(sql: str, table: str, columns: dict[str, object]) -> list[tuple]:
    with duckdb.connect() as connection:
        source = pa.table({name: [value] for name, value in columns.items()})
        connection.register("source", source)
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM source")
        return connection.execute(sql).fetchall()


HOSTILE = ['a"b', "x'); DROP TABLE t; --", "select", "Ünï cödé", "a.b c", "%s{}", "churnbench_input"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_table_and_column_names_are_quoted_not_run(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    sql = to_sql(assemble(small_body()), "duckdb", name, account_id=name, columns={"logins_30d": name + "2"})
    columns = {name: 1, name + "2": 15, **{k: v for k, v in FULL_ROW.items() if k != "logins_30d"}}
    assert run(sql, quoted, columns)[0][:4] == (1, 6900, "yellow", 10000)


@pytest.mark.parametrize("text", ["it's", 'say "hi"', "back\\slash", "; DROP TABLE accounts; --", "Größe", "{}%s", ""])
@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "numpy"])
def test_hostile_texts_in_categories_segments_and_caps_compare_as_text(text: str, engine: str) -> None:
    body = small_body()
    body["metrics"][3]["rule"]["map"].append([text, 77])
    body["segments"]["by"][0]["segment"] = text
    body["caps"].append({"id": "odd", "input": "plan", "op": "=", "value": text, "max_score": 66.5})
    document = assemble(body)
    rows = [{**FULL_ROW, "plan": text}, {**FULL_ROW, "segment": text}, FULL_ROW]
    wanted = ENGINES["python"](document, rows)
    for expected, found in zip(wanted, ENGINES[engine](document, rows), strict=True):
        assert found == {key: expected[key] for key in found}


def test_a_plain_dotted_table_name_is_read_as_schema_and_table() -> None:
    assert 'FROM "main"."accounts"' in to_sql(assemble(small_body()), table="main.accounts")
    assert 'FROM "main"."odd.name"' in to_sql(assemble(small_body()), table=("main", "odd.name"))
    assert 'FROM "odd name.x"' in to_sql(assemble(small_body()), table="odd name.x")


@pytest.mark.parametrize("table", ["", "a\x00b"])
def test_names_no_engine_can_hold_are_refused(table: str) -> None:
    with pytest.raises(InputError, match="cannot be a name"):
        to_sql(assemble(small_body()), table=table)


def test_text_with_a_zero_character_is_refused_in_sql() -> None:
    body = small_body()
    body["metrics"][3]["rule"]["map"].append(["a\x00b", 1])
    with pytest.raises(InputError, match="zero character"):
        to_sql(assemble(body))


def test_columns_that_differ_only_in_case_are_refused_unless_renamed() -> None:
    body = small_body()
    body["metrics"][2]["input"] = "LOGINS_30D"
    with pytest.raises(InputError, match="differ only in case"):
        to_sql(assemble(body))
    assert '"sponsor_flag"' in to_sql(assemble(body), columns={"LOGINS_30D": "sponsor_flag"})


def test_details_explain_the_score_in_named_columns() -> None:
    document = assemble(small_body())
    with duckdb.connect() as connection:
        source = pa.table({name: [value] for name, value in {"account_id": "a", **FULL_ROW, "open_sev1": 2}.items()})
        connection.register("t", source)
        cursor = connection.execute(to_sql(document, table="t", details=True))
        row = dict(zip([column[0] for column in cursor.description], cursor.fetchone() or (), strict=True))
    assert list(row)[:7] == [*RESULT_COLUMNS, "raw_score_x100", "total_score_x100"]
    assert (row["usage_score_x100"], row["people_score_x100"]) == (7500, 5500)
    assert (row["health_score_x100"], row["total_score_x100"], row["cap_sev1"]) == (5900, 6900, 1)
    assert row["logins_gained_x100"] + row["seats_gained_x100"] == 5250
    assert everything_of_row(document, row) == ENGINES["python"](document, [{**FULL_ROW, "open_sev1": 2}])[0]


def test_integers_decimals_booleans_and_text_numbers_in_the_table_are_cast() -> None:
    sql = to_sql(assemble(small_body()), table="t")
    columns = {"account_id": 1, **FULL_ROW, "logins_30d": "15", "open_sev1": False, "has_sponsor": 1}
    assert run(sql, "t", columns)[0][1] == 6900


def test_sqlite_runs_the_query_as_it_is_written() -> None:
    connection = sqlite3.connect(":memory:")
    names = ", ".join(FULL_ROW)
    connection.execute(f"CREATE TABLE accounts (account_id, {names})")
    connection.execute(f"INSERT INTO accounts VALUES ({', '.join('?' * 9)})", ["a", *FULL_ROW.values()])
    found = connection.execute(to_sql(assemble(small_body()), "sqlite")).fetchall()
    connection.close()
    assert found[0][:4] == ("a", 6900, "yellow", 10000)
