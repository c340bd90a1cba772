"""One step of the selection rule, and the running ability, for a delivery service.

Microseconds a call and single-threaded. The compiled rule is the simulator's own: given the same
seed and examinee number, steps taken here give the very items that `simulate` gives.

What never lives here: a rule of its own, storage of quizzes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import unmasked
from calibration.bank import ItemBank
from calibration.cat.arrays import Scratch
from calibration.cat.control import ExposureControl
from calibration.cat.kernels import ability_after, select_one
from calibration.cat.population import as_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.simulation import excluded_mask
from calibration.errors import InvalidParameterError


@dataclass(frozen=True)
class Selection:
    """Outcome of one step.

    Attributes:
        item: index of the item to administer; None where no item is left.
        rejected: items selected and held back in this step, in order. Log them: they are the
            selections that exposure control turned down, and stay held back in this quiz.
        forced: every item left was held back, so the best of these is administered.
    """

    item: int | None
    rejected: tuple[int, ...]
    forced: bool


@dataclass(frozen=True, eq=False)
class Ability:
    """Running estimate of one examinee.

    Attributes:
        theta: EAP of θ.
        sd: posterior standard deviation.
        posterior: float32 (Q,), weights at the nodes; pass it on with the next answer.
    """

    theta: float
    sd: float
    posterior: npt.NDArray[np.float32]


def select(
    ranked: RankedBank,
    theta: float,
    control: ExposureControl,
    *,
    seed: int,
    examinee: int = 0,
    administered: npt.ArrayLike = (),
    held_back: npt.ArrayLike = (),
    excluded: npt.ArrayLike | None = None,
    left: int = 1,
    position: int | None = None,
    sd: float | None = None,
) -> Selection:
    """Chooses the next item of one examinee.

    The same arguments give the same item: whether an item is held back hangs on (seed, examinee,
    item) alone. Give each quiz a seed of its own, and a repeated request needs no stored draw.

    Args:
        ranked: the bank, in the order of the exam's selection rule.
        theta: θ̂.
        control: exposure parameters and quota.
        seed: of the quiz.
        examinee: number of the examinee under the seed.
        administered: indices of the items already served in this quiz.
        held_back: indices of the items held back so far in this quiz.
        excluded: items that filters or a daily cap rule out, bool (J,) or indices.
        left: items still to come in this quiz, this one included; the quota and some rules need it.
        position: items served so far; None: as many as `administered` has.
        sd: posterior standard deviation of θ, for rules that go by it; None: the prior's.

    Raises:
        InvalidParameterError: θ is not finite, `left` < 1, `sd` ≤ 0, or an index is outside the
            bank.
    """
    if not np.isfinite(theta):
        raise InvalidParameterError(f"theta is {theta}: give a finite value")
    if left < 1:
        raise InvalidParameterError(f"left is {left}: give at least 1, the item asked for")
    spread = ranked.prior_sd if sd is None else float(sd)
    if not spread > 0:
        raise InvalidParameterError(f"sd is {sd}: give a value > 0")
    items = len(ranked)
    given = _indices("administered", administered, items)
    so_far = given.size if position is None else int(position)
    if so_far < 0:
        raise InvalidParameterError(f"position is {position}: give the number of items served")
    scratch = Scratch.of(excluded_mask(excluded, items), 0, control.quota_min.size, 0, 1)
    item, count, forced = select_one(
        float(theta),
        spread,
        so_far,
        int(left),
        as_seed(seed),
        int(examinee),
        given,
        _indices("held_back", held_back, items),
        ranked.pool,
        control.arrays,
        scratch,
    )
    return Selection(
        None if item < 0 else int(item), tuple(scratch.held[0, :count].tolist()), bool(forced)
    )


def ability(
    ranked: RankedBank,
    items: npt.ArrayLike = (),
    correct: npt.ArrayLike = (),
    posterior: npt.NDArray[np.float32] | None = None,
) -> Ability:
    """EAP of θ after answers, from the prior or from where an earlier `Ability` left off.

    Args:
        ranked: the bank, which also says the prior.
        items: item indices in the order of the answers, shape (n,).
        correct: 0/1 or bool, shape (n,).
        posterior: of an earlier Ability; left unchanged. None: the prior.

    Raises:
        InvalidParameterError: an index is outside the bank, shapes differ, or an answer is not 0/1.
    """
    index = _indices("items", items, len(ranked))
    answers = unmasked("correct", correct)
    if answers.shape != index.shape:
        raise InvalidParameterError(f"correct has shape {answers.shape}, items {index.shape}")
    if answers.dtype != bool and not ((answers == 0) | (answers == 1)).all():
        raise InvalidParameterError("correct has values that are neither 0 nor 1")
    weights = (ranked.pool.prior if posterior is None else posterior).copy()
    if weights.shape != ranked.pool.prior.shape:
        raise InvalidParameterError(
            f"posterior has shape {weights.shape}: give that of an Ability of this bank"
        )
    theta, sd = ability_after(ranked.pool, weights[None], index, answers.astype(np.bool_))
    return Ability(float(theta), float(sd), weights)


def warm_up() -> None:
    """Compiles (or loads from disk) all that delivery calls: do it at start, not in a request."""
    bank = ItemBank([1.0, 1.2, 0.8], [-0.5, 0.0, 0.5], topic=[0, 0, 1])
    ranked = RankedBank.of(bank)
    control = ExposureControl.of(ranked, [0.5, 0.5, 1.0], quota={0: (0, 2)})
    select(ranked, 0.0, control, seed=1, administered=[0], held_back=[1], excluded=[2], left=2)
    select(ranked.under("progressive_se"), 0.0, control, seed=1, left=2)
    ability(ranked, [0, 1], [1, 0])


def _indices(name: str, values: npt.ArrayLike, items: int) -> npt.NDArray[np.int64]:
    given = unmasked(name, values)
    if given.size == 0:
        return np.empty(0, np.int64)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
        raise InvalidParameterError(f"{name} must be a flat array of item indices")
    if given.min() < 0 or given.max() >= items:
        raise InvalidParameterError(
            f"{name} has an index outside 0 … {items - 1}: {given.min()} … {given.max()}"
        )
    return np.array(given, np.int64)
