"""The item bank that every other module takes: item parameters as arrays, with model and D.

What never lives here: formulas (they are the models'), estimation, selection, files.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from calibration.arrays import BoolArray, FloatArray, IntArray, refuse_mask, unmasked
from calibration.errors import InvalidParameterError
from calibration.models import ResponseModel, curve_codes, grouped, named_each


@dataclass(frozen=True, init=False, eq=False)
class ItemBank:
    """Item parameters, each item under its response model.

    Attributes:
        a: discriminations, shape (J,), > 0.
        b: difficulties, shape (J,), in units of θ; of an item with several steps, their mean.
        c: lower asymptotes, shape (J,), in [0, 1).
        topic: topic codes, shape (J,), or None where topics play no part.
        D: scaling constant, 1.7 for the normal-ogive metric and 1.0 for the logistic metric.
        model: name of each item's model, J names (see `calibration.models`).
        steps: locations of each item's steps, shape (J, S): b of a dichotomous item, b_1 …
            b_{K−1} of an item with K categories, ∞ for the steps that it does not have.
    """

    a: FloatArray
    b: FloatArray
    c: FloatArray
    topic: IntArray | None
    D: float
    model: tuple[str, ...]
    steps: FloatArray

    def __init__(
        self,
        a: npt.ArrayLike,
        b: npt.ArrayLike | None = None,
        c: npt.ArrayLike | None = None,
        topic: npt.ArrayLike | None = None,
        D: npt.ArrayLike = 1.7,
        *,
        model: str | Sequence[str] | None = None,
        steps: npt.ArrayLike | None = None,
    ) -> None:
        """Copies and checks the parameters.

        Args:
            a: discriminations, shape (J,).
            b: difficulties, shape (J,); may be left out where `steps` are given.
            c: lower asymptotes, shape (J,); default 0.
            topic: topic codes, shape (J,).
            D: scaling constant; where items come with different ones, (J,): a is brought to the
                first.
            model: one name, or one per item; default "3pl" where c > 0, else "2pl".
            steps: shape (J, S), ∞ beyond an item's last step. Needed by polytomous models.

        Raises:
            InvalidParameterError: shapes differ, the bank is empty, a value is not finite, a ≤ 0,
                c outside [0, 1) or not of the item's model, steps missing or out of order, an
                unknown model, or D ≤ 0.
        """
        a_ = _column("a", a)
        if a_.size == 0:
            raise InvalidParameterError("the item bank is empty: give at least one item")
        if b is None and steps is None:
            raise InvalidParameterError("b is missing: give difficulties, or steps")
        steps_ = None if steps is None else _steps(steps, a_.size)
        b_ = _mean_step(steps_) if b is None and steps_ is not None else _column("b", b)
        c_ = np.zeros_like(a_) if c is None else _column("c", c)
        for name, values in (("b", b_), ("c", c_)):
            if values.shape != a_.shape:
                raise InvalidParameterError(
                    f"{name} has {values.size} items and a has {a_.size}: give one value per item"
                )
        _refuse("a", a_, a_ <= 0, "discriminations must be > 0; drop or reverse the item")
        _refuse("c", c_, (c_ < 0) | (c_ >= 1), "lower asymptotes must be in [0, 1)")
        a_, scale = _on_one_metric(a_, D)
        names = np.where(c_ > 0, "3pl", "2pl").tolist() if model is None else model
        models = named_each(names, a_.size)
        b_, steps_ = _checked_steps(models, b_, c_, steps_)
        for values in (a_, b_, c_, steps_):
            values.setflags(write=False)
        object.__setattr__(self, "a", a_)
        object.__setattr__(self, "b", b_)
        object.__setattr__(self, "c", c_)
        object.__setattr__(self, "topic", _topic(topic, a_.size))
        object.__setattr__(self, "D", scale)
        object.__setattr__(self, "model", tuple(each.name for each in models))
        object.__setattr__(self, "steps", steps_)

    def __len__(self) -> int:
        return int(self.a.size)

    @cached_property
    def models(self) -> tuple[ResponseModel, ...]:
        """The model of each item."""
        return named_each(self.model, len(self))

    @cached_property
    def groups(self) -> tuple[tuple[ResponseModel, IntArray], ...]:
        """Each model of the bank with the positions of its items."""
        return grouped(self.models)

    @cached_property
    def categories(self) -> IntArray:
        """Categories of each item, shape (J,): 2 for right and wrong."""
        return 1 + np.isfinite(self.steps).sum(axis=1)

    @property
    def dichotomous(self) -> bool:
        """Whether all items are scored right or wrong by a model for that."""
        return all(model.dichotomous for model, _ in self.groups)

    @cached_property
    def natural(self) -> FloatArray:
        """Rows of natural parameters as the models lay them out, shape (J, W)."""
        widths = [int(m.width(self.categories[items]).max()) for m, items in self.groups]
        out = np.zeros((len(self), max(widths)))
        for model, items in self.groups:
            rows = model.natural(self.a[items], self.b[items], self.c[items], self.steps[items])
            used = min(rows.shape[1], out.shape[1])
            out[items, :used] = rows[:, :used]
        return out

    @cached_property
    def rows(self) -> FloatArray:
        """The same with D·a in place of a, as the compiled curves take it."""
        out = self.natural.copy()
        out[:, 0] *= self.D
        return np.ascontiguousarray(out)

    @cached_property
    def params(self) -> FloatArray:
        """The same as slope, intercepts and asymptote, shape (J, W)."""
        out = np.empty_like(self.natural)
        for model, items in self.groups:
            out[items] = model.from_natural(self.natural[items], self.D)
        return out

    @cached_property
    def curves(self) -> IntArray:
        """Which compiled curve is each item's, shape (J,); see `calibration.models`."""
        return curve_codes(self.models)

    def probabilities(self, theta: npt.ArrayLike) -> FloatArray:
        """P of each category, shape (J, K, Q), 0 for those that an item does not have.

        Args:
            theta: shape (Q,).
        """
        at = unmasked("theta", theta, np.float64)
        out = np.zeros((len(self), int(self.categories.max()), at.size))
        for model, items in self.groups:
            for count in np.unique(self.categories[items]).tolist():
                own = items[self.categories[items] == count]
                out[own, :count] = model.probabilities(self.rows[own], count, at)
        return out

    def expected_score(self, theta: npt.ArrayLike) -> FloatArray:
        """Expected score Σ k·P_k at each θ, shape (Q, J); P(θ) where items are dichotomous."""
        p = self.probabilities(theta)
        return np.asarray(np.einsum("jkq,k->qj", p, np.arange(p.shape[1], dtype=np.float64)))

    def only(self, items: npt.ArrayLike) -> ItemBank:
        """The bank of some items, by index or mask."""
        chosen = np.arange(len(self))[np.asarray(items)]
        return ItemBank(
            self.a[chosen],
            self.b[chosen],
            self.c[chosen],
            None if self.topic is None else self.topic[chosen],
            self.D,
            model=[self.model[item] for item in chosen],
            steps=self.steps[chosen],
        )

    def with_topic(self, topic: npt.ArrayLike | None) -> ItemBank:
        """The same items under other topic codes, shape (J,).

        Raises:
            InvalidParameterError: not one integer code per item.
        """
        same = copy.copy(self)
        object.__setattr__(same, "topic", _topic(topic, len(self)))
        return same

    def on_metric(self, D: float) -> ItemBank:
        """The same curves under another scaling constant: a·(own D)/D."""
        return ItemBank(
            self.a * self.D / D,
            self.b,
            self.c,
            self.topic,
            D,
            model=self.model,
            steps=self.steps,
        )

    def rescaled(self, A: float, B: float) -> ItemBank:
        """The same items on the scale θ' = A·θ + B: a/A, A·b + B, and the steps like b."""
        return ItemBank(
            self.a / A,
            A * self.b + B,
            self.c,
            self.topic,
            self.D,
            model=self.model,
            steps=A * self.steps + B,
        )


