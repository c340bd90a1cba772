"""When those who read along are told too late."""

from __future__ import annotations

import pytest
from dagster import AssetCheckSeverity

from qbank.postgres import connect
from qbank_orchestration.checks.relaying import events_are_relayed, scores_are_passed_back
from qbank_orchestration.resources import Database

_ADD = """INSERT INTO event_outbox
        (occurred_at, id, tenant_id, aggregatetype, aggregateid, type, payload)
    SELECT now() - make_interval(secs => %s), gen_random_uuid(), 't', 'quiz', 'q', 'x', '{}'
    FROM generate_series(1, 5)"""
_AT = """INSERT INTO event_relays (sink, position, delivered, problem)
    SELECT %s, min(position) + %s, 2, %s FROM event_outbox"""
_SET_ASIDE = """INSERT INTO event_dead_letters
        (sink, position, occurred_at, event_id, type, reason)
    SELECT %s, min(position), min(occurred_at), gen_random_uuid(), 'x', 'not this'
    FROM event_outbox"""


_SCORE = """WITH exam AS (
        INSERT INTO exams (exam_code, tenant_id, title) VALUES ('e', 't', 'e')),
    quiz AS (
        INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
            num_questions, expires_at)
        VALUES ('q', %(user)s, 't', 'exam', true, 'e', 'vanilla', 1, now() + interval '1 hour')),
    platform AS (
        INSERT INTO lti_platforms (tenant_id, name, issuer, client_id, deployment_ids, auth_url,
            token_url, token_audience, jwks_url)
        VALUES ('t', 'n', 'i', 'c', '{1}', 'u', 'u', 'u', 'u') RETURNING id),
    person AS (INSERT INTO lti_people VALUES ('t', 'i', '7', %(user)s)),
    launch AS (
        INSERT INTO lti_launches (tenant_id, platform_id, user_id, exam_code, deployment_id,
            resource_link_id, code_expires_at)
        SELECT 't', id, %(user)s, 'e', '1', 'l', now() FROM platform RETURNING id),
    launched AS (INSERT INTO lti_quizzes (quiz_id, launch_id) SELECT 'q', id FROM launch)
    INSERT INTO lti_scores (quiz_id, revision, score_given, score_maximum, state, problem)
    VALUES ('q', 1, 1, 1, 'given_up', 'the platform answered 404')"""


def check():
    return events_are_relayed(database=Database())


def test_it_says_who_is_late_and_why_and_who_refused(settings):
    assert (check().passed, check().description) == (True, "nobody reads along")
    with connect("owner") as conn:
        conn.execute(_ADD, (3600,))
        conn.execute(_AT, ("kafka", 1, "Connection refused"))
        conn.execute(_AT, ("memory", 2, ""))
        conn.execute(_AT, ("webhook", 4, ""))
        conn.execute(_SET_ASIDE, ("webhook",))
    result = check()
    assert not result.passed
    assert result.severity is AssetCheckSeverity.ERROR  # or no alert is made of it
    assert result.description.split("; ") == [
        "kafka is 3 events and 60 minutes behind: Connection refused",
        "memory is 2 events and 60 minutes behind: is qbank relay running?",
        "webhook would not take 1 events: qbank relay dead-letters",
    ]
    record = result.metadata["sinks"].value.records[0]
    assert (record.data["behind"], record.data["delivered"]) == (3, 2)


@pytest.mark.parametrize(("age_s", "late"), [(890, False), (910, True)])
def test_a_quarter_of_an_hour_is_late_also_where_nobody_reads(settings, age_s, late):
    with connect("owner") as conn:
        conn.execute(_ADD, (age_s,))
    assert check().passed is not late
    with connect("owner") as conn:
        conn.execute(_AT, ("kafka", 0, ""))
    assert check().passed is not late


def test_it_says_which_scores_no_gradebook_took(settings):
    assert scores_are_passed_back(database=Database()).passed
    with connect("owner") as conn:
        conn.execute(_SCORE, {"user": "p-" + "a" * 26})
    result = scores_are_passed_back(database=Database())
    assert (result.passed, result.severity) == (False, AssetCheckSeverity.ERROR)
    assert "1 scores were not taken" in result.description
    assert "the platform answered 404" in result.description
