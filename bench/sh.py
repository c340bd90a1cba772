"""What Sympson–Hetter costs, and what it buys.

What never lives here: the simulator alone (``simulate``).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rich.table import Table

import calibration as cal
from bench.baselines import plain_python
from bench.measure import cost, cost_of_one, into, median_seconds, table
from bench.scenarios import reference_bank
from calibration.threads import core_count

LENGTH, TAU = 30, 0.2
QUOTA = {0: (9, 11), 1: (6, 8), 2: (4, 6), 3: (2, 4), 4: (1, 2)}


def run(*, quick: bool = False) -> list[Table]:
    """The heavy run and its ratio; growth; the reference scenario; methods; what a K holds for."""
    return [
        _ratio(quick=quick),
        _growth(quick=quick),
        _reference(quick=quick),
        _methods(),
        _levels(),
        _conditions(),
    ]


def _ratio(*, quick: bool) -> Table:
    n, iters = (10_000, 20) if quick else (100_000, 20)
    made = table(
        f"Sympson-Hetter, 1,000 items, tests of {LENGTH}, τ = {TAU}, all iterations run",
        "program", "examinees × iterations", "seconds", "core seconds", "core µs per selection",
        "times the core time",
    )  # fmt: skip
    bank = reference_bank(1000)
    ranked = cal.RankedBank.of(bank)
    spent = cost(
        lambda: cal.sympson_hetter(
            ranked, TAU, n=n, test_length=LENGTH, iters=iters, tol=0.0, seed=1
        ),
        3,
    )
    base = spent.core_seconds / n / iters / LENGTH * 1e6
    made.add_row(
        f"qbank with certificate, {core_count()} cores", f"{n:,} × {iters}",
        f"{spent.seconds:.2f}", f"{spent.core_seconds:.2f}", f"{base:.4f}", "1",
    )  # fmt: skip
    items = [
        plain_python.Item(float(bank.D * a), float(b), float(c))
        for a, b, c in zip(bank.a, bank.b, bank.c, strict=True)
    ]
    few, rounds = (2, 2) if quick else (10, 2)
    rng = random.Random(1)  # noqa: S311  a simulation
    spent = cost_of_one(lambda: plain_python.sympson_hetter(items, few, LENGTH, TAU, rounds, rng))
    each = spent.core_seconds / few / rounds / LENGTH * 1e6
    made.add_row(
        "plain Python loop", f"{few:,} × {rounds}", f"{spent.seconds:.2f}",
        f"{spent.core_seconds:.2f}", f"{each:,.0f}", f"{each / base:,.0f}",
    )  # fmt: skip
    return made


def _growth(*, quick: bool) -> Table:
    n = 2_000 if quick else 20_000
    made = table(
        f"Sympson-Hetter, growth with the pool: {n:,} examinees × 10 iterations, tests of {LENGTH}",
        "items", "core seconds", "core ns per selection",
    )  # fmt: skip
    for items in (300, 500, 1000, 5000):
        ranked = cal.RankedBank.of(reference_bank(items))
        seconds = cost(
            partial(
                cal.sympson_hetter,
                ranked,
                TAU,
                n=n,
                test_length=LENGTH,
                iters=10,
                tol=0.0,
                seed=1,
                certificate_n=n,
            ),
            3,
        ).core_seconds
        selections = n * 12 * LENGTH  # the certificate is two more simulations
        made.add_row(f"{items:,}", f"{seconds:.3f}", f"{seconds / selections * 1e9:.0f}")
    return made


def _reference(*, quick: bool) -> Table:
    made = table(
        "the reference scenario: 500 items, D = 1, tests of 25, EAP at 81 nodes, "
        "evaluated on 40,000 fresh examinees",
        "control", "max exposure", "upper bound", "overlap", "unused", "RMSE", "K < 1",
        "iterations", "seconds",
    )  # fmt: skip
    ranked = cal.RankedBank.of(reference_bank(500, 1.0), nodes=81)
    for seed in (1,) if quick else (1, 2, 3):
        found: list[cal.SympsonHetterRun] = []
        seconds = median_seconds(
            into(
                found,
                partial(cal.sympson_hetter, ranked, TAU, test_length=25, floor=0.0, seed=seed),
            ),
            1,
        )
        run_ = found[-1]
        proof = run_.certificate
        if proof is None:
            raise RuntimeError("a run that was not canceled has no certificate")
        if seed == 1:
            made.add_row(
                "none", f"{proof.max_exposure_before:.4f}", "", f"{proof.overlap_before:.4f}",
                f"{proof.unused_before:.3f}", f"{proof.rmse_before:.4f}", "0", "", "",
            )  # fmt: skip
        made.add_row(
            f"τ = {TAU}, seed {seed}", f"{proof.max_exposure:.4f}",
            f"{proof.max_exposure_upper:.4f}", f"{proof.overlap:.4f}", f"{proof.unused:.3f}",
            f"{proof.rmse:.4f}", str(int((run_.sh_p < 1).sum())), str(len(run_.history)),
            f"{seconds:.2f}",
        )  # fmt: skip
    return made


def _methods() -> Table:
    made = table(
        "three ways to τ = 0.25 on the reference bank, tests of 25, 40,000 fresh examinees",
        "method", "max P(A)", "max P(A | θ) in 6 strata", "overlap", "RMSE", "seconds",
    )  # fmt: skip
    ranked = cal.RankedBank.of(reference_bank(500, 1.0), nodes=81)
    searches: dict[str, Callable[..., object]] = {
        "Sympson-Hetter": cal.sympson_hetter,
        "item eligibility": cal.item_eligibility,
        "Stocking-Lewis": cal.stocking_lewis,
    }
    for name, search in searches.items():
        found: list[Any] = []  # the three tell of themselves by one set of names
        seconds = median_seconds(into(found, partial(search, ranked, 0.25, seed=1)), 1)
        control = getattr(found[-1], "control", found[-1].sh_p)
        levels = cal.simulate(
            ranked, "uniform(-3,3)", 25, control, seed=99, n=40_000
        ).conditional.administered.max()
        proof = found[-1].certificate
        made.add_row(
            name, f"{proof.max_exposure:.3f}", f"{levels:.3f}", f"{proof.overlap:.4f}",
            f"{proof.rmse:.4f}", f"{seconds:.2f}",
        )  # fmt: skip
    return made


def _levels() -> Table:
    made = table(
        "Stocking-Lewis, τ = 0.25, bounds strata means: 40,000 examinees at a single θ",
        "θ", "largest P(A)", "bound over strata",
    )  # fmt: skip
    ranked = cal.RankedBank.of(reference_bank(500, 1.0), nodes=81)
    found = cal.stocking_lewis(ranked, 0.25, seed=1)
    for theta in (-3.5, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.5):
        rates = cal.simulate(ranked, [theta] * 40_000, 25, found.control, seed=99).administered
        made.add_row(f"{theta:g}", f"{rates.max():.3f}", f"{found.max_exposure_upper:.3f}")
    return made


# mean 0 and SD 1, as N(0,1)
TWO_GROUPS = "0.5*normal(-.9,.436) + 0.5*normal(.9,.436)"


def _conditions() -> Table:
    made = table(
        "what K holds for: reference bank in five topics, τ = 0.2, largest P(A) of 40,000",
        "population", "test length", "quota", "K for N(0,1), 25, none", "K for these",
    )  # fmt: skip
    topic = np.random.default_rng(7).integers(0, 5, 500)
    ranked = cal.RankedBank.of(reference_bank(500, 1.0, topic), nodes=81)
    usual = cal.sympson_hetter(ranked, TAU, test_length=25, seed=1)
    for population, length, quota in (
        ("normal(0,1)", 25, None),
        ("normal(-1,1)", 25, None),
        ("normal(.5,1)", 25, None),
        (TWO_GROUPS, 25, None),
        ("normal(0,1)", 25, QUOTA),
        ("normal(0,1)", 40, None),
    ):
        own = cal.sympson_hetter(
            ranked, TAU, test_length=length, theta_dist=population, quota=quota, seed=1
        )
        rates = [
            cal.simulate(ranked, population, length, sh_p, quota=quota, seed=99, n=40_000)
            for sh_p in (usual.sh_p, own.sh_p)
        ]
        made.add_row(
            population, str(length), "blueprint" if quota else "none",
            *(f"{rate.administered.max():.3f}" for rate in rates),
        )  # fmt: skip
    return made
