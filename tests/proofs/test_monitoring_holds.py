"""The proof of monitoring in a small form with fixed seeds."""

from __future__ import annotations

import pandas as pd
from proofs.watching_section import found_by_counting, found_within

from churnbench.monitoring.budget import DATA, INTERCEPT, NOTHING
from proofs import watching


def test_stable_books_are_left_alone_and_a_hazard_two_and_a_half_times_as_high_is_found() -> None:
    stable = watching.run(watching.STABLE, range(1, 6), 1)
    assert (stable["verdict"] == NOTHING).all()
    risen = watching.run(watching.Case("risen", factor=2.5), range(1, 4), 1)
    assert found_within(risen).value == 1.0
    assert (risen.loc[risen["quarter"] == 2, "observed"] > 1.5 * risen.loc[risen["quarter"] == 2, "expected"]).all()


def test_what_was_recorded_later_is_not_known_earlier() -> None:
    world = watching.simulate_world(300, 18, 1, truth=False)
    cohort, churns = watching.as_known(world, watching.LOOKS[0])
    assert cohort.frame["as_of"].max() <= watching.LOOKS[0]
    assert churns["known_on"].max() <= watching.LOOKS[0]


def test_a_data_problem_finds_no_rise() -> None:
    table = pd.DataFrame({"seed": [1, 1, 2, 2], "verdict": [DATA, NOTHING, NOTHING, INTERCEPT]})
    assert found_within(table).value == 0.5


def test_counting_with_the_usual_rate_known_finds_what_is_twice_as_much_and_no_more() -> None:
    looks = [{"seed": seed, "quarter": quarter, "accounts": 1000} for seed in (1, 2) for quarter in (1, 2)]
    stable = pd.DataFrame(looks).assign(observed=[20, 40, 24, 44])
    risen = pd.DataFrame(looks).assign(observed=[23, 84, 21, 43])
    assert found_by_counting(risen, stable, level=0.05).value == 0.5
    assert found_by_counting(stable, stable, level=0.05).value == 0.0
