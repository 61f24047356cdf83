"""Scores accounts over HTTP with the active weight config of a release folder. A reference, to be adapted.

    pip install churnbench-scorer starlette uvicorn
    python service.py --models models --config acme             # 127.0.0.1:8377
    python service.py --models models --config acme --trusted-keys trusted_keys.json    # needs cryptography, too

    POST /score   {"accounts": [{"account_id": "a1", "inputs": {"logins_30d": 4, "nps": null}}]}
    GET  /health  which config is active, since when, and why a newer one was refused

It reads `MODELS/CONFIG/current`, the pointer that `churnbench promote` and `churnbench rollback` swap, twice a
second. A new config is loaded beside the old one (hashes, golden vectors, expiry, sequence) and takes its place in
one assignment; a refused one changes nothing but /health. The active one is loaded again every hour, so that a config
stops scoring once it has expired. With --trusted-keys a config without a signature by one of these keys is refused,
also when the list is empty; a change of the list is noticed like one of the pointer, a list that cannot be read stops
no config that it has let in. A request is scored by one config from beginning to end. Nothing here needs more of
churnbench than the scorer, which stands on the standard library.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import churnbench_scorer

MOST_BYTES = 1_000_000
MOST_ACCOUNTS = 2_000
#: The active config is loaded again after so long, to notice that it has expired.
AGAIN_SECONDS = 3600.0


class RequestError(ValueError):
    """A request that cannot be answered: what to tell the caller, and the HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Active:
    """A loaded config, the pointer that named it, and the trusted keys (None without a list) that let it in."""

    scorer: churnbench_scorer.Scorer
    pointer: str
    keys: bytes | None
    since: str


class KeysError(ValueError):
    """A list of trusted keys that is none: no new config is let in by it, and none is put out."""


class ActiveConfig:
    """The config that a release folder's pointer names.

    Attributes:
        active: what to score with; None before a first config could be loaded, and after one has expired.
        trouble: why the newest pointer was not followed; None when it was.
    """

    def __init__(self, folder: Path, trusted_keys: Path | None = None) -> None:
        self._folder, self._trusted_keys = folder, trusted_keys
        self._loaded_at = 0.0
        self.active: Active | None = None
        self.trouble: str | None = None
        self.refresh()

    def refresh(self) -> None:
        """Follow the pointer when it has changed; keep the present config when the new one is refused.

        Whatever goes wrong is told as trouble: the next call must come.
        """
        pointer = ""
        try:
            pointer = (self._folder / "current").read_text(encoding="utf-8")
            keys = None if self._trusted_keys is None else _bytes_of_keys(self._trusted_keys)
            same = self.active and pointer == self.active.pointer and keys == self.active.keys
            if same and monotonic() - self._loaded_at < AGAIN_SECONDS:
                self.trouble = None
                return
            self.active, self._loaded_at, self.trouble = self._load(pointer, keys), monotonic(), None
        except Exception as error:  # noqa: BLE001 - files that others write can be wrong in every way
            self.trouble = f"{type(error).__name__}: {error}"
            # Not a refused newcomer: the active one has expired, or its key is trusted no more.
            if self.active and pointer == self.active.pointer and not isinstance(error, KeysError):
                self.active = None

    def _load(self, pointer: str, keys: bytes | None) -> Active:
        named = json.loads(pointer)
        file = self._folder / Path(str(named["file"])).name
        text = file.read_bytes()
        before = None if self.active is None else self.active.scorer.sequence
        scorer = churnbench_scorer.load(text, active_sequence=before)
        if json.loads(text)["integrity"]["sha256"] != named["sha256"]:  # load has checked it against the content
            raise ValueError(f"{named['file']} is not the file that the pointer names")
        if keys is not None:
            check_signature(json.loads(text), file.with_suffix(".sig.json"), read_keys(keys))
        return Active(scorer, pointer, keys, datetime.now(UTC).isoformat(timespec="seconds"))


