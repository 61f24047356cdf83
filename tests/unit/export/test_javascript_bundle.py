"""The module as a file, what ships beside it, and the reference consumer."""

import base64
import copy
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from formula_worlds import FULL_ROW, assemble, sealed, small_body

import churnbench_scorer
from churnbench.domain.errors import InputError
from churnbench.export import node_engine
from churnbench.export.javascript import MODULE, PARTS, javascript_bundle, javascript_source, write_javascript
from churnbench_scorer.golden import everything
from churnbench_scorer.shape import schema

PROJECT = Path(__file__).resolve().parents[3]
CONSUMER = PROJECT / "examples" / "consumers" / "javascript" / "score.mjs"


def test_the_module_is_one_file_without_imports_eval_or_network() -> None:
    code = "\n".join(
        line for line in javascript_source().splitlines() if not line.lstrip().startswith(("//", "*", "/*"))
    )
    assert not re.search(r"\bimport\b|\brequire\b|\beval\b|\bfetch\b|new Function|node:|</script", code)
    exported = set(re.findall(r"^export (?:function|const) (\w+)", code, re.MULTILINE))
    (names,) = re.findall(r"^export \{([^}]*)\};", code, re.MULTILINE)
    exported |= {name.strip() for name in names.split(",") if name.strip()}
    assert exported >= {"load", "withWeights", "ConfigRefused", "InputRefused", "everything", "SPEC_VERSION", "FORMAT"}
    assert len(re.findall(r"^export", code, re.MULTILINE)) == 6


def test_every_part_is_joined_and_the_schema_in_it_is_the_scorers() -> None:
    folder = PROJECT / "src" / "churnbench" / "export" / "javascript"
    separate = {path.name for path in folder.glob("*.mjs")} - {"example.mjs", "run-lines.mjs"}
    assert set(PARTS) == separate | {"schema.mjs"}
    (line,) = [line for line in javascript_source().splitlines() if line.startswith("const SCHEMA = ")]
    assert json.loads(line.removeprefix("const SCHEMA = ").removesuffix(";")) == schema()


def test_each_part_imports_only_parts_before_it_and_names_nothing_twice() -> None:
    folder = PROJECT / "src" / "churnbench" / "export" / "javascript"
    for place, name in enumerate(PARTS):
        if name != "schema.mjs":
            needed = re.findall(r'from "\./([a-z-]+\.mjs)";', (folder / name).read_text())
            assert set(needed) <= set(PARTS[:place]), name
    defined = re.findall(r"^(?:export )?(?:function\*?|class|const|let) (\w+)", javascript_source(), re.MULTILINE)
    assert len(defined) == len(set(defined))


def test_the_format_and_spec_are_those_of_the_scorer() -> None:
    source = javascript_source()
    assert f'FORMAT = "{churnbench_scorer.FORMAT}"' in source
    assert f'SPEC_VERSION = "{churnbench_scorer.SPEC_VERSION}"' in source
    assert f'INSUFFICIENT = "{churnbench_scorer.INSUFFICIENT}"' in source


def test_writing_the_module_replaces_it_whole(tmp_path: Path) -> None:
    target = write_javascript(tmp_path / "new")
    target.write_text("old")
    assert write_javascript(tmp_path / "new") == target == tmp_path / "new" / MODULE
    assert target.read_text(encoding="utf-8") == javascript_source()
    assert [path.name for path in target.parent.iterdir()] == [MODULE]


