"""Landing tables as loaders leave them, in any database a project may name, and the metrics of a mapping over them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from churnbench.data.project import load_project
from churnbench.data.session import Session
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec
from churnbench.features import features_at, open_facts
from churnbench.sources import Asked, asked_for, dialect_of, snippet
from churnbench.sources.snippet import Target

#: Landing table -> (columns, rows); every cell is text, a number or None, and the loader's type is the engine's affair.
Tables = Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]]
DIMENSIONS = ("usage", "engagement", "sentiment", "support", "financial", "growth")


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _kind(values: Sequence[Any]) -> str:
    if any(isinstance(one, bool) for one in values):
        return "BOOLEAN"
    if any(isinstance(one, str) for one in values) or all(one is None for one in values):
        return "TEXT"
    return "DOUBLE PRECISION" if any(isinstance(one, float) for one in values) else "BIGINT"


def statements(schema: str, tables: Tables) -> Iterator[tuple[str, list[Sequence[Any]], str]]:
    """Per table: how it is made, its rows, and how a row goes in (with ? for each cell)."""
    for table, (columns, rows) in tables.items():
        kinds = [_kind([row[k] for row in rows]) for k in range(len(columns))]
        where = f"{_name(schema)}.{_name(table)}" if schema else _name(table)
        made = ", ".join(f"{_name(column)} {kind}" for column, kind in zip(columns, kinds, strict=True))
        yield (
            f"CREATE TABLE {where} ({made})",
            list(rows),
            f"INSERT INTO {where} VALUES ({', '.join('?' * len(columns))})",
        )


def in_duckdb(path: Path, schema: str, tables: Tables) -> str:
    """Write the tables into a new DuckDB file."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        if schema:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(schema)}")
        for made, rows, insert in statements(schema, tables):
            connection.execute(made)
            if rows:
                connection.executemany(insert, rows)
    return path.name


def in_sqlite(path: Path, schema: str, tables: Tables) -> str:
    """Write the tables into a new SQLite file, which has no schemas."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for made, rows, insert in statements("", tables):
        connection.execute(made)
        connection.executemany(insert, rows)
    connection.commit()
    connection.close()
    return f"sqlite:{path.name}"


def in_postgres(address: str, schema: str, tables: Tables) -> str:
    """Write the tables into a schema of a server, replacing it."""
    import psycopg

    with psycopg.connect(address) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {_name(schema)} CASCADE".encode())
        connection.execute(f"CREATE SCHEMA {_name(schema)}".encode())
        for made, rows, insert in statements(schema, tables):
            connection.execute(made.encode())
            for row in rows:
                connection.execute(insert.replace("?", "%s").encode(), row)
    return address


def uncommented(text: str) -> str:
    """The snippet with every metric that it offers as a comment declared."""
    blocks = text.split("\n\n")
    return "\n\n".join(_plain(block) if "# [[formula.metrics]]" in block else block for block in blocks)


def _plain(block: str) -> str:
    start = block.index("# [[formula.metrics]]")
    return block[:start] + "\n".join(line.removeprefix("# ") for line in block[start:].splitlines())


def write_project(folder: Path, database: str, asked: Asked, *, optional: Sequence[str] = (), head: str = "") -> None:
    """A project with every metric of a mapping."""
    target = Target(FormulaSpec(tuple(DimensionSpec(one, 1.0) for one in DIMENSIONS), ()), {})
    lines = uncommented(snippet(asked, target, optional=optional))
    used = [one for one in DIMENSIONS if f'dimension = "{one}"' in lines]
    dimensions = "".join(f'[[formula.dimensions]]\nid = "{one}"\nweight = 1\n' for one in used)
    text = f'[project]\nname = "landing"\n[data]\noutcomes = "outcomes.csv"\n{head}database = "{database}"\n'
    (folder / "churnbench.toml").write_text(f'{text}[formula]\npreset = "none"\n{dimensions}\n{lines}', "utf-8")
    (folder / "outcomes.csv").write_text("account_id,churned_on\n", "utf-8")


@contextmanager
def landed(
    folder: Path, source: str, tables: Tables, *, database: str | None = None, **choices: Any
) -> Iterator[tuple[Asked, str]]:
    """The mapping and the address of a database with the tables; DuckDB unless one is given ("sqlite", an address)."""
    schema = choices.pop("schema", "land")
    if database is None:
        address = in_duckdb(folder / "book.duckdb", schema, tables)
    elif database == "sqlite":
        address, schema = in_sqlite(folder / "book.db", "", tables), ""
    else:
        address = in_postgres(database, schema, tables)
    yield asked_for(source, dialect_of(address), schema=schema, **choices), address


def metrics_on(
    folder: Path,
    source: str,
    tables: Tables,
    days: Sequence[str],
    accounts: Sequence[str],
    *,
    optional: Sequence[str] = (),
    database: str | None = None,
    **choices: Any,
) -> pd.DataFrame:
    """Every metric of a mapping on some days: index (account_id, as_of as text), one column per metric."""
    with landed(folder, source, tables, database=database, **choices) as (asked, address):
        write_project(folder, address, asked, optional=optional)
    with Session(memory_limit="500MB", threads=1) as session:
        project = load_project(folder)
        facts = open_facts(session, project)
        ids = pd.DataFrame({"account_id": list(accounts)})
        found = features_at(facts, ids, [pd.Timestamp(day) for day in days], project.declared.computed)
    found["as_of"] = found["as_of"].dt.strftime("%Y-%m-%d")
    return found.set_index(["account_id", "as_of"])
