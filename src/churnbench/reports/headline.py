"""The first screen: verdict, one chart, old and new weights, what to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from churnbench.reports.blocks import Figure
from churnbench.reports.charts.kit import Axis
from churnbench.reports.charts.lines import Mark, Series, line_chart
from churnbench.reports.decisions import Decision, decisions
from churnbench.reports.lens import CEILING, Lens
from churnbench.reports.reading import at, estimate, number, records, words
from churnbench.reports.sections.last_time import decided, turned_out
from churnbench.reports.sections.weights import dimension_dots
from churnbench.reports.wording import clean, day, fixed, percent, span, whole

#: verdict -> (what stands above the sentence, sentence when the evidence holds none).
VERDICTS = {
    "promote": ("Promote the candidate", "The candidate ranks churn better than today's formula."),
    "keep-equivalent": (
        "Keep today's formula",
        "Candidate and today's formula are equally good; nothing needs to change.",
    ),
    "reject": ("Reject the candidate", "The candidate is worse than today's formula."),
    "not-enough-evidence": (
        "Not enough evidence",
        "The data cannot tell the two formulas apart yet; today's formula stays.",
    ),
    "descriptive-only": (
        "Descriptive only",
        "Too few accounts churned to compare formulas; the figures describe the past.",
    ),
    "blocked": ("Blocked", "A leakage or sanity check stopped the review before any figure was computed."),
}
GAIN_HOW = (
    "Accounts of each holdout snapshot called in order of risk, riskiest first; height: "
    "share of the accounts that "
    "then churned which were among those called; who left within the gap counts as missed. Ranges: 90 %, bootstrap "
    "of accounts."
)
#: The chart ends at this many times the capacity.
CALLS_SHOWN = 5
#: The ceiling lies lowest, the candidate on top.
DRAW_ORDER = {"ceil": 0, "today": 1, "cand": 2}


@dataclass(frozen=True)
class Fact:
    """One figure of the strip below the verdict."""

    label: str
    today: str
    candidate: str
    ceiling: str


@dataclass(frozen=True)
class Headline:
    """All that the first screen shows; what is absent is None or empty."""

    project: str
    facts_line: str
    claim: str
    verdict: str
    sentence: str
    reason: str
    gain: Figure | None
    weights: Figure | None
    decisions: list[Decision]
    facts: list[Fact]
    absent: str
    last: str = ""
    today: str = "today's formula"
    compared: str = ""
    ceiling: str = "LightGBM, the ceiling"


def headline(lens: Lens) -> Headline:
    """Read the first screen out of the evidence."""
    verdict = words(lens.evidence, "verdict")
    title, otherwise = VERDICTS.get(verdict, (clean(verdict, 40) or "No verdict", "The evidence holds no verdict."))
    title, otherwise = (
        text.replace("today's formula", f"the {lens.today}") if lens.in_force else text for text in (title, otherwise)
    )
    return Headline(
        project=clean(words(lens.evidence, "project", "name"), 60) or "churnbench",
        facts_line=_facts_line(lens),
        claim=clean(words(lens.evidence, "claim_level"), 40),
        verdict=title,
        sentence=_sentence(lens, title, otherwise),
        reason=clean(words(lens.evidence, "verdict_reason"), 700),
        gain=gain_figure(lens),
        weights=dimension_dots(lens),
        decisions=decisions(lens),
        facts=_facts(lens),
        absent=lens.why_absent,
        last=_last(lens),
        today=lens.today,
        compared=_compared(lens),
        ceiling="LightGBM, a challenger" if "challenger" in lens.label(CEILING) else "LightGBM, the ceiling",
    )


def _compared(lens: Lens) -> str:
    """What the candidate is held against, and a capacity that somebody chose; empty where nothing needs saying."""
    said = f"Compared with the {lens.today_described}. " if lens.in_force else ""
    return (said + clean(words(lens.evidence, "capacity", "sentence"), 300)).strip()


def _last(lens: Lens) -> str:
    """The last decision and how its promises turned out; empty before the first one."""
    last = at(lens.evidence, "last_decision")
    if not isinstance(last, Mapping) or words(last, "note"):
        return ""
    outcome = turned_out(last) or clean(words(last, "outcome", "note"), 200)
    return f"{decided(last)} {outcome}"


def _sentence(lens: Lens, title: str, otherwise: str) -> str:
    """The verdict sentence without the words that already stand above it."""
    sentence = clean(words(lens.evidence, "verdict_sentence"), 400) or otherwise
    rest = sentence[len(title) :]
    if sentence.lower().startswith(title.lower()) and rest[:1] in (":", ",", ";"):
        rest = rest[1:].strip()
        return rest[:1].upper() + rest[1:] if rest else otherwise
    return sentence


def _facts_line(lens: Lens) -> str:
    e = lens.evidence
    parts = []
    for key, unit in (("accounts", "accounts"), ("snapshots", "snapshots"), ("events", "churned")):
        value = number(e, "data", key)
        if value is not None:
            parts.append(f"{whole(value)} {unit}")
    first, last = day(words(e, "data", "first_as_of")), day(words(e, "data", "last_as_of"))
    if first and last:
        parts.append(f"{first} to {last}")
    rate = number(e, "data", "base_rate")
    if rate is not None:
        parts.append(f"base rate {percent(rate)}")
    return " · ".join(parts)


def _facts(lens: Lens) -> list[Fact]:
    names = [name for name, _ in lens.contenders()]
    if not {"incumbent", lens.candidate} & set(names):
        return []
    rows = [("AUC", [_with_span(lens, name, "auc") for name in lens.main()])]
    rows.append(("log loss", [_with_span(lens, name, "log_loss") for name in lens.main()]))
    k = number(lens.evidence, "contenders", lens.candidate, "at_capacity", "k")
    if k is not None:
        caught = [_caught(lens, name) for name in lens.main()]
        chosen = " (chosen in the draft)" if words(lens.evidence, "capacity", "source") == "draft" else ""
        rows.append((f"churners caught at {whole(k)} calls{chosen}, of all who left", caught))
    return [Fact(label, *[*values, "", "", ""][:3]) for label, values in rows]


def _with_span(lens: Lens, name: str, key: str) -> str:
    found = estimate(lens.evidence, "contenders", name, "holdout", key)
    text = span(found)
    return f"{fixed(found.value)} ({text})" if text else fixed(found.value)


def _caught(lens: Lens, name: str) -> str:
    caught = number(lens.evidence, "contenders", name, "at_capacity", "caught")
    of = number(lens.evidence, "contenders", name, "at_capacity", "of")
    return "n/a" if caught is None or of is None else f"{whole(caught)} of {whole(of)}"


def gain_figure(lens: Lens) -> Figure | None:
    """Churners caught against accounts called, or None."""
    series = []
    for name in lens.main():
        rows = []
        for row in records(lens.evidence, "gain", name):
            called, caught = number(row, "called"), number(row, "caught")
            if called is not None and caught is not None:
                low, high = number(row, "low"), number(row, "high")
                rows.append((called, caught, caught if low is None else low, caught if high is None else high))
        if len(rows) > 1:
            series.append(Series(lens.short_label(name), lens.role(name), sorted(rows)))
    if not series:
        return None
    k = number(lens.evidence, "contenders", lens.candidate, "at_capacity", "k")
    series = [_near_capacity(one, k) for one in series]
    svg = line_chart(
        sorted(series, key=lambda one: DRAW_ORDER.get(one.role, 0)),
        Axis("accounts called per snapshot"),
        Axis("churners caught", 5, percent=True),
        "Share of churners caught against accounts called: today, candidate, LightGBM",
        marks=[] if k is None else [Mark(k, f"{whole(k)} calls: the team's capacity")],
        y_high=min(1.0, max(row[3] for one in series for row in one.rows) * 1.04),
        size=(540, 330),
    )
    return Figure("Churners caught, riskiest accounts first", svg, GAIN_HOW, name="gain")


def _near_capacity(line: Series, k: float | None) -> Series:
    """Calls up to a few times the capacity: nobody makes more, and the lines meet there anyway."""
    if k is None:
        return line
    rows = [row for row in line.rows if row[0] <= CALLS_SHOWN * k]
    return Series(line.label, line.role, rows) if len(rows) > 3 else line
