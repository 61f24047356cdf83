"""Issues a body as the active config: what promotion and rollback have in common.

Steps, under a lock that the caller holds: choose sequence and version, rebuild the document with its approval, check it
against the active one as every reader would, then file, signature, decision, pointer, end of decision
(`publishing.publish`), and last the MLflow alias (`alias.follow`). Nothing that others see changes before the pointer's
rename. A failure before it leaves the old config active; a failure after it the new one, with at most the alias behind,
and that is said and mended.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export import Document, build_document
from churnbench.export.document import as_input_error
from churnbench.release import publishing, store
from churnbench.release.alias import Opener, follow
from churnbench.release.keys import SigningKey
from churnbench.release.publishing import Checkpoint, silent
from churnbench.release.signing import read_signature, sign
from churnbench.release.store import Pointer
from churnbench.release.versions import level_of_change, next_version
from churnbench_scorer import ConfigRefused, load

_NAME_MOST = 200
_WARNING_MOST = 2000  # the schema's limit


@dataclass(frozen=True)
class Released:
    """A finished release.

    Attributes:
        document: the active config now.
        pointer: where it lies.
        path: its file.
        level: what changed for consumers: "first", "major", "minor" or "patch".
        signed_by: key id, None when not signed.
        warnings: sentences for the person who released it.
    """

    document: Document
    pointer: Pointer
    path: Path
    level: str
    signed_by: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Approver:
    """Who decides. Raises InputError when name or role shows nobody, is too long, or holds what cannot be seen."""

    by: str
    role: str

    def __post_init__(self) -> None:
        for option, value in (("--by", self.by), ("--role", self.role)):
            if not shows(value) or len(value) > _NAME_MOST or any(map(_hidden, value)):
                raise InputError(
                    f"{value!r} names nobody; a release has a person with a role behind it.",
                    column=option,
                    fix=f"Give 1 to {_NAME_MOST} visible characters on one line, e.g. "
                    "--by 'Ada Byron' --role 'VP Customer Success'.",
                )


#: Letters by their class in Unicode, blank by their look.
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0"
#: Some scripts need these two inside words.
_JOINERS = "\u200c\u200d"


def shows(text: str) -> bool:
    r"""Whether a reader would see a letter or a digit.

    >>> shows("Ada"), shows("\u200b\u3164 ")
    (True, False)
    """
    return any(unicodedata.category(sign)[0] in "LN" and sign not in _BLANK_LETTERS for sign in text)


def _hidden(sign: str) -> bool:
    """Controls, line ends, marks without width or that turn the direction, and what is no character at all."""
    return sign not in _JOINERS and unicodedata.category(sign) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


@dataclass(frozen=True)
class Surroundings:
    """What a release touches beside its own folder.

    Attributes:
        key: signs the release; None leaves it unsigned.
        unsigned: whether an unsigned release may follow a signed one.
        registry: opens the model registry; None when there is none.
        now: moment of the release; default: the clock.
        patience: seconds to wait for another release.
        at: told of each step.
    """

    key: SigningKey | None = None
    unsigned: bool = False
    registry: Opener | None = None
    now: datetime | None = None
    patience: float = 10.0
    at: Checkpoint = silent

    def moment(self) -> datetime:
        """The moment of the release in UTC, whole seconds."""
        return (self.now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Before:
    """The release that is active when another begins; document None when nothing is, or it cannot be read."""

    pointer: Pointer | None
    document: Document | None
    signed: bool


@dataclass(frozen=True)
class Plan:
    """A source document and what changes around its body."""

    source: Document
    notes: list[str]
    lifecycle: dict[str, Any]
    note: dict[str, Any]


def issue(
    folder: Path, plan: Plan, approver: Approver, before: Before, around: Surroundings, now: datetime
) -> Released:
    """Make the planned document the active config; the caller holds the lock.

    Raises:
        InputError: an unsigned release after a signed one, or a document that a reader would refuse.
    """
    if before.signed and around.key is None and not around.unsigned:
        raise InputError(
            "the active release is signed and this one would not be; readers that ask for signatures would stop.",
            file=str(folder),
            column="--key",
            fix="Give the signing key, or --unsigned when no reader asks for signatures.",
        )
    level = _level(plan.source, before)
    document = _rebuilt(folder, plan, approver, before, level, text_of(now))
    _check_as_a_reader(document, before, now)
    entry = {
        **plan.note,
        "by": approver.by,
        "role": approver.role,
        "at": text_of(now),
        "previous_sequence": before.pointer.sequence if before.pointer else None,
        "verdict": document["provenance"].get("verdict"),
        "signed_by": around.key.key_id if around.key else None,
    }
    signature = sign(document, around.key, now=now) if around.key else None
    pointer = publishing.publish(folder, document, entry, signature, around.at)
    warnings = follow(folder, document, pointer, around.registry)
    around.at("alias moved")
    return Released(document, pointer, folder / pointer.file, level, entry["signed_by"], warnings)


def _rebuilt(folder: Path, plan: Plan, approver: Approver, before: Before, level: str, at: str) -> Document:
    source = plan.source
    provenance = deepcopy(source["provenance"])
    body = source["integrity"]["body_sha256"]
    approval = {"by": approver.by, "role": approver.role, "at": at, "body_sha256": body}
    provenance["approvals"] = [*provenance.get("approvals", []), approval]
    provenance["warnings"] = [*provenance.get("warnings", []), *(note[:_WARNING_MOST] for note in plan.notes)]
    version = source["config_version"].partition("-")[0]
    if before.pointer is not None:
        version = next_version(before.pointer.version, level)
    extra = {**deepcopy(source.get("extra", {})), "release": plan.note}
    return build_document(
        source["body"],
        config_id=source["config_id"],
        config_version=version,
        sequence=publishing.next_sequence(folder, source["sequence"]),
        lifecycle={**plan.lifecycle, "supersedes": before.pointer.version if before.pointer else None},
        inputs=source["inputs"],
        provenance=provenance,
        extra=extra,
    )


def _check_as_a_reader(document: Document, before: Before, now: datetime) -> None:
    """What every production reader will do next must succeed before the pointer moves."""
    try:
        load(document, active_sequence=before.pointer.sequence if before.pointer else None, now=now)
    except ConfigRefused as refusal:
        raise as_input_error(refusal) from refusal


def replaced(folder: Path, config_id: str) -> Before:
    """The release that the next one will replace."""
    pointer = store.read_pointer_or_none(folder)
    if pointer is None:
        return Before(None, None, signed=False)
    try:
        document, _ = store.active(folder.parent, config_id, trusted={}, require_signature=False)
    except InputError:
        document = None  # damaged: it can still be replaced, and that may be urgent
    path = folder / pointer.file
    return Before(pointer, document, signed=path.exists() and read_signature(path) is not None)


def _level(source: Document, before: Before) -> str:
    if before.pointer is None:
        return "first"
    # What the damaged one asked of its consumers is not known; they are told to look.
    return level_of_change(before.document, source) if before.document is not None else "major"


def lifecycle_of(document: Mapping[str, Any], now: datetime, review_by: date | None) -> dict[str, Any]:
    """Dates of a release; without a new date for its review the document's own stays."""
    old = document["lifecycle"]
    return {
        "created": text_of(now),
        "review_by": old.get("review_by") if review_by is None else review_by.isoformat(),
        "hard_expiry": old.get("hard_expiry"),
    }


def with_warnings(released: Released, first: Sequence[str]) -> Released:
    """The same release with further warnings before its own."""
    return replace(released, warnings=(*first, *released.warnings))


def text_of(moment: datetime) -> str:
    """A moment as the document format writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
