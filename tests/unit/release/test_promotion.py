from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path

import pytest
from formula_worlds import sealed, small_body
from release_worlds import NOW, REASON, WHO, FakeRegistry, candidate, moved_body, released, run_folder, three_releases

from churnbench.domain.errors import InputError
from churnbench.export import read_document, write_document
from churnbench.release import Surroundings, active, history, new_key, promote, read_signing_key, read_trusted_keys
from churnbench.release.keys import TRUSTED_KEYS_VARIABLE
from churnbench.release.versions import level_of_change
from churnbench_scorer import load

AROUND = Surroundings(now=NOW, patience=0.2)


def assert_refused(needle: str, path: Path, models: Path, **options: object) -> None:
    with pytest.raises(InputError, match=needle):
        promote(path, models, **{**WHO, **options}, surroundings=AROUND)  # type: ignore[arg-type]
    assert not list(models.glob("core/current"))


def test_a_promoted_config_is_active_with_its_approval_and_the_same_body_and_golden_vectors(tmp_path: Path) -> None:
    source = candidate()
    made = released(tmp_path / "models", tmp_path / "run", decision="Approved", conditions=["look again in June"])
    document, pointer = active(tmp_path / "models", "core")
    assert document == made.document == read_document(made.path)
    assert (document["body"], document["golden"]) == (source["body"], source["golden"])
    assert document["integrity"]["sha256"] != source["integrity"]["sha256"]
    assert document["provenance"]["approvals"] == [
        {**WHO, "at": "2026-03-02T09:30:00Z", "body_sha256": source["integrity"]["body_sha256"]}
    ]
    assert (pointer.sequence, pointer.version, pointer.since, pointer.by) == (
        2,
        "1.1.0",
        "2026-03-02T09:30:00Z",
        "Ada Byron",
    )
    assert pointer.file == f"2-1.1.0-{document['integrity']['sha256'][:12]}.json"
    assert document["lifecycle"]["review_by"] == "2026-06-30"
    assert document["inputs"][0]["label"] == "Logins, last 30 days"
    assert load(made.path, now="2026-03-03").warnings == ()
    (entry,) = history.decisions(tmp_path / "models" / "core")
    wanted = {
        "event": "promote",
        **WHO,
        "decision": "Approved",
        "conditions": ["look again in June"],
        "override": None,
        "previous_sequence": None,
        "body_sha256": pointer.body_sha256,
        "state": "activated",
        "verdict": "promote",
    }
    assert {key: entry[key] for key in wanted} == wanted


def test_versions_follow_what_changes_for_a_consumer(tmp_path: Path) -> None:
    renamed, further = moved_body(1), moved_body(1)
    renamed["bands"][0][0] = "crimson"
    further["metrics"][0]["input"] = "logins_7d"
    cut_off = moved_body(1) | {"bands": [["red", 0], ["yellow", 5500], ["green", 8000]]}
    steps = [
        (moved_body(0), "1.1.0", "first"),
        (moved_body(0), "1.1.1", "patch"),
        (moved_body(1), "1.2.0", "minor"),
        (cut_off, "1.3.0", "minor"),
        (renamed, "2.0.0", "major"),
        (further, "3.0.0", "major"),
    ]
    before = None
    for number, (body, version, level) in enumerate(steps):
        made = released(tmp_path / "models", tmp_path / str(number), candidate(body))
        assert (made.pointer.version, made.level, made.pointer.sequence) == (version, level, number + 2)
        assert made.document["lifecycle"]["supersedes"] == before
        before = version


def test_a_declared_input_that_changes_its_type_is_a_major_change() -> None:
    old, new = (
        candidate(inputs=[{"id": "note", "type": "number"}]),
        candidate(inputs=[{"id": "note", "type": "category"}]),
    )
    assert level_of_change(old, new) == "major"
    assert level_of_change(old, old) == "patch"


@pytest.mark.parametrize("verdict", ["keep-equivalent", "reject", "not-enough-evidence", "descriptive-only"])
def test_another_verdict_needs_a_written_reason_that_stays_in_the_config(tmp_path: Path, verdict: str) -> None:
    run = run_folder(tmp_path / "run", candidate(provenance={"verdict": verdict}))
    assert_refused(f"verdict is '{verdict}'.*write the reason", run, tmp_path / "models")
    assert_refused("write the reason", run, tmp_path / "models", override="because   ")
    made = promote(run, tmp_path / "models", **WHO, override=REASON, surroundings=AROUND)
    (warning,) = made.document["provenance"]["warnings"]
    assert warning.startswith(f"Released by Ada Byron (VP Customer Success) against its evidence: {REASON}")
    assert verdict in warning
    assert warning in made.warnings
    assert made.document["provenance"]["verdict"] == verdict  # the verdict itself is never rewritten
    assert history.decisions(tmp_path / "models" / "core")[0]["override"] == REASON


