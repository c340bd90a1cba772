"""Making a quiz: may it be made, the student's arm of the experiment, and can it be filled.

What never lives here: serving (``progress``), SQL (``creation``), and what a bank can fill
(``planning``).
"""

from __future__ import annotations

import hashlib
import hmac
import math
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from delivery_api.database import Database, TenantConnection
from delivery_api.problems import ProblemError, not_found
from delivery_api.quizzes import creation, harvesting, store
from delivery_api.quizzes.asked import Asked, Request, found, refuse_another
from delivery_api.quizzes.bank import Bank
from delivery_api.quizzes.banks import Banks
from delivery_api.quizzes.creation import Setup
from delivery_api.quizzes.ending import NO_ABILITY
from delivery_api.quizzes.events import Events
from delivery_api.quizzes.planning import left_out, planned, pretest_positions
from delivery_api.quizzes.restriction import Restrictions
from delivery_api.quizzes.store import Quiz
from delivery_api.rate_limit import too_many
from delivery_api.tokens import Principal
from qbank.attempts import AttemptPolicy
from qbank.exams.pretest import PretestPolicy
from qbank.exams.settings import controls_exposure
from qbank.stores import cohorts
from qbank.vocabulary import ADAPTIVE, Selector, code_of

COHORT_KEY: Final = "selector"
FLAG_KEY: Final = "selector_strategy"
DEFAULT: Final = "sympson_hetter"

_ENROL = """INSERT INTO cohort_assignments (user_id, cohort_key, tenant_id, cohort_value)
    VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"""


def strategy(value: Any) -> Mapping[str, float] | None:
    """The arms that a ``selector_strategy`` flag's value names, with their weights.

    ``"vanilla"`` and ``{"selector": "vanilla"}`` put everybody in one arm,
    ``{"split": {"vanilla": 1, "sympson_hetter": 1}}`` splits; None where it is none of these.
    """
    if isinstance(value, dict) and value.keys() == {"selector"}:
        value = value["selector"]
    if isinstance(value, str):
        return {value: 1.0} if value in ADAPTIVE else None
    split = value.get("split") if isinstance(value, dict) and value.keys() == {"split"} else None
    if not isinstance(split, dict) or not split.keys() <= set(ADAPTIVE):
        return None
    if not cohorts.usable(split):
        return None
    return cast("Mapping[str, float]", split)


