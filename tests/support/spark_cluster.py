"""A real Spark standalone cluster on loopback for the tests: one master, two workers, one session for the whole run."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

WORKERS = 2
HOST = "127.0.0.1"
_PATIENCE = 180.0
#: The session and its cluster, while they live.
_OPEN: list[tuple[Any, Cluster]] = []


def absent_parts() -> str | None:
    """What is missing for a cluster, and how to have it; None when everything is there."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: pip install -r requirements-spark.lock"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "Spark needs Java 17: on Debian, apt-get install openjdk-17-jre-headless"
    return None


def started() -> Any:
    """The session of this process; raises where a part is absent."""
    absent = absent_parts()
    if absent:
        raise RuntimeError(absent)
    return _session()


def session() -> Any:
    """The session of this test run; skips the test without pyspark or Java."""
    absent = absent_parts()
    if absent:
        pytest.skip(absent)
    return _session()


@lru_cache(maxsize=1)
def _session() -> Any:
    """Started on first use; ends with `close`, at the latest when the process does."""
    cluster = start_cluster()
    os.environ.update(
        SPARK_LOCAL_IP=HOST, PYSPARK_PYTHON=sys.executable
    )  # the setting spark.pyspark.python is not read here
    try:
        opened = open_session(cluster)
    except BaseException:
        cluster.stop()
        raise
    _OPEN.append((opened, cluster))
    atexit.register(close)
    return opened


def open_session(cluster: Cluster) -> Any:
    """The driver in this process; an odd time zone, which must change nothing."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.driver.memory": "1g",
        "spark.executor.memory": "640m",
        "spark.executor.cores": "1",
        "spark.cores.max": str(WORKERS),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",  # planning anew after each of many small stages takes long
        "spark.sql.session.timeZone": "America/New_York",
        "spark.sql.warehouse.dir": str(cluster.folder / "warehouse"),
    }
    builder = SparkSession.builder.master(cluster.url).appName("churnbench-tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # pyspark on pandas 3
        opened = builder.getOrCreate()
    opened.sparkContext.setLogLevel("ERROR")
    return opened


def close() -> None:
    """Stop the session, the JVM behind it, and the cluster."""
    while _OPEN:
        opened, cluster = _OPEN.pop()
        gateway = opened.sparkContext._gateway
        try:
            opened.stop()
            gateway.shutdown()
        finally:
            gateway.proc.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                gateway.proc.wait(20)
            gateway.proc.kill()
            gateway.proc.wait()
            cluster.stop()
    _session.cache_clear()


class Cluster:
    """Processes of one cluster; `stop` ends them for certain."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.processes: list[subprocess.Popen[bytes]] = []

    def launch(self, *arguments: str) -> None:
        """One Spark daemon in a process group of its own, with its log in the cluster's folder."""
        log = (self.folder / f"daemon{len(self.processes)}.log").open("wb")
        # Where the system has it: the daemon dies with us even when we are killed without a word.
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        with log:
            process = subprocess.Popen(
                [*guard, str(spark_home() / "bin" / "spark-class"), *arguments],
                env=daemon_environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )
        self.processes.append(process)

    def logs(self) -> str:
        """The end of every daemon's log."""
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        """Ask, wait, then kill; executors live in their worker's process group."""
        for kind, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
            for process in reversed(self.processes):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, kind)
            for process in self.processes:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(patience)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_cluster() -> Cluster:
    """A master and two workers of one core and one gigabyte each, everything on loopback, at free ports."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="churnbench-spark-")))
    atexit.register(cluster.stop)
    try:
        port, page = free_ports(2)
        cluster.url = f"spark://{HOST}:{port}"
        deploy = "org.apache.spark.deploy"
        cluster.launch(f"{deploy}.master.Master", "--host", HOST, "--port", str(port), "--webui-port", str(page))
        for number in range(WORKERS):
            work = str(cluster.folder / f"work{number}")
            limits = ["--cores", "1", "--memory", "1g", "--work-dir", work]
            cluster.launch(f"{deploy}.worker.Worker", "--host", HOST, "--webui-port", "0", *limits, cluster.url)
        wait_for_workers(cluster, page)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def wait_for_workers(cluster: Cluster, page: int) -> None:
    """Until the master counts every worker."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in cluster.processes):
            break
        status = f"http://{HOST}:{page}/json/"
        with suppress(OSError, ValueError), urllib.request.urlopen(status, timeout=2) as answer:
            if json.load(answer).get("aliveworkers") == WORKERS:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the Spark cluster did not start within {_PATIENCE:.0f} s:\n{cluster.logs()}")


def spark_home() -> Path:
    """Where pyspark keeps its jars and `spark-class`."""
    found = importlib.util.find_spec("pyspark")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def daemon_environment(folder: Path) -> dict[str, str]:
    """No PYTHONPATH, so that workers know only what is installed or shipped to them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("SPARK_")}
    return {
        **kept,
        "SPARK_HOME": str(spark_home()),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        "OMP_NUM_THREADS": "1",
    }


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    with bound_sockets(count) as sockets:
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def bound_sockets(count: int) -> Iterator[list[socket.socket]]:
    """Sockets bound to loopback."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        yield sockets
    finally:
        for each in sockets:
            each.close()
