"""What a changed key does, item by item, and what in it looks like an error.

What never lives here: finding it out (``key_effects``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qbank.wording import listed


@dataclass(frozen=True)
class RescoredItem:
    """What a key does to the answers to one item version.

    Attributes:
        was: key before it, as a file of keys writes it; None where there was none.
        key: the key that is given.
        answers: answers in the exam, without those of void sittings.
        changed: of these, those that score something else, or count no more or again.
        without_option: of these, those that keep their score because no option was recorded.
        p_before, p_after: share of right answers, 0 to 1; None without answers.
        r_before, r_after: item-rest correlation, -1 to 1; None where a score does not vary, or the
            item is void.
        unchosen: right options that nobody chose.
        no_options: right options that the version does not have, though it has others.
        right_options: how many options have all points.
        share_before, share_after: mean share of the item's points, 0 to 1; None without answers.
    """

    item: str
    version: int
    was: str | None
    key: str
    answers: int
    changed: int
    without_option: int
    p_before: float | None
    p_after: float | None
    r_before: float | None
    r_after: float | None
    unchosen: list[str]
    no_options: list[str]
    right_options: int
    share_before: float | None
    share_after: float | None

    @property
    def has_options(self) -> bool:
        """Whether of any answer it is known what was chosen."""
        return self.answers > self.without_option

    @property
    def is_unchosen(self) -> bool:
        """Whether nobody chose a right option, or without answers can choose one."""
        missed = self.unchosen if self.has_options else self.no_options
        return bool(missed) and len(missed) == self.right_options

    @property
    def nobody_has_all(self) -> bool:
        """Whether answers that bring points of their own have fewer than the item gives, all."""
        return self.key.startswith("points=") and bool(self.p_before) and not self.p_after

    @property
    def is_worse(self) -> bool:
        """Whether good candidates are right less often than by the key before."""
        if self.r_before is None or self.r_after is None:
            return False
        return self.r_after < self.r_before


@dataclass(frozen=True)
class Rescored:
    """What a rescore did, or would do.

    Attributes:
        people: whose score changes, and with the next night their ability.
        sealed_results: results of quizzes that are over and get a successor.
        batch: its number among the imports; None where nothing was written.
    """

    items: list[RescoredItem] = field(default_factory=list)
    people: int = 0
    sealed_results: int = 0
    batch: int | None = None

    @property
    def warnings(self) -> list[str]:
        """What in the key looks like an error, in lines."""
        lines = []
        for item in self.items:
            if item.is_unchosen:
                lines.append(
                    f"item {item.item}: nobody of {item.answers} chose {item.key}, so that by this "
                    "key everybody is wrong"
                )
            elif item.unchosen and item.has_options:
                lines.append(f"item {item.item}: nobody chose {listed(item.unchosen, 5)}")
            if item.is_worse and not item.is_unchosen:
                lines.append(
                    f"item {item.item}: who does well in the rest is right less often by this key: "
                    f"item-rest correlation {item.r_before:.2f} before, {item.r_after:.2f} after"
                )
        return lines
