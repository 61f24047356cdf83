"""Catalogue and mappings say the same: which mapping computes a metric, from which tables, in which unit and points."""

from __future__ import annotations

import re

import duckdb
import numpy as np
import pandas as pd
import pytest
from landing import landed, statements, write_project
from landing_tables import DAY, EXAMPLES
from zendesk_tables import tables as zendesk_tables

from churnbench.data.catalogue import catalogue, in_catalogue
from churnbench.data.presets import load_preset
from churnbench.data.project import load_project
from churnbench.data.session import Session
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec
from churnbench.features import features_at, open_facts
from churnbench.sources import DIALECTS, SOURCES, asked_for, ready_in, snippet, tables_read, target_of
from churnbench.sources.joint import JOINT, joint_notes
from churnbench.sources.snippet import Target

_COMPUTED = [(source.name, metric) for source in SOURCES.values() for metric in source.metrics]


@pytest.mark.parametrize("metric", catalogue())
def test_the_catalogue_names_the_mappings_that_compute_a_metric_and_the_tables_that_they_read(metric) -> None:
    entry = in_catalogue(metric)
    assert entry.ready == ready_in(metric)
    ready = {name for group in entry.ready for name in group}
    of_mappings = [table for table in entry.sources if table.split(".")[0] in ready]
    assert tuple(of_mappings) == tables_read(metric)
    assert {table.split(".")[1] for table in entry.sources} <= {
        table for source in SOURCES.values() for table in source.tables
    }


def test_every_metric_of_a_mapping_is_in_the_catalogue_and_no_helper_is() -> None:
    for source, metric in [*_COMPUTED, *(("joint", one) for one in JOINT)]:
        assert (metric.id in catalogue()) == (not metric.helper), (source, metric.id)


def test_ratios_are_made_of_what_is_there() -> None:
    for source in SOURCES.values():
        ids = [metric.id for metric in source.metrics]
        assert len(set(ids)) == len(ids)
        for place, metric in enumerate(source.metrics):
            assert set(metric.ratio or ()) <= set(ids[:place]), (source.name, metric.id)
    for metric in JOINT:
        assert all(any(part == one.id for _, one in _COMPUTED) for part in metric.ratio or ())


def test_windows_of_mappings_are_those_of_the_catalogue() -> None:
    """The number of days in an id or in the catalogue is the number of days that is computed."""
    for source, metric in _COMPUTED:
        if metric.helper or metric.ratio or metric.agg in ("last", "days_since_last", "relative_change", "change"):
            continue
        named = re.search(r"_(\d+)([dm])$", metric.id)
        said = metric.meaning.window_days if named is None else int(named[1]) * {"d": 1, "m": 365 / 12}[named[2]]
        if said is not None:
            assert metric.window_days == pytest.approx(said), (source, metric.id)


def test_a_metric_that_no_preset_has_is_written_in_the_catalogue_s_own_unit_and_points(tmp_path) -> None:
    with landed(tmp_path, "zendesk", zendesk_tables()) as (asked, address):
        write_project(tmp_path, address, asked)
    for metric in load_project(tmp_path).formula.metrics:
        entry = in_catalogue(metric.id)
        assert (metric.direction, metric.unit, metric.label) == (entry.direction, entry.unit, entry.label)
        assert (metric.normalise, metric.leading) == (entry.normalise, entry.leading)


def test_a_part_of_a_ratio_does_not_enter_the_formula() -> None:
    target = Target(load_preset("five-components"), {})
    text = snippet(asked_for("amplitude", DIALECTS["duckdb"]), target)
    (block,) = [one for one in text.split("\n\n") if one.startswith('[[formula.metrics]]\nid = "active_users_30d"')]
    assert "helper = true" in block
    assert "weight" not in block
    asked_for_too = snippet(asked_for("amplitude", DIALECTS["duckdb"]), target, also=["active_users_30d"])
    assert 'id = "active_users_30d"\ndimension = "usage"\nweight = 10' in asked_for_too


