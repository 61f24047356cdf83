"""A scorecard read here scores as the platform did, says so, and says why where it does not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scorecard_by_hand import CARD, score_by_hand

from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.formula import build_body, score_frame
from churnbench.scorecards import (
    Parity,
    check_parity,
    declared_formula,
    project_files,
    read_scorecard,
    scorecard_formula,
)

NUMBERS = ("logins", "seats", "nps", "sponsor", "invoices_overdue")


def written(folder: Path, card: Any, name: str = "card.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(card) if name.endswith("json") else yaml.safe_dump(card), encoding="utf-8")
    return path


def accounts(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Accounts, many exactly on a border, a fifth of the cells missing."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "account_id": [f"a{n:04d}" for n in range(rows)],
            "logins": draw.choice([0, 4, 4.999999, 5, 19, 20, 30, 39.9, 40, 41, 1e6], rows),
            "seats": draw.choice([0, 0.3, 0.5, 0.500001, 0.79, 0.8, 0.81, 1], rows),
            "nps": draw.choice([-100, -33, 0, 50, 100, 120], rows).astype(float),
            "sponsor": draw.integers(0, 2, rows).astype(float),
            "plan": draw.choice(np.array(["gold", "=basic()"], dtype=object), rows),
            "invoices_overdue": draw.choice([0, 1, 2, 3], rows, p=[0.6, 0.2, 0.1, 0.1]).astype(float),
        }
    )
    for name in frame.columns[1:]:
        frame.loc[draw.random(rows) < 0.2, name] = None if name == "plan" else np.nan
    return frame


def by_hand(card: dict[str, Any], frame: pd.DataFrame) -> np.ndarray:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    found = [score_by_hand(card, {str(k): v for k, v in row.items()}) for row in rows]
    return np.array([np.nan if one is None else one for one in found])


def exported(frame: pd.DataFrame, scores: np.ndarray, path: Path, decimals: int = 1) -> Path:
    shown = np.floor(scores * 10**decimals + 0.5 + 1e-9) / 10**decimals
    frame.assign(score=shown).to_csv(path, index=False)
    return path


def parity_of(card_file: Path, frame: pd.DataFrame, scores: np.ndarray) -> Parity:
    file = exported(frame, scores, card_file.with_suffix(".csv"))
    return check_parity(read_scorecard(card_file, "gainsight"), file, score="score")


def test_every_rule_scores_as_the_platform_does_also_on_borders_and_with_missing_values(card_file: Path) -> None:
    card, frame = read_scorecard(card_file, "gainsight"), accounts()
    declared = scorecard_formula(card)
    inputs = pd.DataFrame({m.id: frame[declared.columns.get(m.id, m.id)] for m in declared.spec.metrics})
    scored = score_frame(build_body(declared.spec, inputs), inputs)["health_score_x100"].to_numpy(
        float, na_value=np.nan
    )
    np.testing.assert_allclose(scored / 1000, by_hand(CARD, frame), atol=0.0005 + 1e-9)


def test_parity_counts_agreement_to_the_digit_that_the_platform_shows(card_file: Path, tmp_path: Path) -> None:
    frame = accounts()
    scores = by_hand(CARD, frame)
    parity = parity_of(card_file, frame, scores)
    assert parity.agree == parity.accounts == int((~np.isnan(scores)).sum())
    assert parity.sentence == f"All {parity.accounts:,} accounts agree to the digit that the platform shows."
    assert parity.other_readings == ()


def test_a_boundary_read_the_wrong_way_is_found_out_and_named(card_file: Path, tmp_path: Path) -> None:
    frame = accounts()
    real = copy.deepcopy(CARD)
    for measure in real["groups"][0]["measures"]:
        measure["boundary"] = ">"
    parity = parity_of(card_file, frame, by_hand(real, frame))
    assert 0 < parity.agree < parity.accounts
    assert parity.differences["why"].str.startswith("agrees with a value on a border in the band below").all()
    assert (
        f"with a value on a border in the band below: {parity.accounts:,} of {parity.accounts:,} would agree."
        in parity.other_readings
    )


def test_missing_values_read_the_wrong_way_are_found_out_and_named(tmp_path: Path) -> None:
    frame, mine, real = accounts(), copy.deepcopy(CARD), copy.deepcopy(CARD)
    for card, rule in ((mine, "ignored"), (real, "zero")):
        for measure in (one for group in card["groups"] for one in group["measures"]):
            measure["nulls"] = rule
    parity = parity_of(written(tmp_path, mine), frame, by_hand(real, frame))
    assert 0 < len(parity.differences) < parity.accounts
    assert any("with missing values counting as zero" in sentence for sentence in parity.other_readings)


def test_of_two_conventions_read_wrongly_each_account_is_told_the_one_that_it_is_about(tmp_path: Path) -> None:
    frame, real = accounts(), copy.deepcopy(CARD)
    del real["exceptions"]
    mine = copy.deepcopy(real)
    real["groups"][0]["measures"][0]["boundary"] = ">"
    real["groups"][1]["measures"][0]["null_points"] = 0
    parity = parity_of(written(tmp_path, mine), frame, by_hand(real, frame))
    border = frame.set_index("account_id")["logins"].isin([5, 20, 40])
    silent = frame.set_index("account_id")["nps"].isna()
    for row in parity.differences.itertuples():
        account = str(row.account_id)
        if border[account] and not silent[account]:
            assert "a value on a border of Logins (30 d) in the band below" in row.why
        elif silent[account] and not border[account]:
            assert "a missing nps counting as zero" in row.why
    assert len(parity.differences) > 50


def test_a_score_changed_by_hand_is_told_and_an_absent_one_is_not_counted(card_file: Path, tmp_path: Path) -> None:
    frame = accounts(50).fillna({**dict.fromkeys(NUMBERS, 1.0), "plan": "gold"})
    scores = by_hand(CARD, frame)
    scores[7] = 1.0
    scores[8] = np.nan
    parity = parity_of(card_file, frame, scores)
    assert (parity.accounts, parity.agree, parity.unscored) == (49, 48, 1)
    (row,) = parity.differences.to_dict("records")
    assert row["account_id"] == "a0007"
    assert "changed by hand" in row["why"]
    assert parity.sentence == "Of 49 accounts 48 agree to the digit that the platform shows; 1 differs."


def test_weights_stated_overall_hand_on_over_all_measures_when_one_is_ignored(tmp_path: Path) -> None:
    card = {
        **{k: v for k, v in CARD.items() if k not in ("groups", "exceptions")},
        "weights": "overall",
        "sections": [
            {"name": "one", "factors": [{"name": "a", "weight": 10, "curve": [[0, 0], [10, 10]]}]},
            {
                "name": "two",
                "factors": [
                    {"name": "b", "weight": 30, "curve": [[0, 0], [10, 10]]},
                    {"name": "c", "weight": 60, "curve": [[0, 0], [10, 10]]},
                ],
            },
        ],
    }
    read = read_scorecard(written(tmp_path, card), "churnzero")
    assert "became the dimension" in declared_formula(read).notes[0]
    rows = pd.DataFrame({"a": [10.0, 10.0], "b": [0.0, np.nan], "c": [np.nan, 5.0]})
    body = build_body(scorecard_formula(read).spec, rows)
    scores = score_frame(body, rows)["health_score_x100"] / 100
    assert scores.tolist() == pytest.approx([100 * 10 / 40, 100 * (10 + 30) / 70], abs=0.006)


def test_the_project_folder_declares_the_same_formula_and_survives_names_that_are_code(tmp_path: Path) -> None:
    hostile = copy.deepcopy(CARD)
    hostile["name"] = 'x"] \n[data]\x7f <script> \U0001f600'
    hostile["groups"][1]["measures"][2]["column"] = 'pl"an\\'
    card = read_scorecard(written(tmp_path, hostile), "gainsight")
    for name, content in project_files(card).items():
        (tmp_path / name).write_bytes(content)
    project = load_project(tmp_path)
    assert project.name == card.name
    assert project.declared == scorecard_formula(card)
    assert [cap.input for cap in project.formula.caps] == ["overdue_input"]
    assert project.formula.bands == (("red", 0.0), ("yellow", 50.0), ("green", 80.0))


def test_states_above_their_score_begin_a_hundredth_later(tmp_path: Path) -> None:
    card = read_scorecard(written(tmp_path, {**CARD, "state_boundary": ">"}), "gainsight")
    assert scorecard_formula(card).spec.bands == (("red", 0.0), ("yellow", 50.01), ("green", 80.01))


def test_yaml_json_and_csv_say_the_same(tmp_path: Path, card_file: Path) -> None:
    from churnbench.scorecards import layout_of, scorecard_table

    card = read_scorecard(card_file, "gainsight")
    assert read_scorecard(written(tmp_path, CARD, "card.yaml"), "gainsight") == card
    for style in ("gainsight", "totango", "churnzero"):
        path = tmp_path / f"{style}.csv"
        path.write_text(scorecard_table(card, layout_of(style)), encoding="utf-8")
        again = read_scorecard(path, style)
        assert again.measures == card.measures
        assert (again.groups, again.states, again.exceptions) == (card.groups, card.states, card.exceptions)
    assert "'=basic()" in (tmp_path / "totango.csv").read_text()


def change(path: list[Any], value: Any) -> dict[str, Any]:
    card = copy.deepcopy(CARD)
    place: Any = card
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return card


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["boundary"], None, "boundary is missing; it decides scores"),
        (["nulls"], "zeros", "Did you mean 'zero'"),
        (["weights"], None, "weights is missing"),
        (["rounding"], "up", "rounding = 'up' is not known"),
        (["low"], 10, "must be below high"),
        (["groups", 0, "weight"], None, "weight is missing"),
        (["groups", 0, "measures", 0, "weight"], "many", "weight = 'many' does not fit"),
        (["groups", 0, "measures", 0, "bands", 1, "from"], 50, "the others ascend"),
        (["groups", 0, "measures", 0, "bands", 1, "points"], "yelow", "Did you mean 'yellow'"),
        (["groups", 0, "measures", 0, "bands", 1, "points"], 11, "from 0 to 10"),
        (["groups", 0, "measures", 0, "bandz"], [], "'bandz' is not known here"),
        (["groups", 0, "measures", 1, "name"], "Logins (30 d)", "declared twice"),
        (["groups", 1, "measures", 1, "categories"], {"yes": 9, "nope": 3}, "expected yes and no"),
        (["groups", 1, "measures", 0, "null_points"], 99, "null_points = 99"),
        (["states", 0, "from"], 1, "the first from 0"),
        (["groups"], [], "there is no measure"),
        (["exceptions", 0, "op"], "==", "op = '==' is not known"),
        (["segment_weights"], {"SMB": {"usages": 1}}, "Did you mean 'usage'"),
    ],
)
def test_what_is_not_declared_or_contradicts_itself_is_refused(
    tmp_path: Path, path: list[Any], value: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        read_scorecard(written(tmp_path, change(path, value)), "gainsight")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.csv", "", "empty"),
        ("c.csv", "record,what\n", "'what' is no column"),
        ("c.csv", "record,name\nmesure,x\n", "Did you mean 'measure'"),
        ("c.csv", "record,name,group,weight\nmeasure,x,usage,1\n", "row 2.*is not declared above"),
        ("c.csv", "record,name,value\nsetting,low,0\nsetting,low,1\n", "row 3.*set twice"),
        ("c.csv", "record,name\nsetting,low,9\n", "3 cells under 2 columns"),
        ("c.yaml", "a: &x [1]\nb: *x\n", "aliases"),
        ("c.yaml", "name: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
        ("c.yaml", "low: 1\nlow: 2\n", "key 'low' twice"),
        ("c.yaml", "- 1\n", "expected a table"),
        ("c.json", "{" * 5000, "not valid JSON"),
        ("c.json", '{"low": 1, "low": 2}', "occurs twice"),
        ("c.json", "[1]", "expected a table"),
        ("c.txt", "x", "no kind of scorecard file"),
        ("c.json", "[" * 100000, "not valid JSON"),
        ("c.json", '{"low": 0, "high": 1' + "0" * 400 + "}", "does not fit"),
        ("c.yaml", "[" * 5000, "not valid YAML"),
        ("c.yaml", "low: .inf\nhigh: 1\n", "low = inf does not fit"),
        ("c.yaml", "? [a, b]\n: 1\n", "unhashable"),
        ("c.yaml", "levels: [1]\nlow: 0\nhigh: 1\n", "levels must be a table"),
        ("c.csv", "record,name\x00\nsetting,low\n", "is no column"),
    ],
)
def test_files_that_are_no_scorecard_are_refused_with_their_place(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_scorecard(tmp_path / name, "gainsight")


def test_a_score_file_without_the_measures_or_with_an_account_twice_is_refused(card_file: Path, tmp_path: Path) -> None:
    card, frame = read_scorecard(card_file, "gainsight"), accounts(5)
    frame.to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(InputError, match="no column score"):
        check_parity(card, tmp_path / "s.csv", score="score")
    twice = exported(pd.concat([frame, frame]), np.ones(10), tmp_path / "t.csv")
    with pytest.raises(InputError, match="occurs more than once"):
        check_parity(card, twice, score="score")


def test_names_that_every_cohort_has_are_given_others_and_exceptions_may_read_any_column(tmp_path: Path) -> None:
    card = copy.deepcopy(CARD)
    card["groups"][0]["name"] = "health"
    card["groups"][0]["measures"][0]["name"] = "segment"
    card["exceptions"].append({"name": "trial", "column": "region", "op": "=", "value": "Trial", "points": 4})
    card["exceptions"].append({"name": "odd", "column": "plan", "op": ">=", "value": 2, "points": 4})
    read = read_scorecard(written(tmp_path, card), "gainsight")
    spec = scorecard_formula(read).spec
    assert [dimension.id for dimension in spec.dimensions] == ["health_metric", "people"]
    assert spec.metrics[0].id == "segment_metric"
    assert [(cap.id, cap.input) for cap in spec.caps] == [("overdue", "overdue_input"), ("trial", "trial_input")]
    assert "Exceptions left out, because they compare text with a number: odd." in declared_formula(read).notes


def test_a_yes_no_measure_is_read_from_words_and_from_numbers_whatever_its_points(card_file: Path) -> None:
    frame = accounts()
    scores = by_hand(CARD, frame)
    words = frame.assign(sponsor=frame["sponsor"].map({1.0: "Yes", 0.0: "no"}))
    assert parity_of(card_file, words, scores).differences.empty
    assert parity_of(card_file, frame, scores).differences.empty
    with pytest.raises(InputError, match="sponsor"):
        parity_of(card_file, words.replace({"sponsor": {"Yes": "perhaps"}}), scores)
