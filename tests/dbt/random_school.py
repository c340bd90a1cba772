"""A random school that goes on living: the same seed gives the same story, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from tests.dbt.writing import Bank, days_ago

OPTIONS = "ABCD"


@dataclass
class School:
    """Two exams that share items, a tree of three levels, students who come back.

    Attributes:
        bank: where it is written.
        rng: what happens.
        exams: the second scores what was served and left unanswered as wrong.
        size: questions.
    """

    bank: Bank
    rng: np.random.Generator
    exams: tuple[str, str] = ("alpha", "beta")
    size: int = 24
    topics: list[int] = field(default_factory=list)
    questions: list[int] = field(default_factory=list)
    open_quizzes: list[tuple[str, list[int]]] = field(default_factory=list)

    def found(self) -> None:
        """Writes the content: 8 leaves under 3 areas, questions, some with two versions."""
        bank = self.bank
        bank.exam(self.exams[0], policy={"difficulty_weights": {"easy": 1, "medium": 2, "hard": 1}})
        bank.exam(self.exams[1], policy={"unanswered": "wrong"})
        root = bank.topic("All")
        areas = [bank.topic(f"Area {i}", root) for i in range(3)]
        leaves = [bank.topic(f"Leaf {i}", areas[i % 3]) for i in range(8)]
        self.topics = [root, *areas, *leaves]
        for i in range(self.size):
            label = ("easy", "medium", "hard", None)[i % 4]
            exams = self.exams if i % 3 == 0 else (self.exams[i % 2],)
            self.questions.append(bank.question(leaves[i % 8], *exams, label=label))
        for question in self.questions[::5]:
            bank.version(question, leaves[-1], 2, "hard")
        for area, weight in zip(areas, (0.5, 0.3, 0.07), strict=True):
            bank.blueprint(self.exams[0], area, weight, min_items=2)
        for i in range(0, 12, 2):
            bank.owner.execute(
                "INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, assigned_at)"
                " VALUES (%s, 'trial', %s, %s)",
                (self.user(i), ("control", "treatment")[i // 2 % 2], days_ago(20)),
            )

    def user(self, number: int) -> str:
        """A student's name; cohorts know no tenant, so it is of this school alone."""
        return f"{self.exams[0]}-u{number}"

    def live(
        self, first_day: float, last_day: float, quizzes: int, recorded: datetime | None = None
    ) -> None:
        """Quizzes that start between so many days ago; the last are left open for later.

        Their rows came in when they were written, or at ``recorded``.
        """
        for _ in range(quizzes):
            day = self.rng.uniform(last_day, first_day)
            self._sit(day, theta=float(self.rng.normal()), recorded=recorded)

    def catch_up(self, recorded: datetime) -> None:
        """Late rows: answers in quizzes of the past, and a quiz that nobody had heard of."""
        for quiz, questions in self.open_quizzes[:3]:
            self.bank.answer(quiz, questions[-1], bool(self.rng.random() < 0.5), recorded=recorded)
        self.open_quizzes = self.open_quizzes[3:]
        self._sit(float(self.rng.uniform(10, 30)), theta=0.0, recorded=recorded)

    def publish_revision(self) -> None:
        """The next question with two versions goes live in its second."""
        question = self.questions[5 * int(self.rng.integers(0, (self.size + 4) // 5))]
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
            (self.user(int(self.rng.integers(0, 12))),),
        )

    def _sit(self, day: float, theta: float, recorded: datetime | None = None) -> None:
        rng = self.rng
        exam = self.exams[int(rng.integers(0, 2))]
        live = self.bank.rows(
            "SELECT question_id, live_version FROM question_publications"
            " WHERE exam_code = %s ORDER BY question_id",
            exam,
        )
        drawn = [live[i] for i in rng.permutation(len(live))]
        length = int(rng.integers(3, 9))
        served, others = drawn[:length], drawn[length + 1 :]
        # of its own stream, beside the story
        abilities = np.random.default_rng(self.bank.quizzes).normal(theta, 1.0, length).tolist()
        columns = {"theta": theta, "theta_se": float(rng.uniform(0.3, 0.5))}
        if recorded:
            columns |= {"created_at": recorded, "updated_at": recorded}
        selector = ("vanilla", "sympson_hetter", "fixed")[int(rng.integers(0, 3))]
        quiz = self.bank.quiz(
            exam,
            self.user(int(rng.integers(0, 12))),
            served,
            at=days_ago(day),
            sealed=bool(rng.random() < 0.8),
            held_back=[question for question, _ in others[: int(rng.integers(0, 4))]],
            mode=("exam", "tutor")[int(rng.integers(0, 2))],
            selector=selector,
            adaptive=selector != "fixed",
            abilities=abilities if selector != "fixed" else (),
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
