"""Ed25519 keys of releases: made once, the private half readable by its owner alone.

A key's id is derived from its public half, so that a list of trusted keys cannot give one key the name of another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from churnbench.domain.errors import InputError
from churnbench.export.files import pretty, read_document

#: Names the file of trusted keys where none is given.
TRUSTED_KEYS_VARIABLE = "CHURNBENCH_TRUSTED_KEYS"
_OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO
_PUBLIC_LENGTH = 32


@dataclass(frozen=True)
class TrustedKey:
    """A public key that a reader accepts.

    Attributes:
        key_id: derived from the public key.
        public: the key, 32 bytes.
        owner: whose it is.
        added: date it was put on the list.
        revoked: date from which nothing signed with it counts any more, whatever date the signature bears.
    """

    key_id: str
    public: bytes
    owner: str
    added: str
    revoked: str | None = None


@dataclass(frozen=True)
class SigningKey:
    """A private key with its id; never printed.

    Attributes:
        key_id: derived from the public half.
        private: signs.
    """

    key_id: str
    private: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True)
class NewKey:
    """What `new_key` left behind.

    Attributes:
        key_id: derived from the public half.
        private_file: mode 0600.
        public_file: an entry for `trusted_keys.json`, itself a valid such file.
    """

    key_id: str
    private_file: Path
    public_file: Path


def new_key(path: str | Path, owner: str, *, now: datetime | None = None) -> NewKey:
    """Make a key pair.

    Args:
        path: file of the private key (PEM, PKCS 8); must not exist. The public half goes beside it, `<path>.pub.json`.
        owner: person or service that will sign.
        now: moment for the record; default: the clock.

    Raises:
        InputError: when either file exists or cannot be written, or the owner is blank.
    """
    private_file = Path(path)
    public_file = private_file.with_name(private_file.name + ".pub.json")
    if not owner.strip():
        raise InputError("the key has no owner.", column="--owner", fix="Name the person or service that will sign.")
    for file in (private_file, public_file):
        if file.exists():
            raise InputError("the file exists; a key is never overwritten.", file=str(file), fix="Name a new file.")
    private = Ed25519PrivateKey.generate()
    public = _raw(private.public_key())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    added = (now or datetime.now(UTC)).date().isoformat()
    entry = {"public_key": base64.b64encode(public).decode(), "owner": owner.strip(), "added": added}
    try:
        private_file.parent.mkdir(parents=True, exist_ok=True)
        _write_new(private_file, pem, 0o600)
        _write_new(public_file, (pretty({key_id_of(public): entry}) + "\n").encode(), 0o644)
    except OSError as error:
        raise InputError(
            f"the key cannot be written: {error.strerror}.", file=str(path), fix="Choose another --out."
        ) from None
    return NewKey(key_id_of(public), private_file, public_file)


def read_signing_key(path: str | Path) -> SigningKey:
    """Read a private key.

    Raises:
        InputError: when it cannot be read, others can read it too, or it is not an unencrypted ed25519 key.
    """
    file = Path(path)
    try:
        mode = file.stat().st_mode
        pem = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"the key cannot be read: {error.strerror}.", file=str(file), fix="Check --key, or make one: keys new."
        ) from None
    if mode & _OTHERS_MAY:
        raise InputError(
            f"the private key has mode {stat.S_IMODE(mode):04o}; only its owner may read it.",
            file=str(file),
            fix="Run chmod 600 on it; if others could have read it, revoke it and make a new one.",
        )
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(
            "this is not an unencrypted ed25519 key in PEM form.", file=str(file), fix="Make one: churnbench keys new."
        )
    return SigningKey(key_id_of(_raw(private.public_key())), private)


def read_trusted_keys(path: str | Path | None = None) -> dict[str, TrustedKey]:
    """Read the keys a reader accepts.

    Args:
        path: `trusted_keys.json`; default: the file that the environment variable CHURNBENCH_TRUSTED_KEYS names.

    Returns:
        Key id -> key, revoked ones included; empty when no file is named at all, or the one that is named lists none
            (see `keys_are_named`).

    Raises:
        InputError: for an unreadable file, a faulty entry, or an id that does not belong to its key.
    """
    named = path if path is not None else os.environ.get(TRUSTED_KEYS_VARIABLE)
    if not named:
        return {}
    entries = read_document(named)
    return {key_id: _trusted(key_id, entry, str(named)) for key_id, entry in entries.items()}


def keys_are_named() -> bool:
    """Whether the environment names a file of trusted keys: signatures are required then, whatever the file holds."""
    return bool(os.environ.get(TRUSTED_KEYS_VARIABLE))


def key_id_of(public: bytes) -> str:
    """The id of a public key (32 bytes): the first 16 hex digits of its sha256."""
    return f"ed25519-{hashlib.sha256(public).hexdigest()[:16]}"


def _trusted(key_id: str, entry: Any, file: str) -> TrustedKey:
    known = {"public_key", "owner", "added", "revoked"}
    if not isinstance(entry, Mapping) or set(entry) - known or {"public_key", "owner", "added"} - set(entry):
        raise InputError(
            f"key {key_id!r} has other fields than public_key, owner, added and revoked.",
            file=file,
            fix="Copy the entry from the .pub.json file beside the private key.",
        )
    try:
        public = base64.b64decode(entry["public_key"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        public = b""
    if len(public) != _PUBLIC_LENGTH:
        raise InputError(
            f"key {key_id!r}: public_key is not 32 bytes in base64.", file=file, fix="Copy the .pub.json file again."
        )
    if key_id_of(public) != key_id:
        raise InputError(
            f"key id mismatch: {key_id!r} is not the id of its key, which is {key_id_of(public)!r}.",
            file=file,
            fix="Copy the .pub.json file again; an id cannot be chosen.",
        )
    revoked = entry.get("revoked")
    if revoked is not None and not _is_day(revoked):
        raise InputError(
            f"key {key_id!r}: revoked is {revoked!r}, which is no date.",
            file=file,
            fix="Write the date as in 2026-03-31, or leave the field out when the key still counts.",
        )
    return TrustedKey(key_id, public, str(entry["owner"]), str(entry["added"]), revoked)


def _is_day(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return False
    return True


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _write_new(file: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist; it has its mode from its first byte on."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
