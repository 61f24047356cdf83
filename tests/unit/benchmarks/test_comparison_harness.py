"""The comparison's harness on a tiny made-up book, without rivals from outside: figures, page and numbers."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_books import cohort_of, linear_book, plain_spec

from churnbench.calibration import Settings, Training
from churnbench.metrics import AccountBootstrap, summarise
from churnbench.metrics.summary import paired_difference

ROOT = Path(__file__).resolve().parents[3]
EFFECTS = {"m0": 1.6, "m1": 0.8, "m2": 0.2}


def load(name: str) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        return importlib.import_module(f"benchmarks.comparison.{name}")


command, contest, figures, formulas, interactions, measures, methods, page, protocol, rivals, sets = map(
    load,
    (
        "__main__",
        "contest",
        "figures",
        "formulas",
        "interactions",
        "measures",
        "methods",
        "page",
        "protocol",
        "rivals",
        "sets",
    ),
)
boosting = load("boosting")
PAGE = "\n".join(
    f"<!-- begin {name} -->\nold\n<!-- end {name} -->"
    for name in ("verdicts", "losses", "sets", "additivity", "compounds", "settings")
)


def opened(*, dated: bool, **book: Any) -> Any:
    frame = linear_book(EFFECTS, **{"accounts": 160, "months": 14, **book})
    if not dated:
        frame = frame.drop_duplicates("account_id").reset_index(drop=True)
        frame = frame.assign(as_of=pd.NaT, matures_on=pd.NaT)
    cohort = cohort_of(frame, tuple(EFFECTS), dated=dated)
    if dated:
        from churnbench.backtesting import walk_forward

        folds = walk_forward(cohort, holdout_quarters=1)
    else:
        folds = sets.repeated_parts(cohort, 2, 0)
    spec = plain_spec({"m0": 1.0, "m1": 2.0, "m2": 3.0})
    return sets.OpenSet("made", "Made up", "made up: an additive book", cohort, spec, Settings(seed=1), folds)


@pytest.fixture(scope="module")
def book() -> Any:
    return opened(dated=True)


@pytest.fixture(scope="module")
def found(book: Any) -> dict[str, Any]:
    arguments = command.parse(["--no-rivals", "--halves", "1", "--replicates", "50", "--pairs", "2"])
    one = {**command.compare(book, arguments), "seconds": 1.0}
    chosen = {key: getattr(arguments, key) for key in ("repeats", "halves", "replicates", "seed", "full", "accounts")}
    return {
        "settings": chosen,
        "versions": {"numpy": "2"},
        "seconds": 1.0,
        "skipped": ["x: absent"],
        "sets": [one],
    }


def test_without_outside_packages_the_table_still_holds_the_seven_ways_and_the_ceiling() -> None:
    names = list(methods.all_methods(outside=False))
    assert names[:7] == [
        "hand",
        "shap_share",
        "shap_slope",
        "distilled",
        "non_negative",
        "anchored",
        "anchored_free",
    ]
    assert {methods.CEILING, methods.ADDITIVE, "lightgbm_monotone", "logistic"} < set(names)
    assert not {"ebm", "scorecard"} & set(names)


def test_fitted_weights_beat_a_hand_formula_whose_weights_stand_on_their_head(found: dict[str, Any]) -> None:
    entries = found["sets"][0]["methods"]
    for name in ("non_negative", "anchored", "logistic", "lightgbm"):
        assert entries[name]["auc"]["value"] > entries["hand"]["auc"]["value"] + 0.02
        assert entries[name]["log_loss"]["value"] < entries["hand"]["log_loss"]["value"]
    assert entries["hand"]["gap_closed"]["value"] == 0.0
    assert entries["lightgbm"]["gap_closed"]["value"] == 1.0
    assert entries["hand"]["stability"] == [0.0]
    assert 0 < entries["non_negative"]["stability"][0] < 0.5
    assert entries["lightgbm"]["stability"] is None
    assert entries["compounds"]["with_compounds"] == 0
    json.dumps(found)  # the record is plain JSON


def test_the_same_seed_gives_the_same_figures_and_only_times_differ(book: Any, found: dict[str, Any]) -> None:
    chosen = {name: methods.all_methods(outside=False)[name] for name in ("hand", "anchored", "lightgbm")}
    rows = contest.fight(book, chosen, halves=0, say=lambda text: None).rows
    measured = measures.Judge(rows, replicates=50, seed=1).measure(list(chosen))
    for name in chosen:
        assert measured[name].log_loss.as_json() == found["sets"][0]["methods"][name]["log_loss"]


def predictions() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"account_id": rng.integers(0, 60, 400).astype(str), "fold": 0})
    frame["y"] = (rng.random(400) < 0.4).astype(float)
    for name, noise in (("hand", 3.0), ("anchored", 1.0), ("lightgbm", 0.5)):
        frame[name] = 1 / (1 + np.exp(-(frame["y"] - 0.5 + rng.normal(0, noise, 400))))
    return frame


def test_within_one_fold_figures_and_paired_intervals_are_those_of_the_workbench() -> None:
    rows = predictions()
    judge = measures.Judge(rows, replicates=200, seed=5)
    measured = judge.measure(["hand", "anchored", "lightgbm"])
    bootstrap = AccountBootstrap(rows["account_id"].to_numpy(dtype=object), replicates=200, seed=5)
    for name in ("hand", "lightgbm"):
        expected = summarise(rows["y"], rows[name], bootstrap=bootstrap)
        assert measured[name].auc.as_json()["ci90"] == pytest.approx(expected["auc"].as_json()["ci90"], abs=1e-6)
        assert measured[name].log_loss.value == pytest.approx(expected["log_loss"].value)
        assert measured[name].log_loss.as_json()["ci90"] == pytest.approx(expected["log_loss"].as_json()["ci90"])
        for measure in ("auc", "log_loss"):
            expected_gain = paired_difference(measure, rows["y"], rows["anchored"], rows[name], bootstrap=bootstrap)
            gain = getattr(measured[name], f"{measure}_gain")
            assert gain.value == pytest.approx(expected_gain.value)
            assert [gain.low, gain.high] == pytest.approx([expected_gain.low, expected_gain.high], abs=1e-6)


def test_over_folds_only_accounts_of_the_same_fold_are_compared() -> None:
    rows = predictions()
    other = rows.assign(fold=1)
    other["hand"] = other["hand"] * 1e-3  # another level in another fold must not matter
    both = pd.concat([rows, other], ignore_index=True)
    alone = measures.Judge(rows, replicates=50, seed=5).area(rows["hand"].to_numpy())
    together = measures.Judge(both, replicates=50, seed=5).area(both["hand"].to_numpy())
    assert together.value == pytest.approx(alone.value)
    assert together.replicates == pytest.approx(alone.replicates, abs=1e-6)


def test_repeating_a_table_does_not_narrow_its_intervals() -> None:
    rows = predictions()
    repeated = pd.concat([rows.assign(fold=number) for number in range(3)], ignore_index=True)
    once = measures.Judge(rows, replicates=100, seed=5).loss(rows["hand"].to_numpy())
    thrice = measures.Judge(repeated, replicates=100, seed=5).loss(repeated["hand"].to_numpy())
    assert thrice.replicates == pytest.approx(once.replicates)


def test_there_is_no_gap_to_close_where_boosting_is_no_better_than_the_hand_formula_or_than_chance() -> None:
    rows = predictions()
    rows["lightgbm"] = rows["hand"]
    same = measures.Judge(rows, replicates=50, seed=1).measure(["hand", "anchored", "lightgbm"])
    assert same["anchored"].gap_closed is None
    rows["hand"], rows["lightgbm"] = 1 - rows["anchored"], 0.5
    noise = measures.Judge(rows, replicates=50, seed=1).measure(["hand", "anchored", "lightgbm"])
    assert noise["anchored"].gap_closed is None


def test_non_negative_weights_are_the_maximum_likelihood_of_the_hand_points(book: Any) -> None:
    from scipy.optimize import minimize

    training = Training.of(book.cohort, book.folds[-1].train_rows, book.spec, book.settings)
    made = formulas.non_negative_logistic(training, book.cohort.window)
    points, y = training.frame[list(EFFECTS)].to_numpy() / 100, training.y

    def loss(b: np.ndarray) -> float:
        index = b[0] - points @ b[1:]
        return float(np.mean(np.logaddexp(0, index) - y * index))

    oracle = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(None, None), *[(0, None)] * 3]).x[1:]
    assert [made.weights[m] for m in EFFECTS] == pytest.approx(list(oracle / oracle.sum()), abs=2e-3)
    assert made.inputs == 3


def test_boosting_obeys_declared_directions(book: Any) -> None:
    training = Training.of(book.cohort, book.folds[-1].train_rows, book.spec, book.settings)
    assert boosting.declared_constraints(training.hand_curves) == [-1, -1, -1]
    made = boosting.monotone(training, None)
    row = training.frame.iloc[[0] * 50].assign(m0=np.linspace(0, 100, 50))
    assert (np.diff(made.predict(row)) <= 1e-12).all()


def test_pairs_that_interact_are_named_first() -> None:
    frame = linear_book(EFFECTS, accounts=400, months=8)
    both = ((frame["m1"] < 50) ^ (frame["m2"] < 50)).to_numpy()
    frame["y"] = (np.random.default_rng(2).random(len(frame)) < np.where(both, 0.4, 0.08)).astype(float)
    training = Training(frame, plain_spec(dict.fromkeys(EFFECTS, 1.0)), tuple(EFFECTS), True, Settings())
    best = interactions.strongest_pairs(training, shown=2, replicates=50)
    assert best[0].metrics == ("m1", "m2")
    assert best[0].gain.low > 0
    assert best[0].gain.value > best[1].gain.value


def test_tables_without_dates_are_dealt_anew_in_every_repeat_and_each_account_is_tested_once_per_repeat() -> None:
    table = opened(dated=False)
    assert len(table.folds) == 10
    first, second = table.folds[:5], table.folds[5:]
    for repeat in (first, second):
        tested = np.concatenate([fold.test_rows for fold in repeat])
        assert sorted(tested) == list(table.cohort.frame.index)
    assert any((a.test_rows.tolist() != b.test_rows.tolist()) for a, b in zip(first, second, strict=True))
    assert len(table.last_training) == len(table.cohort.frame)


def test_halves_without_enough_churn_give_no_distance() -> None:
    small = opened(dated=True, accounts=40)
    chosen = {"anchored": methods.all_methods(outside=False)["anchored"]}
    assert contest.stability(small, chosen, 2) == {"anchored": []}


def test_a_quick_look_draws_whole_accounts(book: Any) -> None:
    some = sets.some_accounts(book.cohort, 30, seed=0)
    assert some.frame["account_id"].nunique() == 30
    assert len(some.frame) == 30 * 14
    assert sets.some_accounts(book.cohort, 10_000, seed=0) is book.cohort


def test_the_page_is_filled_between_its_markers_and_nowhere_else(found: dict[str, Any]) -> None:
    text = page.fill_page(f"before\n{PAGE}\nafter\n", found)
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "\nold\n" not in text
    refit = found["sets"][0]["methods"]["anchored"]["auc"]["value"]
    assert f"| anchored refit | {refit:.3f} (" in text
    assert "Skipped: x: absent" in text
    assert page.fill_page(text, found) == text


def test_a_page_without_a_marker_or_with_one_too_many_is_refused(found: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="0 blocks 'losses'"):
        page.fill_page(PAGE.replace("begin losses", "start losses"), found)
    with pytest.raises(ValueError, match="not written"):
        page.fill_page(PAGE + "\n<!-- begin more -->", found)


def test_the_command_draws_again_from_what_it_stored(
    found: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "comparison.json").write_text(json.dumps(found), "utf-8")
    (tmp_path / "comparison.md").write_text(PAGE, "utf-8")
    assert command.main(["--draw", "--docs", str(tmp_path)]) == 0
    assert "1 sets" in capsys.readouterr().out
    written = figures.draw_all(found, tmp_path / "again")
    assert [file.name for file in written] == [
        f"comparison-{name}.svg" for name in ("auc", "log-loss", "additivity", "compounds", "stability", "seconds")
    ]
    for file in written:  # the same figures give the same bytes
        assert file.read_bytes() == (tmp_path / "images" / file.name).read_bytes()
        assert len(file.read_text("utf-8")) > 5000
    assert "Made up" in (tmp_path / "comparison.md").read_text("utf-8")


def test_runs_of_single_sets_are_joined_in_the_order_of_the_page_unless_they_differ_in_settings(
    found: dict[str, Any], tmp_path: Path
) -> None:
    made = found["sets"][0]
    parts = [{**found, "sets": [{**made, "name": name}]} for name in ("ravenstack", "ibm_telco")]
    joined = command.collect(parts)
    assert [one["name"] for one in joined["sets"]] == ["ibm_telco", "ravenstack"]
    assert joined["seconds"] == 2.0
    for number, part in enumerate(parts):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "comparison.json").write_text(json.dumps(part), "utf-8")
    folders = [str(tmp_path / str(number)) for number in range(2)]
    (tmp_path / "comparison.md").write_text(PAGE, "utf-8")
    assert command.main(["--docs", str(tmp_path), "--collect", *folders]) == 0
    assert json.loads((tmp_path / "comparison.json").read_text("utf-8")) == joined
    with pytest.raises(SystemExit, match="differ"):
        command.collect([found, {**found, "settings": {"seed": 2}}])


def test_absent_data_are_named_and_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "open_set", _absent)
    assert command.main(["ibm_telco", "--docs", str(tmp_path)]) == 1
    assert "ibm_telco: no such folder" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit):
        command.parse(["unheard_of"])
    with pytest.raises(SystemExit):  # the page of all sets is not replaced by a look at one
        command.parse(["ibm_telco"])


def _absent(*_: object, **__: object) -> Any:
    raise command.MissingData("no such folder")


def test_shares_sum_to_one_and_are_equal_when_nothing_moves_the_score() -> None:
    assert protocol.shares({"a": 3.0, "b": 1.0}) == {"a": 0.75, "b": 0.25}
    assert protocol.shares({"a": 0.0, "b": 0.0}) == {"a": 0.5, "b": 0.5}
    assert protocol.log_odds(np.array([0.0, 0.5, 1.0])) == pytest.approx([-20.72, 0.0, 20.72], abs=0.01)
    assert rivals.EBM_DEFAULTS.outer_bags > rivals.EbmSettings().outer_bags


def test_rivals_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "installed", lambda package: package == "interpret")
    names = methods.all_methods()
    assert {"ebm", "ebm_additive"} < set(names)
    assert "scorecard" not in names
    assert not rivals.installed("optbinning")
