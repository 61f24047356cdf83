import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from broken_documents import BODY_FAULTS, COVER_FAULTS, TEXT_FAULTS, Change, huge_knots
from formula_worlds import FULL_ROW, assemble, sealed, small_body

import churnbench_scorer
from churnbench_scorer import ConfigRefused, load
from churnbench_scorer.rules import check_body


def refusal(document: Any, **options: Any) -> ConfigRefused:
    with pytest.raises(ConfigRefused) as caught:
        load(document, **options)
    return caught.value


def test_a_good_document_loads_from_a_mapping_text_bytes_and_a_path(document: dict, tmp_path: Path) -> None:
    text = json.dumps(document)
    path = tmp_path / "core.json"
    path.write_text(text)
    for source in (document, text, "  \n" + text, text.encode(), str(path), path):
        scorer = load(source)
        assert scorer.score(FULL_ROW).health_score_x100 == 6900
        assert (scorer.config_id, scorer.config_version, scorer.sequence) == ("core", "2.1.0", 7)
        assert scorer.body_sha256 == document["integrity"]["body_sha256"]
        assert scorer.warnings == ()
        assert scorer.inputs["plan"] == "category"
        assert scorer.bands == (("red", 0), ("yellow", 6000), ("green", 8000))


def test_a_refusal_says_where_what_arrived_what_was_expected_and_what_to_do(document: dict) -> None:
    document["body"]["min_coverage"] = 4000
    error = refusal(document)
    assert error.where == "config.integrity.body_sha256"
    assert "edited" in error.arrived
    assert error.expected.startswith(document["integrity"]["body_sha256"][:12])
    assert error.fix
    for part in (error.where, error.arrived, error.expected, error.fix):
        assert part in str(error)


def test_an_edit_outside_the_body_is_found_by_the_hash_of_the_document(document: dict) -> None:
    document["provenance"]["gap_days"] = 15
    assert refusal(document).where == "config.integrity.sha256"


@pytest.mark.parametrize(
    ("text", "needle"),
    TEXT_FAULTS,
)
def test_json_that_two_readers_could_read_differently_is_refused(text: str | bytes, needle: str) -> None:
    assert needle in str(refusal(text))


def test_a_json_array_in_a_file_and_an_unreadable_path_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[]")
    assert "JSON list" in str(refusal(path))
    assert "Check the path" in str(refusal(tmp_path / "nowhere.json"))
    assert "cannot be read" in str(refusal("\x00"))
    assert "cannot be read" in str(refusal(None))


@pytest.mark.parametrize(
    ("changes", "needle"),
    COVER_FAULTS,
)
def test_covers_that_do_not_fit_are_refused_even_with_fresh_hashes(document: dict, changes: dict, needle: str) -> None:
    document.update(changes)
    assert needle in str(refusal(sealed(document)))


def test_an_input_the_body_reads_must_be_declared_with_a_fitting_type(document: dict) -> None:
    without = copy.deepcopy(document)
    without["inputs"] = [entry for entry in without["inputs"] if entry["id"] != "plan"]
    assert "'plan' not declared" in str(refusal(sealed(without)))
    wrong = copy.deepcopy(document)
    wrong["inputs"][0]["type"] = "category"
    assert "number or boolean" in str(refusal(sealed(wrong)))
    further = copy.deepcopy(document)
    further["inputs"].append({"id": "csm_notes", "type": "category", "unit": None, "label": "Notes"})
    assert load(sealed(further)).score({**FULL_ROW, "csm_notes": "x"}).health_score_x100 == 6900


def test_an_older_sequence_than_the_active_one_is_refused(document: dict) -> None:
    assert "higher sequence" in str(refusal(document, active_sequence=8))
    assert load(document, active_sequence=7).sequence == 7


@pytest.mark.parametrize(
    ("now", "expired"),
    [
        ("2026-03-30", False),
        ("2026-03-30T23:59:59Z", False),
        ("2026-03-31", True),
        ("2026-03-31T01:00:00+02:00", False),
        (dt.date(2026, 4, 1), True),
        (dt.datetime(2026, 3, 30, tzinfo=dt.UTC), False),
    ],
)
def test_a_config_expires_with_the_first_instant_of_its_last_date(document: dict, now: object, expired: bool) -> None:
    document["lifecycle"] = {"created": "2026-01-01", "hard_expiry": "2026-03-31"}
    document = sealed(document)
    if expired:
        assert "expired on 2026-03-31" in str(refusal(document, now=now))
    else:
        assert load(document, now=now).warnings == ()


