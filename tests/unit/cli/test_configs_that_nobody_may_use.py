"""Export, verify and diff of configs that a reader would refuse, and of what is no config at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from command_line import Teller
from formula_worlds import FULL_ROW, assemble, sealed, small_body

from churnbench import __version__
from churnbench.export import build_document, kit_of, write_document, write_kit

FORMS = ("sql", "javascript", "dbt", "kit", "bundle")


def one_paragraph(err: str) -> bool:
    return err.startswith("churnbench: ") and err.count("\n") == 1 and "Traceback" not in err


def expired() -> dict:
    lifecycle = {"created": "2020-01-01", "hard_expiry": "2020-06-30"}
    return build_document(small_body(), config_id="core", config_version="1.0.0", sequence=1, lifecycle=lifecycle)


def edited() -> dict:
    document = assemble(small_body())
    document["body"]["bands"][2][1] += 1
    return document


def with_another_result() -> dict:
    document = assemble(small_body())
    document["golden"][0]["out"]["score"] = 1
    return sealed(document)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("made", "words"), [(expired, "it expired on"), (edited, "edited or damaged"), (with_another_result, "golden[0]")]
)
def test_nothing_is_exported_from_a_config_that_readers_refuse(
    cli: Teller, tmp_path: Path, form: str, made: object, words: str
) -> None:
    write_document(made(), tmp_path / "config.json")  # type: ignore[operator]
    said = cli("export", "config.json", "--to", form, "--out", "made")
    assert (said.code, said.out, words in said.err) == (2, "", True)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("form", FORMS)
def test_evidence_in_place_of_a_config_is_one_sentence(cli: Teller, tmp_path: Path, form: str) -> None:
    (tmp_path / "evidence.json").write_text('{"schema": 1, "verdict": "promote"}', encoding="utf-8")
    said = cli("export", "evidence.json", "--to", form, "--out", "made")
    assert (said.code, one_paragraph(said.err)) == (2, True)
    assert "'churnbench-weights'" in said.err


def test_diff_names_the_file_that_is_no_config_and_compares_an_expired_one(cli: Teller, tmp_path: Path) -> None:
    write_document(assemble(small_body()), tmp_path / "config.json")
    write_document(expired(), tmp_path / "expired.json")
    for content in ('{"schema": 1, "verdict": "promote"}', '{"format": "churnbench-weights", "lifecycle": 3}'):
        (tmp_path / "evidence.json").write_text(content, encoding="utf-8")
        for pair in (("config.json", "evidence.json"), ("evidence.json", "config.json")):
            said = cli("diff", *pair)
            assert (said.code, one_paragraph(said.err), "evidence.json" in said.err) == (2, True, True)
    assert cli("diff", "expired.json", "config.json").code == 0


@pytest.mark.parametrize("engines", ["", " , ,", "cobol", "python,cobol"])
def test_verify_without_an_engine_that_exists_proves_nothing_and_says_so(
    cli: Teller, tmp_path: Path, engines: str
) -> None:
    write_document(assemble(small_body()), tmp_path / "config.json")
    write_kit(kit_of(assemble(small_body())), tmp_path / "kit.jsonl")
    for file in ("config.json", "kit.jsonl"):
        said = cli("verify", file, "--engine", engines)
        assert (said.code, said.out, one_paragraph(said.err)) == (2, "", True)
        assert "Use some of python, numpy, duckdb" in said.err


def test_verify_refuses_answers_that_are_nested_too_deep(cli: Teller, tmp_path: Path) -> None:
    write_kit(kit_of(assemble(small_body())), tmp_path / "kit.jsonl")
    deep = '{"case": 1, "out": ' + "[" * 100_000 + "]" * 100_000 + "}"
    (tmp_path / "answers.jsonl").write_text(deep, encoding="utf-8")
    said = cli("verify", "kit.jsonl", "--answers", "answers.jsonl")
    assert (said.code, one_paragraph(said.err), "no answer" in said.err) == (2, True, True)


def test_sql_reads_a_quoted_table_and_the_accounts_own_column(cli: Teller, tmp_path: Path) -> None:
    write_document(assemble(small_body()), tmp_path / "config.json")
    said = cli(
        "export", "config.json", "--dialect", "sqlite", "--table", '"main"."Kunden ""2"".0"', "--account-id", "Nr"
    )
    assert said.code == 0
    with sqlite3.connect(":memory:") as connection:
        names = ", ".join(f'"{name}"' for name in FULL_ROW)
        connection.execute(f'CREATE TABLE "Kunden ""2"".0" ("Nr", {names})')
        connection.execute(
            f'INSERT INTO "Kunden ""2"".0" VALUES (7, {", ".join("?" * len(FULL_ROW))})', [*FULL_ROW.values()]
        )
        row = connection.execute(said.out.rstrip().rstrip(";")).fetchone()
    assert row[0] == 7
    assert row[1] is not None
    assert cli("export", "config.json", "--table", '"main"."open').code == 2


def test_a_text_with_a_zero_character_is_refused_by_sql_in_words(cli: Teller, tmp_path: Path) -> None:
    body = small_body()
    body["metrics"][3]["rule"]["map"][0][0] = "go\x00ld"
    write_document(assemble(body), tmp_path / "config.json")
    for form in ("sql", "dbt"):
        said = cli("export", "config.json", "--to", form, "--out", "made")
        assert (said.code, one_paragraph(said.err), "zero character" in said.err) == (2, True, True)
    assert cli("verify", "config.json", "--engine", "python,numpy").code == 0
    assert "zero character" in cli("verify", "config.json", "--engine", "duckdb").err


def test_the_version_is_printed(cli: Teller) -> None:
    said = cli("--version")
    assert (said.code, said.out) == (0, f"churnbench {__version__}\n")
