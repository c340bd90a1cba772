"""A random school that goes on living: the same seed gives the same story, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from tests.dbt.writing import Bank, days_ago

EXAMS = ("alpha", "beta")  # beta scores what was served and left unanswered as wrong
OPTIONS = "ABCD"


@dataclass
class School:
    """Two exams that share items, a tree of three levels, students who come back.

    Attributes:
        bank: where it is written.
        rng: what happens.
    """

    bank: Bank
    rng: np.random.Generator
    questions: list[int] = field(default_factory=list)
    open_quizzes: list[tuple[str, list[int]]] = field(default_factory=list)

    def found(self) -> None:
        """Writes the content: 8 leaves under 3 areas, 24 questions, some with two versions."""
        bank = self.bank
        bank.exam("alpha", policy={"difficulty_weights": {"easy": 1, "medium": 2, "hard": 1}})
        bank.exam("beta", policy={"unanswered": "wrong"})
        root = bank.topic("All")
        areas = [bank.topic(f"Area {i}", root) for i in range(3)]
        leaves = [bank.topic(f"Leaf {i}", areas[i % 3]) for i in range(8)]
        for i in range(24):
            label = ("easy", "medium", "hard", None)[i % 4]
            exams = EXAMS if i % 3 == 0 else (EXAMS[i % 2],)
            self.questions.append(bank.question(leaves[i % 8], *exams, label=label))
        for question in self.questions[::5]:
            bank.version(question, leaves[-1], 2, "hard")
        for area, weight in zip(areas, (0.5, 0.3, 0.07), strict=True):
            bank.blueprint("alpha", area, weight, min_items=2)
        for i in range(0, 12, 2):
            bank.owner.execute(
                "INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, assigned_at)"
                " VALUES (%s, 'trial', %s, %s)",
                (f"u{i}", ("control", "treatment")[i // 2 % 2], days_ago(20)),
            )

    def live(self, first_day: float, last_day: float, quizzes: int) -> None:
        """Quizzes that start between so many days ago; the last are left open for later."""
        for _ in range(quizzes):
            day = self.rng.uniform(last_day, first_day)
            self._sit(day, theta=float(self.rng.normal()))

    def catch_up(self, recorded: datetime) -> None:
        """Late rows: answers in quizzes of the past, and a quiz that nobody had heard of."""
        for quiz, questions in self.open_quizzes[:3]:
            self.bank.answer(quiz, questions[-1], bool(self.rng.random() < 0.5), recorded=recorded)
        self.open_quizzes = self.open_quizzes[3:]
        self._sit(float(self.rng.uniform(10, 30)), theta=0.0, recorded=recorded)

    def publish_revision(self) -> None:
        """The next question with two versions goes live in its second."""
        question = self.questions[5 * int(self.rng.integers(0, 5))]
        exam = self.bank.one(
            "SELECT exam_code FROM question_publications WHERE question_id = %s LIMIT 1", question
        )
        self.bank.publish(question, exam, 2)

    def reassign(self) -> None:
        """A student enters the trial, or changes arms."""
        self.bank.owner.execute(
            """INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, assigned_at)
            VALUES (%s, 'trial', 'treatment', now())
            ON CONFLICT (user_id, cohort_key, tenant_id)
            DO UPDATE SET cohort_value = excluded.cohort_value, assigned_at = now()""",
            (f"u{self.rng.integers(0, 12)}",),
        )

    def _sit(self, day: float, theta: float, recorded: datetime | None = None) -> None:
        rng = self.rng
        exam = EXAMS[int(rng.integers(0, 2))]
        live = self.bank.rows(
            "SELECT question_id, live_version FROM question_publications"
            " WHERE exam_code = %s ORDER BY question_id",
            exam,
        )
        drawn = [live[i] for i in rng.permutation(len(live))]
        served, others = drawn[: int(rng.integers(3, 9))], drawn[9:]
        columns = {"theta": theta, "theta_se": float(rng.uniform(0.3, 0.5))}
        if recorded:
            columns |= {"created_at": recorded, "updated_at": recorded}
        selector = ("vanilla", "sympson_hetter", "fixed")[int(rng.integers(0, 3))]
        quiz = self.bank.quiz(
            exam,
            f"u{rng.integers(0, 12)}",
            served,
            at=days_ago(day),
            sealed=bool(rng.random() < 0.8),
            held_back=[question for question, _ in others[: int(rng.integers(0, 4))]],
            mode=("exam", "tutor")[int(rng.integers(0, 2))],
            selector=selector,
            adaptive=selector != "fixed",
            **columns,
        )
        questions = [question for question, _ in served]
        left = int(rng.integers(0, 3))
        for question in questions[: len(questions) - left]:
            self.bank.answer(
                quiz,
                question,
                option=OPTIONS[int(rng.choice(4, p=[0.6, 0.25, 0.13, 0.02]))],
                ms=int(rng.lognormal(10, 0.6)) if rng.random() < 0.9 else None,
                recorded=recorded,
            )
        if left:
            self.open_quizzes.append((quiz, questions))
