"""One review in MLflow: a parent run, a nested run per fold and contender, files, models, the config."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, TypeVar

from churnbench.domain.recorder import MetricValues
from churnbench.tracking.models import save
from churnbench.tracking.process import this_process
from churnbench.tracking.quiet import load_mlflow, quiet
from churnbench.tracking.retry import reason_of
from churnbench.tracking.reviews import finished_reviews
from churnbench.tracking.signals import ending_raises
from churnbench.tracking.stale import KIND_TAG, PARENT_TAG, close_children, pages
from churnbench.tracking.store import Store, redact
from churnbench.tracking.values import (
    NAME_LENGTH,
    TAG_LENGTH,
    flat_metrics,
    flat_parameters,
    flat_tags,
    shorten,
)

T = TypeVar("T")

#: Limits of one `log_batch` call.
METRICS_A_BATCH = 1000
PARAMS_A_BATCH = 100
DIGEST_LENGTH = 36
HOLDOUT_TAG = "churnbench.holdout."
#: Where MLflow keeps the Markdown that it shows as a description.
NOTE_TAG = "mlflow.note.content"


class MlflowRecorder:
    """Implements `churnbench.domain.recorder.Recorder`; made by `open_recorder`.

    Once the review has started, a store that fails (disk full, server gone) does not take the review with it:
    the first trouble becomes a sentence in `warnings`, the review goes on, and its evidence says so.

    No global state of MLflow is touched (tracking address, active run), so a notebook's own runs are safe.
    """

    def __init__(
        self,
        client: Any,
        store: Store,
        experiment_id: str,
        experiment: str,
        name: str,
        tags: Mapping[str, str],
    ) -> None:
        self._client, self._store = client, store
        self._experiment_id, self._experiment = experiment_id, experiment
        self._name, self._tags = name, dict(tags)
        self._run_id = ""
        self._warnings: list[str] = []
        self._signals = ending_raises()

    @property
    def run_id(self) -> str:
        """Identifier of the parent run; "" before `with`."""
        return self._run_id

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be recorded, as sentences for the evidence."""
        return tuple(self._warnings)

    def __enter__(self) -> MlflowRecorder:
        self._signals.__enter__()
        try:
            self._run_id = self._attempt("the run", self._start, "")
        except BaseException:
            self._signals.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._attempt("the end", lambda: self._client.set_terminated(self._run_id), None)
            else:
                text = shorten(f"{kind.__name__}: {error}", 500)
                self._attempt("the error", lambda: self._tag("churnbench.error", text), None)
                self._attempt("the failure", self._fail, None)
        finally:
            self._signals.__exit__(None, None, None)

    def earlier(self, project: str) -> list[dict[str, Any]]:
        """Earlier reviews of a project that reached a verdict, the newest first; see `PastReview`."""

        def read() -> list[dict[str, Any]]:
            found = finished_reviews(self._client, self._experiment_id, project=project, without=self._run_id)
            return [review.as_json() for review in found]

        return self._attempt("the earlier reviews", read, [])

    def named(self, name: str, description: str) -> None:
        """Rename the parent run, and give it the description that MLflow's page of the run opens with."""

        def write() -> None:
            self._client.update_run(self._run_id, name=shorten(name, NAME_LENGTH))
            self._tag(NOTE_TAG, shorten(description, TAG_LENGTH))

        self._attempt("the name", write, None)

    def parameters(self, values: Mapping[str, object]) -> None:
        """Parameters and settings of the whole review; nested mappings get dotted names."""
        self._attempt("parameters", lambda: self._log(self._run_id, flat_parameters(values), {}), None)

    def dataset(self, name: str, fingerprint: str, profile: Mapping[str, object]) -> None:
        """Which data the review rests on, as a dataset input of the run and as a tag."""
        self._attempt("the data set", lambda: self._log_dataset(name, fingerprint, profile), None)

    def holdout_unlocked(self, holdout_key: str) -> int:
        """Log this look and count all looks in the store, in every experiment and in deleted runs.

        A second call in the same run is the same look.

        Returns:
            Number of reviews that have looked at this holdout, this one included.
        """
        return self._attempt("the look at the holdout", lambda: self._count_looks(holdout_key), 1)

    def fold(self, contender: str, fold: str, parameters: Mapping[str, object], metrics: MetricValues) -> None:
        """A nested run for one contender on one fold ("holdout" for the last)."""
        self._attempt("a fold", lambda: self._nested(contender, fold, parameters, metrics), None)

    def metrics(self, values: MetricValues) -> None:
        """Metrics of the whole review, each with its interval as `_low` and `_high`."""
        self._attempt("metrics", lambda: self._log(self._run_id, {}, flat_metrics(values)), None)

    def tags(self, values: Mapping[str, str]) -> None:
        """Tags of the parent run."""

        def write() -> None:
            for key, value in flat_tags(values).items():
                self._tag(key, value)

        self._attempt("tags", write, None)

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or a folder with all its files, that belongs to the review."""
        send = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
        self._attempt(f"the file {path.name}", lambda: send(self._run_id, str(path), folder), None)

    def model(self, name: str, model: Any, example: Any, alias: str) -> None:
        """A challenger model: LightGBM text or skops, signature, registered as `name` under `alias`."""
        self._attempt(f"the model {name}", lambda: self._log_model(name, model, example, alias), None)

    def config(self, path: Path, alias: str) -> None:
        """The weight config as a version of the registered model `EXPERIMENT-weights` under `alias`."""

        def write() -> None:
            self._client.log_artifact(self._run_id, str(path), "config")
            self._register(f"{self._experiment}-weights", f"runs:/{self._run_id}/config", alias)

        self._attempt("the config", write, None)

    def _start(self) -> str:
        tags = flat_tags(self._tags) | {KIND_TAG: "review"} | this_process().as_tags() | origin()
        run = self._client.create_run(self._experiment_id, run_name=self._name, tags=tags)
        return str(run.info.run_id)

    def _fail(self) -> None:
        close_children(self._client, self._experiment_id, self._run_id, "FAILED")
        self._client.set_terminated(self._run_id, status="FAILED")

    def _attempt(self, what: str, call: Callable[[], T], otherwise: T) -> T:
        """Run a call into MLflow; a lasting failure becomes one warning, never the end of the review."""
        if what != "the run" and not self._run_id:
            return otherwise
        try:
            with quiet():
                return call()
        except Exception as error:  # noqa: BLE001 - MLflow, SQLAlchemy and OS errors share no base
            reason = shorten(redact(reason_of(error)), 200)
            self._warnings.append(f"MLflow did not record {what}: {reason}")
            return otherwise

    def _tag(self, key: str, value: str) -> None:
        self._client.set_tag(self._run_id, key, value)

    def _log(self, run_id: str, parameters: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        load_mlflow()
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        rows = [Metric(key, value, now, 0) for key, value in metrics.items()]
        settings = [Param(key, value) for key, value in parameters.items()]
        for some in chunks(rows, METRICS_A_BATCH - PARAMS_A_BATCH):
            self._client.log_batch(run_id, metrics=some)
        for few in chunks(settings, PARAMS_A_BATCH):
            self._client.log_batch(run_id, params=few)

    def _nested(self, contender: str, fold: str, parameters: Mapping[str, object], metrics: MetricValues) -> None:
        tags = origin() | {PARENT_TAG: self._run_id, KIND_TAG: "fold"}
        run = self._client.create_run(
            self._experiment_id,
            run_name=f"{contender} · {fold}",
            tags=tags | flat_tags({"contender": contender, "fold": fold}),
        )
        child = str(run.info.run_id)
        self._log(
            child,
            flat_parameters({"contender": contender, "fold": fold, **parameters}),
            flat_metrics(metrics),
        )
        self._client.set_terminated(child)

    def _log_dataset(self, name: str, fingerprint: str, profile: Mapping[str, object]) -> None:
        load_mlflow()
        import json

        from mlflow.entities import Dataset, DatasetInput, InputTag

        digest = fingerprint.removeprefix("sha256:")[:DIGEST_LENGTH] or "unknown"
        text = json.dumps({"fingerprint": fingerprint, **profile}, default=str)
        data = Dataset(
            name=shorten(name, 200),
            digest=digest,
            source_type="local",
            source="{}",
            profile=shorten(text, 15000),
        )
        entry = DatasetInput(dataset=data, tags=[InputTag(key="mlflow.data.context", value="review")])
        self._client.log_inputs(self._run_id, datasets=[entry])
        self._tag("churnbench.data_fingerprint", fingerprint)

    def _count_looks(self, holdout_key: str) -> int:
        load_mlflow()
        from mlflow.entities import ViewType

        tag = HOLDOUT_TAG + sha256(holdout_key.encode()).hexdigest()[:16]
        # Written first, counted second: of two reviews at once none can miss both.
        self._tag(tag, shorten(holdout_key, 500))
        experiments = [
            entry.experiment_id for entry in self._client.search_experiments(view_type=ViewType.ALL, max_results=1000)
        ]
        # Deleting a run does not unsee the holdout.
        found = pages(self._client, experiments, f"tags.`{tag}` != ''", run_view_type=ViewType.ALL)
        return len({run.info.run_id for run in found})

    def _log_model(self, name: str, model: Any, example: Any, alias: str) -> None:
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            flavour = save(model, example, folder)
            logged = self._client.create_logged_model(
                self._experiment_id,
                name=registered_name(name),
                source_run_id=self._run_id,
                tags={"flavour": flavour},
            )
            self._client.log_model_artifacts(logged.model_id, str(folder))
        self._client.finalize_logged_model(logged.model_id, "READY")
        # A database store looks `models:/` addresses up in the process-wide tracking address; the plain
        # location does not depend on it. A server resolves its own.
        local = self._store.artifacts is not None
        source = logged.artifact_location if local else f"models:/{logged.model_id}"
        self._register(name, source, alias, model_id=logged.model_id)

    def _register(self, name: str, source: str, alias: str, model_id: str | None = None) -> None:
        registered = registered_name(name)
        if not self._known(registered):
            try:
                self._client.create_registered_model(registered)
            except Exception:
                # A review at the same time may have been first; anything else is a real failure.
                if not self._known(registered):
                    raise
        version = self._client.create_model_version(registered, source, run_id=self._run_id, model_id=model_id)
        self._client.set_registered_model_alias(registered, alias, version.version)

    def _known(self, registered: str) -> bool:
        return bool(self._client.search_registered_models(f"name = '{registered}'"))


def origin() -> dict[str, str]:
    """Tags that say who made a run and with what."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # a container may run under a number without a name
    return {"mlflow.user": user, "mlflow.source.name": "churnbench", "mlflow.source.type": "LOCAL"}


def registered_name(name: str) -> str:
    """Registered names may hold neither `/` nor `:`; quotes would end the search filter."""
    return "".join("-" if character in "/:'\"\\.%" else character for character in name)[:200] or "unnamed"


def chunks(rows: Sequence[T], size: int) -> Iterator[list[T]]:
    """Slices of at most `size` entries.

    >>> list(chunks([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])
