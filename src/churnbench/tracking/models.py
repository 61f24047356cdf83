"""Models as native files with a signature: LightGBM text or skops, never a pickle."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from churnbench.tracking.quiet import load_mlflow, quiet

#: Types beside skops' own list that our pipelines hold; they are plain data and run nothing when loaded.
PLAIN_TYPES = ("numpy.dtype",)

#: Attributes under which wrappers keep the fitted model, looked at in this order.
INNER = ("booster_", "booster", "estimator", "pipeline", "model")


class NotStorableError(Exception):
    """The model has no native format."""


def native(model: Any) -> Any:
    """The LightGBM Booster or scikit-learn estimator inside a wrapper.

    Raises:
        NotStorableError: when there is none.
    """
    import lightgbm
    from sklearn.base import BaseEstimator

    seen: list[int] = []
    current = model
    while id(current) not in seen:
        seen.append(id(current))
        # LightGBM's scikit-learn classes are estimators too, but only their Booster has a text format.
        if isinstance(current, lightgbm.Booster):
            return current
        inner = next((getattr(current, name, None) for name in INNER if getattr(current, name, None)), None)
        if isinstance(current, BaseEstimator) and not isinstance(inner, lightgbm.Booster):
            return current
        current = inner if inner is not None else current
    raise NotStorableError(f"{type(model).__name__} is neither a LightGBM Booster nor a scikit-learn estimator")


def save(model: Any, example: Any, folder: Path) -> str:
    """Write `model` as an MLflow model folder.

    Args:
        model: a LightGBM Booster, a scikit-learn estimator, or a wrapper around either.
        example: a few input rows as the model takes them; the signature is read from them.
        folder: path that does not exist yet.

    Returns:
        Name of the flavour, `lightgbm` or `sklearn`.

    Raises:
        NotStorableError: when the model has no native format.
    """
    import lightgbm

    load_mlflow()
    fitted = native(model)
    with quiet():
        from mlflow.models import infer_signature

        if isinstance(fitted, lightgbm.Booster):
            import mlflow.lightgbm

            signature = infer_signature(example, fitted.predict(example))
            # Without explicit requirements MLflow starts a process to guess them, for 5.6 seconds.
            mlflow.lightgbm.save_model(fitted, str(folder), signature=signature, pip_requirements=_pinned("lightgbm"))
            return "lightgbm"
        import mlflow.sklearn

        method = "predict_proba" if hasattr(fitted, "predict_proba") else "predict"
        signature = infer_signature(example, getattr(fitted, method)(example))
        mlflow.sklearn.save_model(
            fitted,
            str(folder),
            signature=signature,
            pip_requirements=_pinned("scikit-learn", "skops"),
            serialization_format="skops",
            pyfunc_predict_fn=method,
            skops_trusted_types=list(PLAIN_TYPES),
        )
        return "sklearn"


def _pinned(*packages: str) -> list[str]:
    return [f"{package}=={version(package)}" for package in packages]
