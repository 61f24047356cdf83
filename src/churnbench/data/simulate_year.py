"""A simulated company through the year 2025: what it knew at each quarter's end, and one mishap in its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from churnbench.data.presets import load_preset
from churnbench.data.simulate import World, simulate_world
from churnbench.data.simulate_demo import project_file_text

ACCOUNTS, MONTHS, SEED = 1500, 36, 11
NAME, PRESET = "larkspur", "four-dimensions"
#: Until July the score rests on product usage and billing alone; then the customer-success tool, the surveys and the
#: support desk are connected with their dated history, and with them these dimensions.
CONNECTED_ON = date(2025, 7, 1)
CONNECTED = ("engagement", "sentiment")
#: From this day on the tool counts ratings from 1 to 10 instead of 1 to 5, and nobody was told.
RESCALED_ON = date(2025, 12, 1)
RESCALED = "touchpoint_quality"
RESCALED_BY = 2.0


@dataclass(frozen=True, eq=False)
class Company:
    """A book of accounts whose tables can be asked for as they stood on a day.

    Attributes:
        world: the whole history with its truth.
    """

    world: World

    def write_project(self, folder: Path, today: date) -> Path:
        """Write the project folder as the company has it at the end of a day.

        Args:
            folder: made when absent; its files are replaced.
            today: nothing that was known later is written.

        Returns:
            `folder`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        left_out = () if today >= CONNECTED_ON else CONNECTED
        absent = [metric.id for name in left_out for metric in load_preset(PRESET).in_dimension(name)]
        tables = {
            "snapshots": self._snapshots(today).drop(columns=absent),
            "outcomes": _until(self.world.outcomes, "known_on", today),
            "accounts": _until(self.world.accounts, "started_on", today),
        }
        for name, frame in tables.items():
            frame.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%d", lineterminator="\n")
        (folder / "churnbench.toml").write_text(_project_text(today, left_out), encoding="utf-8")
        return folder

    def _snapshots(self, today: date) -> pd.DataFrame:
        rows = _until(self.world.snapshots, "as_of", today).copy()
        late = pd.to_datetime(rows["as_of"]) >= pd.Timestamp(RESCALED_ON)
        rows.loc[late, RESCALED] = rows.loc[late, RESCALED] * RESCALED_BY
        return rows

    def month_ends(self, year: int = 2025) -> list[date]:
        """As-of dates of a year, ascending."""
        days = pd.to_datetime(self.world.snapshots["as_of"].unique())
        return sorted(day.date() for day in days if day.year == year)


def simulate_company(accounts: int = ACCOUNTS, seed: int = SEED) -> Company:
    """Draw the company.

    Args:
        accounts: accounts over three years, 20 or more.
        seed: of everything random.
    """
    return Company(simulate_world(accounts, MONTHS, seed, truth=False))


def _until(frame: pd.DataFrame, column: str, today: date) -> pd.DataFrame:
    return frame.loc[pd.to_datetime(frame[column]) <= pd.Timestamp(today)]


def _project_text(today: date, left_out: Sequence[str]) -> str:
    text = project_file_text()
    text = text.replace('name = "demo"', f'name = "{NAME}"', 1)
    text = text.replace("data_through = 2025-12-31", f"data_through = {today.isoformat()}", 1)
    if left_out:
        names = ", ".join(f'"{name}"' for name in left_out)
        text = text.replace(
            f'preset = "{PRESET}"\n', f'preset = "{PRESET}"\nleave_out = [{names}]   # not connected yet\n', 1
        )
    return text
