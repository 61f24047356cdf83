"""What the scorer promises as a package: standard library only, quick to import, its own wheel, Python 3.9."""

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import churnbench_scorer
from churnbench.export.conformance import Broken, differences, read_kit

SOURCE = Path(churnbench_scorer.__file__).parent
PROJECT = Path(__file__).parents[3] / "packaging" / "scorer"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_loads_neither_json_nor_hashlib_nor_typing() -> None:
    found = run(
        "import sys; before = set(sys.modules); import churnbench_scorer; print(*sorted(set(sys.modules) - before))"
    ).split()
    assert found == ["churnbench_scorer"]


def test_every_module_parses_as_python_39_and_imports_the_standard_library_alone() -> None:
    for path in SOURCE.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names, (path.name, name)


READER = """
import json, sys
import churnbench_scorer
from churnbench_scorer.golden import everything

scorers = {}
for line in sys.stdin:
    entry = json.loads(line)
    if "document" in entry:
        scorers[entry["config"]] = churnbench_scorer.load(json.dumps(entry["document"]))
    else:
        print(json.dumps(everything(scorers[entry["config"]].score(entry["in"], extra="ignore"))))
"""


def _runs(python: str | None) -> bool:
    return python is not None and not subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode


def test_every_python_at_hand_gives_every_result_of_the_conformance_kit() -> None:
    others = [shutil.which(f"python{version}") for version in ("3.9", "3.10", "3.12", "3.13", "3.14")]
    for python in [sys.executable, *(other for other in others if other and _runs(other))]:
        assert broken_in(python) == [], python


def broken_in(python: str) -> list[Broken]:
    """Cases of the kit that another Python answers differently."""
    kit = read_kit(Path(__file__).parents[3] / "models" / "conformance-1.0.jsonl")
    lines = [{"config": name, "document": document} for name, document in kit.documents.items()]
    lines += [{"config": case.config, "in": dict(case.inputs)} for case in kit.cases]
    done = subprocess.run(
        [python, "-c", READER],
        input="\n".join(json.dumps(line) for line in lines),
        env={**os.environ, "PYTHONPATH": str(SOURCE.parent)},
        text=True,
        capture_output=True,
        check=True,
    )
    answers = dict(enumerate(map(json.loads, done.stdout.splitlines()), start=1))
    assert len(answers) == len(kit.cases)
    return differences(kit, answers)


def test_no_module_evaluates_text_or_unpickles() -> None:
    for path in SOURCE.glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        assert not names & {"eval", "exec", "compile", "__import__"}, path.name
        assert "pickle" not in path.read_text()


def test_the_wheel_holds_the_scorer_and_its_schema_and_needs_nothing(tmp_path: Path) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")
    built = list(wheel.WheelBuilder(str(PROJECT)).build(directory=str(tmp_path)))
    with zipfile.ZipFile(built[0]) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert {"churnbench_scorer/__init__.py", "churnbench_scorer/schema.json", "churnbench_scorer/py.typed"} <= set(
        names
    )
    assert not [name for name in names if name.startswith("churnbench/")]
    assert "Requires-Dist" not in metadata
    assert "Requires-Python: >=3.9" in metadata
