"""What Postgres lets the API's role see and change, whatever the API's own code asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, IntegrityError

from qbank.postgres import connect
from tests.delivery_api.conftest import World

Conn = psycopg.Connection[Any]

# table: columns that the API's role may change
CHANGES = {
    "calibration_runs": "cancel_requested_at, finished_at, status, stopped_reason",
    "cohort_assignments": "assigned_at, cohort_value",
    "exams": "irt_model, is_default, policy, tau, test_length, title",
    "exposure_daily": "controlled, people, served",
    "feature_flags": "enabled, value_json",
    "idempotent_requests": "body, status",
    "lti_scores": "attempts, next_at, problem, sent_at, state",
    "item_exposure_control": "pinned, run_id, sh_p, updated_at, updated_by",
    "question_publications": "live_version, published_at",
    "question_versions": "state",
    "questions": "external_ref, is_deleted",
    "quiz_sessions": "expires_at, is_reset, sealed_at, theta, theta_se, voided_at",
}
REMOVES = {
    "cohort_assignments",
    "exam_blueprints",
    "idempotent_requests",
    "question_publications",
}
# what Postgres itself adds
QUEUED = {"lti_scores"}
ADDS = (set(CHANGES) - QUEUED) | {
    "audit_log",
    "data_request_files",
    "data_requests",
    "event_outbox",
    "exam_blueprints",
    "item_exposure_history",
    "item_flag_decisions",
    "lti_launches",
    "lti_people",
    "lti_quizzes",
    "question_options",
    "question_reviews",
    "quiz_events",
    "quiz_items",
    "quiz_results",
    "topics",
    "user_responses",
}
# which migrations were applied is no tenant's
OPEN = {"_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock"}


@pytest.fixture
def delivery(world: World) -> Iterator[Conn]:
    """The API's role, in a transaction of tenant demo in which amy changes something."""
    with connect("delivery", settings=world.settings) as conn:
        name(conn)
        yield conn
        conn.rollback()


def name(conn: Conn, actor: str = "amy") -> None:
    conn.execute(
        "SELECT set_config('qbank.tenant_id', 'demo', true), set_config('qbank.actor', %s, true)",
        (actor,),
    )


def audit(conn: Conn, target: str, actor: str = "amy") -> None:
    conn.execute(
        """INSERT INTO audit_log (tenant_id, actor, action, target, written_by, created_at)
        VALUES ('demo', %s, 'any.change', %s, 'somebody', '2020-01-01')""",
        (actor, target),
    )


def test_the_apis_role_changes_these_columns_and_no_others(world):
    """Every table and column of the schema, asked of Postgres."""
    sql = """SELECT c.relname, a.attname, has_column_privilege('qbank_delivery', c.oid, a.attname,
                'UPDATE'), has_table_privilege('qbank_delivery', c.oid, 'INSERT'),
            has_table_privilege('qbank_delivery', c.oid, 'DELETE'),
            has_table_privilege('qbank_delivery', c.oid, 'TRUNCATE, TRIGGER, REFERENCES')
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
            AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'v', 'm', 'p') AND c.relnamespace = 'public'::regnamespace"""
    with world.connect() as conn:
        rows = conn.execute(sql).fetchall()
    changes: dict[str, list[str]] = {}
    every: dict[str, list[str]] = {}
    for table, column, may_change, *_ in rows:
        every.setdefault(table, []).append(column)
        if may_change:
            changes.setdefault(table, []).append(column)
    told = {
        table: "*" if sorted(columns) == sorted(every[table]) else ", ".join(sorted(columns))
        for table, columns in changes.items()
    }
    assert told == CHANGES
    assert {row[0] for row in rows if row[3]} == ADDS
    assert {row[0] for row in rows if row[4]} == REMOVES
    assert not any(row[5] for row in rows)


def test_what_the_apis_role_reads_has_a_wall(world):
    """A table that comes later is asked as well."""
    sql = """SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^(pg_|information_schema)'
            AND has_schema_privilege('qbank_delivery', n.oid, 'USAGE')
            AND has_any_column_privilege('qbank_delivery', c.oid, 'SELECT')
            AND NOT c.relrowsecurity"""
    with world.connect() as conn:
        assert {row[0] for row in conn.execute(sql).fetchall()} == OPEN
        walled = conn.execute(
            """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND relrowsecurity AND has_table_privilege('qbank_delivery', oid, 'SELECT')"""
        ).fetchall()
    with connect("delivery", settings=world.settings) as conn:
        for tenant in ("", "nobody"):
            conn.execute("SELECT set_config('qbank.tenant_id', %s, true)", (tenant,))
            for (table,) in walled:
                rows = conn.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
                assert rows == (0,), table


