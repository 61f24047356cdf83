"""What a review says can be recomputed by anyone from the files beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evidence_contract import CONTENDERS, check_evidence, strict_json
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

import churnbench_scorer
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.workflow.review import Review

FORMULAS = ("incumbent", "anchored", "distilled", "shap_slope", "shap_share")


@pytest.fixture(scope="module")
def holdout(review: Review) -> pd.DataFrame:
    assert review.out is not None
    return pd.read_parquet(review.out / "holdout_scores.parquet")


@pytest.fixture(scope="module")
def inputs(review: Review, holdout: pd.DataFrame, dated_project: Path) -> pd.DataFrame:
    """The holdout rows' inputs, read again from the project's files."""
    cohort = open_history(load_project(dated_project)).cohort()
    keys = holdout[["account_id", "as_of"]].assign(as_of=holdout["as_of"].astype("datetime64[us]"))
    frame = cohort.frame.assign(as_of=cohort.frame["as_of"].astype("datetime64[us]"))
    return keys.merge(frame, how="left", on=["account_id", "as_of"], validate="one_to_one")


def test_the_evidence_keeps_the_contract_and_is_strict_json(review: Review) -> None:
    assert review.out is not None
    evidence = strict_json(review.out / "evidence.json")
    check_evidence(evidence)
    assert evidence["verdict"] == review.evidence["verdict"]


def test_the_files_of_the_contract_are_there_and_nothing_else(review: Review) -> None:
    assert review.out is not None
    names = {path.name for path in review.out.iterdir()}
    wanted = {"evidence.json", "config.json", "incumbent.json", "holdout_scores.parquet", "review.html"}
    assert wanted <= names
    assert not any(name.startswith(".staging") for name in names)


def _lift(y: np.ndarray, p: np.ndarray) -> float:
    """Churn among the riskiest tenth over churn everywhere; tied rows are called in proportion."""
    called, caught = 0.1 * len(y), 0.0
    left = called
    for value in sorted(set(p), reverse=True):
        tied = p == value
        taken = min(left, tied.sum())
        caught += y[tied].mean() * taken
        left -= taken
        if left <= 0:
            break
    return caught / called / y.mean()


def _slope(y: np.ndarray, p: np.ndarray) -> float:
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    return float(model.fit(np.log(p / (1 - p))[:, None], y).coef_[0, 0])


@pytest.mark.parametrize("name", CONTENDERS)
def test_every_holdout_figure_can_be_recomputed_from_the_scores(
    review: Review, holdout: pd.DataFrame, name: str
) -> None:
    y, p = holdout["y"].to_numpy(dtype=float), holdout[f"{name}.churn_probability"].to_numpy()
    assert ((p > 0) & (p < 1)).all()
    expected = {
        "auc": sk.roc_auc_score(y, p),
        "log_loss": sk.log_loss(y, p),
        "brier": sk.brier_score_loss(y, p),
        "average_precision": sk.average_precision_score(y, p),
        "lift_at_10pct": _lift(y, p),
        "observed_over_expected": y.sum() / p.sum(),
    }
    found = review.evidence["contenders"][name]["holdout"]
    for measure, value in expected.items():
        assert found[measure]["value"] == pytest.approx(value, abs=1e-9), measure
    # The optimum is flat; scikit-learn's own stopping rule leaves a few millionths.
    assert found["calibration_slope"]["value"] == pytest.approx(_slope(y, p), abs=1e-5)
    for measure, figure in found.items():
        low, high = figure["ci90"]
        assert low <= figure["value"] <= high, measure


def test_the_difference_that_decides_is_that_of_the_two_log_losses(review: Review, holdout: pd.DataFrame) -> None:
    y = holdout["y"]
    candidate = review.evidence["gate"]["candidate"]
    old, new = (sk.log_loss(y, holdout[f"{name}.churn_probability"]) for name in ("incumbent", candidate))
    assert review.evidence["delta_log_loss"]["value"] == pytest.approx(old - new, abs=1e-12)
    base = y.mean()
    null = -(base * np.log(base) + (1 - base) * np.log(1 - base))
    assert review.evidence["gate"]["null_log_loss"] == pytest.approx(null)
    assert review.evidence["gate"]["margin"] == pytest.approx(0.01 * null)


def test_counts_are_those_of_the_rows(review: Review, holdout: pd.DataFrame) -> None:
    evidence = review.evidence
    last = evidence["folds"][-1]
    assert last["role"] == "holdout"
    assert last["test_rows"] == len(holdout)
    events = holdout.loc[holdout["y"] == 1, "account_id"].nunique()
    assert last["test_events"] == events == evidence["gate"]["holdout_events"]
    assert pd.Timestamp(last["test_from"]) == holdout["as_of"].min()
    assert pd.Timestamp(last["test_until"]) == holdout["as_of"].max()
    assert [fold["role"] for fold in evidence["folds"][:-1]] == ["walk-forward"] * (len(evidence["folds"]) - 1)
    assert len(evidence["folds"]) > 1
    days = sum(evidence["label"].values())
    for fold in evidence["folds"]:
        assert pd.Timestamp(fold["train_until"]) + pd.Timedelta(days=days) <= pd.Timestamp(fold["test_from"])


def test_every_figure_by_fold_counts_churned_accounts_of_its_fold(review: Review) -> None:
    origins = [fold["origin"] for fold in review.evidence["folds"]]
    events = [fold["test_events"] for fold in review.evidence["folds"]]
    for contender in review.evidence["contenders"].values():
        assert [fold["origin"] for fold in contender["by_fold"]] == origins
        assert [fold["events"] for fold in contender["by_fold"]] == events


def test_bands_times_rates_give_the_base_rate(review: Review, holdout: pd.DataFrame) -> None:
    for formula in ("incumbent", "candidate"):
        rows = [entry for entry in review.evidence["bands"] if entry["formula"] == formula]
        total = sum(entry["share"] * (entry["rate"] or 0.0) for entry in rows)
        assert total == pytest.approx(holdout["y"].mean(), abs=1e-12)


@pytest.mark.parametrize(("file", "contender"), [("config.json", "anchored"), ("incumbent.json", "incumbent")])
def test_the_shipped_config_scores_the_holdout_exactly_as_the_review_did(
    review: Review, holdout: pd.DataFrame, inputs: pd.DataFrame, file: str, contender: str
) -> None:
    assert review.out is not None
    scorer = churnbench_scorer.load(review.out / file)
    health = holdout[f"{contender}.health_score"].to_numpy()
    p = holdout[f"{contender}.churn_probability"].to_numpy()
    columns = list(dict.fromkeys([*inputs.columns]))
    rng = np.random.default_rng(0)
    for row in rng.choice(len(inputs), 250, replace=False):
        values = {name: inputs[name].iloc[row] for name in columns}
        said = scorer.score({k: None if pd.isna(v) else v for k, v in values.items()}, extra="ignore")
        if said.health_score_x100 is None:
            assert np.isnan(health[row])
            continue
        assert said.health_score_x100 == round(health[row] * 100)
        assert said.churn_probability == pytest.approx(p[row], abs=1e-12)


def test_only_formulas_have_a_health_score_and_it_orders_against_the_risk(holdout: pd.DataFrame) -> None:
    scored = {column.split(".")[0] for column in holdout.columns if column.endswith(".health_score")}
    assert scored == set(FORMULAS)
    rows = holdout.dropna(subset=["incumbent.health_score"])
    assert rows["incumbent.health_score"].between(0, 100).all()


def test_weights_in_the_evidence_are_those_of_the_shipped_configs(review: Review) -> None:
    assert review.out is not None
    for file, column in (("config.json", "candidate"), ("incumbent.json", "hand")):
        body = strict_json(review.out / file)["body"]
        default = dict(body["segments"]["default"])
        points = {
            metric: weight * default[dimension["id"]] / 1e6
            for dimension in body["dimensions"]
            for metric, weight in dimension["weights"]
            if dimension["id"] in default
        }
        for entry in review.evidence["weights"]["metrics"]:
            assert entry[column] == pytest.approx(points.get(entry["id"], 0.0), abs=1e-3)


def test_the_configs_carry_what_they_rest_on(review: Review) -> None:
    assert review.out is not None
    config = strict_json(review.out / "config.json")
    provenance = config["provenance"]
    assert provenance["verdict"] == review.evidence["verdict"]
    assert provenance["data_fingerprint"] == review.evidence["data"]["fingerprint"]
    assert (provenance["gap_days"], provenance["horizon_days"]) == (14, 90)
    auc = next(metric for metric in provenance["metrics"] if metric["name"] == "auc")
    assert auc["value"] == review.evidence["contenders"]["anchored"]["holdout"]["auc"]["value"]
    assert config["sequence"] > strict_json(review.out / "incumbent.json")["sequence"]


def test_the_latest_inputs_can_be_scored_with_the_config(review: Review) -> None:
    from churnbench.workflow import score

    assert review.out is not None
    latest = pd.read_parquet(review.out / "latest_inputs.parquet")
    scored = score(review.out / "config.json", latest)
    assert len(scored) == len(latest)
    assert scored["account_id"].tolist() == latest["account_id"].tolist()