def test_the_wheel_holds_every_part(tmp_path: Path) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")
    (built,) = list(wheel.WheelBuilder(str(PROJECT)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(built) as archive:
        names = {Path(name).name for name in archive.namelist() if name.startswith("churnbench/export/javascript/")}
    assert names >= {*PARTS, "example.mjs", "run-lines.mjs", "README.md", "__init__.py"} - {"schema.mjs"}


def test_without_node_the_engine_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="Install Node 18 or later"):
        node_engine.score_in_javascript(assemble(small_body()), [FULL_ROW])


def run(node: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([node, *arguments], cwd=folder, capture_output=True, encoding="utf-8", timeout=120)


def bundled(folder: Path, document: dict[str, Any]) -> None:
    for name, text in javascript_bundle(document).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "score.mjs").write_text(CONSUMER.read_text(encoding="utf-8"), encoding="utf-8")


def test_a_bundle_runs_as_it_is_and_names_its_config(node: str, tmp_path: Path) -> None:
    document = assemble(small_body())
    bundled(tmp_path, document)
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "core 2.1.0" in readme
    assert document["integrity"]["body_sha256"] in readme
    assert "{CONFIG" not in readme
    done = run(node, tmp_path, "example.mjs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("core 2.1.0: 6900 hundredths, yellow\ncoverage 10000 basis points")
    (tmp_path / "config.json").write_text("{}")
    refused = run(node, tmp_path, "example.mjs")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not a churnbench config" in refused.stderr


@pytest.mark.browser
def test_the_module_scores_inside_a_page(tmp_path: Path) -> None:
    chromium = os.environ.get("CHURNBENCH_TEST_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("install Chromium (e.g. apt-get install chromium), or set CHURNBENCH_TEST_CHROMIUM")
    document = assemble(small_body())
    scored = f"everything(load({json.dumps(json.dumps(document))}).score({json.dumps(FULL_ROW)}))"
    script = f"{javascript_source()}\ndocument.title = btoa(JSON.stringify({scored}));"
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><script type="module">{script}</script>', encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([chromium, *options, page.as_uri()], capture_output=True, encoding="utf-8", timeout=120)
    (title,) = re.findall(r"<title>([^<]*)</title>", done.stdout)
    assert json.loads(base64.b64decode(title)) == everything(churnbench_scorer.load(document).score(FULL_ROW))


ACCOUNTS = [
    {"account_id": "a\u2028b", **FULL_ROW},
    {"account_id": 7, "logins_30d": None},
    {"account_id": "__proto__", **FULL_ROW, "open_sev1": 1},
    {**FULL_ROW},
]


def accounts_file(folder: Path, *lines: str) -> str:
    stated = [json.dumps(account, ensure_ascii=False) for account in ACCOUNTS]
    (folder / "accounts.jsonl").write_bytes("\n".join([*stated, *lines]).encode())
    return "accounts.jsonl"


def test_the_reference_consumer_scores_a_file_of_accounts(node: str, tmp_path: Path) -> None:
    document = assemble(small_body())
    bundled(tmp_path, document)
    done = run(node, tmp_path, "score.mjs", "config.json", accounts_file(tmp_path, "", "  ", ""))
    assert (done.returncode, done.stderr) == (0, "")
    scorer = churnbench_scorer.load(document)
    wanted = []
    for account in ACCOUNTS:
        score = scorer.score({name: value for name, value in account.items() if name != "account_id"})
        wanted.append(
            {
                "account_id": account.get("account_id"),
                "health_score_x100": score.health_score_x100,
                "band": score.band,
                "coverage_bp": score.coverage_bp,
                "churn_probability": score.churn_probability,
                "config_version": "2.1.0",
                "body_sha256": scorer.body_sha256,
            }
        )
    assert [json.loads(line) for line in done.stdout.removesuffix("\n").split("\n")] == wanted


@pytest.mark.parametrize(
    ("line", "needle"),
    [
        ("{", "line 5: "),
        ("[1]", "line 5: not an object"),
        ("null", "line 5: not an object"),
        ('{"logins_30d": NaN}', "line 5: "),
        ('{"logins_30d": "many"}', "line 5: input 'logins_30d': 'many' is not a number"),
        ('{"surprise": 1}', "line 5: unknown input 'surprise'"),
        ('{"__proto__": 1}', "line 5: unknown input '__proto__'"),
    ],
)
def test_the_reference_consumer_refuses_a_bad_line_by_its_number(
    node: str, tmp_path: Path, line: str, needle: str
) -> None:
    bundled(tmp_path, assemble(small_body()))
    done = run(node, tmp_path, "score.mjs", "config.json", accounts_file(tmp_path, line, "{}"))
    assert done.returncode == 2
    assert done.stderr.startswith("accounts.jsonl, ")
    assert needle in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout.count("\n") == len(ACCOUNTS)


def test_the_reference_consumer_refuses_bad_configs_and_files_before_it_writes(node: str, tmp_path: Path) -> None:
    document = assemble(small_body())
    bundled(tmp_path, document)
    accounts = accounts_file(tmp_path)
    edited = copy.deepcopy(document)
    edited["body"]["min_coverage"] = 1
    (tmp_path / "edited.json").write_text(json.dumps(edited))
    expired = sealed({**document, "lifecycle": {"created": "2020-01-01", "hard_expiry": "2020-02-01"}})
    (tmp_path / "expired.json").write_text(json.dumps(expired))
    for arguments, needle in [
        (("edited.json", accounts), "edited.json: config.integrity.body_sha256"),
        (("expired.json", accounts), "expired on 2020-02-01"),
        (("nowhere.json", accounts), "nowhere.json"),
        (("config.json", "nowhere.jsonl"), "nowhere.jsonl"),
        (("config.json",), "usage"),
        ((), "usage"),
    ]:
        done = run(node, tmp_path, "score.mjs", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert needle in done.stderr


def test_the_reference_consumer_warns_of_a_review_that_is_due_and_scores(node: str, tmp_path: Path) -> None:
    document = assemble(small_body())
    bundled(tmp_path, sealed({**document, "lifecycle": {"created": "2020-01-01", "review_by": "2020-02-01"}}))
    done = run(node, tmp_path, "score.mjs", "config.json", accounts_file(tmp_path))
    assert (done.returncode, done.stdout.count("\n")) == (0, len(ACCOUNTS))
    assert done.stderr == "The config was due for review on 2020-02-01.\n"
