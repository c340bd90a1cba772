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

from calibration.arrays import BoolArray, FloatArray, IntArray
from calibration.errors import InvalidParameterError
from calibration.irt.known import KnownItems
from calibration.irt.responses import Responses
from calibration.models import MODELS, ResponseModel, grouped
from calibration.models.priors import Priors


@dataclass(frozen=True, eq=False)
class Gate:
    """The fate of each item.

    Attributes:
        free: estimated, shape (J,).
        fixed: held at given parameters and used in the likelihood, shape (J,).
        flags: one tuple of flags per item.
        natural: natural parameters that fixed and held-back items keep, shape (J, W).
        se: standard errors that they keep, shape (J, W).
        se_b: of their (mean) difficulty, shape (J,).
    """

    free: BoolArray
    fixed: BoolArray
    flags: tuple[tuple[str, ...], ...]
    natural: FloatArray
    se: FloatArray
    se_b: FloatArray


def smallest_n(min_n: str | int | Mapping[str, int], models: Sequence[ResponseModel]) -> IntArray:
    """Answers that each item needs, shape (J,).

    Raises:
        InvalidParameterError: not "default", a whole number ≥ 0 or a mapping from model to one.
    """
    table = {name: model.min_n for name, model in MODELS.items()}
    if isinstance(min_n, str):
        if min_n != "default":
            raise InvalidParameterError(
                f'min_n is {min_n!r}: give "default", a number or a mapping'
            )
    elif isinstance(min_n, Mapping):
        unknown = set(min_n) - set(MODELS)
        if unknown:
            raise InvalidParameterError(f"min_n names unknown models: {', '.join(sorted(unknown))}")
        table |= min_n
    else:
        table = dict.fromkeys(MODELS, min_n)
    wrong = next((n for n in table.values() if int(n) != n or n < 0), None)
    if wrong is not None:
        raise InvalidParameterError(f"min_n is {wrong}: give whole numbers ≥ 0")
    return np.array([table[model.name] for model in models], np.int64)


def decide(
    responses: Responses,
    models: Sequence[ResponseModel],
    needed: IntArray,
    priors: Priors,
    D: float,
    fixed: KnownItems | None,
    previous: KnownItems | None,
) -> Gate:
    """Decides for each item whether it is estimated, fixed or held back."""
    items = responses.item_count
    answered, right, by_category = responses.answered(), responses.right(), responses.by_category
    wrong = by_category[:, 0]
    held = np.zeros(items, bool)
    if fixed is not None:
        held[fixed.item] = True
    shown: dict[str, BoolArray] = {
        "unanswered": answered == 0,
        "below_min_n": (answered > 0) & (answered < needed),
        "all_correct": (answered > 0) & (right == answered),
        "all_incorrect": (answered > 0) & (wrong == answered),
        "empty_category": (answered > 0) & _empty_category(by_category, responses.categories),
        "unlinked": (answered > 0) & (_linked(responses) == 0),
    }
    too_few = shown["unanswered"] | shown["below_min_n"]
    degenerate = shown["all_correct"] | shown["all_incorrect"] | shown["unlinked"]
    free = ~held & ~too_few & ~shown["empty_category"] & ~(degenerate & (not priors.regular))
    natural, se, se_b, kept = _kept(responses, models, priors, D, fixed, previous)
    shown["fixed"] = held
    shown["kept_previous"] = ~free & ~held & kept
    shown["kept_prior"] = ~free & ~held & ~kept
    flags = tuple(tuple(name for name, on in shown.items() if on[j]) for j in range(items))
    return Gate(free, held, flags, natural, se, se_b)


def _empty_category(by_category: IntArray, categories: IntArray) -> BoolArray:
    """Polytomous items with a category that nobody chose: its steps have no finite estimate."""
    there = np.arange(by_category.shape[1]) < categories[:, None]
    return np.asarray((categories > 2) & (there & (by_category == 0)).any(axis=1))


def _linked(responses: Responses) -> IntArray:
    """Answers per item from persons who answered another item too: only these carry a slope."""
    size = np.diff(responses.indptr)
    keep = np.repeat(size > 1, size)
    return np.bincount(responses.item[keep], minlength=responses.item_count).astype(np.int64)


def _kept(
    responses: Responses,
    models: Sequence[ResponseModel],
    priors: Priors,
    D: float,
    fixed: KnownItems | None,
    previous: KnownItems | None,
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """What an item has when it is not estimated; also whether that is a previous value."""
    groups, categories = grouped(models), responses.categories
    width = max(int(model.width(categories[items]).max()) for model, items in groups)
    natural, se = np.zeros((2, len(models), width))
    se_b = np.zeros(len(models))
    easier = _easier(responses)
    kept = np.zeros(len(models), bool)
    for model, items in groups:
        expected, se[items] = model.expected(priors, D, categories[items], width)
        se_b[items] = model.locations(se[items])[:, 0] / np.sqrt(categories[items] - 1)
        natural[items] = model.shifted(expected, -easier[items] / (D * expected[:, 0]))
    for known in (previous, fixed):
        if known is None:
            continue
        kept[known.item], se_b[known.item] = True, known.se_b
        steps, se_steps = known.steps_within(int(categories.max()) - 1)
        for model, items in grouped([models[code] for code in known.item]):
            code = known.item[items]
            rows = model.natural(known.a[items], known.b[items], known.c[items], steps[items])
            errors = model.natural(
                known.se_a[items], known.se_b[items], known.se_c[items], se_steps[items]
            )
            used = min(rows.shape[1], width)
            natural[code, :used], se[code, :used] = rows[:, :used], errors[:, :used]
    return natural, se, se_b, kept


def _easier(responses: Responses) -> FloatArray:
    """Logit of the share correct of items that everybody got right or wrong, else 0; shape (J,)."""
    answered, right = responses.answered(), responses.right()
    lowest = responses.by_category[:, 0] == answered
    share = (right + 0.5) / (answered + 1.0)
    return np.where(
        (answered > 0) & (lowest | (right == answered)), np.log(share / (1 - share)), 0.0
    )
