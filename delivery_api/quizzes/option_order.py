"""The order in which a person sees an item's options, where the exam shuffles them.

It is drawn when the item is served and kept with it. Options get the item's labels in the order in
which they stand, so that a label says nothing to others; what is recorded, and all that is counted,
are the labels that the item was published with. What never lives here: whether an exam shuffles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Options = Sequence[tuple[str, str]]


def drawn(options: Options, seed: int, question_id: int) -> str | None:
    """Published labels in the order to show them in; None for an item without options.

    Args:
        options: label and text, as published.
        seed: of the quiz's draws.
        question_id: of the item.
    """
    labels = [label for label, _ in options]
    order = np.random.default_rng([seed, question_id]).permutation(len(labels))
    return _between(labels).join(labels[k] for k in order) or None


def shown(options: Options, order: str | None) -> Options:
    """The options as they are shown; None is the published order."""
    if order is None:
        return options
    texts = dict(options)
    labels = [label for label, _ in options]
    return [(label, texts[was]) for label, was in zip(labels, _listed(order, labels), strict=True)]


def published(label: str, options: Options, order: str | None) -> str:
    """The published label of the option that is shown under one."""
    if order is None:
        return label
    labels = [known for known, _ in options]
    return _listed(order, labels)[labels.index(label)]


def label_of(was: str, options: Options, order: str | None) -> str:
    """The label under which an option of that published one is shown."""
    if order is None:
        return was
    labels = [known for known, _ in options]
    return labels[_listed(order, labels).index(was)]


def _between(labels: Sequence[str]) -> str:
    """What stands between labels in an order: nothing where each is one character."""
    return "|" if any(len(label) > 1 for label in labels) else ""


def _listed(order: str, labels: Sequence[str]) -> Sequence[str]:
    return order.split("|") if _between(labels) else order