def _column(name: str, values: npt.ArrayLike | None) -> FloatArray:
    refuse_mask(name, values)
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(f"{name} is not numeric: {error}") from error
    if array.ndim != 1:
        raise InvalidParameterError(f"{name} has shape {array.shape}: give a flat array (J,)")
    _refuse(name, array, ~np.isfinite(array), "values must be finite")
    return array


def _on_one_metric(a: FloatArray, D: npt.ArrayLike) -> tuple[FloatArray, float]:
    """Discriminations under one D, the first, and that."""
    scale = unmasked("D", D, np.float64)
    if scale.shape not in ((), a.shape):
        raise InvalidParameterError(f"D has shape {scale.shape}: give one number, or one per item")
    bad = ~(np.isfinite(scale) & (scale > 0))
    if bad.any():
        raise InvalidParameterError(
            f"D is {scale[bad].flat[0]}: use 1.7 (normal metric) or 1.0 (logistic)"
        )
    one = float(scale.flat[0])
    return a if (scale == one).all() else a * scale / one, one


def _refuse(name: str, values: FloatArray, bad: BoolArray, remedy: str) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InvalidParameterError(
            f"{name}[{first}] is {values[first]} ({int(bad.sum())} such items): {remedy}"
        )


def _steps(values: npt.ArrayLike, items: int) -> FloatArray:
    refuse_mask("steps", values)
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            f"steps are not a table: {error}; give (J, S), ∞ beyond an item's last step"
        ) from error
    if array.ndim != 2 or array.shape[0] != items or array.shape[1] == 0:
        raise InvalidParameterError(f"steps have shape {array.shape}: give ({items}, S)")
    here = np.isfinite(array)
    gap = ~here[:, :-1] & here[:, 1:]
    wrong = ~(here | (array == np.inf)).all(axis=1) | ~here[:, 0] | gap.any(axis=1)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InvalidParameterError(
            f"steps[{first}] are {array[first].tolist()}: give finite numbers, then ∞ for the "
            "steps that the item does not have"
        )
    return array


