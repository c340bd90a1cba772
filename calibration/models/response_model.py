"""What a response model owns, and all that others may ask of it.

Estimation works with a slope (D·a), an intercept per location (−D·a·b) and, where there is one, the
lower asymptote: rows of an array `params` (J, W) as wide as the widest model needs. The natural
parameters a, b, c stand in rows of the same width. Items of a model are told by their positions.

What never lives here: any formula (they are the models').
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from calibration.arrays import BoolArray, FloatArray, IntArray
from calibration.models.newton_step import STEEPEST, Counts
from calibration.models.priors import PRIOR_C, Priors

SLOPE = 0
Compiled = Callable[..., Any]


class ResponseModel(ABC):
    """One model: its curve and everything that follows from it.

    Attributes:
        name: as users and the database write it.
        title: as documents write it.
        min_n: answers that an item needs by default.
        dichotomous: whether items have two categories; others have as many as the data say.
        has_asymptote: whether c is a parameter.
        common_slope: whether all items of the model share one slope.
        of_known_items: name of the model that items are of once their parameters are known, where
            it is another one: slopes that are known need not be shared.
        joint: whether the M-step must see all items of the model at once.
        ascending_steps: whether the steps of an item must ascend.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    min_n: ClassVar[int]
    dichotomous: ClassVar[bool]
    has_asymptote: ClassVar[bool] = False
    common_slope: ClassVar[bool] = False
    of_known_items: ClassVar[str | None] = None
    joint: ClassVar[bool] = False
    ascending_steps: ClassVar[bool] = False

    # compiled, on rows (J, W) of D·a, locations, asymptote; the same functions for the same curve
    terms: ClassVar[Compiled]
    """(rows, item, K, answer, θ) → log P, score, information, Warm's J = Σ P'P''/P."""
    moments: ClassVar[Compiled]
    """(rows, item, K, θ) → mean and variance of the answer."""
    information: ClassVar[Compiled]
    """(rows, item, K, θ) → Fisher information."""
    probability: ClassVar[Compiled]
    """(rows, item, θ) → P of the higher category; dichotomous models only."""

    @abstractmethod
    def width(self, categories: IntArray) -> IntArray:
        """Columns that items with so many categories use."""

    @abstractmethod
    def probabilities(self, rows: FloatArray, categories: int, theta: FloatArray) -> FloatArray:
        """P of each category at each θ, shape (n, K, Q), from rows (n, W) of D·a, b, c."""

    # --- natural parameters

    @abstractmethod
    def natural(self, a: FloatArray, b: FloatArray, c: FloatArray, steps: FloatArray) -> FloatArray:
        """Rows (n, W) of natural parameters from columns (n,) and steps (n, S)."""

    @abstractmethod
    def locations(self, natural: FloatArray) -> FloatArray:
        """The locations (n, S) in natural rows; ∞ for a step that an item does not have."""

    def asymptote(self, natural: FloatArray) -> FloatArray:
        """The lower asymptote of natural rows, shape (n,)."""
        return np.zeros(natural.shape[0])

    @abstractmethod
    def to_natural(self, params: FloatArray, categories: IntArray, D: float) -> FloatArray:
        """Natural rows (n, W) from rows of slope, intercepts, asymptote."""

    @abstractmethod
    def from_natural(self, natural: FloatArray, D: float) -> FloatArray:
        """The inverse of `to_natural`."""

    def shifted(self, natural: FloatArray, by: FloatArray) -> FloatArray:
        """Natural rows (n, W) with their locations moved by (n,)."""
        out = natural.copy()
        self.locations(out)[...] += by[:, None]
        return out

    @abstractmethod
    def natural_errors(self, params: FloatArray, covariance: FloatArray, D: float) -> FloatArray:
        """Standard errors of natural rows (n, W) by the delta method.

        Args:
            params: rows (n, W) of slope, intercepts, asymptote.
            covariance: of these, shape (n, W, W); 0 for what is held.
            D: scaling constant.
        """

    # --- before and between the steps of a fit

    def packed(self, priors: Priors) -> FloatArray:
        """The priors that this model has a parameter for, as compiled code takes them."""
        out = priors.packed()
        if not self.has_asymptote:
            out[PRIOR_C:] = 0.0
        return out

    @abstractmethod
    def expected(
        self, priors: Priors, D: float, categories: IntArray, width: int
    ) -> tuple[FloatArray, FloatArray]:
        """Natural rows (n, W) that items without data have, and their standard errors."""

    @abstractmethod
    def start(
        self, slope: float, difficulty: FloatArray, answers: FloatArray, width: int
    ) -> FloatArray:
        """Rows (n, W) of slope, intercepts, asymptote to start from.

        Args:
            slope: a common guess.
            difficulty: in logits, shape (n,).
            answers: answers in each category, shape (n, K_max).
            width: W.
        """

    def log_prior(self, natural: FloatArray, priors: Priors, *, slope_held: bool) -> float:
        """Log prior density of natural rows (n, W), constants included.

        Args:
            natural: of the items that are estimated.
            priors: of the fit.
            slope_held: whether a common slope is given by fixed items.
        """
        a = natural[:, SLOPE]
        if self.common_slope:
            a = a[: 0 if slope_held else 1]
        b = self.locations(natural)
        value = priors.log_density_a(a) + priors.log_density_b(b[np.isfinite(b)])
        return value + (
            priors.log_density_c(self.asymptote(natural)) if self.has_asymptote else 0.0
        )

    @abstractmethod
    def improve(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        tol: float,
        *,
        slope_held: bool,
    ) -> None:
        """The M-step of some items (of all, where `joint`); rows of `params` change in place."""

    @abstractmethod
    def project(
        self, params: FloatArray, fallback: FloatArray, items: IntArray, priors: Priors
    ) -> None:
        """Brings extrapolated rows of `params` into range; what is wild takes the fallback's."""

    def flags(self, params: FloatArray) -> Mapping[str, BoolArray]:
        """What to say of estimates, from rows (n, W): flag → items (n,)."""
        slope = params[:, SLOPE]
        return {"negative_a": slope < 0, "a_at_bound": np.abs(slope) >= STEEPEST}

    # --- curves and derivatives

    @abstractmethod
    def log_curves(
        self,
        params: FloatArray,
        items: IntArray,
        theta: FloatArray,
        lower: tuple[FloatArray, IntArray],
        upper: tuple[FloatArray, IntArray],
        categories: IntArray,
    ) -> None:
        """Writes log P of each category at the nodes.

        Args:
            params: shape (J, W).
            items: positions.
            theta: nodes, shape (Q,).
            lower: table (·, ≥ Q) and the row in it of each item's lowest category, shape (J,).
            upper: the same for the next category; the others follow it.
            categories: K, shape (J,).
        """

    @abstractmethod
    def free(self, params: FloatArray, items: IntArray, categories: IntArray) -> BoolArray:
        """Parameters with a standard error, shape (n, W): of this model, not at a bound."""

    def slope_curves(self, categories: IntArray) -> IntArray:
        """How many of an item's score curves, times θ, make up the slope's score; shape like K."""
        return categories - 1

    def steepness(self, params: FloatArray, items: IntArray, categories: IntArray) -> FloatArray:
        """Slope of the steepest curve of each item, shape (n,)."""
        return np.abs(params[items, SLOPE])

    @abstractmethod
    def score_curves(
        self,
        params: FloatArray,
        items: IntArray,
        theta: FloatArray,
        first: IntArray,
        out: FloatArray,
    ) -> None:
        """Writes the scores of all parameters but the slope at the nodes.

        Args:
            params: shape (J, W).
            items: positions.
            theta: nodes, shape (Q,).
            first: row of each item's lowest category, shape (J + 1,).
            out: shape (W − 1, rows, ≥ Q), zeros; constants need not be written.
        """

    @abstractmethod
    def gradient(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        out: FloatArray,
    ) -> None:
        """Writes the gradient of the items' objectives to their rows of `out` (J, W)."""

    @abstractmethod
    def complete_information(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        *,
        slope_held: bool,
    ) -> FloatArray:
        """Negative Hessian of the items' objectives, upper triangle, shape (n, W, W)."""
