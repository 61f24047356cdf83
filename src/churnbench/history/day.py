"""One day's scoring: inputs of a day in, readings as the history keeps them out. No file, no clock."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.domain.score_history import HISTORY_COLUMNS, as_history
from churnbench.export import Document, score_table
from churnbench.formula import metric_inputs
from churnbench.formula.metric_plan import require_columns
from churnbench.history.hysteresis import BandState, settled, supply
from churnbench.history.overrides import OVERRIDE_COLUMNS, Entry, lay_over
from churnbench.history.schema import dimension_names, input_names, refuse_ambiguous_names

#: Columns of a day's inputs that are kept with a reading, as known on that day.
ATTRIBUTES = ("segment", "csm", "arr", "parent_id", "renewal_on")
BAND_AFTER = 2


def score_day(
    document: Document,
    inputs: pd.DataFrame,
    as_of: date,
    *,
    state: BandState | None = None,
    overrides: tuple[Entry, ...] | list[Entry] = (),
    band_after: int = BAND_AFTER,
    allow_missing: bool = False,
) -> pd.DataFrame:
    """Score one day.

    Args:
        document: a checked config.
        inputs: account_id, one column per input; segment, csm, arr, parent_id and renewal_on (or days_to_renewal)
            as known on that day, where there are any.
        as_of: the day.
        state: from `ScoreStore.state`: bands in force before that day; default: nothing is known of anybody.
        overrides: from `ScoreStore.overrides`.
        band_after: readings in a row before a band changes, where the config has no hysteresis.
        allow_missing: whether metric columns may be absent; they count as missing then.

    Returns:
        One row per account: a score history of this day (see `churnbench.domain.score_history`) with every input of
        the config, `held_band` (after hysteresis, before overrides) and the columns of `lay_over`.
        `calculated_band` is that of the thresholds alone.

    Raises:
        InputError: no account_id, an account twice or without a name, an absent metric column, a config one of whose
            inputs is called like a column of the history.
    """
    refuse_ambiguous_names(document)
    rows = _with_renewal(_checked(inputs), as_of)
    if not allow_missing:
        require_columns(document["body"], rows.columns)
    before = BandState.empty() if state is None else state
    rows = supply(document, rows, before)
    scored = score_table(document, rows)
    has_rule = bool(document["body"].get("hysteresis"))
    calculated = scored["reading_band"] if has_rule else scored["band"]
    held = (
        scored["band"].to_numpy(dtype=object)
        if has_rule
        else settled(document, rows["account_id"], calculated, before, band_after)
    )
    numbers, texts = input_names(document)
    taken: dict[str, pd.Series | None] = {
        name: rows[name] for name in dict.fromkeys([*ATTRIBUTES, *numbers, *texts]) if name in rows
    }
    taken.update(dict.fromkeys((name for name in (*numbers, *texts) if name not in rows), None))
    made = pd.DataFrame({**taken, "account_id": rows["account_id"]}, index=rows.index)
    for name in numbers:
        made[name] = pd.to_numeric(made[name], errors="coerce").astype(np.float64)
    for name in texts:
        made[name] = made[name].astype(object).where(made[name].notna(), None)
    results = scored.drop(columns=[name for name in scored if name in made])
    made = pd.concat([made, results], axis=1).assign(
        as_of=pd.Timestamp(as_of), calculated_band=calculated.astype(object), held_band=held, band=held,
        sequence=int(document["sequence"]),
    )  # fmt: skip
    extra = [*dimension_names(document), *metric_inputs(document["body"]), *numbers, *texts]
    names = [name for name in dict.fromkeys(extra) if name not in HISTORY_COLUMNS]
    history = as_history(made, ["held_band", "sequence", *names])
    return lay_over(history, overrides, {document["integrity"]["body_sha256"]: document})


def _checked(inputs: pd.DataFrame) -> pd.DataFrame:
    """Rows with account ids that are text, present and different."""
    if "account_id" not in inputs:
        raise InputError("no column account_id.", column="account_id", fix="Add the column that identifies an account.")
    rows = inputs.reset_index(drop=True)
    ids = rows["account_id"]
    absent = ids.isna() | (ids.astype(str).str.strip() == "")
    if absent.any():
        raise InputError(
            "a row has no account_id.", column="account_id", row=int(absent.to_numpy().argmax()) + 2, fix="Fill it in."
        )
    text = ids.astype(str)
    odd = text.str.contains(r"[\x00-\x1f\x7f]", regex=True)
    if odd.any():
        raise InputError(
            f"the account id {text[odd].iloc[0]!r} holds a control character.", column="account_id", fix="Remove it."
        )
    twice = text.duplicated()
    if twice.any():
        raise InputError(
            f"account {text[twice].iloc[0]!r} arrives twice for one day.",
            column="account_id",
            row=int(twice.to_numpy().argmax()) + 2,
            fix="Keep one row per account.",
        )
    return rows.assign(account_id=text)


def _with_renewal(rows: pd.DataFrame, as_of: date) -> pd.DataFrame:
    if "renewal_on" in rows or "days_to_renewal" not in rows:
        return rows
    # An empty column of a CSV file is text, which a period in days is not made from.
    days = pd.to_timedelta(pd.to_numeric(rows["days_to_renewal"], errors="coerce").astype(float), unit="D")
    return rows.assign(renewal_on=pd.Timestamp(as_of) + days)


__all__ = ["ATTRIBUTES", "BAND_AFTER", "OVERRIDE_COLUMNS", "score_day"]
