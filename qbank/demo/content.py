"""The planted content: topics, items with their parameters, and which exam uses them when.

Pure functions of a random generator. What never lives here: people, sessions, the database.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

D = 1.7
DAYS = 60
PILOT_DAYS = 30  # forms drawn at random, until there is enough to select by
EXAMS = ("MED-A", "MED-B")
TITLES = {"MED-A": "Basic medical sciences", "MED-B": "Clinical foundations"}
OWN, SHARED = 160, 90  # items of one exam alone, and of both
DRAFTS = 12  # written, not delivered
REVISED = 16  # a second version replaces the first when selection begins
RETIRED = 6  # taken out in the last fortnight
RETIRED_DAY = 46

TREE: dict[str, dict[str, tuple[str, ...]]] = {
    "Structure": {
        "Anatomy": ("Thorax", "Abdomen", "Limbs", "Head and neck"),
        "Histology": ("Epithelia", "Connective tissue", "Nervous tissue"),
        "Embryology": ("Germ layers", "Organogenesis"),
    },
    "Function": {
        "Physiology": ("Heart and circulation", "Respiration", "Kidney", "Endocrine"),
        "Biochemistry": ("Metabolism", "Enzymes", "Molecular biology"),
        "Pharmacology": ("Kinetics", "Autonomic drugs", "Antimicrobials"),
    },
    "Disease": {
        "Pathology": ("Inflammation", "Neoplasia", "Haemodynamics"),
        "Microbiology": ("Bacteria", "Viruses", "Parasites"),
        "Immunology": ("Innate immunity", "Hypersensitivity"),
    },
}

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Units:
    """Item versions, the unit that has parameters; arrays of shape (J,).

    Attributes:
        question: index of the question; two versions share it.
        version: 1 or 2.
        a, b, c: planted parameters of the 3PL with D = 1.7 (c = 0: a 2PL).
        topic: index into :func:`leaves`.
        first_day, last_day: days on which it is live, last exclusive.
        in_exam: shape (J, 2), whether each exam uses it.
        options: number of options, 4 or 5.
        key: index of the correct option.
        appeal: shape (J, 5), log weight of each option among the wrong ones.
        lure: shape (J, 5), how that weight moves with ability.
        intensity: log of the seconds that the item takes a person of average speed.
    """

    question: IntArray
    version: IntArray
    a: FloatArray
    b: FloatArray
    c: FloatArray
    topic: IntArray
    first_day: IntArray
    last_day: IntArray
    in_exam: npt.NDArray[np.bool_]
    options: IntArray
    key: IntArray
    appeal: FloatArray
    lure: FloatArray
    intensity: FloatArray

    def live(self, exam: int, day: int) -> npt.NDArray[np.bool_]:
        """Which units the exam delivers on a day, shape (J,)."""
        return self.in_exam[:, exam] & (self.first_day <= day) & (day < self.last_day)

    def ref(self, unit: int) -> str:
        """External reference of the unit's question."""
        return f"DEMO-{self.question[unit] + 1:04d}"


def leaves() -> list[tuple[str, str, str]]:
    """The paths of the topics that items hang on."""
    return [
        (root, branch, leaf)
        for root, branches in TREE.items()
        for branch, names in branches.items()
        for leaf in names
    ]


def plant(rng: Generator) -> Units:
    """Draws all item versions."""
    questions = 2 * OWN + SHARED
    revised = np.sort(rng.choice(questions, REVISED, replace=False))
    others = np.setdiff1d(np.arange(questions), revised)
    retired = rng.choice(others, RETIRED, replace=False)
    a = np.exp(rng.normal(-0.05, 0.35, questions)).clip(0.4, 2.2)
    b = rng.normal(0.0, 1.0, questions).clip(-2.4, 2.4)
    last_day = np.full(questions, DAYS + 1)
    last_day[retired] = RETIRED_DAY
    last_day[revised] = PILOT_DAYS
    in_exam = np.zeros((questions, 2), dtype=np.bool_)
    in_exam[: OWN + SHARED, 0] = True
    in_exam[OWN:, 1] = True
    # few items where the blueprint wants many: coverage has a gap to show
    weights = np.array([0.3 if branch == "Immunology" else 1.0 for _, branch, _ in leaves()])
    topic = rng.choice(weights.size, questions, p=weights / weights.sum())
    options = rng.choice([4, 5], questions, p=[0.7, 0.3])
    key = (rng.random(questions) * options).astype(np.int64)
    appeal = rng.normal(0.0, 0.6, (questions, 5))
    dead = rng.random(questions) < 0.12  # a distractor that nobody takes
    appeal[dead, (key[dead] + 1) % options[dead]] = -6.0
    intensity = np.log(40.0) + 0.15 * b + rng.normal(0.0, 0.2, questions)
    one = np.arange(questions)
    # a revision clears up the stem: easier, and it discriminates better
    two_a = (a[revised] * rng.uniform(1.0, 1.25, REVISED)).clip(0.4, 2.2)
    two_b = b[revised] - rng.uniform(0.1, 0.6, REVISED)
    unit = np.concatenate([one, revised])
    return Units(
        question=unit,
        version=np.repeat([1, 2], [questions, REVISED]),
        a=np.concatenate([a, two_a]),
        b=np.concatenate([b, two_b]),
        c=np.zeros(unit.size),
        topic=topic[unit],
        first_day=np.repeat([0, PILOT_DAYS], [questions, REVISED]),
        last_day=np.concatenate([last_day, np.full(REVISED, DAYS + 1)]),
        in_exam=in_exam[unit],
        options=options[unit],
        key=key[unit],
        appeal=appeal[unit],
        lure=rng.normal(0.0, 0.5, (questions, 5))[unit],
        intensity=intensity[unit],
    )


def difficulty_label(b: float) -> str:
    """What an author would call the item."""
    return "easy" if b < -0.7 else "hard" if b > 0.7 else "medium"
