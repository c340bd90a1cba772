"""Newton steps with the observed information: the polish of a fit, and what finer nodes ask for.

What never lives here: the information itself (see `oakes`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from calibration.arrays import FloatArray
from calibration.irt.em import Evaluation, Problem
from calibration.irt.estep import Expectation
from calibration.irt.oakes import Covariance
from calibration.irt.quadrature import Quadrature
from calibration.irt.squarem import Maximum


def gradient(
    problem: Problem, quadrature: Quadrature, x: FloatArray, expectation: Expectation
) -> tuple[FloatArray, FloatArray]:
    """Gradient of the objective by Fisher's identity, from an E-step at `x` over `quadrature`.

    Returns:
        That of the parameters of each item (J, W), and of mean and log SD (2,).
    """
    params, mean, sd = problem.unpack(x)
    item = np.zeros_like(params)
    for model, items in problem.groups:
        model.gradient(expectation.counts, params, items, problem.priors, problem.D, item)
    t = (quadrature.theta - mean) / sd
    score = np.stack([t / sd, t**2])
    expected = score @ np.exp(quadrature.log_normal_weights(mean, sd))
    group = (score - expected[:, None]) @ expectation.person
    return item, group


def newton_step(cov: Covariance, item: FloatArray, group: FloatArray) -> FloatArray:
    """Covariance times gradient, as a move of the flat point; what is held does not move."""
    numbering = cov.numbering
    flat = np.zeros(numbering.count)
    used = numbering.item >= 0
    np.add.at(flat, numbering.item[used], item[used])
    if numbering.group[0] >= 0:
        flat[numbering.group] = group
    step = cov.matrix @ flat
    move = np.zeros_like(item)
    move[used] = step[numbering.item[used]]
    moved_group = step[numbering.group] if numbering.group[0] >= 0 else np.zeros(2)
    return np.append(move.ravel(), moved_group)


def polish(problem: Problem, maximum: Maximum[Evaluation], cov: Covariance) -> Maximum[Evaluation]:
    """One Newton step from where EM converged, kept if the objective does not fall.

    EM stops while it still creeps along flat directions; the information is known by then, and one
    step with it takes away what is left.
    """
    expectation = maximum.evaluation.expectation
    item, group = gradient(problem, problem.estep.quadrature, maximum.x, expectation)
    x = problem.project(maximum.x + newton_step(cov, item, group), maximum.x)
    evaluation = problem.evaluate(x)
    if evaluation.objective < maximum.evaluation.objective:
        return maximum
    return replace(maximum, x=x, evaluation=evaluation, cycles=maximum.cycles + 1)
