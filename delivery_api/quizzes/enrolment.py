"""Making a quiz: the student's arm of the selector experiment, and whether it can be filled.

What never lives here: serving (``progress``).
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from delivery_api.database import Database, TenantConnection
from delivery_api.problems import ProblemError, not_found
from delivery_api.quizzes import store
from delivery_api.quizzes.bank import Bank, Filters
from delivery_api.quizzes.banks import Banks
from delivery_api.quizzes.choice import Wish
from delivery_api.quizzes.progress import NO_ABILITY
from delivery_api.quizzes.store import Quiz
from delivery_api.tokens import Principal
from qbank.stores import cohorts
from qbank.vocabulary import ADAPTIVE, Mode, Selector

COHORT_KEY: Final = "selector"
FLAG_KEY: Final = "selector_strategy"
DEFAULT: Final = "sympson_hetter"

# a tenant's own flag or assignment comes before one that holds for all
_SETUP = """SELECT e.policy ->> 'selector', coalesce(b.version, 0),
        (SELECT c.cohort_value FROM cohort_assignments AS c
         WHERE c.user_id = %(user)s AND c.cohort_key = %(cohort)s
            AND (c.tenant_id = %(tenant)s OR c.tenant_id IS NULL)
         ORDER BY c.tenant_id NULLS LAST LIMIT 1),
        (SELECT CASE WHEN f.enabled THEN f.value_json END FROM feature_flags AS f
         WHERE f.key = %(flag)s AND (f.tenant_id = %(tenant)s OR f.tenant_id IS NULL)
         ORDER BY f.tenant_id NULLS LAST LIMIT 1)
    FROM exams AS e LEFT JOIN bank_versions AS b USING (exam_code)
    WHERE e.exam_code = %(exam)s AND e.tenant_id = %(tenant)s"""

_ENROL = """INSERT INTO cohort_assignments (user_id, cohort_key, tenant_id, cohort_value)
    VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"""


@dataclass(frozen=True)
class Request:
    """What a student asks for."""

    exam_code: str
    filters: Filters
    num_questions: int
    mode: Mode
    adaptive: bool
    blueprint_quota: bool
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
    if not isinstance(split, dict) or not split or not split.keys() <= set(ADAPTIVE):
        return None
    numbers = [w for w in split.values() if isinstance(w, int | float) and not isinstance(w, bool)]
    if len(numbers) != len(split) or min(numbers) < 0 or not 0 < sum(numbers) < float("inf"):
        return None
    return cast("Mapping[str, float]", split)


class Enrolment:
    """Makes quizzes."""

    def __init__(self, database: Database, banks: Banks, key: bytes, minutes: int) -> None:
        self._database = database
        self._banks = banks
        self._key = key
        self._minutes = minutes

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
        values = {
            "user": caller.user_id,
            "tenant": caller.tenant_id,
            "exam": request.exam_code,
            "cohort": COHORT_KEY,
            "flag": FLAG_KEY,
        }
        row = await (await conn.execute(_SETUP, values)).fetchone()
        if row is None:
            raise not_found(f"exam {request.exam_code!r}")
        default, version, cohort, flag = row
        bank = await self._banks.get(caller.tenant_id, request.exam_code, version)
        wish = Wish("fixed", request.filters, request.num_questions, request.blueprint_quota)
        if request.adaptive:
            selector = await self._selector(conn, caller, cohort, flag, default)
            wish = replace(wish, selector=selector)
        _refuse_what_cannot_be_filled(bank, wish)
        await store.create(
            conn,
            caller,
            quiz_id,
            wish,
            mode=request.mode,
            adaptive=request.adaptive,
            exam_code=request.exam_code,
            theta=NO_ABILITY[0] if bank.ranked is None else bank.ranked.prior_mean,
            minutes=self._minutes,
        )
        quiz = await store.read(conn, caller, quiz_id)
        assert quiz is not None  # noqa: S101  (it was written, or was there)
        return quiz

    async def _selector(
        self,
        conn: TenantConnection,
        caller: Principal,
        cohort: str | None,
        flag: Any,
        default: str | None,
    ) -> Selector:
        """The student's arm: as assigned, else by the flag (and assigned), else the default."""
        if cohort in ADAPTIVE:
            return cast("Selector", cohort)
        arms = strategy(flag)
        if arms is None:
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


def _refuse_what_cannot_be_filled(bank: Bank, wish: Wish) -> None:
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
    if wish.blueprint_quota and not bank.lines:
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
