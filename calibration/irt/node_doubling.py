"""Whether the quadrature is fine enough: what twice the nodes would change.

What never lives here: the choice of nodes.
"""

from __future__ import annotations

import numpy as np

from calibration.bank import FloatArray
from calibration.irt.curves import to_natural
from calibration.irt.em import Evaluation, Problem, unpack
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
    params, mean, sd = unpack(x)
    finer = problem.estep.quadrature.doubled()
    estep = EStep(problem.estep.layout, finer, problem.estep.workers)
    again = estep(params, finer.log_normal_weights(mean, sd))
    if cov is None:
        moved = problem.improve(x, evaluation)
        fine = problem.with_estep(estep).improve(x, Evaluation(0.0, again))
        params, (target, _, _) = unpack(moved)[0], unpack(fine)
    else:
        item, group = gradient(problem, finer, x, again)
        old_item, old_group = gradient(problem, problem.estep.quadrature, x, evaluation.expectation)
        target, _, _ = unpack(x + newton_step(cov, item - old_item, group - old_group))
    old_a, old_b, _ = to_natural(params, problem.D)
    new_a, new_b, _ = to_natural(target, problem.D)
    free = problem.free
    person = evaluation.expectation.person
    return NodeCheck(
        nodes=finer.theta.size,
        log_likelihood_change=again.log_likelihood - evaluation.expectation.log_likelihood,
        largest_a_change=float(np.abs(new_a - old_a)[free].max()),
        largest_b_change=float(np.abs(new_b - old_b)[free].max()),
        edge_mass=float((person[0] + person[-1]) / person.sum()),
    )
