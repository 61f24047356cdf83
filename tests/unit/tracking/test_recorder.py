from __future__ import annotations

import json
import signal
import socket
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from churnbench.domain.recorder import Recorder
from churnbench.tracking import MlflowRecorder
from churnbench.tracking import recorder as recorder_module
from churnbench.tracking.quiet import load_mlflow, quiet


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection and look-up beyond this machine fails the test."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"network call to {address}")
        connect(self, address)

    def guarded_look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in ("127.0.0.1", "::1", "localhost", None):
            raise AssertionError(f"name look-up of {host}")
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


def client_of(recorder: MlflowRecorder) -> Any:
    return recorder._client


def run_of(recorder: MlflowRecorder, run_id: str = "") -> Any:
    return client_of(recorder).get_run(run_id or recorder.run_id)


def children(recorder: MlflowRecorder) -> list[Any]:
    condition = f"tags.`mlflow.parentRunId` = '{recorder.run_id}'"
    return list(client_of(recorder).search_runs([recorder._experiment_id], filter_string=condition))


def as_port(recorder: Recorder) -> Recorder:
    return recorder


def test_a_review_is_recorded_with_everything_it_wrote(opened: Any, tmp_path: Path) -> None:
    page = tmp_path / "review.html"
    page.write_text("<p>review</p>")
    figures = tmp_path / "figures"
    figures.mkdir()
    (figures / "gain.svg").write_text("<svg/>")
    recorder = opened()
    as_port(recorder)
    assert recorder.run_id == ""
    with recorder:
        recorder.parameters({"seed": 7, "label": {"gap_days": 14}, "long": "x" * 9000})
        recorder.dataset("acme", "sha256:" + "ab" * 32, {"rows": 10})
        recorder.metrics({"delta log loss": (0.02, 0.01, 0.03), "none": (None, None, None)})
        recorder.fold("anchored", "holdout", {"knots": 6}, {"auc": (0.8, 0.7, 0.9), "brier": (0.05, None, None)})
        recorder.tags({"verdict": "promote"})
        recorder.artifact(page)
        recorder.artifact(figures, "figures")
    assert recorder.warnings == ()
    run = run_of(recorder)
    assert run.info.status == "FINISHED"
    assert run.data.params["label.gap_days"] == "14"
    assert len(run.data.params["long"]) == 6000
    assert run.data.metrics == {
        "delta log loss": 0.02,
        "delta log loss_low": 0.01,
        "delta log loss_high": 0.03,
    }
    assert {"verdict": "promote", "seed": "7"}.items() <= run.data.tags.items()
    (entry,) = run.inputs.dataset_inputs
    assert json.loads(entry.dataset.profile) == {"fingerprint": "sha256:" + "ab" * 32, "rows": 10}
    (child,) = children(recorder)
    assert child.info.status == "FINISHED"
    assert child.data.metrics == {"auc": 0.8, "auc_low": 0.7, "auc_high": 0.9, "brier": 0.05}
    assert child.data.params == {"contender": "anchored", "fold": "holdout", "knots": "6"}
    files = [info.path for info in client_of(recorder).list_artifacts(recorder.run_id)]
    assert sorted(files) == ["figures", "review.html"]


def test_nothing_is_printed_logged_or_warned(opened: Any, capfd: pytest.CaptureFixture[str], caplog: Any) -> None:
    with opened() as recorder:
        recorder.fold("a", "b", {}, {"auc": (0.5, None, None)})
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), SystemExit(1)])
def test_whatever_ends_the_review_early_leaves_failed_runs(opened: Any, error: BaseException) -> None:
    recorder = opened()

    def work() -> None:
        with recorder:
            recorder.fold("a", "first", {}, {})
            # The signal arrives in the middle of a fold: its run is open.
            client_of(recorder).create_run(recorder._experiment_id, tags={"mlflow.parentRunId": recorder.run_id})
            raise error

    with pytest.raises(type(error)):
        work()
    assert run_of(recorder).info.status == "FAILED"
    assert run_of(recorder).data.tags["churnbench.error"].startswith(type(error).__name__)
    assert sorted(child.info.status for child in children(recorder)) == ["FAILED", "FINISHED"]


def test_each_look_at_a_holdout_counts_once_per_review_even_when_the_run_is_deleted(opened: Any) -> None:
    with opened() as first:
        assert first.holdout_unlocked("2017Q3|2017Q4") == 1
        assert first.holdout_unlocked("2017Q3|2017Q4") == 1
    client_of(first).delete_run(first.run_id)
    with opened(experiment="another") as second:
        assert second.holdout_unlocked("2017Q3|2017Q4") == 2
        assert second.holdout_unlocked("other") == 1
    with opened() as third:
        assert third.holdout_unlocked("2017Q3|2017Q4") == 3


def small_data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((80, 2)), columns=["logins", "seats"])
    return table, (table["logins"] < 0.4).astype(int)


def test_a_booster_is_stored_as_text_registered_and_loads_to_the_same_predictions(opened: Any) -> None:
    import lightgbm

    table, y = small_data()
    model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=5, n_jobs=1, verbose=-1).fit(table, y)
    with opened() as recorder:
        recorder.model("acme/lightgbm", model, table.head(3), "challenger")
    assert recorder.warnings == ()
    version = client_of(recorder).get_model_version_by_alias("acme-lightgbm", "challenger")
    folder = Path(version.source.removeprefix("file://"))
    names = {path.name for path in folder.rglob("*")}
    assert "model.lgb" in names
    assert not {name for name in names if name.endswith((".pkl", ".pickle"))}
    assert "inputs" in (folder / "MLmodel").read_text()
    load_mlflow()
    with quiet():
        import mlflow.lightgbm

        back = mlflow.lightgbm.load_model(str(folder))
    np.testing.assert_allclose(back.predict(table), model.predict_proba(table)[:, 1])


