"""Whether the quadrature is fine enough: what twice the nodes would change.

What never lives here: the choice of nodes.
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import FloatArray
from calibration.irt.em import Evaluation, Problem
from calibration.irt.estep import EStep
from calibration.irt.newton import gradient, newton_step
from calibration.irt.oakes import Covariance
from calibration.irt.result import NodeCheck


def check_nodes(
    problem: Problem, x: FloatArray, evaluation: Evaluation, cov: Covariance | None
) -> NodeCheck:
    """One E-step at twice the nodes, and the Newton step that its gradient asks for.

    Without a covariance the step is that of an EM map, which is somewhat shorter.
    """
    params, mean, sd = problem.unpack(x)
    finer = problem.estep.quadrature.doubled()
    estep = EStep(problem.estep.layout, problem.estep.groups, finer, problem.estep.workers)
    again = estep(params, finer.log_normal_weights(mean, sd))
    if cov is None:
        moved = problem.improve(x, evaluation)
        fine = problem.with_estep(estep).improve(x, Evaluation(0.0, again))
        params, (target, _, _) = problem.unpack(moved)[0], problem.unpack(fine)
    else:
        item, group = gradient(problem, finer, x, again)
        old_item, old_group = gradient(problem, problem.estep.quadrature, x, evaluation.expectation)
        target, _, _ = problem.unpack(x + newton_step(cov, item - old_item, group - old_group))
    a_change, b_change = 0.0, 0.0
    for model, items in problem.groups:
        categories = problem.categories[items]
        old = model.to_natural(params[items], categories, problem.D)
        new = model.to_natural(target[items], categories, problem.D)
        steps, moved_to = model.locations(old), model.locations(new)
        here = np.isfinite(steps)
        a_change = max(a_change, float(np.abs(new[:, 0] - old[:, 0]).max()))
        b_change = max(b_change, float(np.abs(moved_to[here] - steps[here]).max()))
    person = evaluation.expectation.person
    return NodeCheck(
        nodes=finer.theta.size,
        log_likelihood_change=again.log_likelihood - evaluation.expectation.log_likelihood,
        largest_a_change=a_change,
        largest_b_change=b_change,
        edge_mass=float((person[0] + person[-1]) / person.sum()),
    )
