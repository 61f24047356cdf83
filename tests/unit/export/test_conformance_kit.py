"""The kit lets a scorer prove itself, and finds the faults that people make."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from engines_here import ENGINES_HERE
from formula_worlds import assemble, random_body, small_body
from scorer_mutants import MUTANTS, load_mutant

from churnbench.domain.errors import InputError
from churnbench.export import kit_bodies, parity
from churnbench.export.conformance import (
    NEEDED,
    Broken,
    Kit,
    KitEngine,
    differences,
    kit_of,
    read_answers,
    read_kit,
    run_kit,
    standard_kit,
    write_kit,
)
from churnbench_scorer import load
from churnbench_scorer.golden import decode, everything
from churnbench_scorer.rules import KNOWN_FEATURES

PUBLISHED = Path(__file__).parents[3] / "models" / "conformance-1.0.jsonl"


@pytest.fixture(scope="module")
def kit() -> Kit:
    return standard_kit()


def reference(document: dict, rows: list) -> list:
    scorer = load(document, now="2026-01-01")
    return [everything(scorer.score(row, extra="ignore")) for row in rows]


def broken_by(kit: Kit, engine: KitEngine) -> list[Broken]:
    return differences(kit, run_kit(kit, engine))


def test_the_reference_answers_every_case_of_its_own_kit(kit: Kit) -> None:
    assert broken_by(kit, reference) == []


def test_the_configs_of_the_kit_use_every_feature_that_changes_a_score(kit: Kit) -> None:
    used = {feature for document in kit.documents.values() for feature in document["requires"]}
    assert used == KNOWN_FEATURES - {"triggers/1"}


#: Faults in what a scorer need not give.
UNNEEDED = {"dimension scores are cut off", "contributions are rounded one by one"}


def survivors(kit: Kit, folder: Path, first: int) -> tuple[set[str], set[str]]:
    """Faults that no case of a kit shows: in anything, and in what every scorer must answer."""
    anywhere, needed = set(), set()
    for number, mutant in enumerate(MUTANTS, start=first):
        answers = run_kit(kit, load_mutant(mutant, folder, number))
        if not differences(kit, answers):
            anywhere.add(mutant.fault)
        if not differences(
            kit, {case: {key: out[key] for key in NEEDED if key in out} for case, out in answers.items()}
        ):
            needed.add(mutant.fault)
    return anywhere, needed


def test_the_kit_finds_every_fault_that_people_make_by_what_every_scorer_must_answer(kit: Kit, tmp_path: Path) -> None:
    assert len({mutant.fault for mutant in MUTANTS}) == len(MUTANTS) >= 60
    assert survivors(kit, tmp_path, 200) == (set(), UNNEEDED)


def ordinary_body() -> dict:
    """A config like those of the field: a ratio in per cent, ramp, caps of every kind, `worst`, an age, segments."""
    share = {"kind": "ratio", "denominator": "bought", "multiplier": 100, "low": 0, "high": 100}
    metrics = [
        kit_bodies.metric("logins", kit_bodies.ramp(0, 100)),
        kit_bodies.metric("seats", share | kit_bodies.line((0, 10), (100, 90)), source="used"),
        kit_bodies.metric("answers", {"kind": "piecewise", **kit_bodies.line((0, 20), (10, 80))}, missing="worst"),
        kit_bodies.metric("plan", {"kind": "category", "map": [["gold", 90], ["Größe", 10]]}),
        kit_bodies.metric("late", kit_bodies.ramp(0, 50), validity={"input": "age", "days": 30, "then": "missing"}),
    ]
    parts = {"usage": [("logins", 5000), ("seats", 3000), ("answers", 2000)], "rest": [("plan", 5000), ("late", 5000)]}
    by = [{"segment": name, "weights": [["usage", 3000], ["rest", 7000]]} for name in ("smb", "Café")]
    return kit_bodies.body(
        metrics,
        parts,
        [6000, 4000],
        min_coverage=2000,
        segments={"input": "segment", "default": [["usage", 6000], ["rest", 4000]], "by": by},
        ramp={"input": "tenure", **kit_bodies.line((0, 0.5), (90, 1))},
        caps=[
            {"id": "severity", "input": "open_sev1", "op": ">=", "value": 1, "max_score": 59},
            {"id": "falling", "input": "trend", "op": "<", "value": -50, "max_score": 40},
            {"id": "notice", "input": "stage", "op": "=", "value": "gekündigt", "max_score": 10},
        ],
    )


#: Faults that the kit of any config with the feature finds by what must be answered.
FOUND_ANYWHERE = """the ramp comes after the caps; 1e308 itself is missing; the first doubles beyond 1e308 are present
a cap trims its text; a cap compares text without regard to case; a cap composes its text; a cap of < means <=
a cap of < holds at minus infinity; a cap of >= holds at infinity; a ratio is multiplied before it is divided
a ratio multiplies by a quotient; an age below zero is too old; worst is the lowest point of the curve
categories are compared without regard to case; categories lose trailing blanks; categories are composed
segments lose trailing blanks; segments are composed; segments are compared without regard to case"""


def test_the_kit_of_a_config_finds_the_faults_of_the_features_that_it_has(tmp_path: Path) -> None:
    wanted = {fault.strip() for fault in re.split("[;\n]", FOUND_ANYWHERE)}
    assert wanted <= {mutant.fault for mutant in MUTANTS}
    assert survivors(kit_of(assemble(ordinary_body())), tmp_path, 400)[1] & wanted == set()


def test_a_fault_is_reported_with_the_rule_that_it_breaks(kit: Kit, tmp_path: Path) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.fault == "a zero denominator gives 0 points")
    broken = broken_by(kit, load_mutant(mutant, tmp_path, 99))
    assert {one.config for one in broken} == {"ratio", "quotient"}
    assert any(one.rule == "denominator bought" for one in broken)
    assert "denominator bought): score" in " ".join(map(str, broken))


@pytest.mark.parametrize("seed", range(5))
def test_the_kit_of_one_config_holds_its_golden_vectors_and_is_answered_by_the_reference(seed: int) -> None:
    document = assemble(random_body(Random(seed)))
    own = kit_of(document)
    assert broken_by(own, reference) == []
    scorer = load(document)
    inputs = [case.inputs for case in own.cases]
    assert all(
        decode(vector["in"], scorer.inputs) in inputs or "NaN" in vector["in"].values() for vector in document["golden"]
    )


def test_the_published_kit_is_the_one_that_the_code_writes(kit: Kit, tmp_path: Path) -> None:
    assert write_kit(kit, tmp_path / "kit.jsonl").read_bytes() == PUBLISHED.read_bytes()


def test_a_scorer_of_another_language_needs_only_the_file(tmp_path: Path) -> None:
    """A stranger's programme: reads the lines, scores, writes answers; here with the scorer's own wheel."""
    stranger = """
