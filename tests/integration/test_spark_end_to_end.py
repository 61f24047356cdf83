"""A simulated world on a cluster: facts to features to scores, equal to one machine's."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from elsewhere_facts import comparable
from formula_worlds import assemble
from typer.testing import CliRunner

from churnbench.cli.main import app
from churnbench.data.project import load_project
from churnbench.data.session import Session
from churnbench.export import score_file, write_document
from churnbench.export.spark import score_spark
from churnbench.features import as_of_dates, features_at, open_facts
from churnbench.features.elsewhere import SparkFacts, features_on_spark


def simulated(folder):
    options = ("--accounts", 60, "--months", 10, "--seed", 3, "--base-rate", 0.08, "--facts", "--events", 8)
    told = CliRunner().invoke(app, [str(part) for part in ("simulate", "--out", folder, *options)])
    assert told.exit_code == 0, told.output
    return load_project(folder)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_facts_of_a_world_become_features_and_scores_on_a_cluster_as_on_one_machine(spark, tmp_path) -> None:
    project = simulated(tmp_path / "world")
    metrics = project.declared.computed
    with Session(threads=1) as session:
        facts = open_facts(session, project)
        seen = " UNION ".join(f"SELECT account_id FROM {table.relation}" for table in facts.values())
        accounts = session.connection.execute(f"SELECT DISTINCT account_id FROM ({seen}) ORDER BY 1").df()
        latest = (
            session.connection.execute(f"SELECT max(event_at) FROM {facts['product_events'].relation}")
            .fetchone()[0]
            .date()
        )
        calendar = as_of_dates(date(latest.year, 1, 1), latest, "month")[-2:]
        wanted = features_at(facts, accounts, calendar, metrics)
    cluster = {
        section.name: SparkFacts.of_project(
            project, section.name, spark.read.parquet(str(tmp_path / "world" / section.path))
        )
        for section in project.data.facts
    }
    book = spark.createDataFrame(accounts.to_dict("records"), "account_id string")
    features = features_on_spark(spark, cluster, book, calendar, metrics)
    features.write.parquet(str(tmp_path / "features"))
    stored = spark.read.parquet(str(tmp_path / "features"))
    found = comparable(pd.read_parquet(tmp_path / "features"), metrics)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    assert wanted.drop(columns=["account_id", "as_of"]).notna().to_numpy().mean() > 0.5

    document = config_over(wanted, metrics)
    write_document(document, tmp_path / "config.json")
    score_file(
        tmp_path / "config.json", tmp_path / "features" / "*.parquet", tmp_path / "scores.parquet", allow_missing=True
    )
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    for how in ("arrow", "columns"):
        got = score_spark(stored, document, how, ("account_id", "as_of"), allow_missing=True).toArrow().to_pandas()
        pd.testing.assert_frame_equal(
            in_order(got[list(scores)]), in_order(scores), check_exact=True, check_dtype=False
        )
    assert scores["health_score_x100"].notna().mean() > 0.5


def config_over(features, metrics):
    """A formula over the numeric metrics that have two different values, with ramps between their quartiles."""
    chosen = {}
    for metric in metrics:
        if not metric.text:
            low, high = (float(edge) for edge in features[metric.id].quantile([0.25, 0.75]))
            if low < high:
                points = [[low, 0.0], [high, 100.0]]
                chosen[metric.id] = {"kind": "piecewise", "points": points, "slopes": [100.0 / (high - low)]}
    assert len(chosen) > 5
    rules = [{"id": name, "input": name, "missing": "skip", "rule": rule} for name, rule in chosen.items()]
    weights = [[name, 10000 // len(chosen)] for name in chosen]
    weights[0][1] += 10000 - sum(weight for _, weight in weights)
    total = {"segments": {"input": None, "default": [["all", 10000]], "by": []}, "min_coverage": 3000}
    bands = [["red", 0], ["yellow", 4000], ["green", 6000]]
    return assemble({"metrics": rules, "dimensions": [{"id": "all", "weights": weights}], **total, "bands": bands})


def in_order(frame):
    frame = frame.assign(as_of=pd.to_datetime(frame["as_of"]), account_id=frame["account_id"].astype(str))
    numbers = {name: frame[name].astype(np.float64) for name in frame if frame[name].dtype.kind in "iuf"}
    return frame.assign(**numbers).sort_values(["account_id", "as_of"]).reset_index(drop=True)
