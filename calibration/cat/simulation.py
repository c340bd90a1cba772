"""The simulator: adaptive tests under the delivery's own selection rule, spread over the cores.

What never lives here: a second selection rule, exposure-control updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, unmasked
from calibration.bank import ItemBank
from calibration.cat.arrays import Record, Scratch, Tally
from calibration.cat.control import ExposureControl, Quota, check_length
from calibration.cat.kernels import ABREAST, simulate_examinees
from calibration.cat.population import Population, abilities, as_seed, derived_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.results import Simulation, SimulationSums
from calibration.cat.rules import SelectionRule
from calibration.errors import InvalidParameterError
from calibration.threads import core_count, over_cores

STRATA = (-2.0, -1.0, 0.0, 1.0, 2.0)
_THETA_STREAM = 0x7E7A  # keeps the draws of θ apart from those inside the tests


@dataclass(frozen=True, eq=False)
class Examinees:
    """The examinees of one shard.

    Attributes:
        theta: true abilities, shape (N,).
        first: number of the first; its random draws hang on it.
        stratum: stratum of each, shape (N,).
        edges: θ between the strata.
    """

    theta: FloatArray
    first: int
    stratum: IntArray
    edges: FloatArray


def simulate(
    bank: ItemBank | RankedBank,
    theta: npt.ArrayLike | str | Population,
    test_length: int = 25,
    sh_p: npt.ArrayLike | ExposureControl | None = None,
    ability: Literal["estimated", "known"] = "estimated",
    *,
    seed: int,
    n: int | None = None,
    quota: Quota | None = None,
    excluded: npt.ArrayLike | None = None,
    rule: SelectionRule | str | None = None,
    strata: npt.ArrayLike = STRATA,
    start: int = 0,
    stop: int | None = None,
    threads: int | None = None,
    record: bool = False,
) -> Simulation:
    """Simulates adaptive tests with the selection rule of delivery.

    At θ̂ items come up in the order of the rule, by default of information; the first that is
    neither administered nor held back is administered with probability sh_p, else held back for
    this examinee (Sympson & Hetter 1985).

    Args:
        bank: the items; a RankedBank saves ranking them again, and sets nodes and prior.
        theta: true abilities, shape (N,), or a distribution such as "normal(0,1)" with `n`.
        test_length: items per test.
        sh_p: exposure parameters, shape (J,); None: no control.
        ability: "estimated": θ̂ (EAP) selects, as in delivery; "known": the true θ selects, and
            θ̂ is still estimated from the answers.
        seed: decides every draw. The result does not depend on threads or shards.
        n: number of examinees where `theta` is a distribution.
        quota: topic code → (fewest, most) items per test.
        excluded: items nobody gets, bool (J,) or indices.
        rule: selection rule or its name; None: the ranked bank's own, or maximum information.
        strata: true θ between the strata of the conditional results.
        start: first examinee of this shard.
        stop: end of this shard; None: all.
        threads: cores to use; None: all.
        record: keep the items and answers of each examinee, (N, L).

    Raises:
        InvalidParameterError: an argument is out of range, or the pool cannot fill the test.
    """
    if ability not in ("estimated", "known"):
        raise InvalidParameterError(f'ability is {ability!r}: give "estimated" or "known"')
    ranked = RankedBank.of(bank, rule=rule)
    control = ExposureControl.of(ranked, sh_p, quota=quota)
    closed = excluded_mask(excluded, len(ranked))
    check_length(ranked, control, test_length, ~closed)
    people = _examinees(theta, seed, n, strata, start, stop)
    return run(
        ranked,
        control,
        people,
        test_length,
        seed,
        known=ability == "known",
        closed=closed,
        threads=threads,
        record=record,
    )


def run(
    ranked: RankedBank,
    control: ExposureControl,
    people: Examinees,
    test_length: int,
    seed: int,
    *,
    known: bool,
    closed: npt.NDArray[np.bool_],
    threads: int | None = None,
    record: bool = False,
) -> Simulation:
    """Runs examinees whose arguments were checked; see `simulate`."""
    size = people.theta.size
    shape = (size, test_length) if record else (0, 0)
    out = Record(
        np.empty(size), np.empty(size), np.empty(shape, np.int32), np.empty(shape, np.int8)
    )

    def part(low: int, high: int) -> SimulationSums:
        sums = SimulationSums.empty(test_length, people.edges, len(ranked))
        mine = Record(*(column[low:high] for column in out))
        tally_range(
            ranked,
            control,
            people,
            low,
            high,
            seed,
            known=known,
            closed=closed,
            test_length=test_length,
            tally=sums.tally,
            record=mine,
        )
        return sums

    parts = over_cores(part, 0, size, checked_threads(threads))
    return Simulation(sum(parts[1:], parts[0]), *out)


def tally_range(
    ranked: RankedBank,
    control: ExposureControl,
    people: Examinees,
    low: int,
    high: int,
    seed: int,
    *,
    known: bool,
    closed: npt.NDArray[np.bool_],
    test_length: int,
    tally: Tally,
    record: Record,
    stride: int = 0,
) -> None:
    """Runs the examinees low … high − 1 of a shard on this thread; see `simulate_examinees`."""
    topics, nodes = control.quota_min.size, ranked.pool.prior.size
    simulate_examinees(
        people.theta[low:high],
        people.stratum[low:high],
        stride,
        people.first + low,
        as_seed(seed),
        known,
        ranked.pool,
        control.arrays,
        Scratch.of(closed, test_length, topics, nodes, ABREAST),
        tally,
        record,
    )


def checked_threads(threads: int | None) -> int:
    """Number of threads to use; None: all cores."""
    if threads is not None and threads < 1:
        raise InvalidParameterError(f"threads is {threads}: give None or a number ≥ 1")
    return core_count() if threads is None else threads


def excluded_mask(excluded: npt.ArrayLike | None, items: int) -> npt.NDArray[np.bool_]:
    """Items that nobody gets as a mask of shape (J,), from a mask or from indices."""
    mask = np.zeros(items, bool)
    if excluded is None:
        return mask
    given = unmasked("excluded", excluded)
    if given.dtype == bool:
        if given.shape != mask.shape:
            raise InvalidParameterError(
                f"excluded has shape {given.shape}: give ({items},) or item indices"
            )
        return given
    if given.size == 0:
        return mask
    if not np.issubdtype(given.dtype, np.integer) or given.min() < 0 or given.max() >= items:
        raise InvalidParameterError(f"excluded has values outside 0 … {items - 1}")
    mask[given] = True
    return mask


def strata_edges(strata: npt.ArrayLike) -> FloatArray:
    """Checks the θ between strata: finite and ascending."""
    edges = np.array(strata, dtype=np.float64)
    if edges.ndim != 1 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise InvalidParameterError(f"strata are {strata!r}: give ascending values of θ")
    return edges


def draw_examinees(
    population: Population, seed: int, start: int, stop: int, edges: FloatArray
) -> Examinees:
    """Draws the examinees start … stop − 1 of a population."""
    theta = population.draw(derived_seed(seed, _THETA_STREAM), start, stop)
    return Examinees(theta, start, np.searchsorted(edges, theta, side="right"), edges)


def _examinees(
    theta: npt.ArrayLike | str | Population,
    seed: int,
    n: int | None,
    strata: npt.ArrayLike,
    start: int,
    stop: int | None,
) -> Examinees:
    edges = strata_edges(strata)
    if isinstance(theta, str | Population):
        if n is None or n < 1:
            raise InvalidParameterError(f"n is {n}: say how many examinees to draw")
        low, high = _shard(start, stop, n)
        return draw_examinees(Population.of(theta), seed, low, high, edges)
    values = abilities(theta)
    if n is not None and n != values.size:
        raise InvalidParameterError(f"n is {n}, theta holds {values.size} examinees: leave n out")
    low, high = _shard(start, stop, values.size)
    stratum = np.searchsorted(edges, values[low:high], side="right")
    return Examinees(values[low:high], low, stratum, edges)


def _shard(start: int, stop: int | None, n: int) -> tuple[int, int]:
    high = n if stop is None else stop
    if not 0 <= start < high <= n:
        raise InvalidParameterError(
            f"the shard is [{start}, {high}) of {n} examinees: give 0 ≤ start < stop ≤ {n}"
        )
    return start, high
