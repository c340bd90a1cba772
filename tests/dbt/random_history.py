"""What happens to a random school besides growing: corrections, removals, moves; all by seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tests.dbt.random_school import School


@dataclass
class History(School):
    """A school whose past is changed, with a diary of it.

    Attributes:
        diary: the operations so far, in order.
    """

    diary: list[str] = field(default_factory=list)

    def night(self, first_day: float, last_day: float, operations: int) -> None:
        """What happens between so many days ago: a few sittings, then operations in any order."""
        # changes carry the database's own time, so what is new comes in now as well
        now = datetime.now(UTC)
        self.live(first_day, last_day, quizzes=int(self.rng.integers(2, 5)), recorded=now)
        for _ in range(operations):
            name = list(OPERATIONS)[int(self.rng.integers(0, len(OPERATIONS)))]
            self.diary.append(f"{last_day} days ago: {name}")
            OPERATIONS[name](self, last_day)

    def _sql(self, statement: str, *values: Any) -> None:
        self.bank.owner.execute(statement, values)

    def _quizzes(self, share: float) -> list[str]:
        """Some quizzes of the school, at least one where there is one."""
        known = self.bank.rows(
            "SELECT id FROM quiz_sessions WHERE tenant_id = %s ORDER BY id", self.bank.tenant
        )
        chosen = self.rng.permutation(len(known))[: max(1, int(share * len(known)))]
        return [known[i][0] for i in chosen]

    def _question(self) -> int:
        return self.questions[int(self.rng.integers(0, len(self.questions)))]

    def _student(self) -> str:
        return self.user(int(self.rng.integers(0, 12)))


def grow(history: History, day: float) -> None:
    """Late rows, from sittings that are known and one that is not."""
    history.catch_up(datetime.now(UTC))


def revise(history: History, day: float) -> None:
    question = history.questions[0]
    for exam in history.exams:
        history.bank.publish(question, exam, int(history.rng.integers(1, 3)))


def retire(history: History, day: float) -> None:
    question = history._question()
    if history.rng.random() < 0.5:
        history._sql("UPDATE questions SET is_deleted = NOT is_deleted WHERE id = %s", question)
        return
    history._sql(
        """DELETE FROM question_publications WHERE question_id = %s AND exam_code IN (
            SELECT exam_code FROM question_publications
            GROUP BY exam_code HAVING count(*) > 3)""",
        question,
    )


def withdraw(history: History, day: float) -> None:
    history._sql("DELETE FROM cohort_assignments WHERE user_id = %s", history._student())


def rescore(history: History, day: float) -> None:
    history._sql(
        """UPDATE user_responses SET is_correct = NOT is_correct
        WHERE question_id = %s AND quiz_id = ANY(%s)""",
        *(history._question(), history._quizzes(0.6)),
    )


def erase_answers(history: History, day: float) -> None:
    history._sql(
        "DELETE FROM user_responses WHERE question_id = %s AND quiz_id = ANY(%s)",
        *(history._question(), history._quizzes(0.7)),
    )


def erase_person(history: History, day: float) -> None:
    of_person = "(SELECT id FROM quiz_sessions WHERE user_id = %s)"
    student = history._student()
    for table in ("user_responses", "quiz_items"):
        history._sql(f"DELETE FROM {table} WHERE quiz_id IN {of_person}", student)  # noqa: S608
    history._sql("DELETE FROM quiz_sessions WHERE user_id = %s", student)
    history._sql("DELETE FROM cohort_assignments WHERE user_id = %s", student)
    gone = {quiz for quiz, _ in history.open_quizzes} - {
        row[0] for row in history.bank.rows("SELECT id FROM quiz_sessions")
    }
    history.open_quizzes = [entry for entry in history.open_quizzes if entry[0] not in gone]


def extend(history: History, day: float) -> None:
    """Accommodations, or an import that adds to a sitting: its end crosses midnight."""
    hours = float(history.rng.uniform(1, 30))
    history._sql(
        """UPDATE quiz_sessions SET sealed_at = sealed_at + make_interval(mins => %s),
        expires_at = expires_at + make_interval(mins => %s) WHERE id = ANY(%s)""",
        *(int(60 * hours), int(60 * hours), history._quizzes(0.2)),
    )


def begin_earlier(history: History, day: float) -> None:
    history._sql(
        """UPDATE quiz_sessions SET started_at = started_at - make_interval(mins => %s)
        WHERE id = ANY(%s)""",
        *(int(history.rng.uniform(30, 2000)), history._quizzes(0.1)),
    )


def seal_late(history: History, day: float) -> None:
    history._sql(
        """UPDATE quiz_sessions SET sealed_at = started_at + interval '30 min'
        WHERE id = ANY(%s) AND sealed_at IS NULL""",
        history._quizzes(1),
    )


def void(history: History, day: float) -> None:
    """As an administrator does, who may take it back."""
    history._sql(
        "UPDATE quiz_sessions SET voided_at = now() WHERE id = ANY(%s) AND voided_at IS NULL",
        history._quizzes(0.2),
    )


def restore(history: History, day: float) -> None:
    history._sql(
        "UPDATE quiz_sessions SET voided_at = NULL WHERE voided_at IS NOT NULL AND id = ANY(%s)",
        history._quizzes(0.6),
    )


def move_topic(history: History, day: float) -> None:
    """A leaf goes below another area, or an area below another."""
    root, *areas = history.topics[:4]
    leaf = history.topics[4 + int(history.rng.integers(0, 8))]
    parent = (root, *areas)[int(history.rng.integers(0, 4))]
    history._sql("UPDATE topics SET parent_id = %s WHERE id = %s", parent, leaf)
    below = (root, areas[0])[int(history.rng.integers(0, 2))]
    history._sql("UPDATE topics SET parent_id = %s WHERE id = %s", below, areas[2])


def rename(history: History, day: float) -> None:
    history._sql(
        "UPDATE topics SET name = name || '*' WHERE id = %s",
        history.topics[int(history.rng.integers(0, len(history.topics)))],
    )


def reweigh(history: History, day: float) -> None:
    history._sql(
        "UPDATE exam_blueprints SET target_weight = %s WHERE exam_code = %s",
        *(float(history.rng.uniform(0, 0.5)), history.exams[0]),
    )


def change_policy(history: History, day: float) -> None:
    history._sql(
        """UPDATE exams SET title = title || '*', policy = CASE
        WHEN policy ? 'unanswered' THEN '{}' ELSE '{"unanswered": "wrong"}'::jsonb END
        WHERE exam_code = %s""",
        history.exams[1],
    )


def correct_exam(history: History, day: float) -> None:
    history._sql(
        "UPDATE quiz_sessions SET exam_code = %s WHERE id = ANY(%s)",
        *(history.exams[int(history.rng.integers(0, 2))], history._quizzes(0.05)),
    )


OPERATIONS: Final[dict[str, Callable[[History, float], None]]] = {
    operation.__name__: operation
    for operation in (
        grow,
        revise,
        retire,
        withdraw,
        rescore,
        erase_answers,
        erase_person,
        extend,
        begin_earlier,
        seal_late,
        void,
        restore,
        move_topic,
        rename,
        reweigh,
        change_policy,
        correct_exam,
    )
} | {"reassign": lambda history, day: history.reassign()}
