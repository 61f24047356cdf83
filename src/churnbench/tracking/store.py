"""Where runs are kept: tracking addresses, and a store whose folder was moved.

MLflow writes absolute artifact locations into its database. A project folder that is moved or copied would
then point at files that are no longer there, so each experiment carries a tag with the artifact root it was
made under, and `relocate` rewrites the old root when the store is opened somewhere else.
"""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from churnbench.domain.errors import InputError
from churnbench.tracking.retry import reason_of

DEFAULT_URI = "sqlite:///mlruns/mlflow.db"
ROOT_TAG = "churnbench.artifact_root"
SQLITE = "sqlite:///"

#: Tables and columns of MLflow's database that hold artifact locations.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
DATABASES = ("postgresql", "mysql", "mssql")
SERVERS = ("http", "https")
OTHERS = ("databricks", "databricks-uc")


@dataclass(frozen=True)
class Store:
    """A resolved tracking address.

    Attributes:
        uri: what MLflow is given; SQLite paths are absolute.
        database: the SQLite file, or None for a server.
        artifacts: local artifact root, or None when the server decides.
    """

    uri: str
    database: Path | None
    artifacts: Path | None


def resolve(uri: str, root: Path) -> Store:
    """Turn the address in the project file into one that MLflow can use from any working directory.

    A relative SQLite path counts from `root` (the project's folder), never from the working directory, so
    that the same project always finds the same runs.

    Args:
        uri: any MLflow tracking address, e.g. `sqlite:///mlruns/mlflow.db` or `https://mlflow.acme.example`.
        root: folder of the project file.

    Raises:
        InputError: for a bare path, a `file:` address or an unknown scheme.

    >>> resolve("sqlite:///mlruns/mlflow.db", Path("/srv/acme")).uri
    'sqlite:////srv/acme/mlruns/mlflow.db'
    """
    if uri.startswith(SQLITE):
        path = Path(uri.removeprefix(SQLITE))
        database = path if path.is_absolute() else (root.absolute() / path)
        return Store(f"{SQLITE}{database}", database, database.parent / "artifacts")
    scheme = urlsplit(uri).scheme.split("+")[0]
    if scheme in DATABASES:
        return Store(uri, None, root.absolute() / "mlruns" / "artifacts")
    if scheme in SERVERS or uri in OTHERS or scheme in OTHERS:
        return Store(uri, None, None)
    raise InputError(
        f"'{redact(uri)}' is not a tracking address that works with this MLflow (its file store is switched off).",
        file="churnbench.toml",
        column="tracking.uri",
        fix=f'Write "{DEFAULT_URI}", or the address of your MLflow server.',
    )


def redact(uri: str) -> str:
    """An address without its user name and password.

    >>> redact("postgresql://ann:secret@db.example/ml")
    'postgresql://...@db.example/ml'
    """
    return re.sub(r"//[^/@]*@", "//...@", uri)


def require_reachable(store: Store, timeout: float = 3.0) -> None:
    """Refuse a server that does not answer, before any work is done.

    MLflow's own retries would hang for minutes.

    Raises:
        InputError: when nothing listens at the address.
    """
    parts = urlsplit(store.uri)
    if parts.scheme not in SERVERS or parts.hostname is None:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=timeout).close()
    except OSError as error:
        raise unusable(store.uri, error) from error


def unusable(uri: str, error: BaseException) -> InputError:
    """The error for a store that cannot be opened."""
    reason = redact(reason_of(error))[:300].rstrip(".")
    return InputError(
        f"the MLflow store {redact(uri)} cannot be used: {reason}.",
        file="churnbench.toml",
        column="tracking.uri",
        fix=(
            "Start the server, or move a damaged mlflow.db aside, or set tracking.uri to "
            f'"{DEFAULT_URI}"; nothing was computed yet.'
        ),
    )


def require_existing(store: Store) -> None:
    """Refuse a local store that nobody has made yet; a release follows reviews, it does not begin a store.

    Raises:
        InputError: when the database is absent or empty.
    """
    if store.database is not None and not (store.database.is_file() and store.database.stat().st_size):
        raise InputError(
            f"there is no MLflow store at {store.database} yet, and a release does not make one.",
            column="--tracking",
            fix="Name the store that holds the review's runs (tracking.uri of the project), or leave --tracking out.",
        )


def prepare_folders(store: Store) -> None:
    """Create the folders of a local store.

    Raises:
        InputError: when they cannot be written.
    """
    if store.artifacts is None:
        return
    try:
        store.artifacts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(store.uri, error) from error


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """Hold every other process back that wants to open the same SQLite store.

    MLflow's own lock does not keep two first uses from creating its tables at the same time. The lock is an
    exclusive transaction on a small database beside the store: the same on every system, and a process that
    dies lets go of it.
    """
    if store.database is None:
        yield
        return
    lock = store.database.with_name(f"{store.database.name}.opening")
    with closing(sqlite3.connect(lock, timeout=120.0, isolation_level=None)) as link:
        link.execute("BEGIN EXCLUSIVE")
        yield


def relocate(store: Store) -> int:
    """Rewrite artifact locations of a SQLite store that was moved or copied here.

    Returns:
        Number of rewritten locations; 0 when the store has not moved.
    """
    if store.database is None or store.artifacts is None or not store.database.exists():
        return 0
    here = store.artifacts
    with closing(sqlite3.connect(store.database, timeout=20.0, isolation_level=None)) as link:
        if "experiment_tags" not in _tables(link):
            return 0
        moved = [old for old in _recorded_roots(link) if old != str(here)]
        if not moved:
            return 0
        # Another process may be doing the same at this moment: look again under the write lock.
        link.execute("BEGIN IMMEDIATE")
        changed = sum(_rewrite(link, old, here) for old in _recorded_roots(link) if old != str(here))
        link.execute("COMMIT")
    return changed


def _tables(link: sqlite3.Connection) -> set[str]:
    return {row[0] for row in link.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _recorded_roots(link: sqlite3.Connection) -> list[str]:
    rows = link.execute("SELECT DISTINCT value FROM experiment_tags WHERE key = ?", (ROOT_TAG,))
    return [row[0] for row in rows]


def _rewrite(link: sqlite3.Connection, old: str, here: Path) -> int:
    tables = _tables(link)
    changed = 0
    # MLflow keeps both spellings: plain paths for its default experiment, file: addresses for ours.
    for before, after in ((old, str(here)), (Path(old).as_uri(), here.as_uri())):
        for table, column in LOCATIONS:
            if table not in tables:
                continue
            sql = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
            cursor = link.execute(sql, (after, len(before) + 1, len(before) + 1, before + "/"))
            changed += cursor.rowcount
    link.execute("UPDATE experiment_tags SET value = ? WHERE key = ? AND value = ?", (str(here), ROOT_TAG, old))
    return changed
