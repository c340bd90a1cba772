"""Item parameters known before a fit: anchors that are held, and the last published values.

What never lives here: estimation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, unmasked
from calibration.bank import ItemBank
from calibration.errors import InvalidParameterError
from calibration.models import ResponseModel, named_each


@dataclass(frozen=True, init=False, eq=False)
class KnownItems:
    """Parameters of some items of a fit, by item code.

    Attributes:
        item: item codes, shape (K,), each once.
        a: discriminations, shape (K,), > 0.
        b: difficulties (the mean of several steps), shape (K,).
        c: lower asymptotes, shape (K,).
        se_a: standard errors, shape (K,); 0 where the value counts as exact.
        se_b: as `se_a`.
        se_c: as `se_a`.
        model: names of the models, K of them; None: that of the fit.
        steps: locations of the steps, shape (K, S), as in an `ItemBank`.
        se_steps: standard errors of the steps, shape (K, S).
        D: scaling constant of a; None: that of the fit.
    """

    item: IntArray
    a: FloatArray
    b: FloatArray
    c: FloatArray
    se_a: FloatArray
    se_b: FloatArray
    se_c: FloatArray
    model: tuple[str, ...] | None
    steps: FloatArray
    se_steps: FloatArray
    D: float | None

    def __init__(
        self,
        item: npt.ArrayLike,
        a: npt.ArrayLike,
        b: npt.ArrayLike | None = None,
        c: npt.ArrayLike | None = None,
        *,
        model: str | Sequence[str] | None = None,
        steps: npt.ArrayLike | None = None,
        D: float | None = None,
        se_a: npt.ArrayLike | None = None,
        se_b: npt.ArrayLike | None = None,
        se_c: npt.ArrayLike | None = None,
        se_steps: npt.ArrayLike | None = None,
    ) -> None:
        """Copies and checks the parameters.

        Raises:
            InvalidParameterError: shapes differ, a code is negative or twice there, a value is out
                of its range, or a standard error is negative or NaN.
        """
        if steps is not None and model is None:
            raise InvalidParameterError("steps need a model: name that of the known items")
        bank = ItemBank(a, b, c, D=1.7 if D is None else D, model=model, steps=steps)
        codes = unmasked("item", item)
        if codes.shape != bank.a.shape or not np.issubdtype(codes.dtype, np.integer):
            raise InvalidParameterError(
                f"item of the known items has shape {codes.shape} and dtype {codes.dtype}: give "
                f"one integer code for each of {bank.a.size} parameters"
            )
        if (codes < 0).any() or np.unique(codes).size != codes.size:
            raise InvalidParameterError("item codes of the known items must be ≥ 0 and unique")
        object.__setattr__(self, "item", codes.astype(np.int64))
        for name in ("a", "b", "c"):
            object.__setattr__(self, name, getattr(bank, name))
        object.__setattr__(self, "model", None if model is None else bank.model)
        object.__setattr__(self, "steps", bank.steps)
        object.__setattr__(self, "D", None if D is None else bank.D)
        for name, value in (("se_a", se_a), ("se_b", se_b), ("se_c", se_c)):
            object.__setattr__(self, name, _errors(name, value, bank.a.shape))
        by_step = np.where(np.isfinite(bank.steps), self.se_b[:, None], 0.0)
        errors = by_step if se_steps is None else _errors("se_steps", se_steps, by_step.shape)
        object.__setattr__(self, "se_steps", errors)

    def steps_within(self, width: int) -> tuple[FloatArray, FloatArray]:
        """The steps, ∞ beyond the last, and their standard errors; each (K, width).

        Raises:
            InvalidParameterError: an item has more steps than that.
        """
        if np.isfinite(self.steps[:, width:]).any():
            raise InvalidParameterError(
                f"a known item has more than {width} steps: give the categories of the items"
            )
        steps = np.full((self.item.size, width), np.inf)
        errors = np.zeros(steps.shape)
        used = min(width, self.steps.shape[1])
        steps[:, :used], errors[:, :used] = self.steps[:, :used], self.se_steps[:, :used]
        return steps, errors

    def within(self, models: Sequence[ResponseModel], D: float) -> None:
        """Refuses what is not of the items of a fit, or not on its metric.

        Raises:
            InvalidParameterError: a code beyond the items, another D, or a polytomous model for a
                dichotomous item or the other way around.
        """
        item_count = len(models)
        if self.D is not None and not np.isclose(self.D, D, rtol=1e-12):
            raise InvalidParameterError(
                f"known items have D = {self.D} and the fit D = {D}: fit with the same D"
            )
        beyond = self.item[self.item >= item_count]
        if beyond.size:
            raise InvalidParameterError(
                f"known item {beyond[0]} is not among the {item_count} items of the fit: pass "
                "item_count, or drop it"
            )
        own = [models[code] for code in self.item]
        known = own if self.model is None else named_each(self.model, len(own))
        steps = np.isfinite(self.steps).sum(axis=1)
        for code, given, fitted, count in zip(self.item, known, own, steps, strict=True):
            if given.dichotomous != fitted.dichotomous or (fitted.dichotomous and count > 1):
                raise InvalidParameterError(
                    f"known item {code} has {count} steps under {given.name} and the fit has it as "
                    f"{fitted.name}: leave it out, or name one of its models"
                )


def _errors(name: str, value: npt.ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    array = np.zeros(shape) if value is None else unmasked(name, value, np.float64).copy()
    if array.shape != shape:
        raise InvalidParameterError(f"{name} has shape {array.shape}: give {shape}, one per value")
    if not (array >= 0).all():
        raise InvalidParameterError(f"{name} must be ≥ 0 and not NaN")
    return array
