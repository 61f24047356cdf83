from random import Random

from formula_worlds import knots_of, random_body, random_row
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench_scorer import Scorer
from churnbench_scorer.result import whole_steps
from churnbench_scorer.rules import check_body


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_gained_points_sum_to_the_total_and_lost_ones_to_the_rest_for_any_formula(seed: int) -> None:
    rng = Random(seed)
    body = random_body(rng)
    kinds = check_body(body)
    document = {
        "config_id": "any",
        "config_version": "1.0.0",
        "sequence": 1,
        "inputs": [{"id": name, "type": kind} for name, kind in kinds.items()],
        "integrity": {"body_sha256": ""},
        "body": body,
    }
    scorer = Scorer(document)
    for _ in range(10):
        found = scorer.score(random_row(rng, kinds, knots_of(body)))
        parts = found.contributions
        if found.total_score_x100 is None:
            assert parts == []
            continue
        assert sum(gained for _, gained, _ in parts) == found.total_score_x100
        assert sum(lost for _, _, lost in parts) == 10000 - found.total_score_x100
        assert all(gained >= 0 and lost >= 0 for _, gained, lost in parts)
        points = found.metric_points
        assert all((g, lost) == (0, 0) for name, g, lost in parts if points[name] is None)
        assert [name for name, _, _ in parts] == list(points)


@given(st.lists(st.floats(0, 3000), min_size=1, max_size=8), st.sampled_from([-1e-9, 0, 1e-9]))
def test_whole_steps_sum_to_the_total_and_stay_within_one_of_their_part(parts: list[float], drift: float) -> None:
    total = int(sum(parts) + drift + 0.5)
    steps = whole_steps(parts, total)
    assert sum(steps) == total
    assert all(step >= 0 for step in steps)
    assert all(abs(step - part) <= 1.5 for step, part in zip(steps, parts, strict=True))


def test_what_rounding_leaves_goes_to_the_last_metric_with_a_part_in_it() -> None:
    # The running sum 0.4999 stays at 0 while the total, rounded from a sum one ulp larger, is 1.
    assert whole_steps([0.25, 0.2499, 0.0], 1) == [0, 1, 0]
    # and it never runs ahead of the total
    assert whole_steps([0.5, 0.25], 0) == [0, 0]
