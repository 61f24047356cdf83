"""The consumers in examples/ against real releases: over HTTP and as a view in PostgreSQL."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from examples.consumers.http_service.service import ActiveConfig, Answer
from formula_worlds import FULL_ROW
from release_worlds import WHO, candidate, moved_body, released

from churnbench.domain.errors import ChurnbenchError
from churnbench.export import ENGINES
from churnbench.release import Surroundings, active, new_key, read_signing_key, rollback

ROOT = Path(__file__).parents[2]
ACCOUNTS = [{"account_id": f"a{k}", "inputs": {**FULL_ROW, "logins_30d": k}} for k in range(20)]
Ask = Callable[..., tuple[int, dict[str, Any]]]


def released_now(models: Path, folder: Path, step: int, **around: Any) -> dict[str, Any]:
    """Release another formula; consumers look at the real clock."""
    now = datetime.now(UTC)
    lifecycle = {"created": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "review_by": None, "supersedes": None}
    document = candidate(moved_body(step), lifecycle=lifecycle)
    return released(models, folder / str(step), document, around={"now": now, **around}).document


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Ask]:
    """The service on a free port of loopback, with a first release."""
    released_now(tmp_path / "models", tmp_path / "runs", 0)
    with serving(tmp_path / "models") as ask:
        wait_for(lambda: answers(ask))
        yield ask


@contextmanager
def serving(models: Path, *options: str) -> Iterator[Ask]:
    """The service in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = ROOT / "examples" / "consumers" / "http_service" / "service.py"
    command = [sys.executable, str(script), "--models", str(models), "--config", "core", *options]
    process = subprocess.Popen([*command, "--port", str(port)])

    def ask(path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    try:
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def answers(ask: Ask) -> bool:
    try:
        return ask("/health")[0] == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def asked(accounts: list[dict[str, Any]]) -> bytes:
    return json.dumps({"accounts": accounts}).encode()


def test_the_service_scores_exactly_as_the_scorer_and_says_by_which_config(service: Ask, tmp_path: Path) -> None:
    document, pointer = active(tmp_path / "models", "core")
    status, health = service("/health")
    assert (status, health["ok"], health["sequence"]) == (200, True, pointer.sequence)
    status, answer = service("/score", asked(ACCOUNTS))
    assert (status, answer["body_sha256"]) == (200, health["body_sha256"])
    wanted = ENGINES["python"](document, [account["inputs"] for account in ACCOUNTS])
    assert [one["health_score_x100"] for one in answer["results"]] == [one["score"] for one in wanted]
    assert [one["contributions"] for one in answer["results"]] == [one["contributions"] for one in wanted]


def test_the_service_swaps_configs_under_load_and_scores_each_request_with_one(service: Ask, tmp_path: Path) -> None:
    seen: list[tuple[int, dict[str, Any]]] = []
    stop = threading.Event()

    def hammer() -> None:
        while not stop.is_set():
            seen.append(service("/score", asked(ACCOUNTS)))

    thread = threading.Thread(target=hammer)
    thread.start()
    documents = [active(tmp_path / "models", "core")[0]]
    try:
        for step in (1, 2):
            documents.append(released_now(tmp_path / "models", tmp_path / "runs", step))
            wait_for(lambda: service("/health")[1]["body_sha256"] == documents[-1]["integrity"]["body_sha256"])
    finally:
        stop.set()
        thread.join()
    wanted = {
        document["integrity"]["body_sha256"]: [
            one["score"] for one in ENGINES["python"](document, [account["inputs"] for account in ACCOUNTS])
        ]
        for document in documents
    }
    assert {status for status, _ in seen} == {200}
    assert {answer["body_sha256"] for _, answer in seen} <= wanted.keys()
    for _, answer in seen:
        assert [one["health_score_x100"] for one in answer["results"]] == wanted[answer["body_sha256"]]


def test_the_service_keeps_its_config_when_the_pointer_names_a_damaged_one(service: Ask, tmp_path: Path) -> None:
    before = service("/health")[1]["body_sha256"]
    folder = tmp_path / "models" / "core"
    pointer = json.loads((folder / "current").read_text("utf-8"))
    damaged = (folder / pointer["file"]).read_text("utf-8").replace("6000", "6001", 1)
    (folder / "3-1.2.0-000000000000.json").write_text(damaged, encoding="utf-8")
    (folder / "next").write_text(json.dumps({**pointer, "file": "3-1.2.0-000000000000.json"}), encoding="utf-8")
    (folder / "next").replace(folder / "current")
    wait_for(lambda: not service("/health")[1]["ok"])
    status, health = service("/health")
    assert (status, health["body_sha256"]) == (200, before)
    assert "edited or damaged" in health["trouble"]
    assert service("/score", asked(ACCOUNTS))[1]["body_sha256"] == before


REFUSED = [
    (b"", 400, "expected JSON"),
    (b"[1]", 400, "expected JSON"),
    (b'{"accounts": [NaN]}', 400, "expected JSON"),
    (b'{"accounts": [{"account_id": 1}]}', 400, "accounts[0]"),
    (b'{"accounts": ' + b"[" * 100_000, 400, "expected JSON"),
    (asked([{"account_id": 1, "inputs": {}}] * 2_001), 400, "at most 2,000"),
    (b" " * 1_000_001, 413, "more than 1,000,000 bytes"),
]


def test_the_service_refuses_what_it_cannot_read_in_words(service: Ask) -> None:
    for body, status, words in REFUSED:
        found, answer = service("/score", body)
        assert (found, words in answer["error"]) == (status, True), body[:40]


def test_one_bad_account_does_not_stop_the_others(service: Ask) -> None:
    bad = [{"account_id": "x", "inputs": {"unknown": 1}}, {"account_id": "y", "inputs": {"logins_30d": "many"}}]
    results = service("/score", asked([*bad, *ACCOUNTS[:1]]))[1]["results"]
    assert "unknown input 'unknown'" in results[0]["error"]
    assert "'many' is not a number" in results[1]["error"]
    assert results[2]["band"] == "red"


def test_a_service_with_trusted_keys_follows_signed_configs_alone(tmp_path: Path) -> None:
    models, runs = tmp_path / "models", tmp_path / "runs"
    made, foreign = new_key(tmp_path / "k.pem", "Team"), new_key(tmp_path / "o.pem", "Other")
    signed = released_now(models, runs, 0, key=read_signing_key(made.private_file))
    with serving(models, "--trusted-keys", str(made.public_file)) as ask:
        wait_for(lambda: answers(ask))
        assert ask("/health")[1]["body_sha256"] == signed["integrity"]["body_sha256"]
        for step, around, words in (
            (1, {"key": read_signing_key(foreign.private_file)}, "is not trusted"),
            (2, {"unsigned": True}, "is not signed"),
        ):
            released_now(models, runs, step, **around)
            wait_for(lambda words=words: words in str(ask("/health")[1]["trouble"]))
            assert ask("/health")[1]["body_sha256"] == signed["integrity"]["body_sha256"]
        last = released_now(models, runs, 3, key=read_signing_key(made.private_file))
        wait_for(lambda: ask("/health")[1]["body_sha256"] == last["integrity"]["body_sha256"])
        assert ask("/health")[1]["ok"]


def signed_release(tmp_path: Path) -> tuple[ActiveConfig, Path, dict[str, Any]]:
    """The service's config with a signed release, its list of trusted keys, and what that holds."""
    made = new_key(tmp_path / "k.pem", "Team")
    trusted = made.public_file.rename(tmp_path / "trusted.json")
    released_now(tmp_path / "models", tmp_path / "runs", 0, key=read_signing_key(made.private_file))
    config = ActiveConfig(tmp_path / "models" / "core", trusted)
    assert config.trouble is None
    return config, trusted, json.loads(trusted.read_text("utf-8"))


def test_a_faulty_list_of_keys_is_trouble_lets_nothing_in_and_heals(tmp_path: Path) -> None:
    config, trusted, keys = signed_release(tmp_path)
    before, (key_id, key) = config.active, next(iter(keys.items()))
    faults = [[], [keys], 3, {key_id: []}, {key_id: {}}, {key_id: {**key, "public_key": 7}}, {"x": key}]
    faults += [{key_id: {**key, "revoked": ""}}, {key_id: {**key, "revoked": 1}}]
    for fault in [*map(json.dumps, faults), "", "{", "[" * 100_000]:
        trusted.write_text(fault, encoding="utf-8")
        config.refresh()
        assert "trusted keys are faulty" in str(config.trouble), fault[:40]
        assert config.active is before
    trusted.unlink()
    config.refresh()
    assert "trusted keys cannot be read" in str(config.trouble)
    released_now(tmp_path / "models", tmp_path / "runs", 1, key=read_signing_key(tmp_path / "k.pem"))
    trusted.write_text("[]", encoding="utf-8")
    config.refresh()
    assert config.active is before
    trusted.write_text(json.dumps(keys), encoding="utf-8")
    config.refresh()
    assert config.trouble is None
    assert config.active is not None
    assert before is not None
    assert config.active.scorer.sequence == before.scorer.sequence + 1


def test_a_list_without_the_key_or_with_the_key_revoked_puts_the_config_out(tmp_path: Path) -> None:
    config, trusted, keys = signed_release(tmp_path)
    key_id, key = next(iter(keys.items()))
    for content in ({}, {key_id: {**key, "revoked": "2026-01-01"}}):
        trusted.write_text(json.dumps(content), encoding="utf-8")
        config.refresh()
        assert config.active is None
        assert "is not trusted" in str(config.trouble)
        trusted.write_text(json.dumps(keys), encoding="utf-8")
        config.refresh()
        assert (config.trouble, config.active is None) == (None, False)


@pytest.mark.parametrize("fault", [AttributeError, RecursionError, MemoryError, UnicodeError, AssertionError])
def test_whatever_goes_wrong_while_following_the_pointer_is_trouble_and_the_next_look_comes(
    fault: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released_now(tmp_path / "models", tmp_path / "runs", 0)
    config = ActiveConfig(tmp_path / "models" / "core")
    released_now(tmp_path / "models", tmp_path / "runs", 1)

    def broken(*_: object) -> None:
        raise fault("odd \ud800")

    with monkeypatch.context() as patch:
        patch.setattr(ActiveConfig, "_load", broken)
        config.refresh()
    assert str(config.trouble).startswith(fault.__name__)
    assert config.active is not None
    assert json.loads(Answer({"trouble": config.trouble}).body)["trouble"] == config.trouble
    config.refresh()
    assert (config.trouble, config.active.scorer.sequence) == (None, 3)


@pytest.mark.parametrize("pointer", ["[]", "3", '{"file": 1}', "[" * 100_000, '{"file": {}, "sha256": []}', "null"])
def test_a_pointer_of_any_other_form_is_trouble(pointer: str, tmp_path: Path) -> None:
    released_now(tmp_path / "models", tmp_path / "runs", 0)
    config = ActiveConfig(tmp_path / "models" / "core")
    (tmp_path / "models" / "core" / "current").write_text(pointer, encoding="utf-8")
    config.refresh()
    assert config.trouble is not None
    assert config.active is not None


@pytest.mark.parametrize("account_id", ['"\\ud800"', "1e999", "1.5", "true", "null", "[]", '{"a": 1}'])
def test_an_account_id_that_could_not_come_back_as_it_was_sent_is_refused_in_words(
    service: Ask, account_id: str
) -> None:
    body = '{"accounts": [{"account_id": 1, "inputs": {}}, {"account_id": ' + account_id + ', "inputs": {}}]}'
    status, answer = service("/score", body.encode())
    assert (status, answer["error"]) == (
        400,
        "accounts[1]: expected account_id to be text in Unicode or a whole number.",
    )


def test_inputs_and_ids_at_the_edge_of_json_are_answered(service: Ask) -> None:
    body = b'{"accounts": [{"account_id": "\\ud83d\\ude00", "inputs": {"logins_30d": 1e999, "plan": "\\ud800"}}]}'
    status, answer = service("/score", body)
    assert (status, answer["results"][0]["account_id"]) == (200, "\U0001f600")
    body = b'{"accounts": [{"account_id": -3, "inputs": {"\\ud800": 1e999, "plan": 1e999}}]}'
    status, answer = service("/score", body)
    assert (status, "unknown input" in answer["results"][0]["error"]) == (200, True)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A schema of its own in the test server."""
    address = os.environ.get("CHURNBENCH_TEST_POSTGRES")
    if not address:
        pytest.skip("set CHURNBENCH_TEST_POSTGRES to a postgresql:// address")
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS consumer CASCADE")
        connection.execute("CREATE SCHEMA consumer")
        monkeypatch.setenv("CHURNBENCH_POSTGRES", address)
        monkeypatch.setenv("PGOPTIONS", "-c search_path=consumer")
        connection.execute("SET search_path = consumer")
        columns = ", ".join(
            f'"{n}" {"text" if isinstance(v, str) else "double precision"}' for n, v in FULL_ROW.items()
        )
        connection.execute(f"CREATE TABLE accounts (account_id text, {columns})")
        for account in ACCOUNTS:
            values = [
                account["account_id"],
                *(float(v) if isinstance(v, bool) else v for v in account["inputs"].values()),
            ]
            connection.execute(f"INSERT INTO accounts VALUES ({', '.join(['%s'] * len(values))})", values)
        yield connection
        connection.execute("DROP SCHEMA consumer CASCADE")


def scored(database: Any) -> tuple[set[str], list[int]]:
    rows = database.execute("SELECT body_sha256, health_score_x100 FROM account_health ORDER BY length(account_id), 2")
    found = rows.fetchall()
    return {row[0] for row in found}, sorted(row[1] for row in found)


def wanted_scores(document: dict[str, Any]) -> list[int]:
    return sorted(one["score"] for one in ENGINES["python"](document, [account["inputs"] for account in ACCOUNTS]))


@pytest.mark.postgres
def test_the_view_follows_releases_and_rollbacks(database: Any, tmp_path: Path, capsys: Any) -> None:
    from examples.consumers.postgresql import swap_view

    models = tmp_path / "models"
    call = ["--models", str(models), "--config", "core", "--table", "consumer.accounts"]
    first = released_now(models, tmp_path / "runs", 0)
    assert swap_view.main(call) == 0
    assert scored(database) == ({first["integrity"]["body_sha256"]}, wanted_scores(first))
    assert swap_view.main(call) == 0
    assert "stays on core" in capsys.readouterr().out
    second = released_now(models, tmp_path / "runs", 1)
    assert swap_view.main(call) == 0
    assert scored(database) == ({second["integrity"]["body_sha256"]}, wanted_scores(second))
    rollback(models, "core", **WHO, reason="Scores jumped on Monday", surroundings=Surroundings(now=datetime.now(UTC)))
    assert swap_view.main(call) == 0
    assert scored(database) == ({first["integrity"]["body_sha256"]}, wanted_scores(first))


@pytest.mark.postgres
def test_the_view_stays_when_a_golden_vector_differs_in_this_server(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from examples.consumers.postgresql import swap_view

    models = tmp_path / "models"
    call = ["--models", str(models), "--config", "core", "--table", "consumer.accounts"]
    first = released_now(models, tmp_path / "runs", 0)
    assert swap_view.main(call) == 0
    second = released_now(models, tmp_path / "runs", 1)
    wrong = swap_view.to_sql
    monkeypatch.setattr(swap_view, "to_sql", lambda *given: wrong(*given).replace("CAST('0.5'", "CAST('0.7'"))
    assert swap_view.main(call) == 2
    assert "nothing has changed: golden vector" in capsys.readouterr().err
    assert scored(database)[0] == {first["integrity"]["body_sha256"]} != {second["integrity"]["body_sha256"]}


@pytest.mark.postgres
def test_a_server_without_the_table_or_no_server_is_one_sentence(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from examples.consumers.postgresql import swap_view

    models = tmp_path / "models"
    released_now(models, tmp_path / "runs", 0)
    assert swap_view.main(["--models", str(models), "--config", "core", "--table", "nowhere"]) == 2
    assert 'relation "nowhere" does not exist' in capsys.readouterr().err
    assert swap_view.main(["--models", str(models), "--config", "absent", "--table", "nowhere"]) == 2
    assert "no config 'absent' is active" in capsys.readouterr().err
    monkeypatch.delenv("CHURNBENCH_POSTGRES")
    assert swap_view.main(["--models", str(models), "--config", "core", "--table", "nowhere"]) == 2
    assert "CHURNBENCH_POSTGRES is not set" in capsys.readouterr().err


@pytest.mark.parametrize("view", ["v" * 62, "", "ä" * 31, "a\x00b"])
def test_a_view_whose_name_the_server_would_cut_is_refused_before_it_is_asked(view: str, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    from examples.consumers.postgresql import swap_view

    document = released_now(tmp_path / "models", tmp_path / "runs", 0)
    with pytest.raises(ChurnbenchError, match=r"1 to 63 were expected.*Choose a shorter --view"):
        swap_view.swap("postgresql://nobody@127.0.0.1:9/none", document, table="accounts", view=view)


@pytest.mark.postgres
def test_the_longest_name_that_the_server_keeps_is_found_again(database: Any, tmp_path: Path, capsys: Any) -> None:
    from examples.consumers.postgresql import swap_view

    models, view = tmp_path / "models", "v" * 61
    released_now(models, tmp_path / "runs", 0)
    call = ["--models", str(models), "--config", "core", "--table", "consumer.accounts", "--view", view]
    assert swap_view.main(call) == 0
    assert database.execute(f"SELECT count(*) FROM {view}").fetchone() == (len(ACCOUNTS),)
    assert swap_view.main(call) == 0
    assert "stays on core" in capsys.readouterr().out