def test_without_a_stated_moment_the_clock_decides(document: dict) -> None:
    document["lifecycle"] = {"created": "2020-01-01", "hard_expiry": "2020-02-01"}
    assert "expired" in str(refusal(sealed(document)))


def test_an_overdue_review_warns_and_does_not_refuse(document: dict) -> None:
    document["lifecycle"] = {"created": "2026-01-01", "review_by": "2026-06-30T12:00:00Z"}
    document = sealed(document)
    assert load(document, now="2026-06-30T11:59:59Z").warnings == ()
    assert "due for review" in load(document, now="2026-07-01").warnings[0]


@pytest.mark.parametrize("moment", ["2026-13-01", "2026-02-30"])
def test_a_date_that_does_not_exist_is_refused(document: dict, moment: str) -> None:
    document["lifecycle"] = {"created": "2026-01-01", "hard_expiry": moment}
    assert "a date like" in str(refusal(sealed(document)))


def test_golden_vectors_that_do_not_reproduce_are_refused(document: dict) -> None:
    for name, value in (
        ("score", 6901),
        ("band", "green"),
        ("coverage", 9999),
        ("raw", 1),
        ("churn_probability", 0),
    ):
        changed = copy.deepcopy(document)
        changed["golden"][0]["out"][name] = value
        error = refusal(sealed(changed))
        assert error.where == "golden[0]"
        assert name in error.arrived


def test_golden_vectors_with_undeclared_or_mistyped_inputs_are_refused(document: dict) -> None:
    for name, value in (("nobody", 1), ("logins_30d", "many"), ("plan", 3)):
        changed = copy.deepcopy(document)
        changed["golden"][1]["in"][name] = value
        assert refusal(sealed(changed)).where == "golden[1]"


@pytest.mark.parametrize(("change", "needle"), BODY_FAULTS, ids=[needle for _, needle in BODY_FAULTS])
def test_bodies_that_break_a_rule_are_refused_even_with_fresh_hashes(
    document: dict, change: Change, needle: str
) -> None:
    body = copy.deepcopy(small_body())
    change(body)
    assert needle in str(refusal(sealed({**document, "body": body})))


def test_slopes_are_judged_in_doubles_however_the_knots_are_written() -> None:
    body = small_body()
    huge_knots(100 / 16384)(body)
    document = assemble(body)
    assert load(json.dumps(document)).sequence == 7
    assert load(json.dumps(document).replace("100000000000000020000", "1.0000000000000002e20")).sequence == 7


def test_an_integer_beyond_every_double_is_refused_and_not_an_overflow() -> None:
    body = small_body()
    body["metrics"][0]["rule"]["slopes"] = [5, 10**400]
    with pytest.raises(ConfigRefused, match="a number from any to any"):
        check_body(body)


def test_numbers_that_json_reads_as_infinite_are_refused(document: dict) -> None:
    text = json.dumps(document).replace('"slopes": [5, 5]', '"slopes": [5, 1e999]')
    assert "slopes" in str(refusal(text))


def test_one_unknown_name_of_the_package_is_an_attribute_error_and_submodules_do_not_hide_functions() -> None:
    with pytest.raises(AttributeError, match="nothing_here"):
        churnbench_scorer.nothing_here  # noqa: B018 - the access is the test
    assert callable(churnbench_scorer.canonical)
    assert callable(churnbench_scorer.load)
    assert {name for name in churnbench_scorer.__all__ if getattr(churnbench_scorer, name) is None} == set()


def test_whole_numbers_written_with_a_fraction_are_whole_numbers(document: dict) -> None:
    text = json.dumps(document).replace("6000", "6000.0").replace('"sequence": 7', '"sequence": 7.0')
    assert load(text).score(FULL_ROW).health_score_x100 == 6900


def test_a_body_without_optional_parts_loads() -> None:
    body = small_body()
    for name in ("ramp", "caps", "display_map", "risk_curve", "triggers"):
        del body[name]
    document = assemble(body)
    assert load(document).score({**FULL_ROW, "open_sev1": 3}, extra="ignore").health_score_x100 == 6900


@pytest.mark.parametrize("levels", [70, 450, 100_000])
def test_nesting_that_could_exhaust_a_reader_is_refused(levels: int) -> None:
    text = json.dumps({**assemble(small_body()), "extra": {"note": "HERE"}}).replace(
        '"HERE"', "[" * levels + "]" * levels
    )
    with pytest.raises(ConfigRefused):
        load(text)
