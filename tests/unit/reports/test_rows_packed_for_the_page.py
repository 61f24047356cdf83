"""What goes into the page of the holdout: every double, or a sample that stands for all."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnbench.domain.errors import InputError
from churnbench.reports import Scenario
from churnbench.reports.interactive.packing import packed
from churnbench.reports.interactive.payload import html_safe, what_if_data
from churnbench.reports.interactive.sampling import LEAST_PER_SEGMENT, account_sample
from churnbench.reports.interactive.script import PARTS, checked, page_script, part_text, script_hash

DOCUMENT = {"inputs": [{"id": "logins", "type": "number"}, {"id": "plan", "type": "category"}], "body": {}}


def book(accounts: int = 400, snapshots: int = 3) -> pd.DataFrame:
    """Rows sorted by account and date, one account in ten churned, two segments of unequal size."""
    random = np.random.default_rng(4)
    rows = accounts * snapshots
    account = np.repeat(np.arange(accounts), snapshots)
    return pd.DataFrame(
        {
            "account_id": [f"A{number:05d}" for number in account],
            "as_of": np.tile(pd.date_range("2025-01-31", periods=snapshots, freq="ME"), accounts),
            "y": ((account % 10 == 0) & (np.arange(rows) % snapshots == 0)).astype(float),
            "arr": np.where(account % 7 == 0, np.nan, 1000.0 * account),
            "segment": np.where(account % 5 == 0, "SMB", "Enterprise"),
            "logins": np.where(random.random(rows) < 0.1, np.nan, random.integers(0, 40, rows)),
            "noise": random.normal(size=rows),
            "plan": np.where(random.random(rows) < 0.2, None, "gold"),
        }
    )


def opened(text: str) -> tuple[dict[str, Any], bytes]:
    """Header and arrays of a packed block."""
    block = zlib.decompress(base64.b64decode(text))
    (length,) = struct.unpack_from("<I", block)
    return json.loads(block[4 : 4 + length]), block[4 + length :]


def doubles(body: bytes, spec: dict[str, Any]) -> np.ndarray:
    planes = np.frombuffer(body, dtype=np.uint8, count=8 * spec["rows"], offset=spec["at"])
    return np.ascontiguousarray(planes.reshape(8, -1).T).view("<f8").ravel()


def codes(body: bytes, spec: dict[str, Any]) -> np.ndarray:
    planes = np.frombuffer(body, dtype=np.uint8, count=spec["width"] * spec["rows"], offset=spec["at"])
    return sum(plane.astype(np.int64) << (8 * byte) for byte, plane in enumerate(planes.reshape(spec["width"], -1)))


def test_every_double_survives_to_its_last_bit() -> None:
    rows = book()
    rows.loc[0, "noise"] = np.nextafter(0.0, 1.0)
    header, body = opened(packed(rows, {"logins": "number", "noise": "number", "plan": "category"}))
    assert "doubles" in header["inputs"]["noise"]
    assert doubles(body, header["inputs"]["noise"]["doubles"]).tobytes() == rows["noise"].to_numpy().tobytes()
    spec = header["inputs"]["logins"]
    table = np.concatenate([[np.nan], doubles(body, spec["values"])])
    assert np.array_equal(table[codes(body, spec["codes"])], rows["logins"], equal_nan=True)
    spec = header["inputs"]["plan"]
    assert [[None, *spec["words"]][code] for code in codes(body, spec["codes"])] == rows["plan"].astype(object).where(
        rows["plan"].notna(), None
    ).tolist()
    assert header["weights"] is None
    assert codes(body, header["counts"]).tolist() == [3] * 400


def test_more_than_255_distinct_values_take_two_bytes_and_inputs_without_a_column_are_left_out() -> None:
    rows = book().assign(many=np.arange(1200) % 300 * 1.0)
    header, body = opened(packed(rows, {"many": "number", "nowhere": "number"}))
    assert set(header["inputs"]) == {"many"}
    spec = header["inputs"]["many"]["codes"]
    assert spec["width"] == 2
    assert codes(body, spec).tolist() == (np.arange(1200) % 300 + 1).tolist()


def test_a_sample_keeps_every_churner_and_counts_for_everyone() -> None:
    rows = book(2000)
    drawn, weights = account_sample(rows, 0.2)
    accounts = drawn.groupby("account_id", sort=False).agg(churned=("y", "max"), segment=("segment", "last"))
    assert len(weights) == len(accounts)
    assert set(rows.loc[rows["y"] == 1, "account_id"]) <= set(accounts.index)
    assert (weights[accounts["churned"] == 1] == 1).all()
    whole = rows.groupby("account_id").agg(segment=("segment", "last"))["segment"].value_counts()
    for segment, size in whole.items():
        assert weights[(accounts["segment"] == segment).to_numpy()].sum() == pytest.approx(size)
    assert (drawn.groupby("account_id").size() == 3).all()
    again = account_sample(rows, 0.2)
    pd.testing.assert_frame_equal(drawn, again[0])


def test_a_small_segment_keeps_its_accounts() -> None:
    rows = book(100)
    drawn, weights = account_sample(rows, 0.01)
    stayed = drawn.groupby("account_id").agg(y=("y", "max"), segment=("segment", "last"))
    assert (stayed[stayed["y"] == 0]["segment"] == "Enterprise").sum() == LEAST_PER_SEGMENT
    assert set(weights) == {1.0, 80 / LEAST_PER_SEGMENT}


def test_rows_that_do_not_fit_are_sampled_until_they_do() -> None:
    rows = book(60_000, 2).assign(other=np.random.default_rng(1).normal(size=120_000))
    inputs = [{"id": name, "type": "number"} for name in ("noise", "other")]
    document = {"inputs": inputs, "body": {}}
    scenario = Scenario(rows, {"candidate": document, "incumbent": document}, 5)
    text = what_if_data({}, scenario, taken=100_000, page=1_000_000)
    assert len(text) <= 900_000
    data = json.loads(text)
    assert data["sample"]["of_accounts"] == 60_000
    assert data["sample"]["accounts"] < 60_000
    assert data["sample"]["accounts"] == len(opened(data["packed"])[0]["accounts"])
    assert data["largest"] == 60_000


def test_the_day_until_which_outcomes_are_seen_ends_the_last_window() -> None:
    scenario = Scenario(book(), {"candidate": DOCUMENT, "incumbent": DOCUMENT}, 5)
    evidence = {"label": {"gap_days": 14, "horizon_days": 90}}
    assert json.loads(what_if_data(evidence, scenario))["seen_until"] == "2025-07-13"
    assert json.loads(what_if_data({}, scenario))["seen_until"] is None


def test_json_inside_html_cannot_leave_its_element() -> None:
    text = html_safe({"a": "</script><!--&\u2028\u2029"})
    assert not {"<", ">", "&", "\u2028", "\u2029"} & set(text)
    assert json.loads(text) == {"a": "</script><!--&\u2028\u2029"}


def test_the_script_holds_all_parts_once_and_nothing_that_loads() -> None:
    whole, small = page_script(what_if=True), page_script(what_if=False)
    assert "import " not in small
    for part in PARTS:
        assert part_text(part).splitlines()[0] in whole
    for word in (
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
        "XMLHttpRequest",
        "new Function",
    ):
        assert word not in whole
    assert 'from "./' not in whole.split("Written by churnbench")[1]
    assert script_hash("") == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"


@pytest.mark.parametrize("source", ["'</script>'", "'</SCRIPT '", "'<!-- '", "'<script'"])
def test_a_script_that_would_end_its_element_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="ends a script element"):
        checked(source)


def test_rows_without_a_key_column_and_unknown_documents_are_refused() -> None:
    with pytest.raises(InputError, match="no column 'segment'"):
        Scenario(book().drop(columns="segment"), {"candidate": DOCUMENT, "incumbent": DOCUMENT}, 5)
    with pytest.raises(InputError, match="'incumbent' is absent"):
        Scenario(book(), {"candidate": DOCUMENT}, 5)
