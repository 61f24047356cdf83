"""The cases of a conformance kit: what is asked of a config, and the exact answers of the scorer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from churnbench.export.document import Document, checked_scorer
from churnbench.export.kit_rows import hard_rows
from churnbench.export.vectors import Probes, Row, crossing, extremes, labelled_rows
from churnbench.formula import Body, validate_body
from churnbench_scorer import Score, Scorer
from churnbench_scorer.golden import decode, everything

#: Neighbouring doubles on either side of a rounding: where any other arithmetic shows.
_FINE = 60
_TARGETS = 12


@dataclass(frozen=True)
class Case:
    """One account and its exact result; `rule` says what it probes."""

    config: str
    rule: str
    inputs: Row
    wanted: Mapping[str, Any]


def cases_of(name: str, document: Document) -> Iterator[Case]:
    """Cases of one config, each account once."""
    scorer, body = checked_scorer(document, now=document["lifecycle"]["created"]), document["body"]
    kinds = validate_body(body)
    probes = Probes(body, kinds)
    seed = int(document["integrity"]["body_sha256"][:13], 16)
    score = partial(_health, scorer)
    rows = labelled_rows(body, kinds, seed, score)
    rows += [*hard_rows(body, probes, score), *_fine(body, probes, scorer), *_held(body, probes, scorer)]
    rows += [("a golden vector", decode(vector["in"], scorer.inputs)) for vector in document["golden"]]
    seen: set[str] = set()
    for rule, row in rows:
        known = repr(sorted(row.items()))
        if known not in seen:
            seen.add(known)
            yield Case(name, rule, row, everything(scorer.score(row)))


#: Outputs that are rounded, rising from the worst row to the best.
_ROUNDED: Mapping[str, Callable[[Score], float | None]] = {
    "the score": lambda score: score.health_score_x100,
    "the total": lambda score: score.total_score_x100,
    "the probability": lambda score: None if score.churn_probability is None else -score.churn_probability,
    "a contribution": lambda score: score.contributions[0][1] if score.contributions else None,
}


def _fine(body: Body, probes: Probes, scorer: Scorer) -> Iterator[tuple[str, Row]]:
    """Neighbouring rows on either side of a rounding, of every output that is rounded."""
    for name, output in _ROUNDED.items():
        of = partial(_value, scorer, output)
        ends = [of(row) for row in extremes(body, probes)]
        low, high = (float("nan") if end is None else end for end in ends)
        for step in range(1, _TARGETS + 1) if low < high else ():
            target = low + (high - low) * step / (_TARGETS + 1)
            for row in crossing(body, probes, of, target, halvings=_FINE):
                yield f"rounding of {name}", row


def _health(scorer: Scorer, row: Row) -> int | None:
    return scorer.score(row).health_score_x100


def _value(scorer: Scorer, output: Callable[[Score], float | None], row: Row) -> float | None:
    return output(scorer.score(row))


def _held(body: Body, probes: Probes, scorer: Scorer) -> Iterator[tuple[str, Row]]:
    """Every band in force and every reading before, at every border and a margin away from it."""
    held = body.get("hysteresis")
    if not held:
        return
    names = [name for name in (held["input"], held.get("reading")) if name is not None]
    choices = [[*probes.texts[name], None, "no such band"] for name in names]
    starts = [start for _, start in body["bands"][1:]]
    score = partial(_value, scorer, _ROUNDED["the score"])
    for edge in starts:
        for target in (edge - held["margin"], edge, edge + held["margin"]):
            rows = crossing(body, probes, score, target, halvings=_FINE)
            for row, texts in product(rows, product(*choices)):
                yield "band in force", row | dict(zip(names, texts, strict=True))
