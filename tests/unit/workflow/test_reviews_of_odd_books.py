"""Books that contradict themselves, hold too little, or are named to do harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evidence_contract import check_evidence, strict_json
from projects import copy_of, edit, world, write_project, write_table_project

import churnbench_scorer
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.domain.errors import BlockedError, InputError
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.workflow import check_project, run_review


@pytest.fixture
def project(small_project: Path, tmp_path: Path) -> Path:
    return copy_of(small_project, tmp_path / "project")


def _change(project: Path, file: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    table = pd.read_csv(project / file, dtype=str, keep_default_na=False)
    change(table).to_csv(project / file, index=False)


def _run(project: Path) -> dict:
    out = project.parent / "out"
    evidence = run_review(load_project(project), out, seed=0).evidence
    check_evidence(strict_json(out / "evidence.json"))
    churnbench_scorer.load(out / "config.json")
    churnbench_scorer.load(out / "incumbent.json")
    return evidence


def _blocked(project: Path, check: str) -> dict:
    out = project.parent / "out"
    out.mkdir(exist_ok=True)
    (out / "config.json").write_text("an older candidate")
    with pytest.raises(BlockedError) as caught:
        run_review(load_project(project), out, seed=0)
    assert caught.value.exit_code == 3
    assert str(out / "evidence.json") in str(caught.value)
    evidence = strict_json(out / "evidence.json")
    check_evidence(evidence)
    assert evidence["verdict"] == "blocked"
    assert any(entry["id"].startswith(check) and entry["severity"] == "block" for entry in evidence["checks"])
    assert not (out / "config.json").exists()
    assert not (out / "holdout_scores.parquet").exists()
    assert (out / "review.html").exists()
    return evidence


def test_a_leak_blocks_and_leaves_evidence_but_no_config(tmp_path: Path) -> None:
    evidence = _blocked(write_project(tmp_path / "project", made=world(leak="full")), "single-feature-auc:ticket_tone")
    assert evidence["contenders"] == {}


NOTE = """[formula]
preset = "four-dimensions"
[[formula.metrics]]
id = "adoption_note"
dimension = "usage"
weight = 5
direction = "lower_is_healthier"
normalise = { kind = "boolean" }
"""


def test_a_written_reason_lets_a_blocked_run_through_and_stands_in_the_evidence(project: Path) -> None:
    def leaked(table: pd.DataFrame) -> pd.DataFrame:
        outcomes = pd.read_csv(project / "outcomes.csv", parse_dates=["churned_on", "known_on"])
        outcomes["churned_on"] = outcomes[["churned_on", "known_on"]].min(axis=1)
        churn = outcomes[outcomes["kind"] == "churn"].groupby("account_id")["churned_on"].min()
        days = (table["account_id"].map(churn) - pd.to_datetime(table["as_of"])).dt.days
        return table.assign(adoption_note=(days.between(15, 104)).astype(int))

    _change(project, "snapshots.csv", leaked)
    edit(
        project / "churnbench.toml",
        "\n[calibration]",
        f"\n{NOTE}\n[calibration]",
    )
    evidence = _blocked(project, "single-feature-auc:adoption_note")
    blocking = [entry["id"] for entry in evidence["checks"] if entry["severity"] == "block"]
    reasons = "\n".join(f'"{name}" = "a planted note, kept on purpose"' for name in blocking)
    edit(project / "churnbench.toml", "\n[calibration]", f"\n[checks.allow]\n{reasons}\n\n[calibration]")
    allowed = {entry["id"]: entry["allowed"] for entry in _run(project)["checks"]}
    assert all(allowed[name] == "a planted note, kept on purpose" for name in blocking)


def test_one_class_is_blocked(project: Path) -> None:
    _change(project, "outcomes.csv", lambda table: table.iloc[:0])
    edit(project / "churnbench.toml", "\n[calibration]", "\n[label]\ndata_through = 2025-12-31\n\n[calibration]")
    assert _blocked(project, "sanity:one-class")["data"]["events"] == 0


def test_outcomes_of_other_accounts_are_not_taken_for_no_churn(project: Path) -> None:
    _change(project, "outcomes.csv", lambda table: table.assign(account_id="X" + table["account_id"]))
    with pytest.raises((InputError, BlockedError), match="account"):
        run_review(load_project(project), project.parent / "out", seed=0)
    assert not (project.parent / "out" / "config.json").exists()


def test_one_account_ends_in_words_not_in_a_traceback(project: Path) -> None:
    outcomes = pd.read_csv(project / "outcomes.csv")
    one = outcomes.loc[outcomes["kind"] == "churn", "account_id"].iloc[-1]
    for file in ("snapshots.csv", "outcomes.csv", "accounts.csv"):
        _change(project, file, lambda table: table[table["account_id"] == one])
    with pytest.raises((InputError, BlockedError)):
        run_review(load_project(project), project.parent / "out", seed=0)
    assert not (project.parent / "out" / "config.json").exists()


def test_metrics_that_are_empty_or_constant_do_no_harm(project: Path) -> None:
    def dulled(table: pd.DataFrame) -> pd.DataFrame:
        metrics = [c for c in table.columns if c not in ("account_id", "as_of", "renewal_on", "arr")]
        return table.assign(**{metrics[0]: "", metrics[1]: "7", metrics[2]: np.where(table.index % 500 == 0, "3", "")})

    _change(project, "snapshots.csv", dulled)
    evidence = _run(project)
    assert evidence["contenders"]["anchored"]["holdout"]["auc"]["value"] > 0.5


def test_names_that_attack_stay_words(project: Path) -> None:
    ids = sorted(pd.read_csv(project / "accounts.csv")["account_id"])
    evil = [
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        '"; DROP TABLE snapshots; --',
        "a,b",
        "{{ 7*7 }}",
        "Ünï 😀",
    ]
    names = {old: f"{evil[k % len(evil)]}#{k}" for k, old in enumerate(ids)}
    for file in ("snapshots.csv", "outcomes.csv", "accounts.csv"):
        _change(project, file, lambda table: table.assign(account_id=table["account_id"].map(names)))
    _change(
        project, "accounts.csv", lambda table: table.assign(segment="<img src=x onerror=alert(1)>" + table["segment"])
    )
    _run(project)
    out = project.parent / "out"
    scores = pd.read_parquet(out / "holdout_scores.parquet")
    assert set(scores["account_id"]) <= set(names.values())
    page = (out / "review.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_snapshot_from_the_future_is_never_tested_or_learned_from(project: Path) -> None:
    def later(table: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([table, table.iloc[-40:].assign(as_of="2031-01-31")], ignore_index=True)

    edit(project / "churnbench.toml", "\n[calibration]", "\n[label]\ndata_through = 2025-12-31\n\n[calibration]")
    before = open_history(load_project(project)).cohort().labelled()
    _change(project, "snapshots.csv", later)
    after = open_history(load_project(project)).cohort().labelled()
    assert after["as_of"].max() < pd.Timestamp("2031-01-31")
    pd.testing.assert_frame_equal(after.reset_index(drop=True), before.reset_index(drop=True))


def test_a_history_too_short_is_refused_and_leaves_nothing(project: Path) -> None:
    _change(project, "snapshots.csv", lambda table: table[table["as_of"] >= "2025-06-01"])
    out = project.parent / "out"
    with pytest.raises(InputError, match="too short"):
        run_review(load_project(project), out, seed=0)
    assert [path.name for path in out.iterdir()] == [".churnbench.lock"]


def test_an_input_error_leaves_earlier_results_untouched(project: Path) -> None:
    out = project.parent / "out"
    out.mkdir()
    for name in ("config.json", "evidence.json", "holdout_scores.parquet", ".churnbench.lock"):
        (out / name).write_text("" if name.startswith(".") else "from the last run")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    _change(project, "snapshots.csv", lambda table: table.assign(as_of="yesterday"))
    with pytest.raises(InputError, match="as_of"):
        run_review(load_project(project), out, seed=0)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def _table(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    tenure, calls = rng.uniform(0, 72, rows), rng.poisson(2, rows)
    contract = rng.choice(["month", "year", "two years"], rows)
    risk = -1.2 - 0.03 * (tenure - 36) + 0.4 * (calls - 2) + np.where(contract == "month", 0.8, -0.4)
    churn = np.where(rng.random(rows) < 1 / (1 + np.exp(-risk)), "Yes", "No")
    return pd.DataFrame(
        {
            "customer": [f"c{k:04d}" for k in range(rows)],
            "tenure": tenure.round(2),
            "calls": calls,
            "contract": contract,
            "Churn": churn,
        }
    )


DECLARED = """
[formula]
preset = "none"
[[formula.dimensions]]
id = "all"
weight = 100
[[formula.metrics]]
id = "tenure"
dimension = "all"
weight = 60
direction = "higher_is_healthier"
[[formula.metrics]]
id = "calls"
dimension = "all"
weight = 20
direction = "lower_is_healthier"
[[formula.metrics]]
id = "contract"
dimension = "all"
weight = 20
direction = "higher_is_healthier"
normalise = { kind = "category", map = { month = 0, year = 60, "two years" = 100 } }
"""


@pytest.fixture(scope="module")
def table_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the table with declared metrics."""
    project = write_table_project(tmp_path_factory.mktemp("table") / "project", _table(), formula=DECLARED)
    _run(project)
    return project.parent / "out"


