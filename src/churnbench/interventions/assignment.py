"""Who is held out near the cut-off this period: decided by the account's name, so that anybody can check it later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd

from churnbench.data.casts import ColumnKind
from churnbench.data.readers import Column, fetch_frame, open_files, read_table
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.export.files import replaced_whole
from churnbench.interventions.text import plain_cell, safe_cell

TREAT, HOLD_OUT = "treat", "hold-out"
#: Columns of an assignment, in order, and the kinds of its cells.
COLUMNS: dict[str, ColumnKind] = {
    "account_id": "id",
    "health_score": "number",
    "period": "text",
    "arm": "text",
    "randomised": "boolean",
    "propensity": "number",
    "treated": "boolean",
}


@dataclass(frozen=True)
class Rule:
    """How accounts are assigned.

    Attributes:
        cut_off: health score, 0-100, below which a playbook is asked for.
        width: points below the cut-off within which a coin decides; further down everybody is treated.
        share: share held out there, within (0, 0.5].
        period: what makes this period's coins new ones, e.g. "2026q1".
        seed: of the coins.
    """

    cut_off: float
    width: float
    share: float
    period: str
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.cut_off <= 100.0 or not 0.0 < self.width <= 100.0:
            raise InputError(
                f"a cut-off of {self.cut_off:g} and a width of {self.width:g} arrived; "
                "points from 0 to 100 were expected.",
                column="cut_off",
                fix="For example --cut-off 60 --width 10.",
            )
        if not 0.0 < self.share <= 0.5:
            raise InputError(
                f"a held-out share of {self.share:g} arrived; more than 0 and at most 0.5 was expected.",
                column="share",
                fix="Hold out 10 to 20 %: --share 0.15.",
            )
        if not self.period.strip():
            raise InputError("the period has no name.", column="period", fix="For example --period 2026q1.")


def coin(account_id: str, period: str, seed: int) -> float:
    """A number from 0 to 1 that account, period and seed determine, and that nobody can steer otherwise.

    >>> round(coin("A1", "2026q1", 7), 6)
    0.900546
    """
    digest = sha256(json.dumps([seed, period, account_id]).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


def assign(scores: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Assign the accounts below the cut-off.

    Each coin is its own: neither the order of the rows nor the other accounts change it.

    Args:
        scores: account_id, health_score (0-100; NaN for insufficient data: such accounts are left out).
        rule: cut-off, width, share, period, seed.

    Returns:
        Columns of `COLUMNS`, sorted by account_id: randomised 1 within the width below the cut-off, with propensity
        1 - share; further down arm "treat" without a propensity, since no coin was thrown.

    Raises:
        InputError: an account twice, a score outside 0-100.
    """
    twice = scores["account_id"].duplicated()
    if twice.any():
        raise InputError(
            f"account '{scores.loc[twice, 'account_id'].iloc[0]}' has more than one score.",
            column="account_id",
            fix="Give the scores of one date.",
        )
    wrong = scores["health_score"].notna() & ~scores["health_score"].between(0.0, 100.0)
    if wrong.any():
        raise InputError(
            f"{scores.loc[wrong, 'health_score'].iloc[0]:g} is not a health score from 0 to 100.", column="health_score"
        )
    found = scores.loc[scores["health_score"] < rule.cut_off, ["account_id", "health_score"]].copy()
    near = found["health_score"] >= rule.cut_off - rule.width
    held = near & pd.Series(
        [coin(account, rule.period, rule.seed) < rule.share for account in found["account_id"]],
        index=found.index,
        dtype=bool,
    )
    found["period"] = rule.period
    found["arm"] = held.map({True: HOLD_OUT, False: TREAT})
    found["randomised"] = near.astype(int)
    found["propensity"] = near.map({True: 1.0 - rule.share, False: float("nan")})
    found["treated"] = (~held).astype(int)
    return found.sort_values("account_id").reset_index(drop=True)[list(COLUMNS)]


def read_scores(path: Path) -> pd.DataFrame:
    """account_id and health_score of a file that `churnbench score` wrote; the newest date where it holds several."""
    columns = [
        Column("account_id", "id", "account_id"),
        Column("health_score", "number", "health_score"),
        Column("as_of", "day", "as_of", required=False),
    ]
    frame = _read(path, columns)
    if frame["as_of"].notna().any():
        frame = frame[frame["as_of"] == frame["as_of"].max()]
    return frame.drop(columns="as_of").reset_index(drop=True)


def read_assignment(path: Path) -> pd.DataFrame:
    """An assignment as `write_assignment` left it."""
    return _read(path, [Column(name, kind, name) for name, kind in COLUMNS.items()])


def write_assignment(assigned: pd.DataFrame, path: Path) -> None:
    """Write an assignment as CSV, whole or not at all; no cell is one that a spreadsheet would run.

    Raises:
        InputError: for another ending than .csv.
    """
    if path.suffix.lower() != ".csv":
        raise InputError("an assignment is written as CSV.", file=str(path), fix="End the name of --out with .csv.")
    safe = assigned.assign(account_id=assigned["account_id"].map(safe_cell), period=assigned["period"].map(safe_cell))
    with replaced_whole(path) as temporary:
        safe.to_csv(temporary, index=False, lineterminator="\n")


def _read(path: Path, columns: list[Column]) -> pd.DataFrame:
    if not path.is_file():
        raise InputError("there is no such file.", file=str(path), fix="Name a .csv or .parquet file.")
    with Session() as session:
        frame = fetch_frame(session, read_table(session, open_files(session, [path], str(path)), columns))
    for column in columns:
        if column.kind in ("id", "text"):
            cells = [None if pd.isna(cell) else plain_cell(str(cell)) for cell in frame[column.target]]
            frame[column.target] = pd.Series(cells, index=frame.index, dtype=object)
    return frame
