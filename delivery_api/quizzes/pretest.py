"""Items that a sitting tries out: live, without parameters, given in equal shares.

One of those that were given least is drawn, so that each gets as many answers as the others. Where
something is known of it already, whoever sits has of the few next ones the one that learns most
from them, as ``calibration.cat.relative_gain`` says. What never lives here: at which positions (the
exam's pretest policy), and scored items (``choice``).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from calibration import ItemBank
from calibration.cat import relative_gain

# of the generator that draws ties; others of a quiz's seed are numbered from 1
_STREAM: Final = 0
# of so many items given least one is chosen by what it gains; more would not have equal shares
WINDOW: Final = 10
# nor would those that were given so much more often than the first of them
SPREAD: Final = 10
# θ at which gains are computed ahead
_GRID: Final = np.linspace(-4.0, 4.0, 33)


@dataclass(frozen=True, eq=False)
class Gains:
    """What an answer adds to what is known of items.

    Attributes:
        row: by item, its row of ``table``; what nothing is known of has none.
        table: by item and θ of a grid, as a multiple of what a random examinee adds.
    """

    row: Mapping[int, int]
    table: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls,
        items: Sequence[int],
        known: Sequence[Mapping[str, float]],
        mean: float,
        sd: float,
    ) -> Gains:
        """Computes the table.

        Args:
            items: places among the exam's live items.
            known: provisional a, b, c, scaling_constant, se_a, se_b and correlation of each.
            mean: of ability.
            sd: its standard deviation.
        """
        if not items:
            return NOTHING_KNOWN
        a, b, c, se_a, se_b, together = (
            np.array([one[name] for one in known])
            for name in ("a", "b", "c", "se_a", "se_b", "correlation")
        )
        scale = [one["scaling_constant"] for one in known]
        table = relative_gain(
            ItemBank(a, b, c, D=scale), se_a, se_b, together, _GRID, mean=mean, sd=sd
        )
        return cls({item: k for k, item in enumerate(items)}, table.T)

    def best(self, items: Sequence[int], theta: float) -> int:
        """The item, of those that something is known of, that gains most at a θ; else the first."""
        column = round((min(max(theta, _GRID[0]), _GRID[-1]) - _GRID[0]) / (_GRID[1] - _GRID[0]))
        known = [item for item in items if item in self.row]
        return (
            max(known, key=lambda item: self.table[self.row[item], column]) if known else items[0]
        )


NOTHING_KNOWN: Final = Gains({}, np.zeros((0, _GRID.size)))


class Candidates:
    """The items that may be tried out, by how often each was given.

    Counts follow what is served: a choice and a count cost the same however many items there are.

    Args:
        items: places among the exam's live items.
        given: how often each was given so far, in the same order.
        gains: what is known of them.
    """

    def __init__(
        self, items: Sequence[int], given: Sequence[int], gains: Gains = NOTHING_KNOWN
    ) -> None:
        self._gains = gains
        self._given = dict(zip(items, given, strict=True))
        # by count: items, and where each stands among them; a heap of the counts
        self._items: defaultdict[int, list[int]] = defaultdict(list)
        self._place: dict[int, int] = {}
        self._counts: list[int] = []
        for item, count in self._given.items():
            self._put(item, count)

    def __len__(self) -> int:
        return len(self._given)

    def choose(
        self, seed: int, position: int, theta: float, may: Callable[[int], bool]
    ) -> int | None:
        """An item for an examinee; None where none may be tried out.

        One that nothing is known of is given as often as the others, whatever they would gain.

        Args:
            seed: of the quiz.
            position: of the item in the quiz.
            theta: θ̂.
            may: whether the quiz may have an item.
        """
        draw = float(np.random.default_rng([seed, _STREAM, position]).random())
        next_ones: list[int] = []
        for item in self._least_first(draw):
            if not may(item):
                continue
            if next_ones and self._given[item] > self._given[next_ones[0]] + SPREAD:
                break
            next_ones.append(item)
            if len(next_ones) == WINDOW or next_ones[0] not in self._gains.row:
                break
        return self._gains.best(next_ones, theta) if next_ones else None

    def gave(self, item: int, count: int) -> None:
        """Takes note of how often an item was given by now, whichever process gave it."""
        before = self._given.get(item)
        if before is None or before == count:
            return
        self._take(item, before)
        self._given[item] = count
        self._put(item, count)

    def _least_first(self, draw: float) -> Iterator[int]:
        """All items, those given least first; of one count from a drawn one on."""
        while self._counts and not self._items[self._counts[0]]:
            heapq.heappop(self._counts)
        if not self._counts:
            return
        yield from _from(self._items[self._counts[0]], draw)
        for count in sorted(set(self._counts))[1:]:
            yield from _from(self._items[count], draw)

    def _put(self, item: int, count: int) -> None:
        items = self._items[count]
        if not items:
            heapq.heappush(self._counts, count)
        self._place[item] = len(items)
        items.append(item)

    def _take(self, item: int, count: int) -> None:
        items = self._items[count]
        last = items.pop()
        if last != item:
            items[self._place[item]] = last
            self._place[last] = self._place[item]


def _from(items: Sequence[int], draw: float) -> Iterator[int]:
    """All of the items, from the drawn one on; what an examinee has met is passed over."""
    first = int(draw * len(items))
    for k in range(len(items)):
        yield items[(first + k) % len(items)]
