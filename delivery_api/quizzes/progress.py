"""Steps of a quiz: the item to answer, and an answer. Each may be asked for again, or at once.

What never lives here: HTTP, SQL, the end (``ending``), and what a caller gets to see of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from delivery_api.database import Database, TenantConnection
from delivery_api.metrics import ANSWERS, CAPPED, FORCED, HELD_BACK, OVER_CAP, SERVED
from delivery_api.problems import ProblemError
from delivery_api.quizzes import answers, option_order, serving
from delivery_api.quizzes.answers import Scored
from delivery_api.quizzes.bank import Bank
from delivery_api.quizzes.banks import Banks
from delivery_api.quizzes.choice import Chosen, choose
from delivery_api.quizzes.content import Content, Contents
from delivery_api.quizzes.ending import NO_ABILITY, Endings, ability_of, gone
from delivery_api.quizzes.recent import RecentQuizzes
from delivery_api.quizzes.store import Quiz
from delivery_api.tokens import Principal
from qbank.events import Client


@dataclass(frozen=True, slots=True)
class OpenItem:
    """The item that waits for its answer."""

    quiz: Quiz
    question_id: int
    version: int
    position: int
    content: Content

    @property
    def options(self) -> option_order.Options:
        """Its options as they are shown."""
        order = self.quiz.option_order(self.question_id)
        return option_order.shown(self.content.options, order)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is recorded, and the quiz with it.

    Attributes:
        tells: whether the rest may be told; without, θ̂ is left at its start.
    """

    quiz: Quiz
    tells: bool
    selected: str
    scored: Scored
    theta: float
    theta_se: float | None
    content: Content


