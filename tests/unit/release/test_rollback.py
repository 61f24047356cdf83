from __future__ import annotations

import json
from pathlib import Path

import pytest
from release_worlds import NOW, WHO, FakeRegistry, candidate, moved_body, released, three_releases

from churnbench.domain.errors import InputError
from churnbench.release import Surroundings, active, history, rollback
from churnbench_scorer import ConfigRefused, load

AROUND = Surroundings(now=NOW, patience=0.2)
WHY = "Scores of resellers jumped; support saw it first."


def back(models: Path, **options: object) -> object:
    return rollback(models, "core", **{**WHO, "reason": WHY, "surroundings": AROUND, **options})  # type: ignore[arg-type]


def test_a_rollback_issues_the_old_body_under_a_higher_sequence_and_says_so(tmp_path: Path) -> None:
    models = tmp_path / "models"
    first, second, third = three_releases(models, tmp_path)
    made = rollback(models, "core", **WHO, reason=WHY, surroundings=AROUND)
    document, pointer = active(models, "core")
    assert document == made.document
    assert (document["body"], document["golden"]) == (second.document["body"], second.document["golden"])
    assert (pointer.sequence, pointer.version, made.level) == (5, "1.4.0", "minor")
    assert document["lifecycle"]["supersedes"] == third.pointer.version
    assert WHY in document["provenance"]["warnings"][-1]
    assert "sequence 3 (1.2.0)" in document["provenance"]["warnings"][-1]
    assert [entry["by"] for entry in document["provenance"]["approvals"]] == ["Ada Byron", "Ada Byron"]
    assert load(document, active_sequence=third.pointer.sequence, now="2026-03-03").sequence == 5
    with pytest.raises(ConfigRefused, match="higher sequence"):
        load(second.path, active_sequence=pointer.sequence)
    entry = history.decisions(models / "core")[-1]
    assert (entry["event"], entry["rolled_back_to"], entry["reason"], entry["previous_sequence"]) == (
        "rollback",
        3,
        WHY,
        4,
    )
    assert first.path.exists()


def test_going_back_twice_goes_further_back_and_never_forward_again(tmp_path: Path) -> None:
    models = tmp_path / "models"
    first, second, _ = three_releases(models, tmp_path)
    for wanted in (second, first):
        back(models)
        assert active(models, "core")[0]["body"] == wanted.document["body"]
    with pytest.raises(InputError, match="no earlier release with another formula"):
        back(models)


def test_a_release_of_the_same_body_is_skipped_on_the_way_back(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for step, weights in enumerate((0, 1, 1)):
        released(models, tmp_path / str(step), candidate(moved_body(weights)))
    back(models)
    assert active(models, "core")[0]["body"] == moved_body(0)


def test_one_can_go_back_to_any_sequence_with_the_version_that_fits(tmp_path: Path) -> None:
    models = tmp_path / "models"
    three_releases(models, tmp_path)
    assert back(models, to=4).level == "patch"  # type: ignore[attr-defined]
    renamed = moved_body(0)
    renamed["bands"][0][0] = "crimson"
    released(models, tmp_path / "renamed", candidate(renamed))
    made = back(models, to=2)
    assert (made.level, made.pointer.version) == ("major", "3.0.0")  # type: ignore[attr-defined]


def test_what_cannot_be_gone_back_to_is_refused_and_nothing_moves(tmp_path: Path) -> None:
    models = tmp_path / "models"
    _, second, third = three_releases(models, tmp_path)
    for options, needle in (
        ({"to": 9}, "no release has sequence 9; there are: 2, 3, 4"),
        ({"reason": "  "}, "needs a reason"),
        ({"by": ""}, "names nobody"),
        ({"role": " "}, "names nobody"),
    ):
        with pytest.raises(InputError, match=needle):
            back(models, **options)
    text = second.path.read_text("utf-8")
    second.path.write_text(text.replace('"min_coverage": 5000', '"min_coverage": 5001'))
    with pytest.raises(InputError, match="edited or damaged"):
        back(models)
    second.path.write_text((models / "core" / third.pointer.file).read_text("utf-8"))
    with pytest.raises(InputError, match="not the release that its name says"):
        back(models)
    assert active(models, "core")[1].sequence == 4
    with pytest.raises(InputError, match="nothing was ever released"):
        rollback(models, "other", **WHO, reason=WHY)
    with pytest.raises(InputError, match="not a config id"):
        rollback(models, "../core", **WHO, reason=WHY)


def test_an_expired_release_is_not_revived(tmp_path: Path) -> None:
    models = tmp_path / "models"
    life = {"created": "2026-02-01", "hard_expiry": "2026-03-10"}
    released(models, tmp_path / "0", candidate(moved_body(0), lifecycle=life))
    released(models, tmp_path / "1", candidate(moved_body(1)))
    later = Surroundings(now=NOW.replace(day=20), patience=0.2)
    with pytest.raises(InputError, match="expired on 2026-03-10"):
        back(models, surroundings=later)
    assert active(models, "core")[1].sequence == 3


@pytest.mark.parametrize("damage", ["file", "pointer", "gone"])
def test_a_damaged_release_or_pointer_does_not_keep_anybody_from_going_back(tmp_path: Path, damage: str) -> None:
    models = tmp_path / "models"
    _, second, third = three_releases(models, tmp_path)
    if damage == "file":
        third.path.write_text("{}")
    elif damage == "gone":
        third.path.unlink()
    else:
        (models / "core" / "current").write_text("{")
    with pytest.raises(InputError):
        active(models, "core")
    made = back(models, to=3)
    assert made.pointer.sequence == 5  # type: ignore[attr-defined]
    assert active(models, "core")[0]["body"] == second.document["body"]


def test_the_alias_goes_back_too_and_is_mended_by_a_rollback(tmp_path: Path) -> None:
    models, registry = tmp_path / "models", FakeRegistry()
    three_releases(models, tmp_path, around={"registry": registry})
    registry.down = "pointing"
    around = Surroundings(now=NOW, registry=registry, patience=0.2)
    assert "did not follow" in back(models, surroundings=around).warnings[-1]  # type: ignore[attr-defined]
    registry.down = ""
    back(models, surroundings=around)
    assert registry.aliases == {"core-weights@champion": "6"}
    assert json.loads((models / "core" / "registry.json").read_text())["sequence"] == 6
