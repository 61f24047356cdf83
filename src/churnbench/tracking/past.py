"""Earlier reviews of a project, as its store remembers them."""

from __future__ import annotations

from pathlib import Path

from churnbench.tracking.opening import make_client
from churnbench.tracking.quiet import load_mlflow, quiet
from churnbench.tracking.reviews import PastReview, finished_reviews
from churnbench.tracking.store import require_reachable, resolve, unusable


def past_reviews(
    uri: str, experiment: str, *, project: str | None = None, root: Path | None = None, without: str | None = None
) -> list[PastReview]:
    """Reviews of a project that reached a verdict, the newest first.

    Reviews that failed, were killed or are still running have no verdict and are left out; so are deleted runs. A store
    that is not there yet holds no reviews, and none is made.

    Args:
        uri: tracking address as in the project file.
        experiment: name of the MLflow experiment, usually the project's name.
        project: only reviews of this project; None for all in the experiment.
        root: folder that a relative SQLite path counts from; the working directory when None.
        without: run id to leave out, usually the review at hand.

    Raises:
        InputError: when the store cannot be reached or read.
    """
    store = resolve(uri, root if root is not None else Path.cwd())
    if store.database is not None and not store.database.exists():
        return []
    require_reachable(store)
    load_mlflow()
    try:
        client = make_client(store)
        with quiet():
            known = client.get_experiment_by_name(experiment)
            if known is None:
                return []
            return finished_reviews(client, known.experiment_id, project=project, without=without)
    except Exception as error:  # MLflow, SQLAlchemy, sqlite3 and OS errors share no base
        raise unusable(store.uri, error) from error
