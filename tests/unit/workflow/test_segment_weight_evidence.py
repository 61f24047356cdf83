"""What the evidence and the warnings say about segment weights and the ramp, adopted or not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from segment_books import CONTRAST, DIMENSIONS, EVEN, MIX, Young, segment_book
from segment_trainings import training_on

from churnbench.calibration import CONTENDERS, FittedContender, Training
from churnbench.calibration.lifecycle_ramp import LifecycleRamp
from churnbench.calibration.refinements import RampTrial, Trial
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.formula import SEGMENT_LEVEL
from churnbench.workflow.formula_evidence import weight_evidence
from churnbench.workflow.segment_evidence import ramp_sentence, refinement_evidence, segment_sentence, segment_warnings

Made = tuple[Training, FittedContender, dict[str, Any]]


def body_of(spec: FormulaSpec) -> dict[str, Any]:
    """As much of a body as says which segments have profiles of their own."""
    return {"segments": {"by": [{"segment": name} for name in spec.segment_weights]}}


def made(training: Training, name: str = "anchored") -> Made:
    candidate = CONTENDERS[name].fit(name, training, OutcomeWindow())
    return training, candidate, json.loads(json.dumps(refinement_evidence(training, candidate)))


@pytest.fixture(scope="module")
def adopted() -> Made:
    book = segment_book(CONTRAST, accounts=1000, seed=3, young=Young())
    return made(training_on(book, declared=CONTRAST))


@pytest.fixture(scope="module")
def refused() -> Made:
    book = segment_book(dict.fromkeys(MIX, EVEN), accounts=700, seed=1)
    return made(training_on(book, declared={"SMB": CONTRAST["SMB"]}))


def test_adopted_profiles_are_those_of_the_config(adopted: Made) -> None:
    _, candidate, found = adopted
    assert found["segment_weights"]["adopted"]
    assert found["segment_weights"]["gain"] > found["segment_weights"]["gain_se"] > 0
    assert candidate.body is not None
    shipped = {entry["segment"]: dict(entry["weights"]) for entry in candidate.body["segments"]["by"]}
    for row in found["segments"]:
        profile = shipped[row["segment"]]
        rest = 10000 - profile.get(SEGMENT_LEVEL, 0)
        assert row["own"]
        assert sum(part["weight"] for part in row["dimensions"]) == pytest.approx(100, abs=0.01)
        for part in row["dimensions"]:
            assert part["weight"] == pytest.approx(100 * profile[part["id"]] / rest, abs=0.05)
            assert part["weight"] == part["learned"]
            assert part["ci90"][0] <= part["ci90"][1]
        level = next(m for m in candidate.body["metrics"] if m["id"] == SEGMENT_LEVEL)
        points = dict(level["rule"]["map"])[row["segment"]] * profile[SEGMENT_LEVEL] / 10000
        assert row["level_points"] == pytest.approx(points, abs=0.02)


def test_counts_of_a_segment_are_those_of_the_training_rows(adopted: Made) -> None:
    training, _, found = adopted
    for row in found["segments"]:
        here = training.frame[training.frame["segment"] == row["segment"]]
        assert row["accounts"] == here["account_id"].nunique()
        assert row["events"] == here.loc[here["y"] == 1, "account_id"].nunique()


def test_the_ramp_of_the_evidence_is_that_of_the_config(adopted: Made) -> None:
    _, candidate, found = adopted
    assert found["ramp"]["adopted"]
    assert candidate.body is not None
    assert found["ramp"]["points"] == candidate.body["ramp"]["points"]
    assert "raised" in found["ramp"]["sentence"]


def test_weights_of_the_formula_still_sum_to_100_without_the_level(adopted: Made) -> None:
    training, candidate, _ = adopted
    hand = CONTENDERS["incumbent"].fit("incumbent", training, OutcomeWindow())
    fitted = dict.fromkeys(("incumbent", "shap_share", "shap_slope", "distilled"), hand) | {"anchored": candidate}
    found = weight_evidence(training.spec, fitted, "anchored", None)
    assert sum(row["candidate"] for row in found["dimensions"]) == pytest.approx(100, abs=0.01)
    assert [row["id"] for row in found["dimensions"]] == list(DIMENSIONS)
    weights = candidate.derived.refinements.final.weights  # type: ignore[union-attr]
    for row, share in zip(found["dimensions"], weights.overall, strict=True):
        assert row["candidate"] == pytest.approx(100 * share, abs=0.2)


def test_refused_profiles_are_shown_beside_the_one_that_ships(refused: Made) -> None:
    _, candidate, found = refused
    assert found["segment_weights"]["tried"]
    assert not found["segment_weights"]["adopted"]
    assert found["segment_weights"]["sentence"].startswith("One profile for all segments. Weights of their own were")
    assert candidate.body is not None
    assert candidate.body["segments"]["by"] == []
    for row in found["segments"]:
        assert not row["own"]
        assert row["level_points"] is None
        assert all(part["weight"] == part["overall"] for part in row["dimensions"])
        assert all((part["learned"] is not None) == (row["events"] >= 50) for part in row["dimensions"])
    assert any(part["learned"] is not None for row in found["segments"] for part in row["dimensions"])


def test_readers_used_to_segment_profiles_are_told_what_became_of_them(adopted: Made, refused: Made) -> None:
    training, candidate, _ = adopted
    assert segment_warnings(body_of(training.spec), candidate) == []
    more = replace(training.spec, segment_weights={**CONTRAST, "Public": EVEN})
    assert "for Public" in segment_warnings(body_of(more), candidate)[0]
    assert segment_warnings(body_of(replace(training.spec, segment_weights={})), candidate) == []

    training, candidate, _ = refused
    [said] = segment_warnings(body_of(training.spec), candidate)
    assert "one profile for all segments" in said
    assert "not adopted" in said
    hand = CONTENDERS["incumbent"].fit("incumbent", training, OutcomeWindow())
    assert "one profile for all segments" in segment_warnings(body_of(training.spec), hand)[0]


def test_other_derivations_learn_neither() -> None:
    training = training_on(segment_book(dict.fromkeys(MIX, EVEN), accounts=200, seed=1))
    _, _, found = made(training, "incumbent")
    assert found["segments"] == []
    assert "Only the anchored refit" in found["segment_weights"]["sentence"]
    assert "Only the anchored refit" in found["ramp"]["sentence"]


def test_sentences_fit_every_outcome_of_a_trial(adopted: Made) -> None:
    _, candidate, _ = adopted
    trial = candidate.derived.refinements.segments  # type: ignore[union-attr]
    assert "fell by" in segment_sentence(trial)
    worse = replace(trial, trial=Trial(False, -0.001, 0.002, -0.01))
    assert "rose by 0.0010 (standard error 0.0020)" in segment_sentence(worse)
    tiny = replace(trial, trial=Trial(False, -8.3e-6, 4e-7, 0.0))
    assert "rose by 0.0000083 (standard error 0.00000040)" in segment_sentence(tiny)
    alone = replace(trial, weights=replace(trial.weights, shares={}), trial=Trial(False, 0.0, 0.0, 0.0))
    assert "not enough churned accounts" in segment_sentence(alone)
    ramp = LifecycleRamp(((90.0, 1.3), (135.0, 1.1), (180.0, 1.0)))
    assert "accounts up to 90 days old" in ramp_sentence(RampTrial(Trial(False, 0.0, 0.1, 0.0), "", ramp))
    assert "for new accounts" in ramp_sentence(
        RampTrial(Trial(True, 0.2, 0.1, 0.0), "", LifecycleRamp(((0.0, 1.3), (180.0, 1.0))))
    )
