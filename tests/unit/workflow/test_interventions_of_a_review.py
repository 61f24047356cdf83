"""What a review says about interventions: a section of the evidence, warnings, and nothing without a log."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from evidence_contract import check_evidence, strict_json
from projects import QUICK, edit, world, write_project

from churnbench.data.project import load_project
from churnbench.data.simulate import simulate_world
from churnbench.data.world_settings import Treatment
from churnbench.domain.errors import InputError
from churnbench.interventions import ESTIMAND, NO_UPLIFT
from churnbench.workflow import run_review

#: Coins decide for everybody, and the playbook begins a year in.
POLICY = Treatment(trigger=0.5, near=9.0, holdout=0.3, effect=0.3, months=3)
DECLARED = '[data]\ninterventions = "interventions.csv"\n'


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("treated")
    made = simulate_world(350, 22, 3, base_rate=0.08, treatment=POLICY, truth=False)
    project = write_project(folder / "project", made=made, tail=QUICK)
    made.interventions.to_csv(project / "interventions.csv", index=False)
    edit(project / "churnbench.toml", "[data]\n", DECLARED)
    run_review(load_project(project), folder / "run")
    evidence = strict_json(folder / "run" / "evidence.json")
    check_evidence(evidence)
    return dict(evidence)


def test_the_section_names_the_estimand_and_measures_each_score_in_three_ways(reviewed: dict[str, object]) -> None:
    section: dict = reviewed["interventions"]  # type: ignore[assignment, type-arg]
    assert section["estimand"] == ESTIMAND
    assert section["held_out"] > 0
    assert section["evaluation"]["weights"]["usable"]
    for scores in section["evaluation"]["scores"].values():
        assert scores["plain"]["auc"]["value"] != scores["weighted"]["auc"]["value"]
        low, high = scores["weighted"]["auc"]["ci90"]
        assert 0 < low < high < 1
    assert set(section["assumptions"]) == {"plain", "weighted", "treatment_term"}
    # What is measured plainly here is what the review measures elsewhere.
    plain = section["evaluation"]["scores"]["incumbent"]["plain"]["auc"]["value"]
    assert plain == pytest.approx(reviewed["contenders"]["incumbent"]["holdout"]["auc"]["value"])  # type: ignore[index]


def test_a_treated_band_leaves_a_warning_and_randomised_rows_an_effect(reviewed: dict[str, object]) -> None:
    section: dict = reviewed["interventions"]  # type: ignore[assignment, type-arg]
    worst = max(entry["share"] for entry in section["shares"])
    warned = [text for text in reviewed["warnings"] if "under current care" in text]  # type: ignore[attr-defined]
    assert worst > 0.3
    assert warned
    (effect,) = section["randomised"]["effects"]
    assert effect["risk_difference"]["value"] < 0
    assert effect["bands"]
    assert all((band["effect"] is None) == (band["more_accounts"] is not None) for band in effect["bands"])


def test_without_a_log_the_section_is_null_and_a_faulty_log_stops_the_run_before_it_fits(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", made=world(), tail=QUICK)
    edit(project / "churnbench.toml", "[data]\n", DECLARED)
    (project / "interventions.csv").write_text("account_id,started_on,randomised\nA1,2025-01-01,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="a coin decided, with no propensity"):
        run_review(load_project(project), tmp_path / "run")
    assert not (tmp_path / "run" / "evidence.json").exists()


def test_odd_logs_are_told_about_and_do_no_harm(tmp_path: Path) -> None:
    from churnbench.workflow.facade import backtest, calibrate, open_project

    project = write_project(tmp_path / "project", made=world(), tail=QUICK)
    opened = open_project(project)
    made = calibrate(backtest(opened.contenders(), opened.snapshots()))
    assert made.evidence["interventions"] is None
    from churnbench.workflow.intervention_evidence import intervention_evidence

    edit(project / "churnbench.toml", "[data]\n", DECLARED)
    declared = load_project(project)
    log = pd.DataFrame({"account_id": ["<script>", "A00001"], "started_on": ["2025-03-01", "2035-01-01"]})
    for frame in (log, log.iloc[:0]):
        frame.to_csv(project / "interventions.csv", index=False)
        section, warnings = intervention_evidence(declared, made.backtest)
        assert section is not None
        assert section["randomised"]["effects"] == []
        assert NO_UPLIFT in section["randomised"]["sentence"]
        assert len(warnings) == (2 if len(frame) else 0)
        assert "nothing to weigh" in section["evaluation"]["weights"]["obstacle"]
