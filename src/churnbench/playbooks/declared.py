"""Triggers and playbooks as declared: the shipped ones, and what a project adds or changes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from churnbench.data.hints import did_you_mean, listed
from churnbench.data.sections_playbooks import PlaybookSection, PlaybooksSection, TriggerSection
from churnbench.domain.errors import InputError

#: kind -> what it needs and what it may have beside that; `of` names columns of the score history.
KIND_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "below": (frozenset({"of", "value"}), frozenset({"clear"})),
    "falls_below": (frozenset({"of", "value"}), frozenset({"clear"})),
    "at_least": (frozenset({"of", "value"}), frozenset({"clear"})),
    "falls_by": (frozenset({"of", "points", "days"}), frozenset()),
    "falls_share": (frozenset({"of", "share", "days"}), frozenset()),
    "several_down": (frozenset({"points", "days", "count"}), frozenset({"of"})),
    "any_falls_below": (frozenset({"value"}), frozenset({"of", "clear"})),
    "band_change": (frozenset({"bands"}), frozenset()),
    "velocity": (frozenset({"of", "days"}), frozenset({"per_day_from", "per_day_to", "bands"})),
    "absent": (frozenset({"of", "days"}), frozenset()),
    "renewal": (frozenset({"days"}), frozenset()),
    "cadence": (frozenset({"bands", "every_days"}), frozenset()),
}
#: Kinds that follow the calendar or the routine: due for every account in turn, so no warning that could be right.
SCHEDULES = frozenset({"renewal", "cadence"})
#: What any trigger may have.
_COMMON = frozenset({"id", "label", "kind", "owner", "due_days", "cool_down_days", "playbook", "enabled", "segments"})
#: Filters of kinds that look at values.
_FILTERS = frozenset({"bands", "renewal_within_days"})


@dataclass(frozen=True)
class Trigger:
    """One trigger, complete; see docs/triggers.md for the kinds.

    Attributes:
        id, label, kind: name, words, key of `KIND_FIELDS`.
        of: columns of the score history; the first that the history holds is read (all of them, or every
            dimension when empty, for kinds that look at several).
        value, clear: threshold, and the value from which the episode ends (the threshold itself when None).
        points, share: size of a fall, in the unit of the column and as a share of the earlier value.
        days: window, horizon of the renewal or length of the silence.
        per_day_from, per_day_to: points per day; see `kinds.velocity` for which end belongs to which band.
        count: how many indicators.
        every_days: rhythm of a cadence.
        bands, segments, renewal_within_days: only readings in these; empty or None: all.
        owner, due_days, cool_down_days, playbook, enabled: who, working days until due, days of rest after an
            episode, id of the playbook or None.
    """

    id: str
    label: str
    kind: str
    of: tuple[str, ...] = ()
    value: float = 0.0
    clear: float | None = None
    points: float = 0.0
    share: float = 0.0
    days: int = 0
    per_day_from: float | None = None
    per_day_to: float | None = None
    count: int = 1
    every_days: int = 0
    bands: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    renewal_within_days: int | None = None
    owner: str = "csm"
    due_days: int = 5
    cool_down_days: int = 0
    playbook: str | None = None
    enabled: bool = True

    @property
    def scheduled(self) -> bool:
        """Whether it follows the calendar or the routine and warns of nothing."""
        return self.kind in SCHEDULES


@dataclass(frozen=True)
class Declared:
    """What a project works with.

    Attributes:
        triggers: in the order of the defaults, then the project's own; disabled ones included.
        playbooks: by id.
        settings: who is who, limits, how alerts are sent.
    """

    triggers: tuple[Trigger, ...]
    playbooks: dict[str, PlaybookSection]
    settings: PlaybooksSection


@cache
def default_sections() -> tuple[tuple[TriggerSection, ...], tuple[PlaybookSection, ...]]:
    """The shipped triggers and playbooks, as declared in `default.toml`."""
    content = tomllib.loads(resources.files("churnbench.playbooks").joinpath("default.toml").read_text("utf-8"))
    triggers = tuple(TriggerSection.model_validate(row) for row in content["triggers"])
    return triggers, tuple(PlaybookSection.model_validate(row) for row in content["playbooks"])


def declare(
    settings: PlaybooksSection | None = None, own: Iterable[TriggerSection] = (), *, file: str = "churnbench.toml"
) -> Declared:
    """Lay a project's triggers and playbooks over the shipped ones.

    Args:
        settings: `[playbooks]`; the defaults when None.
        own: `[[triggers]]`; the same id overrides what is stated, a new id is added.
        file: name of the project file, for messages.

    Returns:
        All triggers, checked against the kinds and the playbooks.

    Raises:
        InputError: an id twice, a key that is missing or that the kind does not read, an unknown playbook.

    >>> [trigger.value for trigger in declare(own=[TriggerSection(id="usage-below-40", value=35)]).triggers
    ...  if trigger.id == "usage-below-40"]
    [35.0]
    """
    settings = settings or PlaybooksSection()
    shipped, shipped_playbooks = default_sections() if settings.use == "default" else ((), ())
    own = tuple(own)
    _refuse_twice([section.id for section in own], "triggers", file)
    _refuse_twice([section.id for section in settings.own], "playbooks", file)
    merged: dict[str, dict[str, Any]] = {section.id: section.model_dump(exclude_none=True) for section in shipped}
    for section in own:
        stated = section.model_dump(exclude_none=True)
        before = merged.get(section.id, {})
        # Another kind reads other keys, so the shipped ones would only be in the way.
        kept = before if stated.get("kind", before.get("kind")) == before.get("kind") else {}
        merged[section.id] = {**kept, **stated}
    playbooks = {section.id: section for section in (*shipped_playbooks, *settings.own)}
    triggers = tuple(_trigger(row, playbooks, file) for row in merged.values())
    return Declared(triggers, playbooks, settings)


def _refuse_twice(ids: Sequence[str], what: str, file: str) -> None:
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two {what} are named '{twice}'.", file=file, column=what, fix="Give each its own id.")


def _trigger(row: dict[str, Any], playbooks: dict[str, PlaybookSection], file: str) -> Trigger:
    place = f"triggers '{row['id']}'"
    kind = row.get("kind")
    if kind is None:
        hint = did_you_mean(row["id"], [section.id for section in default_sections()[0]])
        raise InputError(
            "it is no shipped trigger and says no kind.",
            file=file,
            column=place,
            fix=f"{hint} A trigger of your own needs kind = one of {', '.join(KIND_FIELDS)}.".strip(),
        )
    needed, optional = KIND_FIELDS[kind]
    absent = sorted(needed - set(row))
    if kind == "velocity" and not {"per_day_from", "per_day_to"} & set(row):
        absent = ["per_day_from or per_day_to"]
    if absent:
        raise InputError(f"kind '{kind}' also needs {', '.join(absent)}.", file=file, column=place, fix="Add it.")
    filters = frozenset() if kind in SCHEDULES | {"band_change"} else _FILTERS
    known = _COMMON | needed | optional | filters
    unread = sorted(set(row) - known)
    if unread:
        raise InputError(
            f"kind '{kind}' does not read {', '.join(unread)}; it reads {listed(sorted(known - _COMMON), 20)}.",
            file=file,
            column=place,
            fix="Delete it, or choose another kind.",
        )
    playbook = row.get("playbook")
    if playbook is not None and playbook not in playbooks:
        hint = did_you_mean(playbook, playbooks)
        raise InputError(f"there is no playbook '{playbook}'.", file=file, column=place, fix=hint or "Declare it.")
    _check_clear(row, kind, file, place)
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Trigger(**{"label": row["id"], **plain})


def _check_clear(row: dict[str, Any], kind: str, file: str, place: str) -> None:
    """An episode that ended before it began would open and close at every reading."""
    clear = row.get("clear")
    if clear is None:
        return
    wrong = clear > row["value"] if kind == "at_least" else clear < row["value"]
    if wrong:
        side = "at most" if kind == "at_least" else "at least"
        raise InputError(
            f"clear = {clear:g} lies on the alarming side of value = {row['value']:g}.",
            file=file,
            column=place,
            fix=f"Write clear = {side} {row['value']:g}, or leave it out.",
        )
