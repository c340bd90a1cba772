"""Where a quiz stands and how it ends: what may be told, its seal, and the result that is kept.

What never lives here: HTTP, SQL, and the steps on the way (``progress``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from delivery_api.database import Database, TenantConnection
from delivery_api.metrics import SUBMITTED
from delivery_api.problems import ProblemError, not_found
from delivery_api.quizzes import sealing, store, telling
from delivery_api.quizzes.bank import Bank
from delivery_api.quizzes.banks import Banks
from delivery_api.quizzes.choice import estimate
from delivery_api.quizzes.events import Events
from delivery_api.quizzes.recent import RecentQuizzes
from delivery_api.quizzes.sealing import Result
from delivery_api.quizzes.store import Quiz
from delivery_api.quizzes.telling import NOTHING, Telling
from delivery_api.tokens import Principal

NO_ABILITY = (0.0, None)
Ability = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """A quiz, what it came to or has come to so far, and what may be told of it.

    Attributes:
        result: as it was kept; None while the quiz is open.
        ability: running θ̂ and its standard error; (0, None) where it is not to be told, or kept.
    """

    quiz: Quiz
    telling: Telling
    result: Result | None
    ability: Ability


class Endings:
    """Reads, seals and finishes quizzes.

    Args:
        database: where they are.
        banks: what θ̂ is computed from.
        recent: quizzes that are open in this process; what is finished goes from it.
        events: what is told of the steps.
    """

    def __init__(
        self, database: Database, banks: Banks, recent: RecentQuizzes, events: Events
    ) -> None:
        self._database = database
        self._banks = banks
        self._recent = recent
        self.events = events

    async def read(self, conn: TenantConnection, caller: Principal, quiz_id: str) -> Quiz:
        """The caller's quiz.

        Raises:
            ProblemError: 404.
        """
        quiz = await store.read(conn, caller, quiz_id)
        if quiz is None:
            raise not_found(f"quiz {quiz_id}")
        self._banks.notice(quiz.exam_code, quiz.bank_version)
        return quiz

    async def telling(
        self,
        conn: TenantConnection,
        caller: Principal,
        quiz: Quiz,
        questions: Sequence[int] | None = None,
    ) -> Telling:
        """What may be told now of some of a quiz's questions; of all where None."""
        asked = quiz.past.question_id if questions is None else questions
        found = await telling.read(conn, caller, quiz.exam_code, asked)
        return replace(
            found,
            practice=found.practice and quiz.mode == "tutor",
            review=found.review and quiz.mode == "exam" and quiz.over,
        )

    async def ability(self, conn: TenantConnection, caller: Principal, quiz: Quiz) -> Ability:
        """θ̂ and its standard error: the running one, or the one that was sealed."""
        if quiz.over:
            quiz, result = await self._result(conn, caller, quiz)
            if result is not None:
                return result.theta, result.theta_se
        return ability_of(await self.bank(caller, quiz), quiz)

    async def bank(self, caller: Principal, quiz: Quiz) -> Bank:
        """The bank of the quiz's exam, which may be behind by a little."""
        return await self._banks.get(caller.tenant_id, quiz.exam_code)

    async def _scoring_bank(self, caller: Principal, quiz: Quiz) -> Bank:
        """A bank with the parameters in force, waited for where they have changed."""
        bank = await self.bank(caller, quiz)
        if bank.scoring_version == quiz.scoring_version:
            return bank
        return await self._banks.current(caller.tenant_id, quiz.exam_code, quiz.bank_version)

    async def state(self, caller: Principal, quiz_id: str) -> Standing:
        """The caller's quiz as it stands.

        Raises:
            ProblemError: 404.
        """

        async def work(conn: TenantConnection) -> Standing:
            return await self._standing(conn, caller, await self.read(conn, caller, quiz_id))

        return await self._database.run(caller.tenant_id, work)

    async def finish(self, caller: Principal, quiz_id: str) -> Standing:
        """Ends a quiz; ending it again changes nothing.

        Raises:
            ProblemError: 404, or 410 where it expired unfinished.
        """

        async def work(conn: TenantConnection) -> Standing:
            return await self._standing(conn, caller, await self._finished(conn, caller, quiz_id))

        return await self._database.run(caller.tenant_id, work)

    async def _finished(self, conn: TenantConnection, caller: Principal, quiz_id: str) -> Quiz:
        self._recent.take(caller, quiz_id)
        async with conn.transaction():
            # locked before it is read, so that no answer slips in between
            await store.lock(conn, caller, quiz_id)
            quiz = await self.read(conn, caller, quiz_id)
            if quiz.status == "finished":
                return quiz
            if quiz.over:
                raise gone(quiz)
            await self.seal(conn, caller, quiz)
            return await self.read(conn, caller, quiz_id)

    async def seal(self, conn: TenantConnection, caller: Principal, quiz: Quiz) -> Ability:
        """Seals a quiz by the parameters that are in force; returns what they make of it."""
        while True:
            bank = await self._scoring_bank(caller, quiz)
            ability = ability_of(bank, quiz)
            # what the answers score is as old as the quiz was read
            is_same = bank.scoring_version == quiz.scoring_version
            if is_same and await sealing.seal(
                conn, quiz, bank, ability, self.events.ended(caller, quiz, "quiz_finished")
            ):
                return ability
            quiz = await self.read(conn, caller, quiz.id)
            if quiz.over:
                return ability

    async def submitted(self, conn: TenantConnection, caller: Principal, quiz_id: str) -> None:
        """Seals a quiz whose time is over, as it stands; any other is left as it is.

        Raises:
            ProblemError: 404.
        """
        await self._result(conn, caller, await self.read(conn, caller, quiz_id))

    async def _standing(self, conn: TenantConnection, caller: Principal, quiz: Quiz) -> Standing:
        quiz, result = await self._result(conn, caller, quiz)
        if quiz.status == "void":
            return Standing(quiz, NOTHING, None, NO_ABILITY)
        may_tell = await self.telling(conn, caller, quiz)
        if result is not None:
            return Standing(quiz, may_tell, result, NO_ABILITY)
        ability = await self.ability(conn, caller, quiz) if may_tell.practice else NO_ABILITY
        return Standing(quiz, may_tell, None, ability)

    async def _result(
        self, conn: TenantConnection, caller: Principal, quiz: Quiz
    ) -> tuple[Quiz, Result | None]:
        """What a quiz that is over came to; sealed now where its time ended it, and nobody did yet.

        None, with the quiz as it is now, where it is void, or open: it may just have got more time.
        """
        while quiz.over and quiz.status != "void":
            found = await sealing.read(conn, quiz.id)
            if found is not None:
                # somebody else may have sealed it since it was read
                is_as_sealed = quiz.sealed_at is not None
                return quiz if is_as_sealed else await self.read(conn, caller, quiz.id), found
            bank = await self._scoring_bank(caller, quiz)
            await self._submit(conn, caller, quiz.id, bank)
            quiz = await self.read(conn, caller, quiz.id)
        return quiz, None

    async def _submit(
        self, conn: TenantConnection, caller: Principal, quiz_id: str, bank: Bank
    ) -> None:
        """Seals a quiz whose time is over by a bank, unless it is scored by another one now."""
        async with conn.transaction():
            # an answer that was in time may be on its way in: read once it is there
            await store.lock(conn, caller, quiz_id)
            quiz = await self.read(conn, caller, quiz_id)
            if not quiz.over or quiz.status == "void":
                return
            kept = bank.scoring_version == quiz.scoring_version and await sealing.submit(
                conn,
                quiz,
                bank,
                ability_of(bank, quiz),
                self.events.ended(caller, quiz, "quiz_expired"),
            )
        if kept and quiz.sealed_at is None:
            SUBMITTED.inc()


def gone(quiz: Quiz) -> ProblemError:
    """410: the quiz takes no more answers."""
    if quiz.status == "void":
        return ProblemError(410, "quiz-void", f"quiz {quiz.id} is void: it counts for nothing")
    if quiz.status == "finished":
        return ProblemError(410, "quiz-finished", f"quiz {quiz.id} is finished: see its results")
    grace = f", with answers taken {quiz.grace_s} s longer" if quiz.grace_s else ""
    return ProblemError(
        410, "quiz-expired", f"quiz {quiz.id} expired at {quiz.expires_at:%FT%TZ}{grace}"
    )


def ability_of(bank: Bank, quiz: Quiz) -> Ability:
    """θ̂ and its standard error by a bank; (0, None) where it has no parameters."""
    ability = estimate(bank, quiz.past)
    return NO_ABILITY if ability is None else (ability.theta, ability.sd)
