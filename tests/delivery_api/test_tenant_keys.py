"""No row names another tenant's things: Postgres refuses it to the API's role and to the owner."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege

from qbank.postgres import connect
from qbank.stores import runs

# what a tenant of the world has of its own, and what the other one has
_MINE = {
    "exam": "SELECT exam_code FROM exams WHERE tenant_id = %s AND exam_code IN ('core', 'theirs')",
    "topic": "SELECT min(id) FROM topics WHERE tenant_id = %s",
    "question": "SELECT min(id) FROM questions AS q WHERE tenant_id = %s"
    " AND NOT EXISTS (SELECT FROM quiz_items AS i WHERE i.question_id = q.id)",
    "quiz": "SELECT id FROM quiz_sessions WHERE tenant_id = %s",
    "run": "SELECT id FROM calibration_runs AS r JOIN exams AS e USING (exam_code)"
    " WHERE e.tenant_id = %s",
}
_QUIZ = """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
        num_questions, expires_at)
    VALUES ({id}, 'u', {tenant}, 'tutor', true, {exam}, 'vanilla', 1, now() + interval '1 hour')"""
_ITEM = """INSERT INTO quiz_items (quiz_id, question_id, version, position, selector{more})
    VALUES ({quiz}, {question}, 1, 90, 'vanilla'{value})"""
_HISTORY = """INSERT INTO item_exposure_history
        (exam_code, question_id, version, after, source, actor, run_id)
    VALUES ({exam}, {question}, 1, 0.5, 'manual', 'x', {run})"""
_CONTROL = """INSERT INTO item_exposure_control
        (exam_code, question_id, version, sh_p, updated_by, run_id)
    VALUES ({exam}, {question}, 1, 0.5, 'x', {run})
    ON CONFLICT (exam_code, question_id, version) DO UPDATE SET run_id = excluded.run_id"""
_VERSION = """INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)
    VALUES ({question}, 9, 'x', {topic}, 'x')"""
_BLUEPRINT = """INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)
    VALUES ({exam}, {topic}, 0.1)"""
_SERVED = """INSERT INTO exposure_daily (day, exam_code, question_id, version)
    VALUES ('2026-01-01', {exam}, {question}, 1)"""
_PUBLISH = """INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
    VALUES ({question}, 1, {exam}, {tenant})
    ON CONFLICT (question_id, tenant_id, exam_code) DO UPDATE SET live_version = 1"""
_NAMED = """INSERT INTO questions (tenant_id, exam_code, created_by)
    VALUES ({tenant}, {exam}, 'x')"""
_BELOW = "INSERT INTO topics (tenant_id, parent_id, name) VALUES ({tenant}, {topic}, 'below')"
_CALIBRATED = """INSERT INTO item_calibration
        (exam_code, question_id, version, model, a, b, n_respondents, converged, run_id)
    VALUES ({exam}, {question}, 1, '2pl', 1, 0, 9, true, {run})
    ON CONFLICT (exam_code, question_id, version, model) DO UPDATE SET run_id = excluded.run_id"""
_COUNTED = """INSERT INTO item_stats_ctt (exam_code, question_id, version, n)
    VALUES ({exam}, {question}, 1, 9)"""

# statement, and which of the things that it names are the other tenant's
DELIVERY = [
    (_PUBLISH, {"exam"}),
    (_PUBLISH, {"question"}),
    (_QUIZ, {"exam"}),
    (_ITEM, {"question"}),
    (_ITEM, {"quiz"}),
    (_NAMED, {"exam"}),
    (_BELOW, {"topic"}),
    (_VERSION, {"topic"}),
    (_VERSION, {"question"}),
    (_VERSION, {"question", "topic"}),
    (_BLUEPRINT, {"topic"}),
    (_BLUEPRINT, {"exam"}),
    (_SERVED, {"question"}),
    (_SERVED, {"exam"}),
    (_CONTROL, {"question"}),
    (_CONTROL, {"run"}),
    (_HISTORY, {"exam", "question"}),
    (_HISTORY, {"run"}),
    ("UPDATE question_publications SET exam_code = {exam}", {"exam"}),
    ("UPDATE questions SET exam_code = {exam} WHERE id = {question}", {"exam"}),
    ("UPDATE quiz_sessions SET exam_code = {exam}", {"exam"}),
    ("UPDATE quiz_items SET question_id = {question}", {"question"}),
    ("UPDATE question_versions SET topic_id = {topic} WHERE state = 'draft'", {"topic"}),
    ("UPDATE question_versions SET tenant_id = {others_tenant} WHERE state = 'draft'", set()),
    ("UPDATE exams SET tenant_id = {others_tenant}", set()),
]
OWNER = [case for case in DELIVERY if not {"quiz"} & case[1] and "quiz_items" not in case[0]]
OWNER = [case for case in OWNER if len(case[1]) < 2] + [
    (_CALIBRATED, {"question"}),
    (_CALIBRATED, {"run"}),
    (_COUNTED, {"question"}),
]


@pytest.fixture(scope="module")
def things(world, client, as_user) -> dict[str, dict[str, Any]]:
    """By tenant: an exam, topic, question, quiz and run of it, and its name."""
    for tenant, exam in (("demo", "core"), ("other", "theirs")):
        ann = as_user("ann", "student", tenant=tenant)
        quiz = client.post("/v1/quizzes", json={"filters": {"exam_code": exam}}, headers=ann)
        assert client.get(f"/v1/quizzes/{quiz.json()['quiz_id']}/next", headers=ann).is_success
        with world.connect() as conn:
            runs.create(conn, kind="irt", exam_code=exam, params={}, requested_by="t")
            topic = conn.execute(_MINE["topic"], (tenant,)).fetchone()
            conn.execute(
                """INSERT INTO question_versions (question_id, version, stem_md, topic_id,
                    created_by)
                SELECT max(id), 2, 'draft', %s, 't' FROM questions WHERE tenant_id = %s""",
                (*topic, tenant),
            )
    with world.connect() as conn:
        return {
            tenant: {"tenant": tenant, "others_tenant": others}
            | {what: conn.execute(query, (tenant,)).fetchone()[0] for what, query in _MINE.items()}
            for tenant, others in (("demo", "other"), ("other", "demo"))
        }


def told(statement: str, things: dict[str, dict[str, Any]], foreign: set[str]) -> str:
    """The statement as a caller of ``other`` sends it, with ``foreign`` things of ``demo``."""
    named = things["other"] | {what: things["demo"][what] for what in foreign}
    quoted = {what: f"'{value}'" for what, value in named.items()} | {"id": "gen_random_uuid()"}
    return statement.format(**quoted, more="", value="")


# of everything that the tenant has, as whoever changes it through the API writes down what it is
_AUDIT = """INSERT INTO audit_log (tenant_id, actor, action, target)
    SELECT 'other', 'x', 'any.change', concat_ws(' ', 'exam=theirs',
        (SELECT string_agg('question=' || id, ' ') FROM questions),
        (SELECT string_agg('topic=' || id, ' ') FROM topics))"""


def tried(conn: psycopg.Connection[Any], statement: str) -> None:
    conn.execute(
        "SELECT set_config('qbank.tenant_id', 'other', true), set_config('qbank.actor', 'x', true)"
    )
    try:
        conn.execute(statement)
        conn.execute(_AUDIT)
        conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    finally:
        conn.rollback()


@pytest.mark.parametrize(("statement", "foreign"), DELIVERY)
def test_the_apis_role_names_nothing_of_another_tenant(world, things, statement, foreign):
    with connect("delivery", settings=world.settings) as conn:
        with pytest.raises((ForeignKeyViolation, InsufficientPrivilege)) as refused:
            tried(conn, told(statement, things, foreign))
        # whether the other tenant has it, or nobody, is not told
        assert not foreign or "demo" not in str(refused.value)


@pytest.mark.parametrize(("statement", "foreign"), OWNER)
def test_keys_hold_for_the_owner_too(world, things, statement, foreign):
    with world.connect() as conn, pytest.raises(ForeignKeyViolation):
        tried(conn, told(statement, things, foreign))


@pytest.mark.parametrize(
    "statement",
    [
        *(_PUBLISH, _QUIZ, _ITEM, _NAMED, _BELOW, _VERSION, _BLUEPRINT, _SERVED),
        # by hand, as nothing that the API's role sets is a run's doing
        f"{_HISTORY}; {_CONTROL}".replace("{run}", "NULL"),
        *(_CALIBRATED, _COUNTED),
    ],
)
def test_of_its_own_a_tenant_names_all(world, things, statement):
    role = "owner" if statement in (_CALIBRATED, _COUNTED) else "delivery"
    with connect(role, settings=world.settings) as conn:
        tried(conn, told(statement, things, set()))


def test_delivery_writes_no_rows_of_imports(world, things):
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO import_batches (exam_code, source_name, source_sha256, rows_read,
                rows_inserted, rows_known, rows_rejected, imported_by)
            SELECT exam_code, 'x', repeat('0', 64), 0, 0, 0, 0, 'x' FROM exams"""
        )
        batch = conn.execute("SELECT id FROM import_batches WHERE tenant_id = 'demo'").fetchone()[0]
    own = things["other"] | {"batch": batch}
    item = _ITEM.format(
        quiz=f"'{own['quiz']}'",
        question=own["question"],
        more=", import_batch_id",
        value=f", {batch}",
    )
    answer = f"""INSERT INTO user_responses
            (quiz_id, user_id, question_id, version, is_correct, import_batch_id)
        SELECT quiz_id, 'ann', question_id, version, true, {batch} FROM quiz_items LIMIT 1"""  # noqa: S608
    with connect("delivery", settings=world.settings) as conn:
        for statement in (item, answer):
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                tried(conn, statement)


