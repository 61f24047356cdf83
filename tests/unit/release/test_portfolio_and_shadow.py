from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from formula_worlds import FULL_ROW, assemble, knots_of, random_body, random_row, small_body
from hypothesis import given, settings
from hypothesis import strategies as st
from release_worlds import candidate, moved_body

from churnbench.domain.errors import InputError
from churnbench.export import score_file, write_document
from churnbench.export import tables as tables_module
from churnbench.formula import validate_body
from churnbench.release import diff, diff_file, shadow
from churnbench.release.portfolio import AFTERWARDS
from churnbench_scorer import INSUFFICIENT, load


def frame(rows: list[dict], arr: list[float | None] | None = None) -> pd.DataFrame:
    made = pd.DataFrame([{**FULL_ROW, **row} for row in rows])
    made.insert(0, "account_id", [f"A{number}" for number in range(len(rows))])
    return made if arr is None else made.assign(arr=arr)


BOOK = frame(
    [
        {"logins_30d": 0},
        {"logins_30d": 20},
        {"logins_30d": None, "plan": None, "active_seats": None, "has_sponsor": None},
        {},
    ],
    [100.0, 2500.0, None, 400.0],
)


def test_the_matrix_the_shift_and_the_arr_are_those_of_the_scorer_row_by_row() -> None:
    a, b = candidate(moved_body(0)), candidate(moved_body(30))
    found = diff(a, b, BOOK).portfolio
    assert found is not None
    rows = (
        BOOK.drop(columns=["account_id", "arr"])
        .astype(object)
        .where(BOOK.drop(columns=["account_id", "arr"]).notna(), None)
    )
    scores = [[load(one, now="2026-03-01").score(row) for row in rows.to_dict("records")] for one in (a, b)]
    wanted: dict[tuple[str, str], int] = {}
    for old, new in zip(*scores, strict=True):
        wanted[old.band, new.band] = wanted.get((old.band, new.band), 0) + 1
    assert {(flow.before, flow.after): flow.accounts for flow in found.flows} == wanted
    shifts = [
        (new.health_score_x100 - old.health_score_x100) / 100
        for old, new in zip(*scores, strict=True)
        if old.health_score_x100 is not None and new.health_score_x100 is not None
    ]
    assert found.shift["mean"] == pytest.approx(np.mean(shifts))
    assert (found.shift["least"], found.shift["most"]) == (min(shifts), max(shifts))
    assert found.accounts == 4
    assert found.changed == sum(shift != 0 for shift in shifts)
    assert found.coverage["before"] == pytest.approx(np.mean([score.coverage_bp for score in scores[0]]) / 100)
    assert found.without_arr == 1


def test_reasons_of_a_mover_add_up_to_its_shift_with_ramp_caps_and_map() -> None:
    body = moved_body(40)
    body["caps"] = []
    rows = frame([{"logins_30d": 20, "active_seats": 0, "open_sev1": 2}, {}], [1.0, 2.0])
    found = diff(candidate(moved_body(0)), candidate(body), rows).portfolio
    assert found is not None
    (mover, *_) = found.movers
    assert mover.account_id == "A0"
    assert sum(points for _, points in mover.reasons) == pytest.approx(
        mover.score_after - mover.score_before, abs=0.011
    )
    capped = frame([{"logins_30d": 20, "active_seats": 40, "open_sev1": 2}])
    found = diff(candidate(moved_body(0)), candidate({**moved_body(0), "caps": []}), capped).portfolio
    assert found is not None
    assert found.movers[0].reasons == ((AFTERWARDS, 27.5),)  # 86.5 by the weights, held at 59 by the cap
    assert found.arr is None


def test_arr_to_lower_and_higher_bands_and_to_no_score_is_kept_apart() -> None:
    a, b = moved_body(0), moved_body(0)
    b["bands"] = [["red", 0], ["yellow", 5000], ["green", 6800]]
    up = diff(candidate(a), candidate(b), BOOK).portfolio
    down = diff(candidate(b), candidate(a), BOOK).portfolio
    assert up is not None
    assert down is not None
    assert up.arr is not None
    assert down.arr is not None
    assert up.arr["higher"] == down.arr["lower"] > 0
    assert up.arr["lower"] == up.arr["lost"] == up.arr["gained"] == 0
    strict = {**moved_body(0), "min_coverage": 10000}
    partial = frame([{"plan": None}, {}], [70.0, 30.0])
    lost = diff(candidate(a), candidate(strict), partial).portfolio
    assert lost is not None
    assert lost.arr == {"lower": 0.0, "higher": 0.0, "lost": 70.0, "gained": 0.0}
    assert lost.changed == 1
    assert [(flow.before, flow.after) for flow in lost.flows if flow.after == INSUFFICIENT] == [("green", INSUFFICIENT)]


