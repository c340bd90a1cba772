"""One person's posterior, updated answer by answer: what delivery keeps per session.

All functions are compiled, single-threaded and free of the GIL; after the first call an update
takes microseconds. The state is a log posterior over fixed nodes, shape (Q,), which a caller can
store and load as it is.

What never lives here: item selection, and many persons at once (see `eap`).
"""

from __future__ import annotations

import numpy as np

from calibration.bank import FloatArray
from calibration.compiled import compiled


@compiled()
def prior_log_weights(nodes: FloatArray, mean: float, sd: float) -> FloatArray:
    """Log of a normal prior at equally spaced nodes, shape (Q,); not normalised."""
    out = np.empty(nodes.size)
    for q in range(nodes.size):
        out[q] = -0.5 * ((nodes[q] - mean) / sd) ** 2
    return out


@compiled(error_model="numpy")
def update(
    log_posterior: FloatArray,
    nodes: FloatArray,
    a: float,
    b: float,
    c: float,
    D: float,
    correct: bool,
) -> None:
    """Adds the log-likelihood of one answer to `log_posterior` (Q,), in place.

    Args:
        log_posterior: state, shape (Q,).
        nodes: abilities, shape (Q,).
        a: discrimination of the item.
        b: difficulty.
        c: lower asymptote.
        D: scaling constant.
        correct: whether the answer was right.
    """
    for q in range(nodes.size):
        z = D * a * (nodes[q] - b)
        log_logistic = min(z, 0.0) - np.log1p(np.exp(-abs(z)))
        if not correct:
            log_posterior[q] += log_logistic - z + np.log1p(-c)
        elif c > 0.0:
            log_posterior[q] += np.log(c + (1.0 - c) * np.exp(log_logistic))
        else:
            log_posterior[q] += log_logistic


@compiled(error_model="numpy")
def eap_of(log_posterior: FloatArray, nodes: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of the posterior over `nodes`, each shape (Q,)."""
    peak = log_posterior.max()
    mass, mean, square = 0.0, 0.0, 0.0
    for q in range(nodes.size):
        density = np.exp(log_posterior[q] - peak)
        mass += density
        mean += density * nodes[q]
        square += density * nodes[q] * nodes[q]
    mean /= mass
    return mean, np.sqrt(max(square / mass - mean * mean, 0.0))
