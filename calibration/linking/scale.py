"""Linking: the linear change of scale that brings a new calibration onto an old one.

θ_old = A·θ_new + B, hence a_old = a_new/A and b_old = A·b_new + B (Kolen & Brennan 2014, ch. 6).
Curves are of whatever models the banks hold; of polytomous items the expected score is compared
(Stocking–Lord) or each category (Haebara; Baker 1992 and 1993).

What never lives here: estimation of items (fixed-parameter calibration is an option of `fit`),
drift reports (see `drift`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, unmasked
from calibration.bank import ItemBank
from calibration.errors import InvalidParameterError
from calibration.linking.robust_z import moved_together, robust_z

METHODS = ("stocking_lord", "haebara", "mean_sigma")
CRITICAL_Z = 2.7  # Huynh & Meyer (2010): 1.645 drops one good anchor in ten, 2.7 one in a hundred
FEWEST_ANCHORS = 3


@dataclass(frozen=True, eq=False)
class Link:
    """A linear link θ_old = A·θ_new + B.

    Attributes:
        A: slope, > 0.
        B: shift.
        method: "stocking_lord", "haebara" or "mean_sigma".
        anchors: positions of the anchors that were kept, ascending.
        dropped: positions of those dropped, in the order of dropping.
        loss: value of the criterion at (A, B), per node; for mean–sigma that of Stocking–Lord.
        robust_z_a: drift of log a per anchor given, shape (K,).
        robust_z_b: the same for b.
        moved_together: the anchors fall in two groups by b, as where a form leaked or was taught.
            The link is that of the larger group; which one kept its meaning, numbers do not tell.
    """

    A: float
    B: float
    method: str
    anchors: IntArray
    dropped: IntArray
    loss: float
    robust_z_a: FloatArray
    robust_z_b: FloatArray
    moved_together: bool

    def bank(self, new: ItemBank) -> ItemBank:
        """Items of the new calibration on the old scale."""
        return new.rescaled(self.A, self.B)

    def theta(self, theta: npt.ArrayLike) -> FloatArray:
        """Abilities of the new calibration on the old scale, same shape."""
        return np.asarray(self.A * unmasked("theta", theta, np.float64) + self.B)


def link(
    old: ItemBank,
    new: ItemBank,
    *,
    method: str = "stocking_lord",
    purify: bool = True,
    critical_z: float = CRITICAL_Z,
    fewest: int | None = None,
    nodes: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Link:
    """Finds A and B from anchors, the items that both banks hold in the same order.

    With `purify`, the anchor with the largest |robust z| of log a or b is dropped and the link made
    again, until none is beyond `critical_z` or `fewest` are left: one anchor that leaked must not
    bend the scale of the whole bank.

    Args:
        old: anchors on the scale to keep, K items.
        new: the same items as calibrated now.
        method: "stocking_lord" (1983; test characteristic curves), "haebara" (1980; item curves) or
            "mean_sigma" (Marco 1977; moments of b).
        purify: whether to drop anchors that drifted.
        critical_z: |robust z| beyond which an anchor is dropped.
        fewest: anchors to keep at least; default: the larger of 3 and half of them.
        nodes: abilities on the old scale where curves are compared; default 41 on [−4, 4].
        weights: weights of the nodes; default standard normal.

    Raises:
        InvalidParameterError: banks of different length, models or D, fewer than 3 anchors, an
            unknown method, or an option out of its range.
    """
    _check(old, new, method, critical_z)
    least = max(FEWEST_ANCHORS, len(old) // 2) if fewest is None else fewest
    if not FEWEST_ANCHORS <= least <= len(old):
        raise InvalidParameterError(
            f"fewest is {least}: give a number from {FEWEST_ANCHORS} to the {len(old)} anchors"
        )
    theta, weight = _nodes(nodes, weights)
    dropped = _second_group(old, new, critical_z)[: len(old) - least] if purify else []
    kept = np.setdiff1d(np.arange(len(old)), dropped)
    while True:
        A, B, loss = _solve(old, new, kept, method, theta, weight)
        # over all anchors: a spread of the kept ones alone would shrink with each drop, and so
        # make outliers of good anchors
        z_a = robust_z(np.log(old.a) - np.log(new.a / A))
        z_b = robust_z(old.b - (A * new.b + B))
        worst = kept[np.argmax(np.maximum(np.abs(z_a), np.abs(z_b))[kept])]
        beyond = max(abs(z_a[worst]), abs(z_b[worst])) > critical_z
        if not (purify and beyond and kept.size > least):
            break
        dropped.append(int(worst))
        kept = kept[kept != worst]
    out = np.array(dropped, np.int64)
    apart = moved_together(old.b - A * new.b)
    return Link(A, B, method, kept, out, loss, z_a, z_b, apart)


def _second_group(old: ItemBank, new: ItemBank, critical_z: float) -> list[int]:
    """Anchors that moved together, the furthest first: they would bend the first link and hide.

    The slope is the middle one of the discriminations, for moments of b are bent by them.
    """
    difference = old.b - np.median(new.a / old.a) * new.b
    if not moved_together(difference):
        return []
    z = np.abs(robust_z(difference))
    order = np.argsort(-z, kind="stable")
    return [int(k) for k in order if z[k] > critical_z]


def _check(old: ItemBank, new: ItemBank, method: str, critical_z: float) -> None:
    if len(old) != len(new):
        raise InvalidParameterError(
            f"old has {len(old)} anchors and new has {len(new)}: give the same items in one order"
        )
    for k, (ours, theirs) in enumerate(zip(old.models, new.models, strict=True)):
        same = ours is theirs or (ours.dichotomous and theirs.dichotomous)
        if not same or old.categories[k] != new.categories[k]:
            raise InvalidParameterError(
                f"anchor {k} is {ours.name} with {old.categories[k]} categories and {theirs.name} "
                f"with {new.categories[k]}: link items that both calibrations see alike"
            )
    if old.D != new.D:
        raise InvalidParameterError(f"D is {old.D} and {new.D}: calibrate with one D")
    if len(old) < FEWEST_ANCHORS:
        raise InvalidParameterError(
            f"there are {len(old)} anchors: a link needs at least {FEWEST_ANCHORS}"
        )
    if method not in METHODS:
        raise InvalidParameterError(f"method is {method!r}: give one of {', '.join(METHODS)}")
    if not critical_z > 0:
        raise InvalidParameterError(f"critical_z is {critical_z}: give a number > 0")


def _nodes(
    nodes: npt.ArrayLike | None, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    theta = np.linspace(-4, 4, 41) if nodes is None else unmasked("nodes", nodes, np.float64)
    weight = (
        np.exp(-0.5 * theta**2) if weights is None else unmasked("weights", weights, np.float64)
    )
    fine = np.isfinite(theta).all() and np.isfinite(weight).all() and (weight >= 0).all()
    if theta.ndim != 1 or theta.shape != weight.shape or not fine or weight.sum() <= 0:
        raise InvalidParameterError("nodes and weights: give flat finite arrays, weights ≥ 0")
    return theta, weight / weight.sum()


def _solve(
    old: ItemBank,
    new: ItemBank,
    kept: IntArray,
    method: str,
    theta: FloatArray,
    weight: FloatArray,
) -> tuple[float, float, float]:
    """A, B and the loss on the kept anchors."""
    spread = float(np.std(new.b[kept]))
    A = float(np.std(old.b[kept])) / spread if spread > 1e-9 else 1.0
    A = A if A > 1e-3 else 1.0
    start = np.array([np.log(A), float(np.mean(old.b[kept]) - A * np.mean(new.b[kept]))])
    ours, theirs = old.only(kept), new.only(kept)
    by_item = method == "haebara"

    def curves(bank: ItemBank, at: FloatArray) -> FloatArray:
        if not by_item:
            return bank.expected_score(at).sum(axis=1, keepdims=True)
        return bank.probabilities(at)[:, 1:].reshape(-1, at.size).T

    target = curves(ours, theta)

    def loss(x: FloatArray) -> float:
        # θ on the new scale, rather than the new items on the old: the same curves
        gap = target - curves(theirs, (theta - x[1]) / np.exp(x[0]))
        return float(weight @ (gap**2).sum(axis=1))

    if method == "mean_sigma":
        return A, float(start[1]), loss(start)
    # here alone: who only serves items starts without it
    from scipy.optimize import minimize

    # log A keeps A positive; the surface is smooth and has two dimensions
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-16})
    return float(np.exp(found.x[0])), float(found.x[1]), float(found.fun)
