"""Response models: how an answer hangs on ability, and everything that follows from it.

One module a model. To add one: write its module, and name it in `MODELS`. Fit, standard errors,
scoring, ranking, simulation, item fit and linking ask the model and know none by name.

What never lives here: persons, estimation algorithms, fit statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from calibration.arrays import IntArray
from calibration.compiled import inlined
from calibration.errors import InvalidParameterError
from calibration.models.graded import GradedResponse
from calibration.models.onepl import OneParameterLogistic
from calibration.models.partial_credit import GeneralizedPartialCredit
from calibration.models.response_model import ResponseModel
from calibration.models.threepl import ThreeParameterLogistic
from calibration.models.twopl import TwoParameterLogistic

MODELS: dict[str, ResponseModel] = {
    model.name: model
    for model in (
        OneParameterLogistic(),
        TwoParameterLogistic(),
        ThreeParameterLogistic(),
        GradedResponse(),
        GeneralizedPartialCredit(),
    )
}


def named(name: str) -> ResponseModel:
    """The model of that name, in whatever case.

    Raises:
        InvalidParameterError: there is none.
    """
    found = MODELS.get(str(name).lower())
    if found is None:
        raise InvalidParameterError(f"model is {name!r}: give one of {', '.join(MODELS)}")
    return found


def named_each(names: str | Sequence[str], items: int) -> tuple[ResponseModel, ...]:
    """One model per item, from one name or a name per item.

    Raises:
        InvalidParameterError: a name is unknown, or there is not one per item.
    """
    if isinstance(names, str):
        return (named(names),) * items
    if len(names) != items:
        raise InvalidParameterError(
            f"model names {len(names)} items and the responses have {items}: give one model, or "
            "one per item"
        )
    return tuple(named(name) for name in names)


Kernel = Callable[..., Any]


def _chosen(first: Kernel, others: Sequence[Kernel], code: int = 0) -> Kernel:
    """A compiled function that calls the first for curve `code`, and the others for the next."""
    if not others:

        @inlined
        def only(curve: Any, rows: Any, item: Any, *rest: Any) -> Any:
            return first(rows, item, *rest)

        return only
    following = _chosen(others[0], others[1:], code + 1)

    @inlined
    def one_of(curve: Any, rows: Any, item: Any, *rest: Any) -> Any:
        if curve[item] == code:
            return first(rows, item, *rest)
        return following(curve, rows, item, *rest)

    return one_of


# what can be delivered comes first, so that its codes are the same among all models
_BY_CURVE = sorted(MODELS.values(), key=lambda model: not model.dichotomous)
_CURVES = list(dict.fromkeys(model.terms for model in _BY_CURVE))


def _dispatched(attribute: str, *, delivered: bool = False) -> Kernel:
    """One function for all curves; models that share a curve share it, at no cost."""
    models = [model for model in _BY_CURVE if model.dichotomous or not delivered]
    first = {_CURVES.index(model.terms): getattr(model, attribute) for model in models}
    kernels = [first[code] for code in sorted(first)]
    return _chosen(kernels[0], kernels[1:])


_terms_of = _dispatched("terms")
moments_of = _dispatched("moments")
"""(curve, rows, item, K, θ): `ResponseModel.moments` of the item's own curve."""
information_of = _dispatched("information", delivered=True)
"""(curve, rows, item, K, θ): `ResponseModel.information` of a dichotomous item's curve."""
probability_of = _dispatched("probability", delivered=True)
"""(curve, rows, item, θ): `ResponseModel.probability` of a dichotomous item's curve."""


_terms_alone = {model.terms: _chosen(model.terms, ()) for model in _BY_CURVE}


def terms_for(models: Sequence[ResponseModel]) -> tuple[str, Kernel]:
    """(curve, rows, item, K, answer, θ) → `ResponseModel.terms`, and a name for that function.

    Where all items have one curve it is that curve alone, without a branch.
    """
    curves = {model.terms for model in models}
    if len(curves) > 1:
        return "mixed", _terms_of
    terms = models[0].terms
    return next(model.name for model in _BY_CURVE if model.terms is terms), _terms_alone[terms]


def curve_codes(models: Sequence[ResponseModel]) -> IntArray:
    """Which of the dispatched functions is each item's, shape (J,)."""
    codes = {name: _CURVES.index(model.terms) for name, model in MODELS.items()}
    return np.array([codes[model.name] for model in models], np.int64)


def grouped(models: Sequence[ResponseModel]) -> tuple[tuple[ResponseModel, IntArray], ...]:
    """The positions of each model's items, models in the order of `MODELS`."""
    names = np.array([model.name for model in models])
    found = ((model, np.flatnonzero(names == name)) for name, model in MODELS.items())
    return tuple((model, items.astype(np.int64)) for model, items in found if items.size)


__all__ = [
    "MODELS",
    "ResponseModel",
    "curve_codes",
    "grouped",
    "information_of",
    "moments_of",
    "named",
    "named_each",
    "probability_of",
    "terms_for",
]
