"""Keeps a PostgreSQL view on the active weight config of a release folder. A reference, to be adapted.

    pip install "churnbench[postgres]"
    CHURNBENCH_POSTGRES=postgresql://me@127.0.0.1/cs python swap_view.py --models models --config acme --table accounts

Meant for a scheduler, e.g. `*/5 * * * *`; it does nothing while the view is on the active config. Otherwise, in one
transaction: the emitted query becomes the view `<view>_<sequence>`; the config's golden vectors go through that very
query, in this server; and only when every one comes out exactly does `<view>` begin to read from it. Readers see the
old scores or the new, never a mixture, and never an error. The views of earlier sequences stay until somebody drops
them; after a rollback `<view>` reads from a new one with the old formula.

Exit code 0: on the active config; 2: refused, nothing has changed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from churnbench.domain.errors import ChurnbenchError
from churnbench.export import Document, checked_scorer, to_sql
from churnbench.export.sql import RESULT_COLUMNS
from churnbench.release import active
from churnbench_scorer.golden import decode

#: Two runs at once take turns.
_LOCK = 771_004
#: PostgreSQL cuts longer names, so that a view would be made and not be found.
_NAME_BYTES = 63
_TYPES = {"category": "text"}


def swap(dsn: str, document: Document, *, table: str, view: str) -> bool:
    """Put a view on a config.

    Returns:
        Whether anything changed.

    Raises:
        ChurnbenchError: when the view's name is too long or empty, or a golden vector comes out differently in this
            server; nothing has changed then.
    """
    scorer = checked_scorer(document)
    _check_name(view, scorer.sequence)
    stamp = f"churnbench {scorer.config_id} {scorer.config_version} {document['integrity']['sha256']}"
    columns = sql.SQL(", ").join(map(sql.Identifier, RESULT_COLUMNS))
    versioned = sql.Identifier(f"{view}_{scorer.sequence}")
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if _comment(cursor, view) == stamp:
            return False
        _replay(cursor, document, scorer.inputs)
        query = sql.SQL(to_sql(document, "postgres", table))  # type: ignore[arg-type]
        cursor.execute(sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(versioned, query))
        stamps = sql.SQL("{}::text AS config_version, {}::text AS body_sha256").format(
            sql.Literal(scorer.config_version), sql.Literal(scorer.body_sha256)
        )
        cursor.execute(
            sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {}, {} FROM {}").format(
                sql.Identifier(view), columns, stamps, versioned
            )
        )
        cursor.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(sql.Identifier(view), sql.Literal(stamp)))
    return True


def _check_name(view: str, sequence: int) -> None:
    longest = len(f"{view}_{sequence}".encode())
    if not view or "\x00" in view or longest > _NAME_BYTES:
        raise ChurnbenchError(
            f"the view {view!r} would have {longest} bytes with its sequence _{sequence}; 1 to {_NAME_BYTES} were "
            "expected, which PostgreSQL does not cut. Choose a shorter --view."
        )


def _comment(cursor: psycopg.Cursor[Any], view: str) -> str | None:
    cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [f'"{view.replace(chr(34), chr(34) * 2)}"'])
    row = cursor.fetchone()
    return None if row is None else row[0]


def _replay(cursor: psycopg.Cursor[Any], document: Document, inputs: dict[str, str]) -> None:
    """Score the golden vectors with the query in this server and compare without tolerance."""
    named = list(inputs.items())
    columns = [sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(_TYPES.get(k, "double precision"))) for n, k in named]
    cursor.execute(
        sql.SQL("CREATE TEMP TABLE churnbench_golden (account_id bigint, {}) ON COMMIT DROP").format(
            sql.SQL(", ").join(columns)
        )
    )
    with cursor.copy("COPY churnbench_golden FROM STDIN") as copy:
        for number, vector in enumerate(document["golden"]):
            row = decode(vector["in"], inputs)
            copy.write_row([number, *(_cell(row.get(name)) for name, _ in named)])
    cursor.execute(to_sql(document, "postgres", "churnbench_golden"))  # type: ignore[arg-type]
    found = {row[0]: row[1:] for row in cursor.fetchall()}
    for number, vector in enumerate(document["golden"]):
        out = vector["out"]
        wanted = (out["score"], out["band"], out["coverage"], out.get("churn_probability"))
        if found[number][:4] != wanted:
            raise ChurnbenchError(f"golden vector {number}: {found[number][:4]} arrived, {wanted} was expected.")


def _cell(value: object) -> object:
    return float(value) if isinstance(value, bool) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the release folder's pointer once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="release folder")
    parser.add_argument("--config", required=True, help="config id, a folder in it")
    parser.add_argument("--table", required=True, help="table with account_id and one column per input")
    parser.add_argument("--view", default="account_health")
    options = parser.parse_args(arguments)
    dsn = os.environ.get("CHURNBENCH_POSTGRES", "")
    try:
        if not dsn:
            raise ChurnbenchError("CHURNBENCH_POSTGRES is not set; give it a postgresql:// address.")
        document, pointer = active(options.models, options.config)
        changed = swap(dsn, document, table=options.table, view=options.view)
    except (ChurnbenchError, psycopg.Error) as error:
        sys.stderr.write(f"swap_view: nothing has changed: {str(error).strip()}\n")
        return 2
    state = "now on" if changed else "stays on"
    sys.stdout.write(f"{options.view} {state} {options.config} {pointer.version}, sequence {pointer.sequence}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
