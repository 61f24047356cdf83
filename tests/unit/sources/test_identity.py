"""Whose event it is: by the source's rule or by an identity table, as of the event's own date; nothing lost unsaid."""

from __future__ import annotations

import pytest
from command_line import Teller
from landing import landed, metrics_on, write_project
from landing_tables import EXAMPLES, changed
from zendesk_tables import tables

from churnbench.data.project import load_project
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.features import open_facts
from churnbench.sources import Identity, count_identities, families, snippet, target_of

ENTRIES = [
    # source, source_key, account_id, valid_from, valid_to
    ("zendesk", "70", "OLD", None, "2024-03-10"),
    ("zendesk", "70", "NEW", "2024-03-10", None),
    ("zendesk", "99", "A-9", None, None),
    ("zendesk", "99", "A-9", "2024-01-01", None),  # says the same twice: no contradiction
    ("zendesk", "71", "X", "2024-01-01", "2025-01-01"),
    ("zendesk", "71", "Y", "2024-03-01", None),
    ("hubspot", "70", "WRONG", None, None),
]
COLUMNS = ("source", "source_key", "account_id", "valid_from", "valid_to")
DAY = "2024-03-31"


def with_identity(entries=ENTRIES, columns=COLUMNS):
    return {**tables(), "identity": (columns, entries)}


def tickets(folder, made, accounts, identity=None, **choices):
    found = metrics_on(folder, "zendesk", made, [DAY], accounts, identity=identity, **choices)
    return found["tickets_per_30d_12m"].xs(DAY, level="as_of").mul(365 / 30).round(6).to_dict()


@pytest.mark.parametrize("database", [None, "sqlite"])
def test_an_event_belongs_to_the_account_that_its_key_had_on_its_date(tmp_path, database) -> None:
    identity = Identity(("identity",) if database else ("land", "identity"))
    found = tickets(tmp_path, with_identity(), ["OLD", "NEW", "A-9", "X", "Y", "A-1"], identity, database=database)
    # Organisation 71 is claimed by two accounts in March: its ticket is nobody's, its rule notwithstanding.
    assert found == {"OLD": 2, "NEW": 1, "A-9": 1, "X": 0, "Y": 0, "A-1": 0}


def test_a_key_that_the_table_does_not_know_falls_back_on_the_rule_unless_that_is_switched_off(tmp_path) -> None:
    some = with_identity([ENTRIES[2]])
    with_rule = tickets(tmp_path, some, ["A-1", "A-2", "A-9"], Identity(("land", "identity")))
    assert with_rule == {"A-1": 3, "A-2": 1, "A-9": 1}
    without = tickets(tmp_path, some, ["A-1", "A-2", "A-9"], Identity(("land", "identity"), rules=False))
    assert without == {"A-1": 0, "A-2": 0, "A-9": 1}


def test_an_identity_table_may_do_without_dates(tmp_path) -> None:
    made = with_identity([("zendesk", "70", "ONE")], COLUMNS[:3])
    found = tickets(tmp_path, made, ["ONE", "A-2"], Identity(("land", "identity"), dated=False))
    assert found == {"ONE": 3, "A-2": 1}


def counted(folder, source, made, *, accounts=None, **choices):
    with landed(folder, source, made, **choices) as (asked, address):
        head = ""
        if accounts is not None:
            (folder / "accounts.csv").write_text("account_id\n" + "\n".join(accounts) + "\n", encoding="utf-8")
            head = 'accounts = "accounts.csv"\n'
        write_project(folder, address, asked, head=head)
    return {one.fact: one for one in count_identities(load_project(folder))}


def test_events_are_counted_by_what_became_of_them_with_their_keys(tmp_path) -> None:
    found = counted(tmp_path, "zendesk", with_identity(), identity=Identity(("land", "identity")))["zendesk_tickets"]
    assert (found.events, found.resolved, found.unresolved, found.ambiguous, found.strangers) == (6, 4, 1, 1, None)
    assert found.keys.to_dict("records") == [
        {"status": "unresolved", "source_key": "(none)", "events": 1},
        {"status": "ambiguous", "source_key": "71", "events": 1},
    ]
    assert not found.edited


def test_an_account_that_the_accounts_table_does_not_have_is_said(tmp_path) -> None:
    found = counted(tmp_path, "zendesk", tables(), accounts=["A-1"])["zendesk_tickets"]
    assert (found.resolved, found.strangers) == (3, 1)
    assert ("stranger", "A-2", 1) in found.keys.itertuples(index=False, name=None)


def test_copies_of_an_event_are_counted_once(tmp_path) -> None:
    twice = changed(EXAMPLES["amplitude"].tables, lambda _table, _columns, rows: rows * 2)
    found = counted(tmp_path, "amplitude", twice)["amplitude_events"]
    # One names two companies, one holds no JSON, one nothing.
    assert (found.events, found.resolved, found.unresolved, found.ambiguous) == (13, 10, 2, 1)
    assert found.keys["status"].tolist() == ["unresolved", "ambiguous"]
    assert found.keys["source_key"][0] == "(none)"
    assert "A-1" in found.keys["source_key"][1]
    assert "A-2" in found.keys["source_key"][1]


