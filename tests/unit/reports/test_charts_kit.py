from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnbench.reports.charts.curves import learned_curve, shap_dependence
from churnbench.reports.charts.dots import Pair, interval_bar, paired_dots
from churnbench.reports.charts.flow import flow_chart
from churnbench.reports.charts.folds import FoldLine, fold_chart
from churnbench.reports.charts.kit import Axis, Scale, Svg, compact, nice_ticks, padded, spread
from churnbench.reports.charts.lines import Mark, Series, Zone, at_x, line_chart
from churnbench.reports.charts.reliability import Bin, reliability_chart
from churnbench.reports.charts.waterfall import Step, waterfall
from churnbench.reports.reading import Estimate

finite = st.floats(-1e9, 1e9)


@given(finite, st.floats(1e-6, 1e9), st.integers(2, 9))
def test_ticks_lie_inside_the_scale_and_rise(low: float, width: float, count: int) -> None:
    width = max(width, abs(low) * 1e-6)  # beyond that floats have no room for ticks
    high = low + width
    ticks = nice_ticks(low, high, count)
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert ticks == sorted(ticks)
    assert len(ticks) <= count + 2


@given(st.lists(st.floats(0, 100), max_size=6))
def test_labels_spread_apart_keep_their_order_and_never_touch(wanted: list[float]) -> None:
    placed = spread(wanted, 10, 0, 200)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    for before, after in pairwise(order):
        assert placed[after] - placed[before] >= 10 - 1e-9


@given(st.text(max_size=60))
def test_any_text_in_a_drawing_stays_text(words: str) -> None:
    svg = Svg(10, 10)
    svg.text((1, 1), words)
    svg.circle((1, 1), 2, "d", words)
    root = ElementTree.fromstring(_xml_safe(svg.render(words)))  # noqa: S314 - our own drawing
    assert {element.tag for element in root.iter()} <= {"svg", "text", "circle", "title"}


def _xml_safe(text: str) -> str:
    """XML 1.0 has no way to write some code points that HTML takes."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]", "", text)


def test_degenerate_scales_and_ranges_still_give_a_place() -> None:
    assert Scale(1, 1, 0, 10)(1) == 5
    assert nice_ticks(2, 2) == [2]
    assert nice_ticks(0, math.inf) == [0]
    assert padded([]) == pytest.approx((-0.06, 1.06))
    assert padded([3, 3]) == (2.5, 3.5)
    assert compact(2_500_000) == "2.5M"


def test_a_line_is_read_between_its_points_and_nowhere_else() -> None:
    line = Series("a", "cand", [(0, 0, 0, 0), (10, 1, 1, 1), (10, 2, 2, 2)])
    assert at_x(line, 5) == 0.5
    assert at_x(line, 11) is None


def test_a_line_chart_names_lines_marks_capacity_and_zones() -> None:
    line = Series("candidate", "cand", [(0, 0, 0, 0), (100, 0.5, 0.4, 0.6)])
    svg = line_chart(
        [line, Series("empty", "other", [])],
        Axis("accounts called"),
        Axis("churners caught", percent=True),
        "what it shows",
        marks=[Mark(40, "40 calls"), Mark(90, "right half"), Mark(500, "outside")],
        zones=[
            Zone(0, 60, "red", "red below 60"),
            Zone(60, 61, "green", "too narrow"),
            Zone(61, 80, "yellow", "yellow from 61 to far beyond"),
        ],
    )
    for words in ("candidate", "accounts called", "churners caught", "40 calls", "red below 60", "40 %"):
        assert words in svg
    assert "outside" not in svg
    assert "too" not in svg
    assert ">yellow<" in svg
    assert 'aria-label="what it shows"' in svg


def test_a_line_chart_without_points_is_an_empty_frame() -> None:
    assert "<svg" in line_chart([], Axis("x"), Axis("y"), "empty")
    assert "<svg" in line_chart([Series("a", "cand", [(1, 0, 0, 0)])], Axis("x"), Axis("y"), "one point")


def test_paired_dots_share_decimals_and_survive_unknown_weights() -> None:
    svg = paired_dots([Pair("Usage", 35, 43, (38, 48)), Pair("None", None, None), Pair("Old", 12.4, None)], "w")
    assert "35.0 → 43.0" in svg
    assert "12.4 → n/a" in svg
    assert paired_dots([], "none").startswith("<svg")


def test_an_interval_bar_without_figures_is_an_empty_scale() -> None:
    assert "circle" not in interval_bar(None, None, (0, 1), "cand")
    assert interval_bar(0.5, (0.4, 0.6), (0, 1), "cand", 9.0).count("<line") == 0
    assert interval_bar(0.5, (0.4, 0.6), (0, 1), "cand", 0.2).count("<line") == 1


def test_flows_conserve_accounts_on_both_sides() -> None:
    svg = flow_chart({("red", "green"): 30, ("green", "green"): 70}, ["green", "red"], {"green": "green"}, "flow")
    numbers = re.findall(r'class="k"[^>]*>(\d+)<', svg)
    assert sorted(numbers) == ["100", "30", "70"]


def test_a_waterfall_ends_at_the_sum_of_its_steps() -> None:
    svg = waterfall(60.0, [Step("a", -10.0), Step("b", 2.5)], "account")
    assert ">60.0<" in svg
    assert ">52.5<" in svg
    assert ">−10.0<" in svg


def test_a_reliability_diagram_names_its_axes_and_counts() -> None:
    svg = reliability_chart([Bin(0.1, 0.12, 0.05, 0.2, 400), Bin(0.2, 0.2, None, None, 0)], "cand", "r", 0.3)
    assert "predicted churn" in svg
    assert "observed 12.0 %, 400 rows" in svg
    assert reliability_chart([], "cand", "r", 0.3).startswith("<svg")


def test_a_fold_chart_skips_unknown_folds_and_thins_out_names() -> None:
    names = [f"f{index}" for index in range(12)]
    line = FoldLine("today", "today", [Estimate(0.7, 0.6, 0.8), Estimate(), *[Estimate(0.7)] * 10])
    svg = fold_chart(names, ["9 churned"] * 12, [line, FoldLine("none", "other", [Estimate()])], "AUC", "folds")
    assert svg.count("<circle") == 11
    assert svg.count("9 churned") == 6


@pytest.mark.parametrize("curve", [{}, {"kind": "category"}, {"shap": []}, {"kind": "category", "shap": [{"x": "a"}]}])
def test_a_curve_without_points_is_not_drawn(curve: dict[str, object]) -> None:
    assert learned_curve(curve, "c") is None
    assert shap_dependence(curve, "c") is None


def test_a_curve_is_drawn_without_histogram_or_hand_curve() -> None:
    assert "l cand" in (learned_curve({"candidate": [[0, 0], [5, 100]]}, "c") or "")
    odd = {"candidate": [[2, 10], [2, 20]], "histogram": {"edges": ["x", 1], "counts": [1, 2]}}
    assert "<svg" in (learned_curve(odd, "c") or "")
    assert "l model" in (shap_dependence({"shap": [{"x": 1, "mean": 0.2}, {"x": 2, "mean": 0.1}]}, "c") or "")


def test_categories_show_accounts_in_brackets() -> None:
    curve = {
        "kind": "category",
        "hand": [["Free", 20]],
        "candidate": [["Team", 60]],
        "histogram": {"labels": ["Free"], "counts": [140]},
    }
    assert "Free (140)" in (learned_curve(curve, "c") or "")
    shap = {"kind": "category", "shap": [{"x": "Free", "mean": 0.2}]}
    assert "Free" in (shap_dependence(shap, "c") or "")
