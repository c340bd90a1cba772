"""Expected a posteriori (EAP) ability of many persons at once.

What never lives here: one person at a time (see `cat.selection`), likelihood-based estimates (see
`maximum_likelihood`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import CodeArray, FloatArray, IntArray, check_numbers, unmasked
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.errors import InvalidParameterError, InvalidResponsesError
from calibration.irt.estep import NO_MASS, exp_shifted, sum_rows
from calibration.irt.layout import category_rows, first_rows
from calibration.irt.quadrature import padded, rectangular
from calibration.irt.responses import Responses, build_responses
from calibration.threads import Workers, chunk_edges


@dataclass(frozen=True, eq=False)
class Score:
    """EAP ability of each person.

    Attributes:
        theta: posterior means, shape (N,); the prior mean for who answered nothing.
        sd: posterior standard deviations, shape (N,).
        n: answers per person, shape (N,).
    """

    theta: FloatArray
    sd: FloatArray
    n: IntArray


def eap(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    mean: float = 0.0,
    sd: float = 1.0,
    nodes: int = 61,
    bounds: tuple[float, float] = (-6.0, 6.0),
    person_count: int | None = None,
    threads: int | None = None,
) -> Score:
    """Scores every person by EAP (Bock & Mislevy 1982) under a normal prior.

    Args:
        bank: item parameters.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1 (of a polytomous item the category), shape (M,).
        mean: prior mean of ability.
        sd: prior standard deviation, > 0.
        nodes: quadrature nodes.
        bounds: range of the nodes.
        person_count: N, where it is more than the largest code + 1.
        threads: threads to use; default: the CPUs of the process.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: mean or sd out of range, or a bad quadrature.
    """
    check_numbers(mean=mean, sd=sd)
    if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
        raise InvalidParameterError(f"mean and sd are {mean}, {sd}: give finite numbers, sd > 0")
    responses = scored_responses(bank, person, item, correct, person_count)
    quadrature = rectangular(nodes, bounds)
    width = padded(quadrature.theta.size)
    first, table = log_table(bank, quadrature.theta, width)
    theta, base = np.zeros(width), np.full(width, NO_MASS)
    theta[: quadrature.theta.size] = quadrature.theta
    base[: quadrature.theta.size] = quadrature.log_normal_weights(mean, sd)
    rows = category_rows(first, responses.item, responses.correct)
    out_theta, out_sd = np.empty(responses.person_count), np.empty(responses.person_count)
    edges = chunk_edges(responses.indptr, 50_000, 16)

    def part(k: int) -> None:
        _score(
            responses.indptr, rows, table, base, theta, edges[k], edges[k + 1], out_theta, out_sd
        )

    with Workers(threads if rows.size > 50_000 else 1) as workers:
        workers.run(part, range(edges.size - 1))
    answered = np.diff(responses.indptr)
    # the discretised prior has its moments only nearly: say the exact ones where there is no answer
    out_theta[answered == 0], out_sd[answered == 0] = mean, sd
    return Score(out_theta, out_sd, answered)


def log_table(bank: ItemBank, theta: FloatArray, width: int) -> tuple[IntArray, FloatArray]:
    """Log P of every category at every node.

    Args:
        bank: J items.
        theta: nodes, shape (Q,).
        width: columns of the table, ≥ Q; those beyond Q are 0.

    Returns:
        Where the rows of each item begin, (J + 1,), and the table, (rows, width).
    """
    first = first_rows(bank.categories)
    table = np.zeros((int(first[-1]), width))
    for model, items in bank.groups:
        lower, upper = (table, first[:-1]), (table, first[:-1] + 1)
        model.log_curves(bank.params, items, theta, lower, upper, bank.categories)
    return first, table


def scored_responses(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    person_count: int | None,
) -> Responses:
    """Checked responses whose items are all in the bank; none at all is fine with a `person_count`.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
    """
    codes = unmasked("item", item)
    if codes.size and np.issubdtype(codes.dtype, np.integer) and int(codes.max()) >= len(bank):
        raise InvalidResponsesError(
            f"item {int(codes.max())} is not in the bank of {len(bank)} items: pass the bank that "
            "the responses belong to"
        )
    return build_responses(
        person,
        item,
        correct,
        item_count=len(bank),
        person_count=person_count,
        allow_empty=person_count is not None,
        categories=bank.categories,
    )


@compiled()
def _score(
    indptr: IntArray,
    rows: CodeArray,
    table: FloatArray,
    base: FloatArray,
    theta: FloatArray,
    first: int,
    last: int,
    out_theta: FloatArray,
    out_sd: FloatArray,
) -> None:
    width = theta.size
    log_post, post, power = np.empty(width), np.empty(width), np.empty(width, np.int64)
    for i in range(first, last):
        sum_rows(rows, table, indptr[i], indptr[i + 1], base, log_post)
        exp_shifted(log_post, log_post.max(), post, power)
        mass, mean, square = 0.0, 0.0, 0.0
        for q in range(width):
            mass += post[q]
            mean += post[q] * theta[q]
        mean /= mass
        for q in range(width):
            square += post[q] * (theta[q] - mean) ** 2
        out_theta[i] = mean
        out_sd[i] = np.sqrt(square / mass)
