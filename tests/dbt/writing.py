"""Writes what the marts read: content, quizzes, answers. One small method a fact of the story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

TENANT = "school"
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def days_ago(days: float, hours: float = 0) -> datetime:
    """Noon UTC so many days ago, and hours after."""
    return NOON - timedelta(days=days) + timedelta(hours=hours)


@dataclass
class Bank:
    """A tenant's question bank with one topic tree.

    Attributes:
        owner: writes as the owner of the database.
        tenant: banks of several tenants may share a database.
    """

    owner: psycopg.Connection[Any]
    tenant: str = TENANT
    quizzes: int = field(default=0, init=False)

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the first row."""
        row = self.owner.execute(query, values).fetchone()
        return row[0] if row else None

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(query, values).fetchall()

    def topic(self, name: str, parent: int | None = None) -> int:
        return self.one(
            "INSERT INTO topics (tenant_id, parent_id, name) VALUES (%s, %s, %s) RETURNING id",
            *(self.tenant, parent, name),
        )

    def exam(self, code: str, tenant: str | None = None, **settings: Any) -> str:
        policy = Jsonb(settings.pop("policy", {}))
        columns = {"tau": 0.2, "test_length": 5, "irt_model": "2pl"} | settings
        self.owner.execute(
            """INSERT INTO exams (exam_code, tenant_id, title, policy, tau, test_length, irt_model)
            VALUES (%s, %s, %s, %s, %s, %s, %s)""",
            (code, tenant or self.tenant, code.title(), policy, *columns.values()),
        )
        return code

    def blueprint(self, exam: str, topic: int, weight: float, min_items: int = 0) -> None:
        self.owner.execute(
            "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight, min_items)"
            " VALUES (%s, %s, %s, %s)",
            (exam, topic, weight, min_items),
        )

    def question(self, topic: int, *exams: str, label: str | None = "medium") -> int:
        """A question of four options (A is the key), its first version live in the exams."""
        question = self.one(
            "INSERT INTO questions (tenant_id, created_by) VALUES (%s, 'ann') RETURNING id",
            self.tenant,
        )
        self.version(question, topic, 1, label)
        for exam in exams:
            self.publish(question, exam, 1)
        return question

    def version(
        self, question: int, topic: int, version: int, label: str | None = "medium"
    ) -> None:
        key = self.one(
            """INSERT INTO question_versions
            (question_id, version, stem_md, topic_id, difficulty_label, created_by)
            VALUES (%s, %s, 'Which?', %s, %s, 'ann') RETURNING id""",
            *(question, version, topic, label),
        )
        self.owner.execute(
            """INSERT INTO question_options
            (question_version_id, option_label, option_text_md, is_correct)
            SELECT %s, label, 'Text', label = 'A'
            FROM unnest(ARRAY['A', 'B', 'C', 'D']) AS label""",
            (key,),
        )
        self.owner.execute("UPDATE question_versions SET state = 'published' WHERE id = %s", (key,))

    def publish(self, question: int, exam: str, version: int) -> None:
        self.owner.execute(
            """INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
            VALUES (%s, %s, %s, (SELECT tenant_id FROM exams WHERE exam_code = %s))
            ON CONFLICT (question_id, tenant_id, exam_code)
            DO UPDATE SET live_version = excluded.live_version, published_at = now()""",
            (question, version, exam, exam),
        )

    def quiz(
        self,
        exam: str,
        user: str,
        items: Sequence[int | tuple[int, int]],
        *,
        at: datetime,
        sealed: bool = True,
        held_back: Sequence[int] = (),
        abilities: Sequence[float] = (),
        **columns: Any,
    ) -> str:
        """A quiz of two hours that served the items (questions, or questions with versions).

        It is finished after an hour, or abandoned; what was held back was so in the first step.
        `abilities` are the estimates before each item, where they were made.
        """
        self.quizzes += 1
        quiz = f"{self.tenant}-{self.quizzes}"
        values = {
            "mode": "exam",
            "adaptive": True,
            "selector": "sympson_hetter",
            "num_questions": max(len(items), 1),
            "theta": 0.0,
            "theta_se": None,
            "created_at": at,
            "updated_at": at,
        } | columns
        names = ", ".join(values)
        self.owner.execute(
            f"""INSERT INTO quiz_sessions
            (id, user_id, tenant_id, exam_code, started_at, expires_at, sealed_at, {names})
            VALUES (%s, %s, (SELECT tenant_id FROM exams WHERE exam_code = %s), %s, %s, %s, %s
            {", %s" * len(values)})""",  # noqa: S608
            (
                *(quiz, user, exam, exam, at, at + timedelta(hours=2)),
                at + timedelta(hours=1) if sealed else None,
                *values.values(),
            ),
        )
        for position, item in enumerate(items, 1):
            question, version = item if isinstance(item, tuple) else (item, 1)
            served = at + timedelta(minutes=position)
            self.owner.execute(
                """INSERT INTO quiz_items
                (quiz_id, question_id, version, position, served_at, created_at, selector, rejected,
                theta_before) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    *(quiz, question, version, position, served, served, values["selector"]),
                    list(held_back) if position == 1 else [],
                    abilities[position - 1] if abilities else None,
                ),
            )
        return quiz

    def answer(
        self,
        quiz: str,
        question: int,
        correct: bool | None = True,
        *,
        option: str | None = None,
        ms: int | None = 30_000,
        at: datetime | None = None,
        recorded: datetime | None = None,
    ) -> int:
        """Answers a served item half a minute after it was served, unless told when."""
        option = option or ("A" if correct else "B")
        return self.one(
            """INSERT INTO user_responses (quiz_id, user_id, question_id, version, option_label,
                is_correct, time_taken_ms, created_at, recorded_at)
            SELECT i.quiz_id, s.user_id, i.question_id, i.version, %s, %s, %s,
                coalesce(%s, i.served_at + interval '30 s'),
                coalesce(%s, %s, i.served_at + interval '30 s')
            FROM quiz_items AS i JOIN quiz_sessions AS s ON s.id = i.quiz_id
            WHERE i.quiz_id = %s AND i.question_id = %s RETURNING id""",
            *(option, option == "A", ms, at, recorded, at, quiz, question),
        )

    def sitting(
        self, exam: str, user: str, answers: dict[int, bool], *, at: datetime, **columns: Any
    ) -> str:
        """A quiz with all its items answered."""
        quiz = self.quiz(exam, user, list(answers), at=at, **columns)
        for question, correct in answers.items():
            self.answer(quiz, question, correct)
        return quiz
