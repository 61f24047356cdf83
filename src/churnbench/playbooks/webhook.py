"""Alerts to a webhook: at least once, never again once acknowledged, with patience towards servers that fail."""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from churnbench.playbooks.actions import Record
from churnbench.playbooks.journal import Journal, alone
from churnbench.playbooks.secrets import checked_headers, checked_url, filled_in, shown_url

#: Client errors that a later attempt may mend.
_TRY_AGAIN = frozenset({408, 429})
_LONGEST_WAIT = 60.0
#: After so many alerts in a row that nobody took, the other side is down, and the others wait for the next delivery.
GIVE_UP_AFTER = 3
_MAX_ANSWER = 65_536


@dataclass(frozen=True)
class Patience:
    """How often and how long to try; the clock comes in from outside.

    Attributes:
        attempts: at most so many per alert.
        timeout: seconds to wait for one answer.
        base: seconds before the second attempt; each later wait may be twice as long, up to a minute.
        sleep: waits that many seconds.
        jitter: a random share of 1, so that many senders do not come back at the same moment.
        clock: seconds since the epoch, to read a Retry-After that is a date.
    """

    attempts: int = 5
    timeout: float = 10.0
    base: float = 1.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time


@dataclass
class Delivered:
    """What became of a delivery.

    Attributes:
        acknowledged, already: alerts taken now, and those that an earlier delivery had brought.
        refused: alert -> status of a client error that no repetition mends.
        failed: alert -> what the last attempt met; they are sent again next time.
    """

    acknowledged: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    """What one attempt met: an HTTP status, or 0 and the kind of failure."""

    status: int
    what: str
    retry_after: str | None = None

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def final(self) -> bool:
        """Whether trying again is pointless: client errors, and redirects, which would lead the alert elsewhere."""
        return 300 <= self.status < 500 and self.status not in _TRY_AGAIN


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET and carry the secrets to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def deliver(
    records: Sequence[Record],
    url: str,
    folder: Path,
    *,
    headers: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> Delivered:
    """Send every alert as one POST of JSON, with `Idempotency-Key: <alert id>`.

    Whatever was acknowledged (2xx) is in `deliveries.jsonl` before the next one is sent, so a restart sends none of it
    again; an alert whose acknowledgement was lost is sent again under the same key. When `GIVE_UP_AFTER` alerts in a
    row have failed in all their attempts, the others are not tried: thousands of them would take hours.

    Args:
        records: from `records_of`.
        url: address, with `${NAME}` for secrets.
        folder: of the delivery log.
        headers: further headers, with `${NAME}` for secrets.
        patience: attempts and waits.

    Returns:
        What became of each alert.

    Raises:
        InputError: for an address or header that cannot be used, or an environment variable that is not set.
    """
    patience = patience or Patience()
    ready = {name: filled_in(value) for name, value in checked_headers(headers or {}).items()}
    address = filled_in(checked_url(url), url=True)
    where = shown_url(url)
    journal, done = Journal(folder / "deliveries.jsonl"), Delivered()
    opener = urllib.request.build_opener(_NoRedirect)
    with alone(folder):
        acknowledged = {
            event["alert_id"] for event in journal.read() if event["status"] == "acknowledged" and event["to"] == where
        }
        in_a_row = 0
        for record in records:
            name = record["alert_id"]
            if name in acknowledged:
                done.already.append(name)
                continue
            if in_a_row == GIVE_UP_AFTER:
                done.failed[name] = "not tried"
                continue
            request = _request(address, record, ready)
            answer, attempts = _sent(opener, request, patience)
            status = "acknowledged" if answer.taken else "refused" if answer.final else "failed"
            event = {"alert_id": name, "to": where, "status": status, "answer": answer.what, "attempts": attempts}
            journal.append([event])
            in_a_row = 0 if answer.taken or answer.final else in_a_row + 1
            if answer.taken:
                acknowledged.add(name)
                done.acknowledged.append(name)
            else:
                (done.refused if answer.final else done.failed)[name] = answer.what
    return done


def _request(address: str, record: Record, headers: Mapping[str, str]) -> urllib.request.Request:
    body = json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
    fixed = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": record["alert_id"]}
    # checked_url admits http and https only, before and after variables are filled in.
    return urllib.request.Request(checked_scheme(address), data=body, headers={**headers, **fixed}, method="POST")  # noqa: S310


def checked_scheme(address: str) -> str:
    """The address, if it is http or https once variables are filled in; its text is not shown."""
    if not address.lower().startswith(("http://", "https://")):
        checked_url("x:")  # raises in the usual words, without the address
    return address


def _sent(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, patience: Patience
) -> tuple[_Answer, int]:
    """Try until the alert is taken, refused for good, or patience is at its end."""
    attempt = 1
    while True:
        answer = _once(opener, request, patience.timeout)
        if answer.taken or answer.final or attempt >= patience.attempts:
            return answer, attempt
        patience.sleep(_pause(answer, attempt, patience))
        attempt += 1


def _pause(answer: _Answer, attempt: int, patience: Patience) -> float:
    """Seconds until the next attempt: doubled each time, half of it random; never before the server asked for it."""
    longest = min(_LONGEST_WAIT, patience.base * 2.0 ** (attempt - 1))
    asked = _asked(answer.retry_after, patience.clock())
    return min(_LONGEST_WAIT, max(asked, longest / 2 + patience.jitter() * longest / 2))


def _asked(header: str | None, now: float) -> float:
    """Seconds that a Retry-After asks for, as a number or a date; 0 without one that can be read."""
    if header is None:
        return 0.0
    if header.isascii() and header.strip().isdigit():
        return float(header.strip())
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - now)
    except (TypeError, ValueError):
        return 0.0


def _once(opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout: float) -> _Answer:
    """One attempt; no message repeats what was sent, for it may hold secrets."""
    try:
        with opener.open(request, timeout=timeout) as response:
            response.read(_MAX_ANSWER)
            return _Answer(response.status, f"HTTP {response.status}")
    except urllib.error.HTTPError as error:
        with error:
            return _Answer(error.code, f"HTTP {error.code}", error.headers.get("Retry-After"))
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        return _Answer(0, type(cause).__name__ if isinstance(cause, BaseException) else "URLError")
