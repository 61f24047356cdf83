"""A config as a scorecard: what can be said comes back the same, what cannot is told and measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import Teller
from scorecard_by_hand import CARD

from churnbench.data.presets import load_preset
from churnbench.data.step_rules import step_points
from churnbench.domain.errors import InputError
from churnbench.export import build_document, write_document
from churnbench.formula import (
    build_body,
    score_frame,
    with_caps,
    with_display_map,
    with_hysteresis,
    with_ramp,
    with_risk_curve,
)
from churnbench.scorecards import (
    export_scorecard,
    layout_of,
    loss_page,
    measure_loss,
    read_scorecard,
    scorecard_formula,
    scorecard_table,
)
from churnbench.scorecards.bands import flat_bands

SPEC = load_preset("four-dimensions")


def document(body: dict[str, Any]) -> dict[str, Any]:
    return build_document(
        body, config_id="core", config_version="1.0.0", sequence=1, lifecycle={"created": "2024-01-01"}
    )


def rows(count: int = 300, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({metric.id: draw.random(count) for metric in SPEC.metrics})
    frame["nps"] = draw.uniform(-100, 100, count)
    frame["is_reference"] = draw.integers(0, 2, count).astype(float)
    frame["segment"] = draw.choice(np.array(["Enterprise", "SMB", "Mid-Market"], dtype=object), count)
    frame.insert(0, "account_id", [f"=a{n}" for n in range(count)])
    return frame


def body_of_preset() -> dict[str, Any]:
    return build_body(SPEC, rows())


@pytest.mark.parametrize("most", [2, 3, 5, 10])
def test_bands_of_a_line_are_as_near_as_bands_can_be(most: int) -> None:
    found = flat_bands([[0, 0], [1, 100]], most)
    assert len(found.points) == most
    assert found.worst == pytest.approx(50 / most, abs=0.11)


def test_bands_of_a_curve_that_rises_and_falls_stay_within_what_they_state() -> None:
    points = [[0, 0], [1, 90], [2, 90], [3, 20], [7, 100]]
    found = flat_bands(points, 6)
    assert len(found.points) <= 6
    x = np.linspace(-1, 9, 20001)
    level = np.array(found.points)[np.searchsorted(found.starts, x, side="right")]
    apart = np.abs(np.interp(x, [p[0] for p in points], [p[1] for p in points]) - level)
    assert apart.max() <= found.worst + 1e-9
    assert found.worst < 20


def test_a_curve_that_is_bands_already_stays_as_it_is() -> None:
    points = step_points([5, 17.25], [(10, 10), (55, 55), (80, 80)])
    assert flat_bands(points, 3) == flat_bands(points, 9)
    assert flat_bands(points, 3).starts == (5.0, 17.25)
    assert flat_bands(points, 3).points == (10.0, 55.0, 80.0)
    assert flat_bands(points, 3).worst == 0


def test_a_flat_curve_is_one_band() -> None:
    assert flat_bands([[0, 40], [1, 40]], 5).points == (40.0,)


@pytest.mark.parametrize("style", ["gainsight", "totango", "churnzero"])
def test_the_table_reads_back_as_the_same_scorecard(tmp_path: Path, style: str) -> None:
    exported = export_scorecard(document(body_of_preset()), layout_of(style))
    path = tmp_path / "card.csv"
    path.write_text(scorecard_table(exported.card, exported.layout), encoding="utf-8")
    again = read_scorecard(path, style)
    assert scorecard_formula(again) == scorecard_formula(exported.card)
    words = {"gainsight": "measure", "totango": "metric", "churnzero": "factor"}
    assert f"\n{words[style]},active_seats_share" in path.read_text()


def test_typed_weights_sum_to_a_hundred_in_the_layouts_unit() -> None:
    card = export_scorecard(document(body_of_preset()), layout_of("gainsight")).card
    assert sum(group.weight for group in card.groups) == 100
    assert all(sum(m.weight for m in group.measures) == 100 for group in card.groups)
    flat = export_scorecard(document(body_of_preset()), layout_of("churnzero"), decimals=2).card
    assert sum(measure.weight for measure in flat.measures) == pytest.approx(100)
    assert all(measure.weight == round(measure.weight, 2) for measure in flat.measures)


def test_the_bound_holds_for_every_account_whose_measures_are_known(tmp_path: Path) -> None:
    made, frame = document(body_of_preset()), rows()
    frame["segment"] = "Mid-Market"
    frame.to_parquet(tmp_path / "in.parquet")
    for style in ("gainsight", "totango", "churnzero"):
        exported = export_scorecard(made, layout_of(style))
        measured = measure_loss(exported, made, tmp_path / "in.parquet")
        assert measured.accounts == len(frame)
        assert 0 < measured.mean < measured.worst <= exported.at_most + 0.01
    coarse = measure_loss(export_scorecard(made, layout_of("gainsight"), bands=2), made, tmp_path / "in.parquet")
    fine = measure_loss(export_scorecard(made, layout_of("gainsight"), bands=40), made, tmp_path / "in.parquet")
    assert fine.worst < coarse.worst / 4


def test_a_scorecard_read_and_written_again_scores_alike_to_the_hundredth(card_file: Path, tmp_path: Path) -> None:
    card = read_scorecard(card_file, "gainsight")
    declared = scorecard_formula(card)
    frame = pd.DataFrame({m.id: pd.Series([None], dtype=object) for m in declared.spec.metrics})
    made = document(build_body(declared.spec, frame))
    exported = export_scorecard(made, layout_of("gainsight"), bands=5)
    lossless = {m.measure for m in exported.measures if m.points == 0}
    assert lossless == {"seats", "sponsor", "plan"}
    assert {m.measure for m in exported.measures} - lossless == {"logins_30_d", "nps"}
    kept = {measure.id: measure for measure in exported.card.measures}
    assert kept["plan"].categories == {"gold": 100.0, "=basic()": 40.0}
    assert (kept["seats"].nulls, kept["nps"].null_points) == ("zero", 50.0)
    assert any("The cap 'overdue'" in sentence for sentence in exported.losses)
    assert [group["weight"] for group in CARD["groups"]] == [group.weight for group in exported.card.groups]


def test_everything_that_a_scorecard_cannot_say_is_said() -> None:
    body = with_display_map(body_of_preset(), [[0, 0], [50, 60], [75, 80], [100, 100]])
    body = with_ramp(body, [[0, 1.4], [180, 1]], tenure_input="days_since_start")
    body = with_caps(body, [{"id": "unhappy", "input": "nps", "op": "<", "value": -50, "max_score": 30}])
    body = with_hysteresis(body, band_input="band_before", margin=2)
    body = with_risk_curve(
        body, [{"id": "all", "points": [[0, 0.5, 0.4, 0.6], [100, 0.01, 0, 0.02]]}], stratum_input=None
    )
    exported = export_scorecard(document(body), layout_of("totango"), segment="SMB")
    said = " ".join(exported.losses)
    for part in (
        "whole per cent",
        "at most 3 flat bands",
        "Weights differ by segment (Enterprise, SMB): this is the scorecard of segment 'SMB'",
        "The display map",
        "onboarding ramp over days_since_start",
        "The cap 'unhappy' is left out: at most 30 (raw) where nps < -50",
        "holds a band",
        "no churn probability",
        "less than 50 %",
    ):
        assert part in said
    assert exported.card.states == (("red", 0.0), ("yellow", 50.0), ("green", 75.0))
    assert [group.weight for group in exported.card.groups] == [40, 20, 25, 15]


def test_ratios_become_calculated_fields_and_are_scored_as_such(tmp_path: Path) -> None:
    rule = {"kind": "ratio", "denominator": "seats", "multiplier": 2.0, "low": 0.0, "high": 1.0}
    curve = {"points": [[0.0, 0.0], [1.0, 100.0]], "slopes": [100.0]}
    body = build_body(SPEC, rows())
    body["metrics"] = [{"id": "use", "input": "used", "missing": "worst", "rule": {**rule, **curve}}]
    body["dimensions"] = [{"id": "usage", "weights": [["use", 10000]]}]
    body["segments"] = {"input": None, "default": [["usage", 10000]], "by": []}
    body["min_coverage"] = 0
    made = document(body)
    exported = export_scorecard(made, layout_of("gainsight"), bands=50)
    assert exported.card.measures[0].column == "used_per_seats"
    assert "'use' reads used / seats x 2: a calculated field is needed" in " ".join(exported.losses)
    frame = pd.DataFrame({"account_id": list("abcd"), "used": [1, 5, 9, None], "seats": [10, 0, 20, 5]})
    frame.to_csv(tmp_path / "in.csv", index=False)
    assert measure_loss(exported, made, tmp_path / "in.csv").worst <= exported.at_most + 0.01 < 2
    own = score_frame(body, frame.assign(used=frame["used"].astype(float), seats=frame["seats"].astype(float)))
    assert own["health_score_x100"].tolist() == [2000, 0, 9000, 0]


def test_an_unknown_segment_and_a_file_without_accounts_are_refused(tmp_path: Path) -> None:
    made = document(body_of_preset())
    with pytest.raises(InputError, match="Did you mean 'SMB'"):
        export_scorecard(made, layout_of("gainsight"), segment="SMBs")
    rows(3).iloc[:0].to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(InputError, match="no row"):
        measure_loss(export_scorecard(made, layout_of("gainsight")), made, tmp_path / "none.csv")
    empty = rows(3)
    empty[[metric.id for metric in SPEC.metrics]] = np.nan
    empty.to_csv(tmp_path / "empty.csv", index=False)
    with pytest.raises(InputError, match="no account has a score"):
        measure_loss(export_scorecard(made, layout_of("gainsight")), made, tmp_path / "empty.csv")


def test_the_page_escapes_what_accounts_are_called(tmp_path: Path) -> None:
    made, frame = document(body_of_preset()), rows(1)
    frame["account_id"] = "<script>|x"
    frame.to_csv(tmp_path / "one.csv", index=False)
    exported = export_scorecard(made, layout_of("gainsight"))
    page = loss_page(exported, measure_loss(exported, made, tmp_path / "one.csv"))
    assert "&lt;script>\\|x" in page
    assert "<script>" not in page


def test_the_command_line_goes_there_and_back(cli: Teller, tmp_path: Path) -> None:
    config, table = tmp_path / "config.json", tmp_path / "card.csv"
    write_document(document(body_of_preset()), config)
    frame = rows()
    frame.to_csv(tmp_path / "in.csv", index=False)
    said = cli(
        "scorecard", "export", config, "--platform", "churnzero", "--out", table, "--inputs", tmp_path / "in.csv"
    )
    assert said.code == 0, said.err
    assert "On 300 accounts" in said.out
    assert "cannot say" in (tmp_path / "card.md").read_text()
    scores = score_frame(body_of_preset(), frame)["health_score_x100"].to_numpy(float) / 100
    frame.assign(health=np.round(scores)).to_csv(tmp_path / "scores.csv", index=False)
    back = ["scorecard", "import", table, "--style", "churnzero", "--out", tmp_path / "p"]
    said = cli(*back, "--check", tmp_path / "scores.csv", "--score", "health")
    assert said.code == 0, said.err
    assert "Of 300 accounts" in said.out
    assert {path.name for path in (tmp_path / "p").iterdir()} == {"churnbench.toml", "SCORECARD.md"}
    again = cli(*back)
    assert again.code == 2
    assert "not empty" in again.err
    asked = cli("--json", "catalogue", "--search", "power-user")
    assert [metric["id"] for metric in json.loads(asked.out)["metrics"]] == ["days_since_power_login"]
    assert cli("scorecard", "export", config, "--out", tmp_path / "card.txt").code == 2
    assert cli("catalogue", "--dimension", "usages").code == 2


def test_the_table_calls_measures_what_people_call_them_and_keeps_their_ids_as_names() -> None:
    card = export_scorecard(document(body_of_preset()), layout_of("gainsight")).card
    labels = {measure.id: measure.label for measure in card.measures}
    assert labels == {metric.id: metric.label for metric in SPEC.metrics}
    assert [group.label for group in card.groups] == [dimension.label for dimension in SPEC.dimensions]


def test_ids_stay_where_two_measures_would_be_called_the_same() -> None:
    metrics = tuple(replace(m, id="NPS") if m.id == "csat" else m for m in SPEC.metrics)  # nps is called NPS too
    body = build_body(replace(SPEC, metrics=metrics), rows().rename(columns={"csat": "NPS"}))
    card = export_scorecard(document(body), layout_of("gainsight")).card
    assert {"nps", "NPS"} <= {measure.label for measure in card.measures}
