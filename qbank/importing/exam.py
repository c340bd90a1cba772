"""The exam that responses are imported into.

What never lives here: its items.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from qbank.errors import ImportFileError
from qbank.postgres import Connection
from qbank.vocabulary import Model, words


@dataclass(frozen=True)
class NewExam:
    """How to make the exam where it does not exist.

    Attributes:
        title: None uses the code.
        irt_model: one of ``qbank.vocabulary.Model``.
        tau: target exposure rate, in (0, 1].
        test_length: items a sitting.
    """

    title: str | None = None
    irt_model: str = "2pl"
    tau: float = 0.2
    test_length: int = 25


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
    tenant = tenant or "default"
    insert = """
        INSERT INTO exams (exam_code, tenant_id, title, irt_model, tau, test_length)
        VALUES (%s, %s, %s, %s, %s, %s)
    """
    values = [exam_code, tenant, new.title or exam_code, new.irt_model, new.tau, new.test_length]
    try:
        connection.execute(insert, values)
    except psycopg.errors.CheckViolation as error:
        given = f"code {exam_code!r}, model {new.irt_model!r}, tau {new.tau}"
        raise ImportFileError(
            f"the exam cannot be made ({given}, test length {new.test_length}): codes have "
            f"letters, digits, _ . -; models are {', '.join(words(Model))}; 0 < tau <= 1; "
            "test length 1 to 1000"
        ) from error
    return tenant
