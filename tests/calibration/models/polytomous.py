"""Ordered categories drawn from known parameters, and their likelihood written out in full."""

from __future__ import annotations

import numpy as np

NODES = np.linspace(-6, 6, 61)


def category_probabilities(model, a, steps, theta, scale=1.0):
    """P of each category by the defining formulas, shape (Q, J, K)."""
    z = scale * a[:, None] * (np.asarray(theta)[:, None, None] - steps)
    if model == "grm":
        above = 1 / (1 + np.exp(-z))
        edge = np.ones((*z.shape[:2], 1))
        return np.concatenate([edge, above], axis=2) - np.concatenate([above, 0 * edge], axis=2)
    logit = np.cumsum(np.concatenate([np.zeros((*z.shape[:2], 1)), z], axis=2), axis=2)
    return np.exp(logit) / np.exp(logit).sum(axis=2, keepdims=True)


def log_likelihood(model, answers, a, steps, scale=1.0):
    """Marginal log-likelihood of answers (N, J), −1 where missing."""
    weight = np.exp(-0.5 * NODES**2)
    weight /= weight.sum()
    log_p = np.log(category_probabilities(model, a, steps, NODES, scale))
    seen = answers >= 0
    own = log_p[:, np.arange(answers.shape[1]), np.where(seen, answers, 0)]
    return float(np.log(np.exp(np.where(seen, own, 0.0).sum(axis=2)).T @ weight).sum())


def draw(model, seed, persons, items, categories, each=None, scale=1.7):
    """(a, steps, theta, person, item, answer); each person gets `each` random items."""
    rng = np.random.default_rng(seed)
    a = np.exp(rng.normal(-0.2, 0.25, items))
    spread = np.linspace(-1, 1, categories - 1) if categories > 2 else np.zeros(1)
    steps = (
        rng.normal(0, 0.7, items)[:, None] + spread + rng.normal(0, 0.15, (items, categories - 1))
    )
    if model == "grm":
        steps = np.sort(steps, axis=1)
    theta = rng.normal(0, 1, persons)
    each = items if each is None else each
    item = np.argsort(rng.random((persons, items)), axis=1)[:, :each].ravel()
    person = np.repeat(np.arange(persons), each)
    p = category_probabilities(model, a, steps, theta, scale)[person, item]
    answer = (rng.random((person.size, 1)) > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
    return a, steps, theta, person, item, answer


def wide(person, item, answer, items):
    """Answers (N, J), −1 where missing."""
    out = np.full((person.max() + 1, items), -1)
    out[person, item] = answer
    return out
