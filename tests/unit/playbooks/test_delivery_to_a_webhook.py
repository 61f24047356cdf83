"""Alerts sent to a real server on this machine that fails in several ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from receiver import Answer, Receiver, dawdle, hang_up, receiving, status

from churnbench.domain.errors import InputError
from churnbench.playbooks import Patience, Record, deliver
from churnbench.playbooks.secrets import shown_url


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with receiving() as made:
        yield made


def alert(number: int) -> Record:
    return {"alert_id": f"al-{number:016x}", "account_id": "Zoë <b>", "tasks": []}


class Waits:
    """Notes how long it would have slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def patience(self, attempts: int = 4, *, jitter: float = 0.5, timeout: float = 5.0, now: float = 0.0) -> Patience:
        return Patience(attempts, timeout, 1.0, self.seconds.append, lambda: jitter, lambda: now)


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "deliveries.jsonl").read_text().splitlines()]


def test_each_alert_is_one_post_with_its_id_as_idempotency_key(receiver: Receiver, tmp_path: Path) -> None:
    done = deliver([alert(1), alert(2)], receiver.url, tmp_path, patience=Waits().patience())
    assert done.acknowledged == receiver.keys() == [alert(1)["alert_id"], alert(2)["alert_id"]]
    assert receiver.got[0][2] == alert(1)
    assert receiver.got[0][1]["Content-Type"].startswith("application/json")


def test_a_restart_sends_nothing_that_was_acknowledged(receiver: Receiver, tmp_path: Path) -> None:
    deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience())
    done = deliver([alert(1), alert(2)], receiver.url, tmp_path, patience=Waits().patience())
    assert (done.already, done.acknowledged) == ([alert(1)["alert_id"]], [alert(2)["alert_id"]])
    assert len(receiver.got) == 2


def test_another_address_has_acknowledged_nothing(receiver: Receiver, tmp_path: Path) -> None:
    deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience())
    assert deliver([alert(1)], f"{receiver.url}/other", tmp_path, patience=Waits().patience()).acknowledged


@pytest.mark.parametrize(
    "failure",
    [status(500), status(503), status(408), status(429), hang_up],
    ids=["500", "503", "408", "429", "hang up"],
)
def test_a_passing_failure_is_tried_again_under_the_same_key(
    receiver: Receiver, tmp_path: Path, failure: Answer
) -> None:
    receiver.answers = [failure, failure, status(204)]
    waits = Waits()
    done = deliver([alert(1)], receiver.url, tmp_path, patience=waits.patience())
    assert done.acknowledged == [alert(1)["alert_id"]]
    assert len(set(receiver.keys())) == 1
    assert waits.seconds == [0.75, 1.5]  # half of 1 and 2 seconds, and half of the other half by chance
    assert log(tmp_path)[-1]["attempts"] == 3


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 422])
def test_a_client_error_is_not_repeated_and_the_next_alert_is_still_sent(
    receiver: Receiver, tmp_path: Path, code: int
) -> None:
    receiver.answers = [status(code), status(200)]
    waits = Waits()
    done = deliver([alert(1), alert(2)], receiver.url, tmp_path, patience=waits.patience())
    assert done.refused == {alert(1)["alert_id"]: f"HTTP {code}"}
    assert done.acknowledged == [alert(2)["alert_id"]]
    assert waits.seconds == []


def test_a_redirect_is_not_followed_with_the_secrets(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [status(302, Location=f"{receiver.url}/elsewhere")]
    done = deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience())
    assert done.refused == {alert(1)["alert_id"]: "HTTP 302"}
    assert len(receiver.got) == 1


def test_patience_ends_and_the_alert_is_sent_next_time(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [status(500), status(500), status(200)]
    done = deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience(attempts=2))
    assert done.failed == {alert(1)["alert_id"]: "HTTP 500"}
    assert deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience()).acknowledged


