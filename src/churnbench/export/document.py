"""The config document around a body: inputs, provenance, golden vectors, hashes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.vectors import golden_rows
from churnbench.formula import Body, validate_body
from churnbench_scorer import FORMAT, SPEC_VERSION, ConfigRefused, Scorer, body_sha256, document_sha256, load
from churnbench_scorer.golden import outcome
from churnbench_scorer.rules import required_features

Document = dict[str, Any]


def build_document(
    body: Body,
    *,
    config_id: str,
    config_version: str,
    sequence: int,
    lifecycle: Mapping[str, Any],
    inputs: Sequence[Mapping[str, Any]] = (),
    provenance: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Document:
    """Wrap a body into a document that every consumer accepts.

    Args:
        body: a config body.
        config_id: name of the line of configs, e.g. "core".
        config_version: semantic version; MAJOR inputs or band meaning, MINOR scores move, PATCH same body.
        sequence: rises with every release, a rollback included.
        lifecycle: `created` and optionally `review_by`, `hard_expiry`, `supersedes`; dates or moments in UTC.
        inputs: `unit` and `label` (and further declared inputs) by `id`; types come from the body.
        provenance: what the weights rest on, see the schema.
        extra: free notes; part of the document hash, without influence on scores.

    Returns:
        The document with its golden vectors scored and its hashes set. The same body gives the same
        golden vectors and, in canonical form, the same bytes of body.

    Raises:
        InputError: when any part breaks the format.
    """
    body = _plain(body)
    kinds = validate_body(body)
    document: Document = {
        "format": FORMAT,
        "spec_version": SPEC_VERSION,
        "requires": required_features(body),
        "config_id": config_id,
        "config_version": config_version,
        "sequence": sequence,
        "inputs": _declared(kinds, inputs),
        "body": body,
        "provenance": deepcopy(dict(provenance or {})),
        "lifecycle": deepcopy(dict(lifecycle)),
    }
    if extra is not None:
        document["extra"] = deepcopy(dict(extra))
    digest = body_sha256(document)
    document["golden"] = _golden(document, kinds, digest)
    document["integrity"] = {"body_sha256": digest, "sha256": _document_hash(document)}
    checked_scorer(document, now=str(lifecycle.get("created", "")) or None)
    return document


def checked_scorer(document: Document, *, now: str | None = None, file: str | None = None) -> Scorer:
    """A scorer for a document, golden vectors replayed.

    Raises:
        InputError: with the refusal of the scorer in the form that the command line prints.
    """
    try:
        return load(document, now=now)
    except ConfigRefused as refusal:
        raise as_input_error(refusal, file) from refusal


def made_on(document: Mapping[str, Any]) -> str | None:
    """Day or moment a document was made, for checks in which its expiry has no say; None when it does not tell."""
    lifecycle = document.get("lifecycle")
    return str(lifecycle["created"]) if isinstance(lifecycle, Mapping) and "created" in lifecycle else None


def as_input_error(refusal: ConfigRefused, file: str | None = None) -> InputError:
    """A refusal of the scorer as the error that the command line prints."""
    message = f"{refusal.where}: {refusal.arrived}; expected {refusal.expected}."
    return InputError(message, file=file, fix=refusal.fix)


def encode(row: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of a golden vector as JSON: NaN and the infinities as text; see `churnbench_scorer.golden`.

    Example:
        >>> encode({"x": float("-inf"), "y": None, "z": 1.5})
        {'x': '-Infinity', 'y': None, 'z': 1.5}
    """
    return {name: _encoded(value) for name, value in row.items()}


def _encoded(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _plain(value: Any) -> Any:
    """A deep copy made of JSON types alone (NumPy numbers and tuples become Python numbers and lists)."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value)
    return value


def _declared(kinds: Mapping[str, str], inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    notes = {str(entry.get("id")): dict(entry) for entry in inputs}
    declared = []
    for name, kind in kinds.items():
        declared.append({"nullable": True, **notes.pop(name, {}), "id": name, "type": kind})
    declared += [{"type": "number", "nullable": True, **entry} for entry in notes.values()]
    return declared


def _golden(document: Document, kinds: Mapping[str, str], digest: str) -> list[dict[str, Any]]:
    scorer = Scorer({**document, "integrity": {"body_sha256": digest}})
    rows = golden_rows(document["body"], kinds, int(digest[:13], 16), lambda row: scorer.score(row).health_score_x100)
    shown = set(outcome(scorer.score(rows[0]))) - ({"reading"} if not document["body"].get("hysteresis") else set())
    return [
        {"in": encode(row), "out": {name: value for name, value in outcome(scorer.score(row)).items() if name in shown}}
        for row in rows
    ]


def _document_hash(document: Document) -> str:
    try:
        return document_sha256(document)
    except ConfigRefused as refusal:
        raise as_input_error(refusal) from refusal
