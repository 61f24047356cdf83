"""A synthetic book of B2B accounts with known truth: snapshots, outcomes, accounts, and why they left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from churnbench.data.world_chunk import iter_chunks
from churnbench.data.world_leak_tables import Tables
from churnbench.data.world_leaks import plant
from churnbench.data.world_settings import Treatment, WorldSettings
from churnbench.data.world_tables import chunk_departures, chunk_outcomes, chunk_snapshots, no_departures, tidy
from churnbench.data.world_treatment import no_interventions
from churnbench.data.world_truth import truth_document, truth_table
from churnbench.domain.cohort import OutcomeWindow


@dataclass(frozen=True, eq=False)
class World:
    """A simulated history beside its truth.

    Attributes:
        snapshots: one row per account and month end while under contract: account_id, as_of, renewal_on and
            arr as known then, and the 18 metrics of the preset "four-dimensions" (NaN when missing).
        outcomes: account_id, churned_on, known_on, kind, voluntary, share.
        accounts: account_id, started_on, segment, arr (as first signed), csm, industry, channel, seats.
        truth: true effects and settings, ready for JSON.
        truth_table: account_id, as_of, churn_probability (true probability of churn in the outcome window,
            knowing the latent state), untreated_probability (the same had nobody intervened after as_of; only
            in a world with a treatment) and metric_risk (what the metrics add to the log hazard today,
            about 0 on average).
        interventions: the log of the treatment policy: account_id, started_on, known_on, kind, trigger,
            reading, propensity (of being treated; NaN when no coin decided), randomised, treated (0 for an
            account that the coin held out); empty without a policy.
        departures: true dates of champion departures: account_id, departed_on.
    """

    snapshots: pd.DataFrame
    outcomes: pd.DataFrame
    accounts: pd.DataFrame
    truth: Mapping[str, object]
    truth_table: pd.DataFrame
    interventions: pd.DataFrame = field(default_factory=no_interventions)
    departures: pd.DataFrame = field(default_factory=no_departures)


def simulate_world(
    accounts: int,
    months: int,
    seed: int,
    *,
    base_rate: float = 0.026,
    signal: float = 1.0,
    leak: str | None = None,
    null: bool = False,
    window: OutcomeWindow | None = None,
    treatment: Treatment | None = None,
    contrast: float = 1.0,
    departures: float = 0.010,
    missingness: float = 1.0,
    hazard_shift: tuple[date, float] | None = None,
    truth: bool = True,
) -> World:
    """Draw a world. The same arguments give the same bytes; a leak changes nothing but what it touches.

    Args:
        accounts: number of accounts, 20 or more. About 3 KB of memory per account and month.
        months: number of monthly snapshots, 6 or more; the newest is 2025-12-31.
        seed: seed of all randomness.
        base_rate: mean probability of voluntary churn per quarter among the accounts still there; the default
            makes about 200 churned accounts of 1,200 in 24 months.
        signal: factor on the effect of every metric; 0 leaves renewal, segment and season.
        leak: a key of `LEAKS`, or None for a clean history.
        null: churn independent of every metric, the segment, the season and the renewal date.
        window: outcome window of the true probabilities; 14 and 90 days when None.
        treatment: a policy that saves accounts, or None.
        contrast: how far the segments' true weights lie apart; 0 the same for all.
        departures: monthly probability that an account's champion leaves.
        missingness: factor on the share of unanswered surveys and ratings.
        hazard_shift: first day and factor on the hazard of voluntary churn from then on, or None.
        truth: False leaves the probabilities out of the truth table, which takes most of the time.

    Returns:
        The world.

    Raises:
        InputError: an argument is out of range, or the leak is unknown.
    """
    settings = WorldSettings(
        accounts=accounts,
        months=months,
        seed=seed,
        base_rate=base_rate,
        signal=signal,
        leak=leak,
        null=null,
        window=window or OutcomeWindow(),
        treatment=treatment,
        contrast=contrast,
        departures=departures,
        missingness=missingness,
        hazard_shift=hazard_shift,
    )
    return draw_world(settings, truth=truth)


def draw_world(settings: WorldSettings, *, truth: bool = True) -> World:
    """Draw the world of some settings in memory (see `simulate_world`)."""
    parts: list[tuple[pd.DataFrame, ...]] = []
    document: dict[str, object] = {}
    for chunk in iter_chunks(settings):
        made = chunk_snapshots(chunk)
        table = truth_table(chunk, made, probability=truth)
        if not document:
            document = truth_document(chunk, table)
        parts.append(
            (made.frame, chunk_outcomes(chunk), chunk.book, table, chunk.interventions, chunk_departures(chunk))
        )
    frames, outcomes, books, tables, interventions, departures = (
        pd.concat(part, ignore_index=True) for part in zip(*parts, strict=True)
    )
    if settings.chunks > 1:
        # Rows of a date together, whatever chunk they come from; accounts are in order within a date.
        order = frames["as_of"].argsort(kind="stable")
        frames, tables = (frame.iloc[order].reset_index(drop=True) for frame in (frames, tables))
        outcomes = outcomes.sort_values(["known_on", "account_id", "kind"]).reset_index(drop=True)
        interventions = interventions.sort_values(["started_on", "account_id"]).reset_index(drop=True)
    snapshots = tidy(frames)
    if truth:
        document["mean_churn_probability"] = float(tables["churn_probability"].mean())
    if settings.leak is not None:
        leaky = plant(settings.leak, Tables.exported(snapshots, outcomes, books), settings.seed)
        snapshots, outcomes, books = leaky.snapshots, leaky.outcomes, leaky.accounts
    return World(snapshots, outcomes, books, document, tables, interventions, departures)


def write_world(world: World, out: Path) -> None:
    """Write the tables of `write_tables`, truth.json, truth.parquet and truth_departures.parquet into a folder.

    Args:
        world: the world.
        out: the folder; made when absent.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_tables(world, out)
    (out / "truth.json").write_text(json.dumps(world.truth, indent=2) + "\n", encoding="utf-8")
    world.truth_table.to_parquet(out / "truth.parquet", index=False)
    world.departures.to_parquet(out / "truth_departures.parquet", index=False)


def write_tables(world: World, out: Path) -> None:
    """Write the tables that a company would have, as CSV with ISO dates and empty missing cells.

    snapshots.csv, outcomes.csv, accounts.csv, and interventions.csv where there is a treatment policy.
    """
    tables = {"snapshots": world.snapshots, "outcomes": world.outcomes, "accounts": world.accounts}
    if world.truth.get("treatment") is not None:
        tables["interventions"] = world.interventions
    else:
        # A world written here earlier may have had some.
        (out / "interventions.csv").unlink(missing_ok=True)
    for name, frame in tables.items():
        frame.to_csv(out / f"{name}.csv", index=False, date_format="%Y-%m-%d", lineterminator="\n")
