"""Finds the files or the query behind a location of the project file."""

from __future__ import annotations

from pathlib import Path

from churnbench.data.database import run_query
from churnbench.data.hints import did_you_mean, listed
from churnbench.data.project import Project
from churnbench.data.readers import Source, open_files
from churnbench.data.sections import Location
from churnbench.data.session import Session
from churnbench.domain.errors import InputError


def open_location(session: Session, project: Project, location: Location, key: str) -> Source:
    """Open a table that the project names.

    Args:
        session: the DuckDB session.
        project: for the folder that paths start in, and the database.
        location: a path, a glob or a query.
        key: the key in the project file, e.g. "data.snapshots".

    Returns:
        The opened source.

    Raises:
        InputError: nothing there, a folder, an unreadable file, a query without a database or one that fails.
    """
    if location.path is not None:
        return open_files(session, _files(project, location.path, key), location.path)
    if project.data.database is None:
        raise InputError(
            "a query needs a database.",
            file=project.file,
            column=key,
            fix='Add database = "path.duckdb" (or "sqlite:path.db", "postgresql://...") under [data].',
        )
    label = f"query of {key}"
    path = run_query(session, project.data.database, str(location.sql), root=project.root, label=label)
    return open_files(session, [path], label)


def _files(project: Project, pattern: str, key: str) -> list[Path]:
    path = project.root / pattern
    if any(sign in pattern for sign in "*?["):
        anchor = Path(path.anchor)
        found = sorted(file for file in anchor.glob(str(path.relative_to(anchor))) if file.is_file())
        if found:
            return found
        raise InputError(f"no file matches '{pattern}'.", file=project.file, column=key, fix="Correct the pattern.")
    if path.is_dir():
        raise InputError(
            f"'{pattern}' is a folder.",
            file=project.file,
            column=key,
            fix=f'Write "{pattern.rstrip("/")}/*.parquet".',
        )
    if path.is_file():
        return [path]
    beside = sorted(file.name for file in path.parent.iterdir() if file.is_file()) if path.parent.is_dir() else []
    data = [name for name in beside if name.lower().endswith((".csv", ".gz", ".parquet", ".tsv", ".txt", ".pq"))]
    raise InputError(
        f"there is no file '{pattern}'; data files in that folder: {listed(data) or 'none'}.",
        file=project.file,
        column=key,
        fix=did_you_mean(path.name, data) or "Paths start at the folder of the project file.",
    )
