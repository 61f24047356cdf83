"""The chapter on lead times and its drawings."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fake_evidence
import pytest

from churnbench.reports import figures, render_review
from churnbench.reports.blocks import Gallery, Missing, Prose, Section, Table
from churnbench.reports.charts.lead import LeadDot, LeadRow, StudyDot, lead_chart, study_chart
from churnbench.reports.lens import lens_of
from churnbench.reports.reading import Estimate
from churnbench.reports.sections.lead_time import CLASSES, lead_figures, lead_section, study_figures


def section(evidence: dict[str, Any]) -> Section:
    return lead_section(lens_of(evidence))


def table_of(found: Section, title: str) -> Table:
    return next(block for block in found.blocks if isinstance(block, Table) and block.title == title)


def drawing(svg: object) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))  # noqa: S314 - our own drawing


def texts(svg: object) -> list[str]:
    return [part.text or "" for part in drawing(svg).iter("text")]


def test_the_finding_counts_classes_of_metrics_only() -> None:
    assert section(fake_evidence.full()).finding == (
        "3 of 15 metrics lead by 60 days or more, 3 by 30 to 60, 2 show in the last 30 days only, "
        "2 cannot be judged yet. 1 against its declared direction."
    )


def test_the_chapter_says_what_it_rests_on_and_what_was_left_out() -> None:
    evidence = fake_evidence.full()
    prose = [block for block in section(evidence).blocks if isinstance(block, Prose)]
    scope = next(block.text for block in prose if block.lead == "What this rests on.")
    assert "131 churned of 1,080 accounts, 11,400 snapshots, as known on 2017-06-30" in scope
    assert "nothing of the holdout is used" in scope
    assert "Left out: Plan (its text has no declared points)." in scope
    assert "watched until" not in scope
    evidence["lead_lag"] |= {"controls_watched": False, "sampled": "Computed on 900 randomly drawn accounts."}
    short = " ".join(block.text for block in section(evidence).blocks if isinstance(block, Prose))
    assert "some accounts that stayed were watched until their label was known only" in short
    assert "Computed on 900 randomly drawn accounts." in short


def test_classes_stand_in_words_with_interval_events_and_movement() -> None:
    table = table_of(section(fake_evidence.full()), "Class of each signal")
    assert [column.label for column in table.columns[3:]] == [
        *(f"AUC {days} days before" for days in ("90–180", "60–90", "30–60", "0–30")),
        "moved, sd",
    ]
    rows = {row[0].text: row for row in table.rows}
    assert len(rows) == 20
    assert list(rows)[:5] == ["Today's formula", "Sentiment", "Financial", "Usage", "Engagement"]
    seats = rows["Active seats share"]
    assert (seats[1].text, seats[2].text) == (CLASSES["leading"][1], "leading")
    assert (seats[6].text, seats[6].note, seats[6].look) == ("0.720", "0.675 – 0.765", "strong")
    assert (seats[7].text, seats[7].note) == ("−0.66", "half 102 days before")
    few = next(row for row in table.rows if row[1].text == CLASSES["not-enough-events"][1])
    assert (few[3].text, few[3].note) == ("n/a", "14 churned")
    tickets = rows["Support tickets in 90 days"]
    assert tickets[1].note == "the data contradict the declared direction"
    still = next(row for row in table.rows if row[1].text == CLASSES["none"][1])
    assert still[7].note.startswith("may be 0: ")


def test_the_alert_is_shown_beside_its_price_among_those_that_stayed() -> None:
    found = section(fake_evidence.full())
    sentence = next(block.text for block in found.blocks if isinstance(block, Prose) and "twice" in block.text)
    assert sentence == (
        "Of 118 churned accounts, 71 were red twice in a row under today's formula within 360 days before they left. "
        "Those were warned 121 days ahead (median; half of them between 64 and 203)."
    )
    rows = [[cell.text for cell in row] for row in table_of(found, "How early today's formula warns").rows]
    assert rows[0] == ["churned, warned 30 days ahead or more", "53.0 %", "46.0 – 60.0 %"]
    assert rows[-1] == ["stayed, warned all the same", "17.0 %", "15.0 – 19.0 %"]


def test_without_an_alert_or_a_warned_churner_nothing_is_made_up() -> None:
    evidence = fake_evidence.full()
    evidence["lead_lag"]["alert"] |= {"warned": 0, "days": None}
    text = " ".join(block.text for block in section(evidence).blocks if isinstance(block, Prose))
    assert "0 were red twice" in text
    assert "Those were warned" not in text
    evidence["lead_lag"]["alert"] = None
    assert not any(isinstance(block, Table) and "warns" in block.title for block in section(evidence).blocks)


def test_a_table_without_dates_gets_a_sentence_and_no_figures() -> None:
    evidence = fake_evidence.cross_sectional()
    found = section(evidence)
    (block,) = found.blocks
    assert isinstance(block, Missing)
    assert "nothing can be said to come before churn" in block.why
    assert lead_figures(lens_of(evidence)) == study_figures(lens_of(evidence)) == []
    assert "nothing can be said to come before churn" in render_review(evidence)
    (missing,) = section(fake_evidence.blocked()).blocks
    assert isinstance(missing, Missing)
    assert "a blocking check stopped the review" in missing.why


def test_metrics_stand_from_the_most_useful_class_on_and_at_most_twelve_a_chart() -> None:
    found = lead_figures(lens_of(fake_evidence.full()))
    assert [one.name for one in found] == ["lead_time_scores", "lead_time_metrics_1", "lead_time_metrics_2"]
    words = texts(found[1].svg)
    assert [word for word in words if "–" in word] == ["90–180", "60–90", "30–60", "0–30"]
    assert words.index("leading") < words.index("coincident") < words.index("last 30 days only")
    assert "Support tickets in 90 days" in texts(found[1].svg) + texts(found[2].svg)
    assert any(word.endswith(", reversed") for one in found for word in texts(one.svg))
    galleries = [block for block in section(fake_evidence.full()).blocks if isinstance(block, Gallery)]
    assert [len(block.figures) for block in galleries] == [1, 2, 6]


def test_without_scores_or_metrics_the_charts_hold_what_there_is() -> None:
    evidence = fake_evidence.full()
    signals = evidence["lead_lag"]["signals"]
    evidence["lead_lag"]["signals"] = [row for row in signals if row["kind"] == "metric"]
    assert [one.name for one in lead_figures(lens_of(evidence))] == ["lead_time_metrics_1", "lead_time_metrics_2"]
    evidence["lead_lag"]["signals"] = [row for row in signals if row["kind"] != "metric"]
    assert [one.name for one in lead_figures(lens_of(evidence))] == ["lead_time_scores"]
    assert section(evidence).finding == "No metric could be looked at."


def test_event_studies_show_the_six_strongest_metrics_on_one_scale() -> None:
    found = study_figures(lens_of(fake_evidence.full()))
    assert len(found) == 6
    assert "Active seats share" in [one.title for one in found]
    grids = {tuple(word for word in texts(one.svg) if re.fullmatch(r"−?\d\.\d+|0", word)) for one in found}
    assert len(grids) == 1


def test_a_dot_is_full_only_where_it_is_significant_and_missing_figures_say_so() -> None:
    row = LeadRow(
        "Logins",
        "leading",
        [
            LeadDot(Estimate(0.7, 0.65, 0.75), significant=True),
            LeadDot(Estimate(0.5), significant=False),
            LeadDot(Estimate(), significant=False),
        ],
    )
    svg = drawing(lead_chart(["60–90", "30–60", "0–30"], [row], (0.3, 0.8), "label"))
    assert [one.get("class") for one in svg.iter("circle")] == ["d cand", "o today"]
    assert [one.get("class") for one in svg.iter("rect")] == ["r cand"]
    assert "too few" in [part.text for part in svg.iter("text")]
    full, hollow = svg.iter("circle")
    panel = (380 - 8 - 20) / 3
    assert float(full.get("cx")) == pytest.approx(4 + 0.8 * panel, abs=0.1)
    assert float(hollow.get("cx")) == pytest.approx(4 + panel + 10 + 0.4 * panel, abs=0.1)


def test_time_runs_to_the_churn_at_the_right_and_unknown_months_leave_a_gap() -> None:
    dots = [StudyDot(15.0 + 30 * n, Estimate(-0.1 * n, -0.1 * n - 0.1, -0.1 * n + 0.1)) for n in range(6)]
    dots[2] = StudyDot(75.0, Estimate())
    svg = drawing(study_chart(dots, (-1.0, 0.2), "label"))
    assert len([one for one in svg.iter("path") if one.get("class") == "l cand"]) == 2
    assert len(list(svg.iter("circle"))) == 5
    places = [float(one.get("cx")) for one in svg.iter("circle")]
    assert places == sorted(places)
    ticks = [part.text for part in svg.iter("text")]
    assert {"churn", "90", "180"} <= set(ticks)


def test_figures_of_lead_times_are_files_too(tmp_path: Path) -> None:
    names = {path.name for path in figures(fake_evidence.full(), tmp_path)}
    assert {"lead_time_scores.svg", "lead_time_metrics_1.svg", "before_churn_active_seats_share.svg"} <= names


def test_unheard_of_classes_and_buckets_are_shown_as_they_are() -> None:
    evidence = copy.deepcopy(fake_evidence.full())
    evidence["lead_lag"]["signals"][0] |= {"class": "sideways", "buckets": [{"from": 5, "to": None}], "movement": None}
    rows = {row[0].text: row for row in table_of(section(evidence), "Class of each signal").rows}
    assert rows["Active seats share"][1].text == "sideways"
    assert rows["Active seats share"][7].text == "n/a"
    bare = evidence["lead_lag"]["signals"][1]
    bare["movement"] = {"size": {"value": 0.1, "ci90": None}, "half_days": None}
    rows = {row[0].text: row for row in table_of(section(evidence), "Class of each signal").rows}
    assert (rows["Feature adoption"][7].text, rows["Feature adoption"][7].note) == ("+0.10", "")
