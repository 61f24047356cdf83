"""What may stand in the columns of a frame, and what is refused with its place."""

import datetime as dt
import decimal
from random import Random

import numpy as np
import pandas as pd
import pytest
from formula_worlds import FULL_ROW, random_body, small_body

from churnbench.domain.errors import InputError
from churnbench.formula import metric_inputs, metric_values, score_frame, validate_body

BODY = small_body()


def full_frame(**changed: object) -> pd.DataFrame:
    columns = {name: [value, value] for name, value in FULL_ROW.items()}
    return pd.DataFrame({**columns, **changed})


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint16", "float32", "float64", "Int64", "Float64", "object"])
def test_every_numeric_type_is_read_as_the_same_doubles(dtype: str) -> None:
    frame = full_frame(logins_30d=pd.Series([15, 4]).astype(dtype))
    assert metric_values(BODY, frame)["logins"].tolist() == [75.0, 20.0]


def test_arrow_backed_booleans_and_decimals_are_numbers_too() -> None:
    frame = full_frame(
        logins_30d=pd.Series([15, None], dtype="int64[pyarrow]"),
        has_sponsor=pd.Series([True, None], dtype="boolean"),
        active_seats=[decimal.Decimal(30), 10**400],
    )
    found = metric_values(BODY, frame)
    assert found["logins"].tolist()[0] == 75.0
    assert found.iloc[1].isna().tolist() == [True, True, True, False]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_missing_values_of_any_kind_are_missing(missing: object) -> None:
    frame = full_frame(logins_30d=[missing, 15], plan=[missing, "gold"])
    assert metric_values(BODY, frame).isna().sum().to_dict() == {"logins": 1, "seats": 0, "sponsor": 0, "plan": 1}


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string[pyarrow]"])
def test_every_text_type_is_read_as_the_same_categories(dtype: str) -> None:
    frame = full_frame(plan=pd.Series(["gold", "unheard of"]).astype(dtype))
    assert metric_values(BODY, frame)["plan"].tolist()[0] == 90.0
    assert metric_values(BODY, frame)["plan"].isna().tolist() == [False, True]


def test_an_all_missing_column_of_any_type_is_missing() -> None:
    for column in ([np.nan, np.nan], pd.Series([None, None], dtype="str"), pd.Series([None, None], dtype=object)):
        found = metric_values(BODY, full_frame(plan=column, logins_30d=column))
        assert found[["plan", "logins"]].isna().all().all()


@pytest.mark.parametrize(
    ("column", "values", "shown"),
    [
        ("logins_30d", [3, "n/a"], "'n/a'"),
        ("logins_30d", pd.Series([None, "n/a"], dtype="str"), "'n/a'"),
        ("logins_30d", [3, b"x"], "b'x'"),
        ("logins_30d", [3, [1]], r"\[1\]"),
        ("logins_30d", pd.Series([None, dt.date(2026, 1, 1)], dtype="datetime64[ns]"), "2026"),
        ("plan", ["gold", 3], "3"),
        ("plan", [1.5, np.nan], "1.5"),
    ],
)
def test_values_of_the_wrong_type_are_refused_with_column_row_and_value(
    column: str, values: object, shown: str
) -> None:
    frame = full_frame(**{column: values})
    with pytest.raises(InputError, match=shown) as caught:
        score_frame(BODY, frame)
    assert caught.value.column == column
    assert "row label" in str(caught.value)


def test_missing_metric_columns_are_all_named_unless_they_are_allowed() -> None:
    frame = full_frame().drop(columns=["logins_30d", "bought_seats"])
    for function in (score_frame, metric_values):
        with pytest.raises(InputError, match="logins_30d, bought_seats"):
            function(BODY, frame)
    assert metric_values(BODY, frame, allow_missing=True)["logins"].isna().all()
    assert score_frame(BODY, frame, allow_missing=True)["coverage_bp"].tolist() == [3000, 3000]
    assert metric_inputs(BODY) == ["logins_30d", "active_seats", "bought_seats", "has_sponsor", "plan"]


def test_segment_cap_and_stratum_columns_may_be_absent_and_then_count_as_missing() -> None:
    frame = full_frame().drop(columns=["segment", "open_sev1", "days_to_renewal"])
    found = score_frame(BODY, frame)
    assert found["health_score_x100"].tolist() == [6900, 6900]
    assert found["churn_probability"].tolist() == pytest.approx([0.4 - 0.003 * 69] * 2)


def test_the_result_has_the_documented_types() -> None:
    found = score_frame(BODY, full_frame(plan=["gold", None], logins_30d=[1, None]), contributions=True)
    assert found.dtypes.astype(str).to_dict() == {
        "raw_score": "float64",
        "raw_score_x100": "Int64",
        "health_score_x100": "Int64",
        "band": "str",
        "coverage_bp": "int64",
        "churn_probability": "float64",
        "usage_score": "float64",
        "people_score": "float64",
        **{
            f"{name}_{side}_x100": "Int64"
            for name in ("logins", "seats", "sponsor", "plan")
            for side in ("gained", "lost")
        },
    }
    assert found["band"].tolist()[1] == "insufficient-data"
    assert found["health_score_x100"].isna().tolist() == [False, True]


def test_a_faulty_body_is_an_input_error_that_keeps_the_scorers_words() -> None:
    body = small_body()
    body["min_coverage"] = -1
    with pytest.raises(InputError, match=r"body\.min_coverage: -1; expected"):
        score_frame(body, full_frame())


def test_scoring_changes_neither_body_nor_frame() -> None:
    body, frame = random_body(Random(5)), full_frame()
    before, copy = repr(body), frame.copy()
    score_frame(body, frame, allow_missing=True)
    assert repr(body) == before
    pd.testing.assert_frame_equal(frame, copy)
    assert validate_body(body)
