"""The log of interventions: what was done for whom and when, who decided, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import pandas as pd

from churnbench.data.casts import ColumnKind
from churnbench.data.csv_head import line_of_record
from churnbench.data.locations import open_location
from churnbench.data.project import Project
from churnbench.data.readers import Column, Source, fetch_frame, read_table
from churnbench.data.sections import Location
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.interventions.text import plain_cell

#: Column -> kind of cell, in the order in which a new log is written; only account_id and started_on must be there.
COLUMNS: dict[str, ColumnKind] = {
    "account_id": "id",
    "started_on": "day",
    "known_on": "day",
    "kind": "text",
    "trigger": "text",
    "reading": "number",
    "propensity": "number",
    "randomised": "boolean",
    "treated": "boolean",
    "outcome": "text",
    "note": "text",
    "author": "text",
    "intervention_id": "text",
    "refers_to": "text",
}
REQUIRED = ("account_id", "started_on")
#: Log of a project that declares none, beside the project file.
DEFAULT_LOG = "interventions.csv"
UNNAMED = "unnamed"


@dataclass(frozen=True, eq=False)
class InterventionLog:
    """A checked log.

    Attributes:
        entries: one row per intervention (or account held out), sorted by (started_on, account_id): account_id str;
            started_on, known_on datetime64 midnight (known_on is started_on where it was empty); kind str ("unnamed"
            where empty); trigger, outcome, note, author str or None; reading float or NaN; propensity float 0-1 or
            NaN, the probability of being treated as known when it was decided; randomised, treated bool (an empty
            `treated` means that the intervention took place); intervention_id str, unique. `outcome` is the newest
            one on record.
        file: its name for messages.
    """

    entries: pd.DataFrame
    file: str

    @property
    def treatments(self) -> pd.DataFrame:
        """Entries in which something was done."""
        return self.entries[self.entries["treated"]]

    @property
    def randomised(self) -> pd.DataFrame:
        """Entries that a coin decided, treated and held out."""
        return self.entries[self.entries["randomised"]]

    def known_by(self, day: pd.Timestamp) -> InterventionLog:
        """The log as it was known on a day, without what had not begun by then."""
        here = (self.entries["known_on"] <= day) & (self.entries["started_on"] <= day)
        return InterventionLog(self.entries[here].reset_index(drop=True), self.file)


def read_log(project: Project) -> InterventionLog | None:
    """The log that a project names under `[data] interventions`, else interventions.csv beside the project file.

    None when there is neither.

    Raises:
        InputError: a column or cell that cannot be used, an entry twice, a coin without its propensity, an outcome
            that refers to no entry.
    """
    location = project.data.interventions
    if location is None:
        if not (project.root / DEFAULT_LOG).is_file():
            return None
        location = Location(path=DEFAULT_LOG)
    return read_location(project, location)


def read_location(project: Project, location: Location) -> InterventionLog:
    """The log at a place that need not be the declared one; see `read_log`."""
    missing = project.data.missing
    with Session() as session:
        source = open_location(session, project, location, "data.interventions")
        columns = [
            Column(name, kind, name, name in REQUIRED, name in REQUIRED, ("",) if kind == "text" else missing)
            for name, kind in COLUMNS.items()
        ]
        rows = fetch_frame(session, read_table(session, source, columns))
    return checked_log(rows, source)


def checked_log(rows: pd.DataFrame, source: Source | None = None, *, file: str = "interventions") -> InterventionLog:
    """Check rows and join outcomes to the entries they refer to.

    Args:
        rows: columns of `COLUMNS`, typed; absent optional ones are empty.
        source: where they come from, to name the line of a bad cell.
        file: name for messages without a source.

    Raises:
        InputError: as `read_log`.
    """
    frame = _typed(rows)
    refuse = _Refusal(source, file)
    _check_cells(frame, refuse)
    later = frame["refers_to"].notna()
    entries, followed = frame[~later].copy(), frame[later]
    entries["intervention_id"] = entries["intervention_id"].where(entries["intervention_id"].notna(), _ids(entries))
    twice = entries["intervention_id"].duplicated()
    if twice.any():
        place = int(entries.index[twice][0])
        raise refuse(
            f"this intervention for account '{frame['account_id'].tolist()[place]}' stands in the log already.",
            place,
            "account_id",
            "Keep one row per intervention; an outcome is a row whose refers_to holds the intervention_id.",
        )
    known = entries.set_index("intervention_id")["account_id"]
    for place, account, target in zip(followed.index, followed["account_id"], followed["refers_to"], strict=True):
        if known.get(target) != account:
            raise refuse(
                f"'{target}' is not the intervention_id of an earlier row of account '{account}'.",
                int(place),
                "refers_to",
                "Give the id that `churnbench interventions log` printed.",
            )
    newest = followed[followed["outcome"].notna()].sort_values("known_on", kind="stable")
    latest = newest.groupby("refers_to")["outcome"].last()
    found = entries["intervention_id"].map(latest)
    cells = zip(found, entries["outcome"], strict=True)
    outcomes = [new if isinstance(new, str) else old if isinstance(old, str) else None for new, old in cells]
    entries["outcome"] = pd.Series(outcomes, index=entries.index, dtype=object)
    order = entries.sort_values(["started_on", "account_id", "kind"], kind="stable")
    label = file if source is None else source.label
    return InterventionLog(order.drop(columns="refers_to").reset_index(drop=True), label)


def entry_id(account_id: str, started_on: pd.Timestamp, kind: str, trigger: str | None) -> str:
    """Id of an entry that has none of its own: twelve hexadecimal digits of what makes it that entry.

    >>> entry_id("A1", pd.Timestamp("2025-03-01"), "playbook", None)
    '902c740b494e'
    """
    parts = (account_id, f"{started_on:%Y-%m-%d}", kind, trigger or "")
    return sha256("\x1f".join(parts).encode()).hexdigest()[:12]


def _ids(entries: pd.DataFrame) -> pd.Series:
    cells = zip(*(entries[name] for name in ("account_id", "started_on", "kind", "trigger")), strict=True)
    return pd.Series([entry_id(*cell) for cell in cells], index=entries.index, dtype=object)


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    frame = pd.DataFrame(index=pd.RangeIndex(len(rows)))
    for name, kind in COLUMNS.items():
        cells = rows[name].reset_index(drop=True) if name in rows else pd.Series(None, index=frame.index, dtype=object)
        if kind == "day":
            frame[name] = pd.to_datetime(cells).astype("datetime64[us]")
        elif kind in ("number", "boolean"):
            frame[name] = cells.astype(float)
        else:
            text = [None if pd.isna(cell) or not str(cell).strip() else plain_cell(str(cell).strip()) for cell in cells]
            frame[name] = pd.Series(text, index=frame.index, dtype=object)
    frame["known_on"] = frame["known_on"].where(frame["known_on"].notna(), frame["started_on"])
    frame["kind"] = frame["kind"].where(frame["kind"].notna(), UNNAMED)
    frame["treated"] = frame["treated"].fillna(1.0) == 1.0
    frame["randomised"] = frame["randomised"].fillna(0.0) == 1.0
    return frame


def _check_cells(frame: pd.DataFrame, refuse: _Refusal) -> None:
    chance = frame["propensity"]
    outside = chance.notna() & ~chance.between(0.0, 1.0)
    if outside.any():
        place = int(frame.index[outside][0])
        raise refuse(
            f"{chance[place]:g} is not a probability of being treated.",
            place,
            "propensity",
            "Write a share from 0 to 1; leave the cell empty where nobody knows it.",
        )
    entry = frame["refers_to"].isna()
    no_coin = entry & frame["randomised"] & ~((chance > 0.0) & (chance < 1.0))
    if no_coin.any():
        place = int(frame.index[no_coin][0])
        shown = "no propensity" if pd.isna(chance[place]) else f"a propensity of {chance[place]:g}"
        raise refuse(
            f"the row says that a coin decided, with {shown}; more than 0 and less than 1 was expected.",
            place,
            "propensity",
            "Write the share of such accounts that the coin treats, or set randomised to 0.",
        )


@dataclass(frozen=True)
class _Refusal:
    """Makes errors that name the line of a row."""

    source: Source | None
    file: str

    def __call__(self, message: str, place: int, column: str, fix: str) -> InputError:
        file, row = self.file, place + 1
        if self.source is not None:
            file = self.source.label
            head, path = self.source.files[0].head, self.source.files[0].path
            if len(self.source.files) > 1:
                return InputError(message, file=file, column=column, fix=fix)
            row = place + 1 if head is None else line_of_record(path, head.delimiter, place + 1)
        return InputError(message, file=file, row=row, column=column, fix=fix)
