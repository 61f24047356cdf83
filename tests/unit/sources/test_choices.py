"""What a user may choose, what is refused, and names that try to be more than names."""

from __future__ import annotations

import tomllib

import pytest
from command_line import Teller
from landing import landed, metrics_on, write_project
from landing_tables import DAY, EXAMPLES
from zendesk_tables import tables

from churnbench.data.presets import PRESETS, load_preset
from churnbench.data.project import load_project
from churnbench.data.sections import ProjectFile
from churnbench.domain.errors import InputError
from churnbench.sources import DIALECTS, SOURCES, Identity, asked_for, count_sql, fact_sql, snippet, target_of
from churnbench.sources.dialects import dialect_of
from churnbench.sources.snippet import Target, possible

HOSTILE = 'x"; DROP TABLE ticket; --'


@pytest.mark.parametrize("database", [None, "sqlite"])
def test_schemas_and_tables_may_have_any_name(tmp_path, database) -> None:
    renamed = {
        HOSTILE if name == "ticket" else "tab'''le" if name == "organization" else name: one
        for name, one in tables().items()
    }
    names = {"ticket": HOSTILE, "organization": "tab'''le"}
    found = metrics_on(
        tmp_path, "zendesk", renamed, [DAY], ["A-1"], schema='sch"ema\\"""', names=names, database=database
    )
    assert found.loc[("A-1", DAY), "tickets_90d"] == 3


@pytest.mark.parametrize("database", [None, "sqlite"])
def test_settings_are_values_and_never_sql(tmp_path, database) -> None:
    word = "urgent') OR 1=1; DROP TABLE x; --"
    found = metrics_on(tmp_path, "zendesk", tables(), [DAY], ["A-1"], settings={"critical": word}, database=database)
    assert found.loc[("A-1", DAY), "open_critical_tickets"] == 0
    groups = metrics_on(
        tmp_path,
        "amplitude",
        EXAMPLES["amplitude"].tables,
        [DAY],
        ["A-1"],
        settings={"group_type": "a'b.c[0]"},
        database=database,
    )
    assert groups.loc[("A-1", DAY), "active_users_30d"] == 0