# without a tenant of their own, and why: see the migration
WITHOUT = {"quiz_items", "user_responses", "quiz_results", "response_history", "lti_quizzes"}
_KEYS = """
SELECT c.conrelid::regclass::text AS source, c.confrelid::regclass::text AS target,
    c.conname, ARRAY(
        SELECT a.attname::text FROM unnest(c.conkey) AS k (attnum)
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns
FROM pg_constraint AS c
WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
"""
_TENANTED = """
SELECT attrelid::regclass::text FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE a.attname = 'tenant_id' AND NOT a.attisdropped AND c.relkind = 'r'
    AND c.relnamespace = 'public'::regnamespace
"""


def astray(conn: psycopg.Connection[Any]) -> list[str]:
    """Foreign keys that could name a row of another tenant."""
    tenanted = {row[0] for row in conn.execute(_TENANTED).fetchall()}
    keys = conn.execute(_KEYS).fetchall()
    # what names something of a tenant is that tenant's, too
    owned = set(tenanted)
    while more := {source for source, target, *_ in keys if target in owned} - owned:
        owned |= more
    keys = [key for key in keys if key[1] in owned]
    named = Counter(source for source, *_ in keys)
    return sorted(
        f"{source}.{name}: a key to {target} without tenant_id"
        for source, target, name, columns in keys
        if "tenant_id" not in columns
        # a row that names a single one is of that one's tenant
        and (source in tenanted or (named[source] > 1 and source not in WITHOUT))
    )


