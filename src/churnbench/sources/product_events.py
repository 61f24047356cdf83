"""Amplitude and Mixpanel: one table of events, which happened when they say and are counted once by insert id."""

from __future__ import annotations

from churnbench.sources.model import Asked, Fact, Metric, Parameter, Source
from churnbench.sources.shared import one_owner
from churnbench.sources.usage_metrics import EVENT_METRICS

#: Source -> its columns: moment, kind of event, user, session (None: has none).
_COLUMNS = {
    "amplitude": ("event_time", "event_type", "user_id", "session_id"),
    "mixpanel": ("time", "name", "distinct_id", None),
}


def _owner(asked: Asked) -> tuple[str, str]:
    """native_key, rule_key and several, and the relation to take them from: a column names the account, or a group."""
    d, column, table = asked.dialect, asked.text_of("account_column"), asked.table("event")
    if column:
        return one_owner(asked, d.identifier(column)), table
    kind = asked.text_of("group_type")
    parsed = f"(SELECT e.*, {d.parsed('e.' + d.identifier('groups'))} AS groups_parsed FROM {table} e) AS parsed"
    one, written = d.text(d.entry("groups_parsed", kind)), d.text(d.entry_as_written("groups_parsed", kind))
    read = f"(SELECT parsed.*, {one} AS group_only,\n    {written} AS group_written\n  FROM {parsed}) AS events"
    # An event that names several groups has no one account; one that names none has none.
    shown = "CASE WHEN group_written NOT IN ('[]', 'null', '\"\"', '[\"\"]') THEN group_written END"
    several = f"CASE WHEN group_only IS NULL AND {shown} IS NOT NULL THEN 1 ELSE 0 END"
    return f"coalesce(group_only, {shown}) AS native_key, group_only AS rule_key,\n  {several} AS several", read


def _flag(asked: Asked, kind: str, parameter: str) -> str:
    return f"CASE WHEN {kind} IN {asked.dialect.one_of(asked.list_of(parameter))} THEN 'yes' END"


def _events(asked: Asked) -> str:
    d, (owner, relation) = asked.dialect, _owner(asked)
    moment, kind, user, session = _COLUMNS[asked.source.name]
    at = d.identifier(moment)
    zone = asked.text_of("timezone") if asked.source.name == "mixpanel" else "UTC"
    event_time = d.utc(at) if zone == "UTC" else d.local(at, zone)
    what, features = d.text(d.identifier(kind)), asked.list_of("key_features")
    kinds = d.one_of(asked.list_of("integration_events"))
    known = f"{d.utc(d.identifier(asked.known_column))} AS known_time, " if asked.known_column else ""
    return (
        f"SELECT {owner},\n  {event_time} AS event_time, {known}\n"
        f"  {d.text(d.identifier(asked.text_of('insert_column')))} AS fact_key,\n"
        f"  {d.text(user)} AS user_id, {what} AS event_name, {d.text(session) if session else 'NULL'} AS session_id,\n"
        f"  {_flag(asked, what, 'login_events')} AS is_login, {_flag(asked, what, 'advanced_events')} AS is_advanced,\n"
        f"  {_flag(asked, what, 'api_events')} AS is_api, CASE WHEN {what} IN {kinds} THEN {what} END AS integration,\n"
        f"  {_flag(asked, what, 'key_features')} AS is_key,\n"
        f"  CASE WHEN {what} IN {d.one_of(features)} THEN {what} END AS key_feature,\n"
        f"  {max(len(features), 1)}.0 AS key_features_in_all, 0.25 AS quarter\n"
        f"FROM {relation}"
    )


def _earliest(asked: Asked) -> str:
    if asked.known_column is None:
        return "min(event_time) AS event_time"
    later = "CASE WHEN known_time > event_time THEN known_time WHEN known_time IS NOT NULL THEN event_time END"
    return f"min(event_time) AS event_time, min({later}) AS known_time"


