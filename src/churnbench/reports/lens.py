"""An evidence document with names: which contender is the candidate, what each is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from churnbench.domain.bands import NAMED
from churnbench.reports.reading import Evidence, records, table, words
from churnbench.reports.wording import clean, label_of

INCUMBENT, CEILING = "incumbent", "lightgbm"
#: Order in tables: what people compare first.
ORDER = (
    INCUMBENT,
    "anchored",
    "distilled",
    "shap_slope",
    "shap_share",
    "logistic",
    CEILING,
    "best_single_metric",
)
DERIVATIONS = ("hand", "shap_share", "shap_slope", "distilled", "anchored")


@dataclass(frozen=True)
class Lens:
    """Evidence and the names needed to talk about it."""

    evidence: Evidence
    candidate: str = "anchored"
    metric_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocked(self) -> bool:
        """Whether the review stopped before anything was computed."""
        return words(self.evidence, "verdict") == "blocked"

    @property
    def in_force(self) -> bool:
        """Whether today's formula is a released one, and not the declared one."""
        return words(self.evidence, "today", "source") == "in-force"

    @property
    def today(self) -> str:
        """What the formula to beat is called."""
        return "formula in force" if self.in_force else "today's formula"

    @property
    def today_described(self) -> str:
        """Which formula that is; empty where the evidence does not tell."""
        return clean(words(self.evidence, "today", "described"), 300)

    @property
    def by_hand(self) -> bool:
        """Whether the candidate is a formula that somebody brought."""
        return self.candidate == "draft"

    @property
    def why_absent(self) -> str:
        """Reason for a part that the evidence does not hold."""
        if self.blocked:
            return "a blocking check stopped the review before it was computed"
        if words(self.evidence, "claim_level") == "cross-sectional":
            return "the table has no dates (cross-sectional), or the review did not compute it"
        return "the review did not compute it"

    def contenders(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Contenders in table order: today, candidate, the others."""
        found = table(self.evidence, "contenders")
        first = [INCUMBENT, self.candidate, *ORDER]
        names = [name for name in dict.fromkeys([*first, *found]) if isinstance(found.get(name), Mapping)]
        return [(name, found[name]) for name in names]

    def main(self) -> list[str]:
        """Today, candidate, ceiling: the three that every chart compares."""
        return list(dict.fromkeys([INCUMBENT, self.candidate, CEILING]))

    def label(self, name: str) -> str:
        """What a contender is called."""
        return label_of(name, words(self.evidence, "contenders", name, "label"))

    def short_label(self, name: str) -> str:
        """One or two words for a chart."""
        if name == INCUMBENT:
            return "today"
        if name == self.candidate:
            return "candidate"
        return "LightGBM" if name == CEILING else self.label(name)

    def role(self, name: str) -> str:
        """Look of a contender in charts."""
        if name == INCUMBENT:
            return "today"
        if name == self.candidate:
            return "cand"
        return "ceil" if name == CEILING else "other"

    def metric(self, identifier: str) -> str:
        """What a metric is called."""
        return clean(self.metric_labels.get(identifier) or identifier, 60)


def lens_of(evidence: Evidence) -> Lens:
    """Read the names out of a document."""
    labels: dict[str, str] = {}
    for row in [*records(evidence, "curves"), *records(evidence, "weights", "metrics")]:
        identifier = words(row, "metric") or words(row, "id")
        label = words(row, "label")
        if identifier and label:
            labels[identifier] = label
    candidate = words(evidence, "gate", "candidate") or words(evidence, "gate", "derive") or "anchored"
    return Lens(evidence, candidate, labels)


def band_look(name: str) -> str:
    """Style of a band: the three known colours, grey for any other name."""
    return NAMED.get(name.strip().lower(), "plain")