def test_unknown_arr_is_not_zero() -> None:
    found = diff(candidate(), candidate(moved_body(5)), frame([{}, {}], [None, None])).portfolio
    assert found is not None
    assert [flow.arr for flow in found.flows] == [None]
    assert found.without_arr == 2
    assert (
        "2 accounts have no known ARR"
        in diff(candidate(), candidate(moved_body(5)), frame([{}, {}], [None, None])).text()
    )


def test_the_text_fits_eighty_columns_also_with_long_names_and_many_bands() -> None:
    body = moved_body(3)
    body["bands"] = [[f"band number {k} with a long name", k * 1000] for k in range(8)]
    rows = BOOK.assign(account_id=["x" * 200, "=1+1", "a\x1b[31mb", "Größe"])
    text = diff(candidate(), candidate(body), rows).text()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text


def test_a_portfolio_without_the_columns_that_are_read_is_refused() -> None:
    with pytest.raises(InputError, match="no column logins_30d"):
        diff(candidate(), candidate(), BOOK.drop(columns="logins_30d"))
    with pytest.raises(InputError, match="no column account_id"):
        diff(candidate(), candidate(), BOOK.drop(columns="account_id"))
    allowed = diff(candidate(), candidate(), BOOK.drop(columns="logins_30d"), allow_missing=True).portfolio
    assert allowed is not None
    assert allowed.changed == 0
    textual = small_body()
    textual["metrics"][0] = {**textual["metrics"][3], "id": "logins", "input": "logins_30d"}
    with pytest.raises(InputError, match="reads 'logins_30d' as number, the other as category"):
        diff(candidate(), candidate(textual), BOOK)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_the_shadow_file_holds_what_score_writes_for_each_config(tmp_path: Path, suffix: str) -> None:
    a, b = candidate(moved_body(0)), candidate(moved_body(30), config_version="1.2.0")
    rows = BOOK.assign(as_of="2026-02-28", account_id=["=HYPER()", "A1", "A2", "A3"])
    rows.to_parquet(tmp_path / "in.parquet")
    out = tmp_path / f"both{suffix}"
    found = shadow(a, b, tmp_path / "in.parquet", out, now="2026-03-01")
    read = pd.read_parquet if suffix == ".parquet" else pd.read_csv
    both = read(out)
    for side, document in (("champion", a), ("challenger", b)):
        path = write_document(document, tmp_path / f"{side}.json")
        score_file(path, tmp_path / "in.parquet", tmp_path / f"one{suffix}", now="2026-03-01")
        one = read(tmp_path / f"one{suffix}")
        columns = [name for name in one if name not in ("account_id", "as_of")]
        pd.testing.assert_frame_equal(
            both[[f"{side}_{name}" for name in columns]].set_axis(columns, axis=1), one[columns]
        )
        assert list(both["account_id"]) == list(one["account_id"])
    assert both["challenger_config_version"].unique().tolist() == ["1.2.0"]
    assert both["champion_body_sha256"].unique().tolist() == [a["integrity"]["body_sha256"]]
    assert both["account_id"][0] == ("'=HYPER()" if suffix != ".parquet" else "=HYPER()")
    assert found.summary == diff(a, b, rows).portfolio == diff_file(a, b, tmp_path / "in.parquet").portfolio


def test_batches_add_up_to_the_same_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    rows = frame(
        [{"logins_30d": float(x)} for x in rng.uniform(-2, 25, 500)], [float(x) for x in rng.uniform(1, 9, 500)]
    )
    rows.to_parquet(tmp_path / "in.parquet", row_group_size=50)
    a, b = candidate(moved_body(0)), candidate(moved_body(20))
    whole = shadow(a, b, tmp_path / "in.parquet", tmp_path / "whole.csv", now="2026-03-01", movers=7)
    monkeypatch.setattr(tables_module, "BATCH_ROWS", 50)
    parts = shadow(a, b, tmp_path / "in.parquet", tmp_path / "parts.csv", now="2026-03-01", movers=7)
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "parts.csv").read_bytes()
    assert parts.summary.movers == whole.summary.movers
    assert parts.summary.shift == whole.summary.shift
    for one, other in zip(parts.summary.flows, whole.summary.flows, strict=True):
        assert (one.before, one.after, one.accounts) == (other.before, other.after, other.accounts)
        assert one.arr == pytest.approx(other.arr)
    shifts = [abs(mover.score_after - mover.score_before) for mover in whole.summary.movers]
    assert len(shifts) == 7
    assert shifts == sorted(shifts, reverse=True)


