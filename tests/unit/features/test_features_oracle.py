"""Every aggregate against a slow reading of its definition, and invariants that none may break."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench.data.computed import AGGREGATES, MAY_HAVE_COLUMN, OPEN_ENDED, ComputedMetric, Condition
from churnbench.data.session import Session
from churnbench.features import Facts, features_at

ACCOUNTS = pd.DataFrame({"account_id": ["001", "01", "1", "quiet"]})
CALENDAR = pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"])


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(memory_limit="500MB", threads=2) as opened:
        yield opened


def table(session: Session, rows: pd.DataFrame, *, bitemporal: bool) -> Facts:
    name = session.fresh_name("test_facts")
    frame = rows if bitemporal else rows.assign(known_at=rows["event_at"])
    session.connection.register(f"{name}_frame", frame)
    session.connection.execute(
        f"CREATE TEMP TABLE {name} AS SELECT CAST(account_id AS VARCHAR) AS account_id,"
        " CAST(event_at AS TIMESTAMP) AS event_at, CAST(known_at AS TIMESTAMP) AS known_at,"
        f" CAST(n0 AS DOUBLE) AS n0, CAST(t0 AS VARCHAR) AS t0 FROM {name}_frame"
    )
    session.connection.unregister(f"{name}_frame")
    return Facts("usage", session, name, {"value": "n0"}, {"kind": "t0"}, bitemporal)


def some_facts(seed: int, size: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    event = pd.Timestamp("2023-11-01") + pd.to_timedelta(rng.integers(0, 190 * 24, size), unit="h")
    value = np.round(rng.normal(size=size) * 10.0 ** rng.integers(-3, 4, size), 4)
    return pd.DataFrame(
        {
            "account_id": rng.choice(["001", "01", "1", "stranger"], size),
            "event_at": event,
            "known_at": event + pd.to_timedelta(rng.integers(0, 60, size) * rng.integers(0, 2, size), unit="D"),
            "n0": np.where(rng.random(size) < 0.15, np.nan, value),
            "t0": pd.Series(rng.choice(["a", "b", "c"], size)).where(pd.Series(rng.random(size) < 0.9), None),
        }
    )


def metric(agg: str, window: int | None, *, where: bool = False, of: str = "sum") -> ComputedMetric:
    column = None
    if agg in MAY_HAVE_COLUMN:
        column = "kind" if agg in ("distinct", "top_share") else "value"
    return ComputedMetric(
        id=f"{agg}_{window}_{where}_{of}",
        source="usage",
        agg=agg,
        column=column,
        window_days=window,
        where=(Condition("kind", "in", ("a", "b")),) if where or agg == "share" else (),
        of=of,  # type: ignore[arg-type]
    )


#: Window, fewest and most days on which a value has facts.
BY_DAYS = ((45, 3, None), (45, None, 2), (30, 2, 4), (None, 9, None), (30, 31, None))


def by_days(window: int | None, least: int | None, most: int | None, *, where: bool = False) -> ComputedMetric:
    name = f"distinct_{window}_{least}_{most}_{where}"
    return replace(metric("distinct", window, where=where), id=name, min_days=least, max_days=most)


def all_metrics() -> list[ComputedMetric]:
    found = [metric(agg, window, where=w) for agg in AGGREGATES for window in (7, 30, 45) for w in (False, True)]
    found += [
        metric(agg, None, where=w)
        for agg in (*OPEN_ENDED, "count", "sum", "distinct", "max", "median", "top_share")
        for w in (False, True)
    ]
    found += [by_days(window, least, most, where=w) for window, least, most in BY_DAYS for w in (False, True)]
    found += [metric(agg, 30, of=of) for agg in ("change", "relative_change") for of in ("mean", "count", "last")]
    return found


def some_metrics() -> list[ComputedMetric]:
    found = [metric(agg, 30, where=True) for agg in AGGREGATES] + [metric(agg, None) for agg in OPEN_ENDED]
    return [*found, by_days(45, 3, None)]


def oracle(rows: pd.DataFrame, account: str, day: pd.Timestamp, m: ComputedMetric) -> object:  # noqa: C901 - a table of definitions
    """The definition, fact by fact."""
    end = day + timedelta(days=1)
    seen = rows[(rows["account_id"] == account) & (rows[["event_at", "known_at"]].max(axis=1) < end)]
    date = seen["event_at"].dt.normalize()

    def window(far: int | None, near: int = 0) -> pd.DataFrame:
        inside = date <= day - timedelta(days=near)
        return seen[inside if far is None else inside & (date > day - timedelta(days=far))]

    def matching(part: pd.DataFrame) -> pd.DataFrame:
        return part[part["t0"].isin(["a", "b"])] if m.where else part

    facts = matching(window(m.window_days))
    value = facts["t0" if m.column == "kind" else "n0"].dropna()
    if m.agg == "count":
        return float(len(facts))
    if m.agg == "sum":
        return value.sum()
    if m.agg in ("mean", "median", "min", "max"):
        return getattr(value, m.agg)() if len(value) else np.nan
    if m.agg == "distinct":
        of_value = [facts.loc[value.index[value == one], "event_at"].dt.normalize() for one in value.unique()]
        return float(sum((m.min_days or 1) <= days.nunique() <= (m.max_days or np.inf) for days in of_value))
    if m.agg == "top_share":
        return value.value_counts().iloc[0] / len(value) if len(value) else np.nan
    if m.agg == "last":
        ordered = facts.loc[value.index].sort_values(["event_at", "known_at", "n0"])
        return ordered["n0"].iloc[-1] if len(ordered) else np.nan
    if m.agg == "days_since_last":
        return (day - facts["event_at"].dt.normalize().max()).days if len(facts) else np.nan
    if m.agg == "share":
        return len(facts) / len(window(m.window_days)) if len(window(m.window_days)) else np.nan
    width = m.window_days or 0
    if m.agg == "active_days_share":
        return facts["event_at"].dt.normalize().nunique() / width
    if m.agg == "slope":
        days = pd.date_range(day - timedelta(days=width - 1), day)
        daily = facts["n0"].groupby(facts["event_at"].dt.normalize()).sum().reindex(days, fill_value=0.0)
        return np.polyfit(np.arange(width), daily.to_numpy(), 1)[0]
    if m.of == "last":
        newest = [matching(window(None, near)).dropna(subset="n0") for near in (0, width)]
        levels = [p.sort_values(["event_at", "known_at", "n0"])["n0"].iloc[-1] if len(p) else np.nan for p in newest]
        difference = levels[0] - levels[1]
        return difference if m.agg == "change" else difference / (abs(levels[1]) or np.nan)
    now, before = (matching(window(far, near)) for far, near in ((width, 0), (2 * width, width)))
    a, b = ((len(p) if m.of == "count" else getattr(p["n0"], m.of)()) for p in (now, before))
    if m.agg == "change":
        return a - b
    return (a - b) / abs(b) if b != 0 else np.nan


def compare(rows: pd.DataFrame, metrics: Sequence[ComputedMetric], found: pd.DataFrame) -> None:
    for row in found.to_dict("records"):
        for m in metrics:
            expected = oracle(rows, row["account_id"], row["as_of"], m)
            assert row[m.id] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), (
                row["account_id"],
                m,
            )


@pytest.mark.parametrize("bitemporal", [True, False])
def test_every_aggregate_equals_its_definition_fact_by_fact(session: Session, bitemporal: bool) -> None:
    rows = some_facts(7)
    if not bitemporal:
        rows["known_at"] = rows["event_at"]
    metrics = all_metrics()
    found = features_at({"usage": table(session, rows, bitemporal=bitemporal)}, ACCOUNTS, CALENDAR, metrics)
    assert len(found) == len(ACCOUNTS) * len(CALENDAR)
    compare(rows, metrics, found)


def test_a_slope_without_a_column_is_that_of_daily_counts(session: Session) -> None:
    rows = some_facts(5)
    slope = ComputedMetric("slope", "usage", "slope", None, 30)
    found = features_at({"usage": table(session, rows, bitemporal=False)}, ACCOUNTS, [CALENDAR[1]], [slope])
    days = pd.date_range("2024-01-31", "2024-02-29")
    for row in found.itertuples():
        own = rows.loc[rows["account_id"] == row.account_id, "event_at"].dt.normalize()
        counts = own.value_counts().reindex(days, fill_value=0).to_numpy()
        assert row.slope == pytest.approx(np.polyfit(np.arange(30), counts, 1)[0], abs=1e-12)


def test_conditions_on_truth_values_read_any_spelling(session: Session) -> None:
    rows = some_facts(5).assign(t0="True")
    paid = ComputedMetric("n", "usage", "count", None, None, (Condition("kind", "equals", (True,)),))
    found = features_at({"usage": table(session, rows, bitemporal=False)}, ACCOUNTS, [CALENDAR[3]], [paid])
    assert found.set_index("account_id").loc["1", "n"] > 0


def test_an_account_without_facts_has_zero_counts_and_missing_values(session: Session) -> None:
    metrics = [metric(agg, 30) for agg in AGGREGATES]
    found = features_at({"usage": table(session, some_facts(1), bitemporal=True)}, ACCOUNTS, CALENDAR, metrics)
    quiet = found[found["account_id"] == "quiet"].iloc[0]
    zero = {m.agg for m in metrics if quiet[m.id] == 0}
    missing = {m.agg for m in metrics if pd.isna(quiet[m.id])}
    assert zero == {"count", "sum", "distinct", "active_days_share", "slope", "change"}
    assert missing == {
        *("mean", "median", "min", "max", "last", "days_since_last", "share", "top_share", "relative_change")
    }


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 3))
def test_deleting_every_fact_known_after_a_date_changes_nothing_on_that_date(seed: int, cut: int) -> None:
    rows = some_facts(seed, 120)
    metrics = some_metrics()
    day = CALENDAR[cut]
    past = rows[rows[["event_at", "known_at"]].max(axis=1) < day + timedelta(days=1)]
    with Session(memory_limit="500MB", threads=1) as own:
        whole = features_at({"usage": table(own, rows, bitemporal=True)}, ACCOUNTS, CALENDAR, metrics)
        alone = features_at({"usage": table(own, past, bitemporal=True)}, ACCOUNTS, [day], metrics)
        cut_off = features_at(
            {"usage": table(own, rows, bitemporal=True)}, ACCOUNTS, [day], metrics, known_until=day.date()
        )
    there = whole[whole["as_of"] == day].reset_index(drop=True)
    pd.testing.assert_frame_equal(there, alone, check_exact=True)
    pd.testing.assert_frame_equal(there, cut_off, check_exact=True)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_changes_not_even_the_last_digit(seed: int) -> None:
    rows = some_facts(seed, 200)
    metrics = some_metrics()
    shuffled = rows.sample(frac=1, random_state=seed)
    with Session(memory_limit="500MB", threads=2) as own:
        first, second = (
            features_at({"usage": table(own, part, bitemporal=True)}, ACCOUNTS, CALENDAR, metrics)
            for part in (rows, shuffled)
        )
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_a_fact_of_the_last_second_of_the_day_counts_and_of_the_next_day_does_not(session: Session) -> None:
    rows = pd.DataFrame(
        {
            "account_id": ["1"] * 4,
            "event_at": pd.to_datetime(
                ["2024-01-31 23:59:59", "2024-02-01 00:00:00", "2024-01-01 00:00:00", "2024-01-02 00:00:00"]
            ),
            "n0": 1.0,
            "t0": "a",
        }
    )
    found = features_at(
        {"usage": table(session, rows, bitemporal=False)}, ACCOUNTS, [CALENDAR[0]], [metric("count", 30)]
    )
    # 30 days up to 31 January begin on 2 January.
    assert found.set_index("account_id")["count_30_False_sum"].to_dict() == {
        "001": 0,
        "01": 0,
        "1": 2,
        "quiet": 0,
    }


def test_a_fact_known_one_day_late_counts_from_that_day_on(session: Session) -> None:
    rows = pd.DataFrame(
        {
            "account_id": ["1"],
            "event_at": pd.to_datetime(["2024-01-31"]),
            "known_at": pd.to_datetime(["2024-02-01 00:00:01"]),
            "n0": 1.0,
            "t0": "a",
        }
    )
    days = pd.date_range("2024-01-30", "2024-02-02")
    found = features_at({"usage": table(session, rows, bitemporal=True)}, ACCOUNTS, days, [metric("count", 30)])
    assert found.loc[found["account_id"] == "1", "count_30_False_sum"].tolist() == [0, 0, 1, 1]


def test_accounts_have_rows_from_their_first_to_their_last_day_only(session: Session) -> None:
    accounts = pd.DataFrame(
        {
            "account_id": ["1", "01"],
            "first_day": pd.to_datetime(["2024-02-29", None]),
            "last_day": pd.to_datetime([None, "2024-02-28"]),
        }
    )
    found = features_at(
        {"usage": table(session, some_facts(3), bitemporal=True)}, accounts, CALENDAR, [metric("count", 30)]
    )
    got = [(row.account_id, f"{row.as_of:%m-%d}") for row in found.itertuples()]
    assert got == [("01", "01-31"), ("1", "02-29"), ("1", "03-31"), ("1", "04-30")]


def test_a_ratio_is_missing_where_its_denominator_is_zero(session: Session) -> None:
    metrics = [
        metric("sum", 30),
        metric("count", 30),
        ComputedMetric("per_event", agg="ratio", ratio=("sum_30_False_sum", "count_30_False_sum")),
    ]
    found = features_at({"usage": table(session, some_facts(3), bitemporal=True)}, ACCOUNTS, CALENDAR, metrics)
    quiet = found["account_id"] == "quiet"
    assert found.loc[quiet, "per_event"].isna().all()
    busy = found[~quiet & (found["count_30_False_sum"] > 0)]
    assert np.allclose(busy["per_event"], busy["sum_30_False_sum"] / busy["count_30_False_sum"])


def test_no_account_gives_an_empty_frame_with_all_columns(session: Session) -> None:
    accounts = ACCOUNTS.assign(first_day=pd.Timestamp("2030-01-01"))
    found = features_at(
        {"usage": table(session, some_facts(3), bitemporal=True)}, accounts, CALENDAR, [metric("count", 30)]
    )
    assert found.empty
    assert list(found) == ["account_id", "as_of", "count_30_False_sum"]


def test_the_last_text_is_text_and_none_without_facts(session: Session) -> None:
    last = ComputedMetric("plan", "usage", "last", "kind", None, text=True)
    rows = some_facts(3).dropna(subset="t0")
    found = features_at({"usage": table(session, rows, bitemporal=True)}, ACCOUNTS, [CALENDAR[-1]], [last])
    plans = found.set_index("account_id")["plan"]
    assert plans["quiet"] is None
    newest = rows[(rows["account_id"] == "1") & (rows["known_at"] < "2024-05-01")].sort_values("event_at")
    assert plans["1"] == newest["t0"].iloc[-1]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("kind", "equals", ("a",)), 2),
        (Condition("kind", "not_equals", ("a",)), 1),
        (Condition("kind", "in", ("a", "b")), 3),
        (Condition("value", "at_least", (2.0,)), 3),
        (Condition("value", "at_most", (2.0,)), 2),
        (Condition("value", "equals", (3,)), 1),
        (Condition("kind", "equals", ("it's",)), 0),
        (Condition("kind", "equals", (True,)), 0),
    ],
)
def test_conditions_compare_and_never_match_a_missing_cell(
    session: Session, condition: Condition, expected: int
) -> None:
    rows = pd.DataFrame(
        {
            "account_id": "1",
            "event_at": pd.Timestamp("2024-01-15"),
            "n0": [1.0, 2.0, 3.0, 4.0],
            "t0": ["a", "a", "b", None],
        }
    )
    counted = ComputedMetric("n", "usage", "count", None, 30, (condition,))
    facts = {"usage": table(session, rows, bitemporal=False)}
    found = features_at(facts, ACCOUNTS, [CALENDAR[0]], [counted]).set_index("account_id")
    assert found.loc["1", "n"] == expected
