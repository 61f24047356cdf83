import builtins
import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from formula_worlds import FULL_ROW, assemble, knots_of, random_body, random_row, small_body
from hostile_numbers import extreme_body, extreme_row

from churnbench.domain.errors import InputError
from churnbench.export import ENGINES, to_sql, verify
from churnbench.export.engines import in_order
from churnbench.export.postgres_engine import SERVER
from churnbench.export.vectors import Probes
from churnbench.formula import validate_body


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> str:
    address = os.environ.get("CHURNBENCH_TEST_POSTGRES")
    if not address:
        pytest.skip("set CHURNBENCH_TEST_POSTGRES to a postgresql:// address")
    monkeypatch.setenv(SERVER, address)
    return address


@pytest.fixture
def cursor(server: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(server) as connection, connection.cursor() as opened:
        yield opened
        connection.rollback()


def scores(cursor: Any, document: dict, columns: str, rows: list[str], **options: Any) -> list[tuple]:
    """Scores of rows written as SQL, in a temporary table with these column types."""
    cursor.execute(f"CREATE TEMPORARY TABLE given ({columns})")
    for row in rows:
        cursor.execute(f"INSERT INTO given VALUES ({row})")
    found: list[tuple] = cursor.execute(in_order(to_sql(document, "postgres", "given", **options))).fetchall()
    cursor.execute("DROP TABLE given")
    return found


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(15))
def test_postgresql_gives_exactly_the_scorers_outputs_on_random_formulas_and_rows(server: str, seed: int) -> None:
    rng = Random(seed)
    body = random_body(rng)
    document, kinds = assemble(body), validate_body(body)
    rows = [random_row(rng, kinds, knots_of(body)) for _ in range(80)]
    rows += [Probes(body, kinds).random(rng) for _ in range(20)]
    assert ENGINES["postgres"](document, rows) == ENGINES["python"](document, rows)


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(15))
def test_no_number_makes_postgresql_raise_and_none_scores_otherwise(server: str, seed: int) -> None:
    rng = Random(1000 + seed)
    body = extreme_body(rng)
    document, kinds = assemble(body), validate_body(body)
    rows = [extreme_row(rng, kinds, knots_of(body)) for _ in range(500)]
    assert ENGINES["postgres"](document, rows) == ENGINES["python"](document, rows)


@pytest.mark.postgres
def test_verify_runs_on_postgresql_and_compares_every_key(server: str) -> None:
    document = assemble(small_body())
    (result,) = verify(document, ["postgres"], random_rows=50)
    assert result.ok
    assert set(result.compared) == set(ENGINES["python"](document, [FULL_ROW])[0])


@pytest.mark.postgres
@pytest.mark.parametrize(
    "text", ["it's", "back\\slash", "\\'; DROP TABLE accounts; --", "Größe", "%s %(x)s {}", "a\nb"]
)
def test_hostile_texts_compare_as_text_in_postgresql(server: str, text: str) -> None:
    body = small_body()
    body["metrics"][3]["rule"]["map"].append([text, 77])
    body["segments"]["by"][0]["segment"] = text
    document = assemble(body)
    rows = [{**FULL_ROW, "plan": text}, {**FULL_ROW, "segment": text}, FULL_ROW]
    assert ENGINES["postgres"](document, rows) == ENGINES["python"](document, rows)


COLUMNS = (
    "account_id TEXT, logins_30d {logins}, active_seats {seats}, bought_seats {seats}, has_sponsor {sponsor}, "
    "plan {plan}, segment TEXT, open_sev1 {sev1}, days_to_renewal INTEGER"
)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("types", "row", "declared"),
    [
        (("DOUBLE PRECISION", "REAL", "DOUBLE PRECISION", "INTEGER"), "15, 30, 40, 1, 'free', 'x', 0, 400", {}),
        (("INTEGER", "BIGINT", "BOOLEAN", "SMALLINT"), "15, 30, 40, true, 'free', 'x', 0, 400", {}),
        (("NUMERIC", "NUMERIC(12,4)", "NUMERIC", "NUMERIC"), "15.0, 30, 40, 0.5, 'free', 'x', 0, 400", {}),
        (("TEXT", "VARCHAR(9)", "TEXT", "TEXT"), "'15', '3e1', '40', 'true', 'free', 'x', '0', 400", {}),
        (
            ("INTEGER", "INTEGER", "BOOLEAN", "BOOLEAN"),
            "15, 30, 40, true, 'free', 'x', false, 400",
            {"open_sev1": "boolean"},
        ),
    ],
)
def test_columns_of_any_numeric_type_booleans_and_text_numbers_score_alike(
    cursor: Any, types: tuple[str, str, str, str], row: str, declared: dict[str, str]
) -> None:
    logins, seats, sponsor, sev1 = types
    columns = COLUMNS.format(logins=logins, seats=seats, sponsor=sponsor, sev1=sev1, plan="TEXT")
    found = scores(cursor, assemble(small_body()), columns, [f"'a', {row}"], column_types=declared)
    assert found[0][:4] == ("a", 6900, "yellow", 10000)


@pytest.mark.postgres
def test_a_numeric_beyond_doubles_is_missing_or_zero_when_it_is_declared_decimal(cursor: Any) -> None:
    columns = COLUMNS.format(logins="NUMERIC", seats="INTEGER", sponsor="BOOLEAN", sev1="INTEGER", plan="TEXT")
    values = ["1e400", "-1e400", "'NaN'", "1e-400", "-1e-400", "0", "NULL", "1e-320"]
    rows = [f"'{place}', {value}, 30, 40, true, 'free', 'x', 0, 400" for place, value in enumerate(values)]
    found = scores(cursor, assemble(small_body()), columns, rows, column_types={"logins_30d": "decimal"})
    assert [row[3] for row in found] == [5800, 5800, 5800, 10000, 10000, 10000, 5800, 10000]
    assert len({row[1] for row in found if row[3] == 10000}) == 1


@pytest.mark.postgres
def test_a_collation_that_ignores_case_does_not_loosen_the_comparison(cursor: Any) -> None:
    cursor.execute("CREATE COLLATION pg_temp.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    columns = COLUMNS.format(
        logins="INTEGER", seats="INTEGER", sponsor="BOOLEAN", sev1="INTEGER", plan="TEXT COLLATE pg_temp.loose"
    )
    rows = [
        f"'{place}', 15, 30, 40, true, '{plan}', 'x', 0, 400" for place, plan in enumerate(("gold", "GOLD", "gold "))
    ]
    assert [row[3] for row in scores(cursor, assemble(small_body()), columns, rows)] == [10000, 8500, 8500]


@pytest.mark.postgres
def test_nothing_stays_on_the_server(cursor: Any) -> None:
    ENGINES["postgres"](assemble(small_body()), [FULL_ROW])
    found = cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'churnbench%'").fetchall()
    assert found == [(0,)]


@pytest.mark.postgres
def test_what_the_server_refuses_is_reported_in_its_words(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"PostgreSQL refused: .*0x00"):
        ENGINES["postgres"](assemble(small_body()), [{**FULL_ROW, "plan": "a\x00b"}])


def test_without_a_server_the_engine_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER, raising=False)
    with pytest.raises(InputError, match=r"CHURNBENCH_POSTGRES names none.*postgresql://"):
        ENGINES["postgres"](assemble(small_body()), [FULL_ROW])


def test_without_psycopg_the_engine_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name == "psycopg":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"churnbench\[postgres\]"):
        ENGINES["postgres"](assemble(small_body()), [FULL_ROW])