@pytest.mark.parametrize(
    ("source", "choices", "match"),
    [
        ("zendesc", {}, "Did you mean 'zendesk'"),
        ("zendesk", {"names": {"tickets": "x"}}, "Did you mean 'ticket'"),
        ("zendesk", {"settings": {"sla_hour": "8"}}, "Did you mean 'sla_hours'"),
        ("zendesk", {"settings": {"sla_hours": "8; DROP"}}, "no number of hours"),
        ("zendesk", {"settings": {"sla_hours": "²"}}, "no number of hours"),
        ("zendesk", {"settings": {"sla_hours": "0"}}, "no number of hours"),
        ("zendesk", {"settings": {"critical": "a\nb"}}, "control character"),
        ("zendesk", {"names": {"ticket": ""}}, "cannot be the name"),
        ("zendesk", {"schema": "a\x00b"}, "cannot be the name"),
        ("zendesk", {"known_column": "x"}, "no arrival column"),
        ("mixpanel", {"settings": {"timezone": "Europe/Berln"}}, "Did you mean 'Europe/Berlin'"),
        ("mixpanel", {"settings": {"timezone": "UTC'); DROP"}}, "not a time zone"),
        ("mixpanel", {"settings": {"insert_column": " "}}, "needs a value"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(source, choices, match) -> None:
    with pytest.raises(InputError, match=match):
        asked_for(source, DIALECTS["duckdb"], **choices)


def test_a_group_whose_name_could_leave_its_path_is_refused() -> None:
    asked = asked_for("amplitude", DIALECTS["duckdb"], settings={"group_type": 'a"b'})
    with pytest.raises(InputError, match="key of a property"):
        fact_sql(asked, asked.source.fact("events"))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_lines_of_every_source_fit_every_preset(tmp_path, source, preset) -> None:
    asked = asked_for(source, dialect_of("postgresql://reader@host/db"), identity=Identity(("core", "identity")))
    text = f'[project]\nname = "x"\n[data]\noutcomes = "o.csv"\ndatabase = "x.duckdb"\n[formula]\npreset = "{preset}"\n'
    lines = snippet(asked, Target(load_preset(preset), {}))
    content = tomllib.loads(text + lines)
    ProjectFile.model_validate(content)
    (tmp_path / "churnbench.toml").write_text(text + lines, encoding="utf-8")
    declared = [one["id"] for one in content["formula"].get("metrics", [])]
    if declared:
        assert {one.id for one in load_project(tmp_path).declared.computed} == set(declared)
    given = {
        metric.id for metric in possible(asked, [f for f in asked.source.facts if not f.optional]) if not metric.helper
    }
    wanted = {metric.id for metric in load_preset(preset).metrics}
    assert given & wanted <= set(declared)


def test_a_metric_that_another_source_gives_already_stays_a_comment(tmp_path) -> None:
    with landed(tmp_path, "zendesk", tables()) as (asked, address):
        write_project(tmp_path, address, asked)
    project = load_project(tmp_path)
    text = snippet(asked_for("delighted", DIALECTS["duckdb"]), target_of(project))
    assert "# csat: already computed from zendesk_ratings; kept as a comment." in text
    assert '# id = "csat"' in text


def test_queries_of_one_choice_are_always_the_same() -> None:
    for dialect in DIALECTS.values():
        for name in SOURCES:
            one, other = (asked_for(name, dialect, identity=Identity(("i",))) for _ in range(2))
            for fact in one.source.facts:
                assert fact_sql(one, fact) == fact_sql(other, fact)
                assert count_sql(one, fact) == count_sql(other, fact)


def test_add_prints_lines_and_writes_them_once(tmp_path, cli: Teller) -> None:
    said = cli(
        "sources", "add", "mixpanel", "--timezone", "Europe/Berlin", "--schema", "mp", "--set", "key_features=a,b"
    )
    assert said.code == 0, said.err
    assert "AT TIME ZONE 'Europe/Berlin'" in tomllib.loads(said.out)["data"]["facts"][0]["sql"]
    out = tmp_path / "lines.toml"
    assert cli("sources", "add", "zendesk", "--out", out).code == 0
    assert tomllib.loads(out.read_text())["sources"][0]["name"] == "zendesk"
    again = cli("sources", "add", "zendesk", "--out", out)
    assert again.code == 2
    assert "there already" in again.err


def test_add_writes_for_the_project_s_database_and_refuses_what_is_there(tmp_path, cli: Teller) -> None:
    with landed(tmp_path, "zendesk", tables(), database="sqlite") as (asked, address):
        write_project(tmp_path, address, asked)
    said = cli("sources", "add", "delighted", "--to", tmp_path)
    assert "unixepoch" in said.out
    twice = cli("sources", "add", "zendesk", "--to", tmp_path)
    assert twice.code == 2
    assert "already" in twice.err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--set", "sla_hours"], "no NAME=VALUE"),
        (["--undated-identity"], "no identity table"),
        (["--with", "first_reply"], "Did you mean 'first_replies'"),
        (["--metric", "tickets_80d"], "Did you mean 'tickets_90d'"),
        (["--metric", "first_reply_hours_90d"], "as chosen does not give"),
        (["--timezone", "UTC"], "no setting 'timezone'"),
    ],
)
def test_add_says_what_is_wrong_with_an_option(arguments, match, cli: Teller) -> None:
    said = cli("sources", "add", "zendesk", *arguments)
    assert said.code == 2
    assert match in said.err


@pytest.mark.parametrize("source", SOURCES)
def test_show_fits_eighty_columns_and_json_says_the_same(source, cli: Teller) -> None:
    said = cli("sources", "show", source)
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= 80
    assert "Not read, because it leaks" in said.out
    assert f'"source": "{source}"' in cli("--json", "sources", "show", source).out


def test_a_metric_that_is_asked_for_is_declared_with_what_it_needs() -> None:
    lines = snippet(asked_for("zendesk", DIALECTS["duckdb"]), target_of(None), also=["tickets_vs_own_average"])
    declared = {one["id"] for one in tomllib.loads(lines)["formula"]["metrics"]}
    assert {"tickets_vs_own_average", "tickets_30d", "tickets_per_30d_12m", "csat"} <= declared
    assert "tickets_90d" not in declared


BARE = '[project]\nname = "bare"\n[data]\noutcomes = "outcomes.csv"\n'


def test_the_first_source_can_be_written_for_a_project_that_has_no_history_yet(tmp_path, cli: Teller) -> None:
    with landed(tmp_path, "zendesk", tables(), database="sqlite") as (_asked, address):
        text = f'{BARE}database = "{address}"\n[formula]\npreset = "four-dimensions"\n'
    path = tmp_path / "churnbench.toml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "outcomes.csv").write_text("account_id,churned_on\n", encoding="utf-8")
    told = cli("sources", "identity", tmp_path)
    assert told.code == 2
    assert "sources add" in told.err
    said = cli("sources", "add", "zendesk", "--to", tmp_path, "--schema", "", "--metric", "tickets_90d")
    assert said.code == 0, said.err
    assert "strftime" in said.out
    assert "# Under [data]" not in said.out
    with pytest.raises(InputError, match="found none"):
        load_project(tmp_path)  # everything else needs a history
    path.write_text(text + said.out, encoding="utf-8")
    assert load_project(tmp_path).data.kind == "facts"
    assert "zendesk_tickets: 6 events" in cli("sources", "identity", tmp_path).out


def test_the_lines_say_that_facts_replace_snapshots_and_need_a_database(tmp_path, cli: Teller) -> None:
    path = tmp_path / "churnbench.toml"
    path.write_text(f'{BARE}snapshots = "snapshots.csv"\n[formula]\npreset = "four-dimensions"\n', encoding="utf-8")
    said = cli("sources", "add", "zendesk", "--to", tmp_path).out
    assert "# Under [data] take out the line snapshots = ...: these facts replace it." in said
    assert "# Under [data] name the database" in said
    path.write_text(path.read_text() + said, encoding="utf-8")
    with pytest.raises(InputError, match="found snapshots and facts: take out"):
        load_project(tmp_path)
    path.write_text(path.read_text().replace('snapshots = "snapshots.csv"\n', 'database = "b.duckdb"\n'), "utf-8")
    assert load_project(tmp_path).data.kind == "facts"
