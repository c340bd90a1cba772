"""The next item of a quiz: the quiz's past and the cached bank, handed to the one selection rule.

What never lives here: SQL, and a rule: adaptive quizzes ask ``calibration.cat.select``; a quiz that
is not adaptive draws at random, which is how items without parameters come by responses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from calibration import cat
from delivery_api.quizzes.bank import Bank, Filters, Mask
from delivery_api.quizzes.own_quota import OwnQuota
from qbank.vocabulary import Selector


@dataclass(frozen=True)
class Past:
    """What a quiz has seen so far, in order of position.

    Attributes:
        question_id: items served.
        version: the version served of each.
        correct: None where not answered yet.
        held_back: question ids held back so far.
        void: question ids whose answers count for nothing.
        option_order: published labels of each item in the order shown; None: as published.
        tried_out: question ids that were served unscored, to learn their parameters.
    """

    question_id: Sequence[int]
    version: Sequence[int]
    correct: Sequence[bool | None]
    held_back: Sequence[int]
    void: frozenset[int] = frozenset()
    option_order: Sequence[str | None] = ()
    tried_out: frozenset[int] = frozenset()

    @property
    def scored(self) -> Past:
        """The same as if nothing had been tried out."""
        if not self.tried_out:
            return self
        kept = [k for k, question in enumerate(self.question_id) if question not in self.tried_out]
        return replace(
            self,
            question_id=[self.question_id[k] for k in kept],
            version=[self.version[k] for k in kept],
            correct=[self.correct[k] for k in kept],
            option_order=[self.option_order[k] for k in kept] if self.option_order else (),
            tried_out=frozenset(),
        )

    @property
    def score(self) -> list[bool | None]:
        """As `correct`, with None where the answer counts for nothing."""
        return [
            None if question in self.void else correct
            for question, correct in zip(self.question_id, self.correct, strict=True)
        ]

    def with_item(self, item: Chosen, option_order: str | None) -> Past:
        """The same with an item that was served now."""
        return replace(
            self,
            question_id=(*self.question_id, item.question_id),
            version=(*self.version, item.version),
            correct=(*self.correct, None),
            held_back=(*self.held_back, *item.held_back),
            option_order=(*self.option_order, option_order),
            tried_out=self.tried_out | ({item.question_id} if item.is_pretest else set()),
        )

    def with_answer(self, question_id: int, *, is_correct: bool, is_void: bool) -> Past:
        """The same with the answer to an item that was served."""
        correct = list(self.correct)
        correct[self.question_id.index(question_id)] = is_correct
        void = self.void | ({question_id} if is_void else set())
        return replace(self, correct=correct, void=void)


@dataclass(frozen=True)
class Wish:
    """How a quiz wants its items chosen.

    Attributes:
        num_questions: scored items.
        quota: (topic id, items) of a quota of its own, in place of the blueprint's.
        left_out: question ids that its owner has seen and that the pool can do without.
        pretest_positions: where it tries out an item that has no parameters yet, if there is one.
    """

    selector: Selector
    filters: Filters
    num_questions: int
    blueprint_quota: bool = field(kw_only=True)
    left_out: tuple[int, ...] = ()
    pretest_positions: tuple[int, ...] = ()
    quota: OwnQuota = ()

    @property
    def has_quota(self) -> bool:
        """Whether it has any, the blueprint's or its own."""
        return self.blueprint_quota or bool(self.quota)


@dataclass(frozen=True)
class Chosen:
    """The item to serve, and how it came about.

    Attributes:
        selector: what chose it.
        sh_p: exposure parameter that was applied; None where the quiz is not adaptive.
        held_back: question ids selected and held back in this step, in order.
        forced: every item left was held back.
        is_pretest: it has no parameters, and its answer scores nothing.
    """

    question_id: int
    version: int
    selector: Selector
    sh_p: float | None
    held_back: tuple[int, ...]
    forced: bool = field(kw_only=True)
    is_pretest: bool = False


def estimate(bank: Bank, past: Past) -> cat.Ability | None:
    """θ̂ from the answers to calibrated items; None where the exam has no parameters.

    What was tried out tells nothing, also where it has parameters by now.
    """
    if bank.ranked is None:
        return None
    past = past.scored
    items, answers = [], []
    for question, version, correct in zip(past.question_id, past.version, past.score, strict=True):
        index = bank.ranked_of.get((question, version))
        if correct is not None and index is not None:
            items.append(index)
            answers.append(correct)
    return cat.ability(bank.ranked, items, answers)


