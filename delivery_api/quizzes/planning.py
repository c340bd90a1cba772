"""What a quiz's items are to be chosen by, and whether a bank has them.

What never lives here: whether a person may have the quiz (``enrolment``), and the choice of an item
(``choice``).
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from delivery_api.problems import ProblemError
from delivery_api.quizzes.asked import Request
from delivery_api.quizzes.bank import Bank, Filters, Mask
from delivery_api.quizzes.choice import Wish
from delivery_api.quizzes.creation import Setup
from qbank.attempts import AttemptPolicy
from qbank.exams import selectors
from qbank.exams.pretest import PretestPolicy
from qbank.exams.settings import controls_exposure
from qbank.vocabulary import Selector

_UNCONTROLLED = {"selector": "vanilla"}


def planned(
    request: Request,
    setup: Setup,
    policy: AttemptPolicy,
    selector: Selector,
    bank: Bank,
    topics: Collection[int],
) -> tuple[Wish, Mask]:
    """How the quiz's items are to be chosen, and among which; refuses what a bank cannot fill."""
    wish = Wish(
        _chosen_by(request, setup, policy, selector, bank),
        request.filters,
        request.num_questions or bank.exam.test_length,
        blueprint_quota=_keeps_to_blueprint(request, setup.policy),
        quota=request.quota,
    )
    if request.mode == "exam" and policy.as_certified:
        _refuse_what_is_not_certified(request, wish, bank, setup)
    return wish, _refuse_what_cannot_be_filled(bank.under(wish.quota), wish, topics)


def _chosen_by(
    request: Request, setup: Setup, policy: AttemptPolicy, selector: Selector, bank: Bank
) -> Selector:
    """The selector; of a sitting as certified, what sh_p was found for whatever a cohort has.

    Whoever is in a cohort can do nothing about it, so nobody is refused for that.
    """
    as_certified = request.mode == "exam" and policy.as_certified and request.adaptive
    if as_certified and bank.found_for and selectors.delivered(setup.policy) != _UNCONTROLLED:
        return bank.found_for
    return bank.served_by(selector)


def left_out(bank: Bank, wish: Wish, admitted: Mask, seen: Sequence[int]) -> tuple[int, ...]:
    """As many of the seen questions, from the first on, as the quiz can be filled without.

    Those that it is not filled with, as what has no parameters, are all left out.

    Args:
        bank: what it draws from.
        wish: how.
        admitted: which live items it may draw from, shape (J,).
        seen: questions that its owner has met or that are closed to new quizzes.
    """
    bank = bank.under(wish.quota)
    live = [question for question in dict.fromkeys(seen) if question in bank.live_of]
    known = [question for question in live if admitted[bank.live_of[question]]]
    others = [question for question in live if not admitted[bank.live_of[question]]]
    index = [bank.live_of[question] for question in known]

    def can_do_without(count: int) -> bool:
        rest = admitted.copy()
        rest[index[:count]] = False
        return bank.shortage(rest, wish.num_questions, with_quota=wish.has_quota) is None

    # the more are left out the less can be filled, so the first count that fails is bisected
    fails = bisect.bisect_left(
        range(1, len(known) + 1), x=True, key=lambda n: not can_do_without(n)
    )
    return (*known[:fails], *others)


def pretest_positions(bank: Bank, wish: Wish, policy: PretestPolicy, seed: int) -> tuple[int, ...]:
    """Where a sitting tries out an item: as many as its exam's policy and its pool have."""
    if wish.selector == "fixed" or bank.pretest is None:
        return ()
    may = bank.admitted(wish.filters) & (bank.rank < 0)
    may[[bank.live_of[question] for question in wish.left_out]] = False
    return policy.positions(wish.num_questions, int(may.sum()), seed)


def _refuse_what_cannot_be_filled(bank: Bank, wish: Wish, topics: Collection[int]) -> Mask:
    """Which live items the quiz may draw from."""
    unknown = sorted(wish.filters.topics - set(topics))
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
                f"exam {bank.exam.code!r} has no calibrated items yet:"
                " ask with adaptive=false, or calibrate it first",
            )
        admitted = admitted & (bank.rank >= 0)
    if wish.blueprint_quota and not bank.pool.lines:
        raise ProblemError(
            409,
            "no-blueprint",
            f"exam {bank.exam.code!r} has no blueprint: ask with blueprint_quota=false",
        )
    shortage = bank.shortage(admitted, wish.num_questions, with_quota=wish.has_quota)
    if shortage is not None:
        raise ProblemError(
            409, "pool-too-small", f"{shortage}: ask for fewer questions or wider filters"
        )
    return admitted


def _refuse_what_is_not_certified(request: Request, wish: Wish, bank: Bank, setup: Setup) -> None:
    """409 where a sitting is asked for that no calibration of the exam speaks of."""
    asked = {
        "num_questions": wish.num_questions != bank.exam.test_length,
        "topics or difficulty": request.filters != Filters(),
        "blueprint_quota": bool(wish.quota)
        or wish.blueprint_quota != _certified_quota(setup.policy),
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
    if request.quota:
        return False
    if request.blueprint_quota is not None:
        return request.blueprint_quota
    return _certified_quota(policy) and request.filters == Filters()


def _certified_quota(policy: Mapping[str, Any]) -> bool:
    """Whether the exam's tests have its blueprint's quota."""
    return policy.get("quota") == "blueprint"
