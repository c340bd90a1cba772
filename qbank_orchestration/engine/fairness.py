"""DIF of an exam's items by what is known of its people.

What never lives here: reading and writing, fit of items (see ``engine.examination``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qbank.intervals import Z_95
from qbank.stores.item_examinations import Fairness
from qbank.stores.responses import FirstAttempts
from qbank.vocabulary import EtsClass
from qbank_orchestration.engine.answers import Answers

if TYPE_CHECKING:
    from calibration import LatentDif
    from calibration.irt import FitResult

SMALLEST_GROUP = 100
"""Persons; an item needs as many answers of a group."""
MOST_GROUPS = 12
"""Of one attribute, the largest ones: one with more values is no grouping of people."""
LARGE: EtsClass = "C"
FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True, eq=False)
class Grouping:
    """Persons by one attribute.

    Attributes:
        values: of the groups, the largest first, which is the reference.
        group: place of each person's value among them, −1 for others, shape (N,).
        persons: by group.
        skipped: why the attribute is not looked at; "" where it is.
    """

    attribute: str
    values: tuple[str, ...]
    group: npt.NDArray[np.int64]
    persons: tuple[int, ...]
    skipped: str = ""


def groupings(people: Sequence[Mapping[str, str]]) -> Iterator[Grouping]:
    """Each attribute of the people by name, with its groups that are large enough."""
    for attribute in sorted({name for own in people for name in own}):
        values = [own.get(attribute) for own in people]
        counts = Counter(value for value in values if value)
        large = sorted(
            (value for value, n in counts.items() if n >= SMALLEST_GROUP),
            key=lambda value: (-counts[value], value),
        )[:MOST_GROUPS]
        place = {value: at for at, value in enumerate(large)}
        few = f"{len(large)} groups have {SMALLEST_GROUP} persons, 2 are needed"
        yield Grouping(
            attribute,
            tuple(large),
            np.array([place.get(value or "", -1) for value in values], np.int64),
            tuple(counts[value] for value in large),
            few if len(large) < 2 else "",
        )


def by_attribute(answers: Answers) -> Iterator[tuple[Grouping, LatentDif | None]]:
    """DIF by each attribute; None where it is not looked at."""
    import calibration as cal  # kept out of the code location's import

    for grouping in groupings(answers.people):
        found = None
        if not grouping.skipped:
            found = cal.latent_dif(
                answers.bank,
                answers.person,
                answers.item,
                answers.correct,
                grouping.group,
                reference=0,
                min_n=SMALLEST_GROUP,
            )
        yield grouping, found


def examined(answers: Answers) -> tuple[tuple[Fairness, ...], dict[str, Any]]:
    """DIF of each item by each attribute, and what was looked at.

    Returns:
        Rows by attribute, item and group; and by attribute the groups, with persons and mean
        ability, or why it was not looked at.
    """
    rows: list[Fairness] = []
    looked: dict[str, Any] = {}
    for grouping, found in by_attribute(answers):
        if found is None:
            looked[grouping.attribute] = {"skipped": grouping.skipped}
            continue
        own = [*_rows(answers, grouping, found)]
        rows += own
        looked[grouping.attribute] = {
            "groups": [
                {"value": value, "persons": n, "mean": round(float(m), 4), "sd": round(float(s), 4)}
                for value, n, m, s in zip(
                    grouping.values, grouping.persons, found.mean, found.sd, strict=True
                )
            ],
            "items": int(found.testable.any(axis=1).sum()),
            "classes": dict(sorted(Counter(row.ets_class for row in own).items())),
        }
    return tuple(rows), looked


def _rows(answers: Answers, grouping: Grouping, found: LatentDif) -> Iterator[Fairness]:
    delta, se_delta = found.delta, found.se_delta
    for item, k in zip(*np.nonzero(found.testable), strict=True):
        yield Fairness(
            question_id=int(answers.question_id[item]),
            version=int(answers.version[item]),
            attribute=grouping.attribute,
            focal=grouping.values[k + 1],
            reference=grouping.values[0],
            n_focal=int(found.n[item, k + 1]),
            n_reference=int(found.n[item, 0]),
            delta=float(delta[item, k]),
            se_delta=float(se_delta[item, k]),
            uniform_p=float(found.uniform_p[item, k]),
            nonuniform_p=float(found.nonuniform_p[item, k]),
            q_value=float(found.q_value[item, k]),
            power=float(found.power[item, k]),
            ets_class=found.ets_class[item, k].item(),
        )


def told(row: Fairness) -> str:
    """Whom an item favours, and by how much."""
    harder = row.focal if row.delta < 0 else row.reference
    easier = row.reference if row.delta < 0 else row.focal
    return (
        f"harder for {row.attribute} {harder} than for {easier} of equal ability"
        f" (Δ {row.delta:+.2f} ± {Z_95 * row.se_delta:.2f} for {row.focal})"
    )


def large_on_new(
    attempts: FirstAttempts,
    fit: FitResult,
    people: Sequence[Mapping[str, str]],
    in_use: Collection[tuple[int, int]],
) -> dict[int, str]:
    """New items with DIF of class C under a fit that nobody uses yet, and whom each favours.

    Args:
        attempts: what was estimated from.
        fit: the estimates.
        people: attributes of each person of the attempts.
        in_use: question id and version of items that have parameters in force.

    Returns:
        In words by item code; the attribute with the largest effect.
    """
    keys = zip(attempts.question_id.tolist(), attempts.version.tolist(), strict=True)
    new = fit.estimated & np.array([key not in in_use for key in keys], bool)
    if not new.any() or not any(people):
        return {}
    scored = fit.estimated | fit.flagged("fixed")
    known = scored[attempts.item]
    persons, person = np.unique(attempts.person[known], return_inverse=True)
    codes = np.flatnonzero(scored)
    answers = Answers(
        bank=fit.bank().only(scored),
        question_id=attempts.question_id[scored],
        version=attempts.version[scored],
        person=person,
        item=(np.cumsum(scored) - 1)[attempts.item[known]],
        correct=attempts.correct[known],
        people=[people[at] for at in persons.tolist()],
    )
    place = {
        (int(attempts.question_id[code]), int(attempts.version[code])): code
        for code in codes.tolist()
        if new[code]
    }
    rows, _ = examined(answers)
    # of many comparisons of small groups some are of class C by chance
    large = [
        row
        for row in rows
        if row.ets_class == LARGE
        and row.q_value < FALSE_DISCOVERIES
        and (row.question_id, row.version) in place
    ]
    # the largest last, so that it stays
    return {
        place[row.question_id, row.version]: told(row)
        for row in sorted(large, key=lambda row: abs(row.delta))
    }
