"""The JavaScript module refuses what the Python scorer refuses, and hashes what it hashes."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from broken_documents import BODY_FAULTS, COVER_FAULTS, TEXT_FAULTS, huge_knots
from damaged_documents import full_document, mutate
from formula_worlds import assemble, sealed, small_body
from javascript_runs import answer

from churnbench_scorer import ConfigRefused, canonical, load

pytestmark = pytest.mark.usefixtures("node")

LOAD_ALL = """
  return given.map(({ text, options }) =>
    attempt(() => {
      const scorer = cb.load(Uint8Array.from(Buffer.from(text, "base64")), options);
      return { warnings: scorer.warnings, sequence: scorer.sequence };
    }),
  );
"""


def verdicts(folder: Path, texts: Sequence[str | bytes | dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    """What the module makes of each document, in one process."""
    given = [{"text": base64.b64encode(as_bytes(text)).decode(), "options": options} for text in texts]
    found: list[dict[str, Any]] = answer(folder, LOAD_ALL, given)
    return found


def as_bytes(text: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(text, dict):
        text = json.dumps(text)
    return text if isinstance(text, bytes) else text.encode()


def refusal(text: bytes, **options: Any) -> ConfigRefused:
    with pytest.raises(ConfigRefused) as caught:
        load(text, **options)
    return caught.value


def in_python(text: bytes, **options: Any) -> dict[str, Any]:
    """The scorer's own verdict in the form of the module's."""
    try:
        scorer = load(text, **options)
    except ConfigRefused as refused:
        return {"refused": {name: getattr(refused, name) for name in ("where", "arrived", "expected", "fix")}}
    return {"given": {"warnings": list(scorer.warnings), "sequence": scorer.sequence}}


def agree(mine: dict[str, Any], theirs: dict[str, Any], *names: str) -> bool:
    """Both load, or both refuse with the same words under these names."""
    if "given" in mine or "given" in theirs:
        return mine == theirs
    refused = theirs["refused"]
    return refused["name"] == "ConfigRefused" and all(refused[name] == mine["refused"][name] for name in names)


def test_text_that_two_readers_could_read_differently_is_refused(tmp_path: Path) -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    more = [*TEXT_FAULTS, ("[]", "JSON list"), ('"text"', "JSON string"), ("null", "JSON null"), ("", "not JSON")]
    more += [(deep, "nested deeper"), ('{"a": 01}', "not JSON"), ('{"a": "\t"}', "not JSON"), ('{"a": +1}', "not JSON")]
    more += [('{"a": "\\x"}', "not JSON"), ('{"a": "\\u12g4"}', "not JSON"), ('{"a": 1,}', "not JSON")]
    more += [("\ufeff{}", "not JSON"), ("{'a': 1}", "not JSON"), ('{"a" 1}', "not JSON"), ('{"a": [1 2]}', "not JSON")]
    more += [('{"\\u0061": 1, "a": 2}', "'a' twice"), ('{"__proto__": 1, "__proto__": 2}', "'__proto__' twice")]
    more += [('{"a": .5}', "not JSON"), ('{"a": 1.}', "not JSON"), ('{"a": tru}', "not JSON"), ('{"a": "x', "not JSON")]
    for (text, needle), found in zip(more, verdicts(tmp_path, [text for text, _ in more]), strict=True):
        assert needle in found["refused"]["message"], (text[:40], found)
        assert found["refused"]["name"] == "ConfigRefused"
        refusal(as_bytes(text))


def test_every_broken_document_is_refused_at_the_same_place_in_the_same_words(tmp_path: Path) -> None:
    documents, needles = [], []
    for change, needle in COVER_FAULTS:
        documents.append(sealed({**assemble(small_body()), **change}))
        needles.append(needle)
    for fault, needle in BODY_FAULTS:
        body = small_body()
        fault(body)
        documents.append(sealed({**assemble(small_body()), "body": body}))
        needles.append(needle)
    for document, needle, found in zip(documents, needles, verdicts(tmp_path, documents), strict=True):
        mine, theirs = refusal(as_bytes(document)), found["refused"]
        assert needle in theirs["message"]
        assert (theirs["where"], theirs["fix"]) == (mine.where, mine.fix)
        assert in_json_words(theirs["expected"]) == in_json_words(mine.expected)
        assert in_json_words(theirs["arrived"]) == in_json_words(mine.arrived)


def in_json_words(text: str) -> str:
    """Python's words for constants as JSON has them, and whole floats without their fraction."""
    for word, other in (("None", "null"), ("True", "true"), ("False", "false"), (".0", "")):
        text = text.replace(word, other)
    return text


