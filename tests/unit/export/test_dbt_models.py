import json
from random import Random
from typing import Any

import duckdb
import jinja2
import pytest
import yaml
from formula_worlds import FULL_ROW, assemble, knots_of, random_body, random_row, small_body

from churnbench.domain.errors import InputError
from churnbench.export import DIALECTS, ENGINES
from churnbench.export.engines import in_order, input_table, outcomes
from churnbench.export.sql_dbt import dbt_models
from churnbench.formula import validate_body


def build(document: dict[str, Any], rows: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    """What dbt does with the two models, in DuckDB: render, create the table, create the view, read."""
    files = dbt_models(document, "crm.accounts", details=True, **options)
    with duckdb.connect() as connection:
        connection.register("arrived", input_table(document, rows))
        connection.execute("CREATE SCHEMA crm; CREATE TABLE crm.accounts AS SELECT * FROM arrived")
        for name in ("health_metrics", "health_scores"):
            settings: dict[str, str] = {}

            def config(settings: dict[str, str] = settings, **given: str) -> str:
                settings.update(given)
                return ""

            names = {
                "config": config,
                "source": lambda schema, table: f'"{schema}"."{table}"',
                "ref": lambda x: f'"{x}"',
            }
            sql = jinja2.Environment(autoescape=False).from_string(files[f"models/health/{name}.sql"]).render(names)  # noqa: S701
            connection.execute(f"CREATE {settings['materialized']} {name} AS (\n{sql}\n)")
        kinds = connection.execute("SELECT table_name, table_type FROM information_schema.tables").fetchall()
        assert {("health_metrics", "BASE TABLE"), ("health_scores", "VIEW")} <= set(kinds)
        cursor = connection.execute(in_order("SELECT * FROM health_scores"))
        return outcomes(document, cursor.description, cursor.fetchall())


@pytest.mark.parametrize("seed", range(6))
def test_the_two_models_give_exactly_the_scorers_outputs(seed: int) -> None:
    rng = Random(seed)
    body = random_body(rng)
    document, kinds = assemble(body), validate_body(body)
    rows = [random_row(rng, kinds, knots_of(body)) for _ in range(60)]
    assert build(document, rows) == ENGINES["python"](document, rows)


JINJA = [
    "{{ 1 / 0 }}",
    "{% endraw %}{{ boom() }}",
    "{%- endraw -%}",
    "{# gone #}",
    "}} {{",
    "{",
    "a\r\nb\rc",
    "{{ '{' }}",
    "\\{{",
]


def test_texts_that_look_like_templates_stay_texts() -> None:
    body = small_body()
    body["metrics"][3]["rule"]["map"] = [[text, 10.0 + k] for k, text in enumerate(JINJA)]
    body["segments"]["by"][0]["segment"] = JINJA[0]
    body["caps"].append({"id": "odd", "input": "plan", "op": "=", "value": JINJA[1], "max_score": 12.5})
    document = assemble(body)
    rows = [{**FULL_ROW, "plan": text, "segment": JINJA[0]} for text in JINJA]
    found = build(document, rows)
    assert found == ENGINES["python"](document, rows)
    assert len({score["score"] for score in found}) == len(JINJA)


def test_the_schema_file_names_source_models_and_tests() -> None:
    document = assemble(random_body(Random(0)))
    files = dbt_models(document, "warehouse.crm.accounts", name="health", details=True)
    schema = yaml.safe_load(files["models/health/health.yml"])
    assert schema["sources"] == [
        {"name": "crm", "schema": "crm", "database": "warehouse", "tables": [{"name": "accounts"}]}
    ]
    scores = {model["name"]: model for model in schema["models"]}["health_scores"]
    tests = {column["name"]: column.get("data_tests", []) for column in scores["columns"]}
    assert tests["account_id"] == ["not_null", "unique"]
    bands = [band for band, _ in document["body"]["bands"]] + ["insufficient-data"]
    assert {"accepted_values": {"values": bands}} in tests["band"]
    assert document["integrity"]["body_sha256"] in scores["description"]
    assert all(column["description"] for column in scores["columns"])
    plain = yaml.safe_load(dbt_models(document, "accounts")["models/health/health.yml"])
    assert plain["sources"][0]["schema"] == "{{ target.schema }}"


def test_the_readme_says_how_to_build_and_from_what() -> None:
    document = assemble(small_body())
    readme = dbt_models(document, name="score", dialect="snowflake")["models/score/README.md"]
    assert "dbt build --select score_metrics score_scores" in readme
    assert f"{document['config_id']} {document['config_version']}" in readme


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_every_dialect_has_models_and_notices_stay_in_them(dialect: str) -> None:
    files = dbt_models(assemble(small_body()), dialect=dialect)
    for name in ("metrics", "scores"):
        text = files[f"models/health/health_{name}.sql"]
        assert ("not executed by churnbench's tests" in text) == (not DIALECTS[dialect].executed)
        assert "\x00" not in text
    assert json.dumps(files)


@pytest.mark.parametrize("table", ["a b", "x'); DROP", "a.b.c.d", "", "{{ x }}", "a..b"])
def test_sources_that_are_not_plain_words_are_refused(table: str) -> None:
    with pytest.raises(InputError, match="cannot stand in a dbt file"):
        dbt_models(assemble(small_body()), table)


def test_model_names_that_are_not_plain_words_are_refused() -> None:
    with pytest.raises(InputError, match="cannot stand in a dbt file"):
        dbt_models(assemble(small_body()), name="a.b")
