"""When those who read along are told too late."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qbank.postgres import connect
from qbank.relay.standing import Standing
from qbank_orchestration.checks.relaying import events_are_relayed
from qbank_orchestration.engine.relaying import found_wrong
from qbank_orchestration.resources import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sink(**found) -> Standing:
    usual = {"behind": 0, "oldest_s": None, "dead_letters": 0, "delivered": 7, "problem": ""}
    return Standing(
        **{"sink": "kafka", "delivered_at": NOW, "heard_at": NOW, "holder": "host:1"}
        | usual
        | found
    )


@pytest.mark.parametrize(("oldest_s", "late"), [(None, False), (900.0, False), (900.1, True)])
def test_a_quarter_of_an_hour_is_late(oldest_s, late):
    assert bool(found_wrong([sink(oldest_s=oldest_s, behind=3)])) is late


def test_it_says_who_is_late_and_why_and_who_refused():
    assert found_wrong([]) == []
    said = found_wrong(
        [
            sink(oldest_s=3600.0, behind=12, problem="Connection refused"),
            sink(sink="webhook", oldest_s=1800.0, behind=2, dead_letters=1),
        ]
    )
    assert said == [
        "kafka is 12 events and 60 minutes behind: Connection refused",
        "webhook is 2 events and 30 minutes behind: is qbank relay running?",
        "webhook would not take 1 events: qbank relay dead-letters",
    ]


def test_the_check_reads_how_far_each_sink_is(settings):
    result = events_are_relayed(database=Database())
    assert (result.passed, result.description) == (True, "nobody reads along")
    with connect("owner") as conn:
        conn.execute(
            """INSERT INTO event_outbox
                (occurred_at, id, tenant_id, aggregatetype, aggregateid, type, payload)
            SELECT now() - interval '1 hour', gen_random_uuid(), 't', 'quiz', 'q', 'x', '{}'
            FROM generate_series(1, 5);
            INSERT INTO event_relays (sink, position, delivered) VALUES ('kafka', 2, 2)"""
        )
    result = events_are_relayed(database=Database())
    assert not result.passed
    assert result.description == (
        "kafka is 3 events and 60 minutes behind: is qbank relay running?"
    )
    (record,) = result.metadata["sinks"].value.records
    assert (record.data["behind"], record.data["delivered"]) == (3, 2)
