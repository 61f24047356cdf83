"""A treatment policy that begins later leaves what came before as it was, in the log and in the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from churnbench.data.project import load_project
from churnbench.data.simulate import simulate_world
from churnbench.data.simulate_demo import simulated_project
from churnbench.data.world_settings import Treatment
from churnbench.domain.errors import InputError

POLICY = Treatment(trigger=0.3, effect=0.3)


def test_before_it_begins_nobody_is_treated_and_the_truth_says_what_it_will_do() -> None:
    worlds = {
        name: simulate_world(200, 12, 4, base_rate=0.1, treatment=policy)
        for name, policy in (("never", None), ("later", replace(POLICY, begins=8)), ("at once", POLICY))
    }
    months = worlds["later"].snapshots["as_of"].drop_duplicates().sort_values().to_list()
    later = worlds["later"].interventions
    assert later["started_on"].min() > months[8]
    assert worlds["at once"].interventions["started_on"].min() < months[1]
    truth = {name: world.truth_table.set_index(["account_id", "as_of"]) for name, world in worlds.items()}
    early = truth["later"].index.get_level_values("as_of") <= months[3]
    here = truth["later"][early]
    # The windows of these dates close before the policy begins: it can change neither probability.
    assert here["churn_probability"].to_numpy() == pytest.approx(here["untreated_probability"].to_numpy())
    alone = truth["never"]["churn_probability"].reindex(here.index)
    assert here["churn_probability"].to_numpy() == pytest.approx(alone.to_numpy())
    last = truth["later"][truth["later"].index.get_level_values("as_of") == months[-1]]
    assert (last["churn_probability"] < last["untreated_probability"]).any()


def test_a_start_before_the_first_snapshot_is_refused() -> None:
    with pytest.raises(InputError, match="begins >= 0"):
        Treatment(begins=-1)


def test_the_project_of_a_treated_world_names_its_log_and_that_of_an_untreated_one_does_not(tmp_path: Path) -> None:
    for policy in (None, POLICY):
        made = simulate_world(40, 8, 4, treatment=policy, truth=False)
        simulated_project(made, tmp_path / str(policy is None))
        project = load_project(tmp_path / str(policy is None))
        assert (project.data.interventions is None) == (policy is None)
        logged = project.root / "interventions.csv"
        assert logged.exists() == (policy is not None)
        assert policy is None or len(pd.read_csv(logged)) == len(made.interventions)