class Enrolment:
    """Makes quizzes.

    Args:
        database: where they are.
        banks: what they draw from.
        key: makes ids of idempotency keys.
        minutes: how long they may be answered.
        a_minute: how many of them a person may make in a minute.
        events: what is told of it.
    """

    def __init__(
        self,
        database: Database,
        banks: Banks,
        key: bytes,
        minutes: int,
        a_minute: int,
        events: Events,
    ) -> None:
        self._database = database
        self._banks = banks
        self._key = key
        self._minutes = minutes
        self._a_minute = a_minute
        self._events = events
        self._restrictions = Restrictions()

    async def create(self, caller: Principal, asked: Asked) -> Quiz:
        """Writes a quiz; the same idempotency key gives the same quiz again.

        Raises:
            ProblemError: 404 exam, 409 the pool cannot fill it, 422 no exam is meant, topics that
                do not exist, or the key was used for another quiz.
        """
        quiz_id = self._quiz_id(caller, asked.idempotency_key)

        async def work(conn: TenantConnection) -> Quiz:
            request = await found(conn, caller, asked)
            quiz = await self._create(conn, caller, request, quiz_id)
            if asked.idempotency_key is not None:
                refuse_another(request, quiz)
            return quiz

        return await self._database.run(caller.tenant_id, work)

    async def _create(
        self, conn: TenantConnection, caller: Principal, request: Request, quiz_id: str
    ) -> Quiz:
        async with conn.transaction():
            setup = await creation.begin(
                conn, caller, quiz_id, request.exam_code, COHORT_KEY, FLAG_KEY
            )
            if setup is None:
                raise not_found(f"exam {request.exam_code!r}")
            bank = None
            if not setup.exists:
                bank = await self._make(conn, caller, request, quiz_id, setup)
        quiz = await store.read(conn, caller, quiz_id)
        if quiz is None:  # of the same person, launched into another exam
            raise ProblemError(
                422,
                "idempotency-key-reused",
                "this Idempotency-Key made a quiz of another exam: use a new key",
            )
        if bank is not None:
            await harvesting.look(conn, caller, setup.exam_key, len(bank.pool))
        return quiz

    async def _make(
        self,
        conn: TenantConnection,
        caller: Principal,
        request: Request,
        quiz_id: str,
        setup: Setup,
    ) -> Bank:
        """Writes the quiz; returns the bank that it is planned by."""
        if setup.quizzes_lately >= self._a_minute:
            raise too_many("quizzes", self._a_minute, setup.wait_s or 0)
        policy = AttemptPolicy.of(request.exam_code, setup.policy)
        _refuse_what_is_not_given(request, setup, policy)
        selector = await self._selector(conn, caller, setup) if request.adaptive else "fixed"
        known = await creation.known_topics(conn, caller, request.filters.topics)
        bank = await self._bank(caller, setup)
        try:
            wish, admitted = planned(request, setup, policy, selector, bank, known)
        except ProblemError:
            if bank.version == setup.bank_version:
                raise
            # nobody is refused for what an older bank is
            bank = await self._banks.current(caller.tenant_id, setup.exam_key, setup.bank_version)
            wish, admitted = planned(request, setup, policy, selector, bank, known)
        seen = await creation.seen(conn, caller, request.mode, policy.repeat_after_days)
        closed = await self._restrictions.closed(conn, bank.under(wish.quota), wish)
        wish = replace(wish, left_out=left_out(bank, wish, admitted, [*seen, *closed]))
        if request.mode == "exam":
            tries = PretestPolicy.of(request.exam_code, setup.policy)
            seed = self._banks.seed(quiz_id)
            wish = replace(wish, pretest_positions=pretest_positions(bank, wish, tries, seed))
        await creation.create(
            conn,
            caller,
            quiz_id,
            wish,
            mode=request.mode,
            adaptive=request.adaptive,
            exam_code=setup.exam_key,
            theta=NO_ABILITY[0] if bank.ranked is None else bank.ranked.prior_mean,
            minutes=policy.minutes(caller.user_id, self._minutes)
            if request.mode == "exam"
            else self._minutes,
            grace_s=policy.grace_seconds if request.mode == "exam" else 0,
            shuffles=policy.shuffle_options and request.mode == "exam",
            event=self._events.started(
                caller,
                quiz_id,
                {
                    "exam": code_of(setup.exam_key),
                    "mode": request.mode,
                    "selector": wish.selector,
                    "num_questions": wish.num_questions,
                },
            ),
        )
        await creation.note_launch(conn, caller, quiz_id)
        return bank

    async def _bank(self, caller: Principal, setup: Setup) -> Bank:
        """The exam's bank, with its settings and blueprint as they are now."""
        self._banks.notice(setup.exam_key, setup.bank_version)
        bank = await self._banks.get(caller.tenant_id, setup.exam_key)
        if bank.settings_version == setup.settings_version:
            return bank
        return await self._banks.current(caller.tenant_id, setup.exam_key, setup.bank_version)

    async def _selector(self, conn: TenantConnection, caller: Principal, setup: Setup) -> Selector:
        """The student's arm: as assigned, else by the flag (and assigned), else the default."""
        if not controls_exposure(setup.policy):
            return "vanilla"
        if setup.cohort in ADAPTIVE:
            return cast("Selector", setup.cohort)
        arms = strategy(setup.flag)
        if arms is None:
            default = setup.policy.get("selector")
            return cast("Selector", default if default in ADAPTIVE else DEFAULT)
        arm = cohorts.arm(FLAG_KEY, caller.tenant_id, caller.user_id, arms)
        if len(arms) > 1:  # an experiment: kept, so that a later change of weights moves nobody
            await conn.execute(_ENROL, (caller.user_id, COHORT_KEY, caller.tenant_id, arm))
        return cast("Selector", arm)

    def _quiz_id(self, caller: Principal, idempotency_key: str | None) -> str:
        if idempotency_key is None:
            return str(uuid.uuid4())
        name = "\x1f".join((caller.tenant_id, caller.user_id, idempotency_key)).encode()
        digest = hmac.new(self._key, b"quiz" + name, hashlib.sha256).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))


def _refuse_what_is_not_given(request: Request, setup: Setup, policy: AttemptPolicy) -> None:
    """409 where the exam's policy has no such quiz for the person."""
    exam = f"exam {request.exam_code!r}"
    if request.mode not in policy.modes:
        raise ProblemError(
            409,
            "mode-not-given",
            f"{exam} has no quizzes in {request.mode} mode: use {' or '.join(policy.modes)}",
        )
    if request.mode != "exam":
        return
    if len(setup.open_sittings) >= policy.open_quizzes:
        first = setup.open_sittings[0]
        raise ProblemError(
            409,
            "quiz-open",
            f"quiz {first} of {exam} is still open: go on with it, or finish it first",
            quiz_id=first,
        )
    if policy.max_attempts is not None and setup.attempts >= policy.max_attempts:
        raise ProblemError(
            409,
            "no-attempt-left",
            f"{setup.attempts} of {policy.max_attempts} attempts at {exam} are used",
        )
    _refuse_another_time(exam, setup, policy)


def _refuse_another_time(exam: str, setup: Setup, policy: AttemptPolicy) -> None:
    """409 where a sitting of the person may not begin now."""
    if policy.opening is not None and setup.now < policy.opening:
        raise ProblemError(409, "not-open", f"{exam} opens at {policy.opens_at}")
    if policy.closing is not None and setup.now >= policy.closing:
        raise ProblemError(409, "not-open", f"{exam} is closed since {policy.closes_at}")
    wait = 60 * policy.cool_down_minutes - (setup.ended_s or 0)
    if setup.ended_s is not None and wait > 0:
        raise ProblemError(
            409,
            "cool-down",
            f"{exam} can be sat again in {math.ceil(wait / 60)} minutes:"
            f" {policy.cool_down_minutes} lie between two sittings",
            {"Retry-After": str(math.ceil(wait))},
        )
