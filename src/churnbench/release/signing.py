"""Detached ed25519 signatures over weight configs.

The hashes inside a config find corruption; whoever can edit the file can also make new hashes. A signature is over the
RFC 8785 form of the whole document, its `integrity` member included, and is checked against keys that live outside it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from churnbench.domain.errors import InputError
from churnbench.export import Document, read_document
from churnbench.release.keys import SigningKey, TrustedKey
from churnbench_scorer import canonical, document_sha256

FORMAT = "churnbench-signature"
ALGORITHM = "ed25519"
FIELDS = ("format", "key_id", "algorithm", "document_sha256", "signature", "signed_at")
_FETCH = "Take config and signature from the release again; if they still differ, do not use them."

Signature = dict[str, str]


def signature_path(config: str | Path) -> Path:
    """Where the signature of a config file lies: `core.json` -> `core.sig.json`."""
    path = Path(config)
    return path.with_name(re.sub(r"\.json$", "", path.name) + ".sig.json")


def sign(document: Document, key: SigningKey, *, now: datetime | None = None) -> Signature:
    """Sign a document.

    Args:
        document: a config document with its hashes set.
        key: from `read_signing_key`.
        now: moment for the record, not protected by the signature; default: the clock.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return {
        "format": FORMAT,
        "key_id": key.key_id,
        "algorithm": ALGORITHM,
        "document_sha256": document_sha256(document),
        "signature": base64.b64encode(key.private.sign(canonical(document))).decode(),
        "signed_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
    }


def verify(
    document: Document,
    signature: Mapping[str, Any] | None,
    trusted: Mapping[str, TrustedKey],
    *,
    required: bool = True,
    file: str | None = None,
) -> TrustedKey | None:
    """Check who released a document.

    Args:
        document: a config document.
        signature: content of its signature file, None when there is none.
        trusted: from `read_trusted_keys`.
        required: whether a document without signature is refused.
        file: how to name the signature in a message.

    Returns:
        The key that signed; None for a document without signature where none is required.

    Raises:
        InputError: no signature though one is required, a malformed one, an unknown or revoked key, an altered
            document, an altered signature or one by another key than it names.
    """
    if signature is None:
        if not required:
            return None
        raise InputError(
            "the config is not signed; a signature by a trusted key is required.",
            file=file,
            fix="Promote it with a key.",
        )
    _check_form(signature, file)
    key = _trusted_key(str(signature["key_id"]), trusted, file)
    found = document_sha256(document)
    if signature["document_sha256"] != found:
        raise InputError(
            f"the signature is for a document with hash {signature['document_sha256'][:12]}..., "
            f"this one has {found[:12]}...: the document was altered or exchanged.",
            file=file,
            fix=_FETCH,
        )
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(_bytes(signature["signature"]), canonical(document))
    except InvalidSignature:
        raise InputError(
            f"the signature does not fit the document under key {key.key_id} of {key.owner}: "
            "the document or the signature was altered, or another key signed.",
            file=file,
            fix=_FETCH,
        ) from None
    return key


def read_signature(config: str | Path) -> Signature | None:
    """The signature beside a config file, None when there is none.

    Raises:
        InputError: for a file that cannot be read.
    """
    path = signature_path(config)
    return read_document(path) if path.exists() else None


def _check_form(signature: Mapping[str, Any], file: str | None) -> None:
    right = set(signature) == set(FIELDS) and all(isinstance(value, str) for value in signature.values())
    if not right or signature["format"] != FORMAT:
        raise InputError(f"this is not a signature with the fields {', '.join(FIELDS)}.", file=file, fix=_FETCH)
    if signature["algorithm"] != ALGORITHM:
        raise InputError(
            f"algorithm {signature['algorithm']!r} arrived; {ALGORITHM} is the only one accepted.",
            file=file,
            fix=_FETCH,
        )


def _trusted_key(key_id: str, trusted: Mapping[str, TrustedKey], file: str | None) -> TrustedKey:
    if key_id not in trusted:
        known = ", ".join(sorted(trusted)) or "none"
        raise InputError(
            f"the key {key_id!r} is not known; trusted are: {known}.",
            file=file,
            fix="Add the key to trusted_keys.json only when its owner confirms the id by another way.",
        )
    key = trusted[key_id]
    if key.revoked:
        raise InputError(
            f"the key {key_id} of {key.owner} was revoked on {key.revoked}; nothing it signed counts any more.",
            file=file,
            fix="Have the config promoted again with another key.",
        )
    return key


def _bytes(text: str) -> bytes:
    """Bytes of base64 text; none for text that is not base64, which no key accepts."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
