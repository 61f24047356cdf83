"""Days of a small book for tests of the score history."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from formula_worlds import small_body

from churnbench.export import build_document
from churnbench.history import ScoreStore, open_store, score_day

FIRST = date(2026, 1, 1)


def config(body: dict[str, Any] | None = None, *, version: str = "1.0.0", sequence: int = 1) -> dict[str, Any]:
    """A document around a body."""
    return build_document(
        body or small_body(),
        config_id="core",
        config_version=version,
        sequence=sequence,
        lifecycle={"created": "2025-12-01"},
    )


def inputs(day: int = 0, accounts: int = 12, **columns: Any) -> pd.DataFrame:
    """Inputs of the small body on a day; the same day gives the same values."""
    rng = np.random.default_rng(day)
    made = {
        "account_id": [f"A{k:02d}" for k in range(accounts)],
        "logins_30d": rng.integers(0, 12, accounts).astype(float),
        "active_seats": rng.integers(0, 11, accounts).astype(float),
        "bought_seats": np.full(accounts, 10.0),
        "has_sponsor": rng.integers(0, 2, accounts).astype(float),
        "plan": rng.choice(["gold", "silver", "other"], accounts),
        "segment": rng.choice(["Enterprise", "SMB"], accounts),
        "arr": np.arange(1, accounts + 1) * 100.0,
        "csm": ["ada" if k % 2 else None for k in range(accounts)],
        "days_to_renewal": np.full(accounts, 30.0),
    }
    frame = pd.DataFrame(made)
    frame.loc[rng.random(accounts) < 0.2, "logins_30d"] = np.nan
    return frame.assign(**columns)


def day_of(number: int) -> date:
    """The n-th day of the tests."""
    return FIRST + timedelta(days=number)


def append_days(store: ScoreStore, document: dict[str, Any], days: range, accounts: int = 12) -> None:
    """Score and append days, each on its own day."""
    for number in days:
        on = day_of(number)
        readings = score_day(document, inputs(number, accounts), on, state=store.state(on))
        store.append(document, readings, today=on)


@contextmanager
def scratch_postgres() -> Iterator[str]:
    """The address of a schema of one's own on the test server, gone afterwards; skips without a server."""
    server = os.environ.get("CHURNBENCH_TEST_POSTGRES")
    if not server:
        pytest.skip("set CHURNBENCH_TEST_POSTGRES to a postgresql:// address")
    import psycopg

    name = f"history_{os.getpid()}_{os.urandom(4).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
        try:
            yield f"{server}?options=-csearch_path%3D{name}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[ScoreStore]:
    """A fresh store of a kind: "folder" or "postgres"."""
    if kind == "folder":
        with open_store(folder / "history", patience=0.2) as store:
            yield store
        return
    with scratch_postgres() as address, open_store(address, patience=0.2) as store:
        yield store