def choose(
    bank: Bank,
    wish: Wish,
    past: Past,
    theta: float,
    seed: int,
    capped: Collection[int],
    sd: float | None = None,
) -> Chosen | None:
    """The next item; None where nothing is left that may be served.

    Where the quiz is to try out an item that is one without parameters, if there is any; the scored
    items are the same as if none was. Items that reached their daily cap come after all others, and
    after these what the quiz's owner has seen: neither closes an exam.
    """
    if len(past.question_id) + 1 in wish.pretest_positions:
        item = _tried_out(bank, wish, past, theta, seed, capped)
        if item is not None:
            return item
    bank = bank.under(wish.quota)
    # an open quiz may have been made before sh_p of another meaning came into force
    wish = replace(wish, selector=bank.served_by(wish.selector))
    # an item that was tried out may have parameters since: it comes no second time
    tried_out, past = past.tried_out, past.scored
    out = (*tried_out, *wish.left_out)
    item = _choose(bank, wish, past, (theta, sd), seed, (*capped, *out))
    if item is None and capped:
        item = _choose(bank, wish, past, (theta, sd), seed, out)
    if item is None and wish.left_out:
        item = _choose(bank, wish, past, (theta, sd), seed, tried_out)
    return item


def _tried_out(
    bank: Bank, wish: Wish, past: Past, theta: float, seed: int, capped: Collection[int]
) -> Chosen | None:
    """An item without parameters that its owner has not met; None where there is none left."""
    if bank.pretest is None:
        return None
    admitted, pool = bank.admitted(wish.filters), bank.pool
    out = {*past.question_id, *wish.left_out, *capped, *bank.withdrawn}
    at = bank.pretest.choose(
        seed,
        len(past.question_id) + 1,
        theta,
        lambda k: bool(admitted[k]) and int(pool.question_id[k]) not in out,
    )
    if at is None:
        return None
    question, version = int(pool.question_id[at]), int(pool.version[at])
    return Chosen(question, version, "fixed", None, (), forced=False, is_pretest=True)


def _choose(
    bank: Bank,
    wish: Wish,
    past: Past,
    ability: tuple[float, float | None],
    seed: int,
    out: Iterable[int],
) -> Chosen | None:
    """The rule's choice among the items that are not ``out``."""
    taken = [bank.live_of[q] for q in past.question_id if q in bank.live_of]
    full = [bank.live_of[q] for q in (*out, *bank.withdrawn) if q in bank.live_of]
    if wish.selector == "fixed":
        return _at_random(bank, wish, past, taken, full, seed)
    assert bank.ranked is not None  # noqa: S101  (refused when the quiz was made)
    control = bank.control(wish.selector, wish.num_questions if wish.has_quota else None)
    excluded = bank.excluded(wish.filters)
    if full:
        excluded = excluded.copy()
        excluded[_ranks(bank, full)] = True
    held = [bank.live_of[q] for q in past.held_back if q in bank.live_of]
    step = cat.select(
        bank.ranked_by(wish.selector),
        ability[0],
        control,
        seed=seed,
        administered=_ranks(bank, taken),
        held_back=_ranks(bank, held),
        excluded=excluded,
        left=wish.num_questions - len(past.question_id),
        position=len(past.question_id),
        sd=ability[1],
    )
    if step.item is None:
        return None
    at = bank.live[step.item]
    return Chosen(
        question_id=int(bank.pool.question_id[at]),
        version=int(bank.pool.version[at]),
        selector=wish.selector,
        sh_p=bank.applied(wish.selector, control, ability[0], step.item),
        held_back=tuple(bank.pool.question_id[bank.live[list(step.rejected)]].tolist()),
        forced=step.forced,
    )


def _ranks(bank: Bank, live: list[int]) -> list[int]:
    return [k for k in bank.rank[live].tolist() if k >= 0] if live else []


def _at_random(
    bank: Bank, wish: Wish, past: Past, taken: list[int], full: list[int], seed: int
) -> Chosen | None:
    """A uniform draw among the items left; the same quiz and position give the same item."""
    candidates = bank.admitted(wish.filters).copy()
    candidates[taken] = False
    candidates[full] = False
    if wish.has_quota:
        candidates &= _within_quota(bank, wish.num_questions, taken)
    left = np.flatnonzero(candidates)
    if left.size == 0:
        return None
    draw = np.random.Generator(np.random.Philox(key=seed, counter=len(past.question_id)))
    at = int(left[draw.integers(left.size)])
    return Chosen(
        int(bank.pool.question_id[at]), int(bank.pool.version[at]), "fixed", None, (), forced=False
    )


def _within_quota(bank: Bank, test_length: int, taken: list[int]) -> Mask:
    """Live items whose topic may give the next item: below its most, and no least put at risk."""
    bounds = bank.quota(test_length)
    given = Counter(bank.line[taken].tolist())
    owed = sum(max(least - given[topic], 0) for topic, (least, _) in bounds.items())
    only_owed = owed >= test_length - len(taken)
    is_open = [
        topic
        for topic, (least, most) in bounds.items()
        if given[topic] < (least if only_owed else most)
    ]
    return np.isin(bank.line, is_open)
