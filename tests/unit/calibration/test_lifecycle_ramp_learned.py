"""The lifecycle ramp: found where young accounts show less than they are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from engines_here import ENGINES_HERE
from segment_books import EVEN, MIX, Young, segment_book
from segment_trainings import learned, refined, training_on

from churnbench.calibration import CONTENDERS
from churnbench.calibration.lifecycle_ramp import KNOTS, LifecycleRamp, learn_ramp
from churnbench.calibration.refinements import TENURE
from churnbench.domain.cohort import OutcomeWindow
from churnbench.export import build_document, verify
from churnbench.formula import score_frame

ALIKE = dict.fromkeys(MIX, EVEN)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def young_rows(*, shown: float, riskier: float = 0.0, rows: int = 20_000, least: float = 0.0, seed: int = 0) -> Arrays:
    """One row per account: log-odds `1 - total`, of which the young show only `shown` to 1 (at 180 days)."""
    rng = np.random.default_rng(seed)
    total = rng.uniform(1.0, 6.0, rows)
    tenure = rng.uniform(least, 600.0, rows)
    hidden = shown + (1 - shown) * np.clip(tenure / 180, 0, 1)
    risk = 1.0 - total + riskier * (tenure < 180)
    y = (rng.random(rows) < 1 / (1 + np.exp(-risk))).astype(float)
    return total * hidden, tenure, y, np.ones(rows), np.arange(rows)


def test_the_multiplier_undoes_what_young_accounts_hide() -> None:
    ramp = learn_ramp(*young_rows(shown=0.6))
    assert ramp is not None
    days = np.array([22.0, 67.0, 112.0, 157.0])
    assert ramp.multiplier(days) == pytest.approx(1 / (0.6 + 0.4 * days / 180), rel=0.08)


def test_it_falls_to_one_and_unknown_or_old_tenure_is_left_alone() -> None:
    ramp = learn_ramp(*young_rows(shown=0.7, seed=1))
    assert ramp is not None
    heights = [height for _, height in ramp.points]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == 1.0
    assert ramp.multiplier(np.array([np.nan, 180.0, 5000.0])).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("riskier", [0.0, 0.8])
def test_young_accounts_as_risky_as_they_look_or_more_get_no_ramp(riskier: float) -> None:
    ramp = learn_ramp(*young_rows(shown=1.0, riskier=riskier))
    assert ramp is None or ramp.points[0][1] < 1.05


def test_a_score_that_rises_with_risk_has_no_ramp() -> None:
    relief, tenure, y, weight, cluster = young_rows(shown=0.6)
    assert learn_ramp(relief, tenure, 1 - y, weight, cluster) is None


def test_fewer_than_twenty_young_churned_accounts_teach_nothing() -> None:
    relief, tenure, y, weight, cluster = young_rows(shown=0.5, rows=3000)
    young = (tenure < KNOTS[-1]) & (y == 1)
    keep = ~young
    keep[np.flatnonzero(young)[:19]] = True
    assert learn_ramp(*(a[keep] for a in (relief, tenure, y, weight, cluster))) is None
    assert learn_ramp(relief, np.full(len(y), np.nan), y, weight, cluster) is None


def test_below_the_youngest_labelled_row_the_multiplier_stays_as_it_is_there() -> None:
    ramp = learn_ramp(*young_rows(shown=0.5, least=90.0))
    assert ramp is not None
    assert ramp.points[0][0] == 90.0
    assert ramp.multiplier(np.array([0.0, 60.0])).tolist() == [ramp.points[0][1]] * 2


def test_few_accounts_are_held_near_no_ramp() -> None:
    many, few = learn_ramp(*young_rows(shown=0.5)), learn_ramp(*young_rows(shown=0.5, rows=1500))
    assert many is not None
    assert few is not None
    assert few.points[0][1] < many.points[0][1]


@pytest.fixture(scope="module")
def young() -> LifecycleRamp:
    """The ramp of a whole book whose young accounts show half of what they are."""
    _, found = learned(ALIKE, seed=4, young=Young())
    assert found.ramp.adopted
    assert found.ramp.trial is not None
    assert found.ramp.trial.gain > found.ramp.trial.error > 0
    assert found.final.ramp is not None
    return found.final.ramp


def test_a_whole_book_with_an_onboarding_phase_gets_its_ramp(young: LifecycleRamp) -> None:
    # Young(0.5, 180 days): twice at the start, 4/3 after 90 days; drawn towards none.
    assert 1.4 < young.points[0][1] < 2.1
    assert young.multiplier(np.array([90.0]))[0] == pytest.approx(4 / 3, abs=0.2)


def test_books_without_one_mostly_stay_without() -> None:
    found = [learned(ALIKE, accounts=600, months=14, seed=seed)[1] for seed in range(3)]
    assert sum(one.ramp.adopted for one in found) <= 1


def test_without_a_start_date_it_says_so() -> None:
    book = segment_book(ALIKE, accounts=300, seed=0)
    for frame in (book.assign(**{TENURE: np.nan}), book.drop(columns=TENURE)):
        _, found = refined(training_on(frame))
        assert found.ramp.trial is None
        assert "when accounts started" in found.ramp.reason


def test_a_config_with_profiles_and_ramp_is_scored_alike_by_every_engine_and_by_the_fit() -> None:
    from segment_books import CONTRAST

    training = training_on(segment_book(CONTRAST, accounts=1000, seed=3, young=Young()))
    fitted = CONTENDERS["anchored"].fit("anchored", training, OutcomeWindow())
    assert fitted.derived is not None
    assert fitted.derived.refinements is not None
    final = fitted.derived.refinements.final
    assert final.ramp is not None
    assert final.weights.shares
    assert fitted.body is not None
    raw = score_frame(fitted.body, training.frame)["raw_score"].to_numpy(dtype=float)
    assert raw == pytest.approx(100 * final.relief(training.frame) / final.spread, abs=0.05)
    document = build_document(
        fitted.body, config_id="x", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
    )
    engines = tuple(ENGINES_HERE)
    assert len(engines) >= 3
    assert [result.broken for result in verify(document, engines)] == [()] * len(engines)
