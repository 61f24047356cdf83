"""One folder with everything that an integrator needs to score with a config, to check it, and to know its limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export import DIALECTS, Document, checked_scorer, kit_of, read_document, to_sql
from churnbench.export.files import pretty, refuse_filled, write_folder
from churnbench.export.javascript import javascript_bundle
from churnbench.release.bundle_readme import bundle_readme
from churnbench.release.keys import TrustedKey, keys_are_named, read_trusted_keys
from churnbench.release.model_card import model_card
from churnbench.release.signing import read_signature, signature_path, verify

MANIFEST = "MANIFEST.json"
_SCORER = "churnbench_scorer"
_SCORER_FILES = (".py", ".json", ".typed")

Files = dict[str, bytes]


def write_bundle(
    config: str | Path,
    out: str | Path,
    *,
    table: str = "accounts",
    contact: str | None = None,
    trusted: Mapping[str, TrustedKey] | None = None,
    now: str | None = None,
) -> Path:
    """Write the folder; it appears whole or not at all, and the same config gives the same bytes.

    Args:
        config: a config file; its signature is looked for beside it.
        out: folder; absent or empty.
        table: table that the SQL reads.
        contact: whom an integrator may ask.
        trusted: keys that a signature must be by; default: those of CHURNBENCH_TRUSTED_KEYS. Where neither is
            named, a signature goes along unchecked.
        now: moment that decides about expiry; default: the clock.

    Returns:
        The folder.

    Raises:
        InputError: for a refused config, a signature that fails, or a folder that is not empty.
    """
    source, target = Path(config), Path(out)
    refuse_filled(target)
    document = read_document(source)
    checked_scorer(document, now=now, file=str(source))
    signature = read_signature(source)
    keys = read_trusted_keys() if trusted is None else trusted
    if trusted is not None or keys_are_named():
        verify(document, signature, keys, required=False, file=str(signature_path(source)))
    files = bundle_files(document, table=table, contact=contact, signed_by=signature["key_id"] if signature else None)
    files["config.json"] = source.read_bytes()
    if signature is not None:
        files["config.sig.json"] = signature_path(source).read_bytes()
    files[MANIFEST] = _manifest(document, files)
    return write_folder(files, target)


def bundle_files(
    document: Document, *, table: str = "accounts", contact: str | None = None, signed_by: str | None = None
) -> Files:
    """Every file that is made from a document: name in the bundle -> bytes."""
    sql, not_emitted = _sql_files(document, table)
    javascript = javascript_bundle(document)
    readme = bundle_readme(
        document,
        dialects=list(sql),
        not_emitted=not_emitted,
        table_name=table,
        signed_by=signed_by,
        contact=contact,
    )
    texts = {
        "README.md": readme,
        "MODEL_CARD.md": model_card(document),
        "golden.jsonl": _json_lines(document["golden"]),
        "conformance.jsonl": _json_lines(kit_of(document).lines()),
        **{f"sql/{name}.sql": text for name, text in sql.items()},
        **{f"javascript/{name}": text for name, text in javascript.items()},
    }
    return {**{name: text.encode("utf-8") for name, text in texts.items()}, **_scorer_files()}


def _json_lines(objects: Iterable[Any]) -> str:
    return "".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n" for entry in objects)


def _sql_files(document: Document, table: str) -> tuple[dict[str, str], dict[str, str]]:
    """Dialect -> query, and dialect -> why there is none."""
    name = f"{document['config_id']} {document['config_version']}, formula {document['integrity']['body_sha256']}"
    made, refused = {}, {}
    for dialect in DIALECTS:
        try:
            made[dialect] = f"-- Health score {name}\n{to_sql(document, dialect, table)};\n"
        except InputError as error:
            refused[dialect] = str(error)
    return made, refused


def _scorer_files() -> Files:
    """The scorer's own files, as they are, and the schema once more where people look for it."""
    found: Files = {}
    for entry in sorted(resources.files(_SCORER).iterdir(), key=lambda entry: entry.name):
        if entry.is_file() and PurePosixPath(entry.name).suffix in _SCORER_FILES:
            found[f"{_SCORER}/{entry.name}"] = entry.read_bytes()
    return {**found, "schema.json": found[f"{_SCORER}/schema.json"]}


def _manifest(document: Document, files: Files) -> bytes:
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in sorted(files.items())
    }
    about = {name: document[name] for name in ("config_id", "config_version", "sequence")} | document["integrity"]
    return (pretty({"format": "churnbench-bundle", "config": about, "files": listed}) + "\n").encode()
