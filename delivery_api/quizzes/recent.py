"""Quizzes as this process saw them last, so that the next step need not read them again.

What is kept may be out of date: another process may have moved the quiz on. So a step that builds
on it is written under conditions that Postgres checks (the position is free, the quiz is open, the
bank is the one the item was chosen from), and is taken again from a fresh read where they fail.

What never lives here: anything that a reply is made of without such a write.
"""

from __future__ import annotations

from collections import OrderedDict

from delivery_api.quizzes.store import Quiz
from delivery_api.tokens import Principal

_MAX_KEPT = 20_000


class RecentQuizzes:
    """The quizzes that moved last, by owner."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str], Quiz] = OrderedDict()

    def take(self, caller: Principal, quiz_id: str) -> Quiz | None:
        """Hands the caller's quiz over: it is used once, and kept again when the step is done."""
        quiz = self._kept.pop((caller.tenant_id, caller.user_id, quiz_id), None)
        if quiz is None or caller.sits(quiz.exam_code):
            return quiz
        return None  # it is read again, and not found

    def keep(self, caller: Principal, quiz: Quiz) -> None:
        """Keeps the caller's quiz as it is after a step, unless it is over."""
        if quiz.over or quiz.is_answered:
            return
        self._kept[caller.tenant_id, caller.user_id, quiz.id] = quiz
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
