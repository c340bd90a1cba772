"""Making a quiz: may it be made, the student's arm of the experiment, and can it be filled.

What never lives here: serving (``progress``), and SQL (``creation``).
"""

from __future__ import annotations

import bisect
import hashlib
import hmac
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from delivery_api.database import Database, TenantConnection
from delivery_api.problems import ProblemError, not_found
from delivery_api.quizzes import creation, store
from delivery_api.quizzes.bank import Bank, Filters, Mask
from delivery_api.quizzes.banks import Banks
from delivery_api.quizzes.choice import Wish
from delivery_api.quizzes.creation import Setup
from delivery_api.quizzes.ending import NO_ABILITY
from delivery_api.quizzes.store import Quiz
from delivery_api.rate_limit import too_many
from delivery_api.tokens import Principal
from qbank.attempts import AttemptPolicy
from qbank.exams.settings import controls_exposure
from qbank.stores import cohorts
from qbank.vocabulary import ADAPTIVE, Mode, Selector

COHORT_KEY: Final = "selector"
FLAG_KEY: Final = "selector_strategy"
DEFAULT: Final = "sympson_hetter"

_ENROL = """INSERT INTO cohort_assignments (user_id, cohort_key, tenant_id, cohort_value)
    VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"""


@dataclass(frozen=True)
class Request:
    """What a student asks for; None is as the exam has it."""

    exam_code: str
    filters: Filters
    num_questions: int | None
    mode: Mode
    adaptive: bool
    blueprint_quota: bool | None
    idempotency_key: str | None


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
    """

    def __init__(
        self, database: Database, banks: Banks, key: bytes, minutes: int, a_minute: int
    ) -> None:
        self._database = database
        self._banks = banks
        self._key = key
        self._minutes = minutes
        self._a_minute = a_minute

    async def create(self, caller: Principal, request: Request) -> Quiz:
        """Writes a quiz; the same idempotency key gives the same quiz again.

        Raises:
            ProblemError: 404 exam, 409 the pool cannot fill it, 422 topics that do not exist.
        """
        quiz_id = self._quiz_id(caller, request.idempotency_key)
        return await self._database.run(
            caller.tenant_id, lambda conn: self._create(conn, caller, request, quiz_id)
        )

    async def _create(
        self, conn: TenantConnection, caller: Principal, request: Request, quiz_id: str
    ) -> Quiz:
        async with conn.transaction():
            setup = await creation.begin(
                conn, caller, quiz_id, request.exam_code, COHORT_KEY, FLAG_KEY
            )
            if setup is None:
                raise not_found(f"exam {request.exam_code!r}")
            if not setup.exists:
                await self._make(conn, caller, request, quiz_id, setup)
        quiz = await store.read(conn, caller, quiz_id)
        assert quiz is not None  # noqa: S101  (it was written, or was there)
        return quiz

    async def _make(
        self,
        conn: TenantConnection,
        caller: Principal,
        request: Request,
        quiz_id: str,
        setup: Setup,
    ) -> None:
        if setup.quizzes_lately >= self._a_minute:
            raise too_many("quizzes", self._a_minute, setup.wait_s or 0)
        policy = AttemptPolicy.of(request.exam_code, setup.policy)
        _refuse_what_is_not_given(request, setup, policy)
        bank = await self._banks.get(caller.tenant_id, request.exam_code, setup.bank_version)
        wish = Wish(
            "fixed",
            request.filters,
            request.num_questions or bank.exam.test_length,
            _keeps_to_blueprint(request, setup.policy),
        )
        if request.mode == "exam" and policy.as_certified:
            _refuse_what_is_not_certified(request, wish, bank, setup)
        if request.adaptive:
            wish = replace(wish, selector=await self._selector(conn, caller, setup))
        admitted = _refuse_what_cannot_be_filled(bank, wish)
        seen = await creation.seen(conn, caller, request.mode, policy.repeat_after_days)
        wish = replace(wish, left_out=_left_out(bank, wish, admitted, seen))
        await creation.create(
            conn,
            caller,
            quiz_id,
            wish,
            mode=request.mode,
            adaptive=request.adaptive,
            exam_code=request.exam_code,
            theta=NO_ABILITY[0] if bank.ranked is None else bank.ranked.prior_mean,
            minutes=policy.minutes(caller.user_id, self._minutes)
            if request.mode == "exam"
            else self._minutes,
        )

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


def _refuse_what_is_not_certified(request: Request, wish: Wish, bank: Bank, setup: Setup) -> None:
    """409 where a sitting is asked for that no calibration of the exam speaks of."""
    asked = {
        "num_questions": wish.num_questions != bank.exam.test_length,
        "topics or difficulty": request.filters != Filters(),
        "blueprint_quota": wish.blueprint_quota != _certified_quota(setup.policy),
        "adaptive=false": not request.adaptive and controls_exposure(setup.policy),
    }
    other = [name for name, is_other in asked.items() if is_other]
    if other:
        raise ProblemError(
            409,
            "not-as-certified",
            f"sittings of exam {request.exam_code!r} are all made alike: leave out"
            f" {', '.join(other)}",
        )


def _keeps_to_blueprint(request: Request, policy: Mapping[str, Any]) -> bool:
    """Whether the quiz has the blueprint's quota; a quiz of some topics alone cannot have it."""
    if request.blueprint_quota is not None:
        return request.blueprint_quota
    return _certified_quota(policy) and request.filters == Filters()


def _certified_quota(policy: Mapping[str, Any]) -> bool:
    """Whether the exam's tests have its blueprint's quota."""
    return policy.get("quota") == "blueprint"


def _left_out(bank: Bank, wish: Wish, admitted: Mask, seen: Sequence[int]) -> tuple[int, ...]:
    """As many of the seen questions, from the first on, as the quiz can be filled without."""
    known = [question for question in seen if question in bank.live_of]
    index = [bank.live_of[question] for question in known]

    def can_do_without(count: int) -> bool:
        rest = admitted.copy()
        rest[index[:count]] = False
        return bank.shortage(rest, wish.num_questions, with_quota=wish.blueprint_quota) is None

    # the more are left out the less can be filled, so the first count that fails is bisected
    fails = bisect.bisect_left(range(1, len(known) + 1), True, key=lambda n: not can_do_without(n))
    return tuple(known[:fails])


def _refuse_what_cannot_be_filled(bank: Bank, wish: Wish) -> Mask:
    """Which live items the quiz may draw from."""
    unknown = bank.unknown_topics(wish.filters.topics)
    if unknown:
        raise ProblemError(
            422, "no-such-topic", f"topics {unknown} do not exist: see the topic tree"
        )
    admitted = bank.admitted(wish.filters)
    if wish.selector != "fixed":
        if bank.ranked is None:
            raise ProblemError(
                409,
                "not-calibrated",
                f"exam {bank.exam.exam_code!r} has no calibrated items yet:"
                " ask with adaptive=false, or calibrate it first",
            )
        admitted = admitted & (bank.rank >= 0)
    if wish.blueprint_quota and not bank.pool.lines:
        raise ProblemError(
            409,
            "no-blueprint",
            f"exam {bank.exam.exam_code!r} has no blueprint: ask with blueprint_quota=false",
        )
    shortage = bank.shortage(admitted, wish.num_questions, with_quota=wish.blueprint_quota)
    if shortage is not None:
        raise ProblemError(
            409, "pool-too-small", f"{shortage}: ask for fewer questions or wider filters"
        )
    return admitted
