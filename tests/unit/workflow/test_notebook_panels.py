"""What objects show in a notebook: the evidence's own figures, nothing that a name could turn into markup."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import churnbench as cb
from churnbench.domain.rich_display import Column, Range, escaped, facts, panel, table
from churnbench.reports.wording import fixed, percent
from churnbench.workflow import FinishedRun
from churnbench.workflow.evidence_views import Config, Reviewed
from churnbench.workflow.facade import BacktestResult, Contenders, OpenProject
from churnbench.workflow.review import Review

HOSTILE = "<img src=x onerror=alert(1)>\"'&</td><script>alert(2)</script>\u202e"
ALLOWED = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "line", "rect", "circle"}


class Reading(HTMLParser):
    """Tags, attributes and visible text of a panel."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str] = {}
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name: value or "" for name, value in attrs}
        if tag not in ("line", "rect", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Reading:
    found = Reading(text)
    assert set(found.tags) <= ALLOWED
    assert not [name for name in found.attributes if name.startswith("on")]
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def finished(review: Review) -> FinishedRun:
    assert review.out is not None
    return cb.open_run(review.out)


@pytest.fixture(scope="module")
def project(dated_project: Path) -> OpenProject:
    return cb.open_project(dated_project)


def hostile(value: Any) -> Any:
    """Every text of a document made hostile; keys and figures stay."""
    if isinstance(value, dict):
        return {key: hostile(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_the_panel_of_a_review_shows_the_figures_of_its_evidence(finished: FinishedRun) -> None:
    shown = read(finished._repr_html_()).text
    for entry in finished.evidence["contenders"].values():
        assert entry["label"] in shown
        assert fixed(entry["holdout"]["auc"]["value"]) in shown
        assert fixed(entry["holdout"]["log_loss"]["value"], 4) in shown
    for line in finished.evidence["weights"]["dimensions"]:
        row = shown[shown.index(line["label"]) :][:4]
        low, high = line["ci90"]
        assert row[1:3] == [fixed(line["hand"], 1), fixed(line["candidate"], 1)]
        assert row[3] == f"{fixed(low, 1)} – {fixed(high, 1)}"
    for place, line in enumerate(finished.evidence["thresholds"]):
        row = shown[len(shown) - shown[::-1].index(line["band"]) - 1 :][:4]
        word = "most" if place else "least"
        assert row[2] == ("–" if line["promise"] is None else f"at {word} {percent(line['promise'])}")
        assert row[3] == ("–" if line["observed"] is None else percent(line["observed"]["rate"]))
    assert any(finished.evidence["verdict_reason"] in text for text in shown)


def test_intervals_are_drawn_to_one_scale_with_their_value_inside(finished: FinishedRun) -> None:
    drawn = Range(0.2, 0.6, 0.5, 0.0, 1.0, other=0.9)
    found = table([Column("x")], [[drawn]])
    assert 'x="26.4" ' in found
    assert 'width="44.8"' in found
    assert [f'cx="{x}"' in found for x in (60.0, 104.8)] == [True, True]
    assert finished._repr_html_().count("<svg") == len(finished.evidence["contenders"]) + len(
        finished.evidence["weights"]["dimensions"]
    )


def test_the_panel_of_a_backtest_shows_its_folds_and_never_opens_the_holdout(
    review: Review, project: OpenProject
) -> None:
    assert review.backtest is not None
    closed = replace(review.backtest, holdout=None)
    result = BacktestResult(closed, Contenders(project.project, project.formula, project.contenders().table), 0)
    shown = read(result._repr_html_()).text
    assert closed.holdout is None
    assert any("holdout is closed" in text for text in shown)
    for name, entry in review.evidence["contenders"].items():
        assert fixed(entry["walk_forward"]["auc"]["value"]) in shown, name
        assert fixed(entry["walk_forward"]["log_loss"]["value"], 4) in shown
    none_before = BacktestResult(replace(closed, walk_forward=None), result.contenders, 0)
    assert any("without opening it" in text for text in read(none_before._repr_html_()).text)
    assert none_before.backtest.holdout is None
    opened = BacktestResult(review.backtest, result.contenders, 0)
    assert any("open by now" in text for text in read(opened._repr_html_()).text)


def test_the_panel_of_a_config_shows_its_bands_and_weights(finished: FinishedRun) -> None:
    document = finished.config.document
    shown = read(finished.config._repr_html_()).text
    assert f"Weight config {document['config_id']} {document['config_version']}" in shown
    for name, points in document["body"]["segments"]["default"]:
        assert shown[shown.index(name) + 1] == fixed(points / 100, 1)
    assert document["integrity"]["body_sha256"][:16] in shown
    assert any("green from 80" in text for text in shown)


def test_the_panels_of_project_and_cohort_count_what_is_there(project: OpenProject) -> None:
    cohort = project.snapshots()
    labelled = cohort.labelled()
    shown = read(cohort._repr_html_()).text
    assert f"{len(labelled):,} rows of {labelled['account_id'].nunique():,} accounts" in shown
    assert f"{labelled.loc[labelled['y'] == 1, 'account_id'].nunique():,}" in shown
    for reason, count in cohort.excluded.items():
        assert shown[shown.index(reason) + 1] == f"{count:,}"
    shown = read(project._repr_html_()).text
    assert [fixed(d.weight, 0) in shown for d in project.formula.dimensions] == [True] * 4
    assert not any(str(project.project.root) in text for text in shown)  # a location may hold a password


@pytest.mark.parametrize("part", ["evidence", "config", "cohort", "project"])
def test_hostile_names_stay_text(part: str, finished: FinishedRun, project: OpenProject) -> None:
    cohort = replace(project.snapshots(), warnings=(HOSTILE,), excluded={HOSTILE: 3})
    declared = project.project.declared
    named = replace(
        project.project,
        name=HOSTILE,
        declared=replace(
            declared,
            spec=replace(
                declared.spec,
                dimensions=tuple(replace(d, label=HOSTILE) for d in declared.spec.dimensions),
                metrics=tuple(replace(m, label=HOSTILE) for m in declared.spec.metrics),
                bands=((HOSTILE, 0.0),),
            ),
        ),
    )
    config = hostile(json.loads(json.dumps(finished.config.document)))
    made: dict[str, Callable[[], str]] = {
        "evidence": lambda: Reviewed(hostile(finished.evidence), finished.config, finished.incumbent)._repr_html_(),
        "config": Config(config)._repr_html_,
        "cohort": cohort._repr_html_,
        "project": OpenProject(named)._repr_html_,
    }
    text = made[part]()
    shown = read(text).text
    assert "\u202e" not in text
    assert any("<img src=x onerror=alert(1)>" in piece for piece in shown)


def test_a_missing_figure_is_a_dash_and_never_a_zero() -> None:
    found = read(table([Column("a"), Column("b")], [[None, Range(0.0, 0.0, None, 1.0, 1.0)]])).text
    assert found == ["a", "b", "–", "–"]
    assert read(facts([("verdict", None)])).text == ["verdict", "–"]
    with pytest.raises(ValueError, match="zip"):
        table([Column("a")], [["1", "2"]])


@pytest.mark.parametrize("evidence", [{}, {"verdict": "blocked", "contenders": {}, "thresholds": []}])
def test_evidence_without_figures_still_shows_itself(evidence: dict[str, Any], finished: FinishedRun) -> None:
    shown = read(Reviewed(evidence, finished.config, finished.incumbent)._repr_html_()).text
    assert "n/a" in " ".join(shown)
    assert not any(text == "0" for text in shown)


def test_long_texts_are_cut_and_notes_are_counted() -> None:
    assert escaped("a" * 200) == "a" * 119 + "…"
    shown = read(panel("t", "", [], [f"note {n}" for n in range(7)])).text
    assert shown[-1] == "and 2 more"


def test_panels_take_their_colours_from_the_page(finished: FinishedRun, project: OpenProject) -> None:
    for text in (finished._repr_html_(), finished.config._repr_html_(), project.snapshots()._repr_html_()):
        assert "color:#" not in text
        assert "background:#" not in text
        assert "currentColor" in text or "svg" not in text


def test_plain_representations_fit_one_line(finished: FinishedRun, project: OpenProject, review: Review) -> None:
    assert review.backtest is not None
    contenders = Contenders(project.project, project.formula, {})
    for one in (
        finished,
        finished.config,
        project,
        project.snapshots(),
        BacktestResult(review.backtest, contenders, 4),
    ):
        assert len(repr(one)) < 160
        assert "\n" not in repr(one)
    assert "opened" in repr(BacktestResult(review.backtest, contenders, 4))
    assert isinstance(finished.holdout(), pd.DataFrame)
