"""What the review page says about playbooks."""

from __future__ import annotations

from typing import Any

import fake_evidence
import pytest

from churnbench.reports import render_review
from churnbench.reports.blocks import Block, Missing, Prose, Section, Table
from churnbench.reports.lens import lens_of
from churnbench.reports.sections.interventions import interventions_section


def section(evidence: dict[str, Any]) -> Section:
    return interventions_section(lens_of(evidence))


def rows_of(found: Section, title: str) -> list[list[str]]:
    table = next(block for block in found.blocks if isinstance(block, Table) and block.title == title)
    return [[f"{cell.text} {cell.note}".strip() for cell in row] for row in table.rows]


def prose(blocks: tuple[Block, ...] | list[Block]) -> str:
    return " ".join(f"{block.lead} {block.text}" for block in blocks if isinstance(block, Prose))


def test_the_finding_counts_and_names_what_every_other_figure_estimates() -> None:
    assert section(fake_evidence.full()).finding == (
        "300 treatments and 120 hold-outs by a coin are logged; 13.4 % of the snapshots were followed by a treatment. "
        "All other figures of the review estimate the risk under current care."
    )


def test_bands_of_which_more_than_three_tenths_were_treated_are_set_off_and_warned_about() -> None:
    found = section(fake_evidence.full())
    table = next(block for block in found.blocks if isinstance(block, Table) and block.title == "Treated share by band")
    shares = {row[0].text: row for row in table.rows}
    assert [table.rows[place][0].text for place in table.marked] == ["red"]
    assert shares["red"][5].text == "31.0 %"
    assert (shares["red"][6].text, shares["red"][6].note) == ("42.0 %", "2017Q2")
    warned = [block for block in found.blocks if isinstance(block, Prose) and block.tone == "warn"]
    assert [block.text for block in warned] == fake_evidence.full()["interventions"]["warnings"]


def test_bands_stand_in_the_order_of_the_formula() -> None:
    evidence = fake_evidence.full()
    order = [row["band"] for row in evidence["bands"] if row["formula"] == "incumbent"]
    evidence["interventions"]["shares"].sort(key=lambda row: row["band"])
    shown = [row[0] for row in rows_of(section(evidence), "Treated share by band")]
    assert shown == [band for band in order if band in shown]
    assert len(shown) == 3


def test_scores_left_alone_stand_beside_plain_ones_and_no_excuse_is_made_for_a_term_that_nobody_needs() -> None:
    found = section(fake_evidence.full())
    rows = rows_of(found, "The same scores, measured beside the care")
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("today's formula", "as observed risk under current care", "0.710"),
        ("today's formula", "left alone, weighted had nobody intervened", "0.780"),
        ("candidate", "as observed risk under current care", "0.710"),
        ("candidate", "left alone, weighted had nobody intervened", "0.780"),
    ]
    assert rows[1][5] == "0.95 0.89 \u2013 1.01"
    assert "Not shown" not in prose(found.blocks)


def test_why_a_way_is_not_shown_is_said_once_for_both_formulas() -> None:
    evidence = fake_evidence.full()
    for scores in evidence["interventions"]["evaluation"]["scores"].values():
        scores["weighted"] = {"obstacle": "Nobody was left alone."}
        scores["treatment_term"] = {"auc": {"value": None, "ci90": None}, "obstacle": "Too few churned."}
    found = section(evidence)
    assert len(rows_of(found, "The same scores, measured beside the care")) == 2
    text = prose(found.blocks)
    assert text.count("Nobody was left alone. (today's formula, candidate)") == 1
    assert "Not shown: treatment term. Too few churned." in text


def test_a_fall_beyond_the_cut_off_is_told_and_a_playbook_as_old_as_the_data_is_not_judged() -> None:
    found = section(fake_evidence.full())
    told, untold = rows_of(found, "Churn since a playbook began")
    assert told[0] == "adoption call"
    assert told[-1] == "churn fell beyond the cut-off only"
    assert untold[2:] == ["n/a", "n/a", "cannot be told"]
    assert "0 churned accounts had been settled" in prose(found.blocks)


def test_the_effect_of_coins_stands_per_band_or_how_many_more_accounts_it_takes() -> None:
    every, red, yellow = rows_of(section(fake_evidence.full()), "What the coins say")
    assert every[:4] == ["adoption call", "all", "18 of 120 15.0 %", "26 of 300 9.0 %"]
    assert every[4:] == ["\u22126.0", "\u221212.0 \u2013 \u22121.0", "it saves accounts"]
    assert red[1] == "red"
    assert red[-1] == "it saves accounts"
    assert yellow[2:] == ["2 of 40", "2 of 60", "n/a", "", "about 5,042 more randomised accounts"]
    assert "saves" not in yellow[-1]


def test_an_effect_whose_interval_holds_zero_is_not_called_a_saving() -> None:
    evidence = fake_evidence.full()
    evidence["interventions"]["randomised"]["effects"][0]["established"] = False
    assert rows_of(section(evidence), "What the coins say")[0][-1] == "not shown to save accounts"


def test_without_coins_the_section_says_why_no_effect_is_given() -> None:
    evidence = fake_evidence.full()
    evidence["interventions"]["randomised"] = {"effects": [], "sentence": "No uplift without randomised data."}
    assert "What the coins say. No uplift without randomised data." in prose(section(evidence).blocks)


def test_without_a_log_there_is_one_line() -> None:
    evidence = fake_evidence.full() | {"interventions": None}
    found = section(evidence)
    assert found.blocks == []
    assert found.finding.startswith("No interventions are logged")


@pytest.mark.parametrize("name", ["blocked", "cross_sectional"])
def test_a_review_that_did_not_look_does_not_say_that_nothing_is_logged(name: str) -> None:
    found = section(getattr(fake_evidence, name)())
    assert found.finding == "Not available."
    assert isinstance(found.blocks[0], Missing)


def test_parts_that_are_absent_are_said_to_be_absent() -> None:
    evidence = fake_evidence.full()
    evidence["interventions"] = {"treatments": 0, "held_out": 0, "estimand": "risk under current care"}
    found = section(evidence)
    assert [block.what for block in found.blocks if isinstance(block, Missing)] == [
        "Treated shares",
        "The same scores, measured beside the care",
    ]
    assert "none of the snapshots" in found.finding
    assert "No coin decided." in prose(found.blocks)


def test_names_of_playbooks_stay_text_on_the_page() -> None:
    page = render_review(fake_evidence.hostile())
    assert page.count("<script") == 1  # the page's own
    assert "&lt;script&gt;document.title=" in page
    assert "<img" not in page
