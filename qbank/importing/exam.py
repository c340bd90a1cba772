"""The exam that responses are imported into.

What never lives here: its items, and what can be set of it (``qbank.exams``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from qbank.errors import ImportFileError, RequestError
from qbank.exams import administering
from qbank.postgres import Connection
from qbank.stores import StoreError, audit
from qbank.system_user import system_user


@dataclass(frozen=True)
class NewExam:
    """How to make the exam where it does not exist; None is the setting's default."""

    title: str | None = None
    irt_model: str | None = None
    tau: float | None = None
    test_length: int | None = None


def tenant_of_exam(
    connection: Connection, exam_code: str, tenant: str | None, new: NewExam | None
) -> str:
    """The tenant of the exam, which is made where `new` says how.

    Raises:
        ImportFileError: the exam does not exist, is another tenant's, or cannot be made so.
    """
    row = connection.execute(
        "SELECT tenant_id FROM exams WHERE exam_code = %s", [exam_code]
    ).fetchone()
    if row is not None:
        if tenant is not None and row[0] != tenant:
            raise ImportFileError(
                f"exam {exam_code!r} is of tenant {row[0]!r}, not {tenant!r}: "
                "leave --tenant out or name another exam"
            )
        return str(row[0])
    if new is None:
        raise ImportFileError(f"exam {exam_code!r} does not exist: --create-exam makes it")
    owner = tenant or "default"
    note = audit.noting(connection, owner, system_user("import"))
    given = {name: value for name, value in asdict(new).items() if value is not None}
    try:
        administering.create(connection, owner, exam_code, given, audit=note)
    except (RequestError, StoreError) as error:
        raise ImportFileError(f"the exam cannot be made: {error}") from error
    return owner
