"""Changes the key of a tenant's pseudonyms: everybody gets another, in one transaction.

A pseudonym by the new key is made of the one before, so nobody's id is needed. Imported sittings
get other ids, too, for theirs were made of the pseudonym. Triggers tell the marts. What never lives
here: making pseudonyms (``qbank.pseudonyms``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import sql

from qbank import pseudonyms
from qbank.errors import PersonError
from qbank.importing import attributes, batches
from qbank.postgres import Connection, connect
from qbank.pseudonyms import PseudonymKey
from qbank.settings import Settings, get_settings
from qbank.stores import audit, turns
from qbank.system_user import system_user

_PSEUDONYM: Final = re.compile(r"\bp-[a-z2-7]{26}\b")
_QUIZ: Final = re.compile(r"\bquiz=([0-9a-f-]{36})\b")
_EXAMS = "SELECT exam_code FROM exams WHERE tenant_id = %(tenant)s ORDER BY exam_code"
# whoever brings people by the key in force has the row, too, until the end
_HOLD = "SELECT FROM pseudonym_keys WHERE tenant_id = %(tenant)s FOR UPDATE"
_NAMES = """
SELECT user_id FROM quiz_sessions WHERE tenant_id = %(tenant)s AND user_id ~ %(form)s
UNION SELECT user_id FROM people WHERE tenant_id = %(tenant)s AND user_id ~ %(form)s
UNION SELECT user_id FROM lti_people WHERE tenant_id = %(tenant)s AND user_id ~ %(form)s
UNION SELECT user_id FROM cohort_assignments WHERE tenant_id = %(tenant)s AND user_id ~ %(form)s
UNION SELECT user_id FROM idempotent_requests WHERE tenant_id = %(tenant)s AND user_id ~ %(form)s
UNION SELECT person FROM data_requests WHERE tenant_id = %(tenant)s AND person ~ %(form)s
UNION SELECT k FROM exams AS e
CROSS JOIN jsonb_object_keys(e.policy #> '{attempts,accommodations}') AS k
WHERE e.tenant_id = %(tenant)s AND k ~ %(form)s
"""
_STAGE = """
CREATE TEMP TABLE rekeyed_people (was text PRIMARY KEY, now text UNIQUE NOT NULL) ON COMMIT DROP
"""
# a quiz that delivery made has an id by chance, which tells nothing
_QUIZZES = """
CREATE TEMP TABLE rekeyed_quizzes ON COMMIT DROP AS
SELECT s.id AS was, p.now AS person, s.sitting_key, is_open(s) AS is_open, is_imported,
    CASE WHEN is_imported THEN gen_random_uuid()::text ELSE s.id END AS now
FROM quiz_sessions AS s JOIN rekeyed_people AS p ON p.was = s.user_id
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM quiz_items AS i WHERE i.quiz_id = s.id AND i.import_batch_id IS NOT NULL
    ) AS is_imported
) AS made
WHERE s.tenant_id = %(tenant)s
"""
_OPEN = "SELECT was FROM rekeyed_quizzes WHERE is_open LIMIT 1"
_NAMELESS = """
SELECT min(i.import_batch_id) FROM rekeyed_quizzes AS q JOIN quiz_items AS i ON i.quiz_id = q.was
WHERE q.is_imported AND q.sitting_key IS NULL
"""
# one statement: keys are looked at when all tables have the new ids
_SITTINGS = """
WITH sessions AS (
    UPDATE quiz_sessions AS s
    SET id = q.now, user_id = q.person, sitting_key = CASE
            WHEN starts_with(q.sitting_key, 'q')
                THEN 'q' || coalesce(b.now, q.now) || '#' || split_part(q.sitting_key, '#', 2)
            ELSE q.sitting_key
        END
    FROM rekeyed_quizzes AS q
    LEFT JOIN rekeyed_quizzes AS b ON 'q' || b.was = split_part(q.sitting_key, '#', 1)
    WHERE s.id = q.was
), items AS (
    UPDATE quiz_items AS i SET quiz_id = q.now FROM rekeyed_quizzes AS q
    WHERE i.quiz_id = q.was AND q.now <> q.was
), results AS (
    UPDATE quiz_results AS r SET quiz_id = q.now FROM rekeyed_quizzes AS q
    WHERE r.quiz_id = q.was AND q.now <> q.was
)
UPDATE user_responses AS r SET quiz_id = q.now, user_id = q.person FROM rekeyed_quizzes AS q
WHERE r.quiz_id = q.was
"""
_PEOPLE = """
WITH changes AS (
    UPDATE people_changes AS c SET user_id = p.now FROM rekeyed_people AS p
    WHERE c.tenant_id = %(tenant)s AND c.user_id = p.was
)
UPDATE people AS t SET user_id = p.now FROM rekeyed_people AS p
WHERE t.tenant_id = %(tenant)s AND t.user_id = p.was
"""
_REST = (
    """UPDATE response_history AS h SET quiz_id = q.now FROM rekeyed_quizzes AS q
    WHERE h.quiz_id = q.was AND q.now <> q.was""",
    # and with them their launches
    """UPDATE lti_people AS t SET user_id = p.now FROM rekeyed_people AS p
    WHERE t.tenant_id = %(tenant)s AND t.user_id = p.was""",
    # what a pseudonym is of has one tenant
    """UPDATE cohort_assignments AS t SET user_id = p.now FROM rekeyed_people AS p
    WHERE t.user_id = p.was AND (t.tenant_id = %(tenant)s OR t.tenant_id IS NULL)""",
    """UPDATE idempotent_requests AS t SET user_id = p.now FROM rekeyed_people AS p
    WHERE t.tenant_id = %(tenant)s AND t.user_id = p.was""",
    # what was given out is by the key before, and is asked for again
    """DELETE FROM data_request_files AS f USING data_requests AS r, rekeyed_people AS p
    WHERE f.request_id = r.id AND f.what = 'document' AND r.tenant_id = %(tenant)s
        AND r.person = p.was""",
    """UPDATE data_requests AS t SET person = p.now FROM rekeyed_people AS p
    WHERE t.tenant_id = %(tenant)s AND t.person = p.was""",
)
_KEY = """
UPDATE pseudonym_keys SET fingerprint = %(fingerprint)s, earlier = %(earlier)s, changed_at = now()
WHERE tenant_id = %(tenant)s
"""
# texts that may name people or their sittings: table, its key, column and type
_TEXTS = (
    ("exams", ("exam_code",), "policy", "jsonb"),
    ("audit_log", ("id",), "target", "text"),
    ("audit_log", ("id",), "details", "jsonb"),
    ("data_requests", ("id",), "report", "jsonb"),
    ("data_requests", ("id",), "error", "text"),
    ("idempotent_requests", ("tenant_id", "user_id", "key"), "body", "text"),
    ("event_outbox", ("occurred_at", "position"), "payload", "jsonb"),
)


@dataclass(frozen=True)
class Rekeyed:
    """What a change of the key came to.

    Attributes:
        people: who have other pseudonyms.
        sittings: imported ones, that have other ids.
    """

    people: int
    sittings: int


def rekey(
    new_key_file: Path,
    *,
    tenant: str = "default",
    dry_run: bool = False,
    actor: str | None = None,
    settings: Settings | None = None,
) -> Rekeyed:
    """Gives everybody of a tenant a pseudonym by another key; the settings name the one in force.

    Args:
        new_key_file: holds the key to come.
        tenant: whose people they are.
        dry_run: only count.
        actor: who does it; None is the system user.
        settings: those of the process where None.

    Raises:
        SettingsError: a key cannot be used, or the one in force is another.
        PersonError: nobody has a pseudonym, the keys are the same, a quiz is under way, or an
            import is from before sittings could be found by anything but their ids.
    """
    old = PseudonymKey.load(settings or get_settings())
    new = PseudonymKey.read(new_key_file, "--new-key-file")
    if new.fingerprint(tenant) == old.fingerprint(tenant):
        raise PersonError(f"{new.path} and {old.path} hold the same key: nothing would change")
    names = {"tenant": tenant, "form": pseudonyms.FORM}
    with connect("owner", settings=settings) as connection:
        _hold(connection, names)
        old = pseudonyms.check(connection, old, tenant)
        people = [row[0] for row in connection.execute(_NAMES, names).fetchall()]
        if not people:
            raise PersonError(
                f"nobody of tenant {tenant!r} has a pseudonym: the next import takes another key"
            )
        renamed = {person: new.follows(tenant, person) for person in people}
        _stage(connection, renamed, names)
        pairs = connection.execute("SELECT was, now FROM rekeyed_quizzes").fetchall()
        quizzes: dict[str, str] = dict(pairs)
        done = Rekeyed(len(people), sum(was != now for was, now in quizzes.items()))
        if dry_run:
            connection.rollback()
            return done
        for statement in (_SITTINGS, _PEOPLE, *_REST):
            connection.execute(statement, names)
        for text in _TEXTS:
            _rename_in(connection, text, renamed, quizzes, names)
        sealed = {"fingerprint": new.fingerprint(tenant), "earlier": new.sealing(tenant, old)}
        connection.execute(_KEY, names | sealed)
        audit.record(
            connection,
            tenant_id=tenant,
            actor=actor or system_user("command line"),
            action="person.rekey",
            target=f"tenant={tenant}",
            details={"people": done.people, "sittings": done.sittings},
        )
        return done


def _hold(connection: Connection, names: dict[str, str]) -> None:
    """Keeps imports, rescores, undos and erasures out of the tenant's exams until the end."""
    turns.take(connection, "erase a person", wait=True)
    held: set[str] = set()
    while exams := {row[0] for row in connection.execute(_EXAMS, names).fetchall()} - held:
        for exam in sorted(exams):
            batches.lock(connection, exam)
        held |= exams
        connection.execute(_HOLD, names)
    attributes.hold(connection, names["tenant"])
    audit.open_to_erasure(connection)


