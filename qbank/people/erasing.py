"""Takes a person out: every row that tells of them, in one transaction.

Triggers tell the marts, which follow with the next night. What stays are counts and parameters
that are of many people, and what a person did as staff. What never lives here: which rows those
are (``stored``, ``staff``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict

from qbank.errors import PersonError
from qbank.import_reports import Erased
from qbank.importing import attributes, batches
from qbank.people.finding import known_as, stage_quizzes, unknown
from qbank.people.mentions import ASKED, NOBODY, POLICY
from qbank.people.staff import STAFF
from qbank.people.stored import PERSONAL, Stored
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.stores import audit, turns
from qbank.system_user import system_user

# while imports bring a person into more exams
TRIES = 5
_EXAMS = f"""
SELECT s.exam_code FROM quiz_sessions AS s JOIN person_quizzes AS p ON p.quiz_id = s.id
UNION SELECT t.exam_code FROM exams AS t WHERE {POLICY.of_tenant}
"""  # noqa: S608
# a step of delivery locks its quiz first, so none is half-way in what follows
_HOLD = """
SELECT s.id FROM quiz_sessions AS s JOIN person_quizzes AS p ON p.quiz_id = s.id
ORDER BY s.id FOR UPDATE OF s
"""
# what is being given out about the person is there, and goes too, or it is not begun
_HOLD_REQUESTS = f"""
SELECT FROM data_requests AS t WHERE {ASKED.of_tenant} ORDER BY t.id FOR UPDATE
"""
_MISSED = """
SELECT FROM quiz_sessions WHERE tenant_id = %(tenant)s AND user_id = %(person)s
    AND id NOT IN (SELECT quiz_id FROM person_quizzes)
LIMIT 1
"""
_OPEN = """
SELECT s.id, s.exam_code, s.expires_at
FROM quiz_sessions AS s JOIN person_quizzes AS p ON p.quiz_id = s.id
WHERE is_open(s) ORDER BY s.expires_at DESC
"""


def erase(
    person: str,
    *,
    tenant: str | None = None,
    with_open: bool = False,
    dry_run: bool = False,
    actor: str | None = None,
    settings: Settings | None = None,
    on_erased: Callable[[Connection, Erased], None] | None = None,
) -> Erased:
    """Erases a person whole or, where the process ends on the way, not at all.

    Args:
        person: the id that their answers have.
        tenant: needed where several tenants know that id.
        with_open: also quizzes that are under way.
        dry_run: only count.
        actor: who does it; None is the system user.
        settings: those of the process where None.
        on_erased: called in the transaction of the erasure, before it ends.

    Raises:
        PersonError: nothing is stored about the person, in several tenants is, or a quiz is
            under way.
    """
    with connect("owner", settings=settings) as connection:
        names = known_as(connection, person, tenant)
        person = names["person"]
        if dry_run:
            stage_quizzes(connection, names)
        else:
            _hold(connection, names)
        if not with_open:
            _refuse_open(connection, person)
        kept = {f"{s.table}.{s.columns[0]}": _count(connection, s, names) for s in STAFF}
        kept = {name: rows for name, rows in kept.items() if rows}
        take = _count if dry_run else _take_out
        found = [(stored, take(connection, stored, names)) for stored in PERSONAL]
        erased = _erased(names["tenant"], found, kept)
        # that somebody asked for a person tells of nobody
        if not any(rows for stored, rows in found if stored.columns != ("person",)):
            raise _staff_alone(person, kept) if kept else unknown(person, names["tenant"])
        if not dry_run:
            audit.record(
                connection,
                tenant_id=names["tenant"],
                actor=actor or system_user("command line"),
                action="person.erase",
                target=f"person={NOBODY}",
                details=asdict(erased),
            )
        if on_erased is not None:
            on_erased(connection, erased)
        return erased


def _hold(connection: Connection, names: dict[str, str]) -> None:
    """Keeps imports, rescores and delivery out of the person's quizzes until the end."""
    for _ in range(TRIES):
        # one after the other: an erasure takes the locks of several exams
        turns.take(connection, "erase a person", wait=True)
        audit.open_to_erasure(connection)
        held: set[str] = set()
        while True:
            stage_quizzes(connection, names)
            exams = {row[0] for row in connection.execute(_EXAMS, names).fetchall()}
            if exams <= held:
                break
            for exam in sorted(exams - held):
                batches.lock(connection, exam)
            held |= exams
        attributes.hold(connection, names["tenant"])
        connection.execute(_HOLD)
        connection.execute(_HOLD_REQUESTS, names)
        if connection.execute(_MISSED, names).fetchone() is None:
            return
        # a quiz came while locks were waited for, maybe of an exam that is not held; whose turn
        # comes before the attributes', so all are let go
        connection.rollback()
    raise PersonError(
        f"person {names['person']!r} is not erased: more quizzes came in each time that it began. "
        "Erase again when the imports that bring them have ended"
    )


def _refuse_open(connection: Connection, person: str) -> None:
    row = connection.execute(_OPEN).fetchone()
    if row is not None:
        quiz, exam, until = row
        raise PersonError(
            f"person {person!r} has quiz {quiz} of exam {exam} under way, until "
            f"{until:%Y-%m-%d %H:%M %Z} at the latest: wait for its end, or erase it too with "
            "--with-open"
        )


def _take_out(connection: Connection, stored: Stored, names: dict[str, str]) -> int:
    begin = f"DELETE FROM {stored.table} AS t WHERE "  # noqa: S608
    if stored.without:
        begin = f"UPDATE {stored.table} AS t SET {stored.without} WHERE "  # noqa: S608
    return connection.execute(begin + stored.whose, names).rowcount


def _count(connection: Connection, stored: Stored, names: dict[str, str]) -> int:
    row = connection.execute(stored.counted(), names).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def _erased(tenant: str, found: list[tuple[Stored, int]], kept: dict[str, int]) -> Erased:
    removed, name_removed = Counter[str](), Counter[str]()
    for stored, rows in found:
        counts = name_removed if stored.without else removed
        counts[stored.table] += rows
    # without the tables that have none
    return Erased(tenant, dict(+removed), dict(+name_removed), kept)


def _staff_alone(person: str, kept: dict[str, int]) -> PersonError:
    told = ", ".join(f"{name} {rows}" for name, rows in kept.items())
    return PersonError(
        f"person {person!r} is known as staff alone ({told}): that stays, for it says who answers "
        "for a change"
    )
