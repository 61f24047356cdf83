"""One DuckDB connection per review: limited memory, spilling into a folder of its own, times in UTC."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import duckdb


def quiet(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep DuckDB from drawing a progress bar on stdout, where results go.

    In a notebook without ipywidgets it refuses to hear of the setting and draws none.
    """
    with suppress(duckdb.InvalidInputException):
        connection.execute("SET enable_progress_bar = false")


class Session:
    """An in-memory DuckDB with a temporary folder; both are gone after `close`.

    Args:
        memory_limit: as DuckDB writes it, e.g. "2GB"; beyond it work spills to disk.
        threads: number of threads; None leaves it to DuckDB.

    >>> with Session() as session:
    ...     session.connection.execute("SELECT 1 + 1").fetchall()
    [(2,)]
    """

    def __init__(self, *, memory_limit: str = "2GB", threads: int | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="churnbench-"))
        # A notebook that never closes its session still leaves no folder behind.
        self._cleanup = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.connection = duckdb.connect(
            config={"memory_limit": memory_limit, "temp_directory": str(self.folder / "spill")}
        )
        quiet(self.connection)
        # Days are cut in UTC whatever the machine's zone, so that the same data give the same features
        # anywhere.
        self.connection.execute("SET TimeZone = 'UTC'")
        if threads is not None:
            self.connection.execute(f"SET threads = {int(threads)}")
        self._names = itertools.count(1)

    def fresh_name(self, prefix: str) -> str:
        """A table name not used before in this session."""
        return f"{prefix}_{next(self._names)}"

    def close(self) -> None:
        """Close the connection and delete the folder."""
        self.connection.close()
        self._cleanup()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
