"""The four presets, against the figures of the frameworks they come from."""

import re

import pytest

from churnbench.data.presets import PRESETS, load_preset
from churnbench.domain.errors import InputError

IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")


def dimension_weights(name):
    return {dimension.id: dimension.weight for dimension in load_preset(name).dimensions}


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("four-dimensions", [35, 25, 25, 15]),
        ("five-components", [30, 25, 20, 15, 10]),
        ("four-components", [35, 25, 20, 20]),
        ("account-review", [20, 20, 20, 20, 20]),
    ],
)
def test_the_dimension_weights_are_those_of_the_framework(name, weights):
    assert list(dimension_weights(name).values()) == weights
    assert sum(weights) == 100


def test_the_default_preset_weighs_metrics_as_its_framework_states_them():
    spec = load_preset(PRESETS[0])
    usage, engagement, sentiment, financial = (
        [metric.weight for metric in spec.in_dimension(name)]
        for name in ("usage", "engagement", "sentiment", "financial")
    )
    assert usage == [40, 30, 20, 10]
    assert engagement == [35, 25, 20, 20]
    assert financial == [40, 30, 20, 10]
    # NPS 40, CSAT 30, support health 20 (three columns share it), advocacy 10
    assert sentiment[:2] == [40, 30]
    assert sum(sentiment[2:5]) == 20
    assert sentiment[5] == 10


def test_segment_weights_of_the_default_preset_favour_engagement_in_enterprise_and_usage_in_smb():
    assert load_preset("four-dimensions").segment_weights == {
        "Enterprise": {"usage": 30, "engagement": 30, "sentiment": 25, "financial": 15},
        "SMB": {"usage": 40, "engagement": 20, "sentiment": 25, "financial": 15},
    }


def test_the_five_states_of_the_four_component_preset_start_where_the_framework_says():
    assert load_preset("four-components").bands == (
        ("critical", 0),
        ("at-risk", 30),
        ("neutral", 50),
        ("healthy", 70),
        ("thriving", 85),
    )


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"four-components"}))
def test_all_other_presets_are_green_from_80_and_yellow_from_60(name):
    assert load_preset(name).bands == (("red", 0), ("yellow", 60), ("green", 80))


@pytest.mark.parametrize("name", PRESETS)
def test_every_metric_belongs_to_a_declared_dimension_and_every_dimension_has_metrics(name):
    spec = load_preset(name)
    declared = {dimension.id for dimension in spec.dimensions}
    assert {metric.dimension for metric in spec.metrics} == declared
    assert spec.preset == name


@pytest.mark.parametrize("name", PRESETS)
def test_ids_are_unique_valid_in_a_weight_config_and_every_metric_says_what_it_measures(name):
    spec = load_preset(name)
    ids = [metric.id for metric in spec.metrics]
    assert len(ids) == len(set(ids))
    for metric in spec.metrics:
        assert IDENTIFIER.match(metric.id)
        assert metric.weight > 0
        assert metric.label
        assert metric.unit
        assert metric.leading is not None


@pytest.mark.parametrize("name", PRESETS)
def test_every_normaliser_of_a_preset_is_one_that_a_project_file_could_declare(name):
    from churnbench.data.normalisers import read_normaliser

    for metric in load_preset(name).metrics:
        declared = {"kind": metric.normalise.kind, **metric.normalise.params}
        assert read_normaliser(declared, metric=metric.id, file="preset") == metric.normalise


@pytest.mark.parametrize("name", ["five-components", "four-components", "account-review"])
def test_where_a_framework_names_no_metric_weights_the_metrics_of_a_dimension_share_equally(name):
    spec = load_preset(name)
    for dimension in spec.dimensions:
        assert len({metric.weight for metric in spec.in_dimension(dimension.id)}) == 1


def test_the_share_of_leading_weight_in_the_default_preset_is_85_per_cent_less_advocacy():
    spec = load_preset("four-dimensions")
    leading = sum(
        dimension.weight
        * sum(metric.weight for metric in spec.in_dimension(dimension.id) if metric.leading)
        / sum(metric.weight for metric in spec.in_dimension(dimension.id))
        for dimension in spec.dimensions
    )
    assert leading == pytest.approx(35 + 25 + 25 * 0.9)


def test_a_misspelt_preset_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="Did you mean 'four-dimensions'") as refused:
        load_preset("four-dimension")
    assert refused.value.column == "formula.preset"


def test_a_name_far_from_every_preset_is_refused_without_a_guess():
    with pytest.raises(InputError) as refused:
        load_preset("zzz")
    assert "Did you mean" not in str(refused.value)
    assert "account-review" in str(refused.value)
