"""Responses generated from known parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Planted:
    """Truth, and answers drawn from it in long form."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    theta: np.ndarray
    person: np.ndarray
    item: np.ndarray
    correct: np.ndarray
    scale: float

    @property
    def responses(self):
        return self.person, self.item, self.correct


def draw(
    seed,
    persons,
    items,
    each=None,
    *,
    c=0.0,
    mean=0.0,
    sd=1.0,
    scale=1.7,
    a_sd=0.25,
    bank=None,
    theta=None,
) -> Planted:
    """`persons` answer `each` random items (default: all) of `items`, or of a given (a, b, c)."""
    rng = np.random.default_rng(seed)
    if bank is None:
        bank = np.exp(rng.normal(0, a_sd, items)), rng.normal(0, 1, items), np.full(items, c)
    a, b, c = bank
    theta = rng.normal(mean, sd, persons) if theta is None else theta
    each = items if each is None else each
    item = np.argsort(rng.random((persons, items)), axis=1)[:, :each]
    p = c[item] + (1 - c[item]) / (1 + np.exp(-scale * a[item] * (theta[:, None] - b[item])))
    correct = rng.random(p.shape) < p
    person = np.repeat(np.arange(persons), each)
    return Planted(a, b, c, theta, person, item.ravel(), correct.ravel().astype(int), scale)


def draw_adaptive(seed, persons, items, length, *, c=0.0, randomesque=5) -> Planted:
    """Each next item is one of the five most informative at the EAP so far.

    Answers go missing because of answers given, as in a real adaptive test.
    """
    rng = np.random.default_rng(seed)
    scale = 1.7
    a, b = np.exp(rng.normal(0, 0.25, items)), rng.normal(0, 1, items)
    c = np.full(items, c)
    theta = rng.normal(0, 1, persons)
    nodes = np.linspace(-4, 4, 41)
    curve = c + (1 - c) / (1 + np.exp(-scale * a * (nodes[:, None] - b)))
    information = (scale * a) ** 2 * (1 - curve) / curve * ((curve - c) / (1 - c)) ** 2
    log_post = np.tile(-0.5 * nodes**2, (persons, 1))
    unused = np.ones((persons, items), bool)
    item, correct = np.empty((persons, length), int), np.empty((persons, length), int)
    everyone = np.arange(persons)
    for step in range(length):
        post = np.exp(log_post - log_post.max(axis=1, keepdims=True))
        eap = post @ nodes / post.sum(axis=1)
        near = np.clip(np.rint((eap + 4) / 0.2).astype(int), 0, 40)
        value = np.where(unused, information[near], -1.0)
        best = np.argpartition(-value, randomesque, axis=1)[:, :randomesque]
        chosen = best[everyone, rng.integers(0, randomesque, persons)]
        p = c[chosen] + (1 - c[chosen]) / (1 + np.exp(-scale * a[chosen] * (theta - b[chosen])))
        answer = (rng.random(persons) < p).astype(int)
        item[:, step], correct[:, step] = chosen, answer
        unused[everyone, chosen] = False
        likely = np.where(answer[:, None] == 1, curve.T[chosen], 1 - curve.T[chosen])
        log_post += np.log(likely)
    person = np.repeat(everyone, length)
    return Planted(a, b, c, theta, person, item.ravel(), correct.ravel(), scale)


def rmse(estimate, truth) -> float:
    return float(np.sqrt(np.mean((estimate - truth) ** 2)))