def test_when_nobody_takes_three_alerts_in_a_row_the_others_wait_for_the_next_delivery(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [status(200), status(500)]
    waits = Waits()
    done = deliver([alert(k) for k in range(8)], receiver.url, tmp_path, patience=waits.patience(attempts=2))
    assert done.acknowledged == [alert(0)["alert_id"]]
    assert list(done.failed.values()) == ["HTTP 500"] * 3 + ["not tried"] * 4
    assert len(receiver.got) == 1 + 3 * 2
    receiver.answers = [status(200)]
    again = deliver([alert(k) for k in range(8)], receiver.url, tmp_path, patience=waits.patience())
    assert len(again.acknowledged) == 7


def test_alerts_that_are_refused_one_by_one_do_not_stop_the_others(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [*[status(422)] * 5, status(200)]
    done = deliver([alert(k) for k in range(6)], receiver.url, tmp_path, patience=Waits().patience())
    assert (len(done.refused), len(done.acknowledged)) == (5, 1)


def test_a_server_that_does_not_answer_in_time_or_is_not_there_counts_as_failed(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [dawdle]
    slow = deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience(attempts=1, timeout=0.05))
    assert slow.failed == {alert(1)["alert_id"]: "TimeoutError"}
    gone = deliver([alert(1)], "http://127.0.0.1:9/x", tmp_path, patience=Waits().patience(attempts=1))
    assert gone.failed == {alert(1)["alert_id"]: "ConnectionRefusedError"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:50 GMT", 10.0),
        ("99999999", 60.0),
        ("soon", 0.75),
        ("-5", 0.75),
        ("²", 0.75),
    ],
)
def test_the_server_may_ask_for_a_pause_but_not_for_ever(
    receiver: Receiver, tmp_path: Path, header: str, seconds: float
) -> None:
    receiver.answers = [status(429, Retry_After=header), status(200)]
    waits = Waits()
    deliver([alert(1)], receiver.url, tmp_path, patience=waits.patience(now=100.0))
    assert waits.seconds == [seconds]


def test_waits_grow_to_a_minute_and_chance_moves_them(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [status(500)]
    waits = Waits()
    deliver([alert(1)], receiver.url, tmp_path, patience=waits.patience(attempts=9, jitter=0.0))
    assert waits.seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_secrets_come_from_the_environment_and_are_written_nowhere(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "s3cr3t/äö")
    monkeypatch.setenv("HOOK_PATH", "p4th/x")
    headers = {"Authorization": "Bearer ${HOOK_TOKEN}".replace("${HOOK_TOKEN}", "${HOOK_PATH}")}
    done = deliver([alert(1)], receiver.url + "/${HOOK_TOKEN}?k=${HOOK_PATH}", tmp_path, headers=headers)
    assert done.acknowledged
    path, sent, _ = receiver.got[0]
    assert path == "/hook/s3cr3t%2F%C3%A4%C3%B6?k=p4th%2Fx"
    assert sent["Authorization"] == "Bearer p4th/x"
    written = (tmp_path / "deliveries.jsonl").read_text()
    assert "s3cr3t" not in written
    assert "p4th" not in written
    assert log(tmp_path)[0]["to"].endswith("/hook/${HOOK_TOKEN}")


def test_an_address_may_be_one_variable(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    assert deliver([alert(1)], "${HOOK}", tmp_path).acknowledged
    monkeypatch.setenv("HOOK", "file:///etc/passwd")
    with pytest.raises(InputError, match="only http"):
        deliver([alert(2)], "${HOOK}", tmp_path)


@pytest.mark.parametrize(
    ("url", "headers", "words"),
    [
        ("file:///etc/passwd", {}, "only http"),
        ("ftp://host/x", {}, "only http"),
        ("https://ada:pw@host/x", {}, "a secret stands in the address"),
        ("https://host/x?token=abc", {}, "a secret stands in the address"),
        ("https://host/${NOT_SET_HERE}", {}, "NOT_SET_HERE is not set"),
        ("https://host/x", {"Authorization": "Bearer abc"}, "holds a secret in plain text"),
        ("https://host/x", {"X-Api-Key": "abc"}, "holds a secret in plain text"),
        ("https://host/x", {"X-A": "a\r\nX-B: b"}, "cannot be sent as a header"),
    ],
)
def test_addresses_and_headers_that_must_not_be_used_are_refused(
    tmp_path: Path, url: str, headers: dict[str, str], words: str
) -> None:
    with pytest.raises(InputError) as refused:
        deliver([alert(1)], url, tmp_path, headers=headers)
    assert words in str(refused.value)
    assert "abc" not in str(refused.value)
    assert not (tmp_path / "deliveries.jsonl").exists()


def test_a_crash_after_the_answer_but_before_the_log_sends_again_under_the_same_key(
    receiver: Receiver, tmp_path: Path
) -> None:
    deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience())
    path = tmp_path / "deliveries.jsonl"
    path.write_bytes(path.read_bytes()[:-9])  # the line was being written when the power went
    deliver([alert(1)], receiver.url, tmp_path, patience=Waits().patience())
    assert receiver.keys() == [alert(1)["alert_id"]] * 2


def test_what_is_shown_of_an_address_holds_no_query() -> None:
    assert shown_url("https://host/x?k=${K}#f") == "https://host/x"
