"""What people's files really look like, and what the reader says about it."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from churnbench.data.database import run_query
from churnbench.data.readers import Column, fetch_frame, open_files, read_table
from churnbench.data.session import Session
from churnbench.domain.errors import InputError

WANTED = [
    Column("account_id", "id", "account_id"),
    Column("as_of", "day", "as_of", filled=True),
    Column("nps", "number", "nps", missing=("", "NA")),
]


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(memory_limit="300MB", threads=1) as opened:
        yield opened


def read(session: Session, path: Path, columns: list[Column] | None = None) -> pd.DataFrame:
    source = open_files(session, [path], path.name)
    return fetch_frame(session, read_table(session, source, columns or WANTED))


def refused(session: Session, path: Path, columns: list[Column] | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        read(session, path, columns)
    assert caught.value.file == path.name
    return caught.value


def test_a_windows_file_with_mark_blank_lines_and_padding_is_read(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'\xef\xbb\xbfaccount_id, as_of ,nps\r\n 007 ,2024-01-31, 5 \r\n\r\n"0,8",2024-02-29T23:00:00,NA\r\n'
    )
    found = read(session, path)
    assert found["account_id"].tolist() == ["007", "0,8"]
    assert found["as_of"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-31", "2024-02-29"]
    assert found["nps"].iloc[0] == 5.0
    assert np.isnan(found["nps"].iloc[1])


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_other_separators_are_recognised(session: Session, tmp_path: Path, mark: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("account_id,as_of,nps\n1,2024-01-31,5\n".replace(",", mark))
    assert read(session, path)["nps"].tolist() == [5.0]


def test_a_compressed_file_and_a_glob_of_files_are_read(session: Session, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv.gz", tmp_path / "b.csv"
    with gzip.open(first, "wt") as stream:
        stream.write("account_id,as_of,nps\n1,2024-01-31,5\n")
    second.write_text("nps,as_of,account_id\n6,2024-01-31,2\n")
    source = open_files(session, [first, second], "*.csv*")
    assert fetch_frame(session, read_table(session, source, WANTED))["nps"].tolist() == [5.0, 6.0]


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("n/a", "'n/a' is not a number. Write an empty cell for a missing value, or add 'n/a' to data.missing_values."),
        ('"1,234"', "'1,234' is not a number. Write 1234, without thousands separators."),
        ('"1,2345"', "Write 1.2345, with a decimal point."),
        ("45 %", "Write 45 without the sign"),
        ("$12", "without the currency sign"),
        ("1_000", "Write 1000, without underscores."),
        ("inf", "'inf' is not a number"),
        ("nan", "'nan' is not a number"),
        ("yes", 'normalise = { kind = "boolean" }'),
    ],
)
def test_text_in_a_number_column_is_named_with_its_line(session: Session, tmp_path: Path, cell: str, says: str) -> None:
    path = tmp_path / "snapshots.csv"
    path.write_text(f'account_id,as_of,nps\n"two\nlines",2024-01-31,\n\n2,2024-01-31,{cell}\n3,2024-01-31,x\n')
    error = refused(session, path)
    assert (error.row, error.column) == (5, "nps")
    assert says in str(error)


@pytest.mark.parametrize("cell", ["31/01/2024", "2024-02-30", "9999-12-31", "1899-12-30", "yesterday", ""])
def test_a_date_that_is_none_is_named(session: Session, tmp_path: Path, cell: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"account_id,as_of,nps\n1,2024-01-31,5\n2,{cell},5\n")
    error = refused(session, path)
    assert (error.row, error.column) == (3, "as_of")
    assert "not a date" in error.message
    assert "2024-01-31" in str(error.fix)


def test_a_time_with_an_offset_is_taken_to_utc_before_the_day_is_cut(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("account_id,as_of,nps\n1,2024-01-31T23:30:00-05:00,5\n2,2024-01-31T23:30:00Z,5\n")
    assert read(session, path)["as_of"].dt.strftime("%m-%d").tolist() == ["02-01", "01-31"]


def test_a_missing_account_id_is_named(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("account_id,as_of,nps\n  ,2024-01-31,5\n")
    assert (refused(session, path).row, refused(session, path).column) == (2, "account_id")


def test_a_misspelt_column_is_found_by_the_nearest_name(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("acount_id,as_of,nps\n")
    assert "Did you mean 'acount_id'?" in str(refused(session, path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"\x89PNG\r\n\x00\x1a", "not UTF-8 text"),
        ("account_id,as_of,größe\n".encode("latin-1"), "not UTF-8 text"),
        (b"a,b,a\n", "two columns are named 'a'"),
        (b"a,,b\n", "column 2 has no name"),
    ],
)
def test_files_without_a_usable_header_are_refused(session: Session, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert says in str(refused(session, path))


@pytest.mark.parametrize(
    ("line", "row", "says"),
    [
        ("1,2024-01-31", 3, "the line has 2 cells, the header has 3"),
        ('1,2024-01-31,"5', 3, "quote is opened and never closed"),
        ("1,2024-01-31,5,6", 3, "the header has 3"),
    ],
)
def test_a_broken_line_is_named(session: Session, tmp_path: Path, line: str, row: int, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"account_id,as_of,nps\n1,2024-01-31,5\n{line}\n")
    error = refused(session, path)
    assert says in str(error)
    assert error.row == row


def test_a_line_in_another_encoding_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    body = b"account_id,as_of,nps\n" + b"1,2024-01-31,5\n" * 80_000 + "gr\u00f6\u00dfe,2024-01-31,5\n".encode("latin-1")
    path.write_bytes(body)
    assert "UTF-8" in str(refused(session, path))


def test_a_cut_off_archive_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"account_id,as_of,nps\n" * 100)[:30])
    assert "cannot be read" in str(refused(session, path))


def test_parquet_keeps_its_types_and_ids_stay_text(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame(
        {
            "account_id": [1.0, 23.0],
            "as_of": pd.to_datetime(["2024-01-31 10:00", "2024-02-29 00:00"]),
            "nps": [np.inf, 4.0],
            "flag": [True, False],
        }
    ).to_parquet(path)
    found = read(session, path, [*WANTED, Column("flag", "boolean", "flag"), Column("flag", "text", "words")])
    assert found["account_id"].tolist() == ["1", "23"]
    assert found["nps"].isna().tolist() == [True, False]
    assert found["flag"].tolist() == [1.0, 0.0]
    assert found["words"].tolist() == ["true", "false"]


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("as_of", [5], "the column holds BIGINT values; each cell must be a date"),
        ("nps", [pd.Timestamp("2024-01-31")], "each cell must be a number"),
        ("nps", [[1, 2]], "each cell must be a number"),
        ("nps", ["many"], "'many' is not a number"),
        ("account_id", [np.nan], "an empty cell is not an account id"),
        ("as_of", [pd.Timestamp("1900-01-01")], "is not a date between"),
        ("as_of", [pd.NaT], "an empty cell is not a date"),
    ],
)
def test_parquet_columns_of_another_type_are_refused(
    session: Session, tmp_path: Path, column: str, values: list[object], says: str
) -> None:
    path = tmp_path / "a.parquet"
    frame = {"account_id": ["1"], "as_of": [pd.Timestamp("2024-01-31")], "nps": [1.0], column: values}
    pd.DataFrame(frame).to_parquet(path)
    assert says in str(refused(session, path))


def test_numbers_that_are_no_flags_are_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"flag": [0, 1, 2]}).to_parquet(path)
    error = refused(session, path, [Column("flag", "boolean", "flag")])
    assert "'2' is not yes or no" in str(error)
    assert error.row == 3


def test_words_for_yes_and_no_become_one_and_zero(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("flag,word\nYes,x\nno,\nT,y\n0,\n")
    found = read(session, path, [Column("flag", "boolean", "flag"), Column("word", "text", "word")])
    assert found["flag"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert found["word"].isna().tolist() == [False, True, False, True]


def test_an_absent_optional_column_is_empty(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("account_id\n1\n")
    wanted = [Column("account_id", "id", "id"), Column("x", "number", "x", required=False)]
    assert read(session, path, wanted)["x"].isna().all()


def test_hostile_column_names_are_only_names(session: Session, tmp_path: Path) -> None:
    name = 'x"; DROP TABLE y; --'
    for path in (tmp_path / "it's.csv", tmp_path / "it's.parquet"):
        frame = pd.DataFrame({name: ["1.5"], name.lower(): ["2.5"]} if path.suffix == ".csv" else {name: ["1.5"]})
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
        assert read(session, path, [Column(name, "number", name)])[name].tolist() == [1.5]


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet"])
def test_files_of_other_formats_are_refused(session: Session, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04")
    assert refused(session, path).fix is not None


def test_formats_may_not_be_mixed(session: Session, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mixes CSV and Parquet"):
        open_files(session, [tmp_path / "a.csv", tmp_path / "a.parquet"], "a.*")


def test_the_bad_cell_of_a_later_file_is_named_by_that_file(session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("account_id,as_of,nps\n1,2024-01-31,5\n")
    (tmp_path / "b.csv").write_text("account_id,as_of,nps\n1,2024-01-31,5\n1,2024-01-31,?\n")
    source = open_files(session, sorted(tmp_path.glob("*.csv")), "*.csv")
    with pytest.raises(InputError, match=r"b.csv, row 3, column nps: '\?' is not a number"):
        read_table(session, source, WANTED)


@pytest.mark.postgres
def test_a_query_on_postgresql_is_read_only(session: Session, tmp_path: Path) -> None:
    address = os.environ.get("CHURNBENCH_TEST_POSTGRES")
    if not address:
        pytest.skip("set CHURNBENCH_TEST_POSTGRES to a postgresql:// address")
    sql = "SELECT '007' AS account_id, DATE '2024-01-31' AS as_of, NULL AS nps UNION ALL SELECT '8', '2024-02-01', 5"
    found = read(session, run_query(session, address, sql, root=tmp_path, label="q"))
    assert found["account_id"].tolist() == ["007", "8"]
    assert found["nps"].isna().tolist() == [True, False]
    writing = "WITH gone AS (DELETE FROM pg_description RETURNING 1) SELECT * FROM gone"
    with pytest.raises(InputError, match=r"read-only|DML WITH is not allowed"):
        run_query(session, address, writing, root=tmp_path, label="q")


def test_queries_on_sqlite_and_duckdb_give_strictly_typed_tables(session: Session, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT '007' AS account_id, DATE '2024-01-31' AS as_of, 5 AS nps")
    lite = sqlite3.connect(tmp_path / "l.db")
    lite.execute("CREATE TABLE t (account_id TEXT, as_of TEXT, nps REAL)")
    lite.execute("INSERT INTO t VALUES ('007', '2024-01-31', 5), ('008', '2024-01-31', NULL)")
    lite.commit()
    lite.close()
    for database, rows in (("d.duckdb", 1), ("duckdb:d.duckdb", 1), ("sqlite:l.db", 2), ("sqlite://l.db", 2)):
        path = run_query(session, database, "SELECT * FROM t ORDER BY account_id;", root=tmp_path, label="query")
        found = read(session, path)
        assert found["account_id"].tolist()[0] == "007"
        assert found["nps"].tolist()[0] == 5.0
        assert len(found) == rows


@pytest.mark.parametrize("database", ["d.duckdb", "sqlite:l.db"])
@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM t", "exactly one SELECT"),
        ("SELECT 1; DROP TABLE t", "exactly one SELECT"),
        ("SELEC 1", "SELECT|not valid SQL"),
        ("SELECT (1", "not valid SQL"),
        ("SELECT * FROM nothing_there", "the database says"),
    ],
)
def test_a_query_only_reads(session: Session, tmp_path: Path, database: str, sql: str, says: str) -> None:
    duckdb.connect(str(tmp_path / "d.duckdb")).close()
    sqlite3.connect(tmp_path / "l.db").close()
    (tmp_path / "l.db").touch()
    with pytest.raises(InputError, match=says):
        run_query(session, database, sql, root=tmp_path, label="query of data.snapshots")


def test_secrets_come_from_the_environment_only(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="a password stands in the project file") as caught:
        run_query(session, "postgresql://me:s3cret@localhost/x", "SELECT 1", root=tmp_path, label="q")
    assert "s3cret" not in str(caught.value)
    address = "postgresql://me:${CHURNBENCH_TEST_SECRET}@127.0.0.1:1/x?connect_timeout=2"
    monkeypatch.delenv("CHURNBENCH_TEST_SECRET", raising=False)
    with pytest.raises(InputError, match="CHURNBENCH_TEST_SECRET is not set"):
        run_query(session, address, "SELECT 1", root=tmp_path, label="q")
    monkeypatch.setenv("CHURNBENCH_TEST_SECRET", "p@ss/w0rd")
    with pytest.raises(InputError, match="the database says") as caught:
        run_query(session, address, "SELECT 1", root=tmp_path, label="q")
    assert "w0rd" not in str(caught.value)


def test_a_missing_database_file_is_named(session: Session, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no database file 'gone.duckdb'"):
        run_query(session, "gone.duckdb", "SELECT 1", root=tmp_path, label="q")
