"""The only place where sh_p changes: under the exam's lock, together with its history."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from qbank.stores.errors import InvalidValueError, NotFoundError
from qbank.stores.exposure.reading import in_force
from qbank.stores.exposure.record import Control, ControlInForce, Origin, Published


def lock(conn: Connection[Any], exam_code: str) -> None:
    """Waits for the exam's publication lock and holds it until the transaction ends."""
    sql = "SELECT pg_advisory_xact_lock(hashtextextended('qbank.publish:' || %s, 0))"
    conn.execute(sql, (exam_code,))


def publish(
    conn: Connection[Any], exam_code: str, controls: Iterable[Control], origin: Origin
) -> Published:
    """Puts controls in force, together with their history; pinned items are left alone.

    Publishing what is in force already changes nothing and writes no history.

    Raises:
        InvalidValueError: an sh_p outside [0, 1], or an item named twice.
        NotFoundError: an item version or the exam does not exist.
    """
    wanted = _checked(controls)
    lock(conn, exam_code)
    held = {(c.question_id, c.version): c for c in in_force(conn, exam_code)}
    pinned = sum(1 for key in wanted if key in held and held[key].pinned)
    changes = [
        (key, held[key].sh_p if key in held else None, sh_p)
        for key, sh_p in wanted.items()
        if not (key in held and held[key].pinned)
        and (held[key].sh_p if key in held else None) != sh_p
    ]
    if changes:
        _write(conn, exam_code, changes, origin)
    return Published(len(changes), len(wanted) - len(changes) - pinned, pinned)


def set_manual(
    conn: Connection[Any],
    exam_code: str,
    control: Control,
    *,
    actor: str,
    pinned: bool | None = None,
    note: str | None = None,
) -> ControlInForce:
    """Sets one item by hand, pinned or not (None keeps the pin as it is).

    Raises:
        InvalidValueError: sh_p missing or outside [0, 1].
        NotFoundError: the item version or the exam does not exist.
    """
    if control.sh_p is None:
        raise InvalidValueError(
            f"question {control.question_id} v{control.version} has no sh_p: give one in [0, 1]"
        )
    _checked([control])
    lock(conn, exam_code)
    key = (control.question_id, control.version)
    held = {c.version: c for c in in_force(conn, exam_code, key[0])}.get(key[1])
    if held is None or held.sh_p != control.sh_p:
        before = held.sh_p if held else None
        _write(conn, exam_code, [(key, before, control.sh_p)], Origin("manual", actor, None, note))
    sql = """UPDATE item_exposure_control SET pinned = coalesce(%s, pinned),
            updated_at = clock_timestamp(), updated_by = %s
        WHERE exam_code = %s AND question_id = %s AND version = %s
        RETURNING question_id, version, sh_p, pinned, updated_at, updated_by, run_id"""
    with conn.cursor(row_factory=class_row(ControlInForce)) as cursor:
        row = cursor.execute(sql, (pinned, actor, exam_code, *key)).fetchone()
    if row is None:
        raise NotFoundError(f"question {key[0]} v{key[1]} has no control in exam {exam_code!r}")
    return row


def _checked(controls: Iterable[Control]) -> dict[tuple[int, int], float | None]:
    wanted: dict[tuple[int, int], float | None] = {}
    for control in controls:
        key = (control.question_id, control.version)
        if control.sh_p is not None and not (
            math.isfinite(control.sh_p) and 0 <= control.sh_p <= 1
        ):
            raise InvalidValueError(
                f"sh_p {control.sh_p} of question {key[0]} v{key[1]} is not a probability:"
                " give a value in [0, 1]"
            )
        if key in wanted:
            raise InvalidValueError(f"question {key[0]} v{key[1]} is named twice: name it once")
        wanted[key] = control.sh_p
    return wanted


def _write(
    conn: Connection[Any],
    exam_code: str,
    changes: list[tuple[tuple[int, int], float | None, float | None]],
    origin: Origin,
) -> None:
    values = {
        "exam": exam_code,
        "q": [key[0] for key, _, _ in changes],
        "v": [key[1] for key, _, _ in changes],
        "before": [before for _, before, _ in changes],
        "after": [after for _, _, after in changes],
        "source": origin.source,
        "run": origin.run_id,
        "actor": origin.actor,
        "note": origin.note,
    }
    # clock_timestamp, taken under the lock, so that the order of times is the order of changes
    sql = """WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS at),
        changed AS (
            SELECT * FROM unnest(%(q)s::bigint[], %(v)s::integer[], %(before)s::float8[],
                %(after)s::float8[]) AS c (question_id, version, before, after), moment),
        put AS (
            INSERT INTO item_exposure_control
                (exam_code, question_id, version, sh_p, updated_at, updated_by, run_id)
            SELECT %(exam)s, question_id, version, after, at, %(actor)s, %(run)s
            FROM changed WHERE after IS NOT NULL
            ON CONFLICT (exam_code, question_id, version) DO UPDATE SET sh_p = excluded.sh_p,
                updated_at = excluded.updated_at, updated_by = excluded.updated_by,
                run_id = excluded.run_id)
        INSERT INTO item_exposure_history
            (exam_code, question_id, version, before, after, source, run_id, actor, note, at)
        SELECT %(exam)s, question_id, version, before, after, %(source)s, %(run)s, %(actor)s,
            %(note)s, at FROM changed ORDER BY question_id, version"""
    removal = """DELETE FROM item_exposure_control AS e
        USING unnest(%(q)s::bigint[], %(v)s::integer[], %(after)s::float8[])
            AS c (question_id, version, after)
        WHERE e.exam_code = %(exam)s AND c.after IS NULL
          AND (e.question_id, e.version) = (c.question_id, c.version)"""
    try:
        conn.execute(sql, values)
        # a statement of its own, for delivery may set sh_p by hand but never delete
        if any(after is None for _, _, after in changes):
            conn.execute(removal, values)
    except ForeignKeyViolation as error:
        raise NotFoundError(
            f"exam {exam_code!r} or one of its item versions does not exist:"
            f" {error.diag.message_detail}"
        ) from error
