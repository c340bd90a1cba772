"""Items that a sitting tries out: live, without parameters in force, given in equal shares.

Of those that were given least one is drawn, so that each gets as many answers as the others, and
none of an examinee's is foreseen. What never lives here: at which positions (the exam's pretest
policy), and scored items (``choice``).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

# of the generator that draws ties; others of a quiz's seed are numbered from 1
_STREAM = 0


class Candidates:
    """The items that may be tried out, by how often each was given.

    Counts follow what is served: a choice and a count cost the same however many items there are.

    Args:
        items: places among the exam's live items.
        given: how often each was given so far, in the same order.
    """

    def __init__(self, items: Sequence[int], given: Sequence[int]) -> None:
        self._given = dict(zip(items, given, strict=True))
        # by count: items, and where each stands among them; a heap of the counts
        self._items: defaultdict[int, list[int]] = defaultdict(list)
        self._place: dict[int, int] = {}
        self._counts: list[int] = []
        for item, count in self._given.items():
            self._put(item, count)

    def __len__(self) -> int:
        return len(self._given)

    def choose(self, seed: int, position: int, may: Callable[[int], bool]) -> int | None:
        """An item of those that were given least; None where none may be tried out.

        Args:
            seed: of the quiz.
            position: of the item in the quiz.
            may: whether the quiz may have an item.
        """
        draw = float(np.random.default_rng([seed, _STREAM, position]).random())
        for items in self._least_first():
            # from the drawn one on: what the examinee has met is passed over
            first = int(draw * len(items))
            for item in _from(items, first):
                if may(item):
                    return item
        return None

    def gave(self, item: int, count: int) -> None:
        """Takes note of how often an item was given by now, whichever process gave it."""
        before = self._given.get(item)
        if before is None or before == count:
            return
        self._take(item, before)
        self._given[item] = count
        self._put(item, count)

    def _least_first(self) -> Iterator[list[int]]:
        while self._counts and not self._items[self._counts[0]]:
            heapq.heappop(self._counts)
        if not self._counts:
            return
        yield self._items[self._counts[0]]
        for count in sorted(set(self._counts))[1:]:
            yield self._items[count]

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


def _from(items: Sequence[int], first: int) -> Iterator[int]:
    """All of the items, from one on."""
    for k in range(len(items)):
        yield items[(first + k) % len(items)]