def test_the_longest_reason_is_kept_whole_and_an_override_of_nothing_is_refused(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", candidate(provenance={"verdict": "reject"}), verdict_reason="long " * 400)
    made = promote(run, tmp_path / "models", **WHO, override="x" * 1500, surroundings=AROUND)
    assert "x" * 1500 in made.document["provenance"]["warnings"][0]
    assert_refused("nothing is overridden", run_folder(tmp_path / "good"), tmp_path / "other", override=REASON)


def test_a_config_without_evidence_and_todays_formula_need_a_reason_too(tmp_path: Path) -> None:
    alone = write_document(candidate(), tmp_path / "alone" / "core.json")
    assert_refused("no evidence.json beside it", alone, tmp_path / "models")
    assert_refused("not as a candidate", run_folder(tmp_path / "run") / "incumbent.json", tmp_path / "models")
    made = promote(
        tmp_path / "run" / "incumbent.json", tmp_path / "models", **WHO, override=REASON, surroundings=AROUND
    )
    assert made.document["body"]["min_coverage"] == 4000


@pytest.mark.parametrize(("by", "role"), [("", "VP"), ("  ", "VP"), ("Ada", ""), ("Ada", " "), ("x" * 201, "VP")])
def test_a_release_without_a_person_and_a_role_is_refused(tmp_path: Path, by: str, role: str) -> None:
    assert_refused("names nobody", run_folder(tmp_path / "run"), tmp_path / "models", by=by, role=role)


def test_evidence_about_another_config_is_refused_whatever_the_reason(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    write_document(candidate(moved_body(3)), run / "config.json")
    assert_refused("about other formulas", run, tmp_path / "models", override=REASON)
    resealed = candidate()
    resealed["provenance"]["warnings"] = []
    resealed["provenance"]["horizon_days"] = 30
    write_document(sealed(resealed), run / "config.json")
    assert_refused("something outside its formula was changed", run, tmp_path / "models", override=REASON)
    for change, needle in (
        ({"mlflow_run_id": "run-2"}, "provenance.mlflow_run_id.*of two runs"),
        ({"data": {"fingerprint": "sha256:other"}}, "provenance.data_fingerprint"),
        ({"verdict": "reject"}, "provenance.verdict"),
        ({"configs": None}, "does not say which configs"),
        ({"verdict": None}, "not the evidence of a review"),
    ):
        assert_refused(needle, run_folder(tmp_path / "run", **change), tmp_path / "models")  # type: ignore[arg-type]
    (run / "evidence.json").write_text("{")
    assert_refused("evidence cannot be read", run, tmp_path / "models")


def test_an_edited_config_and_one_approved_for_another_formula_are_refused(tmp_path: Path) -> None:
    document = candidate()
    document["body"]["min_coverage"] = 1
    write_document(document, run_folder(tmp_path / "run") / "config.json")
    assert_refused("edited", tmp_path / "run", tmp_path / "models")
    approval = {**WHO, "at": "2026-01-01", "body_sha256": "0" * 64}
    stamped = candidate(provenance={"approvals": [approval]})
    assert_refused(
        "approval by Ada Byron for another formula", run_folder(tmp_path / "run", stamped), tmp_path / "models"
    )
    approval["body_sha256"] = candidate()["integrity"]["body_sha256"]
    made = released(tmp_path / "models", tmp_path / "run", candidate(provenance={"approvals": [approval]}))
    assert len(made.document["provenance"]["approvals"]) == 2


def test_an_expired_config_cannot_be_released(tmp_path: Path) -> None:
    dead = candidate(lifecycle={"created": "2026-01-01", "hard_expiry": "2026-02-01"})
    assert_refused("expired on 2026-02-01", run_folder(tmp_path / "run", dead), tmp_path / "models")


def test_a_review_against_another_formula_than_the_active_one_is_said(tmp_path: Path) -> None:
    first, second, _ = three_releases(tmp_path / "models", tmp_path)
    assert first.warnings == ()
    assert "which it was not measured against" in second.warnings[0]
    assert second.warnings[0] in second.document["provenance"]["warnings"]


def test_the_review_date_can_be_chosen(tmp_path: Path) -> None:
    made = released(tmp_path / "models", tmp_path / "run", review_by=dt.date(2026, 4, 1))
    assert made.document["lifecycle"]["review_by"] == "2026-04-01"


def test_a_signed_release_is_followed_by_signed_ones_and_read_back_with_trusted_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, made = tmp_path / "models", new_key(tmp_path / "k.pem", "Release team")
    key = read_signing_key(made.private_file)
    assert released(models, tmp_path / "a", around={"key": key}).signed_by == made.key_id
    trusted = read_trusted_keys(made.public_file)
    assert active(models, "core", trusted=trusted)[1].sequence == 2
    with pytest.raises(InputError, match="active release is signed"):
        released(models, tmp_path / "b", candidate(moved_body(1)))
    assert active(models, "core", trusted=trusted)[1].sequence == 2
    released(models, tmp_path / "b", candidate(moved_body(1)), around={"unsigned": True})
    with pytest.raises(InputError, match="not signed"):
        active(models, "core", trusted=trusted)
    monkeypatch.setenv(TRUSTED_KEYS_VARIABLE, str(made.public_file))
    with pytest.raises(InputError, match="not signed"):
        active(models, "core")  # naming trusted keys asks for signatures
    assert active(models, "core", require_signature=False)[1].sequence == 3


def test_the_alias_follows_the_pointer(tmp_path: Path) -> None:
    registry = FakeRegistry()
    three_releases(tmp_path / "models", tmp_path, around={"registry": registry})
    assert registry.aliases == {"core-weights@champion": "4"}
    assert [tags["sequence"] for tags in registry.versions] == ["2", "3", "4"]


@pytest.mark.parametrize("fault", ["opening", "registering", "pointing"])
def test_a_store_that_is_down_never_stops_a_release_and_the_next_one_mends_the_alias(
    tmp_path: Path, fault: str
) -> None:
    models, registry = tmp_path / "models", FakeRegistry()
    around = {"registry": registry}
    released(models, tmp_path / "0", around=around)
    registry.down = fault
    second = released(models, tmp_path / "1", candidate(moved_body(1)), around=around)
    assert active(models, "core")[1].sequence == second.pointer.sequence == 3
    assert any("did not follow" in warning and "next promote or rollback" in warning for warning in second.warnings)
    assert registry.aliases == {"core-weights@champion": "2"}
    assert json.loads((models / "core" / "registry.json").read_text())["sequence"] == 2
    registry.down = ""
    released(models, tmp_path / "2", candidate(moved_body(2)), around=around)
    assert registry.aliases == {"core-weights@champion": "4"}
    assert json.loads((models / "core" / "registry.json").read_text())["sequence"] == 4


def test_sources_are_left_as_they_were(tmp_path: Path) -> None:
    document = candidate()
    before = copy.deepcopy(document)
    released(tmp_path / "models", tmp_path / "run", document)
    assert document == before == read_document(tmp_path / "run" / "config.json")
    assert small_body()["dimensions"][0]["weights"][0][1] == 6000


@pytest.mark.parametrize(
    "name", ["\u200b", "\u200b\u2060", "A\u200bda", "Ada\nByron", "Ada\x00", "\x07", "\u3164", "...", "Ada\u202eByron"]
)
def test_names_and_roles_that_nobody_can_read_are_refused(name: str, tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    for option in ("by", "role"):
        assert_refused("names nobody", run, tmp_path / "models", **{option: name})


@pytest.mark.parametrize("name", ["Ada Byron", "О. Мороз", "王芳", "नेहा श\u200dर्मा", "R2-D2"])
def test_names_of_every_script_are_taken(name: str, tmp_path: Path) -> None:
    assert released(tmp_path / "models", tmp_path / "run", by=name).pointer.by == name


@pytest.mark.parametrize("day", [dt.date(2020, 1, 1), NOW.date(), NOW.date() + dt.timedelta(days=732), dt.date.max])
def test_a_review_that_is_past_or_out_of_sight_is_refused(day: dt.date, tmp_path: Path) -> None:
    assert_refused("the next review would be on", run_folder(tmp_path / "run"), tmp_path / "models", review_by=day)


def test_a_review_within_two_years_is_taken(tmp_path: Path) -> None:
    for number, days in enumerate((1, 731)):
        day = NOW.date() + dt.timedelta(days=days)
        made = released(tmp_path / str(number), tmp_path / f"run{number}", review_by=day)
        assert made.document["lifecycle"]["review_by"] == day.isoformat()


def test_a_blank_override_is_an_override_and_an_invisible_one_is_no_reason(tmp_path: Path) -> None:
    assert_refused("nothing is overridden", run_folder(tmp_path / "good"), tmp_path / "models", override=" ")
    assert_refused("nothing is overridden", run_folder(tmp_path / "good"), tmp_path / "models", override="")
    bad = run_folder(tmp_path / "bad", candidate(provenance={"verdict": "reject"}))
    for text in ("", " " * 30, "\u200b" * 30):
        assert_refused("write the reason", bad, tmp_path / "models", override=text)


def test_a_named_list_without_keys_still_asks_for_signatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "models"
    released(models, tmp_path / "run")
    with pytest.raises(InputError, match="not signed"):
        active(models, "core", trusted={})
    (tmp_path / "none.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv(TRUSTED_KEYS_VARIABLE, str(tmp_path / "none.json"))
    with pytest.raises(InputError, match="not signed"):
        active(models, "core")
    monkeypatch.setenv(TRUSTED_KEYS_VARIABLE, "")
    assert active(models, "core")[1].sequence == 2
