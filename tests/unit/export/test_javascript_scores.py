"""The JavaScript module and the Python scorer give the same for every key of a score."""

import copy
import math
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from formula_worlds import FULL_ROW, assemble, knots_of, random_body, random_row, small_body
from javascript_runs import answer

import churnbench_scorer
from churnbench.domain.errors import InputError
from churnbench.export import ENGINES, build_document, kit_of, verify
from churnbench.export import node_engine as node_engine_module
from churnbench.export.node_engine import score_in_javascript
from churnbench.export.vectors import Probes
from churnbench.formula import validate_body
from churnbench_scorer.golden import everything

pytestmark = pytest.mark.usefixtures("node")


def in_python(document: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    scorer = churnbench_scorer.load(document)
    return [everything(scorer.score(row, extra="ignore")) for row in rows]


def world(seed: int, count: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rng = Random(seed)
    body = random_body(rng)
    kinds = validate_body(body)
    rows = [random_row(rng, kinds, knots_of(body)) for _ in range(count)]
    return assemble(body), rows + [Probes(body, kinds).random(rng) for _ in range(count)]


@pytest.mark.parametrize("seed", range(25))
def test_every_key_of_every_score_equals_pythons_on_random_formulas_and_rows(seed: int) -> None:
    document, rows = world(seed, 60)
    assert score_in_javascript(document, rows) == in_python(document, rows)


def test_golden_vectors_of_built_documents_are_replayed_and_every_value_that_python_takes_arrives() -> None:
    document = build_document(
        small_body(), config_id="x", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
    )
    odd = [math.nan, math.inf, -math.inf, -0.0, 10**400, -(10**5000), 2**53 + 1, True, Decimal("7.25")]
    odd += [np.float64(7.5), np.float32(0.1), np.int64(7), np.bool_(True), pd.NA, pd.NaT, None]
    rows: list[dict[str, Any]] = [{**FULL_ROW, "logins_30d": value, "open_sev1": value} for value in odd]
    rows += [{**FULL_ROW, "plan": value} for value in ("NaN", "Infinity", "\u2028", "", math.nan, None, pd.NA)]
    rows += [{**FULL_ROW, "unknown": object()}, {}]
    assert score_in_javascript(document, rows) == in_python(document, rows)
    assert score_in_javascript(document, []) == []


def test_the_engine_gives_the_outcomes_that_verify_compares() -> None:
    document = assemble(small_body())
    assert ENGINES["javascript"](document, [FULL_ROW, {}]) == ENGINES["python"](document, [FULL_ROW, {}])
    (result,) = verify(document, ["javascript"], random_rows=100)
    assert (result.ok, result.rows) == (True, len(kit_of(document).cases) + 100)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("logins_30d", "NaN"),
        ("logins_30d", "4"),
        ("logins_30d", [4]),
        ("logins_30d", object()),
        ("plan", 3),
        ("plan", True),
        ("plan", math.inf),
        ("segment", 7.5),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_as_in_python(key: str, value: object) -> None:
    document, row = assemble(small_body()), {**FULL_ROW, key: value}
    with pytest.raises(churnbench_scorer.InputRefused):
        churnbench_scorer.load(document).score(row)
    with pytest.raises(InputError, match=f"inputs number 2: input '{key}'"):
        score_in_javascript(document, [FULL_ROW, row])


def test_a_document_that_must_not_be_used_is_refused_in_the_words_of_the_scorer() -> None:
    document = assemble(small_body())
    document["body"]["min_coverage"] = 1
    with pytest.raises(InputError, match=r"config.integrity.body_sha256: .*edited"):
        score_in_javascript(document, [FULL_ROW])
    with pytest.raises(InputError, match="literal NaN"):
        score_in_javascript({**document, "sequence": math.nan}, [FULL_ROW])


def test_a_script_that_fails_otherwise_is_an_error_with_its_first_words(tmp_path: Path) -> None:
    script = tmp_path / "broken.mjs"
    script.write_text("throw new TypeError('no such thing');")
    with pytest.raises(InputError, match="TypeError: no such thing"):
        node_engine_module.run_node([str(script)])


def test_a_process_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "endless.mjs"
    script.write_text("setInterval(() => 0, 1000);")
    monkeypatch.setattr(node_engine_module, "SECONDS", 1)
    with pytest.raises(InputError, match="within 1 seconds"):
        node_engine_module.run_node([str(script)])


HOSTILE = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]


def hostile_body() -> dict[str, Any]:
    """Metrics, inputs, dimensions and category texts named like what every object inherits."""
    body = copy.deepcopy(small_body())
    first = body["metrics"][0]
    body["metrics"] = [{**first, "id": name, "input": name} for name in HOSTILE[:4]]
    body["metrics"].append(
        {
            "id": "valueOf",
            "input": "valueOf",
            "missing": "skip",
            "rule": {"kind": "category", "map": [[name, 20 * place] for place, name in enumerate(HOSTILE)]},
        }
    )
    weights = [[name, 2000] for name in HOSTILE]
    body["dimensions"] = [{"id": "__proto__", "weights": weights}]
    body["segments"] = {
        "input": "isPrototypeOf",
        "default": [["__proto__", 10000]],
        "by": [{"segment": "__proto__", "weights": [["__proto__", 10000]]}],
    }
    body["caps"] = [{"id": "__proto__", "input": "isPrototypeOf", "op": "=", "value": "toString", "max_score": 5}]
    body["bands"] = [["constructor", 0], ["toString", 5000]]
    return body


def test_names_that_every_object_inherits_are_plain_names() -> None:
    document = assemble(hostile_body())
    rng, rows = Random(5), []
    for _ in range(200):
        row: dict[str, Any] = {name: rng.choice([None, 3, 12.5, 25]) for name in HOSTILE[:4] if rng.random() < 0.7}
        row |= {name: rng.choice([*HOSTILE, None]) for name in ("valueOf", "isPrototypeOf") if rng.random() < 0.7}
        rows.append(row)
    rows.append({})
    found = score_in_javascript(document, rows)
    assert found == in_python(document, rows)
    assert found[-1]["score"] is None
    assert found[-1]["dimensions"] == {"__proto__": None}


def test_only_own_members_count_and_unknown_ones_are_refused_unless_ignored(tmp_path: Path) -> None:
    document = assemble(hostile_body())
    found = answer(
        tmp_path,
        """
        const scorer = cb.load(given);
        const own = { constructor: 20, toString: 20 };
        return [
          attempt(() => scorer.score(Object.create({ constructor: 20, toString: 20 })).coverage_bp),
          attempt(() => scorer.score({}).coverage_bp),
          attempt(() => scorer.score(own).coverage_bp),
          attempt(() => scorer.score(Object.assign(Object.create(null), own)).coverage_bp),
          attempt(() => scorer.score(new Map(Object.entries(own))).coverage_bp),
          attempt(() => scorer.score(JSON.parse('{"__proto__": 20}')).coverage_bp),
          attempt(() => scorer.score({ ...own, isFrozen: 1 })),
          attempt(() => scorer.score(new Map([["isFrozen", undefined]]))),
          attempt(() => scorer.score({ ...own, isFrozen: 1 }, { extra: "ignore" }).coverage_bp),
          attempt(() => scorer.score([20])),
          attempt(() => scorer.score(null)),
          attempt(() => scorer.score("text")),
        ];
        """,
        document,
    )
    assert [entry.get("given") for entry in found] == [0, 0, 4000, 4000, 4000, 2000, None, None, 4000, None, None, None]
    refused = [entry["refused"] for entry in found if "refused" in entry]
    assert {entry["name"] for entry in refused} == {"InputRefused"}
    assert all("unknown input 'isFrozen'" in entry["message"] for entry in refused[:2])
    assert all("pass an object or a Map" in entry["message"] for entry in refused[2:])


def test_every_way_to_say_missing_and_every_kind_of_number_reads_alike(tmp_path: Path) -> None:
    document = assemble(small_body())
    found = answer(
        tmp_path,
        """
        const scorer = cb.load(JSON.stringify(given.document));
        const score = (value) => cb.everything(scorer.score({ ...given.row, logins_30d: value }));
        const text = (value) => cb.everything(scorer.score({ ...given.row, plan: value }));
        const { logins_30d, ...rest } = given.row;
        return {
          missing: [null, undefined, NaN, Infinity, 1.5e308, 10n ** 400n].map(score),
          absent: cb.everything(scorer.score(rest)),
          one: [1, true, 1n].map(score),
          noText: [null, undefined, NaN].map(text),
          refused: ["1", [1], {}, new Date(0), Symbol.iterator, () => 1].map((value) => attempt(() => score(value))),
          refusedText: [1, false, {}, 1n].map((value) => attempt(() => text(value))),
        };
        """,
        {"document": document, "row": FULL_ROW},
    )
    (missing,) = in_python(document, [{**FULL_ROW, "logins_30d": None}])
    assert all(entry == missing for entry in [*found["missing"], found["absent"]])
    assert found["one"] == in_python(document, [{**FULL_ROW, "logins_30d": 1}]) * 3
    assert found["noText"] == in_python(document, [{**FULL_ROW, "plan": None}]) * 3
    for entry in found["refused"]:
        assert entry["refused"]["name"] == "InputRefused"
        assert "is not a number. Pass a number, or null" in entry["refused"]["message"]
    for entry in found["refusedText"]:
        assert "is not text. Pass text, or null" in entry["refused"]["message"]


def test_a_score_has_the_names_of_pythons_and_no_minus_zero(tmp_path: Path) -> None:
    documents = [world(seed, 40) for seed in range(100, 112)]
    wire = [
        {"document": document, "rows": [node_engine_module._encoded(row, kinds_of(document)) for row in rows]}
        for document, rows in documents
    ]
    found = answer(
        tmp_path,
        """
        const NAMES = ["health_score_x100", "band", "reading_band", "coverage_bp", "churn_probability", "raw_score",
          "raw_score_x100", "total_score_x100", "caps", "stale", "dimension_scores_x100", "metric_points",
          "contributions"];
        return given.map(({ document, rows }) => {
          const scorer = cb.load(document);
          return rows.map((row) => {
            const score = scorer.score(cb.decode(row, scorer.inputs));
            return withoutMinusZero(Object.fromEntries(NAMES.map((name) => [name, score[name]])));
          });
        });
        """,
        wire,
    )
    for (document, rows), scores in zip(documents, found, strict=True):
        scorer = churnbench_scorer.load(document)
        for row, entry in zip(rows, scores, strict=True):
            score = scorer.score(row)
            for name, value in entry.items():
                wanted = getattr(score, name)
                plain = (
                    [list(item) if isinstance(item, tuple) else item for item in wanted]
                    if isinstance(wanted, (list, tuple))
                    else wanted
                )
                assert value == plain, name


def kinds_of(document: dict[str, Any]) -> dict[str, str]:
    return {entry["id"]: entry["type"] for entry in document["inputs"]}
