"""The exam that responses are imported into.

What never lives here: its items, and what can be set of it (``qbank.exams``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from qbank.errors import ImportFileError, RequestError
from qbank.exams import administering
from qbank.postgres import Connection
from qbank.stores import NotFoundError, StoreError, audit, item_bank
from qbank.stores.item_bank import Exam
from qbank.system_user import person_of, system_user
from qbank.vocabulary import code_of

# Of some users and items of a file, which share the exam knows as the one and as the other.
_KNOWN_AS = """
WITH named AS (
    (SELECT 'user' AS meaning, user_id AS name FROM import_sessions LIMIT 200)
    UNION ALL (SELECT 'item', item FROM import_items LIMIT 200)
)
SELECT meaning,
    avg(EXISTS (
        SELECT FROM quiz_sessions
        WHERE (tenant_id, exam_code, user_id) = (%(tenant)s, %(exam)s, name)
    )::integer) AS as_user,
    avg(EXISTS (
        SELECT FROM questions AS q JOIN question_publications AS p ON p.question_id = q.id
        WHERE q.tenant_id = %(tenant)s AND q.external_ref = name AND p.exam_code = %(exam)s
    )::integer) AS as_item
FROM named GROUP BY meaning ORDER BY meaning
"""


@dataclass(frozen=True)
class NewExam:
    """How to make the exam where it does not exist; None is the setting's default."""

    title: str | None = None
    irt_model: str | None = None
    tau: float | None = None
    test_length: int | None = None


def exam_of(
    connection: Connection,
    exam_code: str,
    tenant: str | None,
    new: NewExam | None,
    *,
    actor: str | None = None,
) -> Exam:
    """The exam, which is made where `new` says how.

    Args:
        connection: in the import's transaction.
        exam_code: its key, or what its tenant calls it.
        tenant: whose it is; None where that follows from the name.
        new: how to make it; None where it must be there.
        actor: who imports, as the audit log names who made it; who runs this process where None.

    Raises:
        ImportFileError: the exam does not exist, is another tenant's, or cannot be made so.
    """
    try:
        return item_bank.exam(connection, exam_code, tenant_id=tenant)
    except NotFoundError:
        pass
    except StoreError as error:
        raise ImportFileError(str(error)) from error
    if new is None:
        raise ImportFileError(_unknown(connection, exam_code, tenant))
    owner = tenant or "default"
    note = audit.noting(connection, owner, person_of(actor or system_user("import")))
    given = {name: value for name, value in asdict(new).items() if value is not None}
    try:
        return administering.create(connection, owner, exam_code, given, audit=note)[0]
    except (RequestError, StoreError) as error:
        raise ImportFileError(f"the exam cannot be made: {error}") from error


def refuse_swapped(connection: Connection, names: Mapping[str, Any]) -> None:
    """Refuses a file whose users are the exam's items, and its items the exam's users.

    Args:
        connection: in the import's transaction, which has matched its items and sittings.
        names: parameters ``exam`` and ``tenant``.

    Raises:
        ImportFileError: they are mostly, and are not what they are taken for.
    """
    found = connection.execute(_KNOWN_AS, names).fetchall()
    shares = {meaning: (as_user, as_item) for meaning, as_user, as_item in found}
    if shares.keys() != {"user", "item"}:
        return
    half = Decimal("0.5")
    are_swapped = shares["user"][1] > half and shares["item"][0] > half
    are_right = shares["user"][0] > half or shares["item"][1] > half
    if are_swapped and not are_right:
        raise ImportFileError(
            f"the users of the file are items of exam {code_of(names['exam'])!r}, and its items "
            "users: --user-col and --item-col are the wrong way round"
        )


def _unknown(connection: Connection, exam_code: str, tenant: str | None) -> str:
    others = [e.tenant_id for e in item_bank.exams(connection) if e.code == exam_code]
    if others:
        return (
            f"exam {exam_code!r} is of tenant {others[0]!r}, not {tenant!r}: "
            "leave --tenant out or name another exam, or --create-exam makes one of this tenant"
        )
    return f"exam {exam_code!r} does not exist: --create-exam makes it"
