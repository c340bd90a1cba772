"""Responses for the marts benchmark, generated inside Postgres: content, history, one night.

What never lives here: what is measured. Rows are made by set-based statements, seeded, with
foreign keys unchecked while loading, for ten million rows must be there in minutes.
"""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg

EXAMS: Final = 4
POOL: Final = 500  # items of an exam; it shares half of them with its neighbour
ITEMS: Final = POOL // 2 * (EXAMS + 1)
SESSION_LENGTH: Final = 25
SESSIONS_A_USER: Final = 10
ROWS_A_DAY: Final = 100_000
LATE_QUIZ: Final = "late-quiz"

_CONTENT: Final[LiteralString] = """
INSERT INTO topics (tenant_id, name) VALUES ('bench', 'All');
INSERT INTO topics (tenant_id, parent_id, name)
SELECT 'bench', 1, 'Area ' || i FROM generate_series(1, 6) AS i;
INSERT INTO topics (tenant_id, parent_id, name)
SELECT 'bench', 2 + i %% 6, 'Topic ' || i FROM generate_series(1, 30) AS i;
INSERT INTO exams (exam_code, tenant_id, title)
SELECT 'exam' || i, 'bench', 'Exam ' || i FROM generate_series(0, %(exams)s - 1) AS i;
INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)
SELECT e.exam_code, t.id, 1.0 / 6 FROM exams AS e, topics AS t WHERE t.parent_id = 1;
INSERT INTO questions (tenant_id, created_by)
SELECT 'bench', 'author' FROM generate_series(1, %(items)s);
INSERT INTO question_versions
    (question_id, version, state, stem_md, difficulty_label, topic_id, created_by)
SELECT i, 1, 'approved', 'Stem', (ARRAY['easy', 'medium', 'hard'])[1 + i %% 3], 8 + i %% 30,
    'author'
FROM generate_series(1, %(items)s) AS i;
INSERT INTO question_options (question_version_id, option_label, option_text_md, is_correct)
SELECT v.id, label, 'Text', label = 'A'
FROM question_versions AS v, unnest(ARRAY['A', 'B', 'C', 'D']) AS label;
UPDATE question_versions SET state = 'published';
INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
SELECT 1 + e * %(pool)s / 2 + i, 1, 'exam' || e, 'bench'
FROM generate_series(0, %(exams)s - 1) AS e, generate_series(0, %(pool)s - 1) AS i;
INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, assigned_at)
SELECT 'user' || i, 'selector', (ARRAY['vanilla', 'sympson_hetter'])[1 + i / 4 %% 2], '2000-01-01'
FROM generate_series(0, %(users)s - 1) AS i;
"""

# quizzes follow one another evenly over the days, so that rows lie in the order they came in
_SESSIONS: Final[LiteralString] = """
INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
    num_questions, theta, theta_se, started_at, expires_at, sealed_at, created_at, updated_at)
SELECT md5(%(name)s || i)::uuid::text, 'user' || u, 'bench',
    (ARRAY['exam', 'tutor'])[1 + i %% 2], true, 'exam' || u %% %(exams)s,
    (ARRAY['vanilla', 'sympson_hetter'])[1 + u / 4 %% 2], %(length)s,
    random_normal(), 0.3 + random() / 10,
    s, s + interval '4 hours', CASE WHEN random() < 0.95 THEN s + interval '40 minutes' END,
    s, s + interval '40 minutes'
FROM (
    SELECT i, (hashint8(i) & 2147483647) %% %(users)s AS u,
        now() - %(first_day)s * interval '1 day'
        + i * (%(days)s * interval '1 day') / %(sessions)s AS s
    FROM generate_series(0, %(sessions)s - 1) AS i
) AS drawn
"""

# different items of the exam's pool by a stride that shares no factor with its size
_ITEMS: Final[LiteralString] = """
INSERT INTO quiz_items (quiz_id, question_id, version, position, served_at, selector,
    theta_before, sh_p, rejected, created_at)
SELECT s.id, s.first_item + (s.h + p * (3 + s.h / 7 %% 20 * 10)) %% %(pool)s, 1, p,
    s.started_at + p * interval '1 minute', s.selector, random_normal(), 0.8,
    CASE WHEN s.selector = 'sympson_hetter' AND random() < 0.2
        THEN ARRAY[s.first_item + (s.h + 200 + p * 7) %% %(pool)s]::bigint[] ELSE '{}' END,
    s.started_at + p * interval '1 minute'
FROM (
    SELECT *, hashtext(id)::bigint & 2147483647 AS h,
        1 + right(exam_code, 1)::integer * %(pool)s / 2 AS first_item
    FROM quiz_sessions
    WHERE started_at >= now() - %(first_day)s * interval '1 day'
) AS s CROSS JOIN generate_series(1, %(length)s) AS p
WHERE NOT EXISTS (SELECT FROM quiz_items AS i WHERE i.quiz_id = s.id)
ORDER BY s.started_at + p * interval '1 minute'
"""

