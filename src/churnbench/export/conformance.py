"""The conformance kit: inputs and exact results in JSON Lines, so that a scorer in any language can prove itself.

Lines are JSON objects: first `{"kit", "spec_version"}`; then `{"config", "document"}` for every config; then
`{"case", "config", "rule", "in", "out"}`, numbered from 1, where `rule` says what the case probes, `in` is written as
in golden vectors and `out` holds what `churnbench_scorer.golden.everything` names. Answers are lines `{"case", "out"}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.document import Document, build_document, checked_scorer, encode
from churnbench.export.files import replaced_whole
from churnbench.export.kit_bodies import KIT_BODIES
from churnbench.export.kit_cases import Case, cases_of
from churnbench.export.vectors import Row
from churnbench_scorer import SPEC_VERSION, Scorer
from churnbench_scorer.golden import decode

#: Scores rows of a document and returns what `everything` names, or a part of it, per row.
KitEngine = Callable[[Document, Sequence[Row]], Sequence[Mapping[str, Any]]]
#: What every engine must answer; the rest is compared where it is given.
NEEDED = ("score", "band", "coverage", "churn_probability")
_NAME = "churnbench-conformance"


@dataclass(frozen=True)
class Kit:
    """Configs by name, and cases grouped by config."""

    documents: Mapping[str, Document]
    cases: Sequence[Case]

    def lines(self) -> Iterator[dict[str, Any]]:
        """The kit as JSON objects, one per line."""
        yield {"kit": _NAME, "spec_version": SPEC_VERSION}
        for name, document in self.documents.items():
            yield {"config": name, "document": document}
        for number, case in enumerate(self.cases, start=1):
            head = {"case": number, "config": case.config, "rule": case.rule}
            yield {**head, "in": encode(case.inputs), "out": dict(case.wanted)}


@dataclass(frozen=True)
class Broken:
    """A case that came out differently: which, what it probes, and the first key that differs."""

    case: int
    config: str
    rule: str
    inputs: Row
    key: str
    wanted: object
    found: object

    def __str__(self) -> str:
        return (
            f"case {self.case} ({self.config}, {self.rule}): {self.key} {self.found!r}, expected {self.wanted!r}, "
            f"inputs {self.inputs}"
        )


def standard_kit() -> Kit:
    """The kit that belongs to no config: small formulas with every rule of the format."""
    documents = {
        name: build_document(
            body(),
            config_id=f"kit_{name}",
            config_version="1.0.0",
            sequence=1,
            lifecycle={"created": "2026-01-01"},
        )
        for name, body in KIT_BODIES.items()
    }
    return Kit(documents, [case for name, document in documents.items() for case in cases_of(name, document)])


def kit_of(document: Document) -> Kit:
    """The kit of one config."""
    name = document["config_id"]
    return Kit({name: document}, list(cases_of(name, document)))


def write_kit(kit: Kit, path: str | Path) -> Path:
    """Write a kit as JSON Lines, whole or not at all. Equal kits give equal bytes."""
    target = Path(path)
    with replaced_whole(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in kit.lines())
    return target


def run_kit(kit: Kit, engine: KitEngine) -> dict[int, Mapping[str, Any]]:
    """What an engine answers, by the number of the case."""
    answers: list[Mapping[str, Any]] = []
    for name, cases in groupby(kit.cases, lambda case: case.config):
        answers += engine(kit.documents[name], [case.inputs for case in cases])
    return dict(enumerate(answers, start=1))


def read_answers(path: str | Path, *, cases: int | None = None) -> dict[int, Mapping[str, Any]]:
    """Answers from a file, `{"case", "out"}` per line, by the number of the case.

    Args:
        path: JSON Lines, in any order.
        cases: how many the kit has, numbered from 1; None accepts any number.

    Raises:
        InputError: for a line that is no such object, a case answered twice, or one that the kit has not, naming it.
    """
    answers: dict[int, Mapping[str, Any]] = {}
    rows: dict[int, int] = {}
    for number, line in _lines(Path(path)):
        case, out = _answer(line, str(path), number)
        if case in rows:
            raise InputError(
                f"case {case} is answered a second time; row {rows[case]} has it already.",
                file=str(path),
                row=number,
                fix="Write one line per case.",
            )
        if cases is not None and not 1 <= case <= cases:
            raise InputError(
                f"case {case} is not in the kit, whose cases are 1 to {cases}.",
                file=str(path),
                row=number,
                fix="Answer the kit that is named, with its own case numbers.",
            )
        answers[case], rows[case] = out, number
    return answers


def read_kit(path: str | Path) -> Kit:
    """Read a kit that `write_kit` wrote.

    Raises:
        InputError: for anything else, naming the line; and for a config that the scorer refuses.
    """
    documents: dict[str, Document] = {}
    scorers: dict[str, Scorer] = {}
    cases: list[Case] = []
    for number, line in _lines(Path(path)):
        try:
            entry = json.loads(line)
            if "document" in entry:
                name, document = entry["config"], entry["document"]
                scorers[name] = checked_scorer(document, now=document["lifecycle"]["created"], file=str(path))
                documents[name] = document
            elif "case" in entry:
                inputs = decode(entry["in"], scorers[entry["config"]].inputs)
                cases.append(Case(entry["config"], entry["rule"], inputs, entry["out"]))
            elif entry["kit"] != _NAME:
                raise KeyError("kit")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(
                f"{line[:60]!r} is no line of a conformance kit.",
                file=str(path),
                row=number,
                fix="Write one with churnbench export CONFIG --to kit --out FILE.",
            ) from None
    return Kit(documents, cases)


def differences(kit: Kit, answers: Mapping[int, Mapping[str, Any]]) -> list[Broken]:
    """Every case that the answers get wrong, without tolerance; what is needed must be there."""
    found = []
    for number, case in enumerate(kit.cases, start=1):
        answer = answers.get(number, {})
        for key, wanted in case.wanted.items():
            missing = key not in answer
            if (missing and key in NEEDED) or (not missing and not _same(answer[key], wanted)):
                given = "nothing" if missing else answer[key]
                found.append(Broken(number, case.config, case.rule, case.inputs, key, wanted, given))
                break
    return found


def _same(found: Any, wanted: Any) -> bool:
    """Equality of JSON data; true is not 1, and a list is a tuple."""
    if isinstance(wanted, (list, tuple)) and isinstance(found, (list, tuple)):
        return len(found) == len(wanted) and all(_same(a, b) for a, b in zip(found, wanted, strict=True))
    if isinstance(wanted, dict) and isinstance(found, Mapping):
        return found.keys() == wanted.keys() and all(_same(found[name], value) for name, value in wanted.items())
    return bool(isinstance(found, bool) == isinstance(wanted, bool) and found == wanted)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=str(path), fix="Give a JSON Lines file in UTF-8.") from None
    return ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _answer(line: str, file: str, number: int) -> tuple[int, Mapping[str, Any]]:
    try:
        parsed = json.loads(line)
        case, out = parsed["case"], parsed["out"]
    except (ValueError, KeyError, TypeError, RecursionError):
        case, out = None, None
    if not isinstance(case, int) or isinstance(case, bool) or not isinstance(out, dict):
        raise InputError(
            f"{line[:60]!r} is no answer.",
            file=file,
            row=number,
            fix='Write {"case": 1, "out": {"score": ..., "band": ..., "coverage": ..., "churn_probability": ...}}.',
        )
    return case, out