def user_days(events: str, asked: Asked) -> str:
    """One row per owner, user and day (UTC), from the first event of the day on."""
    day = asked.dialect.day("event_time")
    return (
        f"SELECT native_key, rule_key, several, {_earliest(asked)},\n"
        f"  user_id || ' ' || {day} AS fact_key, user_id, 1.0 / 30.0 AS one_thirtieth\n"
        f"FROM ({events}) AS events WHERE user_id IS NOT NULL\n"
        f"GROUP BY native_key, rule_key, several, user_id, {day}"
    )


def first_uses(events: str, asked: Asked, kind: str) -> str:
    """One row per owner and kind of event, dated when it was first seen."""
    return (
        f"SELECT native_key, rule_key, several, {_earliest(asked)}, {kind} AS fact_key\n"
        f"FROM ({events}) AS events WHERE {kind} IS NOT NULL GROUP BY native_key, rule_key, several, {kind}"
    )


def _user_days(asked: Asked) -> str:
    return user_days(_events(asked), asked)


def _first_uses(asked: Asked) -> str:
    return first_uses(_events(asked), asked, "event_name")


_PARAMETERS = (
    Parameter("group_type", "company", "Key of the event's groups that names the account.", "text"),
    Parameter("account_column", "", "Column that names the account, instead of groups.", "text"),
    Parameter("insert_column", "insert_id", "Column that tells copies of an event.", "text"),
    Parameter("login_events", "session_start,login", "Events that are a login."),
    Parameter("advanced_events", "", "Events that are advanced use; without any, depth of use stays a comment."),
    Parameter("key_features", "", "Events that are key features; without any, adoption stays a comment."),
    Parameter("api_events", "", "Events that are calls of the public interface."),
    Parameter("integration_events", "", "Events that are a successful run, one kind per integration."),
)
_FACTS = (
    Fact("events", ("event",), _events, "something was done in the product", known="choice"),
    Fact("user_days", ("event",), _user_days, "a user did something on a day", known="choice"),
    Fact("first_uses", ("event",), _first_uses, "a kind of event was seen for the first time", known="choice"),
)
_UNOBTAINABLE = {
    "session_minutes_30d": "a session that still runs on the as-of date would be longer by what comes later",
    "days_since_power_login": "who was a power user on each day is no fact; compute it in the warehouse per day",
    "core_feature_unused": "is feature_adoption_share below 1 with the core features as key_features",
}
_LEAKS = {
    "user_properties.*": "hold what a user is now, not what they were at the event, unless the plan records them",
    "lifetime averages, first_seen, last_seen": "are computed over everything, the future included",
}
_RULE = "the group of the type group_type (or account_column) is the account id; native key: the same"
_SESSIONS = Metric("sessions_30d", "events", "distinct", "session_id", 30)

AMPLITUDE = Source(
    name="amplitude",
    title="Amplitude",
    tables={"event": ("event_time", "event_type", "user_id", "session_id", "groups", "insert_id")},
    facts=_FACTS,
    metrics=(*EVENT_METRICS, _SESSIONS),
    rule=_RULE,
    parameters=_PARAMETERS,
    unobtainable=_UNOBTAINABLE,
    leaks=_LEAKS,
    notes=(
        "event_time is the client's clock in UTC; name the upload time with --known server_upload_time.",
        "Copies of an event (same insert_id) count once: the one that happened and was known first.",
    ),
)
MIXPANEL = Source(
    name="mixpanel",
    title="Mixpanel",
    tables={"event": ("time", "name", "distinct_id", "groups", "insert_id")},
    facts=_FACTS,
    metrics=EVENT_METRICS,
    rule=_RULE,
    parameters=(
        *_PARAMETERS,
        Parameter("timezone", "UTC", "Time zone of the Mixpanel project, in which `time` is written.", "zone"),
    ),
    unobtainable={**_UNOBTAINABLE, "sessions_30d": "Mixpanel computes sessions in its own queries; events have none"},
    leaks=_LEAKS,
    notes=(
        "`time` is in the project's time zone: say which with --timezone; days are then cut in UTC, as everywhere.",
        "Copies of an event (same insert_id) count once: the one that happened and was known first.",
    ),
)