@pytest.mark.parametrize("formula", ["declared", "proposed"])
def test_a_table_without_dates_is_reviewed_but_never_promoted(tmp_path: Path, table_out: Path, formula: str) -> None:
    out = table_out
    if formula == "proposed":
        _run(write_table_project(tmp_path / "project", _table(), formula='\n[formula]\npreset = "none"\n'))
        out = tmp_path / "out"
    evidence = strict_json(out / "evidence.json")
    assert evidence["claim_level"] == "cross-sectional"
    assert evidence["verdict"] == "descriptive-only"
    assert evidence["label"] is None
    assert all(contender["walk_forward"] is None for contender in evidence["contenders"].values())
    scores = pd.read_parquet(out / "holdout_scores.parquet")
    assert scores["as_of"].isna().all()
    assert sorted(scores["account_id"]) == sorted(_table()["customer"])
    assert evidence["contenders"]["lightgbm"]["holdout"]["auc"]["value"] > 0.65
    assert evidence["contenders"]["anchored"]["holdout"]["auc"]["value"] > 0.65


def test_the_order_of_labels_and_rows_of_a_table_changes_nothing(tmp_path: Path, table_out: Path) -> None:
    turned = _table().assign(Churn=_table()["Churn"].map({"Yes": "0", "No": "1"})).sample(frac=1, random_state=0)
    project = write_table_project(tmp_path / "project", turned, formula=DECLARED)
    edit(project / "churnbench.toml", 'label_positive = "Yes"', "label_positive = 0")
    ours, theirs = _run(project)["contenders"], strict_json(table_out / "evidence.json")["contenders"]
    bodies = [strict_json(out / "config.json")["body"] for out in (tmp_path / "out", table_out)]
    assert bodies[0] == bodies[1]
    for name in ours:
        assert ours[name]["holdout"] == theirs[name]["holdout"]


