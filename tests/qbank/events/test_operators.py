"""What staff and runs change is told by whichever statement changes it, where events are on."""

from __future__ import annotations

from typing import Any

import pytest

from qbank import migrations
from qbank.alerts import Alert, AlertSettings, Outbox, configured_sinks, deliver
from qbank.postgres import connect
from qbank.settings import Settings
from qbank.stores import exposure, runs
from tests.qbank.events.documents import sent


@pytest.fixture
def on(settings: Settings) -> Settings:
    with connect() as conn:
        conn.execute(
            """INSERT INTO exams (exam_code, tenant_id, title) VALUES ('A', 'demo', 'A');
            INSERT INTO topics (tenant_id, name) VALUES ('demo', 't');
            INSERT INTO questions (tenant_id, created_by)
            SELECT 'demo', 't' FROM generate_series(1, 2);
            INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)
            SELECT q.id, v, 'x', t.id, 't' FROM questions AS q, topics AS t,
                generate_series(1, 2) AS v"""
        )
        conn.execute("UPDATE question_versions SET state = 'published'")
    return settings.model_copy(update={"events": True})


PUBLISH = """INSERT INTO question_publications AS p
        (question_id, live_version, exam_code, tenant_id)
    SELECT id, %s, 'A', 'demo' FROM questions
    ON CONFLICT (question_id, tenant_id, exam_code) DO UPDATE
    SET live_version = excluded.live_version WHERE p.live_version <> excluded.live_version"""


def told() -> list[tuple[str, str, dict[str, Any]]]:
    with connect() as conn:
        events = sent(conn)
    return [(e["type"], e["subject"].partition("/")[2], e["data"]) for e in events]


def test_items_that_are_published_and_retired_are_told_each_once(on):
    with connect(settings=on) as conn:
        for version in (1, 1, 2):
            conn.execute(PUBLISH, (version,))
        conn.execute("UPDATE question_publications SET published_at = now()")
        conn.execute("DELETE FROM question_publications WHERE question_id = 1")
    assert [(kind, of, p["version"], p.get("before")) for kind, of, p in told()] == [
        ("item_published", "1", 1, None),
        ("item_published", "2", 1, None),
        ("item_published", "1", 2, 1),
        ("item_published", "2", 2, 1),
        ("item_retired", "1", 2, None),
    ]


def test_what_is_taken_back_and_what_is_done_without_events_is_not_told(on):
    with connect(settings=on) as conn:
        conn.execute(PUBLISH, (1,))
        conn.rollback()
    with connect() as conn:
        conn.execute(PUBLISH, (1,))
    assert told() == []


def test_migrations_run_where_events_are_on(on):
    assert migrations.migrate(on) == []


def test_exposure_and_runs_are_told(on):
    with connect(settings=on) as conn:
        conn.execute(PUBLISH, (1,))
        conn.execute("TRUNCATE event_outbox")
    with connect("orchestration", settings=on) as conn:
        made = runs.create(conn, kind="sympson_hetter", exam_code="A", params={}, requested_by="t")
        run = runs.claim(conn, made.id, orchestrator_run_id="r").id
        origin = exposure.Origin(source="calibration", actor="t", run_id=run)
        exposure.publish(conn, "A", [exposure.Control(1, 1, 0.5)], origin)
        assert told() == []  # not before it is committed
        conn.commit()
        runs.finish(conn, run, "failed", error="it is a test")
        runs.finish(conn, run, "failed", error="again")
    (changed, finished) = told()
    item = {"exam": "A", "question_id": "1", "version": 1}
    said = {"before": None, "after": 0.5, "source": "calibration", "run_id": str(run)}
    assert changed == ("exposure_changed", "1", item | said)
    end = {"exam": "A", "run_id": str(run), "kind": "sympson_hetter", "status": "failed"}
    assert finished == ("calibration_finished", "A", end)


def test_another_change_after_a_restore_is_another_event(on):
    """The history's numbers come again then, and receivers drop an id that they have already."""
    for _ in range(2):
        with connect(settings=on) as conn:
            conn.execute("ALTER TABLE item_exposure_history DISABLE TRIGGER USER")
            conn.execute("TRUNCATE item_exposure_history RESTART IDENTITY")
            conn.execute("ALTER TABLE item_exposure_history ENABLE TRIGGER USER")
            conn.execute("DELETE FROM item_exposure_control")
            conn.execute(PUBLISH, (1,))
            change = exposure.Control(1, 1, 0.5)
            exposure.publish(conn, "A", [change], exposure.Origin(source="manual", actor="t"))
    assert [kind for kind, _, _ in told()].count("exposure_changed") == 2


def test_an_alert_is_an_event_and_waits_while_the_database_is_away(on, monkeypatch):
    monkeypatch.setenv("QBANK_EVENTS", "true")
    (way,) = configured_sinks(AlertSettings.load())
    outbox = Outbox(0.0, 0.0)
    outbox.take([Alert("run:1", "nightly of E1 failed", (), "http://d/r")], [way.name], 1.0)
    with connect() as conn:
        conn.execute("ALTER TABLE event_outbox RENAME TO away")
    (failed,) = deliver(outbox, [way], sleep=lambda _s: None)
    assert (failed.sent, failed.waiting, "event_outbox" in failed.error) == (0, 1, True)
    with connect() as conn:
        conn.execute("ALTER TABLE away RENAME TO event_outbox")
    for taken in ([1], []):
        assert [outcome.sent for outcome in deliver(outbox, [way])] == taken
    said = {"key": "run:1", "title": "nightly of E1 failed", "link": "http://d/r"}
    assert told() == [("alarm_raised", "*", said)]