def _bytes_of_keys(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise KeysError(f"the trusted keys cannot be read: {error}") from None


def read_keys(data: bytes) -> dict[str, dict[str, Any]]:
    """Trusted keys by id, which is derived from the public half; a revoked one stays listed and counts no more.

    Raises:
        KeysError: for anything else, so that a slip in the file lets nothing in.
    """
    try:
        keys = json.loads(data)
        for key_id, key in keys.items():
            public = base64.b64decode(key["public_key"], validate=True)
            if len(public) != 32 or key_id != f"ed25519-{sha256(public).hexdigest()[:16]}":
                raise ValueError(f"{key_id!r} is not the id of a public key of 32 bytes")
            if key.get("revoked") is not None:
                datetime.fromisoformat(key["revoked"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KeysError(f"the trusted keys are faulty ({type(error).__name__}: {error})") from None
    return keys


def check_signature(document: dict[str, Any], signature_file: Path, trusted: dict[str, dict[str, Any]]) -> None:
    """Refuse a config that none of the trusted keys has signed.

    Raises:
        ValueError: no signature, an unknown or revoked key, or a signature that does not fit.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not signature_file.exists():
        raise ValueError("the config is not signed, and a signature by a trusted key is required")
    signature = json.loads(signature_file.read_bytes())
    key = trusted.get(signature["key_id"])
    if key is None or key.get("revoked") is not None:
        raise ValueError(f"the key {signature['key_id']} that signed the config is not trusted")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"]))
    try:
        public.verify(base64.b64decode(signature["signature"]), churnbench_scorer.canonical(document))
    except InvalidSignature:
        raise ValueError(f"the signature by {signature['key_id']} does not fit the config") from None


class Answer(JSONResponse):
    """JSON in ASCII: text that UTF-8 cannot hold, in a refusal say, is escaped and does not end the answer."""

    def render(self, content: Any) -> bytes:
        """The content as bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


async def score(request: Request) -> Answer:
    """Score some accounts with one config."""
    config: ActiveConfig = request.app.state.config
    active = config.active
    try:
        accounts = _accounts(await _body(request))
        if active is None:
            raise RequestError(f"no config is active: {config.trouble}", status=503)
    except RequestError as refusal:
        return Answer({"error": str(refusal)}, status_code=refusal.status)
    results = await run_in_threadpool(_score_all, active.scorer, accounts)
    head = {"config_version": active.scorer.config_version, "body_sha256": active.scorer.body_sha256}
    return Answer({**head, "results": results})


async def health(request: Request) -> Answer:
    """Version and hash of the active config; 503 when there is none."""
    config: ActiveConfig = request.app.state.config
    active = config.active
    if active is None:
        return Answer({"ok": False, "trouble": config.trouble}, status_code=503)
    scorer = active.scorer
    return Answer(
        {
            "ok": config.trouble is None,
            "trouble": config.trouble,
            "config_id": scorer.config_id,
            "config_version": scorer.config_version,
            "sequence": scorer.sequence,
            "body_sha256": scorer.body_sha256,
            "since": active.since,
            "warnings": list(scorer.warnings),
        }
    )


async def _body(request: Request) -> bytes:
    """The request's body, never more of it in memory than is allowed."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise RequestError(f"more than {MOST_BYTES:,} bytes; send fewer accounts at a time.", status=413)
        parts.append(part)
    return b"".join(parts)


def _accounts(body: bytes) -> list[dict[str, Any]]:
    try:
        accounts = json.loads(body, parse_constant=_no_constant)["accounts"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RequestError('expected JSON {"accounts": [{"account_id": ..., "inputs": {...}}, ...]}.') from None
    if not isinstance(accounts, list) or len(accounts) > MOST_ACCOUNTS:
        raise RequestError(f"expected a list of at most {MOST_ACCOUNTS:,} accounts.")
    for position, account in enumerate(accounts):
        if not (isinstance(account, dict) and "account_id" in account and isinstance(account.get("inputs"), dict)):
            raise RequestError(f"accounts[{position}]: expected an object with account_id and inputs.")
        if not _is_id(account["account_id"]):
            raise RequestError(f"accounts[{position}]: expected account_id to be text in Unicode or a whole number.")
    return accounts


def _is_id(value: object) -> bool:
    """Text or a whole number: what comes back must be what was sent. Half a surrogate pair is no text."""
    if isinstance(value, str):
        return not any("\ud800" <= sign <= "\udfff" for sign in value)
    return isinstance(value, int) and not isinstance(value, bool)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; write null for a missing value")


def _score_all(scorer: churnbench_scorer.Scorer, accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One result per account; an account whose inputs are refused says why and does not stop the others."""
    results = []
    for account in accounts:
        try:
            result: dict[str, Any] = scorer.score(account["inputs"]).as_dict()
        except churnbench_scorer.InputRefused as refusal:
            result = {"error": str(refusal)}
        results.append({"account_id": account["account_id"], **result})
    return results


def make_app(folder: Path, trusted_keys: Path | None = None, every_seconds: float = 0.5) -> Starlette:
    """The service for one release folder, e.g. `models/acme`."""
    config = ActiveConfig(folder, trusted_keys)

    @asynccontextmanager
    async def watching(_: Starlette) -> AsyncIterator[None]:
        async def watch() -> None:
            while True:
                await asyncio.sleep(every_seconds)
                await run_in_threadpool(config.refresh)

        task = asyncio.create_task(watch())
        yield
        task.cancel()

    app = Starlette(routes=[Route("/score", score, methods=["POST"]), Route("/health", health)], lifespan=watching)
    app.state.config = config
    return app


def main() -> None:
    """Serve on loopback; put a proxy with authentication in front of anything else."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="release folder")
    parser.add_argument("--config", required=True, help="config id, a folder in it")
    parser.add_argument("--trusted-keys", type=Path, help="refuse configs that none of these keys has signed")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8377)
    options = parser.parse_args()
    app = make_app(options.models / options.config, options.trusted_keys)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
