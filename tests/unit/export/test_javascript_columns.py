"""Many accounts at once equal one after the other; other weights equal a document with these weights."""

import copy
from pathlib import Path
from random import Random
from typing import Any

import pytest
from formula_worlds import FULL_ROW, assemble, bp_split, knots_of, random_body, random_row, small_body
from javascript_runs import answer

import churnbench_scorer
from churnbench.export.node_engine import _encoded
from churnbench.export.vectors import Probes
from churnbench.formula import validate_body
from churnbench_scorer.golden import everything

pytestmark = pytest.mark.usefixtures("node")


def worlds(seeds: range, count: int = 60) -> list[dict[str, Any]]:
    """Documents with rows as the module decodes them, and what Python makes of those."""
    found = []
    for seed in seeds:
        rng = Random(seed)
        body = random_body(rng)
        kinds = validate_body(body)
        rows = [random_row(rng, kinds, knots_of(body)) for _ in range(count)]
        rows += [Probes(body, kinds).random(rng) for _ in range(count)]
        document = assemble(body)
        scorer = churnbench_scorer.load(document)
        wanted = [everything(scorer.score(row)) for row in rows]
        found.append({"document": document, "rows": [_encoded(row, kinds) for row in rows], "wanted": wanted})
    return found


COLUMNS = """
  /** Columns of rows; numbers as Float64Array where `typed`, else as they came. */
  function columnsOf(scorer, rows, typed) {
    const columns = {};
    const decoded = rows.map((row) => cb.decode(row, scorer.inputs));
    for (const [name, kind] of scorer.inputs) {
      const values = decoded.map((row) => row.get(name));
      const asDouble = (value) => (value === undefined || value === null ? NaN : Number(value));
      columns[name] = kind === "category" || !typed ? values : Float64Array.from(values, asDouble);
    }
    return columns;
  }
  /** Per row what `everything` says of the four outputs and the reading. */
  function rowsOf(found) {
    return Array.from({ length: found.count }, (_, row) => ({
      score: found.score[row] < 0 ? null : found.score[row],
      reading: found.bands[found.reading[row]],
      band: found.bands[found.band[row]],
      coverage: found.coverage[row],
      churn_probability: Number.isNaN(found.probability[row]) ? null : withoutMinusZero(found.probability[row]),
    }));
  }
"""


def shared_part(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: row[name] for name in ("score", "reading", "band", "coverage", "churn_probability")} for row in wanted
    ]


def test_columns_give_what_rows_give_on_random_formulas(tmp_path: Path) -> None:
    cases = worlds(range(200, 240))
    found = answer(
        tmp_path,
        COLUMNS
        + """
        return given.map(({ document, rows }) => {
          const scorer = cb.load(document);
          return [true, false].map((typed) => {
            const columns = columnsOf(scorer, rows, typed);
            const prepared = scorer.prepareColumns(new Map(Object.entries(columns)), rows.length);
            scorer.scoreColumns(prepared);
            const twice = rowsOf(scorer.scoreColumns(prepared));
            const once = rowsOf(scorer.scoreColumns(columns, rows.length));
            return JSON.stringify(once) === JSON.stringify(twice) ? once : "prepared columns differ";
          });
        });
        """,
        [{"document": case["document"], "rows": case["rows"]} for case in cases],
    )
    for case, (typed, plain) in zip(cases, found, strict=True):
        assert typed == shared_part(case["wanted"])
        assert plain == typed


def test_other_weights_and_bands_equal_a_document_that_has_them(tmp_path: Path) -> None:
    cases = worlds(range(300, 320), 30)
    for place, case in enumerate(cases):
        rng, body = Random(place), copy.deepcopy(case["document"]["body"])
        order = [dimension["id"] for dimension in body["dimensions"]]
        case["dimensions"] = [list(pair) for pair in zip(order, bp_split(rng, len(order)), strict=True)]
        case["bands"] = [["red", 0], ["green", rng.randint(1, 5000)], ["gold", rng.randint(5001, 10000)]]
        body["segments"]["default"], body["bands"] = case["dimensions"], case["bands"]
        case["changed"] = assemble(body)
    found = answer(
        tmp_path,
        COLUMNS
        + """
        return given.map(({ document, rows, dimensions, bands, changed }) => {
          const loaded = cb.load(document);
          const before = JSON.stringify(loaded.scoreColumns(columnsOf(loaded, rows, true), rows.length));
          const prepared = loaded.prepareColumns(columnsOf(loaded, rows, true), rows.length);
          const half = cb.withWeights(loaded, { dimensions: [...dimensions].reverse() });
          const scorers = [cb.load(changed), cb.withWeights(half, { bands })];
          const decoded = rows.map((row) => cb.decode(row, loaded.inputs));
          const scored = scorers.map((scorer) => decoded.map((row) => cb.everything(scorer.score(row))));
          return {
            equal: JSON.stringify(scored[0]) === JSON.stringify(scored[1]),
            columns: JSON.stringify(rowsOf(scorers[1].scoreColumns(prepared))) ===
              JSON.stringify(rowsOf(scorers[0].scoreColumns(columnsOf(loaded, rows, true), rows.length))),
            unchanged: JSON.stringify(loaded.scoreColumns(prepared)) === before,
            hashes: [loaded.body_sha256 === document.integrity.body_sha256, scorers[1].body_sha256],
            weights: scorers[1].dimensions,
            bands: scorers[1].bands,
          };
        });
        """,
        [{name: value for name, value in case.items() if name != "wanted"} for case in cases],
    )
    for case, entry in zip(cases, found, strict=True):
        assert (entry["equal"], entry["columns"], entry["unchanged"]) == (True, True, True)
        assert entry["hashes"] == [True, None]
        assert (entry["weights"], entry["bands"]) == (case["dimensions"], case["bands"])


