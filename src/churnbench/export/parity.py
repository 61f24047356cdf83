"""The proof that engines agree: every case of a conformance kit and random rows, without tolerance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.conformance import Broken, Kit, differences, kit_of, run_kit
from churnbench.export.document import Document, checked_scorer
from churnbench.export.engines import ENGINES
from churnbench.export.kit_cases import Case
from churnbench.export.vectors import Probes
from churnbench.formula import validate_body
from churnbench_scorer.golden import everything


@dataclass(frozen=True)
class EngineResult:
    """What one engine made of a kit.

    Attributes:
        engine: its name.
        rows: cases scored.
        broken: cases that differ in anything compared.
        compared: keys of `churnbench_scorer.golden.everything` that this engine gives and that were compared.
    """

    engine: str
    rows: int
    broken: tuple[Broken, ...] = ()
    compared: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every case agrees."""
        return not self.broken

    @property
    def rules(self) -> Mapping[str, int]:
        """Rule that a case probes -> cases of it that differ, most first."""
        return dict(Counter(f"{one.config}: {one.rule}" for one in self.broken).most_common())


def verify(
    document: Document,
    engines: Sequence[str] = ("python", "duckdb"),
    *,
    random_rows: int = 500,
    seed: int = 0,
) -> list[EngineResult]:
    """Let engines answer the kit of a config and random rows beside it.

    Args:
        document: a config document; its golden vectors are part of its kit.
        engines: names out of `ENGINES`.
        random_rows: rows beside the kit; the standard-library scorer says what they should give.
        seed: seed of those rows.

    Returns:
        One result per engine, in the order asked for.

    Raises:
        InputError: for no engine or an unknown one, or a document that the scorer refuses.
    """
    _check_names(engines)
    scorer, kit = checked_scorer(document), kit_of(document)
    probes = Probes(document["body"], validate_body(document["body"]))
    rng = Random(seed)  # noqa: S311 - reproducible, not secret
    rows = [probes.random(rng) for _ in range(random_rows)]
    more = [Case(document["config_id"], "a random row", row, everything(scorer.score(row))) for row in rows]
    return verify_kit(replace(kit, cases=[*kit.cases, *more]), engines)


def verify_kit(kit: Kit, engines: Sequence[str]) -> list[EngineResult]:
    """Let engines answer a kit.

    Raises:
        InputError: for no engine, an unknown one, or one that cannot run here.
    """
    _check_names(engines)
    return [checked_answers(name, kit, run_kit(kit, ENGINES[name])) for name in engines]


def checked_answers(name: str, kit: Kit, answers: Mapping[int, Mapping[str, Any]]) -> EngineResult:
    """What is wrong with the answers that somebody's scorer gave to a kit."""
    given = set().union(*answers.values()) if answers else set()
    known = kit.cases[0].wanted if kit.cases else {}
    compared = tuple(key for key in known if key in given)
    return EngineResult(name, len(kit.cases), tuple(differences(kit, answers)), compared)


def _check_names(engines: Sequence[str]) -> None:
    if not engines:
        raise InputError("no engine is named, so nothing would be proved.", fix=f"Use some of {', '.join(ENGINES)}.")
    for name in engines:
        if name not in ENGINES:
            raise InputError(f"engine {name!r} is not known.", fix=f"Use some of {', '.join(ENGINES)}.")
