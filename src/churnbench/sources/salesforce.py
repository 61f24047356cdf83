"""Salesforce: opportunities through their history, meetings and calls by when they were written down."""

from __future__ import annotations

from dataclasses import replace

from churnbench.sources.history import periods
from churnbench.sources.model import Asked, Fact, Metric, Parameter, Source
from churnbench.sources.shared import contraction_metrics, expansion_metric, level_metric, one_owner, touch_metrics


def _outcomes(asked: Asked) -> str:
    """First time an opportunity reached a closing stage; what the opportunity shows today is not read."""
    d = asked.dialect
    won, lost = (d.one_of(asked.list_of(name)) for name in ("won_stages", "lost_stages"))
    stages = periods(asked, "opportunity_history", "opportunity_id", "stage_name", "created_date")
    kind = f"CASE WHEN {d.text('o.type')} IN {d.one_of(asked.list_of('expansion_types'))} THEN 'yes' END"
    return (
        f"WITH stages AS (\n  {stages}),\n"
        f"closed AS (SELECT entity, CASE WHEN value IN {won} THEN 'won' ELSE 'lost' END AS outcome,\n"
        f"    min(valid_from) AS closed_at FROM stages WHERE value IN {won} OR value IN {lost} GROUP BY 1, 2\n"
        "  UNION ALL SELECT entity, 'opened', min(valid_from) FROM stages GROUP BY entity)\n"
        f"SELECT DISTINCT {one_owner(asked, 'o.account_id')}, c.closed_at AS event_time,\n"
        f"  c.entity || ' ' || c.outcome AS fact_key, c.outcome, {kind} AS expansion\n"
        f"FROM closed c JOIN {asked.table('opportunity')} o ON {d.text('o.id')} = c.entity"
    )


def _touches(asked: Asked) -> str:
    d = asked.dialect
    return (
        f"SELECT {one_owner(asked, 'account_id')}, {d.utc('activity_date')} AS event_time,\n"
        f"  {d.utc('created_date')} AS known_time, 'event ' || {d.text('id')} AS fact_key, 'meeting' AS kind\n"
        f"FROM {asked.table('event')}\nUNION ALL\n"
        f"SELECT {one_owner(asked, 'account_id')}, {d.utc('completed_date_time')},\n"
        f"  {d.utc('completed_date_time')}, 'task ' || {d.text('id')}, 'task'\n"
        f"FROM {asked.table('task')} WHERE completed_date_time IS NOT NULL"
    )


def _contract(asked: Asked) -> str:
    d = asked.dialect
    arr, seats = (d.literal(asked.text_of(name)) for name in ("arr_field", "seats_field"))
    number, before = d.number("new_value"), d.number("old_value")
    at = d.utc("created_date")
    return (
        f"SELECT {one_owner(asked, 'account_id')}, {at} AS event_time,\n"
        f"  {d.text('account_id')} || ' ' || field || ' ' || {d.text(at)} || ' ' || coalesce({d.text('new_value')}, '')"
        " AS fact_key,\n"
        f"  CASE WHEN field = {arr} THEN {number} END AS arr_value,\n"
        f"  CASE WHEN field = {seats} THEN {number} END AS seats_value,\n"
        f"  CASE WHEN field = {arr} AND {number} < {before} THEN 'yes' END AS downgrade\n"
        f"FROM {asked.table('account_history')} WHERE field IN ({arr}, {seats})"
    )


def _accounts(asked: Asked) -> str:
    d = asked.dialect
    return (
        f"SELECT {d.text('id')} AS account_id, {d.text('parent_id')} AS parent_id, industry,"
        f" number_of_employees FROM {asked.table('account')}"
    )


SALESFORCE = Source(
    name="salesforce",
    title="Salesforce",
    tables={
        "opportunity": ("id", "account_id", "type"),
        "opportunity_history": ("opportunity_id", "stage_name", "created_date"),
        "event": ("id", "account_id", "activity_date", "created_date"),
        "task": ("id", "account_id", "completed_date_time"),
        "account": ("id", "parent_id", "industry", "number_of_employees"),
        "account_history": ("account_id", "field", "old_value", "new_value", "created_date"),
    },
    facts=(
        Fact("outcomes", ("opportunity", "opportunity_history"), _outcomes, "an opportunity was opened, won or lost"),
        Fact("touches", ("event", "task"), _touches, "a meeting was held or a task completed", known=True),
        Fact("contract", ("account_history",), _contract, "a tracked field of the account changed", optional=True),
    ),
    metrics=(
        *touch_metrics("touches"),
        replace(
            expansion_metric("outcomes"),
            where='[{ column = "outcome", equals = "won" }, { column = "expansion", equals = "yes" }]',
        ),
        Metric(
            "expansion_requests_90d",
            "outcomes",
            "count",
            window_days=90,
            where='[{ column = "outcome", equals = "opened" }, { column = "expansion", equals = "yes" }]',
        ),
        Metric(
            "lost_opportunities_12m",
            "outcomes",
            "count",
            window_days=365,
            where='{ column = "outcome", equals = "lost" }',
        ),
        Metric("arr_value", "contract", "last", "arr_value"),
        level_metric("arr_trend_12m", "contract", "arr_value"),
        level_metric("seat_trend_12m", "contract", "seats_value"),
        *contraction_metrics("contract"),
        Metric("seats", "contract", "last", "seats_value", helper=True),
    ),
    rule="the Salesforce account id is the account id; native key (for the identity table): the same",
    parameters=(
        Parameter("won_stages", "Closed Won", "Stages that mean won."),
        Parameter("lost_stages", "Closed Lost", "Stages that mean lost."),
        Parameter(
            "expansion_types",
            "Existing Customer - Upgrade,Expansion,Upsell",
            "Opportunity types that are expansions.",
        ),
        Parameter("arr_field", "ARR__c", "Tracked custom field with the yearly value.", "text"),
        Parameter("seats_field", "Seats__c", "Tracked custom field with the seats.", "text"),
    ),
    unobtainable={
        "renewal_in_days": "the renewal date is a custom field of yours: give it as renewal_on in the accounts table",
        "executive_meetings_180d": "needs who attended: event_relation and titles, which differ everywhere",
        "on_time_payment_share": "invoices are in billing, not in Salesforce",
    },
    leaks={
        "opportunity.is_won, is_closed, stage_name": "show today's stage: opportunity_history says when it was reached",
        "opportunity.close_date": "is moved by hand, before and after the fact",
        "opportunity.amount": "is corrected later",
        "task.status, task.activity_date": "status is today's, activity_date is when it was due",
        "account.type, account.owner_id": "often changed to 'Former customer' and the like once the account has left",
    },
    notes=(
        "A meeting counts from the later of its date and the moment it was written down (created_date).",
        "account_history holds only fields whose history Salesforce was told to track; ask for --with contract.",
        "opportunity.type and account_id are as they are now.",
        "parent_id of the account says which accounts are one family; it is as it is now.",
    ),
    accounts=_accounts,
)
