"""RavenStack: five messy tables of a made-up company. Defects are counted and told, not cleaned away.

Run from the root of the project: python -m examples.ravenstack.prepare
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from examples.data_folder import main, require

DATES = {
    "subscriptions": ["start_date", "end_date"],
    "feature_usage": ["usage_date"],
    "support_tickets": ["submitted_at", "closed_at"],
    "churn_events": ["churn_date"],
    "accounts": ["signup_date"],
}


def prepare(data: Path, build: Path) -> list[str]:
    """Write accounts, outcomes and five tables of facts; return the defects that were found."""
    folder = require(data / "ravenstack_saas")
    raw = {name: pd.read_csv(folder / f"ravenstack_{name}.csv", parse_dates=days) for name, days in DATES.items()}
    usage = raw["feature_usage"].merge(
        raw["subscriptions"][["subscription_id", "account_id", "start_date", "end_date"]],
        on="subscription_id",
        how="left",
    )
    outcomes = _outcomes(raw["churn_events"], raw["subscriptions"])
    warnings = _defects(raw, usage, outcomes)
    accounts = raw["accounts"].rename(columns={"signup_date": "started_on", "referral_source": "channel"})[
        ["account_id", "started_on", "industry", "country", "channel"]
    ]
    tickets = raw["support_tickets"]
    ended = raw["subscriptions"].dropna(subset=["end_date"])
    tables = {
        "accounts": accounts,
        "outcomes": outcomes,
        "usage": usage.drop(columns=["start_date", "end_date"]),
        # Two tables: a ticket is known when it is opened, its resolution and rating only when it is closed.
        "tickets_opened": tickets[["ticket_id", "account_id", "submitted_at", "priority"]],
        "tickets_closed": tickets[
            ["ticket_id", "account_id", "closed_at", "resolution_time_hours", "satisfaction_score"]
        ],
        "subscriptions_started": raw["subscriptions"][["subscription_id", "account_id", "start_date", "mrr_amount"]],
        "subscriptions_ended": ended[["subscription_id", "account_id", "end_date", "mrr_amount"]],
    }
    for name, table in tables.items():
        table.to_csv(build / f"{name}.csv", index=False)
    (build / "defects.json").write_text(json.dumps(warnings, indent=2) + "\n", encoding="utf-8")
    return warnings


def _outcomes(events: pd.DataFrame, subscriptions: pd.DataFrame) -> pd.DataFrame:
    """Every churn event, and a return where a subscription starts before the account churns again."""
    events = events.sort_values(["account_id", "churn_date"])
    churn = events[["account_id", "churn_date"]].rename(columns={"churn_date": "churned_on"}).assign(kind="churn")
    churn["again_on"] = churn.groupby("account_id")["churned_on"].shift(-1)
    starts = churn.merge(subscriptions[["account_id", "start_date"]], on="account_id")
    starts = starts[(starts["start_date"] > starts["churned_on"]) & ~(starts["start_date"] >= starts["again_on"])]
    back = starts.groupby(["account_id", "churned_on"], as_index=False)["start_date"].min()
    returned = pd.DataFrame(
        {"account_id": back["account_id"], "churned_on": back["start_date"], "kind": "reactivation"}
    )
    outcomes = pd.concat([churn.drop(columns="again_on"), returned])
    return outcomes.sort_values(["account_id", "churned_on"]).reset_index(drop=True)


def _defects(raw: dict[str, pd.DataFrame], usage: pd.DataFrame, outcomes: pd.DataFrame) -> list[str]:
    return [*_usage_defects(raw, usage), *_churn_defects(raw, outcomes)]


def _usage_defects(raw: dict[str, pd.DataFrame], usage: pd.DataFrame) -> list[str]:
    signup = raw["accounts"].set_index("account_id")["signup_date"]
    tickets = raw["support_tickets"]
    early = (usage["usage_date"] < usage["start_date"]).mean()
    late = (usage["usage_date"] > usage["end_date"]).mean()
    unsigned = (usage["usage_date"] < usage["account_id"].map(signup)).mean()
    opened_early = (tickets["submitted_at"] < tickets["account_id"].map(signup)).mean()
    identical = usage.duplicated(keep=False).sum()
    return [
        f"usage: {early:.1%} of {len(usage):,} rows lie before the start of their subscription, {late:.1%} "
        f"after its end, {unsigned:.1%} before the account signed up; all kept",
        f"usage: {usage['usage_id'].duplicated().sum()} usage ids occur twice, {identical} rows are "
        "identical to another; they are different facts under one id, so nothing is deduplicated",
        f"tickets: {opened_early:.1%} of {len(tickets):,} lie before the account signed up; "
        f"{tickets['satisfaction_score'].isna().sum()} have no rating; all kept",
    ]


def _churn_defects(raw: dict[str, pd.DataFrame], outcomes: pd.DataFrame) -> list[str]:
    accounts, events, subscriptions = raw["accounts"], raw["churn_events"], raw["subscriptions"]
    churned = accounts["account_id"].isin(events["account_id"])
    flagged = accounts["churn_flag"]
    pairs = events.merge(subscriptions[["account_id", "start_date", "end_date"]], on="account_id")
    matched = pairs[pairs["churn_date"] == pairs["end_date"]]["churn_event_id"].nunique()
    running = (pairs["start_date"] <= pairs["churn_date"]) & ~(pairs["end_date"] <= pairs["churn_date"])
    returned = (outcomes["kind"] == "reactivation").sum()
    return [
        f"churn: {len(events)} events of {churned.sum()} accounts, {len(events) - churned.sum()} of them "
        f"repeats; {returned} are followed by a new subscription, which is read as the account's return",
        f"churn: {matched} of {len(events)} events fall on the end of one of the account's subscriptions; "
        f"{pairs[running]['churn_event_id'].nunique()} happen while a subscription of the account runs on",
        f"accounts.churn_flag contradicts the events: {(flagged & churned).sum()} of {churned.sum()} "
        f"accounts with an event carry it, and {(flagged & ~churned).sum()} without one; not used",
        "accounts.plan_tier, seats, is_trial and subscriptions.churn_flag are states of the day of the "
        "export, not of any as-of date; not used",
    ]


if __name__ == "__main__":
    raise SystemExit(main("ravenstack", prepare))
