"""The metric catalogue, what it fills in, and what presets may now be made of."""

from __future__ import annotations

import re
from pathlib import Path

import catalogue_page
import numpy as np
import pandas as pd
import pytest

from churnbench.data.catalogue import GROUPS, catalogue, found_in_catalogue, in_catalogue
from churnbench.data.formula_extras import formula_notes
from churnbench.data.presets import PRESETS, load_preset
from churnbench.data.project import Project, load_project
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import Normaliser
from churnbench.formula import build_body, score_frame
from churnbench.formula.risk_register import register_points, risk_register, unread_factors

HEAD = """[project]
name = "acme"
[data]
snapshots = "s.csv"
outcomes = "o.csv"
"""


def project(folder: Path, formula: str) -> Project:
    (folder / "churnbench.toml").write_text(HEAD + formula, encoding="utf-8")
    return load_project(folder)


def test_every_metric_says_what_it_is_in_one_sentence_and_where_it_comes_from() -> None:
    for metric in catalogue().values():
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", metric.id)
        assert metric.group in GROUPS
        assert metric.definition.endswith(".")
        assert metric.definition.count(". ") == 0
        assert metric.moves in ("leading", "coincident", "lagging")
        assert metric.ready or metric.also_needs  # what no mapping computes says what it lacks
        assert (metric.normalise.kind == "boolean") == metric.definition.startswith("True when")


def test_no_id_is_in_two_groups_and_no_id_or_label_names_two_metrics() -> None:
    rows = [metric for group in GROUPS for metric in found_in_catalogue(group=group)]
    assert len(rows) == len(catalogue())
    assert len({metric.label for metric in rows}) == len(rows)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_and_catalogue_mean_the_same_by_the_same_id(name: str) -> None:
    for metric in load_preset(name).metrics:
        entry = in_catalogue(metric.id)
        assert (entry.label, entry.direction, entry.leading) == (metric.label, metric.direction, metric.leading)
        if name != "five-components":  # which reads two of them in bands of expected usage
            assert (entry.normalise, entry.unit) == (metric.normalise, metric.unit)
    for factor in load_preset(name).risk_factors:
        assert factor.metric in catalogue()


def test_the_flags_of_the_account_review_are_booleans_pointing_the_way_their_colour_says() -> None:
    flags = [metric for metric in catalogue().values() if metric.flag]
    assert {metric.flag for metric in flags} == {"red", "green"}
    for metric in flags:
        assert metric.normalise.kind == "boolean"
        assert (metric.flag == "green") == (metric.direction == "higher_is_healthier")


def test_a_catalogue_metric_needs_only_dimension_and_weight(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        '[[formula.metrics]]\nid = "days_since_last_login"\ndimension = "usage"\nweight = 20\n'
        '[[formula.dimensions]]\nid = "usage"\nweight = 1\n',
    ).formula.metrics[0]
    assert found == in_catalogue("days_since_last_login").as_metric("usage", 20.0)
    assert not found.direction_proposed
    assert found.normalise == Normaliser("recency", {"fresh": 2, "stale": 30})


def test_what_the_file_says_of_a_catalogue_metric_wins(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        '[[formula.metrics]]\nid = "nps"\nweight = 1\nlabel = "Promoters"\n'
        'normalise = { kind = "ramp", low = 0, high = 10 }\n',
    ).formula.metrics[0]
    assert (found.label, found.normalise.kind, found.leading) == ("Promoters", "ramp", True)


def test_a_catalogue_metric_that_the_file_computes_keeps_its_meaning_but_not_its_scale(tmp_path: Path) -> None:
    found = project(
        tmp_path, '[[formula.metrics]]\nid = "tickets_vs_own_average"\nweight = 1\nratio = ["a", "b"]\n'
    ).formula.metrics[0]
    assert (found.direction, found.normalise.kind, found.unit) == ("lower_is_healthier", "quantile", None)


def test_an_unknown_metric_or_group_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'stickiness'"):
        in_catalogue("stickyness")
    with pytest.raises(InputError, match="Did you mean 'usage'"):
        found_in_catalogue(group="usages")
    assert [metric.id for metric in found_in_catalogue(word="STICKINESS")] == ["stickiness"]
    assert found_in_catalogue(word="<script>") == ()


def test_bands_of_expected_usage_give_the_frameworks_points_on_both_sides_of_every_border() -> None:
    spec = load_preset("five-components")
    rows = pd.DataFrame({metric.id: np.full(8, np.nan) for metric in spec.metrics})
    rows["active_seats_share"] = [0, 0.25, 0.499, 0.5, 0.795, 0.7999, 0.8, 1.0]
    body = build_body(spec, rows)
    body["min_coverage"] = 0
    assert (score_frame(body, rows)["health_score_x100"] / 100).tolist() == pytest.approx(
        [0, 25, 49.9, 60, 79.67, 79.99, 90, 100], abs=0.011
    )


def test_a_dimension_can_be_left_out_and_another_renamed(tmp_path: Path) -> None:
    spec = project(
        tmp_path,
        '[formula]\npreset = "four-dimensions"\nleave_out = ["financial"]\n'
        '[[formula.dimensions]]\nid = "usage"\nlabel = "Adoption"\n'
        '[[formula.metrics]]\nid = "arr_trend_12m"\ndimension = "usage"\n',
    ).formula
    first = spec.dimensions[0]
    assert (first.id, first.weight, first.label) == ("usage", 35, "Adoption")
    assert [d.id for d in spec.dimensions] == ["usage", "engagement", "sentiment"]
    assert all("financial" not in weights for weights in spec.segment_weights.values())
    # It was moved before its dimension went.
    assert [m.id for m in spec.in_dimension("usage")][-1] == "arr_trend_12m"
    assert not [m for m in spec.metrics if m.id == "on_time_payment_share"]


