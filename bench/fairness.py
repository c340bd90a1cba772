"""DIF with planted truth: how often each method finds it, and where there is none; and its cost.

What never lives here: DIF itself (see `calibration.itemfit`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.table import Table

import calibration as cal

Floats = npt.NDArray[np.float64]
LOGITS = 0.64
"""The planted effect: 1.5 on the delta scale of ETS, where class C begins."""
LENGTH, AMONG = 20, 25


@dataclass(frozen=True)
class Answered:
    """Responses in long form, the group of each person, and the items with planted DIF."""

    bank: cal.ItemBank
    person: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    correct: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    planted: npt.NDArray[np.int64]


def answered(
    seed: int,
    *,
    adaptive: bool = True,
    impact: float = 1.0,
    items: int = 60,
    persons: int | None = None,
    planted: int = 3,
    guessing: float = 0.0,
    logits: float = LOGITS,
) -> Answered:
    """Two groups whose ability differs by `impact` SDs, and a few items that are harder for one.

    Adaptive: 20 items, each drawn from the 25 most informative ones left at the EAP so far; else
    one form of 20. By default about 1,000 of each group answer an item with DIF.
    """
    persons = persons or (2_000 if adaptive else 1_000)
    random = np.random.default_rng(seed)
    a, b = np.exp(random.normal(0, 0.2, items)), random.normal(-0.5 * impact, 1, items)
    bank = cal.ItemBank(a, b, np.full(items, guessing), D=1.7)
    # of middling difficulty, so that both groups meet them
    chosen = np.argsort(np.abs(b + 0.5 * impact))[: 4 * planted : 4]
    group = np.repeat([0, 1], persons)
    theta = random.normal(size=group.size) - impact * group
    shift = np.zeros(items)
    shift[chosen] = -logits
    odds = 1.7 * a * (theta[:, None] - b) + shift * group[:, None]
    right = random.random(odds.shape) < guessing + (1 - guessing) / (1 + np.exp(-odds))
    taken = (
        _routed(random, bank, right)
        if adaptive
        else np.tile(np.arange(items)[:LENGTH], (group.size, 1))
    )
    if not adaptive:
        taken[:, : chosen.size] = chosen
        taken[:, chosen.size :] = np.setdiff1d(np.arange(items), chosen)[: LENGTH - chosen.size]
    person = np.repeat(np.arange(group.size), taken.shape[1])
    item = taken.ravel()
    return Answered(bank, person, item, right[person, item].astype(np.int64), group, chosen)


def _routed(
    random: np.random.Generator, bank: cal.ItemBank, right: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """The items that each person meets, (N, 20)."""
    grid = np.linspace(-4, 4, 41)
    p = bank.expected_score(grid)
    slope = np.gradient(p, grid, axis=0)
    information = slope**2 / (p * (1 - p))
    persons = right.shape[0]
    posterior = np.tile(np.exp(-0.5 * grid**2), (persons, 1))
    seen = np.zeros(right.shape, bool)
    taken = np.empty((persons, LENGTH), np.int64)
    everyone = np.arange(persons)
    for step in range(LENGTH):
        estimate = posterior @ grid / posterior.sum(axis=1)
        at = np.clip(np.rint((estimate + 4) / 0.2).astype(int), 0, grid.size - 1)
        worth = np.where(seen, -1.0, information[at])
        best = np.argpartition(-worth, AMONG, axis=1)[:, :AMONG]
        item = best[everyone, random.integers(0, AMONG, persons)]
        taken[:, step], seen[everyone, item] = item, True
        curve = p[:, item].T
        posterior *= np.where(right[everyone, item][:, None], curve, 1 - curve)
    return taken


def _matched(data: Answered) -> Floats:
    return cal.eap(data.bank, data.person, data.item, data.correct).theta


def _mantel_haenszel(data: Answered) -> tuple[Floats, Floats]:
    found = cal.mantel_haenszel(
        data.person,
        data.item,
        data.correct,
        data.group == 1,
        match=_matched(data),
        item_count=len(data.bank),
    )
    return found.p_value, found.delta / 2.35


def _logistic(data: Answered) -> tuple[Floats, Floats]:
    found = cal.logistic_dif(
        data.person,
        data.item,
        data.correct,
        data.group == 1,
        match=_matched(data),
        item_count=len(data.bank),
    )
    return found.uniform_p, found.effect


def _latent(data: Answered) -> tuple[Floats, Floats]:
    found = cal.latent_dif(data.bank, data.person, data.item, data.correct, data.group)
    sign = 1.0 if found.groups[0] == 0 else -1.0
    return found.uniform_p[:, 0], sign * found.effect[:, 0]


METHODS: dict[str, Callable[[Answered], tuple[Floats, Floats]]] = {
    "Mantel-Haenszel matched on EAP": _mantel_haenszel,
    "logistic matched on EAP": _logistic,
    "latent_dif": _latent,
}


@dataclass(frozen=True)
class Rates:
    """Over seeds: share significant at 5 % with and without DIF, and the mean effect found."""

    type_one: float
    power: float
    effect: float
    fewest: int


def rates(method: str, seeds: range, **scenario: object) -> Rates:
    """Runs one method on scenarios with planted truth."""
    false, true, effect, fewest = [], [], [], []
    for seed in seeds:
        data = answered(seed, **scenario)  # type: ignore[arg-type]  # names of its arguments
        p, size = METHODS[method](data)
        n = _by_group(data).min(axis=1)
        with_dif = np.isin(np.arange(p.size), data.planted)
        false.append(p[~with_dif & (n >= 100)] < 0.05)
        true.append(p[with_dif] < 0.05)
        effect.append(size[with_dif])
        fewest.append(n[with_dif].min())
    return Rates(
        float(np.concatenate(false).mean()),
        float(np.concatenate(true).mean()),
        float(np.concatenate(effect).mean()),
        int(min(fewest)),
    )


def _by_group(data: Answered) -> npt.NDArray[np.int64]:
    cell = data.item * 2 + data.group[data.person]
    return np.bincount(cell, minlength=2 * len(data.bank)).reshape(-1, 2)


def run(*, quick: bool) -> list[Table]:
    """Rates of each method, and the seconds that a bank of 20,000 items takes."""
    size = (2_000, 40_000) if quick else (20_000, 400_000)
    return [_rates_table(range(1, 4 if quick else 11)), _cost_table(*size)]


def _scenarios() -> Iterator[tuple[str, dict[str, object]]]:
    for adaptive in (True, False):
        for impact in (0.0, 1.0):
            form = "adaptive" if adaptive else "one form"
            yield f"{form}, impact {impact:g} SD", {"adaptive": adaptive, "impact": impact}


def _rates_table(seeds: range) -> Table:
    table = Table(title=f"DIF of {LOGITS} logits, {len(seeds)} seeds; 5 % tests")
    for column in ("scenario", "method", "type I", "power", "effect", "fewest a group"):
        table.add_column(column, justify="left" if column in ("scenario", "method") else "right")
    for name, scenario in _scenarios():
        for method in METHODS:
            found = rates(method, seeds, **scenario)
            table.add_row(
                name,
                method,
                f"{found.type_one:.3f}",
                f"{found.power:.2f}",
                f"{found.effect:+.2f}",
                str(found.fewest),
            )
    return table


def _bank_of_answers(items: int, persons: int) -> Answered:
    """25 items a person near their ability: an adaptive test of a large bank, without its rule."""
    random = np.random.default_rng(1)
    b = np.sort(random.normal(size=items))
    bank = cal.ItemBank(np.exp(random.normal(-0.2, 0.3, items)), b, np.full(items, 0.2), D=1.7)
    group = random.integers(0, 2, persons)
    theta = random.normal(size=persons) - group
    width = items // 4
    first = np.clip(np.searchsorted(b, theta) - width // 2, 0, items - width)
    stride = width // 25
    offset = random.integers(0, stride, (persons, 25)) + stride * np.arange(25)
    item = first[:, None] + offset
    chance = 0.2 + 0.8 / (1 + np.exp(-1.7 * bank.a[item] * (theta[:, None] - b[item])))
    right = random.random(item.shape) < chance
    return Answered(
        bank,
        np.repeat(np.arange(persons), 25),
        item.ravel(),
        right.ravel().astype(np.int64),
        group,
        np.zeros(0, np.int64),
    )


def _work(data: Answered) -> dict[str, Callable[[], object]]:
    """What a night examines, once each."""
    given = (data.bank, data.person, data.item, data.correct)
    theta = cal.eap(*given).theta
    return {
        "latent_dif by one attribute": lambda: cal.latent_dif(*given, data.group),
        "curve_fit": lambda: cal.curve_fit(*given),
        "residual_fit": lambda: cal.residual_fit(*given, theta=theta),
        "local_dependence": lambda: cal.local_dependence(*given, theta=theta),
        "person_fit": lambda: cal.person_fit(*given),
    }


def _cost_table(items: int, persons: int) -> Table:
    for compiles in _work(_bank_of_answers(400, 2_000)).values():
        compiles()
    data = _bank_of_answers(items, persons)
    table = Table(title=f"{items:,} items, {data.item.size:,} answers of {persons:,} persons")
    table.add_column("what a night examines")
    table.add_column("s", justify="right")
    total = 0.0
    for name, work in _work(data).items():
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        total += seconds
        table.add_row(name, f"{seconds:.1f}")
    table.add_row("together", f"{total:.1f}")
    return table
