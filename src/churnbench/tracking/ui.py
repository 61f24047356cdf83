"""The command behind `churnbench ui`."""

from __future__ import annotations

import sys
from pathlib import Path

from churnbench.domain.errors import InputError
from churnbench.tracking.quiet import prepare_environment
from churnbench.tracking.store import SERVERS, prepare_folders, relocate, resolve

HOST = "127.0.0.1"


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
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri]
    if store.artifacts is not None:
        command += ["--default-artifact-root", store.artifacts.as_uri()]
    return [*command, "--host", HOST, "--port", str(port), "--workers", "1"]
