"""The exam that is meant where a tenant's caller names none: its only one, or the one it has set.

What never lives here: what else is set of an exam (``exams.settings``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection

from qbank.errors import RequestError
from qbank.stores.audit import Audit
from qbank.stores.errors import NotFoundError

CANDIDATES: Final = """SELECT code, is_default FROM exams WHERE tenant_id = %s
    ORDER BY is_default DESC, exam_code LIMIT 2"""
"""The rows that :func:`meant` judges."""


def meant(rows: Sequence[tuple[str, bool]]) -> str:
    """The code of the exam that is meant where none is named.

    Args:
        rows: of :data:`CANDIDATES`.

    Raises:
        RequestError: the tenant has no exam, or several and no default.
    """
    if not rows:
        raise RequestError("exam_code is left out and there is no exam yet: make one first")
    code, is_default = rows[0]
    if len(rows) > 1 and not is_default:
        raise RequestError(
            "exam_code is left out, and there are several exams and no default: name one of"
            " GET /v1/exams, or have an administrator set the default (PUT"
            " /v1/admin/default-exam, or qbank exam default CODE)"
        )
    return code


def code(conn: Connection[Any], tenant_id: str) -> str:
    """The code of the exam that is meant where none is named: one statement.

    Raises:
        RequestError: as :func:`meant`.
    """
    return meant(conn.execute(CANDIDATES, (tenant_id,)).fetchall())


def setting(conn: Connection[Any], tenant_id: str) -> tuple[str | None, str | None]:
    """The code that the tenant has set, and the one that is meant; None where there is none."""
    rows = conn.execute(CANDIDATES, (tenant_id,)).fetchall()
    chosen = next((code for code, is_default in rows if is_default), None)
    return chosen, chosen or (rows[0][0] if len(rows) == 1 else None)


def put(conn: Connection[Any], tenant_id: str, code: str | None, *, audit: Audit) -> bool:
    """Makes an exam the tenant's default, or none of them; returns whether that changes anything.

    Args:
        conn: an open connection; the caller commits.
        tenant_id: whose default.
        code: of the exam; None: no default.
        audit: notes the change.

    Raises:
        NotFoundError: the tenant has no exam of this code.
    """
    # all of them, in one order: two who set at once set one after the other
    rows = conn.execute(
        """SELECT code, is_default FROM exams WHERE tenant_id = %s
        ORDER BY exam_code FOR NO KEY UPDATE""",
        (tenant_id,),
    ).fetchall()
    codes = [row[0] for row in rows]
    if code is not None and code not in codes:
        known = ", ".join(codes[:20]) or "none"
        raise NotFoundError(f"exam {code!r} does not exist; known exams: {known}")
    before = next((row[0] for row in rows if row[1]), None)
    if before == code:
        return False
    conn.execute(
        "UPDATE exams SET is_default = false WHERE tenant_id = %s AND is_default", (tenant_id,)
    )
    conn.execute(
        "UPDATE exams SET is_default = true WHERE tenant_id = %s AND code = %s", (tenant_id, code)
    )
    for one in filter(None, (before, code)):
        audit("exam.default", f"exam={one}", is_default=one == code)
    return True