def _mean_step(steps: FloatArray) -> FloatArray:
    here = np.isfinite(steps)
    return np.asarray(np.where(here, steps, 0.0).sum(axis=1) / here.sum(axis=1))


def _checked_steps(
    models: Sequence[ResponseModel], b: FloatArray, c: FloatArray, steps: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """B and steps that agree with each other and with the models."""
    if steps is None:
        steps, given = b[:, None].copy(), False
    else:
        given = True
    out = b.copy()
    for model, items in grouped(models):
        if not model.has_asymptote and c[items].any():
            first = int(items[np.flatnonzero(c[items])[0]])
            raise InvalidParameterError(
                f"c[{first}] is {c[first]} and the item is {model.name}, which has no lower "
                "asymptote: give 0, or name it 3pl"
            )
        if model.dichotomous:
            steps[items], steps[items, 0] = np.inf, b[items]
            continue
        if not given:
            raise InvalidParameterError(
                f"item {int(items[0])} is {model.name}: give its steps, shape (J, K − 1)"
            )
        out[items] = _mean_step(steps[items])
        falls = np.diff(np.nan_to_num(steps[items], posinf=np.finfo(float).max), axis=1) < 0
        if model.ascending_steps and falls.any():
            first = int(items[np.flatnonzero(falls.any(axis=1))[0]])
            raise InvalidParameterError(
                f"steps[{first}] are {steps[first].tolist()}: the steps of {model.name} ascend"
            )
    return out, steps


def _topic(topic: npt.ArrayLike | None, size: int) -> IntArray | None:
    if topic is None:
        return None
    array = unmasked("topic", topic)
    if array.shape != (size,):
        raise InvalidParameterError(f"topic has shape {array.shape}: give one code per item")
    if not np.issubdtype(array.dtype, np.integer):
        raise InvalidParameterError(f"topic has dtype {array.dtype}: give integer codes")
    codes = array.astype(np.int64)
    codes.setflags(write=False)
    return codes
