"""Which items are estimated, and what the others keep.

An item is held back from the likelihood where its data cannot carry an estimate: too few answers,
or (without priors) no variation. It keeps its previous parameters, else those of the prior, and
says so in a flag. Held-back items never break a fit and never bend the ability scale.

What never lives here: estimation itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.bank import FloatArray, IntArray
from calibration.errors import InvalidParameterError
from calibration.irt.curves import from_natural
from calibration.irt.known import KnownItems
from calibration.irt.priors import Priors, default_priors
from calibration.irt.responses import Responses

MODELS = {"1pl": 1, "2pl": 2, "3pl": 3}
DEFAULT_MIN_N = {"1pl": 100, "2pl": 200, "3pl": 500}

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Gate:
    """The fate of each item.

    Attributes:
        free: estimated, shape (J,).
        fixed: held at given parameters and used in the likelihood, shape (J,).
        flags: one tuple of flags per item.
        natural: a, b, c that fixed and held-back items keep, shape (J, 3).
        se: standard errors of a, b, c that they keep, shape (J, 3).
    """

    free: BoolArray
    fixed: BoolArray
    flags: tuple[tuple[str, ...], ...]
    natural: FloatArray
    se: FloatArray

    def params(self, D: float) -> FloatArray:
        """`natural` as slope, intercept and asymptote, shape (J, 3)."""
        return from_natural(self.natural[:, 0], self.natural[:, 1], self.natural[:, 2], D)


def model_codes(model: str | Sequence[str], item_count: int) -> IntArray:
    """1, 2 or 3 per item, shape (J,).

    Raises:
        InvalidParameterError: a model other than 1pl, 2pl, 3pl, or not one per item.
    """
    names = [model] * item_count if isinstance(model, str) else list(model)
    if len(names) != item_count:
        raise InvalidParameterError(
            f"model names {len(names)} items and the responses have {item_count}: give one model, "
            "or one per item"
        )
    unknown = next((name for name in names if str(name).lower() not in MODELS), None)
    if unknown is not None:
        raise InvalidParameterError(f"model is {unknown!r}: give one of {', '.join(MODELS)}")
    return np.array([MODELS[str(name).lower()] for name in names], np.int64)


def smallest_n(min_n: str | int | Mapping[str, int], model: IntArray) -> IntArray:
    """Answers that each item needs, shape (J,).

    Raises:
        InvalidParameterError: not "default", a whole number ≥ 0 or a mapping from model to one.
    """
    if isinstance(min_n, str):
        if min_n != "default":
            raise InvalidParameterError(
                f'min_n is {min_n!r}: give "default", a number or a mapping'
            )
        table: Mapping[str, int] = DEFAULT_MIN_N
    elif isinstance(min_n, Mapping):
        unknown = set(min_n) - set(MODELS)
        if unknown:
            raise InvalidParameterError(f"min_n names unknown models: {', '.join(sorted(unknown))}")
        table = {**DEFAULT_MIN_N, **min_n}
    else:
        table = dict.fromkeys(MODELS, min_n)
    wrong = next((n for n in table.values() if int(n) != n or n < 0), None)
    if wrong is not None:
        raise InvalidParameterError(f"min_n is {wrong}: give whole numbers ≥ 0")
    by_code = np.array([0, *(table[name] for name in MODELS)], np.int64)
    return by_code[model]


def decide(
    responses: Responses,
    model: IntArray,
    needed: IntArray,
    priors: Priors,
    D: float,
    fixed: KnownItems | None,
    previous: KnownItems | None,
) -> Gate:
    """Decides for each item whether it is estimated, fixed or held back."""
    items = responses.item_count
    answered, right = responses.answered(), responses.right()
    held = np.zeros(items, bool)
    if fixed is not None:
        held[fixed.item] = True
    regular = priors.a is not None and priors.b is not None
    shown: dict[str, BoolArray] = {
        "unanswered": answered == 0,
        "below_min_n": (answered > 0) & (answered < needed),
        "all_correct": (answered > 0) & (right == answered),
        "all_incorrect": (answered > 0) & (right == 0),
        "unlinked": (answered > 0) & (_linked(responses) == 0),
    }
    too_few = shown["unanswered"] | shown["below_min_n"]
    degenerate = shown["all_correct"] | shown["all_incorrect"] | shown["unlinked"]
    free = ~held & ~too_few & ~(degenerate & (not regular))
    natural, se, kept = _kept(answered, right, model, priors, D, fixed, previous)
    shown["fixed"] = held
    shown["kept_previous"] = ~free & ~held & kept
    shown["kept_prior"] = ~free & ~held & ~kept
    flags = tuple(tuple(name for name, on in shown.items() if on[j]) for j in range(items))
    return Gate(free, held, flags, natural, se)


def _linked(responses: Responses) -> IntArray:
    """Answers per item from persons who answered another item too: only these carry a slope."""
    size = np.diff(responses.indptr)
    keep = np.repeat(size > 1, size)
    return np.bincount(responses.item[keep], minlength=responses.item_count).astype(np.int64)


def _kept(
    answered: IntArray,
    right: IntArray,
    model: IntArray,
    priors: Priors,
    D: float,
    fixed: KnownItems | None,
    previous: KnownItems | None,
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """What an item has when it is not estimated; also whether that is a previous value."""
    usual = default_priors(D)
    prior_a, prior_c = priors.a or usual.a, priors.c or usual.c
    assert prior_a is not None  # noqa: S101  # default_priors sets all three
    assert prior_c is not None  # noqa: S101
    items = model.size
    a = np.full(items, prior_a.mode)
    b = np.full(items, 0.0 if priors.b is None else priors.b.mean)
    c = np.where(model == 3, prior_c.mode, 0.0)
    extreme = (answered > 0) & ((right == 0) | (right == answered))
    share = (right + 0.5) / (answered + 1.0)
    b = np.where(extreme, b - np.log(share / (1 - share)) / (D * a), b)
    se = np.zeros((items, 3))
    se[:, 0] = np.inf if priors.a is None else priors.a.sd
    se[:, 1] = np.inf if priors.b is None else priors.b.sd
    se[:, 2] = np.where(model == 3, np.inf if priors.c is None else priors.c.sd, 0.0)
    kept = np.zeros(items, bool)
    for known in (previous, fixed):
        if known is not None:
            a[known.item], b[known.item], c[known.item] = known.a, known.b, known.c
            se[known.item] = np.column_stack([known.se_a, known.se_b, known.se_c])
            kept[known.item] = True
    return np.column_stack([a, b, c]), se, kept
