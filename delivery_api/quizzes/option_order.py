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
    return "".join(labels[k] for k in order) or None


def shown(options: Options, order: str | None) -> Options:
    """The options as they are shown; None is the published order."""
    if order is None:
        return options
    texts = dict(options)
    labels = [label for label, _ in options]
    return [(label, texts[was]) for label, was in zip(labels, order, strict=True)]


def published(label: str, options: Options, order: str | None) -> str:
    """The published label of the option that is shown under one."""
    return label if order is None else order[[known for known, _ in options].index(label)]


def label_of(was: str, options: Options, order: str | None) -> str:
    """The label under which an option of that published one is shown."""
    return was if order is None else options[order.index(was)][0]
