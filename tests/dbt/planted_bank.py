"""A bank with planted faults, delivered by ability: what was wrong with each item is known.

What never lives here: what finds the faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from psycopg.types.json import Jsonb

from tests.dbt.writing import Bank, days_ago

ITEMS, LENGTH, EACH = 80, 15, 4
TAU: Final = 0.4
CONTROLLED_FROM = 20  # days ago: a cohort 0.7 logits abler comes, and the faults begin
FAULTS: Final = ("suspect key", "over-exposed", "drifted", "dead distractor")
_EARLIER, _BEFORE, _AFTER = 1000, 200, 900  # quizzes: of long ago, just before control, under it
_NODES = np.linspace(-4, 4, 41)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """Questions of the exam in their order, and the fault of each: one of FAULTS, or ""."""

    questions: list[int]
    faults: list[str]


def plant(bank: Bank, exam: str, seed: int) -> Planted:
    """Writes the exam, its items with parameters, a certificate and 2,100 quizzes."""
    rng = np.random.default_rng(seed)
    faults = np.array(["", *FAULTS]).repeat([ITEMS - EACH * len(FAULTS)] + [EACH] * len(FAULTS))
    rng.shuffle(faults)
    a = np.exp(rng.normal(0.0, 0.2, ITEMS))
    b = rng.normal(0.0, 0.8, ITEMS)
    bank.exam(exam, tau=TAU, test_length=LENGTH)
    topic = bank.topic(f"Topic of {exam}")
    questions = [bank.question(topic, exam) for _ in range(ITEMS)]
    published = _publish(bank, exam, questions, a, b, rng)
    _certify(bank, exam, questions)
    moved = np.where(faults == "drifted", rng.choice([-1.0, 1.0], ITEMS), 0.0)
    # without control some sound items are used much more than τ
    popular = np.where((faults == "") & (rng.random(ITEMS) < 0.15), 2.5, 0.0)
    favoured = np.where(faults == "over-exposed", 5.0, 0.0)
    # these the items had from the start
    old = np.where(np.isin(faults, ["dead distractor", "suspect key"]), faults, "")
    for name, count, (first, last), theta, difficulty, wrong, weight in (
        ("earlier", _EARLIER, (45, 29), 0.0, b, old, popular),
        ("before", _BEFORE, (27, CONTROLLED_FROM + 1), 0.0, b, old, popular),
        ("after", _AFTER, (CONTROLLED_FROM - 1, 1), 0.7, b + moved, faults, favoured),
    ):
        people = rng.normal(theta, 1.0, count)
        served = _deliver(people, a, difficulty, published, wrong, weight, rng)
        _write(bank, f"{exam}-{name}", exam, questions, served, rng.uniform(last, first, count))
    return Planted(questions, faults.tolist())


def _publish(
    bank: Bank, exam: str, questions: list[int], a: Floats, b: Floats, rng: Any
) -> tuple[Floats, Floats]:
    """Parameters with the error of a few hundred answers."""
    a, b = a + rng.normal(0, 0.08, ITEMS), b + rng.normal(0, 0.08, ITEMS)
    bank.owner.cursor().executemany(
        """INSERT INTO item_calibration (exam_code, question_id, version, model, a, b, se_a, se_b,
            n_respondents, converged) VALUES (%s, %s, 1, '2pl', %s, %s, 0.08, 0.08, 400, true)""",
        [(exam, *row) for row in zip(questions, a.tolist(), b.tolist(), strict=True)],
    )
    return a, b


def _certify(bank: Bank, exam: str, questions: list[int]) -> None:
    proposal = {"question_id": questions, "version": [1] * ITEMS}
    summary = {"administered": [LENGTH / ITEMS] * ITEMS}
    ended = days_ago(CONTROLLED_FROM)
    bank.owner.execute(
        """INSERT INTO calibration_runs (kind, exam_code, status, params, result, requested_by,
            stopped_reason, created_at, started_at, finished_at)
        VALUES ('sympson_hetter', %s, 'done', %s, %s, 'ann', 'converged', %s, %s, %s)""",
        (
            *(exam, Jsonb({"tau": TAU}), Jsonb({"proposal": proposal, "summary": summary})),
            *(ended, ended, ended),
        ),
    )


@dataclass(frozen=True)
class _Served:
    """Arrays of shape (quizzes, LENGTH): item, θ̂ before it, option chosen (0 is the key)."""

    item: npt.NDArray[np.int64]
    before: Floats
    option: npt.NDArray[np.int64]


def _deliver(
    people: Floats,
    a: Floats,
    b: Floats,
    published: tuple[Floats, Floats],
    faults: Any,
    weight: Floats,
    rng: Any,
) -> _Served:
    """Items near the running EAP (Bock & Mislevy 1982), chosen with some chance."""
    count, rows = people.size, np.arange(people.size)
    curves = _curve(_NODES[:, None], *published)
    log_posterior = np.tile(-(_NODES**2) / 2, (count, 1))
    free = np.ones((count, ITEMS), dtype=bool)
    items, before, options = [], [], []
    for _ in range(LENGTH):
        posterior = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
        eap = posterior @ _NODES / posterior.sum(axis=1)
        nearness = weight - 0.5 * (published[1].clip(-2, 2) - eap[:, None]) ** 2
        item = np.where(free, nearness + rng.gumbel(size=free.shape), -np.inf).argmax(axis=1)
        free[rows, item] = False
        option = _answers(people, item, a, b, faults, rng)
        right = (option == 0)[:, None]
        log_posterior += np.log(np.where(right, curves[:, item].T, 1 - curves[:, item].T))
        items.append(item)
        before.append(eap)
        options.append(option)
    return _Served(np.array(items).T, np.array(before).T, np.array(options).T)


def _answers(people: Floats, item: Any, a: Floats, b: Floats, faults: Any, rng: Any) -> Any:
    """Options 0 (the key by the bank) to 3; who does not know guesses among the wrong ones."""
    knows = rng.random(item.size) < _curve(people, a[item], b[item])
    share = np.where(faults[item] == "dead distractor", 0.002, 0.3)
    lot = rng.random(item.size)
    wrong = np.where(lot < share, 3, np.where(lot < share + (1 - share) / 2, 1, 2))
    option = np.where(knows, 0, wrong)
    # a wrong key: who knows takes another option, and who does not finds the bank's key by chance
    swapped = faults[item] == "suspect key"
    return np.where(swapped & (option < 2), 1 - option, option)


def _curve(theta: Any, a: Floats, b: Floats) -> Any:
    return 1 / (1 + np.exp(-1.7 * a * (theta - b)))


def _write(
    bank: Bank, name: str, exam: str, questions: list[int], served: _Served, days: Floats
) -> None:
    """Each quiz by a person of its own, all answered."""
    steps = []
    with bank.owner.cursor().copy(
        "COPY quiz_sessions (id, user_id, tenant_id, exam_code, mode, adaptive, selector,"
        " num_questions, started_at, expires_at, sealed_at, created_at, updated_at) FROM STDIN"
    ) as copy:
        for row, day in enumerate(days):
            quiz, at = f"{name}-{row}", days_ago(float(day))
            end = at + timedelta(hours=1)
            chosen = ("exam", True, "sympson_hetter", LENGTH)
            copy.write_row((quiz, quiz, bank.tenant, exam, *chosen, at, end, end, at, at))
            for step in range(LENGTH):
                question = questions[served.item[row, step]]
                moment = at + timedelta(minutes=step)
                option = int(served.option[row, step])
                steps.append(
                    (quiz, question, step + 1, moment, float(served.before[row, step]), option)
                )
    with bank.owner.cursor().copy(
        "COPY quiz_items (quiz_id, question_id, version, position, served_at, created_at, selector,"
        " theta_before) FROM STDIN"
    ) as copy:
        for quiz, question, position, at, before, _ in steps:
            copy.write_row((quiz, question, 1, position, at, at, "sympson_hetter", before))
    with bank.owner.cursor().copy(
        "COPY user_responses (quiz_id, user_id, question_id, version, option_label, is_correct,"
        " time_taken_ms, created_at, recorded_at) FROM STDIN"
    ) as copy:
        for quiz, question, _, at, _, option in steps:
            copy.write_row((quiz, quiz, question, 1, "ABCD"[option], option == 0, 30_000, at, at))
