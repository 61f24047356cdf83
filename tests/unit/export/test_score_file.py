import csv
from decimal import Decimal
from pathlib import Path
from random import Random

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from formula_worlds import FULL_ROW, assemble, sealed, small_body

from churnbench.domain.errors import InputError
from churnbench.export import score_file, score_table, write_document
from churnbench.export import tables as tables_module
from churnbench.formula import score_frame
from churnbench_scorer import load

COLUMNS = [
    "account_id", "as_of", "health_score_x100", "health_score", "band", "coverage_bp", "churn_probability",
    "usage_score", "people_score", "config_version", "body_sha256",
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_document(assemble(small_body()), tmp_path / "core.json")


def inputs(rows: int = 9) -> pd.DataFrame:
    rng = Random(4)
    return pd.DataFrame(
        [
            {
                "account_id": f"00{k}",
                "as_of": "2026-01-31",
                **FULL_ROW,
                "logins_30d": rng.choice([None, rng.uniform(-2, 22)]),
                "plan": rng.choice([None, "gold", "free", "other"]),
                "days_to_renewal": rng.choice([None, 10, 500]),
                "ignored": "x",
            }
            for k in range(rows)
        ]
    )


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pa.parquet.read_table(path).to_pandas()
    return pd.read_csv(path, dtype={"account_id": str})


@pytest.mark.parametrize("source", ["in.csv", "in.csv.gz", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.csv.gz", "deep/out.parquet"])
def test_files_of_every_kind_are_scored_as_the_frame_is(config: Path, tmp_path: Path, source: str, target: str) -> None:
    frame = inputs()
    result = score_file(config, write(frame, tmp_path / source), tmp_path / target)
    found, wanted = read(tmp_path / target), score_frame(small_body(), frame)
    assert list(found.columns) == COLUMNS
    assert found["account_id"].tolist() == frame["account_id"].tolist()
    assert found["as_of"].astype(str).tolist() == frame["as_of"].tolist()
    for name in ("health_score_x100", "coverage_bp", "churn_probability", "usage_score", "people_score"):
        pd.testing.assert_series_equal(
            found[name].astype("float64"), wanted[name].astype("float64"), check_names=False, rtol=0, atol=0
        )
    assert found["band"].tolist() == wanted["band"].tolist()
    assert (found["health_score"] * 100).round().dropna().tolist() == wanted["health_score_x100"].dropna().tolist()
    assert set(found["config_version"]) == {"2.1.0"}
    assert set(found["body_sha256"]) == {load(config).body_sha256}
    assert (result.rows, sum(result.bands.values()), result.warnings) == (9, 9, ())


def test_many_small_batches_give_the_same_file_as_one(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(inputs(50), tmp_path / "in.parquet")
    score_file(config, source, tmp_path / "one.csv")
    monkeypatch.setattr(tables_module, "BATCH_ROWS", 7)
    score_file(config, source, tmp_path / "many.csv")
    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_cells_that_a_spreadsheet_would_run_are_neutralised_in_csv_only(config: Path, tmp_path: Path) -> None:
    frame = inputs(7)
    names = ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", 'plain, "quoted"']
    frame["account_id"] = names
    source = write(frame, tmp_path / "in.parquet")
    score_file(config, source, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        found = [row["account_id"] for row in csv.DictReader(stream)]
    assert found == ["'" + name for name in names[:6]] + names[6:]
    score_file(config, source, tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")["account_id"].tolist() == names


def test_account_numbers_keep_their_leading_zeros_and_numeric_ids_their_type(config: Path, tmp_path: Path) -> None:
    score_file(config, write(inputs(), tmp_path / "in.csv"), tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")["account_id"][0] == "000"
    frame = inputs().assign(account_id=range(-4, 5))
    score_file(config, write(frame, tmp_path / "in.parquet"), tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["account_id"].tolist() == list(range(-4, 5))


@pytest.mark.parametrize("batch", [2, 1000])
def test_text_in_a_numeric_column_names_file_row_column_and_value(
    config: Path, tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_module, "BATCH_ROWS", batch)
    frame = inputs().astype({"logins_30d": object})
    frame.loc[5, "logins_30d"] = "n/a"
    source = write(frame, tmp_path / "in.csv")
    with pytest.raises(InputError, match="'n/a' is not a number") as caught:
        score_file(config, source, tmp_path / "out.csv")
    # row 7 of the file: a header and five rows come before it
    assert (caught.value.file, caught.value.row, caught.value.column) == (str(source), 7, "logins_30d")
    assert not (tmp_path / "out.csv").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["core.json", "in.csv"]


def test_a_text_column_of_a_parquet_file_is_read_as_numbers_where_it_can_be(config: Path, tmp_path: Path) -> None:
    frame = inputs(3).assign(logins_30d=["15", " 4 ", None])
    score_file(config, write(frame, tmp_path / "in.parquet"), tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")["coverage_bp"][2] < 10000
    frame = inputs(3).assign(logins_30d=["15", "many", None])
    with pytest.raises(InputError, match="'many'") as caught:
        score_file(config, write(frame, tmp_path / "in.parquet"), tmp_path / "out.parquet")
    assert caught.value.row == 2


def test_a_date_where_a_number_belongs_is_refused(config: Path, tmp_path: Path) -> None:
    frame = inputs(3).assign(logins_30d=pd.to_datetime(["2026-01-01"] * 3))
    with pytest.raises(InputError, match="TIMESTAMP") as caught:
        score_file(config, write(frame, tmp_path / "in.parquet"), tmp_path / "out.csv")
    assert caught.value.column == "logins_30d"


@pytest.mark.parametrize("words", [("yes", "no"), ("TRUE", "false"), ("t", "f"), (" Y ", "n"), ("1", "0")])
def test_words_for_true_and_false_are_understood_in_boolean_columns(
    config: Path, tmp_path: Path, words: tuple[str, str]
) -> None:
    frame = inputs(2).assign(has_sponsor=list(words), plan="free", logins_30d=15.0)
    score_file(config, write(frame, tmp_path / "in.csv"), tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")["people_score"].tolist() == [55.0, 15.0]


def test_true_and_false_are_numbers_too_but_yes_is_not(config: Path, tmp_path: Path) -> None:
    frame = inputs(2).assign(open_sev1=["true", "False"], plan="gold", logins_30d=20.0)
    score_file(config, write(frame, tmp_path / "in.csv"), tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")["health_score_x100"].tolist()[0] == 5900
    with pytest.raises(InputError, match="'yes'"):
        score_file(config, write(frame.assign(open_sev1="yes"), tmp_path / "in.csv"), tmp_path / "out.csv")


def test_absent_metric_columns_are_named_unless_allowed(config: Path, tmp_path: Path) -> None:
    source = write(inputs().drop(columns=["logins_30d", "bought_seats"]), tmp_path / "in.csv")
    with pytest.raises(InputError, match="logins_30d, bought_seats"):
        score_file(config, source, tmp_path / "out.csv")
    result = score_file(config, source, tmp_path / "out.csv", allow_missing=True)
    assert [warning.split()[1] for warning in result.warnings] == ["logins_30d", "bought_seats"]
    bare = write(inputs()[["account_id"]], tmp_path / "bare.csv")
    found = score_file(config, bare, tmp_path / "bare_out.csv", allow_missing=True)
    assert found.bands == {"insufficient-data": 9}


def test_absent_segment_cap_and_stratum_columns_are_a_warning(config: Path, tmp_path: Path) -> None:
    source = write(inputs().drop(columns=["segment", "open_sev1", "days_to_renewal", "as_of"]), tmp_path / "in.csv")
    result = score_file(config, source, tmp_path / "out.csv")
    assert len(result.warnings) == 3
    assert result.warnings[0] == "Column segment is absent and counts as missing in every row."
    assert "as_of" not in read(tmp_path / "out.csv").columns


def test_a_file_without_rows_gives_a_header_with_the_same_columns(config: Path, tmp_path: Path) -> None:
    for name in ("in.csv", "in.parquet"):
        source = write(inputs().iloc[:0], tmp_path / name)
        assert score_file(config, source, tmp_path / "out.csv").rows == 0
        assert list(read(tmp_path / "out.csv").columns) == COLUMNS


@pytest.mark.parametrize(
    ("source", "target", "needle"),
    [
        ("in.xlsx", "out.csv", "unknown kind of file"),
        ("in.csv", "out.xlsx", "unknown kind of file"),
        ("nowhere.csv", "out.csv", "cannot be read"),
        ("broken.parquet", "out.csv", "cannot be read"),
    ],
)
def test_files_that_cannot_be_used_are_input_errors(
    config: Path, tmp_path: Path, source: str, target: str, needle: str
) -> None:
    write(inputs(), tmp_path / "in.csv")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=needle):
        score_file(config, tmp_path / source, tmp_path / target)


def test_a_file_without_account_ids_is_refused(config: Path, tmp_path: Path) -> None:
    source = write(inputs().rename(columns={"account_id": "id"}), tmp_path / "in.csv")
    with pytest.raises(InputError, match="no column account_id") as caught:
        score_file(config, source, tmp_path / "out.csv")
    assert caught.value.column == "account_id"


def test_a_quote_in_the_path_is_part_of_the_path(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "o'brien"
    folder.mkdir()
    assert score_file(config, write(inputs(), folder / "in.csv"), folder / "out.csv").rows == 9


def test_an_expired_config_scores_nothing_and_an_overdue_review_is_a_warning(tmp_path: Path) -> None:
    document = assemble(small_body())
    document["lifecycle"] = {"created": "2026-01-01", "review_by": "2026-06-30", "hard_expiry": "2026-12-31"}
    config = write_document(sealed(document), tmp_path / "core.json")
    source = write(inputs(), tmp_path / "in.csv")
    with pytest.raises(InputError, match=r"core\.json.*expired"):
        score_file(config, source, tmp_path / "out.csv", now="2027-01-01")
    assert "review" in score_file(config, source, tmp_path / "out.csv", now="2026-07-01").warnings[0]


@pytest.mark.parametrize("target", ["out.parquet", "out.csv"])
def test_a_large_file_keeps_the_order_of_its_rows_and_equals_the_frame(tmp_path: Path, target: str) -> None:
    rows = 300_000  # several row groups, so that threads could change their order
    body = {**small_body(), "hysteresis": {"input": "held", "margin": 300, "reading": None}}
    config = write_document(assemble(body), tmp_path / "core.json")
    frame = pd.DataFrame(
        {
            "account_id": range(rows),
            **{name: [value] * rows for name, value in FULL_ROW.items()},
            "logins_30d": [k % 23 - 1.5 for k in range(rows)],
            "held": [("red", "yellow", None, "green", "purple")[k % 5] for k in range(rows)],
        }
    )
    result = score_file(config, write(frame, tmp_path / "in.parquet"), tmp_path / target)
    found, wanted = read(tmp_path / target), score_frame(body, frame)
    assert found["account_id"].astype(int).tolist() == list(range(rows))
    for name in ("health_score_x100", "band", "reading_band", "coverage_bp"):
        assert found[name].tolist() == wanted[name].tolist()
    assert result.bands == wanted["band"].value_counts().to_dict()
    # A notebook's cb.score, which goes through the frame, gives the same columns in the same order.
    assert list(found.columns)[1:] == list(score_table(assemble(body), frame.head()).columns)


def test_a_wide_decimal_column_is_read_as_the_nearest_double(config: Path, tmp_path: Path) -> None:
    exact = Decimal("9007199254740993.000000000000001")
    frame = inputs(2).assign(logins_30d=20.0, plan="gold")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    place = table.schema.get_field_index("logins_30d")
    table = table.set_column(place, "logins_30d", pa.array([exact, Decimal(15)], pa.decimal128(38, 15)))
    pa.parquet.write_table(table, tmp_path / "in.parquet")
    score_file(config, tmp_path / "in.parquet", tmp_path / "out.parquet")
    wanted = score_frame(small_body(), frame.assign(logins_30d=[float(exact), 15.0]))
    assert read(tmp_path / "out.parquet")["health_score_x100"].tolist() == wanted["health_score_x100"].tolist()
