"""Label delay: up to when outcomes are known, and how many rows still wait for theirs."""

from __future__ import annotations

from typing import Any

from churnbench.monitoring.exposure import Book


def label_delay(book: Book) -> dict[str, Any]:
    """What has matured and what has not.

    Returns:
        data_through; settle_days; settled (last day whose churns are recorded); window_days (gap + horizon + settle);
        newest_as_of; matured_as_of (newest snapshot whose whole window is known, None without one); waiting: rows and
        accounts without a label yet; next: when which snapshot matures, at most six, soonest first.
    """
    frame, window = book.frame, book.window
    waiting = frame.loc[frame["status"] == "immature"]
    ripe = frame.loc[frame["status"].isin(["labelled", "too-late"]), "as_of"]
    coming = [
        {
            "as_of": f"{rows['as_of'].iloc[0]:%Y-%m-%d}",
            "matures_on": f"{rows['matures_on'].max():%Y-%m-%d}",
            "rows": len(rows),
        }
        for _, rows in waiting.groupby("as_of")
    ]
    return {
        "data_through": book.data_through.isoformat(),
        "settle_days": window.settle_days,
        "settled": f"{book.settled:%Y-%m-%d}",
        "window_days": window.label_days,
        "newest_as_of": f"{frame['as_of'].max():%Y-%m-%d}" if len(frame) else None,
        "matured_as_of": f"{ripe.max():%Y-%m-%d}" if len(ripe) else None,
        "waiting_rows": len(waiting),
        "waiting_accounts": int(waiting["account_id"].nunique()),
        "next": coming[:6],
    }
