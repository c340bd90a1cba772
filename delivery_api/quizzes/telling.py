"""What may be told of right and wrong, asked of Postgres at the moment of telling.

A person with a sitting that is open, or may be so again, is told nothing of any practice, and an
item is explained only where every exam that it is live in allows feedback: a policy, a publication
or a sitting of a second ago counts, whichever process wrote it. What never lives here: how a reply
looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from delivery_api.database import TenantConnection
from delivery_api.tokens import Principal
from qbank.attempts import KEY

# Of a quiz: it is open, or void and open again once it is restored. One that was reset is in
# nobody's way, for a restore ends it (``sittings.restore``).
MAY_GO_ON: Final = """({quiz}.sealed_at IS NULL AND NOT {quiz}.is_reset
    AND now() < ends_at({quiz}))"""

# an expression, for the owner, the quiz's exam and an array of question ids
TELLS = f"""(NOT EXISTS (
        SELECT FROM quiz_sessions AS sitting
        WHERE sitting.tenant_id = %(tenant)s AND sitting.user_id = %(user)s
            AND sitting.mode = 'exam' AND {MAY_GO_ON.format(quiz="sitting")})
    AND NOT EXISTS (
        SELECT FROM (
            SELECT %(exam)s AS exam_code UNION ALL
            SELECT p.exam_code FROM question_publications AS p
            WHERE p.question_id = ANY({{questions}})) AS home
        JOIN exams AS e USING (exam_code)
        WHERE e.policy -> '{KEY}' -> 'feedback' IS DISTINCT FROM 'true'::jsonb))"""  # noqa: S608

_READ = f"""SELECT {TELLS.format(questions="%(questions)s::bigint[]")},
        e.policy -> '{KEY}' ->> 'review' IS NOT DISTINCT FROM 'items'
    FROM exams AS e WHERE e.exam_code = %(exam)s"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Telling:
    """What a quiz may tell now.

    Attributes:
        practice: of a tutor quiz, right and wrong, keys, explanations and the running θ̂.
        review: of a sitting that is over, which items were right.
    """

    practice: bool
    review: bool


NOTHING: Final = Telling(practice=False, review=False)


async def read(
    conn: TenantConnection, caller: Principal, exam_code: str, questions: Sequence[int]
) -> Telling:
    """What a quiz of the caller's, in that exam and with those questions, may tell."""
    values = {
        "tenant": caller.tenant_id,
        "user": caller.user_id,
        "exam": exam_code,
        "questions": list(questions),
    }
    row = await (await conn.execute(_READ, values)).fetchone()
    return Telling(*row) if row else NOTHING