def changed_documents() -> list[dict[str, Any]]:
    """Sealed documents with one fault in lifecycle, inputs, golden vectors, or hashes."""
    found = []
    for path, value in [
        (("lifecycle", "hard_expiry"), "2026-02-30"),
        (("lifecycle", "hard_expiry"), "2026-13-01"),
        (("lifecycle", "hard_expiry"), "0000-01-01"),
        (("lifecycle", "hard_expiry"), "2026-01-01T24:30:00Z"),
        (("lifecycle", "hard_expiry"), "2026-01-01T10:00:60Z"),
        (("lifecycle", "hard_expiry"), "2020-01-01"),
        (("lifecycle", "review_by"), "2020-02-31"),
        (("inputs", 0, "type"), "category"),
        (("inputs", 4, "type"), "number"),
        (("golden", 0, "out", "score"), 6901),
        (("golden", 0, "out", "band"), "green"),
        (("golden", 0, "out", "coverage"), 9999),
        (("golden", 0, "out", "raw"), 1),
        (("golden", 0, "out", "churn_probability"), 0),
        (("golden", 1, "in", "nobody"), 1),
        (("golden", 1, "in", "logins_30d"), "many"),
        (("golden", 1, "in", "plan"), 3),
        (("extra",), {"a": 1e999}),
        (("extra",), {"a": 9007199254740993}),
        (("extra",), {"a": 10**30}),
        (("extra",), {"a": -(10**400)}),
    ]:
        document = assemble(small_body())
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        try:
            found.append(sealed(document))
        except ConfigRefused:  # what cannot be hashed keeps its old hashes
            found.append(document)
    edited = assemble(small_body())
    edited["body"]["min_coverage"] = 4000
    noted = assemble(small_body())
    noted["provenance"]["gap_days"] = 15
    return [*found, edited, noted]


def test_dates_inputs_golden_vectors_and_hashes_are_checked_alike(tmp_path: Path) -> None:
    documents = changed_documents()
    for document, found in zip(documents, verdicts(tmp_path, documents), strict=True):
        mine, theirs = refusal(as_bytes(document)), found["refused"]
        assert (theirs["name"], theirs["where"], theirs["fix"]) == ("ConfigRefused", mine.where, mine.fix)


def test_half_a_surrogate_is_refused_and_whole_ones_and_odd_spellings_hash_alike(tmp_path: Path) -> None:
    def noted(note: str) -> bytes:
        document = assemble(small_body())
        document["extra"] = {"note": "NOTE", "\U0001f600": 1, "\ufb33": 2, "__proto__": {"x": 1}, "9": 0, "10": 0}
        stated = json.dumps(sealed({**document, "extra": {**document["extra"], "note": json.loads(f'"{note}"')}}))
        return stated.replace(json.dumps(json.loads(f'"{note}"')), f'"{note}"').encode()

    whole = [noted(note) for note in ("\\ud83d\\ude00", "\\u0041", "\\/", "\x7f\u2028", "ÄÖ", "\\u0000\\b\\f")]
    assert all("given" in found for found in verdicts(tmp_path, whole))
    for text in whole:
        load(text)
    half = [json.dumps({**assemble(small_body()), "extra": {"a": sign}}) for sign in ("\ud800", "\udc00x")]
    for text, found in zip(half, verdicts(tmp_path, half), strict=True):
        assert refusal(text.encode()).where == found["refused"]["where"] == "document"


@pytest.mark.parametrize(
    "now",
    [
        "2026-03-30",
        "2026-03-30T23:59:59Z",
        "2026-03-30T23:59:59.999999Z",
        "2026-03-31",
        "2026-03-31T01:00:00+02:00",
        "2026-03-30T23:00:00-02:00",
        "2026-03-31 00:00:00",
        "2026-02-29",
        "tomorrow",
        "2024-02-29T12:00:00+24:00",
    ],
)
def test_expiry_and_review_are_decided_alike_for_a_stated_moment(tmp_path: Path, now: str) -> None:
    documents = []
    for lifecycle in ({"hard_expiry": "2026-03-31"}, {"review_by": "2026-03-31T00:00:00Z"}, {}):
        document = assemble(small_body())
        document["lifecycle"] = {"created": "2026-01-01", **lifecycle}
        documents.append(sealed(document))
    for document, found in zip(documents, verdicts(tmp_path, documents, now=now), strict=True):
        mine = in_python(as_bytes(document), now=now)
        assert agree(mine, found, "where", "arrived", "fix"), (mine, found)


