"""The command behind `churnbench ui`."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from churnbench.domain.errors import InputError
from churnbench.tracking.quiet import prepare_environment
from churnbench.tracking.signals import ending_raises
from churnbench.tracking.store import SERVERS, prepare_folders, redact, relocate, resolve

HOST = "127.0.0.1"


def shown_uri(uri: str, root: Path) -> str:
    """The store as a person would name it: the path of its file, or the address without a password."""
    store = resolve(uri, root)
    return redact(store.uri) if store.database is None else str(store.database)


def page_of(uri: str, root: Path, experiment: str | None, port: int) -> str:
    """Address of the list of reviews.

    MLflow's own front page opens on language models, three clicks away from the reviews.

    Args:
        uri: tracking address as in the project file.
        root: folder that a relative SQLite path counts from.
        experiment: name of the experiment; None for the one that was used last.
        port: of the server.

    Returns:
        The front page where the experiment cannot be told from here.
    """
    front, store = f"http://{HOST}:{port}", resolve(uri, root)
    number = None if store.database is None else _experiment_id(store.database, experiment)
    return front if number is None else f"{front}/#/experiments/{number}/runs?workflowType=machine_learning"


def _experiment_id(database: Path, name: str | None) -> int | None:
    asked = "lifecycle_stage = 'active' AND " + ("experiment_id <> 0" if name is None else "name = ?")
    newest = f"SELECT experiment_id FROM experiments WHERE {asked} ORDER BY last_update_time DESC LIMIT 1"
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=20.0)) as link:
            found = link.execute(newest, () if name is None else (name,)).fetchone()
    except sqlite3.Error:
        return None  # the server will say what is wrong with its store
    return None if found is None else int(found[0])


def require_free(port: int) -> None:
    """Refuse a port at which something listens already.

    Raises:
        InputError: when it is taken or may not be used.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        # As the server itself will: a port that was in use a moment ago is free.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError as error:
            raise InputError(
                f"port {port} on {HOST} cannot be used: {error.strerror or error}.",
                column="--port",
                fix=f"Stop what listens there, or name another, e.g. --port {port + 1 if port < 65535 else 5000}.",
            ) from None


def serve(argv: list[str]) -> int:
    """Run the server until it ends or somebody ends this process; it never outlives it.

    Returns:
        Its exit code; 0 when it was ended from here.
    """
    # Without it `python -m` would take modules from the working directory first, e.g. somebody's click.py.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    with ending_raises():
        server = subprocess.Popen(argv, env=environment)  # noqa: S603 - our own argument list
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait()


def ui_command(uri: str, root: Path | None = None, port: int = 5000) -> list[str]:
    """Arguments that start MLflow's pages on this machine only.

    The server answers anyone who can reach it, so it is bound to the loopback address.

    Args:
        uri: tracking address as in the project file.
        root: folder that a relative SQLite path counts from; the working directory when None.
        port: TCP port.

    Returns:
        argv for `subprocess.run`.

    Raises:
        InputError: when the address is a server already (open it in a browser), or no store is there yet.
    """
    store = resolve(uri, root if root is not None else Path.cwd())
    if store.uri.split(":")[0] in SERVERS:
        raise InputError(
            f"{uri} is an MLflow server already.",
            column="tracking.uri",
            fix="Open that address in a browser.",
        )
    if store.database is not None and not store.database.exists():
        raise InputError(
            "there are no runs yet.",
            file=str(store.database),
            fix="Run `churnbench run` or `churnbench demo` first.",
        )
    prepare_folders(store)
    relocate(store)
    prepare_environment()
    # Jobs are for language models and start processes of their own; a list of reviews needs none.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri]
    if store.artifacts is not None:
        command += ["--default-artifact-root", store.artifacts.as_uri()]
    return [*command, "--host", HOST, "--port", str(port), "--workers", "1"]
