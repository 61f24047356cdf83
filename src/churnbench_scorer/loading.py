"""Checks a document from its cover to its last golden vector, then hands out a scorer."""

from __future__ import annotations

from .errors import ConfigRefused
from .golden import replay
from .jcs import body_sha256, document_sha256
from .reading import read
from .rules import KNOWN_FEATURES, check_body, required_features
from .scorer import Scorer
from .shape import check_shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date, datetime
    from os import PathLike
    from typing import Any

FORMAT = "churnbench-weights"
SPEC_VERSION = "1.0"


def load(
    source: str | bytes | PathLike[str] | dict[str, Any],
    *,
    active_sequence: int | None = None,
    now: datetime | date | str | None = None,
) -> Scorer:
    """Load a weight config, or refuse it.

    Args:
        source: path, JSON text or bytes, or the document as a dict.
        active_sequence: sequence of the config now in use; an older one is refused.
        now: moment that decides about expiry (a date means midnight UTC); default: the clock.

    Returns:
        A scorer whose golden vectors have all just been reproduced.

    Raises:
        ConfigRefused: for an edited or malformed document, an unknown requirement or field, a newer spec,
            an expired or older config, weights or knots that break the rules, golden vectors that differ.
    """
    document = read(source)
    _check_cover(document)
    check_shape(document, "config")
    _check_integrity(document)
    kinds = check_body(document["body"])
    _check_inputs(document["inputs"], kinds)
    _check_features(document)
    warnings = _check_lifecycle(document["lifecycle"], now)
    if active_sequence is not None and document["sequence"] < active_sequence:
        raise ConfigRefused(
            "config.sequence",
            str(document["sequence"]),
            f"{active_sequence} or higher, as the active config has",
            "To go back, issue the old body again under a higher sequence.",
        )
    scorer = Scorer(document, warnings)
    replay(scorer, document["golden"])
    return scorer


def _check_cover(document: dict[str, Any]) -> None:
    """Format, spec and requirements first: a newer document must not fail as merely misshapen."""
    if document.get("format") != FORMAT:
        found = document.get("format", "nothing")
        raise ConfigRefused("config.format", repr(found), repr(FORMAT), "This is not a churnbench config.")
    version = document.get("spec_version")
    parts = version.split(".") if isinstance(version, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        raise ConfigRefused("config.spec_version", repr(version), "a version like '1.0'", "Export it again.")
    ours = tuple(int(part) for part in SPEC_VERSION.split("."))
    found_version = tuple(int(part) for part in parts)
    if found_version > ours or found_version[0] != ours[0]:
        raise ConfigRefused(
            "config.spec_version", f"spec {version}", f"at most {SPEC_VERSION}", "Upgrade churnbench-scorer."
        )
    requires = document.get("requires")
    for feature in requires if isinstance(requires, list) else ():
        if not isinstance(feature, str) or feature not in KNOWN_FEATURES:
            raise ConfigRefused(
                "config.requires",
                f"unknown requirement {feature!r}",
                ", ".join(sorted(KNOWN_FEATURES)),
                "Upgrade churnbench-scorer.",
            )


def _check_integrity(document: dict[str, Any]) -> None:
    stated = document["integrity"]
    for name, found in (("body_sha256", body_sha256(document)), ("sha256", document_sha256(document))):
        if stated[name] != found:
            part = "the body" if name == "body_sha256" else "the document"
            raise ConfigRefused(
                f"config.integrity.{name}",
                f"{part} hashes to {found[:12]}...: it was edited or damaged",
                f"{stated[name][:12]}...",
                "Take the released file again; changes go through a new export.",
            )


def _check_inputs(declared: list[dict[str, Any]], needed: dict[str, str]) -> None:
    types: dict[str, str] = {}
    for entry in declared:
        if entry["id"] in types:
            raise ConfigRefused("config.inputs", f"input {entry['id']!r} twice", "each once", "Export it again.")
        types[entry["id"]] = entry["type"]
    for name, kind in needed.items():
        found = types.get(name, "not declared")
        textual = kind == "category"
        if found == "not declared" or textual != (found == "category"):
            wanted = kind if textual else "number or boolean"
            raise ConfigRefused("config.inputs", f"input {name!r} {found}", wanted, "Export it again.")


def _check_features(document: dict[str, Any]) -> None:
    for feature in required_features(document["body"]):
        if feature not in document["requires"]:
            raise ConfigRefused(
                "config.requires",
                f"no {feature!r}, which the body uses",
                "every feature of the body",
                "Export the config again.",
            )


def _check_lifecycle(lifecycle: dict[str, Any], now: datetime | date | str | None) -> tuple[str, ...]:
    expiry, review = lifecycle.get("hard_expiry"), lifecycle.get("review_by")
    if expiry is None and review is None:
        return ()
    current = _moment(now, "now")
    if expiry is not None and current >= _moment(expiry, "config.lifecycle.hard_expiry"):
        raise ConfigRefused(
            "config.lifecycle.hard_expiry",
            f"it expired on {expiry}",
            "a config still in force",
            "Review the formula and release a new config.",
        )
    if review is not None and current >= _moment(review, "config.lifecycle.review_by"):
        return (f"The config was due for review on {review}.",)
    return ()


def _moment(value: datetime | date | str | None, where: str) -> datetime:
    """A moment in UTC; a bare date is its first instant."""
    from datetime import datetime, timezone  # lazily: most configs never expire

    if value is None:
        return datetime.now(timezone.utc)
    try:
        text = value if isinstance(value, str) else value.isoformat()
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ConfigRefused(where, repr(value), "a date like 2026-03-31", "Correct the date.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
