"""Invariant 1: what happened or became known after a date changes nothing that is computed for that date."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import FACT_FORMULA, FACTS, dated_tables, fact_rows, seeds, tried, written

MONTH_ENDS = pd.date_range("2024-01-31", "2024-12-31", freq="ME")


def _features(tables: dict[str, pd.DataFrame], day: pd.Timestamp) -> pd.DataFrame:
    """What the cohort says of a date: its accounts and their metrics."""
    with TemporaryDirectory() as folder:
        history = written(Path(folder), FACTS + FACT_FORMULA, tables)
        cohort = history.cohort()
        history.close()
    rows = cohort.frame.loc[cohort.frame["as_of"] == day, ["account_id", *cohort.metrics]]
    return rows.reset_index(drop=True)


@tried(7)
@given(seeds, st.sampled_from(list(MONTH_ENDS)))
def test_deleting_the_future_from_the_files_leaves_every_feature_of_a_date_as_it_was(
    seed: int, day: pd.Timestamp
) -> None:
    tables = {**dated_tables(seed, accounts=12), "usage": fact_rows(seed)}
    del tables["snapshots"]
    usage = tables["usage"]
    past = usage[usage[["ts", "loaded_at"]].max(axis=1) < day + pd.Timedelta(days=1)]
    whole, alone = (_features({**tables, "usage": facts}, day) for facts in (usage, past))
    assert len(whole) > 0
    pd.testing.assert_frame_equal(whole, alone, check_exact=True)


@tried(5)
@given(seeds, st.sampled_from(list(MONTH_ENDS[:-1])))
def test_inventing_a_future_leaves_every_feature_of_a_date_as_it_was(seed: int, day: pd.Timestamp) -> None:
    tables = {**dated_tables(seed, accounts=12), "usage": fact_rows(seed, size=200)}
    del tables["snapshots"]
    rng = np.random.default_rng(seed)
    usage = tables["usage"]
    invented = usage.sample(frac=0.5, random_state=seed)
    later = day + pd.to_timedelta(rng.integers(86400, 86400 * 90, len(invented)), unit="s")
    # Half of them happened earlier and became known late, with the ids of facts that were known in time.
    happened = np.where(rng.random(len(invented)) < 0.5, invented["ts"], later)
    invented = invented.assign(ts=happened, loaded_at=later, minutes=-9999.5)
    whole = _features(tables, day)
    with_more = _features({**tables, "usage": pd.concat([invented, usage])}, day)
    pd.testing.assert_frame_equal(whole, with_more, check_exact=True)
