"""How long before a churn the lowest band began to warn, and how often it warns where nobody leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.leadlag.matching import Bools, Floats, Matched, Panel
from churnbench.leadlag.result import Alert
from churnbench.metrics import AccountBootstrap, Estimate, percentile_estimate

#: An alert that began earlier than this before the churn is not credited with it.
LOOK_BACK_DAYS = 360
#: Warned so many days ahead.
AHEAD_DAYS = (30, 60, 90)


def first_alerts(
    frame: pd.DataFrame, red: Bools, panel: Panel, near: Matched | None, bootstrap: AccountBootstrap, band: str
) -> Alert:
    """First of two consecutive readings in the lowest band, by churn; and the same among accounts that stayed.

    Args:
        frame: account_id and as_of of the panel's rows.
        red: shape (rows,), whether the reading was in the lowest band.
        panel: days until churn and who may be a case.
        near: cases and controls in the last month before the churn; its controls stand for those that stayed.
        bootstrap: resamples of the panel's accounts.
        band: name of the lowest band.
    """
    order = np.lexsort((frame["as_of"].to_numpy(), panel.codes))
    codes, days, alarm = panel.codes[order], panel.days[order], red[order]
    follows = np.append(codes[1:] == codes[:-1], False)[: len(codes)]
    # The first of two readings in a row: both of this account, the second one still before the churn.
    starts = alarm & np.append(alarm[1:], False)[: len(codes)] & follows
    churned = pd.DataFrame({"code": codes, "days": days, "start": starts})[
        panel.case[order] & (days > 0) & (days <= LOOK_BACK_DAYS)
    ]
    # An account that came back may leave twice: each stay is an event of its own, told by its churn date.
    when = frame["churned_on"].to_numpy()[order][churned.index]
    stays = churned.assign(when=when, lead=churned["days"].where(churned["start"])).groupby(["code", "when"])
    seen = stays.agg(readings=("days", "size"), lead=("lead", "max")).reset_index()
    seen = seen[seen["readings"] >= 2]
    lead, stay_codes = seen["lead"].to_numpy(dtype=np.float64), seen["code"].to_numpy(dtype=np.int64)
    warned = lead[~np.isnan(lead)]
    at_least = tuple(
        (ahead, _share(np.nan_to_num(lead) >= ahead, np.ones(len(lead)), stay_codes, bootstrap)) for ahead in AHEAD_DAYS
    )
    return Alert(
        band=band,
        look_back_days=LOOK_BACK_DAYS,
        churned=len(lead),
        warned=len(warned),
        days=None if len(warned) == 0 else _quartiles(warned),
        at_least=at_least,
        others=_others(frame, order, starts, panel, near, bootstrap),
    )


def _quartiles(days: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(days, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def _others(
    frame: pd.DataFrame,
    order: np.ndarray,
    starts: Bools,
    panel: Panel,
    near: Matched | None,
    bootstrap: AccountBootstrap,
) -> Estimate:
    """Weighted share of controls with a sustained alert in the look-back before their snapshot."""
    if near is None:
        return Estimate(None)
    dates = frame["as_of"].to_numpy()[order].astype("datetime64[D]").astype(np.int64)
    codes = panel.codes[order]
    first = np.append(True, codes[1:] != codes[:-1])[: len(codes)]
    # Position of the latest alert's first reading that a row can know of: its second reading is the row or earlier.
    begun = np.where(np.append(False, starts[:-1])[: len(codes)], np.arange(len(codes)) - 1, -1)
    latest = np.maximum.accumulate(begun)
    own = (latest >= 0) & (codes[latest] == codes)
    alerted = own & (dates - dates[latest] < LOOK_BACK_DAYS)
    back, judged = np.empty(len(order), dtype=bool), np.empty(len(order), dtype=bool)
    back[order], judged[order] = alerted, ~first
    controls = (near.outcome == 0.0) & judged[near.rows]
    rows = np.flatnonzero(near.rows)[controls]
    return _share(back[rows], near.weight[controls], panel.codes[rows], bootstrap)


def _share(hit: Bools, weight: Floats, codes: np.ndarray, bootstrap: AccountBootstrap) -> Estimate:
    """Weighted share of rows with its account interval."""
    per_account = bootstrap.by_account(codes, weight * hit, weight)
    totals = np.vstack([per_account.sum(axis=0), bootstrap.totals(per_account)])
    share = np.divide(totals[:, 0], totals[:, 1], out=np.full(len(totals), np.nan), where=totals[:, 1] > 0)
    return percentile_estimate(float(share[0]), share[1:])