def test_other_weights_of_a_segment_equal_a_document_with_them(tmp_path: Path) -> None:
    document = assemble(small_body())
    body = copy.deepcopy(document["body"])
    assert body["segments"]["by"]
    entry = body["segments"]["by"][0]
    entry["weights"] = [[name, 10000 if place == 0 else 0] for place, (name, _) in enumerate(entry["weights"])]
    found = answer(
        tmp_path,
        """
        const [document, changed, segment, weights, row] = given;
        const loaded = cb.load(document);
        const before = JSON.stringify(cb.everything(loaded.score(row)));
        const moved = cb.withWeights(loaded, { profiles: new Map([[segment, weights]]) });
        const unknown = attempt(() => cb.withWeights(loaded, { profiles: new Map([["nobody", weights]]) }));
        return {
          moved: cb.everything(moved.score(row)), wanted: cb.everything(cb.load(changed).score(row)),
          unchanged: JSON.stringify(cb.everything(loaded.score(row))) === before, unknown,
        };
        """,
        [document, assemble(body), entry["segment"], entry["weights"], FULL_ROW | {"segment": entry["segment"]}],
    )
    assert found["moved"] == found["wanted"]
    assert found["unchanged"]
    assert "no profile 'nobody'" in found["unknown"]["refused"]["message"]


def test_weights_and_bands_that_no_document_could_hold_are_refused(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        const scorer = cb.load(given);
        const changes = [
          { dimensions: [["usage", 7000], ["people", 3001]] },
          { dimensions: [["usage", 10000]] },
          { dimensions: [["usage", 5000], ["usage", 5000]] },
          { dimensions: [["usage", 5000.5], ["people", 4999.5]] },
          { dimensions: [["usage", -1], ["people", 10001]] },
          { dimensions: [["usage", NaN], ["people", 10000]] },
          { dimensions: "usage" },
          { bands: [["red", 1]] },
          { bands: [["red", 0], ["green", 0]] },
          { bands: [["red", 0], ["red", 1]] },
          { bands: [["insufficient-data", 0]] },
          { bands: [] },
          { bands: [["red", "0"]] },
        ];
        return changes.map((change) => attempt(() => cb.withWeights(scorer, change)));
        """,
        assemble(small_body()),
    )
    assert [entry["refused"]["name"] for entry in found] == ["ConfigRefused"] * 13
    assert found[0]["refused"]["message"].startswith("body.segments 'default': weights that sum to 10001")


def test_columns_that_do_not_fit_are_refused_with_column_and_row(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        const scorer = cb.load(given);
        const other = cb.load(given);
        const columns = [
          [{ logins_30d: [1, 2, 3] }, 2],
          [{ logins_30d: 5 }, 2],
          [{ logins_30d: "ab" }, 2],
          [{ logins_30d: [1, "2"] }, 2],
          [{ plan: ["gold", 3] }, 2],
          [{ plan: new Float64Array(2) }, 2],
          [{ surprise: [1, 2] }, 2],
          [{}, -1],
          [{}, 1.5],
          [{}, undefined],
          [null, 2],
          [scorer.prepareColumns({}, 2), 2],
        ];
        return columns.map(([values, count]) => attempt(() => other.scoreColumns(values, count)));
        """,
        assemble(small_body()),
    )
    messages = [entry["refused"]["message"] for entry in found]
    assert {entry["refused"]["name"] for entry in found} == {"InputRefused"}
    assert messages[0] == "column 'logins_30d': 3 rows; expected an array of 2 rows."
    assert messages[1] == messages[2] == "column 'logins_30d': not an array; expected an array of 2 rows."
    assert messages[3].startswith("row 1, input 'logins_30d': '2' is not a number")
    assert messages[4].startswith("row 1, input 'plan': 3 is not text")
    assert messages[5].startswith("row 0, input 'plan': 0 is not text")
    assert messages[6].startswith("unknown input 'surprise'")
    assert all(message.startswith("count ") for message in messages[7:10])
    assert "pass an object or a Map" in messages[10]
    assert "prepared for another config" in messages[11]


def test_absent_columns_are_missing_and_other_typed_arrays_are_numbers(tmp_path: Path) -> None:
    document = assemble(small_body())
    found = answer(
        tmp_path,
        COLUMNS
        + """
        const scorer = cb.load(given);
        const columns = {
          logins_30d: Int32Array.of(15, 4), active_seats: BigInt64Array.of(30n, 10n),
          bought_seats: Uint8Array.of(40, 0), has_sponsor: [true, null], surprise: [1, 2],
        };
        return rowsOf(scorer.scoreColumns(columns, 2, { extra: "ignore" }));
        """,
        document,
    )
    names = ("logins_30d", "active_seats", "bought_seats", "has_sponsor")
    rows = [{name: FULL_ROW[name] for name in names}, dict(zip(names, (4, 10, 0, None), strict=True))]
    scorer = churnbench_scorer.load(document)
    assert found == shared_part([everything(scorer.score(row)) for row in rows])
