"""The up to three things that a person must decide, most pressing first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from churnbench.reports.lens import Lens
from churnbench.reports.reading import at, number, records, words
from churnbench.reports.sections.bands import promise_of
from churnbench.reports.sections.directions import change_title
from churnbench.reports.sections.movers import moved
from churnbench.reports.wording import clean, fixed, money, whole

AT_MOST = 3


@dataclass(frozen=True)
class Decision:
    """A question for a person and where its evidence stands."""

    question: str
    detail: str
    anchor: str


def decisions(lens: Lens) -> list[Decision]:
    """At most three decisions."""
    return list(islice(chain.from_iterable(source(lens) for source in SOURCES), AT_MOST))


def _blocks(lens: Lens) -> Iterator[Decision]:
    for row in records(lens.evidence, "checks"):
        if words(row, "severity") == "block" and not words(row, "allowed"):
            yield Decision(f"Is {clean(words(row, 'id'), 60)} a leak?", clean(words(row, "detail"), 320), "checks")


def _directions(lens: Lens) -> Iterator[Decision]:
    changes = [row for row in records(lens.evidence, "direction_changes") if not at(row, "in_force")]
    if len(changes) == 1:
        detail = f"{change_title(lens, changes[0])}."
        yield Decision("Approve a turned direction?", detail, "directions")
    elif changes:
        named = ", ".join(lens.metric(words(row, "metric")) for row in changes[:4])
        yield Decision(
            f"Approve {len(changes)} turned directions?",
            f"Declared and {'drafted' if lens.by_hand else 'seen'} differ for {named}.",
            "directions",
        )


def _adoption(lens: Lens) -> Iterator[Decision]:
    verdict = words(lens.evidence, "verdict")
    if verdict == "promote":
        count, revenue = moved(lens)
        arr = "" if revenue is None else f" with {money(revenue)} of ARR"
        detail = (
            f"{whole(count)} accounts{arr} would change band. Tell their owners first."
            if count
            else "See the weights and curves."
        )
        yield Decision("Sign off the candidate?", detail, "movers" if count else "weights")
    elif verdict == "not-enough-evidence":
        needed, seen = (
            number(lens.evidence, "gate", "events_needed"),
            number(lens.evidence, "gate", "holdout_events"),
        )
        detail = f"{_capital(lens.today)} stays meanwhile."
        if needed is not None:
            detail = (
                f"About {whole(needed)} churned accounts in the holdout would settle it; there "
                f"are {whole(seen)}. {detail}"
            )
        yield Decision("When to look again?", detail, "contenders")
    elif verdict == "keep-equivalent":
        yield Decision(
            f"Keep the {lens.today}?" if lens.in_force else "Keep today's formula?",
            "Both formulas are equally good; the simpler way is to change nothing.",
            "contenders",
        )


def _capital(name: str) -> str:
    return "The formula in force" if name == "formula in force" else "Today's formula"


def moved_cuts(lens: Lens) -> list[str]:
    """Bands that a draft lets begin elsewhere than today's formula does, in words."""
    found = []
    for row in records(lens.evidence, "thresholds"):
        start, was = number(row, "from"), number(row, "was")
        if start is not None and was is not None and abs(start - was) >= 0.005:
            found.append(f"{clean(words(row, 'band'), 40)} from {fixed(start, 2)} (was {fixed(was, 2)})")
    return found


def _thresholds(lens: Lens) -> Iterator[Decision]:
    rows = records(lens.evidence, "thresholds")
    if lens.by_hand:
        moved = moved_cuts(lens)
        if moved:
            yield Decision("Adopt the draft's cut-offs?", f"{'; '.join(moved)}. They promise nothing.", "thresholds")
        return
    kept = [row for row in rows if at(row, "guaranteed")]
    if kept:
        yield Decision(
            "Adopt the new cut-offs?",
            "; ".join(promise_of(lens, row) for row in kept) + ", with 90 % confidence.",
            "thresholds",
        )
    elif rows:
        yield Decision(
            "Keep the old cut-offs as labels?",
            "No bound passes, so no churn rate can be promised for a band.",
            "thresholds",
        )


def _reviews(lens: Lens) -> Iterator[Decision]:
    for row in records(lens.evidence, "checks"):
        if words(row, "severity") == "review":
            yield Decision(
                f"Is {clean(words(row, 'id').partition(':')[2] or words(row, 'id'), 50)} sound?",
                clean(words(row, "detail"), 240),
                "checks",
            )


def _drift(lens: Lens) -> Iterator[Decision]:
    sentence = words(lens.evidence, "drift", "sentence")
    if "ecalibrate" in sentence:
        yield Decision("Recalibrate the probabilities?", clean(sentence, 240), "checks")


#: Sources in order of urgency.
SOURCES: tuple[Callable[[Lens], Iterator[Decision]], ...] = (
    _blocks,
    _directions,
    _adoption,
    _thresholds,
    _reviews,
    _drift,
)