def test_an_empty_input_gives_an_empty_file_with_its_header(tmp_path: Path) -> None:
    BOOK.head(0).to_csv(tmp_path / "in.csv", index=False)
    found = shadow(candidate(), candidate(), tmp_path / "in.csv", tmp_path / "out.csv", now="2026-03-01")
    assert found.summary.accounts == 0
    assert found.summary.shift == {}
    assert list(pd.read_csv(tmp_path / "out.csv"))[:2] == ["account_id", "champion_health_score_x100"]
    assert json.dumps(found.summary.as_dict(), allow_nan=False)


def test_shadow_refuses_what_score_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    BOOK.to_csv(tmp_path / "in.csv", index=False)
    before = (tmp_path / "in.csv").read_bytes()
    with pytest.raises(InputError, match="replace their own inputs"):
        shadow(candidate(), candidate(), tmp_path / "in.csv", tmp_path / "in.csv")
    with pytest.raises(InputError, match="unknown kind of file"):
        shadow(candidate(), candidate(), tmp_path / "in.csv", tmp_path / "out.xlsx")
    BOOK.drop(columns="account_id").to_csv(tmp_path / "anonymous.csv", index=False)
    with pytest.raises(InputError, match="no column account_id"):
        shadow(candidate(), candidate(), tmp_path / "anonymous.csv", tmp_path / "out.csv")
    BOOK.drop(columns=["plan", "segment"]).to_csv(tmp_path / "narrow.csv", index=False)
    with pytest.raises(InputError, match="no column plan, which one of the two formulas reads"):
        shadow(candidate(), candidate(), tmp_path / "narrow.csv", tmp_path / "out.csv")
    found = shadow(candidate(), candidate(), tmp_path / "narrow.csv", tmp_path / "out.csv", allow_missing=True)
    assert found.warnings == (
        "Column plan is absent and counts as missing in every row.",
        "Column segment is absent and counts as missing in every row.",
    )
    (tmp_path / "out.csv").unlink()
    BOOK.astype({"logins_30d": object}).assign(logins_30d="many").to_csv(tmp_path / "text.csv", index=False)
    with pytest.raises(InputError, match="'many' is not a number"):
        shadow(candidate(), candidate(), tmp_path / "text.csv", tmp_path / "out.csv")
    dead = candidate(lifecycle={"created": "2026-01-01", "hard_expiry": "2026-02-01"})
    with pytest.raises(InputError, match="expired"):
        shadow(dead, candidate(), tmp_path / "in.csv", tmp_path / "out.csv")
    assert diff_file(dead, candidate(), tmp_path / "in.csv").portfolio is not None
    assert not (tmp_path / "out.csv").exists()
    assert (tmp_path / "in.csv").read_bytes() == before


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**9))
def test_flows_and_shifts_count_every_row_once_for_any_two_formulas(seed: int) -> None:
    rng = Random(seed)
    bodies = [random_body(rng), random_body(rng)]
    kinds = {name: kind for body in bodies for name, kind in validate_body(body).items()}
    rows = [random_row(rng, kinds, knots_of(bodies[0])) for _ in range(40)]
    table = pd.DataFrame(rows, columns=list(kinds)).assign(account_id=range(40))
    for name, kind in kinds.items():
        if kind != "category":
            table[name] = pd.to_numeric(table[name].map(lambda x: None if isinstance(x, int) and abs(x) > 1e300 else x))
    documents = [assemble(body) for body in bodies]
    first, second = (validate_body(body) for body in bodies)
    textual = [{name for name, kind in each.items() if kind == "category"} for each in (first, second)]
    if any((name in textual[0]) != (name in textual[1]) for name in {*first} & {*second}):
        with pytest.raises(InputError, match="the other as"):
            diff(*documents, table, allow_missing=True)
        return
    found = diff(*documents, table, allow_missing=True).portfolio
    assert found is not None
    assert sum(flow.accounts for flow in found.flows) == found.accounts == 40
