"""What the steps of a quiz tell programs that read along; nothing where events are off.

What never lives here: how it is written (``outbox``), and the types (``qbank.events``).
"""

from __future__ import annotations

import json
from typing import Any, Literal
from uuid import UUID

from delivery_api.quizzes.choice import Chosen
from delivery_api.quizzes.outbox import Event
from delivery_api.quizzes.store import Quiz
from delivery_api.tokens import Principal
from qbank.events import Client, event_id
from qbank.telemetry import TRACEPARENT, traceparent
from qbank.vocabulary import code_of

ClientEvent = Literal["explanation_viewed", "note_added", "flagged"]
Ending = Literal["quiz_finished", "quiz_expired"]
# plain dictionaries: a model of each would cost a request as much as the row itself does. Tests
# hold what is written to the contract.
_Data = dict[str, Any]


class Events:
    """Says what is told of a step.

    Args:
        are_on: whether anything is (``QBANK_EVENTS``).
        traced: whether an event says which request it came of (``QBANK_TELEMETRY``).
    """

    def __init__(self, *, are_on: bool, traced: bool = False) -> None:
        self.are_on = are_on
        self._traced = traced

    def started(self, caller: Principal, quiz_id: str, data: _Data) -> Event | None:
        """A quiz is made; when it expires, Postgres says."""
        if not self.are_on:
            return None
        said = {"user_id": caller.user_id, "quiz_id": quiz_id, **data}
        return self._event(caller, "quiz_started", (quiz_id,), said)

    def served(self, caller: Principal, quiz: Quiz, item: Chosen) -> Event | None:
        """An item is put at the next position."""
        if not self.are_on:
            return None
        position = len(quiz.past.question_id) + 1
        said = _item(caller, quiz, item.question_id, item.version, position)
        said["selector"] = item.selector
        what = (quiz.id, position, item.question_id, item.version)
        return self._event(caller, "question_served", what, said)

    def answered(
        self,
        caller: Principal,
        quiz: Quiz,
        question_id: int,
        selected: str,
        client: Client | None,
    ) -> Event | None:
        """An item is answered; what that scores and how long it took, Postgres says."""
        if not self.are_on:
            return None
        said = _served_item(caller, quiz, question_id)
        said["selected"] = selected
        if client is not None:
            said["client"] = client.model_dump(exclude_none=True)
        return self._event(caller, "answer_submitted", (quiz.id, question_id, selected), said)

    def touched(
        self,
        caller: Principal,
        quiz: Quiz,
        kind: ClientEvent,
        question_id: int,
        own_id: UUID | None,
        client: Client | None,
    ) -> Event | None:
        """The student's program tells of an item that was served."""
        if not self.are_on:
            return None
        said = _served_item(caller, quiz, question_id)
        if client is not None:
            said["client"] = client.model_dump(exclude_none=True)
        return self._event(caller, kind, (quiz.id, question_id, own_id or ""), said)

    def ended(self, caller: Principal, quiz: Quiz, how: Ending) -> Event | None:
        """A quiz took its last answer; how many count, Postgres says."""
        if not self.are_on:
            return None
        return self._event(caller, how, (quiz.id,), _quiz(caller, quiz))

    def _event(self, caller: Principal, kind: str, what: tuple[object, ...], said: _Data) -> Event:
        if self._traced and (parent := traceparent()):
            said[TRACEPARENT] = parent  # the relay takes it out of the data again
        text = json.dumps(said, ensure_ascii=False)
        return Event(event_id(kind, *what), caller.tenant_id, kind, text)


def _quiz(caller: Principal, quiz: Quiz) -> _Data:
    return {
        "user_id": caller.user_id,
        "quiz_id": quiz.id,
        "exam": code_of(quiz.exam_code),
        "mode": quiz.mode,
    }


def _item(
    caller: Principal, quiz: Quiz, question_id: int, version: int | None, position: int
) -> _Data:
    said = _quiz(caller, quiz)
    said |= {"question_id": str(question_id), "version": version, "position": position}
    return said


def _served_item(caller: Principal, quiz: Quiz, question_id: int) -> _Data:
    """Of an item that the quiz was seen to have."""
    place = quiz.past.question_id.index(question_id)
    return _item(caller, quiz, question_id, quiz.past.version[place], place + 1)
