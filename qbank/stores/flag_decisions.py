"""Deciding on a flag of an item: acknowledged, assigned, snoozed or reopened, always with a reason.

What never lives here: where flags stand (``item_flags``), and who may decide (the API).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from qbank.item_flags import FLAGS
from qbank.stores.errors import ConflictError, InvalidValueError, NotFoundError
from qbank.stores.item_flags import RAISED, RaisedFlag
from qbank.vocabulary import FlagAction, code_of

LONGEST_SNOOZE: Final = timedelta(days=366)


def decide(
    conn: Connection[Any],
    tenant_id: str,
    *,
    exam_code: str,
    question_id: int,
    version: int,
    flag: str,
    action: FlagAction,
    reason: str,
    by: str,
    assignee: str | None = None,
    snoozed_until: datetime | None = None,
) -> RaisedFlag:
    """Writes down a decision on a flag that is raised, and gives the flag as it stands now.

    Args:
        conn: a transaction of the tenant, in which its row of the audit log is written as well.
        tenant_id: whose item.
        exam_code: the exam.
        question_id: the question.
        version: the version that bears the flag.
        flag: a column of item_health.
        action: what is decided.
        reason: why, for whoever looks later.
        by: who decides.
        assignee: whom it is assigned to; with ``assigned`` alone.
        snoozed_until: when a snooze ends, within a year; with ``snoozed`` alone.

    Raises:
        InvalidValueError: an unknown flag, or a value that does not go with the action.
        NotFoundError: the version does not bear the flag, or is not the tenant's.
        ConflictError: an open flag cannot be reopened.
    """
    _refuse_wrong(flag, action, assignee, snoozed_until)
    found = _standing(conn, tenant_id, exam_code, question_id, version, flag)
    if action == "reopened" and found.standing == "open":
        raise ConflictError(
            f"flag {flag} of version {version} of question {question_id} is open already: there is"
            " nothing to reopen"
        )
    conn.execute(
        """INSERT INTO item_flag_decisions
            (flag_id, tenant_id, question_id, action, reason, assignee, snoozed_until, decided_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (found.id, tenant_id, question_id, action, reason, assignee, snoozed_until, by),
    )
    return _standing(conn, tenant_id, exam_code, question_id, version, flag)


def _refuse_wrong(
    flag: str, action: FlagAction, assignee: str | None, snoozed_until: datetime | None
) -> None:
    if flag not in FLAGS:
        raise InvalidValueError(f"flag {flag!r} is unknown: use one of {', '.join(FLAGS)}")
    for name, value, only in (
        ("assignee", assignee, "assigned"),
        ("snoozed_until", snoozed_until, "snoozed"),
    ):
        if action == only and value is None:
            raise InvalidValueError(f"{name} is missing: action {action} needs it")
        if action != only and value is not None:
            raise InvalidValueError(
                f"{name} is {str(value)!r}, and action is {action}: leave it out, or use {only}"
            )
    if snoozed_until is None:
        return
    now = datetime.now(UTC)
    if not now < snoozed_until <= now + LONGEST_SNOOZE:
        raise InvalidValueError(
            f"snoozed_until is {snoozed_until.isoformat()}: use a time after now and within"
            f" {LONGEST_SNOOZE.days} days, by {(now + LONGEST_SNOOZE).date()}"
        )


def _standing(
    conn: Connection[Any], tenant_id: str, exam_code: str, question_id: int, version: int, flag: str
) -> RaisedFlag:
    """The flag that the version bears.

    Raises:
        NotFoundError: it bears none such; names the version that does.
    """
    values = {"tenant": tenant_id, "exam": exam_code, "question": question_id, "flag": flag}
    sql = f"{RAISED} AND f.flag = %(flag)s ORDER BY f.version DESC"
    with conn.cursor(row_factory=class_row(RaisedFlag)) as cursor:
        bearers = cursor.execute(sql, values).fetchall()
    for one in bearers:
        if one.version == version:
            return one
    remedy = (
        f"decide on that of version {bearers[0].version}, which is live"
        if bearers
        else "GET /v1/results/flags lists those that are"
    )
    raise NotFoundError(
        f"flag {flag} is not raised for version {version} of question {question_id} in exam"
        f" {code_of(exam_code)!r}: {remedy}"
    )