def test_a_new_dimension_needs_a_weight_and_an_unknown_one_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="weight is missing"):
        project(tmp_path, '[formula]\npreset = "four-dimensions"\n[[formula.dimensions]]\nid = "usages"\n')
    with pytest.raises(InputError, match="neither a metric nor a dimension"):
        project(tmp_path, '[formula]\npreset = "four-dimensions"\nleave_out = ["money"]\n')


CAPPED = """[formula]
preset = "none"
[[formula.metrics]]
id = "active_seats_share"
weight = 1
[[formula.metrics]]
id = "champion_departed_90d"
weight = 0
[[formula.caps]]
id = "gone"
input = "champion_departed_90d"
op = ">="
value = true
max_score = 60
[[formula.caps]]
id = "trial"
input = "segment"
op = "="
value = "Trial"
max_score = 10
[formula.ramp]
points = [[0, 2], [100, 1]]
"""


def test_caps_and_ramp_of_the_project_file_act_on_the_score(tmp_path: Path) -> None:
    spec = project(tmp_path, CAPPED).formula
    rows = pd.DataFrame(
        {
            "active_seats_share": [0.9, 0.9, 0.9, 0.4, 0.4],
            "champion_departed_90d": [0.0, 1.0, np.nan, 0.0, 1.0],
            "segment": ["SMB", "SMB", "Trial", "SMB", "SMB"],
            "days_since_start": [200.0, 200.0, 200.0, 50.0, 0.0],
        }
    )
    body = build_body(spec, rows)
    assert (score_frame(body, rows)["health_score_x100"] / 100).tolist() == [90, 60, 10, 60, 60]
    assert "belong to today's formula" in " ".join(formula_notes(spec))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('input = "segment"', 'input = "segmnt"', "Did you mean 'segment'"),
        ('value = "Trial"', "value = 3", "compares text"),
        ('op = "="', 'op = "<"', "holds text"),
        ("[[0, 2], [100, 1]]", "[[0, 2], [0, 1]]", "days ascending"),
        ('id = "trial"', 'id = "gone"', "declared twice"),
    ],
)
def test_a_cap_or_ramp_that_cannot_hold_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in CAPPED
    with pytest.raises(InputError, match=said):
        project(tmp_path, CAPPED.replace(old, new))


def test_weights_outside_the_typical_ranges_are_told_and_the_frameworks_own_are_not(tmp_path: Path) -> None:
    assert formula_notes(load_preset("four-dimensions")) == ()
    heavy = project(
        tmp_path, '[formula]\npreset = "four-dimensions"\n[[formula.dimensions]]\nid = "usage"\nweight = 80\n'
    )
    assert formula_notes(heavy.formula)[0] == "Usage weighs 55.2 % of the formula; typical are 30 to 40 %."


def test_the_five_states_carry_their_motions_and_a_project_may_change_one(tmp_path: Path) -> None:
    spec = project(tmp_path, '[formula]\npreset = "four-components"\nmotions = { neutral = "call" }\n').formula
    assert spec.motions == {
        "thriving": "expand",
        "healthy": "monitor",
        "neutral": "call",
        "at-risk": "intervene",
        "critical": "escalate",
    }
    with pytest.raises(InputError, match="is not a band"):
        project(tmp_path, '[formula]\npreset = "four-components"\nmotions = { green = "call" }\n')


def test_the_register_adds_points_of_what_is_known_and_missing_is_no_factor() -> None:
    spec = load_preset("account-review")
    rows = pd.DataFrame(
        {
            "account_id": ["a", "b", "=c()"],
            "champion_departed_90d": [1.0, np.nan, 0.0],
            "nps_last_score": [6.0, np.nan, 7.0],
            "usage_trend_90d": [-0.31, np.nan, -0.30],
        }
    )
    assert register_points(spec, rows).tolist() == [80.0, 0.0, 0.0]
    found = risk_register(spec, rows)
    assert found["account_id"].tolist() == ["a", "a", "a"]
    assert found["factor"].tolist() == ["champion_departure", "usage_decline", "nps_low"]
    assert found["evidence"].tolist() == ["1", "-0.31", "6"]
    assert "competitor" in unread_factors(spec, rows.columns)
    assert risk_register(spec, rows.iloc[1:2]).empty


def test_a_project_may_change_severities_points_and_factors(tmp_path: Path) -> None:
    spec = project(
        tmp_path,
        '[formula]\npreset = "account-review"\nseverity_points = { critical = 99 }\n'
        '[[formula.risk_factors]]\nid = "competitor"\nseverity = "off"\n'
        '[[formula.risk_factors]]\nid = "payment_overdue"\nseverity = "low"\n',
    ).formula
    ids = [factor.id for factor in spec.risk_factors]
    assert "competitor" not in ids
    assert (spec.risk_factors[-1].label, spec.risk_factors[-1].value) == ("Payment overdue", 1.0)
    assert spec.severity_points["critical"] == 99
    with pytest.raises(InputError, match="has no points"):
        project(tmp_path, '[[formula.risk_factors]]\nid = "nps_detractor"\nseverity = "dire"\n')


def test_the_page_of_the_catalogue_is_what_the_catalogue_says() -> None:
    page = Path(__file__).parents[3] / "docs" / "catalogue.md"
    assert page.read_text("utf-8") == catalogue_page.page()