# what is changed: the statement, and the target that the audit log has to name
AUDITED = {
    "settings": ("UPDATE exams SET tau = 0.1 WHERE exam_code = 'core'", "exam=core"),
    "a policy": (
        """UPDATE exams SET policy = '{"attempts": {"feedback": true}}' WHERE exam_code = 'core'""",
        "exam=core",
    ),
    "a blueprint": (
        """INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)
        SELECT 'core', min(id), 0.5 FROM topics""",
        "exam=core",
    ),
    "a status": (
        "UPDATE question_versions SET state = 'retired' WHERE question_id = {item}",
        "question={item}",
    ),
    "a publication": (
        "DELETE FROM question_publications WHERE question_id = {item}",
        "question={item}",
    ),
    "a question": ("UPDATE questions SET is_deleted = true WHERE id = {item}", "question={item}"),
    "a pin": (
        """UPDATE item_exposure_control SET pinned = true
        WHERE exam_code = 'core' AND question_id = {item}""",
        "question={item}",
    ),
    "a flag": (
        """INSERT INTO feature_flags (key, tenant_id, enabled, value_json)
        VALUES ('selector_strategy', 'demo', true, '"vanilla"')""",
        "flag=selector_strategy",
    ),
    "a topic": (
        "INSERT INTO topics (id, tenant_id, name) OVERRIDING SYSTEM VALUE"
        " VALUES (999999, 'demo', 'x')",
        "topic=999999",
    ),
    "a run": (
        """INSERT INTO calibration_runs (id, kind, exam_code, requested_by)
        VALUES ('00000000-0000-0000-0000-000000000001', 'irt', 'core', 'amy')""",
        "run=00000000-0000-0000-0000-000000000001",
    ),
}


@pytest.mark.parametrize("what", AUDITED)
def test_nothing_of_authors_and_administrators_changes_without_its_audit(delivery, world, what):
    statement, target = (text.replace("{item}", str(world.questions[70])) for text in AUDITED[what])
    for other in (None, f"exam=other {target}1"):
        name(delivery)
        if other:
            audit(delivery, other)
        delivery.execute(statement)
        with pytest.raises(IntegrityError, match=f"{target.split('=')[0]}.* changes without a row"):
            delivery.execute("SET CONSTRAINTS ALL IMMEDIATE")
        delivery.rollback()
    name(delivery)
    audit(delivery, f"tenant=demo {target}")
    delivery.execute(statement)
    delivery.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_audit_log_is_of_the_person_of_the_transaction_and_of_now(delivery):
    audit(delivery, "exam=core")
    sql = """SELECT actor, written_by, created_at = transaction_timestamp() FROM audit_log
        ORDER BY id DESC LIMIT 1"""
    assert delivery.execute(sql).fetchone() == ("amy", "qbank_delivery", True)
    with pytest.raises(InsufficientPrivilege, match="not of bob"):
        audit(delivery, "exam=core", actor="bob")


@pytest.mark.parametrize("actor", [None, ""])
def test_who_names_no_actor_is_told_so(delivery, actor):
    """As a worker of an older release does."""
    delivery.rollback()
    delivery.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
    if actor is not None:
        delivery.execute("SELECT set_config('qbank.actor', %s, true)", (actor,))
    with pytest.raises(InsufficientPrivilege, match="is an older release running"):
        audit(delivery, "exam=core")


@pytest.fixture
def draft(world: World) -> tuple[int, int]:
    """A question, and the id of its version that is a draft."""
    with world.connect() as owner:
        row = owner.execute(
            """INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)
            SELECT question_id, max(version) + 1, 'draft', min(topic_id), 'amy'
            FROM question_versions WHERE question_id = %s GROUP BY question_id
            RETURNING question_id, id""",
            (world.questions[73],),
        ).fetchone()
    assert row is not None
    return row


OPTION = """INSERT INTO question_options (question_version_id, option_label, option_text_md,
        is_correct) VALUES (%s, %s, 'text', %s)"""
REVIEW = """INSERT INTO question_reviews (question_version_id, reviewer_id, status)
    VALUES (%s, 'amy', 'approved')"""