@pytest.mark.parametrize(("churned", "kept"), [(3, 60), (60, 2), (1, 1), (30, 30)])
def test_tiny_or_lopsided_tables_end_in_a_verdict_or_in_words(tmp_path: Path, churned: int, kept: int) -> None:
    table = _table(churned + kept).assign(Churn=["Yes"] * churned + ["No"] * kept)
    project = write_table_project(tmp_path / "project", table, formula=DECLARED)
    if min(churned, kept) == 1:
        with pytest.raises(InputError, match="only one has"):
            _run(project)
    else:
        assert _run(project)["verdict"] == "descriptive-only"


def test_facts_are_reviewed_end_to_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    accounts = [f"a{k:03d}" for k in range(160)]
    days = pd.date_range("2023-01-01", "2025-06-30", freq="D")
    health = rng.uniform(0.05, 0.6, len(accounts))
    gone = rng.random(len(accounts)) < 0.45 * (health < 0.3) + 0.1
    left = [days[int(rng.integers(250, 880))] if g else None for g in gone]
    events = [
        (account, day, day)
        for account, rate, end in zip(accounts, health, left, strict=True)
        for day in days[rng.random(len(days)) < rate]
        if end is None or day < end
    ]
    folder = tmp_path / "project"
    folder.mkdir()
    pd.DataFrame(events, columns=["account_id", "ts", "loaded_at"]).to_csv(folder / "usage.csv", index=False)
    pd.DataFrame(
        [(a, d, d, "churn") for a, d in zip(accounts, left, strict=True) if d is not None],
        columns=["account_id", "churned_on", "known_on", "kind"],
    ).to_csv(folder / "outcomes.csv", index=False)
    pd.DataFrame({"account_id": accounts, "started_on": "2022-06-01"}).to_csv(folder / "accounts.csv", index=False)
    (folder / "churnbench.toml").write_text(
        """[project]
name = "facts"
[data]
outcomes = "outcomes.csv"
accounts = "accounts.csv"
[[data.facts]]
name = "usage"
path = "usage.csv"
event_time = "ts"
known_time = "loaded_at"
[label]
data_through = 2025-06-30
[formula]
preset = "none"
[[formula.dimensions]]
id = "usage"
weight = 100
[[formula.metrics]]
id = "logins_30d"
dimension = "usage"
weight = 50
direction = "higher_is_healthier"
source = "usage"
agg = "count"
window_days = 30
[[formula.metrics]]
id = "logins_90d"
dimension = "usage"
weight = 50
direction = "higher_is_healthier"
source = "usage"
agg = "count"
window_days = 90
[calibration]
bootstrap = 5
""",
        encoding="utf-8",
    )
    evidence = _run(folder)
    assert evidence["claim_level"] == "point-in-time"
    assert evidence["contenders"]["incumbent"]["holdout"]["auc"]["value"] > 0.55


def test_without_preset_or_metrics_every_number_becomes_a_metric_with_a_proposed_direction(project: Path) -> None:
    edit(project / "churnbench.toml", "\n[calibration]", '\n[formula]\npreset = "none"\n\n[calibration]')
    evidence = _run(project)
    assert len(evidence["weights"]["dimensions"]) == 1
    hand = [entry["hand"] for entry in evidence["weights"]["metrics"]]
    assert max(hand) - min(hand) < 0.1
    assert any("proposed" in warning for warning in evidence["warnings"])


def test_checking_writes_nothing(project: Path) -> None:
    before = sorted(path.name for path in project.parent.rglob("*"))
    cohort, findings = check_project(load_project(project), seed=0)
    assert len(cohort.labelled()) > 0
    assert findings
    assert sorted(path.name for path in project.parent.rglob("*")) == before
    assert isinstance(load_project(project).formula, FormulaSpec)
