from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from release_worlds import NOW, candidate, moved_body, released

from churnbench.domain.errors import InputError
from churnbench.domain.markdown import code, escaped
from churnbench.export import DIALECTS, read_kit, verify_kit, write_document
from churnbench.release import bundle as bundle_module
from churnbench.release import new_key, read_signing_key, read_trusted_keys, write_bundle
from churnbench.release.bundle_readme import bundle_readme
from churnbench.release.model_card import model_card

NASTY = (
    "<script>alert(1)</script> | [click](http://x.example) `rm` **bold**\n# heading ![i](//x) www.x.example a@b.example"
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_document(candidate(), tmp_path / "core.json")


def snippets(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)\n```", text, re.DOTALL)


def run(code_text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Python without this project: whatever the bundle holds must be enough."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-S", "-c", code_text]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_the_bundle_holds_everything_and_its_python_lines_run_without_this_project(
    config: Path, tmp_path: Path
) -> None:
    folder = write_bundle(config, tmp_path / "bundle", now="2026-03-01")
    manifest = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert set(manifest["files"]) | {"MANIFEST.json"} == there
    for name, entry in manifest["files"].items():
        data = (folder / name).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (entry["sha256"], entry["bytes"])
    assert {"config.json", "schema.json", "golden.jsonl", "README.md", "MODEL_CARD.md"} <= there
    assert {f"sql/{dialect}.sql" for dialect in DIALECTS} <= there
    assert (folder / "config.json").read_bytes() == config.read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o755
    score, check = snippets((folder / "README.md").read_text("utf-8"), "python")
    vector = json.loads((folder / "golden.jsonl").read_text("utf-8").splitlines()[0])["out"]
    done = run(score, folder)
    assert done.stdout.startswith(f"{vector['score']} {vector['band']} {vector['coverage']}"), done.stderr
    assert run(check, folder).stdout.strip() == candidate()["integrity"]["body_sha256"]
    (folder / "golden.jsonl").write_text("")
    assert "AssertionError: golden.jsonl" in run(check, folder).stderr


def test_the_readme_marks_the_dialects_that_the_tests_do_not_execute(config: Path, tmp_path: Path) -> None:
    text = (write_bundle(config, tmp_path / "bundle", now="2026-03-01") / "README.md").read_text("utf-8")
    marked = {line.split(".sql")[0].rpartition("/")[2] for line in text.splitlines() if "not executed by" in line}
    assert marked == {"databricks", "snowflake", "bigquery", "redshift"}
    assert "- sql/spark.sql\n" in text


def test_the_same_config_gives_the_same_bytes(config: Path, tmp_path: Path) -> None:
    folders = [write_bundle(config, tmp_path / name, now="2026-03-01") for name in ("a", "b")]
    names = sorted(path.relative_to(folders[0]) for path in folders[0].rglob("*") if path.is_file())
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in names)


def test_a_filled_folder_is_refused_an_empty_one_used_and_a_failure_leaves_nothing(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for name in ("full", "file"):
        with pytest.raises(InputError, match="not empty"):
            write_bundle(config, tmp_path / name, now="2026-03-01")
    (tmp_path / "empty").mkdir()
    assert (write_bundle(config, tmp_path / "empty", now="2026-03-01") / "README.md").exists()
    before = sorted(path.name for path in tmp_path.iterdir())

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_bundle(config, tmp_path / "new", now="2026-03-01")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    with pytest.raises(InputError, match="cannot be made"):
        write_bundle(config, tmp_path / "file" / "new", now="2026-03-01")


def test_a_folder_that_fills_up_meanwhile_is_not_overwritten(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle"

    def somebody_else(*values: object, **options: object) -> dict[str, bytes]:
        target.mkdir()
        (target / "mine.txt").write_text("precious")
        return {"README.md": b"x"}

    monkeypatch.setattr(bundle_module, "bundle_files", somebody_else)
    with pytest.raises(InputError, match="not empty"):
        write_bundle(config, target, now="2026-03-01")
    assert [path.name for path in target.iterdir()] == ["mine.txt"]


def test_a_signature_goes_along_when_there_is_one_and_is_checked_when_keys_are_trusted(tmp_path: Path) -> None:
    made, other = new_key(tmp_path / "k.pem", "Team"), new_key(tmp_path / "o.pem", "Other")
    key = read_signing_key(made.private_file)
    path = released(tmp_path / "models", tmp_path / "run", around={"key": key}).path
    trusted = read_trusted_keys(made.public_file)
    folder = write_bundle(path, tmp_path / "bundle", trusted=trusted, now="2026-03-03")
    assert json.loads((folder / "config.sig.json").read_text())["key_id"] == made.key_id
    assert made.key_id in (folder / "README.md").read_text("utf-8")
    with pytest.raises(InputError, match="is not known"):
        write_bundle(path, tmp_path / "b2", trusted=read_trusted_keys(other.public_file), now="2026-03-03")
    assert not (tmp_path / "b2").exists()
    unsigned = write_bundle(write_document(candidate(), tmp_path / "c.json"), tmp_path / "b3", now="2026-03-01")
    assert "This bundle is not signed" in (unsigned / "README.md").read_text("utf-8")
    assert not (unsigned / "config.sig.json").exists()


def test_an_edited_or_expired_config_gives_no_bundle(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text("utf-8").replace('"min_coverage": 5000', '"min_coverage": 5001'))
    with pytest.raises(InputError, match="edited"):
        write_bundle(config, tmp_path / "bundle")
    dead = candidate(lifecycle={"created": "2026-01-01", "hard_expiry": "2026-02-01"})
    with pytest.raises(InputError, match="expired"):
        write_bundle(write_document(dead, tmp_path / "dead.json"), tmp_path / "bundle")


def test_text_of_people_reads_as_it_was_written_and_does_nothing_in_markdown() -> None:
    body = moved_body()
    body["metrics"][0]["id"] = "logins"
    document = candidate(
        body,
        inputs=[{"id": "logins_30d", "unit": NASTY, "label": NASTY}],
        provenance={
            "warnings": [NASTY],
            "verdict": "<b>",
            "mlflow_run_id": NASTY,
            "approvals": [
                {"by": NASTY, "role": NASTY, "at": "2026-01-01", "body_sha256": candidate()["integrity"]["body_sha256"]}
            ],
        },
        extra={"release": {"conditions": [NASTY]}},
    )
    card = model_card(document)
    readme = bundle_readme(
        document,
        dialects=["duckdb"],
        not_emitted={"x": NASTY},
        table_name=NASTY,
        signed_by=NASTY,
        contact=NASTY,
    )
    for text in (card, readme):
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for danger in ("<script", "<b>", "](http", "://", "**bold**", "`rm`", "\n# heading", "![", "www.x", "a@b"):
            assert danger not in prose, danger
        for table in re.findall(r"(?:^\|.*\n)+", prose, re.MULTILINE):
            bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(bars) == 1, table
    assert escaped("- item") == "\\- item"
    assert escaped("1. item") == "1\\. item"
    assert escaped("89.77 points") == "89\\.77 points"
    assert escaped("a\x00\x1b\nb") == "a?? b"
    assert code("nps_30d") == "`nps_30d`"
    assert code("a`b") == "a\\`b"


def test_the_model_card_claims_only_what_the_provenance_carries() -> None:
    card = model_card(candidate())
    assert "| `auc` | 0.81 | 0.78 to 0.84 | 900 | 96 | all |" in card
    assert "| `calibration_slope` | not available | not available | 900 | 96 | all |" in card
    assert "14 to 104 days ahead" in card
    assert "Nobody has approved" in card
    assert "| `renewal` | 20 | 68.0 % | 50.0 % | 78.0 % |" in card
    bare = {"train_window": [], "gap_days": None, "horizon_days": None, "metrics": [], "verdict": None}
    body = {key: value for key, value in moved_body().items() if key != "risk_curve"}
    card = model_card(candidate(body, provenance={**bare, "data_fingerprint": None, "mlflow_run_id": None}))
    for words in (
        "No verdict is recorded",
        "No measures are recorded, so none are claimed",
        "nothing is claimed about prediction ahead of time",
        "There is no risk curve",
        "rank accounts by how healthy they look",
    ):
        assert words in card
    assert "days ahead" not in card
    described = model_card(candidate(provenance={"verdict": "descriptive-only"}))
    assert "It says nothing about predicting ahead of time" in described


def test_a_released_config_names_its_approver_and_conditions(tmp_path: Path) -> None:
    made = released(tmp_path / "models", tmp_path / "run", conditions=["weekly looks"])
    card = model_card(made.document)
    assert "| Ada Byron | VP Customer Success | 2026\\-03-02T09:30:00Z |" in card
    assert "- weekly looks" in card
    assert f"{NOW:%Y}" in card


def test_a_dialect_that_cannot_hold_the_formula_is_named_with_the_reason(tmp_path: Path) -> None:
    body = moved_body()
    body["metrics"][2]["input"] = "LOGINS_30D"
    path = write_document(candidate(body), tmp_path / "core.json")
    folder = write_bundle(path, tmp_path / "bundle", now="2026-03-01", contact="Data team, room 4")
    assert not (folder / "sql").exists()
    text = (folder / "README.md").read_text("utf-8")
    assert "- duckdb: not emitted" in text
    assert "differ only in case" in text
    assert "- Data team, room 4" in text


@pytest.mark.skipif(shutil.which("node") is None, reason="install Node 18 or later (e.g. apt-get install nodejs)")
def test_the_javascript_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    document = candidate()
    folder = write_bundle(write_document(document, tmp_path / "core.json"), tmp_path / "bundle", now="2026-03-01")
    (lines,) = snippets((folder / "README.md").read_text("utf-8"), "javascript")
    (folder / "try.mjs").write_text(lines, encoding="utf-8")
    said = subprocess.run(["node", "try.mjs"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert f"health_score_x100: {document['golden'][0]['out']['score']}" in said


def test_the_kit_of_the_bundle_is_answered_by_the_scorer_in_it(tmp_path: Path) -> None:
    folder = write_bundle(write_document(candidate(), tmp_path / "core.json"), tmp_path / "bundle", now="2026-03-01")
    kit = read_kit(folder / "conformance.jsonl")
    assert len(kit.cases) > 50
    assert verify_kit(kit, ["python"])[0].ok