def _stage(connection: Connection, renamed: dict[str, str], names: dict[str, str]) -> None:
    connection.execute(_STAGE)
    with connection.cursor() as cursor, cursor.copy("COPY rekeyed_people FROM STDIN") as copy:
        for pair in renamed.items():
            copy.write_row(pair)
    connection.execute(_QUIZZES, names)
    connection.execute("ANALYZE rekeyed_people, rekeyed_quizzes")
    if (row := connection.execute(_OPEN).fetchone()) is not None:
        raise PersonError(f"quiz {row[0]} of a pseudonym is under way: wait for its end")
    row = connection.execute(_NAMELESS).fetchone()
    if row is not None and row[0] is not None:
        raise PersonError(
            f"sittings of import {row[0]} could not be found again by another key: import its file "
            "once more with the key in force, as it was (it adds nothing), or undo it"
        )


def _rename_in(
    connection: Connection,
    text: tuple[str, tuple[str, ...], str, str],
    renamed: dict[str, str],
    quizzes: dict[str, str],
    names: dict[str, str],
) -> None:
    """Names people and sittings anew where texts do."""
    table, key, column, kind = text
    parts = {
        "table": sql.Identifier(table),
        "column": sql.Identifier(column),
        "key": sql.SQL(", ").join(map(sql.Identifier, key)),
        "kind": sql.SQL(kind),
    }
    found = sql.SQL(
        "SELECT {column}::text, {key} FROM {table} WHERE tenant_id = %(tenant)s"
        " AND {column}::text ~ '(p-[a-z2-7]{{26}}|quiz=)'"
    ).format(**parts)
    update = sql.SQL("UPDATE {table} SET {column} = %s::{kind} WHERE ({key}) = ({places})").format(
        **parts, places=sql.SQL(", ").join(sql.Placeholder() * len(key))
    )
    for was, *place in connection.execute(found, names).fetchall():
        now = _PSEUDONYM.sub(lambda match: renamed.get(match[0], match[0]), was)
        now = _QUIZ.sub(lambda match: f"quiz={quizzes.get(match[1], match[1])}", now)
        if now != was:
            connection.execute(update, [now, *place])