def test_an_older_sequence_than_the_active_one_is_refused_and_a_parsed_document_loads_too(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        const expiring = given.expiring;
        return [
          attempt(() => cb.load(given.document, { activeSequence: 8 })),
          attempt(() => cb.load(given.document, { activeSequence: 7 }).sequence),
          attempt(() => cb.load(expiring, { now: new Date("2026-03-30T12:00:00Z") }).sequence),
          attempt(() => cb.load(expiring, { now: Date.UTC(2026, 3, 1) })),
          attempt(() => cb.load(expiring, { now: new Date("no date") })),
          attempt(() => cb.load(expiring)),
          attempt(() => cb.load({ ...given.document, extra: new Date(0) })),
          attempt(() => cb.load({ ...given.document, extra: { a: 2n ** 53n + 1n } })),
          attempt(() => cb.load({ ...given.document, extra: { a: undefined } })),
          attempt(() => { const loop = {}; loop.loop = loop; cb.load(loop); }),
          attempt(() => cb.load(undefined)),
        ];
        """,
        {
            "document": assemble(small_body()),
            "expiring": sealed(
                {**assemble(small_body()), "lifecycle": {"created": "2026-01-01", "hard_expiry": "2026-03-31"}}
            ),
        },
    )
    assert [entry.get("given") for entry in found] == [None, 7, 7, *[None] * 8]
    refused = [entry["refused"] for entry in found if "refused" in entry]
    assert {entry["name"] for entry in refused} == {"ConfigRefused"}
    assert "higher sequence" in refused[0]["message"]
    assert [entry["where"] for entry in refused[1:4]] == [
        "config.lifecycle.hard_expiry",
        "now",
        "config.lifecycle.hard_expiry",
    ]


def test_random_single_byte_edits_are_refused_by_both_or_leave_the_same_document(tmp_path: Path) -> None:
    rng, base = Random(11), json.dumps(assemble(small_body()), ensure_ascii=False).encode()
    edits = [[rng.randrange(len(base)), rng.randrange(256)] for _ in range(1000)]
    edits += [[rng.randrange(len(base)), ord(rng.choice('0123456789.eE-+ {}[],:"\\\t\ntfn'))] for _ in range(1000)]
    found = answer(
        tmp_path,
        """
        const base = Uint8Array.from(Buffer.from(given.base, "base64"));
        return given.edits.map(([place, byte]) => {
          const text = base.slice();
          text[place] = byte;
          return attempt(() => {
            const { warnings, sequence } = cb.load(text);
            return { warnings, sequence };
          });
        });
        """,
        {"base": base64.b64encode(base).decode(), "edits": edits},
    )
    loaded = 0
    for (place, byte), verdict in zip(edits, found, strict=True):
        text = base[:place] + bytes([byte]) + base[place + 1 :]
        mine = in_python(text)
        assert agree(mine, verdict, "where", "fix"), (place, byte, mine, verdict)
        if "given" in mine:
            loaded += 1
            assert canonical(json.loads(text)) == canonical(json.loads(base))
    assert 0 < loaded < 500


def test_whole_numbers_written_with_a_fraction_and_minus_zero_are_whole_numbers(tmp_path: Path) -> None:
    text = json.dumps(assemble(small_body())).replace("6000", "6000.0").replace('"sequence": 7', '"sequence": 7e0')
    text = text.replace('["red", 0]', '["red", -0]').replace("[[0, 0], [10", "[[-0.0, -0], [10")
    assert "-0.0" in text
    assert load(text).sequence == 7
    assert verdicts(tmp_path, [text]) == [{"given": {"warnings": [], "sequence": 7}}]


def test_slopes_between_huge_knots_are_judged_in_doubles_as_in_python(tmp_path: Path) -> None:
    body = small_body()
    huge_knots(100 / 16384)(body)
    text = json.dumps(assemble(body))
    equal = small_body()
    equal["metrics"][0]["rule"]["points"] = [[0, 0], [1e20 + 16384, 50], [10**20 + 20_000, 100]]  # one double, twice
    texts = [text, text.replace("100000000000000020000", "1.0000000000000002e20")]
    texts.append(json.dumps(sealed({**assemble(small_body()), "body": equal})))
    mine, theirs = [in_python(text.encode()) for text in texts], verdicts(tmp_path, texts)
    assert all(agree(*pair, "where", "expected", "fix") for pair in zip(mine, theirs, strict=True)), (mine, theirs)
    assert ["given" in verdict for verdict in mine] == [True, True, False]


def test_damage_at_random_places_is_judged_alike(tmp_path: Path) -> None:
    documents = []  # sealed again after the damage, so that the schema and the rules decide and not the hash
    for seed in range(600):
        damaged = mutate(full_document() | {"lifecycle": {"created": "2026-01-01"}}, Random(seed))
        documents.append(sealed(damaged) if "body" in damaged else damaged)
    verdict = [in_python(as_bytes(document)) for document in documents]
    for mine, found in zip(verdict, verdicts(tmp_path, documents), strict=True):
        assert agree(mine, found, "where", "fix"), (mine, found)
    assert 0 < sum("given" in mine for mine in verdict) < 600
