"""Conflicts of roles: whoever has a quiz open does not see its keys, nor an open exam's.

A void quiz that a restore would open again is in the way as an open one is.
By person, not by token: the same user may hold one token to sit an exam and another to write it.
What never lives here: what a student is told in a quiz (``quizzes.telling``).
"""

from __future__ import annotations

from delivery_api.problems import ProblemError
from delivery_api.quizzes.telling import MAY_GO_ON
from delivery_api.tokens import Principal
from qbank.postgres import Connection

# a quiz waits for the answer to the question, or is a sitting of an exam that the question is in
_IN_THE_WAY = f"""SELECT s.id, asked.question_id, s.voided_at IS NOT NULL
    FROM quiz_sessions AS s, unnest(%(questions)s::bigint[]) AS asked (question_id)
    WHERE s.tenant_id = %(tenant)s AND s.user_id = %(user)s
        AND {MAY_GO_ON.format(quiz="s")}
        AND (EXISTS (
                SELECT FROM quiz_items AS i
                LEFT JOIN user_responses AS r USING (quiz_id, question_id)
                WHERE i.quiz_id = s.id AND i.question_id = asked.question_id
                    AND (s.mode = 'exam' OR r.id IS NULL))
            OR s.mode = 'exam' AND EXISTS (
                SELECT FROM question_publications AS p
                WHERE p.question_id = asked.question_id AND p.exam_code = s.exam_code))
    ORDER BY s.started_at LIMIT 1"""  # noqa: S608

_OPEN_SITTINGS = f"""SELECT s.exam_code FROM quiz_sessions AS s
    WHERE s.tenant_id = %(tenant)s AND s.user_id = %(user)s AND s.mode = 'exam'
        AND {MAY_GO_ON.format(quiz="s")}"""  # noqa: S608


def refuse_keys_of_open_quizzes(conn: Connection, caller: Principal, *question_ids: int) -> None:
    """Lets nobody read or work on questions of a quiz of their own that is open.

    Raises:
        ProblemError: 409, naming the quiz.
    """
    values = {
        "tenant": caller.tenant_id,
        "user": caller.user_id,
        "questions": list(question_ids),
    }
    row = conn.execute(_IN_THE_WAY, values).fetchone()
    if row is not None:
        quiz_id, question_id, is_void = row
        why = (
            "which is void and may be restored: its time must be over first"
            if is_void
            else "which you have open: finish it first"
        )
        detail = f"question {question_id} belongs to quiz {quiz_id}, {why}"
        raise ProblemError(409, "quiz-open", detail, quiz_id=quiz_id)


def open_sittings(conn: Connection, caller: Principal) -> list[str]:
    """Exams of which the caller has a quiz in exam mode open, or void while it may go on."""
    values = {"tenant": caller.tenant_id, "user": caller.user_id}
    return [row[0] for row in conn.execute(_OPEN_SITTINGS, values).fetchall()]
