"""The set-based SQL that finds which sitting each staged row belongs to.

What never lives here: what the rows say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from qbank.postgres import Connection

# A sitting is named by its first answer.
_PAUSES = """
UPDATE import_rows AS r
SET session_key = 'g' || (extract(epoch FROM sitting.first_answer) * 1000000)::bigint
FROM (
    SELECT line, min(answered_at) OVER (PARTITION BY user_id, sitting_no) AS first_answer
    FROM (
        SELECT line, user_id, answered_at, count(*) FILTER (WHERE begins) OVER (
            PARTITION BY user_id ORDER BY answered_at, line
        ) AS sitting_no
        FROM (
            SELECT line, user_id, answered_at, coalesce(
                answered_at - lag(answered_at) OVER (
                    PARTITION BY user_id ORDER BY answered_at, line
                ) > %(gap)s, true
            ) AS begins
            FROM import_rows
        ) AS pauses
    ) AS numbered
) AS sitting
WHERE sitting.line = r.line
"""

# Row order tells how often a user has now answered an item; the first time has no number.
_ATTEMPTS = """
UPDATE import_rows AS r SET session_key = r.session_key || '#' || a.attempt
FROM (
    SELECT line, row_number() OVER (
        PARTITION BY user_id, session_key, item ORDER BY line
    ) AS attempt
    FROM import_rows
) AS a
WHERE a.line = r.line AND a.attempt > 1
"""

_QUIZ_ID = """
    encode(substring(sha256(convert_to(
        json_build_array('import', %(tenant)s::text, %(exam)s::text, user_id, {key})::text,
        'UTF8')) FOR 16), 'hex')::uuid::text
"""
# What a sitting of people by pseudonyms is called within its exam, by which it is found again when
# the key of the pseudonyms was changed, and with them its id.
_NAME = """
    encode(sha256(convert_to(
        json_build_array(%(tenant)s::text, %(exam)s::text, session_key)::text, 'UTF8')), 'hex')
"""
# Rows go in by quiz: neighbours in the table are then neighbours in its indexes.
# Ids are made from what identifies a sitting, so that the same file gives the same quizzes.
_SESSIONS = f"""
CREATE TEMP TABLE import_sessions ON COMMIT DROP AS
SELECT user_id, session_key, {_QUIZ_ID.format(key="session_key")} AS quiz_id,
    row_number() OVER () AS session_no,
    CASE WHEN %(pseudonymised)s THEN {_NAME} END AS sitting_key, first_answer, last_answer