import json, sys
from churnbench_scorer import load
from churnbench_scorer.golden import decode
scorers = {}
for line in open(sys.argv[1], encoding="utf-8"):
    entry = json.loads(line)
    if "document" in entry:
        scorers[entry["config"]] = load(entry["document"], now="2026-01-01")
    elif "case" in entry:
        scorer = scorers[entry["config"]]
        score = scorer.score(decode(entry["in"], scorer.inputs))
        out = {"score": score.health_score_x100, "band": score.band, "coverage": score.coverage_bp,
               "churn_probability": score.churn_probability}
        print(json.dumps({"case": entry["case"], "out": out}))
"""
    found = subprocess.run([sys.executable, "-c", stranger, str(PUBLISHED)], capture_output=True, text=True, check=True)
    answers = tmp_path / "answers.jsonl"
    answers.write_text(found.stdout, encoding="utf-8")
    assert differences(standard_kit(), read_answers(answers)) == []


def test_wrong_and_left_out_answers_are_named(kit: Kit, tmp_path: Path) -> None:
    own = kit_of(assemble(small_body()))
    lines = [{"case": number, "out": dict(case.wanted)} for number, case in enumerate(own.cases, start=1)]
    lines[2]["out"]["band"] = "purple"
    del lines[5]["out"]["coverage"]
    lines[7]["out"]["score"] = True
    del lines[-1]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    broken = differences(own, read_answers(path))
    assert [(one.case, one.key) for one in broken] == [
        (3, "band"),
        (6, "coverage"),
        (8, "score"),
        (len(own.cases), "score"),
    ]
    assert broken[0].found == "purple"
    assert broken[1].found == "nothing"


@pytest.mark.parametrize(
    "line", ["no json", "[1]", '{"case": "1", "out": {}}', '{"case": 1}', '{"case": true, "out": {}}', "[" * 100_000]
)
def test_a_line_that_is_no_answer_is_refused_with_its_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"case": 1, "out": {}}\n' + line, encoding="utf-8")
    with pytest.raises(InputError, match="no answer") as refused:
        read_answers(path)
    assert refused.value.row == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"case": 1, "out": {"score": 1}}', "case 1 is answered a second time; row 1 has it"),
        ('{"case": 8, "out": {}}', "case 8 is not in the kit, whose cases are 1 to 7"),
        ('{"case": 0, "out": {}}', "case 0 is not in the kit"),
    ],
)
def test_cases_answered_twice_and_cases_that_the_kit_has_not_are_refused(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"case": 1, "out": {}}\n' + line, encoding="utf-8")
    with pytest.raises(InputError, match=words) as refused:
        read_answers(path, cases=7)
    assert (refused.value.row, refused.value.file) == (2, str(path))


def test_a_file_of_answers_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_answers(tmp_path / "absent.jsonl")


def test_a_kit_read_from_its_file_is_the_kit(kit: Kit) -> None:
    again = read_kit(PUBLISHED)
    assert again.documents == kit.documents
    assert [repr(case) for case in again.cases] == [repr(case) for case in kit.cases]


@pytest.mark.parametrize(
    "line", ["no json", '{"kit": "other"}', '{"case": 1, "config": "absent", "rule": "", "in": {}, "out": {}}', "[]"]
)
def test_a_line_that_is_none_of_a_kit_is_refused_with_its_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / "kit.jsonl"
    path.write_text('{"kit": "churnbench-conformance", "spec_version": "1.0"}\n\n' + line, encoding="utf-8")
    with pytest.raises(InputError, match="no line of a conformance kit") as refused:
        read_kit(path)
    assert refused.value.row == 3


def test_every_engine_here_answers_the_published_kit() -> None:
    for result in parity.verify_kit(read_kit(PUBLISHED), list(ENGINES_HERE)):
        assert result.ok, result.broken[0]