def test_sql_that_was_edited_by_hand_is_noticed(tmp_path) -> None:
    counted(tmp_path, "zendesk", tables())
    path = tmp_path / "churnbench.toml"
    path.write_text(path.read_text().replace("10.0 AS tenfold", "10.5 AS tenfold"), encoding="utf-8")
    edited = {one.fact: one.edited for one in count_identities(load_project(tmp_path))}
    assert edited["zendesk_tickets"]
    assert not edited["zendesk_solved"]


def test_a_project_without_sources_is_told_where_they_come_from(tmp_path) -> None:
    counted(tmp_path, "zendesk", tables())
    path = tmp_path / "churnbench.toml"
    text = path.read_text()
    start = text.index("[[sources]]")
    path.write_text(text[:start] + text[text.index("[[data.facts]]") :], encoding="utf-8")
    with pytest.raises(InputError, match="sources add"):
        count_identities(load_project(tmp_path))


def test_the_command_counts_and_shows_no_control_characters(tmp_path, cli: Teller) -> None:
    made = changed(
        tables(),
        lambda table, _c, rows: (
            [(7, "\x1b[31m=cmd()", "2024-03-01"), *[r[:3] for r in rows]] if table == "ticket" else rows
        ),
    )
    made["ticket"] = (("id", "organization_id", "created_at"), [tuple(map(str, row)) for row in made["ticket"][1]])
    counted(tmp_path, "zendesk", made)
    said = cli("sources", "identity", tmp_path)
    assert said.code == 0, said.err
    assert "zendesk_tickets: 7 events, 4 found an account, 3 found none" in said.out
    assert "\x1b" not in said.out
    assert "?[31m=cmd()" in said.out
    assert '"unresolved": 3' in cli("--json", "sources", "identity", tmp_path).out


def test_parents_that_are_not_there_or_lead_in_a_circle_are_named(tmp_path, cli: Teller) -> None:
    counted(tmp_path, "zendesk", tables(), accounts=["A-1"])
    rows = ["A-1,TOP", "A-2,A-1", "TOP,", "LOST,GONE", "X,Y", "Y,X", "Z,X"]
    (tmp_path / "accounts.csv").write_text("account_id,parent_id\n" + "\n".join(rows) + "\n", encoding="utf-8")
    said = cli("sources", "identity", tmp_path)
    assert "accounts: 6 have a parent; 1 name one that is not there, 3 lead in a circle." in said.out
    assert "LOST -> GONE" in said.out


def test_the_accounts_of_salesforce_can_be_read_by_the_line_that_is_offered(tmp_path) -> None:
    example = EXAMPLES["salesforce"]
    account = (
        ("id", "parent_id", "industry", "number_of_employees"),
        [("A-1", None, "Toys", 5), ("A-2", "A-1", "Toys", 7)],
    )
    with landed(tmp_path, "salesforce", {**example.tables, "account": account}) as (asked, address):
        line = next(one for one in snippet(asked, target_of(None)).splitlines() if one.startswith("# accounts = "))
        write_project(tmp_path, address, asked, head=line.removeprefix("# ") + "\n")
    found = families(load_project(tmp_path))
    assert (found.children, found.orphans, found.circles) == (1, (), ())


def without(columns, rows, name, which=lambda _n: True):
    """The rows with an empty cell in one column, in those rows whose number is chosen."""
    at = columns.index(name)
    return [(*row[:at], None, *row[at + 1 :]) if which(n) else row for n, row in enumerate(rows)]


@pytest.mark.parametrize("database", [None, "sqlite"])
def test_events_without_an_insert_id_are_no_copies_in_the_counts_as_in_the_metrics(tmp_path, database) -> None:
    columns, rows = EXAMPLES["amplitude"].tables["event"]
    bare = {"event": (columns, without(columns, rows, "insert_id", lambda n: n % 2 == 0))}
    found = counted(tmp_path, "amplitude", bare, database=database)["amplitude_events"]
    with Session(memory_limit="500MB", threads=1) as session:
        facts = open_facts(session, load_project(tmp_path))["amplitude_events"]
        used = session.connection.execute(f"SELECT count(*) FROM {facts.relation}").fetchone()
    assert len({row[columns.index("insert_id")] for row in bare["event"][1]}) < found.resolved
    assert (found.resolved,) == used


def test_every_event_is_in_exactly_one_count(tmp_path, cli: Teller) -> None:
    columns, rows = tables()["ticket"]
    made = {**with_identity(), "ticket": (columns, without(columns, rows, "created_at", lambda n: n == 0))}
    found = counted(tmp_path, "zendesk", made, accounts=["NEW"], identity=Identity(("land", "identity")))
    for one in found.values():
        assert one.events == one.resolved + one.strangers + one.unresolved + one.ambiguous + one.undated
    one = found["zendesk_tickets"]
    assert (one.events, one.resolved, one.strangers, one.unresolved, one.ambiguous, one.undated) == (6, 1, 2, 1, 1, 1)
    said = " ".join(cli("sources", "identity", tmp_path).out.split())
    assert (
        "zendesk_tickets: 6 events, 1 found an account, 2 found one that data.accounts lacks, 1 found none,"
        " 1 found several, 1 have no time." in said
    )
