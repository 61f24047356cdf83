"""Worlds of any size: chunks join without a seam, and the streamed files hold what the world in memory holds."""

import json

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from churnbench.cli.main import app
from churnbench.data import world_chunk, world_settings
from churnbench.data.project import load_project
from churnbench.data.simulate import draw_world, simulate_world
from churnbench.data.simulate_demo import streamed_project
from churnbench.data.world_chunk import draw_chunk, iter_chunks
from churnbench.data.world_settings import RUN_IN, Treatment, WorldSettings
from churnbench.data.world_stream import stream_world
from churnbench.domain.errors import InputError

SETTINGS = WorldSettings(accounts=100, months=9, seed=4, base_rate=0.05, treatment=Treatment())


@pytest.fixture
def small_chunks(monkeypatch):
    for module in (world_chunk, world_settings):
        monkeypatch.setattr(module, "CHUNK_ACCOUNTS", 40)


def read(folder, name):
    return pd.read_parquet(folder / f"{name}.parquet")


def test_a_world_of_one_chunk_is_the_same_in_memory_and_in_files(tmp_path):
    world = simulate_world(100, 9, 4, base_rate=0.05, treatment=Treatment())
    written = stream_world(SETTINGS, tmp_path)
    tables = {
        "snapshots": world.snapshots,
        "outcomes": world.outcomes,
        "accounts": world.accounts,
        "interventions": world.interventions,
        "truth": world.truth_table,
        "truth_departures": world.departures,
    }
    assert set(written.rows) == set(tables)
    for name, expected in tables.items():
        assert written.rows[name] == len(expected)
        pd.testing.assert_frame_equal(read(tmp_path, name), expected, check_dtype=False)
    assert json.loads((tmp_path / "truth.json").read_text("utf-8")) == json.loads(json.dumps(world.truth))


@pytest.mark.usefixtures("small_chunks")
def test_chunks_share_ids_level_and_calendar_but_no_randomness():
    chunks = list(iter_chunks(SETTINGS))
    assert [len(chunk.book) for chunk in chunks] == [40, 40, 20]
    ids = pd.concat([chunk.book["account_id"] for chunk in chunks])
    assert ids.is_unique
    assert list(ids)[:2] == ["A00001", "A00002"]
    assert ids.iloc[-1] == "A00100"
    assert len({chunk.hazard.scale for chunk in chunks}) == 1
    assert not np.array_equal(chunks[0].latent.factors[:20], chunks[2].latent.factors)
    managers = [set(chunk.book["csm"]) for chunk in chunks]
    assert not managers[0] & managers[1]
    alone = draw_chunk(SETTINGS, 1, chunks[0].hazard.scale)
    pd.testing.assert_frame_equal(alone.book, chunks[1].book)
    np.testing.assert_array_equal(alone.voluntary, chunks[1].voluntary)


@pytest.mark.usefixtures("small_chunks")
def test_a_world_of_three_chunks_joins_in_memory_what_it_streams_to_files(tmp_path):
    world, seen = draw_world(SETTINGS), []
    written = stream_world(SETTINGS, tmp_path, emit=lambda chunk: seen.append(chunk.part))
    assert seen == [0, 1, 2]
    assert written.chunks == 3
    assert world.snapshots["as_of"].is_monotonic_increasing
    assert parquet.ParquetFile(tmp_path / "snapshots.parquet").num_row_groups == 3
    for name, expected in (("snapshots", world.snapshots), ("truth", world.truth_table)):
        rows = read(tmp_path, name).sort_values(["as_of", "account_id"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, expected, check_dtype=False)
    assert sorted(read(tmp_path, "outcomes")["account_id"]) == sorted(world.outcomes["account_id"])
    assert written.truth["mean_churn_probability"] == pytest.approx(world.truth_table["churn_probability"].mean())


def test_presence_of_a_chunk_is_what_the_snapshots_show():
    chunk = draw_chunk(SETTINGS, 0)
    world = draw_world(SETTINGS)
    shown = world.snapshots.groupby("account_id").size()
    counted = pd.Series(chunk.present[:, RUN_IN:].sum(axis=1), index=chunk.book["account_id"])
    assert (counted[counted > 0].sort_index() == shown.sort_index()).all()
    assert chunk.days[-1] == np.datetime64("2025-12-31")
    assert chunk.rng(100).random() == chunk.rng(100).random() != chunk.rng(101).random()


def test_a_streamed_project_loads_as_it_stands_with_its_leak_in_it(tmp_path):
    settings = WorldSettings(accounts=60, months=9, seed=4, leak="full")
    streamed_project(settings, tmp_path)
    assert load_project(tmp_path).formula.preset == "four-dimensions"
    leaky = draw_world(settings)
    told = read(tmp_path, "snapshots")["ticket_tone"].to_numpy()
    np.testing.assert_array_equal(told, leaky.snapshots["ticket_tone"].to_numpy())
    assert not (tmp_path / "interventions.parquet").exists()


def test_without_probabilities_the_truth_is_short(tmp_path):
    written = stream_world(WorldSettings(accounts=40, months=8, seed=1), tmp_path, truth=False)
    assert list(read(tmp_path, "truth")) == ["account_id", "as_of", "metric_risk"]
    assert written.truth["mean_churn_probability"] is None


def test_leaks_of_facts_are_not_streamed(tmp_path):
    with pytest.raises(InputError, match="one of facts"):
        stream_world(WorldSettings(accounts=60, months=9, seed=4, leak="facts-backdated"), tmp_path)


def simulate(*arguments):
    done = CliRunner().invoke(app, ["simulate", *map(str, arguments)])
    if isinstance(done.exception, InputError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_every_knob_of_the_command_reaches_the_world(tmp_path):
    knobs = {"signal": 0.5, "contrast": 2.0, "departures": 0.02, "missingness": 0.5}
    options = [part for name, value in knobs.items() for part in (f"--{name}", value)]
    size = ["--accounts", 60, "--months", 8, "--seed", 3, "--base-rate", 0.04]
    said = simulate("--out", tmp_path / "w", *size, *options, "--treat", 0.4, "--gap-days", 7, "--horizon-days", 60)
    assert "60 accounts, 8 months" in said
    truth = json.loads((tmp_path / "w" / "truth.json").read_text("utf-8"))
    expected = {**knobs, "accounts": 60, "months": 8, "seed": 3, "base_rate": 0.04, "leak": None, "null": False}
    assert {name: truth["settings"][name] for name in expected} == expected
    assert truth["treatment"]["effect"] == 0.4
    assert truth["window"] == {"gap_days": 7, "horizon_days": 60}
    assert (tmp_path / "w" / "interventions.csv").is_file()


def test_the_command_writes_parquet_on_request_and_knows_no_other_format(tmp_path):
    simulate("--out", tmp_path / "w", "--accounts", 60, "--months", 8, "--format", "parquet")
    assert (tmp_path / "w" / "snapshots.parquet").is_file()
    assert not (tmp_path / "w" / "snapshots.csv").exists()
    with pytest.raises(InputError, match="'xlsx' cannot be written"):
        simulate("--out", tmp_path / "v", "--format", "xlsx")
