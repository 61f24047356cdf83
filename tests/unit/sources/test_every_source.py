"""What must hold for every mapping: nothing later counts, current-state columns are not read, copies count once."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from landing import metrics_on
from landing_tables import EXAMPLES, changed, edited, without_later

DAYS = ("2024-02-29", "2024-03-31")
ACCOUNTS = ("A-1", "A-2")


def computed(folder: Path, source: str, tables=None, days=DAYS, **choices) -> pd.DataFrame:
    example = EXAMPLES[source]
    return metrics_on(
        folder,
        source,
        example.tables if tables is None else tables,
        days,
        ACCOUNTS,
        optional=example.optional,
        settings=example.settings,
        known_column=example.known,
        **choices,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """Metrics of every example, computed once."""
    return {source: computed(tmp_path_factory.mktemp(source), source) for source in EXAMPLES}


@pytest.mark.parametrize("source", EXAMPLES)
def test_nothing_that_was_written_after_an_as_of_date_changes_its_metrics(tmp_path, whole, source) -> None:
    for day in DAYS:
        found = computed(tmp_path, source, without_later(EXAMPLES[source], day), (day,))
        pd.testing.assert_frame_equal(found, whole[source].loc[(slice(None), day), :])


@pytest.mark.parametrize("source", [name for name, example in EXAMPLES.items() if example.current])
def test_columns_that_the_source_overwrites_are_never_read(tmp_path, whole, source) -> None:
    pd.testing.assert_frame_equal(computed(tmp_path, source, edited(EXAMPLES[source])), whole[source])


@pytest.mark.parametrize("source", EXAMPLES)
def test_rows_that_arrived_twice_count_once(tmp_path, whole, source) -> None:
    twice = changed(EXAMPLES[source].tables, lambda _table, _columns, rows: [*rows, *reversed(rows)])
    pd.testing.assert_frame_equal(computed(tmp_path, source, twice), whole[source])


@pytest.mark.parametrize("source", EXAMPLES)
def test_sqlite_gives_the_same_metrics(tmp_path, whole, source) -> None:
    pd.testing.assert_frame_equal(computed(tmp_path, source, database="sqlite"), whole[source], rtol=1e-9)


@pytest.mark.postgres
@pytest.mark.parametrize("source", EXAMPLES)
def test_postgres_gives_the_same_metrics(tmp_path, whole, source) -> None:
    address = os.environ.get("CHURNBENCH_TEST_POSTGRES")
    if not address:
        pytest.skip("set CHURNBENCH_TEST_POSTGRES to a postgresql:// address")
    found = computed(tmp_path, source, database=address, schema=f"land {source}")
    pd.testing.assert_frame_equal(found, whole[source], rtol=1e-9)


def test_every_metric_of_every_source_has_a_value_somewhere(whole) -> None:
    silent = {source: [m for m in frame if frame[m].isna().all()] for source, frame in whole.items()}
    assert silent == {source: [] for source in EXAMPLES}


@pytest.mark.parametrize("source", EXAMPLES)
def test_tables_of_one_row_or_of_none_do_no_harm(tmp_path, source) -> None:
    one = changed(EXAMPLES[source].tables, lambda _table, _columns, rows: rows[:1])
    assert len(computed(tmp_path, source, one)) == len(DAYS) * len(ACCOUNTS)
    none = changed(EXAMPLES[source].tables, lambda _table, _columns, _rows: [])
    assert computed(tmp_path, source, none).fillna(0).eq(0).all(axis=None)


@pytest.mark.parametrize("database", [None, "sqlite"])
@pytest.mark.parametrize("source", EXAMPLES)
def test_rows_without_a_time_change_nothing_and_stop_nothing(tmp_path, whole, source, database) -> None:
    written = EXAMPLES[source].written

    def with_undated(table, columns, rows):
        if table not in written:
            return rows
        at = columns.index(written[table])
        # A row that says something of its own: nothing of it may be a copy of another one.
        return [*rows, *((*row[:at], None, *row[at + 1 :]) for row in rows[:1])]

    found = computed(tmp_path, source, changed(EXAMPLES[source].tables, with_undated), database=database)
    pd.testing.assert_frame_equal(found, whole[source], rtol=1e-9)