def test_a_metric_that_the_file_states_already_is_not_stated_twice(tmp_path) -> None:
    (tmp_path / "churnbench.toml").write_text(
        '[project]\nname = "own"\n[data]\noutcomes = "o.csv"\nsnapshots = "s.csv"\n'
        '[formula]\npreset = "four-dimensions"\n[[formula.metrics]]\nid = "nps"\nweight = 60\n',
        "utf-8",
    )
    text = snippet(asked_for("delighted", DIALECTS["duckdb"]), target_of(load_project(tmp_path)))
    assert "# nps: the file has it; put what it lacks of these lines under its id there.\n# [[formula.metrics]]" in text
    assert '\n[[formula.metrics]]\nid = "nps"\n' not in text
    assert '\n[[formula.metrics]]\nid = "nps_steps"\n' in text  # its parts are there


def _with(tmp_path, first: str) -> Target:
    example = EXAMPLES[first]
    with landed(tmp_path, first, example.tables) as (asked, address):
        write_project(tmp_path, address, asked, optional=example.optional)
    taken = target_of(load_project(tmp_path)).taken
    return Target(load_preset("four-dimensions"), taken)


@pytest.mark.parametrize(
    ("first", "second", "optional", "metric", "parts"),
    [
        ("salesforce", "pendo", [], "active_seats_share", '["active_users_30d", "seats"]'),
        ("pendo", "salesforce", ["contract"], "active_seats_share", '["active_users_30d", "seats"]'),
        ("zendesk", "amplitude", [], "support_tickets_90d", '["tickets_tenfold_90d", "active_users_90d"]'),
    ],
)
def test_a_metric_of_two_sources_is_declared_when_the_second_one_comes(
    tmp_path, first, second, optional, metric, parts
) -> None:
    text = snippet(asked_for(second, DIALECTS["duckdb"]), _with(tmp_path, first), optional=optional)
    assert f'\n[[formula.metrics]]\nid = "{metric}"\nratio = {parts}\n' in text
    alone = snippet(asked_for(second, DIALECTS["duckdb"]), Target(load_preset("four-dimensions"), {}))
    assert f'id = "{metric}"' not in alone


def test_seats_of_one_source_and_users_of_another_make_a_share(tmp_path) -> None:
    with duckdb.connect(str(tmp_path / "book.duckdb")) as connection:
        for source in ("salesforce", "pendo"):
            connection.execute(f"CREATE SCHEMA {source}")
            for made, rows, insert in statements(source, EXAMPLES[source].tables):
                connection.execute(made)
                connection.executemany(insert, rows)
    text = '[project]\nname = "two"\n[data]\noutcomes = "outcomes.csv"\ndatabase = "book.duckdb"\n'
    text += '[formula]\npreset = "four-dimensions"\n'
    (tmp_path / "outcomes.csv").write_text("account_id,churned_on\n", "utf-8")
    target = Target(load_preset("four-dimensions"), {})
    for source, optional in (("salesforce", ["contract"]), ("pendo", [])):
        text += snippet(asked_for(source, DIALECTS["duckdb"]), target, optional=optional)
        (tmp_path / "churnbench.toml").write_text(text, "utf-8")
        target = target_of(load_project(tmp_path))
    with Session(memory_limit="500MB", threads=1) as session:
        project = load_project(tmp_path)
        ids = pd.DataFrame({"account_id": ["A-1", "A-2"]})
        found = features_at(open_facts(session, project), ids, [pd.Timestamp(DAY)], project.declared.computed)
    assert [metric.id for metric in project.formula.metrics] == [m.id for m in load_preset("four-dimensions").metrics]
    assert found["active_seats_share"].tolist() == pytest.approx([2 / 40, np.nan], nan_ok=True)


def test_what_a_metric_of_two_sources_still_needs_is_told() -> None:
    text = snippet(asked_for("pendo", DIALECTS["duckdb"]), Target(FormulaSpec((DimensionSpec("usage", 1.0),), ()), {}))
    assert "# active_seats_share needs seats too: it comes with the lines of salesforce --with contract." in text
    assert joint_notes(SOURCES["zendesk"]) == {
        "support_tickets_90d": "with active_users_90d of amplitude or mixpanel or pendo"
    }
    assert joint_notes(SOURCES["delighted"]) == {}
