"""A project's own snapshots as a score history."""

from __future__ import annotations

import pandas as pd
import pytest

from churnbench.domain.errors import InputError
from churnbench.domain.score_history import HISTORY_COLUMNS, as_history, dimension_columns


def reading(**values: object) -> dict[str, object]:
    return {"account_id": "a", "as_of": "2026-01-31", "health_score_x100": 6412, "band": "yellow", **values}


def test_a_history_is_sorted_and_has_every_column_of_the_contract():
    frame = pd.DataFrame([reading(account_id="b"), reading(as_of="2026-02-28"), reading()])

    history = as_history(frame)

    assert tuple(history.columns) == HISTORY_COLUMNS
    assert history["account_id"].tolist() == ["a", "a", "b"]
    assert history["as_of"].is_monotonic_increasing is False
    assert history.loc[0, "as_of"] == pd.Timestamp("2026-01-31")


def test_insufficient_data_stay_missing_and_do_not_become_zero():
    history = as_history(pd.DataFrame([reading(health_score_x100=None, band="insufficient-data")]))

    assert history["health_score_x100"].isna().all()
    assert history["health_score"].isna().all()
    assert history["churn_probability"].isna().all()


def test_two_readings_of_one_account_on_one_date_are_refused():
    with pytest.raises(InputError, match="two readings on 2026-01-31"):
        as_history(pd.DataFrame([reading(), reading()]))


def test_dimension_columns_are_those_that_the_history_holds():
    history = as_history(pd.DataFrame([reading(usage_score=70.0)]), ["usage_score"])

    assert dimension_columns(history, ["usage", "sentiment"]) == {"usage": "usage_score"}