_RESPONSES: Final[LiteralString] = """
INSERT INTO user_responses (quiz_id, user_id, question_id, version, option_label, is_correct,
    time_taken_ms, created_at, recorded_at)
SELECT d.quiz_id, s.user_id, d.question_id, d.version, d.option_label, d.option_label = 'A',
    exp(10 + 0.5 * random_normal())::integer, d.served_at + interval '50 s',
    d.served_at + interval '50 s'
FROM (
    SELECT i.*, CASE WHEN random() < 0.6 THEN 'A'
        ELSE (ARRAY['B', 'C', 'D'])[1 + floor(random() * 3)::integer] END AS option_label
    FROM quiz_items AS i
    WHERE i.served_at >= now() - %(first_day)s * interval '1 day' AND random() < 0.97
) AS d JOIN quiz_sessions AS s ON s.id = d.quiz_id
WHERE NOT EXISTS (SELECT FROM user_responses AS r WHERE r.quiz_id = d.quiz_id)
ORDER BY d.served_at
"""

# answered two days ago, come in now, to a question that its student answered again last night
_LATE: Final[LiteralString] = """
WITH again AS (
    SELECT r.user_id, r.question_id, s.exam_code
    FROM user_responses AS r JOIN quiz_sessions AS s ON s.id = r.quiz_id
    WHERE r.recorded_at >= now() - interval '1 day' ORDER BY r.id LIMIT 1
), quiz AS (
    INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
        num_questions, started_at, expires_at, sealed_at)
    SELECT %(late)s, a.user_id, 'bench', 'tutor', false, a.exam_code, 'fixed', 1,
        now() - interval '50 hours', now() - interval '46 hours', now() - interval '47 hours'
    FROM again AS a
), item AS (
    INSERT INTO quiz_items (quiz_id, question_id, version, position, served_at, selector)
    SELECT %(late)s, a.question_id, 1, 1, now() - interval '50 hours', 'fixed' FROM again AS a
)
INSERT INTO user_responses (quiz_id, user_id, question_id, version, is_correct, created_at)
SELECT %(late)s, a.user_id, a.question_id, 1, true, now() - interval '48 hours' FROM again AS a
"""


def load_history(
    owner: psycopg.Connection[Any], responses: int, *, rows_a_day: int = ROWS_A_DAY
) -> None:
    """Content and ``responses`` answers over the days before last night."""
    sessions = max(responses * 100 // 97 // SESSION_LENGTH, 20)
    users = max(sessions // SESSIONS_A_USER, 2)
    days = max(responses // rows_a_day, 3)
    with owner.transaction():
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute("SELECT setseed(0.42)")
        values = {"exams": EXAMS, "items": ITEMS, "pool": POOL, "users": users}
        _many(owner, _CONTENT, values)
        _sittings(owner, "history", sessions, users, first_day=days + 1, days=days)
    owner.execute("ANALYZE")


def load_night(owner: psycopg.Connection[Any], responses: int) -> None:
    """Last night's answers, and one of two days ago that comes in late."""
    sessions = max(responses * 100 // 97 // SESSION_LENGTH, 2)
    row = owner.execute("SELECT count(*) FROM cohort_assignments").fetchone()
    users = int(row[0]) if row else 1
    with owner.transaction():
        owner.execute("SET LOCAL session_replication_role = replica")
        _sittings(owner, "night", sessions, users, first_day=0.9, days=0.7)
        owner.execute(_LATE, {"late": LATE_QUIZ})


def _sittings(
    owner: psycopg.Connection[Any],
    name: str,
    sessions: int,
    users: int,
    *,
    first_day: float,
    days: float,
) -> None:
    values = {
        "name": name,
        "sessions": sessions,
        "users": users,
        "first_day": first_day,
        "days": days,
        "exams": EXAMS,
        "pool": POOL,
        "length": SESSION_LENGTH,
    }
    for statement in (_SESSIONS, _ITEMS, _RESPONSES):
        owner.execute(statement, values)


def _many(owner: psycopg.Connection[Any], script: LiteralString, values: dict[str, int]) -> None:
    # prepared statements hold one command each
    for statement in script.split(";"):
        if statement.strip():
            owner.execute(statement, values)
