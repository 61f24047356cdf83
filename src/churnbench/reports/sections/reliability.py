"""Whether a probability of 10 % means that one in ten churns."""

from __future__ import annotations

from churnbench.reports.blocks import Figure, Gallery, Missing, Section
from churnbench.reports.charts.reliability import Bin, reliability_chart
from churnbench.reports.lens import Lens
from churnbench.reports.reading import estimate, number, records, table
from churnbench.reports.wording import fixed, span

HOW = (
    "Holdout rows in groups of nearly equal predicted probability. Vertical bars: 90 % interval "
    "of the observed rate. On the dashed line prediction and outcome agree."
)


def reliability_section(lens: Lens) -> Section:
    """One diagram a contender, on one scale."""
    figures = reliability_figures(lens)
    blocks = [Gallery(figures)] if figures else [Missing("Reliability diagrams", lens.why_absent)]
    slope = estimate(lens.evidence, "contenders", lens.candidate, "holdout", "calibration_slope")
    ratio = estimate(lens.evidence, "contenders", lens.candidate, "holdout", "observed_over_expected")
    if slope.value is None:
        finding = "Not available."
    else:
        finding = (
            f"Candidate: calibration slope {fixed(slope.value, 2)} ({span(slope, 2)}), observed "
            f"over expected {fixed(ratio.value, 2)}."
        )
    return Section("reliability", "Probabilities: predicted against observed", finding, blocks, short="Reliability")


def reliability_figures(lens: Lens) -> list[Figure]:
    """Diagrams of today's formula, the candidate and the others that the evidence holds."""
    found = {name: _bins(lens, name) for name in dict.fromkeys([*lens.main(), *table(lens.evidence, "reliability")])}
    known = {name: bins for name, bins in found.items() if bins}
    if not known:
        return []
    top = max(max(one.predicted, one.observed) for bins in known.values() for one in bins) * 1.12 or 0.1
    return [
        Figure(
            lens.label(name),
            reliability_chart(
                bins,
                lens.role(name),
                f"Predicted against observed churn of {lens.label(name)}",
                min(top, 1.0),
            ),
            HOW if index == 0 else "",
            name=f"reliability_{name}",
        )
        for index, (name, bins) in enumerate(known.items())
    ]


def _bins(lens: Lens, name: str) -> list[Bin]:
    bins = []
    for row in records(lens.evidence, "reliability", name):
        predicted, observed = number(row, "predicted"), number(row, "observed")
        if predicted is not None and observed is not None:
            bins.append(Bin(predicted, observed, number(row, "low"), number(row, "high"), number(row, "rows") or 0.0))
    return sorted(bins, key=lambda one: one.predicted)