@pytest.mark.parametrize(("statement", "values"), [(OPTION, ("A", True)), (REVIEW, ())])
def test_no_key_and_no_review_comes_without_its_audit(delivery, draft, statement, values):
    question, version = draft
    delivery.execute(statement, (version, *values))
    with pytest.raises(IntegrityError, match=f"question={question} changes without a row"):
        delivery.execute("SET CONSTRAINTS ALL IMMEDIATE")
    delivery.rollback()
    name(delivery)
    audit(delivery, f"question={question}")
    delivery.execute(statement, (version, *values))
    delivery.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_published_version_gets_no_more_options(delivery, world):
    question = world.questions[74]
    audit(delivery, f"question={question}")
    sql = "SELECT id FROM question_versions WHERE question_id = %s"
    (version,) = delivery.execute(sql, (question,)).fetchone()
    with pytest.raises(IntegrityError, match=f"question {question} is published and its options"):
        delivery.execute(OPTION, (version, "E", False))


HISTORY = """INSERT INTO item_exposure_history
        (exam_code, question_id, version, before, after, source, actor)
    VALUES ('core', %(item)s, 1, %(before)s, %(after)s, 'manual', %(actor)s)"""
CHANGE = """UPDATE item_exposure_control SET sh_p = 0.25, updated_by = 'amy'
    WHERE exam_code = 'core' AND question_id = %(item)s"""


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"before": 0.9}, "without a row of history"),
        ({"after": 0.9}, "without a row of history"),
        ({"actor": "bob"}, "not of bob"),
    ],
)
def test_history_of_sh_p_tells_what_was_and_by_whom(delivery, world, told, error):
    values = {"item": world.questions[71], "before": 0.6, "after": 0.25, "actor": "amy"}
    delivery.execute(CHANGE, values)
    delivery.execute(HISTORY, values)
    delivery.execute("SET CONSTRAINTS ALL IMMEDIATE")
    delivery.rollback()
    name(delivery)
    delivery.execute(CHANGE, values)
    with pytest.raises((IntegrityError, InsufficientPrivilege), match=error):  # noqa: PT012
        delivery.execute(HISTORY, values | told)
        delivery.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    ("source", "run"), [("calibration", None), ("manual", "00000000-0000-0000-0000-000000000002")]
)
def test_what_is_set_by_hand_is_no_runs_doing(delivery, world, source, run):
    sql = """INSERT INTO item_exposure_history
            (exam_code, question_id, version, before, after, source, run_id, actor)
        VALUES ('core', %s, 1, 0.6, 0.25, %s, %s, 'amy')"""
    with pytest.raises(InsufficientPrivilege, match="set by hand"):
        delivery.execute(sql, (world.questions[75], source, run))


@pytest.mark.parametrize("role", ["delivery", "orchestration"])
def test_there_is_no_history_of_what_did_not_happen(world, role):
    with connect(role, settings=world.settings) as conn:
        name(conn)
        values = {"item": world.questions[72], "before": 0.6, "after": 0.1, "actor": "amy"}
        conn.execute(HISTORY, values)
        with pytest.raises(IntegrityError, match="not in force"):
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_what_is_sealed_stays_sealed(delivery, world):
    with world.connect() as owner:
        owner.execute(
            """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code,
                selector, num_questions, expires_at, sealed_at)
            VALUES ('sealed', 'ann', 'demo', 'exam', true, 'core', 'vanilla', 1,
                now() + interval '1 hour', now()) ON CONFLICT DO NOTHING"""
        )
    with pytest.raises(IntegrityError, match="quiz sealed is sealed"):
        delivery.execute("UPDATE quiz_sessions SET sealed_at = NULL WHERE id = 'sealed'")


def test_the_apis_role_says_of_no_run_that_it_is_done(delivery, world):
    new = """INSERT INTO calibration_runs (id, kind, exam_code, requested_by{more})
        VALUES (gen_random_uuid(), 'irt', 'core', 'amy'{value}) RETURNING id"""
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        delivery.execute(new.format(more=", status", value=", 'done'"))
    delivery.rollback()
    name(delivery)
    (run,) = delivery.execute(new.format(more="", value="")).fetchone()
    state = "UPDATE calibration_runs SET status = %s, finished_at = now() WHERE id = %s"
    for status, error in (("done", "row-level security"), ("running", f"{run} is queued")):
        with (
            pytest.raises(InsufficientPrivilege, match=error),
            delivery.transaction(),
        ):
            delivery.execute(state, (status, run))
    assert delivery.execute(state, ("canceled", run)).rowcount == 1
    # it is over
    assert delivery.execute(state, ("canceled", run)).rowcount == 0
