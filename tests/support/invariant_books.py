"""Random small books, facts and formulas for the tests of invariants, and how many of them each test tries.

By default every run tries the same examples, so that a red build can be repeated anywhere. To look further:
`CHURNBENCH_EXPLORE=20 pytest tests/unit/invariants` tries twenty times as many, other ones every time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from small_books import WINDOW, linear_book, plain_spec

from churnbench.calibration import Settings, Training
from churnbench.cohort import History, open_history
from churnbench.data.project import load_project

EXPLORE = "CHURNBENCH_EXPLORE"
seeds = st.integers(0, 2**31 - 1)


def tried(examples: int) -> settings:
    """Settings of a test: so many fixed examples, or a multiple of them at random (see above)."""
    factor = os.environ.get(EXPLORE)
    return settings(
        max_examples=examples * int(factor or 1),
        derandomize=factor is None,
        database=None,
        # Most books are made from a seed; a smaller seed makes no simpler book.
        phases=[Phase.explicit, Phase.generate],
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


# Books in memory ---------------------------------------------------------------------------------------------------

EFFECTS = {"m0": 1.6, "m1": 1.0, "m2": 0.4, "m3": 0.0}


def level_book(
    seed: int, *, accounts: int = 60, months: int = 8, levels: int = 6, missing: float = 0.0
) -> pd.DataFrame:
    """A labelled panel whose metrics take few values, so that quantiles do not move when rows are repeated."""
    frame = linear_book(EFFECTS, accounts=accounts, months=months, seed=seed, intercept=-1.6, missing=missing)
    for metric in EFFECTS:
        frame[metric] = np.floor(frame[metric] / 100 * levels) * (100 / (levels - 1))
    return frame


def training_of(
    frame: pd.DataFrame, weights: Mapping[str, float] | None = None, *, dated: bool = True, **changed: object
) -> Training:
    """Training rows with a plain hand formula in two dimensions."""
    given = dict(weights or {"m0": 40.0, "m1": 30.0, "m2": 20.0, "m3": 10.0})
    spec = plain_spec(given, dimension_of={name: "even" if int(name[1:]) % 2 == 0 else "odd" for name in given})
    chosen = {"bootstrap": 10, **changed}
    return Training(frame, spec, tuple(sorted(given)), dated, Settings(**chosen))  # type: ignore[arg-type]


# Books on disk -----------------------------------------------------------------------------------------------------

DATED = """
[project]
name = "invariants"
[data]
snapshots = "snapshots.csv"
outcomes = "outcomes.csv"
accounts = "accounts.csv"
[label]
gap_days = 14
horizon_days = 60
min_tenure_days = 60
data_through = 2024-12-31
"""
FORMULA = """
[formula]
preset = "none"
[[formula.metrics]]
id = "logins"
weight = 40
direction = "higher_is_healthier"
[[formula.metrics]]
id = "nps"
weight = 30
normalise = { kind = "nps" }
[[formula.metrics]]
id = "plan"
weight = 20
normalise = { kind = "category", map = { gold = 100, silver = 60, free = 10 } }
[[formula.metrics]]
id = "sponsor"
weight = 10
normalise = { kind = "boolean" }
"""
FACTS = """
[project]
name = "invariants"
[data]
outcomes = "outcomes.csv"
accounts = "accounts.csv"
[[data.facts]]
name = "usage"
path = "usage.csv"
event_time = "ts"
known_time = "loaded_at"
deduplicate = "event_id"
[snapshots]
from = 2024-01-31
until = 2024-12-31
[label]
gap_days = 14
horizon_days = 60
min_tenure_days = 60
data_through = 2024-12-31
[formula]
preset = "none"
"""
_AGGREGATES = {
    "events": 'agg = "count"\nwindow_days = 30',
    "minutes": 'agg = "sum"\ncolumn = "minutes"\nwindow_days = 45',
    "typical": 'agg = "mean"\ncolumn = "minutes"\nwindow_days = 90',
    "newest": 'agg = "last"\ncolumn = "minutes"',
    "quiet_days": 'agg = "days_since_last"',
    "kinds": 'agg = "distinct"\ncolumn = "kind"\nwindow_days = 30',
    "calls": 'agg = "share"\nwindow_days = 60\nwhere = [{ column = "kind", equals = "call" }]',
    "drift": 'agg = "slope"\ncolumn = "minutes"\nwindow_days = 30',
    "swing": 'agg = "relative_change"\ncolumn = "minutes"\nof = "sum"\nwindow_days = 30',
    "active": 'agg = "active_days_share"\nwindow_days = 30',
}
FACT_FORMULA = "".join(
    f'[[formula.metrics]]\nid = "{name}"\nweight = 10\ndirection = "higher_is_healthier"\nsource = "usage"\n{text}\n'
    for name, text in _AGGREGATES.items()
)


def dated_tables(seed: int, *, accounts: int = 24) -> dict[str, pd.DataFrame]:
    """Snapshots, outcomes and accounts of a small book in which everything odd happens that outcomes can hold.

    Notice before the end and records after it, the same churn entered twice with other details, a second churn
    with and without a reactivation between, involuntary churn, contraction, expansion, accounts unknown elsewhere.
    """
    rng = np.random.default_rng(seed)
    ids = [f"{number:03d}" for number in rng.permutation(accounts)]
    started = pd.Timestamp("2023-06-01") + pd.to_timedelta(rng.integers(0, 300, accounts), unit="D")
    leaves = rng.random(accounts) < 0.5
    ends = pd.Timestamp("2024-02-15") + pd.to_timedelta(rng.integers(0, 320, accounts), unit="D")
    rows: list[tuple[str, pd.Timestamp]] = []
    for account, begin, gone, end in zip(ids, started, leaves, ends, strict=True):
        month_ends = pd.date_range("2024-01-31", "2024-12-31", freq="ME")
        rows += [(account, day) for day in month_ends if day >= begin and not (gone and day > end)]
    snapshots = pd.DataFrame(rows, columns=["account_id", "as_of"])
    size = len(snapshots)
    snapshots["logins"] = rng.integers(0, 40, size) / 4
    snapshots["nps"] = np.where(rng.random(size) < 0.3, np.nan, rng.integers(-10, 11, size) * 10)
    snapshots["plan"] = rng.choice(["gold", "silver", "free", ""], size)
    snapshots["sponsor"] = rng.choice(["yes", "no", ""], size)
    book = pd.DataFrame(
        {"account_id": ids, "started_on": started, "segment": rng.choice(["SMB", "Enterprise"], accounts)}
    )
    book["renewal_on"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 200, accounts), unit="D")
    return {"snapshots": snapshots, "outcomes": _outcomes(ids, leaves, ends, rng), "accounts": book}


def _outcomes(ids: Sequence[str], leaves: np.ndarray, ends: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    day = pd.Timedelta(days=1)
    rows: list[dict[str, object]] = []
    for account, gone, end in zip(ids, leaves, ends, strict=True):
        if not gone:
            if rng.random() < 0.3:
                rows.append(
                    {"account_id": account, "churned_on": end, "kind": rng.choice(["contraction", "expansion"])}
                )
            continue
        known = end + day * int(rng.integers(-60, 40))
        first = {"account_id": account, "churned_on": end, "known_on": known, "kind": "churn"}
        rows.append({**first, "voluntary": int(rng.random() < 0.7)})
        oddity = rng.choice(["none", "copy", "contradiction", "again", "returned"])
        if oddity == "copy":
            rows.append(dict(rows[-1]))
        elif oddity == "contradiction":
            rows.append({**first, "voluntary": 1 - int(rows[-1]["voluntary"])})  # type: ignore[call-overload]
        elif oddity == "again":
            rows.append({**first, "churned_on": end + 50 * day, "known_on": known + 50 * day, "voluntary": 1})
        elif oddity == "returned":
            rows.append({"account_id": account, "churned_on": end + 20 * day, "kind": "reactivation"})
            rows.append({**first, "churned_on": end + 90 * day, "known_on": pd.NaT, "voluntary": 1})
    rows += [{"account_id": f"stranger-{n}", "churned_on": ends[0], "kind": "churn"} for n in range(rng.integers(0, 3))]
    return pd.DataFrame(rows, columns=["account_id", "churned_on", "known_on", "kind", "voluntary"])


def fact_rows(seed: int, *, accounts: int = 12, size: int = 360) -> pd.DataFrame:
    """Facts with everything that time can do to them: ties to the second, late and early knowledge, copies.

    Moments fall on the last and first second around month ends far more often than by chance; one fact in three
    became known up to 120 days late, some before they happened; every second event was sent again, often with
    other times; some ids are empty; some facts are exact copies of others.
    """
    rng = np.random.default_rng(seed)
    anywhere = pd.Timestamp("2023-09-01") + pd.to_timedelta(rng.integers(0, 490 * 24, size), unit="h")
    ends = pd.date_range("2023-12-31", "2024-12-31", freq="ME")
    edge = rng.choice(ends, size) + pd.to_timedelta(rng.choice([0, 86399, 86400], size), unit="s")
    event = pd.Series(np.where(rng.random(size) < 0.4, edge, anywhere))
    lag = rng.choice([0, 0, 0, 0, 1, 30, 120, -40], size)
    rows = pd.DataFrame(
        {
            "account_id": [f"{number:03d}" for number in rng.integers(0, accounts + 2, size)],
            "ts": event,
            "loaded_at": event + pd.to_timedelta(lag, unit="D"),
            "minutes": np.where(
                rng.random(size) < 0.1, np.nan, rng.integers(-400, 400, size) / 8 * rng.choice([1, 1000], size)
            ),
            "kind": rng.choice(["call", "mail", "chat", ""], size),
            "event_id": np.where(rng.random(size) < 0.1, "", np.arange(size).astype(str)),
        }
    )
    again = rows.sample(frac=0.5, random_state=seed)
    moved = pd.to_timedelta(rng.choice([-60, -30, 0, 30, 60], len(again)), unit="D")
    late = pd.to_timedelta(rng.choice([-60, -40, 0, 1, 30], len(again)), unit="D")
    again = again.assign(ts=again["ts"] + moved, loaded_at=again["ts"] + moved + late)
    return pd.concat([rows, again, rows.sample(frac=0.05, random_state=seed)], ignore_index=True)


def permuted(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same table with rows and columns in another order."""
    rng = np.random.default_rng(seed)
    return table.sample(frac=1, random_state=seed)[list(rng.permutation(table.columns))]


def written(folder: Path, text: str, tables: Mapping[str, pd.DataFrame]) -> History:
    """The history of a project folder with these tables."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "churnbench.toml").write_text(text, encoding="utf-8")
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return open_history(load_project(folder), memory_limit="300MB", threads=1)


__all__ = [
    "DATED",
    "EFFECTS",
    "EXPLORE",
    "FACTS",
    "FACT_FORMULA",
    "FORMULA",
    "WINDOW",
    "dated_tables",
    "fact_rows",
    "level_book",
    "permuted",
    "seeds",
    "training_of",
    "tried",
    "written",
]
