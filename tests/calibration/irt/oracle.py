"""The marginal log-likelihood written out in full over persons, items and nodes, as a check."""

import numpy as np
from scipy.stats import beta, lognorm, norm

NODES = np.linspace(-6, 6, 61)


def log_likelihood(answers, a, b, c, scale, mean=0.0, sd=1.0):
    """`answers` (N, J) with NaN where missing."""
    weight = np.exp(-0.5 * ((NODES - mean) / sd) ** 2)
    weight /= weight.sum()
    z = scale * a * (NODES[:, None] - b)
    log_p = np.logaddexp(np.log(np.maximum(c, 1e-300)), np.log1p(-c) - np.logaddexp(0, -z))
    log_q = np.log1p(-c) - np.logaddexp(0, z)
    seen = ~np.isnan(answers)
    right = np.where(seen, np.nan_to_num(answers), 0)
    wrong = np.where(seen, 1 - np.nan_to_num(answers), 0)
    joint = right @ log_p.T + wrong @ log_q.T
    return float(np.log(np.exp(joint) @ weight).sum())


def log_prior(priors, a, b, c):
    """Densities of scipy.stats, summed over what is given."""
    total = 0.0
    if priors.a is not None:
        total += lognorm.logpdf(a, priors.a.sigma, scale=np.exp(priors.a.mu)).sum()
    if priors.b is not None:
        total += norm.logpdf(b, priors.b.mean, priors.b.sd).sum()
    if priors.c is not None:
        total += beta.logpdf(c, priors.c.alpha, priors.c.beta).sum()
    return total


def hessian(function, x, step=1e-3):
    """Central second differences."""
    n = x.size
    out = np.empty((n, n))
    eye = np.eye(n) * step
    for i in range(n):
        for j in range(i, n):
            out[i, j] = out[j, i] = (
                function(x + eye[i] + eye[j])
                - function(x + eye[i] - eye[j])
                - function(x - eye[i] + eye[j])
                + function(x - eye[i] - eye[j])
            ) / (4 * step**2)
    return out


def wide(planted, items):
    answers = np.full((planted.theta.size, items), np.nan)
    answers[planted.person, planted.item] = planted.correct
    return answers
