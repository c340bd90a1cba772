"""What an adaptive test costs to simulate: against mirt, catsim and a plain loop, and as it grows.

What never lives here: Sympson–Hetter (``sh``), the delivery API (``delivery``).
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from rich.table import Table

import calibration as cal
from bench.baselines import plain_python
from bench.measure import cost, cost_of_one, into, median_seconds, peak_bytes, table
from bench.scenarios import reference_bank
from calibration.threads import core_count

LENGTH = 30
# its batch simulator
MIRT = {"2PL": "mirt (PyPI), Rust", "3PL": "mirt (PyPI), lock step"}


def run(*, quick: bool = False) -> list[Table]:
    """Ratios, growth with the pool and with the examinees, one step of delivery, memory."""
    return [
        _ratios(quick=quick),
        _growth_with_pool(quick=quick),
        _growth_with_examinees(quick=quick),
        _grid_loss(),
        _delivery_step(quick=quick),
        _memory(quick=quick),
    ]


def _ratios(*, quick: bool) -> Table:
    made = table(
        f"simulated tests of {LENGTH} items, 1,000-item pool, EAP at 41 nodes, no control; "
        "2PL is 3PL with c = 0",
        "simulator", "model", "examinees", "seconds", "core µs per selection", "RMSE of θ̂",
        "times the core time",
    )  # fmt: skip
    guessing = reference_bank(1000)
    banks = {"3PL": guessing, "2PL": cal.ItemBank(guessing.a, guessing.b, D=guessing.D)}
    n = 20_000 if quick else 200_000
    for model, bank in banks.items():
        ranked = cal.RankedBank.of(bank)
        outcome: list[cal.Simulation] = []
        qbank = partial(cal.simulate, ranked, "normal(0,1)", LENGTH, seed=1, n=n)
        spent = cost(into(outcome, qbank), 5)
        base = spent.core_seconds / n / LENGTH * 1e6
        made.add_row(
            f"qbank, {core_count()} cores", model, f"{n:,}", f"{spent.seconds:.3f}",
            f"{base:.4f}", f"{outcome[0].rmse:.3f}", "1",
        )  # fmt: skip
        for name, work, few in (
            (MIRT[model], _mirt, 4_000 if quick else 20_000),
            ("plain Python loop", _plain_python, 4 if quick else 20),
            ("catsim", _catsim, 20 if quick else 100),
        ):
            rmse: list[float] = []
            spent = cost_of_one(into(rmse, partial(work, bank, few)))
            each = spent.core_seconds / few / LENGTH * 1e6
            made.add_row(
                name, model, f"{few:,}", f"{spent.seconds:.3f}", f"{each:,.1f}",
                f"{rmse[0]:.3f}", f"{each / base:,.0f}",
            )  # fmt: skip
    return made


def _mirt(bank: cal.ItemBank, n: int) -> float:
    """The fastest way that mirt has for each model; the stop by precision is out of reach."""
    from mirt.cat import CATEngine
    from mirt.models import ThreeParameterLogistic, TwoParameterLogistic

    guessing = bool(bank.c.any())
    model = (ThreeParameterLogistic if guessing else TwoParameterLogistic)(n_items=len(bank))
    parameters = {"discrimination": bank.D * bank.a, "difficulty": np.array(bank.b)}
    model.set_parameters(**parameters, **({"guessing": np.array(bank.c)} if guessing else {}))
    model._is_fitted = True  # there is no other way to simulate with known parameters
    engine = CATEngine(model, se_threshold=1e-9, max_items=LENGTH, n_quadpts=41, seed=1)
    theta = np.random.default_rng(1).normal(size=n)
    found = np.array([result.theta for result in engine.run_batch_simulation(theta)])
    return float(np.sqrt(np.mean((found - theta) ** 2)))


def _plain_python(bank: cal.ItemBank, n: int) -> float:
    rng = random.Random(1)  # noqa: S311  a simulation
    items = [
        plain_python.Item(float(bank.D * a), float(b), float(c))
        for a, b, c in zip(bank.a, bank.b, bank.c, strict=True)
    ]
    abilities = [rng.gauss(0, 1) for _ in range(n)]
    return plain_python.simulate(items, abilities, LENGTH, [1.0] * len(items), rng).rmse


def _catsim(bank: cal.ItemBank, n: int) -> float:
    from catsim.estimation import NumericalSearchEstimator
    from catsim.initialization import FixedPointInitializer
    from catsim.selection import MaxInfoSelector
    from catsim.simulation import Simulator
    from catsim.stopping import TestLengthStopper

    theta = np.random.default_rng(1).normal(size=n)
    items = np.column_stack([bank.D * bank.a, bank.b, bank.c, np.ones(len(bank))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator = Simulator(
            items,
            theta,
            FixedPointInitializer(0.0),
            MaxInfoSelector(),
            NumericalSearchEstimator(),
            TestLengthStopper(min_items=LENGTH, max_items=LENGTH),
            seed=1,
        )
        simulator.simulate()
    found = np.array([path[-1] for path in simulator.estimations])
    return float(np.sqrt(np.mean((np.clip(found, -4, 4) - theta) ** 2)))


def _growth_with_pool(*, quick: bool) -> Table:
    made = table(
        f"growth with the pool, tests of {LENGTH} items, EAP at 41 nodes, core time",
        "items", "ranking the bank, s", "ns per selection, no control",
        "ns per selection, τ = 0.2", "held back per examinee",
    )  # fmt: skip
    n = 4_000 if quick else 20_000
    for items in (500, 1000, 5000, 20_000):
        bank = reference_bank(items)
        build = median_seconds(partial(cal.RankedBank.of, bank), 3)
        ranked = cal.RankedBank.of(bank)
        run_ = cal.sympson_hetter(ranked, 0.2, n=4000, test_length=LENGTH, iters=12, seed=1)
        cells = []
        for sh_p in (None, run_.sh_p):
            spent = cost(
                partial(cal.simulate, ranked, "normal(0,1)", LENGTH, sh_p, seed=1, n=n, threads=1),
                7,
            )
            cells.append(f"{spent.core_seconds / n / LENGTH * 1e9:.0f}")
        held = cal.simulate(ranked, "normal(0,1)", LENGTH, run_.sh_p, seed=1, n=n).held_back.sum()
        made.add_row(f"{items:,}", f"{build:.3f}", *cells, f"{held:.1f}")
    return made


def _growth_with_examinees(*, quick: bool) -> Table:
    made = table(
        f"growth with the examinees, 1,000 items, tests of {LENGTH}, {core_count()} cores",
        "examinees", "seconds", "core ns per selection",
    )  # fmt: skip
    ranked = cal.RankedBank.of(reference_bank(1000))
    for n in (1_000, 10_000, 100_000) if quick else (1_000, 10_000, 100_000, 1_000_000):

        def work(n: int = n) -> cal.Simulation:
            return cal.simulate(ranked, "normal(0,1)", LENGTH, seed=1, n=n)

        spent = cost(work, 3)
        each = spent.core_seconds / n / LENGTH * 1e9
        made.add_row(f"{n:,}", f"{spent.seconds:.4f}", f"{each:.0f}")
    return made


def _grid_loss() -> Table:
    made = table(
        "information lost by ranking on a grid of θ, first item, 1,000-item pool, 2,001 θ in ±3",
        "grid step", "mean loss", "largest loss",
    )  # fmt: skip
    bank = reference_bank(1000)
    theta = np.linspace(-3, 3, 2001)
    logistic = 1 / (1 + np.exp(-bank.D * bank.a * (theta[:, None] - bank.b)))
    p = bank.c + (1 - bank.c) * logistic
    information = (bank.D * bank.a) ** 2 * (1 - p) / p * ((p - bank.c) / (1 - bank.c)) ** 2
    for step in (1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64):
        ranked = cal.RankedBank.of(bank, step=step)
        row = np.abs(theta[:, None] - ranked.grid).argmin(axis=1)
        got = information[np.arange(theta.size), ranked.pool.ranking[row, 0].astype(int)]
        loss = 1 - got / information.max(axis=1)
        made.add_row(f"1/{1 / step:.0f}", f"{loss.mean():.3%}", f"{loss.max():.3%}")
    return made


def _delivery_step(*, quick: bool) -> Table:
    made = table(
        "one step of delivery from Python, the 15th item of a test, τ = 0.2, core time",
        "items", "select, µs", "ability after one more answer, µs",
    )  # fmt: skip
    calls = 500 if quick else 5_000
    for items in (500, 5000, 20_000):
        ranked = cal.RankedBank.of(reference_bank(items))
        found = cal.sympson_hetter(ranked, 0.2, n=2000, test_length=LENGTH, iters=8, seed=1)
        control = cal.ExposureControl.of(ranked, found.sh_p)
        past = cal.simulate(ranked, [0.3], 14, found.sh_p, seed=7, record=True)
        items_so_far, answers = past.items[0], past.correct[0]
        held = np.flatnonzero(past.sums.held_back)
        running = cal.ability(ranked, items_so_far, answers)

        step = partial(
            cal.select, ranked, running.theta, control, seed=7,
            administered=items_so_far, held_back=held, left=16,
        )  # fmt: skip
        learn = partial(cal.ability, ranked, [3], [1], running.posterior)
        made.add_row(
            f"{items:,}",
            f"{cost(partial(_repeat, step, calls), 5).core_seconds / calls * 1e6:.1f}",
            f"{cost(partial(_repeat, learn, calls), 5).core_seconds / calls * 1e6:.1f}",
        )
    return made


def _repeat(work: Callable[[], object], calls: int) -> None:
    for _ in range(calls):
        work()


def _memory(*, quick: bool) -> Table:
    made = table("peak resident memory of a process of its own", "what it does", "MB")
    code = "import calibration as cal\nfrom bench.scenarios import reference_bank\n"
    n = 100_000 if quick else 1_000_000
    for what, more in (
        ("imports calibration", ""),
        ("ranks 1,000 items", "cal.RankedBank.of(reference_bank(1000))\n"),
        ("ranks 20,000 items", "cal.RankedBank.of(reference_bank(20_000))\n"),
        (
            f"simulates {n:,} examinees on 1,000 items",
            f"cal.simulate(reference_bank(1000), 'normal(0,1)', {LENGTH}, seed=1, n={n})\n",
        ),
    ):
        made.add_row(what, f"{peak_bytes(code + more) / 1e6:.0f}")
    return made
