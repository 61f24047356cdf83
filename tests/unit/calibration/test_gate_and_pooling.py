"""The gate's answers, and rates of small segments that borrow from the whole book."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from churnbench.calibration import Guard, decide, null_log_loss, pooled_rates, small_data_tier
from churnbench.calibration.gate import Decision, events_needed
from churnbench.metrics import Estimate

BASE = 0.08
MARGIN = 0.01 * -(BASE * math.log(BASE) + (1 - BASE) * math.log(1 - BASE))


def _decide(value: float, low: float, high: float, **changed: object) -> Decision:
    settings: dict[str, object] = {"base_rate": BASE, "holdout_events": 60, "tier": "full"}
    return decide(Estimate(value, low, high), **(settings | changed))  # type: ignore[arg-type]


def test_the_margin_is_one_per_cent_of_knowing_only_the_base_rate() -> None:
    assert _decide(0.0, -0.1, 0.1).margin == pytest.approx(MARGIN)


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict"),
    [
        (3.0, 0.1, 6.0, "promote"),
        (1.0, 0.01, 2.0, "promote"),  # the margin itself is enough
        (0.99, 0.01, 2.0, "not-enough-evidence"),  # better, but by less than what matters
        (0.1, -0.9, 0.9, "keep-equivalent"),
        (0.0, -1.0, 1.0, "keep-equivalent"),
        (0.5, 0.1, 0.9, "keep-equivalent"),
        (-3.0, -5.0, -0.01, "reject"),
        (-3.0, -7.0, 1.0, "not-enough-evidence"),
        (3.0, -0.01, 6.0, "not-enough-evidence"),
        (0.0, -5.0, 5.0, "not-enough-evidence"),
    ],
)
def test_each_interval_has_its_answer(value: float, low: float, high: float, verdict: str) -> None:
    assert _decide(value * MARGIN, low * MARGIN, high * MARGIN).verdict == verdict


@given(st.floats(-10, 10), st.floats(0.001, 10), st.floats(0.001, 10))
def test_what_is_promoted_would_be_rejected_the_other_way_round(value: float, below: float, above: float) -> None:
    forward = _decide(value * MARGIN, (value - below) * MARGIN, (value + above) * MARGIN).verdict
    backward = _decide(-value * MARGIN, (-value - above) * MARGIN, (-value + below) * MARGIN).verdict
    if forward == "promote":
        assert backward == "reject"
    assert (forward, backward) not in {("promote", "promote"), ("reject", "reject")}


@pytest.mark.parametrize(("events", "verdict"), [(19, "not-enough-evidence"), (20, "promote")])
def test_a_handful_of_events_promotes_nothing_however_clear_it_looks(events: int, verdict: str) -> None:
    found = _decide(5 * MARGIN, 4 * MARGIN, 6 * MARGIN, holdout_events=events)
    assert found.verdict == verdict
    if events < 20:
        assert found.events_needed == 20


def test_a_broken_guard_stops_a_promotion_and_says_why_but_an_unknown_one_does_not() -> None:
    broken = _decide(5 * MARGIN, MARGIN, 9 * MARGIN, guards=(Guard("slope", False, "Slope 3.0."),))
    assert broken.verdict == "not-enough-evidence"
    assert "Slope 3.0." in broken.reason
    assert _decide(5 * MARGIN, MARGIN, 9 * MARGIN, guards=(Guard("slope", None, "?"),)).verdict == "promote"


def test_small_training_sets_describe_or_propose_but_do_not_promote() -> None:
    clear = (5 * MARGIN, MARGIN, 9 * MARGIN)
    assert _decide(*clear, tier="descriptive").verdict == "descriptive-only"
    assert _decide(*clear, tier="proposal").verdict == "not-enough-evidence"
    assert _decide(*clear, tier="gated").verdict == "promote"
    assert _decide(-5 * MARGIN, -9 * MARGIN, -MARGIN, tier="proposal").verdict == "reject"


@given(st.floats(-10, 10), st.floats(0.001, 10))
def test_a_table_without_dates_never_promotes(value: float, half: float) -> None:
    found = _decide(value * MARGIN, (value - half) * MARGIN, (value + half) * MARGIN, dated=False)
    assert found.verdict == "descriptive-only"
    assert "without dates" in found.sentence


@pytest.mark.parametrize("missing", [(None, None, None), (0.1, None, None)])
def test_without_an_interval_nothing_is_claimed(missing: tuple[float | None, float | None, float | None]) -> None:
    found = decide(Estimate(*missing), base_rate=BASE, holdout_events=1, tier="full")
    assert found.verdict == "descriptive-only"
    assert found.events_needed is None


@given(st.integers(1, 500), st.floats(1.1, 8), st.floats(1.2, 9.9))
def test_the_events_needed_scale_with_the_square_of_the_interval(events: int, effect: float, width: float) -> None:
    delta = Estimate(effect, effect * (1 - width), effect * (1 + width))
    needed = events_needed(delta, 1.0, events)
    expected = events * width**2
    assert needed is not None
    assert needed == pytest.approx(expected, abs=1.0 + 1e-9 * expected)


def test_a_small_difference_is_settled_when_its_interval_fits_inside_the_margin() -> None:
    assert events_needed(Estimate(0.0, -2.0, 2.0), 1.0, 50) == 200
    assert events_needed(Estimate(0.5, -0.5, 1.5), 1.0, 50) == 200


@pytest.mark.parametrize(
    ("delta", "events"),
    [
        (Estimate(None), 10),
        (Estimate(1.0, 0.5, 1.5), 0),
        (Estimate(1.0 + 1e-9, -20.0, 22.0), 10),
        (Estimate(0.999, 0.5, 1.5), 100),
        (Estimate(0.0, 0.0, 0.0), 5),
    ],
)
def test_no_number_of_events_is_named_where_none_can_be(delta: Estimate, events: int) -> None:
    assert events_needed(delta, 1.0, events) is None


def test_the_sentence_of_an_open_question_names_the_events_there_are_and_that_are_needed() -> None:
    found = _decide(2 * MARGIN, -2 * MARGIN, 6 * MARGIN, holdout_events=31)
    assert found.events_needed in (124, 125)  # 31 x 4, rounded up after floating point
    assert "31 churned accounts" in found.sentence
    assert f"about {found.events_needed} would" in found.sentence


def test_tiers_follow_the_events() -> None:
    tiers = [small_data_tier(events) for events in (0, 19, 20, 49, 50, 149, 150)]
    assert tiers == ["descriptive", "descriptive", "proposal", "proposal", "gated", "gated", "full"]


@given(st.floats(1e-6, 1 - 1e-6))
def test_the_null_log_loss_is_the_entropy(rate: float) -> None:
    assert null_log_loss(rate) == pytest.approx(stats.bernoulli(rate).entropy())


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 500)), min_size=2, max_size=6).filter(
        lambda pairs: all(e <= t for e, t in pairs) and sum(t for _, t in pairs) > 0
    )
)
def test_pooled_rates_lie_between_a_segment_s_own_rate_and_that_of_the_book(counts: list[tuple[int, int]]) -> None:
    named = {f"s{k}": (float(e), float(t)) for k, (e, t) in enumerate(counts)}
    book = (sum(e for e, _ in counts) + 0.5) / (sum(t for _, t in counts) + 1)
    for name, found in pooled_rates(named).items():
        events, trials = named[name]
        ends = sorted([book, events / trials if trials else book])
        assert ends[0] - 1e-9 <= found.value <= ends[1] + 1e-9
        assert found.low <= found.high
        assert found.low >= 0
        assert found.high <= 1
        assert found.raw == (events / trials if trials else None)


def test_larger_segments_borrow_less() -> None:
    others = {"b": (100.0, 1000.0), "c": (30.0, 1000.0), "d": (60.0, 1000.0)}
    pulled = [abs(pooled_rates({"a": (0.2 * n, n), **others})["a"].value - 0.2) for n in (10.0, 100.0, 1000.0, 1e6)]
    assert pulled == sorted(pulled, reverse=True)
    assert pulled[0] > 0.02
    assert pulled[-1] < 1e-4


def test_segments_that_do_not_differ_are_pooled_to_one_rate() -> None:
    found = pooled_rates({"a": (5.0, 100.0), "b": (50.0, 1000.0), "c": (25.0, 500.0)})
    assert max(f.value for f in found.values()) - min(f.value for f in found.values()) < 0.001


def test_a_single_segment_is_its_own_book() -> None:
    found = pooled_rates({"only": (20.0, 200.0)})["only"]
    assert found.value == pytest.approx(0.1, abs=0.01)


def test_a_gain_below_the_margin_is_named_as_such_without_a_number_of_events() -> None:
    found = _decide(0.9 * MARGIN, 0.1 * MARGIN, 1.7 * MARGIN)
    assert found.verdict == "not-enough-evidence"
    assert "is better, but by" in found.sentence
    assert found.events_needed is None


def test_a_candidate_that_ranks_like_chance_is_called_no_usable_signal() -> None:
    blind = Guard("ranks-better-than-chance", False, "AUC 0.493 (90 % interval 0.470 to 0.520).")
    found = _decide(2 * MARGIN, MARGIN, 3 * MARGIN, guards=(blind,))
    assert found.verdict == "not-enough-evidence"
    assert found.sentence.startswith("No usable signal")


def test_an_interval_wholly_inside_the_margin_is_equivalent_even_when_it_lies_below_zero() -> None:
    assert _decide(-0.5 * MARGIN, -0.9 * MARGIN, -0.1 * MARGIN).verdict == "keep-equivalent"
