"""What a project may declare, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alert_histories import only
from projects import HEAD

from churnbench.data.project import load_project
from churnbench.data.sections_playbooks import PlaybooksSection, TriggerSection
from churnbench.domain.errors import InputError
from churnbench.playbooks import declare
from churnbench.workflow.alerting import declared_of


def test_the_shipped_triggers_name_playbooks_that_exist_and_every_playbook_is_used() -> None:
    declared = declare()
    used = {trigger.playbook for trigger in declared.triggers}
    assert used == set(declared.playbooks)
    assert len(declared.triggers) == 31
    for playbook in declared.playbooks.values():
        assert all(step.success and step.owner for step in playbook.actions)


def test_a_project_overrides_field_by_field_adds_and_switches_off(tmp_path: Path) -> None:
    (tmp_path / "churnbench.toml").write_text(
        HEAD
        + """
[playbooks]
per_csm_week = 5
holidays = [2026-12-25, "2026-12-26"]
[playbooks.roles]
manager = "Grace"
[[playbooks.own]]
id = "recovery"
label = "Ours"
actions = [{ action = "Call", owner = "csm", within_days = 1, success = "An answer" }]
[[triggers]]
id = "usage-below-40"
value = 35
[[triggers]]
id = "declining"
enabled = false
[[triggers]]
id = "seats-halved"
kind = "falls_share"
of = "active_seats_share"
share = 0.5
days = 60
playbook = "recovery"
"""
    )
    declared = declared_of(load_project(tmp_path))
    triggers = {trigger.id: trigger for trigger in declared.triggers}
    assert (triggers["usage-below-40"].value, triggers["usage-below-40"].playbook) == (35, "adoption")
    assert not triggers["declining"].enabled
    assert list(triggers)[-1] == "seats-halved"
    assert declared.playbooks["recovery"].label == "Ours"
    assert declared.settings.holidays == ["2026-12-25", "2026-12-26"]


def test_playbooks_alone_may_be_written_as_a_list(tmp_path: Path) -> None:
    step = '{ action = "Call", owner = "csm", within_days = 1, success = "An answer" }'
    (tmp_path / "churnbench.toml").write_text(
        HEAD + f'\n[[playbooks]]\nid = "mine"\nlabel = "Mine"\nactions = [{step}]\n'
    )
    assert "mine" in declared_of(load_project(tmp_path)).playbooks


def test_without_the_defaults_only_the_projects_own_remain() -> None:
    assert [trigger.id for trigger in only(kind="renewal", days=3).triggers] == ["t"]


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({"id": "usage-below-4"}, "no shipped trigger and says no kind. Did you mean 'usage-below-40'"),
        ({"id": "x", "kind": "below", "of": "nps"}, "kind 'below' also needs value"),
        ({"id": "x", "kind": "velocity", "of": "nps", "days": 30}, "also needs per_day_from or per_day_to"),
        ({"id": "x", "kind": "below", "of": "nps", "value": 1, "points": 3}, "does not read points"),
        ({"id": "x", "kind": "below", "of": "nps", "value": 10, "clear": 5}, "alarming side of value = 10"),
        ({"id": "x", "kind": "at_least", "of": "t", "value": 3, "clear": 4}, "alarming side of value = 3"),
        (
            {"id": "x", "kind": "renewal", "days": 30, "playbook": "recover"},
            "no playbook 'recover'. Did you mean 'recovery'",
        ),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_in_words(trigger: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        declare(PlaybooksSection(), [TriggerSection(**trigger)])
    assert words in str(refused.value)


def test_two_triggers_of_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="two triggers are named 'declining'"):
        declare(own=[TriggerSection(id="declining"), TriggerSection(id="declining")])


def test_an_unknown_key_in_the_project_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "churnbench.toml").write_text(HEAD + '\n[[triggers]]\nid = "declining"\nvalu = 3\n')
    with pytest.raises(InputError, match="'valu' is not a known key"):
        load_project(tmp_path)