FROM (
    SELECT user_id, session_key, min(answered_at) AS first_answer, max(answered_at) AS last_answer
    FROM import_rows GROUP BY 1, 2
) AS sittings
"""  # noqa: S608
# Sittings that end with their day, and of which another begins before a pause is over.
_OVER_MIDNIGHT = """
SELECT count(*), count(DISTINCT user_id) FROM (
    SELECT user_id, first_answer - lag(last_answer) OVER (
        PARTITION BY user_id ORDER BY first_answer
    ) AS pause
    FROM import_sessions WHERE session_key ~ '^d:[0-9-]+$'
) AS sittings
WHERE pause < %(pause)s
"""
_PAUSE = timedelta(minutes=30)
# Files without clock times once had one sitting a user, whatever its day: one of that day goes on.
_EARLIER_KEYS = f"""
UPDATE import_sessions AS i SET quiz_id = s.id
FROM (
    SELECT user_id, session_key,
        {_QUIZ_ID.format(key="replace(session_key, %(day)s, 'all')")} AS earlier_id
    FROM import_sessions
) AS e
JOIN quiz_sessions AS s ON s.id = e.earlier_id
WHERE (i.user_id, i.session_key) = (e.user_id, e.session_key)
    AND 'on' || to_char(s.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') = %(day)s
"""  # noqa: S608

# A sitting goes on that an earlier import began less than the gap away. Repeated answers have a
# quiz beside it, which is named by it; it began later. With a void sitting go on only the answers
# that are in it, for the same file brings nothing back that was taken away.
_OF_PAUSE = _QUIZ_ID.format(key="'q' || base.quiz_id || '#' || split_part(i.session_key, '#', 2)")
_GOES_ON = """
WITH spans AS (
    SELECT user_id, split_part(session_key, '#', 1) AS base_key, min(answered_at) AS first_answer,
        max(answered_at) AS last_answer
    FROM import_rows GROUP BY 1, 2
),
bases AS (
    SELECT DISTINCT ON (p.user_id, p.base_key) p.user_id, p.base_key, s.id AS quiz_id
    FROM spans AS p
    JOIN quiz_sessions AS s ON s.user_id = p.user_id AND s.tenant_id = %(tenant)s
        AND s.exam_code = %(exam)s
        AND s.sealed_at + %(gap)s >= p.first_answer AND s.started_at - %(gap)s <= p.last_answer
    WHERE EXISTS (
        SELECT 1 FROM quiz_items AS q WHERE q.quiz_id = s.id AND q.import_batch_id IS NOT NULL
    )
    AND (s.voided_at IS NULL OR EXISTS (
        SELECT FROM user_responses AS u
        WHERE u.quiz_id = s.id AND u.created_at BETWEEN p.first_answer AND p.last_answer
    ))
    ORDER BY p.user_id, p.base_key, s.started_at, s.id
)
UPDATE import_sessions AS i SET quiz_id = b.quiz_id
FROM bases AS b WHERE (i.user_id, i.session_key) = (b.user_id, b.base_key)
"""
_REPEATED = f"""
UPDATE import_sessions AS i SET quiz_id = {_OF_PAUSE.replace("user_id", "i.user_id")},
    sitting_key = CASE WHEN %(pseudonymised)s
        THEN 'q' || base.quiz_id || '#' || split_part(i.session_key, '#', 2) END
FROM import_sessions AS base
WHERE i.session_key LIKE '%%#%%' AND base.user_id = i.user_id
    AND base.session_key = split_part(i.session_key, '#', 1)
"""  # noqa: S608
_RENAMED = """
UPDATE import_sessions AS i SET quiz_id = s.id
FROM quiz_sessions AS s JOIN pseudonym_keys AS k ON k.tenant_id = s.tenant_id
WHERE k.earlier IS NOT NULL AND s.tenant_id = %(tenant)s AND s.exam_code = %(exam)s
    AND (s.user_id, s.sitting_key) = (i.user_id, i.sitting_key)
"""
# Two stretches of a file may go on with one sitting.
_AS_ONE = """
UPDATE import_sessions AS i SET session_no = f.session_no
FROM (SELECT quiz_id, min(session_no) AS session_no FROM import_sessions GROUP BY quiz_id) AS f
WHERE f.quiz_id = i.quiz_id AND f.session_no < i.session_no
"""


@dataclass(frozen=True)
class Sittings:
    """What tells the sittings of one user apart, beside the key that each row has.

    Attributes:
        day: key of sittings without clock times, see ``sitting_of_day``; None where there are.
        attempts: a user may answer an item again in one sitting; row order tells how often.
        gap: time between two answers that ends a user's sitting; None where days do.
        pseudonymised: users are there by pseudonyms.
    """

    day: str | None = None
    attempts: bool = False
    gap: timedelta | None = None
    pseudonymised: bool = False


def tell_apart(connection: Connection, names: Mapping[str, Any], sittings: Sittings) -> list[str]:
    """Makes ``import_sessions``: a row and a quiz id for each sitting of ``import_rows``.

    Returns:
        What is said of them.
    """
    names = {**names, **asdict(sittings)}
    if sittings.gap is not None:
        connection.execute(_PAUSES, names)
    if sittings.attempts:
        connection.execute(_ATTEMPTS)
    connection.execute(_SESSIONS, names)
    renamed = (_RENAMED,) if sittings.pseudonymised else ()
    for statement in renamed:
        connection.execute(statement, names)
    if sittings.gap is not None:
        for statement in (_GOES_ON, _REPEATED, *renamed, _AS_ONE):
            connection.execute(statement, names)
    if sittings.day is not None:
        connection.execute(_EARLIER_KEYS, names)
    cut, people = connection.execute(_OVER_MIDNIGHT, {"pause": _PAUSE}).fetchone() or (0, 0)
    if not cut:
        return []
    return [
        f"{cut} sittings of {people} people go on within 30 minutes after midnight, and are two: "
        "--timezone Europe/Berlin says whose midnight it is, --gap 30m ends them by pauses"
    ]
