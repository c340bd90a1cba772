"""Selection rules and exposure control: what each buys, on three pools, and what a step costs.

What never lives here: Sympson-Hetter in depth (``sh``), the simulator against others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from rich.table import Table

import calibration as cal
from bench.measure import cost, cost_of_one, into, table
from bench.scenarios import reference_bank
from calibration.cat import RULES

TAU = 0.2


def run(*, quick: bool = False) -> list[Table]:
    """A table for each pool, and the cost of a selection."""
    return [*_pools(quick=quick), _steps(quick=quick)]


def _pools(*, quick: bool) -> list[Table]:
    rng = np.random.default_rng(11)
    small = cal.ItemBank(rng.lognormal(0, 0.3, 200), rng.normal(0, 1.2, 200), D=1.0)
    given = {
        "the reference scenario (500 items, D = 1, tests of 25)": (
            cal.RankedBank.of(reference_bank(500, 1.0), nodes=81),
            25,
        ),
        "1,000 items, D = 1.7, tests of 30": (cal.RankedBank.of(reference_bank(1000)), 30),
        "200 items without guessing, D = 1, tests of 20": (cal.RankedBank.of(small), 20),
    }
    n, evaluation_n = (4_000, 20_000) if quick else (10_000, 40_000)
    made = []
    for title, (ranked, length) in given.items():
        found: list[tuple[cal.ComparedRule, ...]] = []
        compared = partial(
            cal.compare_rules, ranked, TAU, length, seed=1, n=n, evaluation_n=evaluation_n
        )
        spent = cost_of_one(into(found, compared))
        told = f"{title}: τ = {TAU}, {evaluation_n:,} examinees, {spent.seconds:.0f} s"
        made.append(_table(told, found[0]))
    return made


def _table(title: str, rows: Sequence[cal.ComparedRule]) -> Table:
    made = table(
        title,
        "rule", "control", "max P(A)", "max P(A | θ)", "overlap", "unused", "χ²", "RMSE",
        "max RMSE | θ", "front",
    )  # fmt: skip
    for row in rows:
        made.add_row(
            row.rule, row.control, f"{row.max_exposure:.3f}", f"{row.max_conditional:.3f}",
            f"{row.overlap:.4f}", f"{row.unused:.3f}", f"{row.chi_square:.1f}",
            f"{row.rmse:.4f}", f"{row.max_conditional_rmse:.3f}", "*" if row.on_front else "",
        )  # fmt: skip
    return made


def _steps(*, quick: bool) -> Table:
    sizes = (500, 5_000) if quick else (500, 1_000, 5_000, 20_000)
    n = 4_000 if quick else 20_000
    made = table(
        "core ns per selection, no control, tests of 30, one core",
        "rule", *(f"{size:,} items" for size in sizes),
    )  # fmt: skip
    banks = [cal.RankedBank.of(reference_bank(size)) for size in sizes]
    for name in RULES:
        cells = []
        for bank in banks:
            work = partial(
                cal.simulate, bank.under(name), "normal(0,1)", 30, seed=1, n=n, threads=1
            )
            cells.append(f"{cost(work, 3).core_seconds / n / 30 * 1e9:.0f}")
        made.add_row(name, *cells)
    return made
