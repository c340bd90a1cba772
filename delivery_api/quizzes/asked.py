"""What a student asks a quiz to be made of, with exam and topics found by what they are called.

Nothing is looked up that is given by its id. What never lives here: whether the quiz may be made
(``enrolment``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from psycopg.rows import class_row

from delivery_api.database import TenantConnection
from delivery_api.problems import ProblemError
from delivery_api.quizzes.bank import Filters
from delivery_api.quizzes.own_quota import OwnQuota
from delivery_api.quizzes.store import Quiz
from delivery_api.tokens import Principal
from qbank.errors import RequestError
from qbank.stores import default_exam, topic_names
from qbank.stores.item_bank import TOPICS, Topic
from qbank.vocabulary import Mode, code_of

MOST_QUESTIONS: Final = 120


@dataclass(frozen=True)
class Request:
    """What a student asks for, of the exam as its tenant calls it; None is as the exam has it.

    Attributes:
        blueprint_quota: to keep to the exam's blueprint.
        quota: (topic id, items) of a quota of the quiz's own, by topic.
        names_exam: the exam is no default, which may be another one when this is sent again.
    """

    exam_code: str
    filters: Filters
    num_questions: int | None
    mode: Mode
    adaptive: bool
    blueprint_quota: bool | None
    idempotency_key: str | None
    quota: OwnQuota = ()
    names_exam: bool = True


@dataclass(frozen=True)
class Asked:
    """The same as it was sent.

    Attributes:
        exam_code: None is the tenant's default.
        topics: ids, and texts that name topics.
        quota: items by topic, whose key is an id, a blueprint code or a name.
    """

    exam_code: str | None
    topics: Collection[int | str]
    difficulty: Collection[str]
    num_questions: int | None
    mode: Mode
    adaptive: bool
    blueprint_quota: bool | None
    quota: Mapping[str, int]
    idempotency_key: str | None


async def found(conn: TenantConnection, caller: Principal, asked: Asked) -> Request:
    """What is asked for, with exam and topics by code and id.

    One statement where the exam is left out and one where topics are named; none else.

    Raises:
        ProblemError: 422, no exam is meant, or topics are unknown or ambiguous.
    """
    exam_code = asked.exam_code
    if exam_code is None:
        exam_code = await _default(conn, caller)
    names = [topic for topic in asked.topics if isinstance(topic, str)]
    ids = await _ids(conn, caller, {*names, *asked.quota})
    topics = {ids[topic] if isinstance(topic, str) else topic for topic in asked.topics}
    quota: dict[int, int] = {}
    for name, items in asked.quota.items():
        quota[ids[name]] = quota.get(ids[name], 0) + items
    return Request(
        exam_code=exam_code,
        filters=Filters(frozenset(topics), frozenset(asked.difficulty)),
        num_questions=_length(asked),
        mode=asked.mode,
        adaptive=asked.adaptive,
        blueprint_quota=asked.blueprint_quota,
        idempotency_key=asked.idempotency_key,
        quota=tuple(sorted(quota.items())),
        names_exam=asked.exam_code is not None,
    )


def refuse_another(wanted: Request, quiz: Quiz) -> None:
    """422 where the quiz that the idempotency key gave is not the one that is asked for.

    What is left out is the exam's, as it was when the quiz was made.
    """
    wish = quiz.wish
    asked = (wanted.mode, wanted.filters, wanted.adaptive, wanted.quota)
    made = (quiz.mode, wish.filters, wish.selector != "fixed", wish.quota)
    if (
        asked != made
        or (wanted.names_exam and wanted.exam_code != code_of(quiz.exam_code))
        or wanted.num_questions not in (None, wish.num_questions)
        or wanted.blueprint_quota not in (None, wish.blueprint_quota)
    ):
        raise ProblemError(
            422,
            "idempotency-key-reused",
            f"this Idempotency-Key made quiz {quiz.id} from another body: use a new key",
        )


def _length(asked: Asked) -> int | None:
    """Of the quiz: as asked for, else what its own quota adds up to."""
    if not asked.quota:
        return asked.num_questions
    total = sum(asked.quota.values())
    if asked.num_questions is not None and total > asked.num_questions:
        raise ProblemError(
            422,
            "invalid-value",
            f"blueprint_quota adds up to {total} items and num_questions is"
            f" {asked.num_questions}: ask for fewer, or leave num_questions out",
        )
    if total > MOST_QUESTIONS:
        raise ProblemError(
            422,
            "invalid-value",
            f"blueprint_quota adds up to {total} items: a quiz has at most {MOST_QUESTIONS}",
        )
    return asked.num_questions or total


async def _default(conn: TenantConnection, caller: Principal) -> str:
    cursor = await conn.execute(default_exam.CANDIDATES, (caller.tenant_id,))
    try:
        return default_exam.meant(await cursor.fetchall())
    except RequestError as error:
        raise ProblemError(422, "invalid-request", str(error)) from error


async def _ids(
    conn: TenantConnection, caller: Principal, names: Collection[str]
) -> Mapping[str, int]:
    if not names:
        return {}
    async with conn.cursor(row_factory=class_row(Topic)) as cursor:
        values = topic_names.parameters(caller.tenant_id, names)
        few = await (await cursor.execute(topic_names.NAMED, values)).fetchall()
        ids = topic_names.found(few, names)
        if ids is not None:
            return ids
        # for the error alone: what is near, and where those of one name stand
        tree = await (await cursor.execute(TOPICS, (caller.tenant_id,))).fetchall()
    try:
        return await asyncio.to_thread(topic_names.find_all, tree, sorted(names))
    except RequestError as error:
        raise ProblemError(422, "no-such-topic", str(error)) from error
