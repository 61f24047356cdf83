from __future__ import annotations

import base64
import copy
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from release_worlds import NOW, candidate

from churnbench.domain.errors import InputError
from churnbench.release import new_key, read_signing_key, read_trusted_keys, sign, verify
from churnbench.release.keys import TRUSTED_KEYS_VARIABLE, SigningKey, TrustedKey, key_id_of
from churnbench_scorer import body_sha256, canonical, document_sha256

Keys = tuple[SigningKey, dict[str, TrustedKey]]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    made = new_key(tmp_path / "release.pem", "Release team", now=NOW)
    return read_signing_key(made.private_file), read_trusted_keys(made.public_file)


def assert_refused(document: dict, signature: object, trusted: dict[str, TrustedKey], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        verify(document, signature, trusted)  # type: ignore[arg-type]


def test_a_signed_document_verifies_also_after_a_change_of_blanks_and_key_order(keys: Keys) -> None:
    document = candidate()
    signature = sign(document, keys[0], now=NOW)
    found = verify(document, signature, keys[1])
    assert found is not None
    assert (found.owner, found.added, signature["signed_at"]) == ("Release team", "2026-03-02", "2026-03-02T09:30:00Z")
    assert signature["document_sha256"] == document["integrity"]["sha256"]
    shuffled = json.loads(json.dumps(dict(reversed(document.items())), indent=7))
    assert verify(shuffled, json.loads(json.dumps(signature)), keys[1]) == found


def test_an_altered_document_is_refused_even_with_fresh_hashes(keys: Keys) -> None:
    document = candidate()
    signature = sign(document, keys[0])
    for change in ("provenance", "body", "integrity"):
        forged = copy.deepcopy(document)
        if change == "provenance":
            forged["provenance"]["warnings"] = ["all is well"]
        elif change == "body":
            forged["body"]["min_coverage"] = 1
        else:
            forged["integrity"]["body_sha256"] = "0" * 64  # inside the signed bytes, outside the document's own hash
        if change != "integrity":
            forged["integrity"] = {"body_sha256": body_sha256(forged), "sha256": document_sha256(forged)}
        assert_refused(forged, signature, keys[1], "altered")
        # An attacker also corrects the hash that the signature names; only the key cannot be had.
        assert_refused(forged, {**signature, "document_sha256": document_sha256(forged)}, keys[1], "altered")


def test_every_single_altered_byte_of_a_signature_is_refused(keys: Keys) -> None:
    document = candidate()
    signature = sign(document, keys[0])
    raw = base64.b64decode(signature["signature"])
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        assert_refused(document, {**signature, "signature": base64.b64encode(changed).decode()}, keys[1], "altered")
    for text in ("", "no base64!", base64.b64encode(raw[:-1]).decode()):
        assert_refused(document, {**signature, "signature": text}, keys[1], "altered")


def test_unknown_revoked_and_exchanged_keys_are_refused(keys: Keys, tmp_path: Path) -> None:
    document = candidate()
    signature = sign(document, keys[0])
    assert_refused(document, signature, {}, "is not known; trusted are: none")
    other = new_key(tmp_path / "other.pem", "Somebody else")
    both = {**keys[1], **read_trusted_keys(other.public_file)}
    assert_refused(document, {**signature, "key_id": other.key_id}, both, "another key signed")
    entry = keys[1][keys[0].key_id]
    revoked = {entry.key_id: TrustedKey(entry.key_id, entry.public, entry.owner, entry.added, "2026-05-01")}
    assert_refused(document, signature, revoked, "revoked on 2026-05-01")


def test_a_missing_signature_is_refused_only_where_one_is_required(keys: Keys) -> None:
    assert_refused(candidate(), None, keys[1], "not signed")
    assert verify(candidate(), None, keys[1], required=False) is None


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"},
        {"algorithm": "none"},
        {"algorithm": "rsa"},
        {"surprise": "1"},
        {"signed_at": 3},
        {"key_id": None},
    ],
)
def test_signatures_of_another_form_or_algorithm_are_refused(keys: Keys, change: dict) -> None:
    document = candidate()
    assert_refused(
        document, {**sign(document, keys[0]), **change}, keys[1], "signature with the fields|only one accepted"
    )


def test_a_private_key_is_its_owners_alone_is_never_overwritten_and_never_shown(tmp_path: Path) -> None:
    made = new_key(tmp_path / "deep" / "k.pem", " Ada ")
    assert stat.S_IMODE(made.private_file.stat().st_mode) == 0o600
    key = read_signing_key(made.private_file)
    secret = made.private_file.read_text("ascii").splitlines()[1]
    assert secret not in f"{key!r} {key} {made!r}"
    assert secret not in made.public_file.read_text("utf-8")
    before = made.private_file.read_bytes()
    with pytest.raises(InputError, match="never overwritten"):
        new_key(made.private_file, "Eve")
    made.private_file.rename(tmp_path / "elsewhere.pem")
    with pytest.raises(InputError, match="never overwritten"):
        new_key(made.private_file, "Eve")  # its public half is still there
    assert (tmp_path / "elsewhere.pem").read_bytes() == before


def test_a_key_that_others_can_read_or_that_is_no_ed25519_key_is_refused(tmp_path: Path) -> None:
    made = new_key(tmp_path / "k.pem", "Ada")
    made.private_file.chmod(0o640)
    with pytest.raises(InputError, match=r"mode 0640.*chmod 600"):
        read_signing_key(made.private_file)
    rsa = generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for data in (b"hello", rsa):
        (tmp_path / "odd.pem").write_bytes(data)
        (tmp_path / "odd.pem").chmod(0o600)
        with pytest.raises(InputError, match="not an unencrypted ed25519 key"):
            read_signing_key(tmp_path / "odd.pem")
    with pytest.raises(InputError, match="cannot be read"):
        read_signing_key(tmp_path / "nowhere.pem")
    with pytest.raises(InputError, match="no owner"):
        new_key(tmp_path / "anonymous.pem", "  ")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        new_key(tmp_path / "file" / "k.pem", "Ada")


def test_trusted_keys_come_from_a_path_or_the_environment_and_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRUSTED_KEYS_VARIABLE, raising=False)
    assert read_trusted_keys() == {}
    made = new_key(tmp_path / "k.pem", "Ada")
    monkeypatch.setenv(TRUSTED_KEYS_VARIABLE, str(made.public_file))
    assert list(read_trusted_keys()) == [made.key_id]
    entry = json.loads(made.public_file.read_text("utf-8"))[made.key_id]
    faults = {
        "key id mismatch": {"ed25519-0000000000000000": entry},
        "other fields": {made.key_id: {**entry, "colour": "red"}},
        "32 bytes": {made.key_id: {**entry, "public_key": "AAAA"}},
        "is not 32 bytes": {made.key_id: {**entry, "public_key": "%%%"}},
        "revoked is '', which is no date": {made.key_id: {**entry, "revoked": ""}},
        "revoked is False, which is no date": {made.key_id: {**entry, "revoked": False}},
        "revoked is 'yes', which is no date": {made.key_id: {**entry, "revoked": "yes"}},
    }
    for needle, content in faults.items():
        path = tmp_path / "trusted_keys.json"
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match=needle):
            read_trusted_keys(path)
    assert key_id_of(base64.b64decode(entry["public_key"])) == made.key_id


def test_the_signature_is_over_the_canonical_bytes_of_the_whole_document(keys: Keys) -> None:
    document = candidate()
    signature = sign(document, keys[0])
    keys[0].private.public_key().verify(base64.b64decode(signature["signature"]), canonical(document))
