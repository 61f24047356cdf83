"""What the scorer promises as a package: standard library only, quick to import, its own wheel, Python 3.9."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import churnbench_scorer

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