class Progress:
    """Moves quizzes on, with what this process keeps in memory."""

    def __init__(
        self,
        database: Database,
        banks: Banks,
        contents: Contents,
        recent: RecentQuizzes,
        endings: Endings,
        limits: serving.Limits,
    ) -> None:
        self._database = database
        self._banks = banks
        self._contents = contents
        self._recent = recent
        self._endings = endings
        self._limits = limits

    async def next(self, caller: Principal, quiz_id: str) -> OpenItem:
        """The item to answer: the one that is open, else a new one.

        Raises:
            ProblemError: 404, 410, or 409 where no item is left that may be served.
        """

        async def work(conn: TenantConnection) -> OpenItem:
            quiz = self._recent.take(caller, quiz_id)
            if quiz is not None and quiz.open_item is None:
                item = await self._serve(conn, caller, quiz, guarded=True)
                if item is not None:
                    return item
            while True:
                quiz = await self._open_quiz(conn, caller, quiz_id)
                if quiz.open_item is not None:
                    return await self._shown(conn, caller, quiz)
                item = await self._serve(conn, caller, quiz, guarded=False)
                if item is not None:
                    return item

        return await self._database.run(caller.tenant_id, work)

    async def _open_quiz(self, conn: TenantConnection, caller: Principal, quiz_id: str) -> Quiz:
        quiz = await self._endings.read(conn, caller, quiz_id)
        if quiz.over or (quiz.time_is_up and quiz.open_item is None):
            raise gone(quiz)
        if quiz.is_answered:  # a process died between answer and seal
            await self._endings.seal(conn, caller, quiz)
            raise gone(await self._endings.read(conn, caller, quiz_id))
        return quiz

    async def _serve(
        self, conn: TenantConnection, caller: Principal, quiz: Quiz, *, guarded: bool
    ) -> OpenItem | None:
        """Serves a new item; None where the quiz has moved on, or has to be read to be sure.

        Args:
            conn: a connection of the quiz's tenant.
            caller: whose quiz it is.
            quiz: as it was read, or is remembered.
            guarded: it is remembered: a bank that was not seen to be the newest lately does not do.
        """
        exam = quiz.exam_code
        bank = await self._endings.bank(caller, quiz)
        capped = self._banks.caps.of(exam)
        is_newest = bank.version == quiz.bank_version
        while True:
            ability = ability_of(bank, quiz)
            seed = self._banks.seed(quiz.id)
            item = choose(bank, quiz.wish, quiz.past, ability[0], seed, capped, ability[1])
            if item is None:
                if guarded:
                    return None
                if is_newest and not bank.withdrawn:
                    raise _nothing_left(quiz)
                bank = await self._banks.current(caller.tenant_id, exam, bank.version + 1)
                is_newest = True
                continue
            may_lag = not guarded or self._banks.is_recent(exam)
            over_cap = item.question_id in capped
            order = await self._option_order(conn, caller, quiz, item)
            done = await serving.serve(
                conn,
                caller,
                quiz,
                item,
                ability,
                self._limits,
                option_order=order,
                over_cap=over_cap,
                bank_version=bank.version,
                may_lag=may_lag,
                event=self._endings.events.served(caller, quiz, item),
            )
            self._note(bank, item, done)
            if done.outcome == "served":
                _count(item)
                if over_cap:
                    OVER_CAP.inc()
                past = quiz.past.with_item(item, order)
                return await self._shown(conn, caller, replace(quiz, past=past))
            if done.outcome == "withdrawn" and may_lag:
                bank.withdrawn.add(item.question_id)
                bank = await self._endings.bank(caller, quiz)
            elif done.outcome == "capped":
                CAPPED.inc()
                capped.add(item.question_id)
            else:
                return None

    def _note(self, bank: Bank, item: Chosen, done: serving.Served) -> None:
        """Takes note of what the serving statement told of the bank."""
        if done.bank_version is not None:
            self._banks.notice(bank.exam.exam_code, done.bank_version)
        if done.given is not None and bank.pretest is not None:
            bank.pretest.gave(bank.live_of[item.question_id], done.given)

    async def _option_order(
        self, conn: TenantConnection, caller: Principal, quiz: Quiz, item: Chosen
    ) -> str | None:
        """The order in which an item's options are to be shown; None: as published."""
        if not quiz.shuffles_options:
            return None
        known = await self._contents.get(conn, caller.tenant_id, item.question_id, item.version)
        return option_order.drawn(known.options, self._banks.seed(quiz.id), item.question_id)

    async def _shown(self, conn: TenantConnection, caller: Principal, quiz: Quiz) -> OpenItem:
        self._recent.keep(caller, quiz)
        assert quiz.open_item is not None  # noqa: S101
        question_id, version, position = quiz.open_item
        content = await self._contents.get(conn, caller.tenant_id, question_id, version)
        return OpenItem(quiz, question_id, version, position, content)

    async def answer(
        self,
        caller: Principal,
        quiz_id: str,
        question_id: int,
        selected: str,
        time_taken_ms: int | None,
        client: Client | None = None,
    ) -> Answered:
        """Records an answer; the same answer again gives the same result.

        Raises:
            ProblemError: 404 no such quiz or not served, 409 answered differently, 410 over,
                422 no such option.
        """

        async def work(conn: TenantConnection) -> Answered:
            quiz = self._recent.take(caller, quiz_id)
            waiting = quiz.open_item if quiz is not None else None
            if quiz is None or waiting is None or waiting[0] != question_id:
                quiz = await self._endings.read(conn, caller, quiz_id)
            content = await self._content(conn, caller, quiz, question_id)
            _refuse_unknown_option(content, selected)
            order = quiz.option_order(question_id)
            chosen = option_order.published(selected, content.options, order)
            answer = answers.NewAnswer(
                question_id, quiz.version_of(question_id), chosen, time_taken_ms
            )
            event = self._endings.events.answered(caller, quiz, question_id, chosen, client)
            done = await answers.record(conn, caller, quiz, answer, event)
            if done is not None:
                ANSWERS.inc()
                scored, tells = done.scored, done.tells
                self._banks.notice(quiz.exam_code, done.bank_version)
                # what earlier answers score may have moved
                past = quiz.past.with_answer(
                    question_id, is_correct=scored.is_correct, is_void=scored.is_void
                )
                quiz = (
                    replace(quiz, past=past)
                    if done.scoring_version == quiz.scoring_version and not done.waited
                    else await self._endings.read(conn, caller, quiz_id)
                )
            else:
                quiz, scored = await self._recorded_before(
                    conn, caller, quiz_id, question_id, chosen, content
                )
            if done is None or done.waited:
                tells = (await self._endings.telling(conn, caller, quiz, [question_id])).practice
            is_last = quiz.is_answered and not quiz.over
            theta, theta_se = NO_ABILITY
            if is_last:
                theta, theta_se = await self._endings.seal(conn, caller, quiz)
            elif tells:
                theta, theta_se = await self._endings.ability(conn, caller, quiz)
            self._recent.keep(caller, quiz)
            return Answered(quiz, tells, selected, scored, theta, theta_se, content)

        return await self._database.run(caller.tenant_id, work)

    async def _content(
        self, conn: TenantConnection, caller: Principal, quiz: Quiz, question_id: int
    ) -> Content:
        version = quiz.version_of(question_id)
        if version is None:
            raise _not_served(quiz, question_id)
        return await self._contents.get(conn, caller.tenant_id, question_id, version)

    async def _recorded_before(
        self,
        conn: TenantConnection,
        caller: Principal,
        quiz_id: str,
        question_id: int,
        label: str,
        content: Content,
    ) -> tuple[Quiz, Scored]:
        """The quiz with the very answer in it; refuses where it was another, or came too late."""
        quiz = await self._endings.read(conn, caller, quiz_id)
        found = await answers.recorded(conn, quiz, question_id)
        if found is None:
            raise gone(quiz) if quiz.over else _not_served(quiz, question_id)
        before, scored = found
        if before != label:
            order = quiz.option_order(question_id)
            told = before and option_order.label_of(before, content.options, order)
            raise ProblemError(
                409,
                "answered-differently",
                f"question {question_id} was answered {told} already: an answer is final",
            )
        return quiz, scored


def _refuse_unknown_option(content: Content, selected: str) -> None:
    labels = [label for label, _ in content.options]
    if selected not in labels:
        wanted = ", ".join(labels) or "none: its options are not known"
        raise ProblemError(
            422, "no-such-option", f"option {selected!r} does not exist: choose one of {wanted}"
        )


def _count(item: Chosen) -> None:
    SERVED.labels(item.selector).inc()
    HELD_BACK.inc(len(item.held_back))
    if item.forced:
        FORCED.inc()


def _not_served(quiz: Quiz, question_id: int) -> ProblemError:
    return ProblemError(
        404, "not-served", f"question {question_id} was not served in quiz {quiz.id}"
    )


def _nothing_left(quiz: Quiz) -> ProblemError:
    return ProblemError(
        409,
        "no-item-left",
        f"no item is left for position {len(quiz.past.question_id) + 1} of quiz {quiz.id}"
        " (the exam's pool has shrunk): finish it",
    )
