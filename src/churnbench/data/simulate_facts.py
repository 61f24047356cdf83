"""A world of facts as a project folder: fact tables, outcomes, accounts, truth, and the metrics' definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from churnbench.data.simulate_demo import with_interventions
from churnbench.data.world_book import month_ends
from churnbench.data.world_chunk import Chunk
from churnbench.data.world_facts import FACTS_FOLDER, FactKnobs, write_facts
from churnbench.data.world_facts_tables import FACT_TABLES
from churnbench.data.world_settings import WorldSettings
from churnbench.data.world_stream import stream_world
from churnbench.domain.errors import InputError


@dataclass(frozen=True)
class WrittenFacts:
    """What was written.

    Attributes:
        chunks: number of chunks; each fact table has as many part files.
        rows: table -> rows, fact tables and the world's own.
    """

    chunks: int
    rows: Mapping[str, int]


def facts_project(
    settings: WorldSettings, out: Path, knobs: FactKnobs | None = None, *, truth: bool = True
) -> WrittenFacts:
    """Write a world of facts, ready for `churnbench run`; memory is that of one chunk, whatever the size.

    Beside the fact tables lie the tables of `stream_world`; of these the project file reads outcomes and
    accounts. `snapshots.parquet` holds the recorded metrics that the facts add up to.

    Args:
        settings: the world asked for, of any number of accounts.
        out: the folder; made when absent. Part files of an earlier world in it are deleted.
        knobs: how many facts; the defaults when None.
        truth: False leaves the true probabilities out.

    Returns:
        What was written.

    Raises:
        InputError: a leak is asked for; leaks are planted in snapshots.
    """
    if settings.leak is not None:
        raise InputError(
            f"The leak '{settings.leak}' cannot be planted in fact tables.",
            column="--leak",
            fix="Leave out --facts or --leak.",
        )
    for table in FACT_TABLES:
        for file in (out / FACTS_FOLDER / table).glob("part-*.parquet"):
            file.unlink()
    rows = dict.fromkeys(FACT_TABLES, 0)

    def emit(chunk: Chunk) -> None:
        for table, count in write_facts(chunk, out, knobs).items():
            rows[table] += count

    written = stream_world(settings, out, truth=truth, emit=emit)
    text = facts_project_text(settings)
    text = text if settings.treatment is None else with_interventions(text, "parquet")
    (out / "churnbench.toml").write_text(text, encoding="utf-8")
    return WrittenFacts(written.chunks, {**written.rows, **rows})


def facts_project_text(settings: WorldSettings) -> str:
    """The project file of a world of facts: sources, and every metric of "four-dimensions" computed from them."""
    text = resources.files("churnbench.data").joinpath("templates", "facts.toml").read_text("utf-8")
    calendar = month_ends(settings.months)
    return text.replace("FIRST_AS_OF", f"{calendar[0]:%Y-%m-%d}").replace("LAST_AS_OF", f"{calendar[-1]:%Y-%m-%d}")
