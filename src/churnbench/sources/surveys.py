"""Delighted and Qualtrics: NPS and CSAT answers, the account from what was sent along with the survey."""

from __future__ import annotations

from churnbench.sources.history import standing
from churnbench.sources.model import Asked, Fact, Parameter, Source
from churnbench.sources.shared import csat_metric, nps_metrics, nps_points


def _answers(asked: Asked, kind: str) -> str:
    d, key = asked.dialect, asked.text_of("account_property")
    owner = d.text(d.entry(f"({d.parsed('person_properties')})", key))
    return (
        f"SELECT DISTINCT {owner} AS native_key, {owner} AS rule_key, 0 AS several,\n"
        f"    {d.text('person_id')} AS person, {d.unix('created_at')} AS event_time, {d.text('id')} AS fact_key,\n"
        f"    {d.number('score')} AS score FROM {asked.table('response')}\n"
        f"  WHERE lower(survey_type) = {d.literal(kind)} AND created_at IS NOT NULL AND score IS NOT NULL"
    )


def _nps(answers: str) -> str:
    return (
        f"WITH answers AS (\n  {answers}),\n"
        f"rated AS (SELECT a.*, {nps_points('score')} AS points FROM answers a),\n"
        f"standing AS (\n  {standing('rated WHERE points IS NOT NULL')})\nSELECT * FROM standing"
    )


def _csat(answers: str) -> str:
    return (
        f"WITH answers AS (\n  {answers})\nSELECT native_key, rule_key, several, event_time, fact_key, score\n"
        "FROM answers WHERE score >= 1 AND score <= 5"
    )


def _delighted_nps(asked: Asked) -> str:
    return _nps(_answers(asked, "nps"))


def _delighted_csat(asked: Asked) -> str:
    return _csat(_answers(asked, "csat"))


def _questions(asked: Asked, parameter: str) -> str:
    """Answers to the named questions of finished responses; the respondent is the embedded person, else nobody."""
    d = asked.dialect
    embedded = (
        f"SELECT {d.text('response_id')} AS response, max({d.text('value')}) AS value"
        f" FROM {asked.table('survey_embedded_data')} WHERE key = "
    )
    return (
        "SELECT DISTINCT k.value AS native_key, k.value AS rule_key, 0 AS several,\n"
        f"    coalesce(p.value, {d.text('r.id')}) AS person, {d.utc('r.recorded_date')} AS event_time,\n"
        f"    {d.text('r.id')} || ' ' || {d.text('q.question_id')} AS fact_key, {d.number('q.value')} AS score\n"
        f"  FROM {asked.table('survey_response')} r\n"
        f"  JOIN {asked.table('question_response')} q ON {d.text('q.response_id')} = {d.text('r.id')}\n"
        f"  LEFT JOIN ({embedded}{d.literal(asked.text_of('account_key'))} GROUP BY 1) AS k\n"
        f"    ON k.response = {d.text('r.id')}\n"
        f"  LEFT JOIN ({embedded}{d.literal(asked.text_of('person_key'))} GROUP BY 1) AS p\n"
        f"    ON p.response = {d.text('r.id')}\n"
        f"  WHERE {d.true('r.finished')} AND r.recorded_date IS NOT NULL\n"
        f"    AND {d.text('q.question_id')} IN {d.one_of(asked.list_of(parameter))}"
    )


def _qualtrics_nps(asked: Asked) -> str:
    return _nps(_questions(asked, "nps_questions"))


def _qualtrics_csat(asked: Asked) -> str:
    return _csat(_questions(asked, "csat_questions"))


_RESPONSES = ("survey_response", "question_response", "survey_embedded_data")
_UNOBTAINABLE = {
    "survey_response_share": "needs the invitations that were sent, answered or not",
    "ticket_tone": "comments need a reading of the text",
}

DELIGHTED = Source(
    name="delighted",
    title="Delighted",
    tables={"response": ("id", "person_id", "survey_type", "score", "created_at", "person_properties")},
    facts=(
        Fact("nps", ("response",), _delighted_nps, "a person answered the NPS question"),
        Fact("csat", ("response",), _delighted_csat, "a person answered the CSAT question, 1 to 5"),
    ),
    metrics=(*nps_metrics("nps"), csat_metric("csat")),
    rule="the key account_property of person_properties (JSON) is the account id; native key: the same",
    parameters=(
        Parameter("account_property", "account_id", "Key of the person's properties with the account.", "text"),
    ),
    unobtainable=_UNOBTAINABLE,
    leaks={
        "response.score": "an answer that the person changes later shows its new score under the old date",
        "person.last_responded_at": "is a current value",
    },
    notes=(
        "created_at is Unix seconds, UTC.",
        "NPS is the mean over people of their last answer; answers do not expire.",
    ),
)
QUALTRICS = Source(
    name="qualtrics",
    title="Qualtrics",
    tables={
        "survey_response": ("id", "recorded_date", "finished"),
        "question_response": ("response_id", "question_id", "value"),
        "survey_embedded_data": ("response_id", "key", "value"),
    },
    facts=(
        Fact("nps", _RESPONSES, _qualtrics_nps, "a person answered an NPS question"),
        Fact("csat", _RESPONSES, _qualtrics_csat, "a person answered a CSAT question, 1 to 5"),
    ),
    metrics=(*nps_metrics("nps"), csat_metric("csat")),
    rule="the embedded data field account_key is the account id; native key: the same",
    parameters=(
        Parameter("account_key", "account_id", "Embedded data field with the account.", "text"),
        Parameter(
            "person_key", "contact_id", "Embedded data field with the person; else each response is one.", "text"
        ),
        Parameter("nps_questions", "QID1", "Ids of questions answered from 0 to 10."),
        Parameter("csat_questions", "QID2", "Ids of questions answered from 1 to 5."),
    ),
    unobtainable=_UNOBTAINABLE,
    leaks={
        "survey_response.progress, status": "are current values of unfinished responses",
        "contact directory fields": "hold what a contact is now; embedded data were stored with the response",
    },
    notes=(
        "Only finished responses count, dated when they were recorded (UTC).",
        "NPS is the mean over people of their last answer; answers do not expire.",
    ),
)
