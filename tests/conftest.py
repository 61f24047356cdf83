"""Rules for the whole test suite."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MPLBACKEND", "Agg")

if "PYTEST_XDIST_WORKER" in os.environ and "CHURNBENCH_TEST_POSTGRES" in os.environ:
    # Tests on several processes (-n 2) each have a database of their own, named like the process: gw0, gw1.
    _server = os.environ["CHURNBENCH_TEST_POSTGRES"].rpartition("/")[0]
    os.environ["CHURNBENCH_TEST_POSTGRES"] = f"{_server}/{os.environ['PYTEST_XDIST_WORKER']}"


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """The session of one standalone cluster on loopback for the whole run, with churnbench shipped to its workers."""
    import spark_cluster

    from churnbench.export.spark import ship

    opened = spark_cluster.session()
    ship(opened)
    yield opened
    spark_cluster.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one for the whole run: playwright runs once in a process. Skips where either is absent."""
    import browsing

    with browsing.chromium() as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where every real part is installed (CHURNBENCH_NO_SKIPS=1), a skipped test is a failed one."""
    report = yield
    if os.environ.get("CHURNBENCH_NO_SKIPS") == "1" and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where nothing may be: {report.longrepr}"
    return report
