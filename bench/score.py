"""What scoring costs: EAP, maximum likelihood and weighted likelihood, by the model of the items.

What never lives here: estimation of items, fit statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rich.table import Table

import calibration as cal
from bench.measure import cost, table
from bench.scenarios import responses

METHODS: dict[str, Callable[..., object]] = {"EAP": cal.eap, "MLE": cal.mle, "WLE": cal.wle}


def run(*, quick: bool = False) -> Table:
    """Seconds and core seconds of each method for the 2PL and the 3PL."""
    made = table(
        "scores of complete answers to 100 items, θ ~ N(0,1), D = 1",
        "method", "persons", "seconds", "core seconds", "core µs per person",
    )  # fmt: skip
    for model in ("2pl", "3pl"):
        for name, method in METHODS.items():
            persons = (2_000 if quick else 20_000) if name == "EAP" else 2_000
            data = responses(persons, 100, guessing=model == "3pl")
            bank = cal.ItemBank(data.a, data.b, data.c, D=1.0, model=model)

            took = cost(partial(method, bank, data.person, data.item, data.correct), 7)
            made.add_row(
                f"{name}, {model}", f"{persons:,}", f"{took.seconds:.4f}",
                f"{took.core_seconds:.4f}", f"{took.core_seconds / persons * 1e6:.2f}",
            )  # fmt: skip
    return made
