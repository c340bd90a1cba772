"""Differential item functioning by logistic regression: uniform and non-uniform.

What never lives here: tests by strata (see `mantel_haenszel`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import ByteArray, FloatArray
from calibration.compiled import compiled
from calibration.irt.responses import build_responses
from calibration.itemfit.matching import check_focal, check_match, check_one_form
from calibration.significance import chi_square_p

MODERATE_R2, LARGE_R2 = 0.035, 0.070  # Jodoin & Gierl (2001)
MOST_STEPS = 30
DESIGNS = (2, 3, 4)  # columns: match; + cohort; + their product


@dataclass(frozen=True, eq=False)
class LogisticDif:
    """DIF of each item between a reference and a focal cohort, by logistic regression.

    Attributes:
        uniform_chi2: likelihood ratio of the cohort's main effect, one degree of freedom, (J,).
        uniform_p: its p-value, shape (J,); 1 where not testable.
        nonuniform_chi2: likelihood ratio of cohort × match given the main effect, one degree, (J,).
        nonuniform_p: its p-value, shape (J,); 1 where not testable.
        r2_change: change of Nagelkerke's R² by both, shape (J,).
        effect: log odds ratio of the focal cohort in the model with the main effect, shape (J,);
            negative: harder for the focal cohort.
        jodoin_gierl: "A", "B" or "C" by `r2_change` and both effects together at 5 %; "" where not
            testable.
        testable: both cohorts answered, answers vary, and the regression converged; shape (J,).
    """

    uniform_chi2: FloatArray
    uniform_p: FloatArray
    nonuniform_chi2: FloatArray
    nonuniform_p: FloatArray
    r2_change: FloatArray
    effect: FloatArray
    jodoin_gierl: tuple[str, ...]
    testable: npt.NDArray[np.bool_]


def logistic_dif(
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    focal: npt.ArrayLike,
    *,
    match: npt.ArrayLike | None = None,
    item_count: int | None = None,
) -> LogisticDif:
    """Logistic-regression DIF (Swaminathan & Rogers 1990; effect size of Jodoin & Gierl 2001).

    Args:
        person: person codes 0 … N − 1, shape (M,).
        item: item codes 0 … J − 1, shape (M,).
        correct: 0 or 1, shape (M,).
        focal: whether each person is of the focal cohort, shape (N,).
        match: what persons are matched on, shape (N,), for instance EAP ability. Default: the
            number correct, where all answered the same items.
        item_count: J, where it is more than the largest code + 1.

    Raises:
        InvalidResponsesError: malformed responses, or no `match` and different items.
        InvalidParameterError: focal or match out of range.
    """
    responses = build_responses(person, item, correct, item_count=item_count)
    member = check_focal(focal, responses.person_count)
    if match is None:
        check_one_form(responses)
        right = np.bincount(responses.person(), responses.correct)
        values = right.astype(np.float64)
    else:
        values = check_match(match, responses.person_count)
    # a common unit keeps the normal equations well scaled, and changes no test
    values = (values - values.mean()) / max(float(values.std()), 1e-12)
    indptr, who, answers = responses.by_item()
    tests = np.zeros((responses.item_count, 5))
    for j in range(responses.item_count):
        own = slice(indptr[j], indptr[j + 1])
        tests[j] = _one_item(values[who[own]], member[who[own]].astype(np.float64), answers[own])
    uniform, nonuniform, r2, effect, good = tests.T
    testable = good > 0
    both = chi_square_p(uniform + nonuniform, 2)
    names = np.where((both >= 0.05) | (r2 < MODERATE_R2), "A", np.where(r2 < LARGE_R2, "B", "C"))
    return LogisticDif(
        uniform_chi2=uniform,
        uniform_p=np.where(testable, chi_square_p(uniform, 1), 1.0),
        nonuniform_chi2=nonuniform,
        nonuniform_p=np.where(testable, chi_square_p(nonuniform, 1), 1.0),
        r2_change=r2,
        effect=effect,
        jodoin_gierl=tuple(
            str(name) if on else "" for name, on in zip(names, testable, strict=True)
        ),
        testable=testable,
    )


def _one_item(
    match: FloatArray, focal: FloatArray, correct: ByteArray
) -> tuple[float, float, float, float, float]:
    """Both likelihood ratios, change of R², effect, and 1 if all of that could be had."""
    nothing = (0.0, 0.0, 0.0, 0.0, 0.0)
    n, right, members = correct.size, int(correct.sum()), focal.sum()
    if not (0 < right < n and 0 < members < n):
        return nothing
    fits = [_regress(match, focal, correct, columns) for columns in DESIGNS]
    if any(found is None for found in fits):
        return nothing
    (base, _), (main, beta), (full, _) = [found for found in fits if found is not None]
    p = right / n
    empty = n * (p * np.log(p) + (1 - p) * np.log(1 - p))

    def nagelkerke(log_likelihood: float) -> float:
        most = -np.expm1(2 * empty / n)
        return float(-np.expm1(2 * (empty - log_likelihood) / n) / most)

    uniform, nonuniform = max(2 * (main - base), 0.0), max(2 * (full - main), 0.0)
    return uniform, nonuniform, nagelkerke(full) - nagelkerke(base), float(beta[2]), 1.0


def _regress(
    match: FloatArray, focal: FloatArray, correct: ByteArray, columns: int
) -> tuple[float, FloatArray] | None:
    """Log-likelihood and coefficients by Newton's method; None where it does not converge."""
    beta = np.zeros(columns)
    grad, info = np.empty(columns), np.empty((columns, columns))
    for _ in range(MOST_STEPS):
        log_likelihood = _derivatives(match, focal, correct, beta, grad, info)
        try:
            step = np.linalg.solve(info, grad)
        except np.linalg.LinAlgError:
            return None
        size = float(np.abs(step).max())
        if not np.isfinite(size):
            return None
        beta = beta + step * min(1.0, 3.0 / max(size, 1e-12))
        if size < 1e-6:
            return float(log_likelihood), beta
    return None  # complete separation: the coefficients run away


@compiled(error_model="numpy")
def _derivatives(
    match: FloatArray,
    focal: FloatArray,
    correct: ByteArray,
    beta: FloatArray,
    grad: FloatArray,
    info: FloatArray,
) -> float:
    """Log-likelihood; gradient and information are overwritten."""
    columns = beta.size
    row = np.ones(4)
    for u in range(columns):
        grad[u] = 0.0
        for v in range(columns):
            info[u, v] = 0.0
    log_likelihood = 0.0
    for i in range(match.size):
        row[1], row[2], row[3] = match[i], focal[i], match[i] * focal[i]
        z = 0.0
        for u in range(columns):
            z += beta[u] * row[u]
        p = 1.0 / (1.0 + np.exp(-z))
        log_likelihood += (z if correct[i] else 0.0) - max(z, 0.0) - np.log1p(np.exp(-abs(z)))
        for u in range(columns):
            grad[u] += (correct[i] - p) * row[u]
            for v in range(columns):
                info[u, v] += p * (1.0 - p) * row[u] * row[v]
    return log_likelihood