def test_every_key_to_something_of_a_tenant_holds_the_tenant(world):
    with world.connect() as conn:
        assert astray(conn) == []
        # and a table to come is seen
        conn.execute(
            """CREATE TABLE seats (tenant_id text NOT NULL, exam_code text REFERENCES exams);
            CREATE TABLE hints (exam_code text REFERENCES exams, topic_id bigint REFERENCES topics);
            CREATE TABLE notes (topic_id bigint REFERENCES topics)"""
        )
        assert astray(conn) == [
            "hints.hints_exam_code_fkey: a key to exams without tenant_id",
            "hints.hints_topic_id_fkey: a key to topics without tenant_id",
            "seats.seats_exam_code_fkey: a key to exams without tenant_id",
        ]
        conn.rollback()


def test_what_names_an_exam_or_an_item_has_a_key_to_it(world):
    """A bare column would be no reference at all, to whatever tenant."""
    bare = """
        SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
            AND c.relname <> 'exams' AND a.attname IN ('exam_code', 'question_id', 'topic_id')
            AND NOT EXISTS (
                SELECT FROM pg_constraint AS k WHERE k.contype = 'f' AND k.conrelid = c.oid
                    AND a.attnum = ANY(k.conkey))
        ORDER BY 1"""
    with world.connect() as conn:
        found = {row[0] for row in conn.execute(bare).fetchall()}
    assert found == {"mart_replaced", "question_publication_history", "response_history"}
