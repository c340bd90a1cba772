"""The arrays that the compiled kernels take, grouped under names.

What never lives here: computation, validation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = Any  # numba infers the types; shapes and dtypes stand in the docstrings

OPEN, HELD_BACK, UNAVAILABLE = 0, 1, 2


class Order(NamedTuple):
    """How a selection rule reads a row of the ranking: G grid rows, J items.

    Attributes:
        code: which compiled walk is the rule's (``rules``).
        best: randomesque: how many of the best it chooses among.
        power: progressive: exponent of a test's progress.
        precision: progressive: information at which chance ends; 0: by position only.
        prior_precision: of the prior of θ, 1/variance.
        information: float32 (G, J), along the ranking; (0, 0) where the rule has no use for it.
        block: int64 (M,), where in a row the strata begin.
    """

    code: int
    best: int
    power: float
    precision: float
    prior_precision: float
    information: Array
    block: Array


class Pool(NamedTuple):
    """A ranked bank as the kernels see it: G grid rows, J items, Q nodes (padded).

    Attributes:
        order: what the selection rule needs beside the ranking.
        ranking: uint32 (G, J), item indices in the rule's order at each grid θ.
        theta_min: θ of the first grid row.
        rows_per_unit: grid rows per unit of θ.
        item: float64 (J, W), the bank's rows: D·a, b and what else the item's curve needs.
        curve: int64 (J,), which compiled curve is each item's.
        likelihood: float32 (J, 2, Q), of a wrong and of a right answer at the nodes.
        node_theta: float32 (Q,).
        prior: float32 (Q,), sums to one, zero in the padding.
        topic: int32 (J,), index of the item's topic among the quota's topics.
    """

    order: Order
    ranking: Array
    theta_min: float
    rows_per_unit: float
    item: Array
    curve: Array
    likelihood: Array
    node_theta: Array
    prior: Array
    topic: Array


class Control(NamedTuple):
    """What restrains the selection.

    Attributes:
        sh_p: float64 (S, J), one row per stratum of θ̂.
        row_stratum: int32 (G,), the stratum of each grid row.
        quota_min: int32 (T,), fewest items of each topic; T = 0 without a quota.
        quota_max: int32 (T,), most items of each topic.
    """

    sh_p: Array
    row_stratum: Array
    quota_min: Array
    quota_max: Array


class Scratch(NamedTuple):
    """Working memory of one thread: W examinees abreast.

    Attributes:
        status: uint8 (W, J), OPEN, HELD_BACK or UNAVAILABLE.
        held: int32 (W, J), items held back, in order.
        held_count: int64 (W,).
        taken: int32 (W, L), items administered, in order.
        counts: int32 (W, T), items administered by topic.
        is_open: bool (T,), topics that the quota admits now.
        posterior: float32 (W, Q).
        estimate: float64 (W,), θ̂.
        keys: uint64 (W,), the examinees' streams.
        correct: bool (W,), the latest answers.
    """

    status: Array
    held: Array
    held_count: Array
    taken: Array
    counts: Array
    is_open: Array
    posterior: Array
    estimate: Array
    keys: Array
    correct: Array

    @classmethod
    def of(cls, closed: Array, length: int, topics: int, nodes: int, lanes: int) -> Scratch:
        """Allocates it; `closed` bool (J,) are the items that nobody gets."""
        status = np.empty((lanes, closed.size), np.uint8)
        np.multiply(closed, np.uint8(UNAVAILABLE), out=status)  # OPEN is 0
        return cls(
            status=status,
            held=np.empty(status.shape, np.int32),
            held_count=np.zeros(lanes, np.int64),
            taken=np.empty((lanes, length), np.int32),
            counts=np.zeros((lanes, topics), np.int32),
            is_open=np.ones(topics, np.bool_),
            posterior=np.empty((lanes, nodes), np.float32),
            estimate=np.empty(lanes),
            keys=np.empty(lanes, np.uint64),
            correct=np.empty(lanes, np.bool_),
        )


class Tally(NamedTuple):
    """Counts that the examinee loop adds to: int64 (B, J) by stratum of true θ, and (B, 4) sums.

    `sums` holds examinees, Σ(θ̂ − θ), Σ(θ̂ − θ)² and Σ posterior SD, the last three × FIXED_POINT.
    """

    administered: Array
    held_back: Array
    forced: Array
    sums: Array


class Record(NamedTuple):
    """Per-examinee output: θ̂ and SD float64 (N,); items int32 and answers int8 (N, L) or (0, 0)."""

    theta: Array
    sd: Array
    items: Array
    correct: Array