def test_a_scikit_learn_model_is_stored_with_skops_also_from_a_wrapper(opened: Any) -> None:
    class Wrapper:
        def __init__(self, estimator: LogisticRegression) -> None:
            self.estimator = estimator

    table, y = small_data()
    with opened() as recorder:
        recorder.model("logistic", Wrapper(LogisticRegression().fit(table, y)), table.head(3), "challenger")
        recorder.model("logistic", LogisticRegression().fit(table, y), table.head(3), "challenger")
    assert recorder.warnings == ()
    version = client_of(recorder).get_model_version_by_alias("logistic", "challenger")
    assert version.version == "2" or version.version == 2
    folder = Path(version.source.removeprefix("file://"))
    assert {path.suffix for path in folder.rglob("model.*")} == {".skops"}


def test_a_model_without_a_native_format_is_left_out_with_a_warning(opened: Any) -> None:
    with opened() as recorder:
        recorder.model("odd", object(), small_data()[0], "challenger")
    assert run_of(recorder).info.status == "FINISHED"
    assert recorder.warnings == (
        "MLflow did not record the model odd: object is neither a LightGBM Booster nor a scikit-learn estimator",
    )


def test_the_config_is_a_registered_version_under_its_alias(opened: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"format": "churnbench-weights"}')
    for expected in ("1", "2"):
        with opened() as recorder:
            recorder.config(config, "candidate")
        assert recorder.warnings == ()
        version = client_of(recorder).get_model_version_by_alias("acme-weights", "candidate")
        assert str(version.version) == expected
        assert version.run_id == recorder.run_id
    path = client_of(recorder).download_artifacts(recorder.run_id, "config/config.json", str(tmp_path))
    assert Path(path).read_text() == config.read_text()


def test_a_store_that_breaks_during_the_review_costs_a_warning_not_the_review(opened: Any, project: Path) -> None:
    with opened() as recorder:
        with sqlite3.connect(project / "mlruns" / "mlflow.db") as link:
            link.execute("DROP TABLE metrics")
            link.execute("DROP TABLE latest_metrics")
        recorder.metrics({"auc": (0.8, None, None)})
        recorder.tags({"verdict": "promote"})
    # MLflow reads the dropped table again when a run ends.
    assert recorder.warnings == (
        "MLflow did not record metrics: no such table: metrics",
        "MLflow did not record the end: no such table: latest_metrics",
    )


def test_a_run_that_cannot_start_silences_the_recorder(opened: Any, project: Path) -> None:
    recorder = opened()
    with sqlite3.connect(project / "mlruns" / "mlflow.db") as link:
        link.execute("DROP TABLE tags")
    with recorder:
        recorder.parameters({"a": 1})
        assert recorder.holdout_unlocked("k") == 1
    assert recorder.run_id == ""
    assert len(recorder.warnings) == 1


def test_eight_contenders_on_six_folds_take_less_than_four_seconds(opened: Any) -> None:
    with opened() as recorder:
        start = time.process_time()
        for contender in range(8):
            for fold in range(6):
                metrics = dict.fromkeys(("auc", "log_loss", "brier", "lift", "slope", "oe"), (0.5, 0.4, 0.6))
                recorder.fold(f"c{contender}", f"f{fold}", {"rows": 10}, metrics)
        assert time.process_time() - start < 4
    assert len(children(recorder)) == 48


def test_a_notebooks_own_tracking_address_is_left_alone(opened: Any) -> None:
    mlflow = load_mlflow()
    before = mlflow.get_tracking_uri()
    with opened():
        assert mlflow.active_run() is None
    assert mlflow.get_tracking_uri() == before


def test_more_parameters_than_one_batch_takes_all_arrive(opened: Any) -> None:
    with opened() as recorder:
        recorder.parameters({f"p{index}": index for index in range(230)})
    assert len(run_of(recorder).data.params) == 230


def test_an_interrupt_while_the_run_starts_gives_the_signals_back(opened: Any) -> None:
    recorder = opened()
    before = signal.getsignal(signal.SIGTERM)

    def interrupted() -> str:
        raise KeyboardInterrupt

    recorder._start = interrupted
    with pytest.raises(KeyboardInterrupt):
        recorder.__enter__()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("meanwhile", [True, False])
def test_a_registered_name_created_by_another_review_meanwhile_is_used(opened: Any, meanwhile: bool) -> None:
    recorder = opened()
    answers = iter([[], ["found"] if meanwhile else []])

    class Registry:
        def search_registered_models(self, _condition: str) -> list[str]:
            return next(answers)

        def create_registered_model(self, name: str) -> None:
            raise RuntimeError(f"Registered Model (name={name}) already exists.")

        def create_model_version(self, name: str, source: str, **_: object) -> SimpleNamespace:
            return SimpleNamespace(version="3")

        def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
            assert (name, alias, version) == ("a-b", "candidate", "3")

    recorder._client = Registry()
    if meanwhile:
        recorder._register("a/b", "runs:/1/config", "candidate")
    else:
        with pytest.raises(RuntimeError, match="already exists"):
            recorder._register("a/b", "runs:/1/config", "candidate")


def test_an_account_without_a_name_is_recorded_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(recorder_module.getpass, "getuser", nameless)
    assert recorder_module.origin()["mlflow.user"] == "unknown"
