"""An adaptive test and Sympson–Hetter as one would first write them: lists, loops and a sort.

The whole pool is sorted by information at every position; the posterior is kept at 41 nodes and
multiplied up answer by answer. Standard library only, one core.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

NODES = [-4 + 0.2 * k for k in range(41)]


@dataclass
class Item:
    """One item: D·a, b, c."""

    slope: float
    b: float
    c: float


@dataclass
class Outcome:
    """Counts over the examinees, and the root mean square error of the estimates."""

    administered: list[int]
    selected: list[int]
    rmse: float


def p_correct(item: Item, theta: float) -> float:
    """Three-parameter logistic."""
    return item.c + (1 - item.c) / (1 + math.exp(-item.slope * (theta - item.b)))


def information(item: Item, theta: float) -> float:
    """Fisher information of an item."""
    p = p_correct(item, theta)
    return item.slope**2 * (1 - p) / p * ((p - item.c) / (1 - item.c)) ** 2


def simulate(
    items: list[Item], abilities: list[float], length: int, sh_p: list[float], rng: random.Random
) -> Outcome:
    """One adaptive test per ability, with hold-backs."""
    administered, selected = [0] * len(items), [0] * len(items)
    squares = 0.0
    for theta in abilities:
        posterior = [math.exp(-0.5 * node * node) for node in NODES]
        estimate = 0.0
        out: set[int] = set()
        for _ in range(length):
            here = estimate
            order = sorted(range(len(items)), key=lambda i: -information(items[i], here))
            for index in order:
                if index in out:
                    continue
                out.add(index)
                selected[index] += 1
                if rng.random() < sh_p[index]:
                    administered[index] += 1
                    break
            item = items[index]
            right = rng.random() < p_correct(item, theta)
            for k, node in enumerate(NODES):
                p = p_correct(item, node)
                posterior[k] *= p if right else 1 - p
            total = sum(posterior)
            estimate = sum(w * node for w, node in zip(posterior, NODES, strict=True)) / total
        squares += (estimate - theta) ** 2
    return Outcome(administered, selected, math.sqrt(squares / len(abilities)))


def sympson_hetter(
    items: list[Item], n: int, length: int, tau: float, iters: int, rng: random.Random
) -> list[float]:
    """Exposure parameters by repeated simulation."""
    sh_p = [1.0] * len(items)
    for _ in range(iters):
        abilities = [rng.gauss(0, 1) for _ in range(n)]
        outcome = simulate(items, abilities, length, sh_p, rng)
        for i, count in enumerate(outcome.selected):
            rate = count / n
            sh_p[i] = min(1.0, tau / rate) if rate > 0 else 1.0
        for i in sorted(range(len(items)), key=lambda i: -sh_p[i])[:length]:
            sh_p[i] = 1.0
    return sh_p
