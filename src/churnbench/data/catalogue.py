"""The metric catalogue: what the metrics of this field measure, as TOML data files; `docs/catalogue.md` shows it.

Whether a metric moves before, with or after churn is a guess of the field (`moves`); a review tests it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from churnbench.data.hints import did_you_mean
from churnbench.data.normalisers import read_normaliser
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import Direction, MetricSpec, Normaliser

#: Groups of the catalogue, in reading order; each is a file.
GROUPS: tuple[str, ...] = ("usage", "engagement", "sentiment", "support", "value", "financial", "growth", "flags")
Moves = Literal["leading", "coincident", "lagging"]


@dataclass(frozen=True)
class CatalogueMetric:
    """One metric of the catalogue.

    Attributes:
        id: the id that presets, source mappings and projects use for this quantity.
        group: one of `GROUPS`.
        label, definition, unit: for people; the definition is one sentence.
        direction, normalise: how it is read unless a project says otherwise.
        moves: guess whether it moves before, with or after churn; a hypothesis.
        sources: tables it can be computed from, as "source.table"; the tables of one source are enough unless
            `also_needs` says more.
        ready: groups of sources with a ready mapping; one of each group is needed, and () is none. A test holds it and
            `sources` against the mappings.
        also_needs: what those tables do not hold, or where it comes from when there are none; else None.
        window_days: typical window; None for a state on the as-of date.
        flag: "red" or "green" when it is a red flag or green light of the account review, else None.
    """

    id: str
    group: str
    label: str
    definition: str
    unit: str
    direction: Direction
    normalise: Normaliser
    moves: Moves
    sources: tuple[str, ...]
    ready: tuple[tuple[str, ...], ...] = ()
    also_needs: str | None = None
    window_days: int | None = None
    flag: str | None = None

    @property
    def mapping(self) -> str:
        """The ready mappings in words, e.g. "zendesk or intercom, with amplitude"; "" when there is none."""
        return ", with ".join(" or ".join(group) for group in self.ready)

    @property
    def leading(self) -> bool:
        """Whether it is guessed to move before churn."""
        return self.moves == "leading"

    def as_metric(self, dimension: str, weight: float) -> MetricSpec:
        """A metric of a formula that reads this quantity the catalogue's way."""
        return MetricSpec(
            id=self.id,
            dimension=dimension,
            weight=weight,
            direction=self.direction,
            leading=self.leading,
            normalise=self.normalise,
            unit=self.unit,
            label=self.label,
        )


@cache
def catalogue() -> Mapping[str, CatalogueMetric]:
    """Every metric by its id, in reading order.

    >>> metric = catalogue()["days_since_last_login"]
    >>> metric.direction, metric.normalise.kind, metric.moves
    ('lower_is_healthier', 'recency', 'leading')
    """
    return {metric.id: metric for group in GROUPS for metric in _group(group)}


@cache
def group_labels() -> Mapping[str, str]:
    """Group -> what people call it."""
    return {group: str(_content(group)["label"]) for group in GROUPS}


def in_catalogue(metric: str) -> CatalogueMetric:
    """A metric by its id.

    Raises:
        InputError: there is none (with the nearest id).
    """
    found = catalogue().get(metric)
    if found is None:
        raise InputError(
            f"'{metric}' is not in the metric catalogue.",
            fix=did_you_mean(metric, catalogue()) or "See `churnbench catalogue`.",
        )
    return found


def found_in_catalogue(*, group: str | None = None, word: str | None = None) -> tuple[CatalogueMetric, ...]:
    """Metrics of a group, and with a word in id, label, definition or sources.

    Args:
        group: one of `GROUPS`; None for all.
        word: compared without regard to case; None for all.

    Raises:
        InputError: there is no such group.
    """
    if group is not None and group not in GROUPS:
        raise InputError(
            f"'{group}' is not a group of the catalogue; those are {', '.join(GROUPS)}.",
            column="--dimension",
            fix=did_you_mean(group, GROUPS) or "Choose one of them.",
        )
    wanted = (word or "").casefold()
    return tuple(
        metric
        for metric in catalogue().values()
        if group in (None, metric.group)
        and wanted in " ".join((metric.id, metric.label, metric.definition, *metric.sources)).casefold()
    )


@cache
def _content(group: str) -> dict[str, Any]:
    text = resources.files("churnbench.data").joinpath("catalogue", f"{group}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _group(group: str) -> Iterator[CatalogueMetric]:
    for row in _content(group)["metrics"]:
        rule = read_normaliser(row["normalise"], metric=row["id"], file=f"{group}.toml")
        rest = {name: value for name, value in row.items() if name not in ("normalise", "sources", "ready")}
        ready = tuple(tuple(names) for names in row.get("ready", ()))
        yield CatalogueMetric(group=group, normalise=rule, sources=tuple(row["sources"]), ready=ready, **rest)
