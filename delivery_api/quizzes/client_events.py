"""What a student's program tells of an item that was served: each once, and so many of a quiz.

What never lives here: HTTP, and what the event says (``events``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from delivery_api.database import Database, TenantConnection
from delivery_api.problems import ProblemError
from delivery_api.quizzes.ending import Endings, gone
from delivery_api.quizzes.events import ClientEvent
from delivery_api.quizzes.outbox import told
from delivery_api.tokens import Principal
from qbank.events import Client

MOST: Final = 1000
"""Events of this kind that a quiz has; of requests at once, each counts those that ended before."""

_NOTE = f"""WITH quiz AS (
        SELECT id FROM quiz_sessions WHERE id = %(quiz)s FOR NO KEY UPDATE),
    noted AS (
        INSERT INTO quiz_events (quiz_id, event_id)
        SELECT id, %(event)s::uuid FROM quiz
        WHERE (SELECT count(*) FROM quiz_events WHERE quiz_id = %(quiz)s) < {MOST}
        ON CONFLICT DO NOTHING RETURNING 1),
    {told("noted")}
    SELECT FROM noted"""  # noqa: S608
# by itself: the statement above does not see what it waited for
_KNOWN = "SELECT FROM quiz_events WHERE quiz_id = %(quiz)s AND event_id = %(event)s::uuid"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What a program tells.

    Attributes:
        id: the program's; without one, each question has one event of a type.
    """

    type: ClientEvent
    question_id: int
    id: UUID | None
    client: Client | None


class ClientEvents:
    """Takes them."""

    def __init__(self, database: Database, endings: Endings) -> None:
        self._database = database
        self._endings = endings

    async def take(self, caller: Principal, quiz_id: str, new: NewEvent) -> str:
        """Writes one, and returns its id; the same once more changes nothing.

        Raises:
            ProblemError: 404 no such quiz or not served, 409 where events are off or the quiz has
                too many, 410 void.
        """

        async def work(conn: TenantConnection) -> str:
            quiz = await self._endings.read(conn, caller, quiz_id)
            if quiz.status == "void":
                raise gone(quiz)
            if quiz.version_of(new.question_id) is None:
                raise ProblemError(
                    404,
                    "not-served",
                    f"question {new.question_id} was not served in quiz {quiz_id}",
                )
            event = self._endings.events.touched(
                caller, quiz, new.type, new.question_id, new.id, new.client
            )
            if event is None:
                raise ProblemError(
                    409, "events-off", "events are off here: QBANK_EVENTS=true turns them on"
                )
            values = {"quiz": quiz.id} | event.values()
            written = (await conn.execute(_NOTE, values)).rowcount
            if not written and not (await conn.execute(_KNOWN, values)).rowcount:
                raise ProblemError(
                    409, "too-many-events", f"quiz {quiz_id} has {MOST} such events, and no more"
                )
            return event.id

        return await self._database.run(caller.tenant_id, work)
