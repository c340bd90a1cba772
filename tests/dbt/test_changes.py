"""Whatever is changed or removed in the sources reaches every mart with the next nightly build.

Each case writes as the API, an import or an administrator does, builds as a night does and
compares every table with a full refresh.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.dbt.random_history import OPERATIONS, History
from tests.dbt.test_incremental import contents
from tests.dbt.writing import Bank, days_ago

Contents = dict[str, list[tuple[Any, ...]]]


class Story:
    """Two exams and a tree, three students of two sittings each, long past the look-back."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.exams = (f"{bank.tenant}-1", f"{bank.tenant}-2")
        self.users = [f"{bank.tenant}-u{n}" for n in range(3)]
        bank.exam(self.exams[0], policy={"unanswered": "wrong"})
        bank.exam(self.exams[1])
        root = bank.topic("All")
        self.areas = [bank.topic("North", root), bank.topic("South", root)]
        self.leaf = bank.topic("Leaf", self.areas[0])
        self.questions = [bank.question(self.leaf, *self.exams) for _ in range(7)]
        bank.blueprint(self.exams[0], self.areas[0], 0.5)
        self.quizzes = []
        for day in (20, 12):
            for user in self.users:
                answers = {question: question % 3 > 0 for question in self.questions[:6]}
                held_back = self.questions[6:]
                self.quizzes.append(
                    bank.sitting(
                        self.exams[0],
                        user,
                        answers,
                        at=days_ago(day),
                        theta_se=0.4,
                        held_back=held_back,
                        abilities=[0.0, 0.6, 1.1, -0.4, 0.2, 0.8],
                    )
                )
        bank.owner.execute(
            """INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, assigned_at)
            VALUES (%s, 'trial', 'treated', %s)""",
            (self.users[0], days_ago(40)),
        )

    def sql(self, statement: str, *values: object) -> None:
        self.bank.owner.execute(statement, values)


def end_moved(story: Story) -> None:
    """As an import that adds an answer after midnight, or an extension, does."""
    story.sql(
        """UPDATE quiz_sessions SET sealed_at = sealed_at + interval '14 h',
        expires_at = expires_at + interval '15 h' WHERE id = ANY(%s)""",
        story.quizzes[:3],
    )


def sealed_late(story: Story) -> None:
    """A phone that was offline says that the sitting was finished before it ran out."""
    story.sql(
        """UPDATE quiz_sessions SET sealed_at = NULL, expires_at = started_at + interval '20 h'
        WHERE id = %s""",
        story.quizzes[0],
    )


def start_moved(story: Story) -> None:
    story.sql(
        "UPDATE quiz_sessions SET started_at = started_at - interval '20 h' WHERE id = %s",
        story.quizzes[0],
    )


def exam_of_quiz_corrected(story: Story) -> None:
    story.sql(
        "UPDATE quiz_sessions SET exam_code = %s WHERE id = %s",
        *(story.exams[1], story.quizzes[0]),
    )


def rescored(story: Story) -> None:
    story.sql(
        "UPDATE user_responses SET is_correct = NOT is_correct WHERE question_id = %s",
        story.questions[0],
    )


def retimed(story: Story) -> None:
    story.sql(
        "UPDATE user_responses SET time_taken_ms = 5, option_label = 'C' WHERE quiz_id = %s",
        story.quizzes[1],
    )


def answer_erased(story: Story) -> None:
    story.sql(
        "DELETE FROM user_responses WHERE quiz_id = %s AND question_id = %s",
        *(story.quizzes[0], story.questions[0]),
    )


def person_erased(story: Story) -> None:
    quizzes = story.quizzes[::3]
    story.sql("DELETE FROM user_responses WHERE quiz_id = ANY(%s)", quizzes)
    story.sql("DELETE FROM quiz_items WHERE quiz_id = ANY(%s)", quizzes)
    story.sql("DELETE FROM quiz_sessions WHERE id = ANY(%s)", quizzes)


def sittings_voided(story: Story) -> None:
    """One of two of a person, and all that a day had."""
    story.sql("UPDATE quiz_sessions SET voided_at = now() WHERE id = ANY(%s)", story.quizzes[:4])


def cohort_withdrawn(story: Story) -> None:
    story.sql("DELETE FROM cohort_assignments WHERE user_id = %s", story.users[0])


def cohort_changed(story: Story) -> None:
    story.sql(
        "UPDATE cohort_assignments SET cohort_value = 'control' WHERE user_id = %s", story.users[0]
    )


def cohort_backdated(story: Story) -> None:
    story.sql(
        """INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, assigned_at)
        VALUES (%s, 'trial', 'treated', %s)""",
        *(story.users[1], days_ago(30)),
    )


def topic_moved(story: Story) -> None:
    story.sql("UPDATE topics SET parent_id = %s WHERE id = %s", *(story.areas[1], story.leaf))


def topic_renamed(story: Story) -> None:
    story.sql("UPDATE topics SET name = 'Other' WHERE id = %s", story.leaf)


def question_of_another_topic(story: Story) -> None:
    # a published version never changes, so the owner lifts the guard
    story.sql("ALTER TABLE question_versions DISABLE TRIGGER question_versions_keep_published")
    story.sql(
        "UPDATE question_versions SET topic_id = %s WHERE question_id = %s",
        *(story.areas[1], story.questions[1]),
    )


def question_retired(story: Story) -> None:
    story.sql("UPDATE questions SET is_deleted = true WHERE id = %s", story.questions[2])


def publication_taken_back(story: Story) -> None:
    story.sql("DELETE FROM question_publications WHERE question_id = ANY(%s)", story.questions[5:])


def revision_published(story: Story) -> None:
    story.bank.version(story.questions[6], story.leaf, 2)
    story.bank.publish(story.questions[6], story.exams[0], 2)


def blueprint_changed(story: Story) -> None:
    story.sql(
        "UPDATE exam_blueprints SET target_weight = 0.9, min_items = 3 WHERE exam_code = %s",
        story.exams[0],
    )


def policy_changed(story: Story) -> None:
    story.sql("UPDATE exams SET policy = '{}', title = 'New' WHERE exam_code = %s", story.exams[0])


CHANGES: list[Callable[[Story], None]] = [
    end_moved,
    sealed_late,
    start_moved,
    exam_of_quiz_corrected,
    rescored,
    retimed,
    answer_erased,
    person_erased,
    sittings_voided,
    cohort_withdrawn,
    cohort_changed,
    cohort_backdated,
    topic_moved,
    topic_renamed,
    question_of_another_topic,
    question_retired,
    publication_taken_back,
    revision_published,
    blueprint_changed,
    policy_changed,
]


@pytest.mark.slow
def test_every_change_reaches_every_mart(dbt, owner):
    """Each change has a tenant of its own, so that one night shows them all."""
    stories = {change: Story(Bank(owner, change.__name__)) for change in CHANGES}
    noon = str(days_ago(0))
    dbt.models(as_of=noon)
    for change, story in stories.items():
        change(story)
    dbt.models(as_of=noon)
    nightly = contents(Bank(owner))
    dbt.models(as_of=noon, full_refresh=True)
    assert differences(nightly, contents(Bank(owner))) == []


@pytest.mark.slow
def test_emptied_sources_empty_the_marts(dbt, bank):
    Story(bank)
    dbt.models()
    bank.owner.execute(
        """TRUNCATE quiz_sessions, quiz_items, quiz_results, quiz_events, user_responses,
            lti_quizzes, lti_scores"""
    )
    dbt.models()
    facts = ("fact_responses", "fact_sessions", "exposure_daily_rates", "topic_mastery")
    left = {mart: bank.one(f"SELECT count(*) FROM analytics.{mart}") for mart in facts}  # noqa: S608
    assert left == dict.fromkeys(facts, 0)


HISTORIES = 200
NIGHTS = ((30, 8), (8, 5), (5, 2), (2, 0))


@pytest.mark.slow
def test_random_histories_end_as_a_full_refresh(dbt, owner):
    """Two hundred schools of one database, changed in any order over four nights."""
    histories = []
    for seed in range(HISTORIES):
        exams = (f"h{seed}-alpha", f"h{seed}-beta")
        bank = Bank(owner, f"h{seed}-")
        histories.append(History(bank, np.random.default_rng(seed), exams, size=9))
    for first, last in NIGHTS:
        with owner.transaction():
            for history in histories:
                if not history.questions:
                    history.found()
                history.night(first, last, operations=int(history.rng.integers(1, 4)))
        dbt.models(as_of=str(days_ago(last)))
    nightly = contents(Bank(owner))
    everything = f"{{test_window_days: 36500, settled_after_minutes: 0, as_of: '{days_ago(0)}'}}"
    compared = dbt("test", "--select", "test_name:equals_a_full_build", "--vars", everything)
    assert set(compared.values()) == {"pass"}, dbt.said
    dbt.models(as_of=str(days_ago(0)), full_refresh=True)
    found = differences(nightly, contents(Bank(owner)))
    story = next((h for h in histories if found and h.bank.tenant in str(found[0])), None)
    assert not found, (
        found[:3],
        f"seed {story.bank.tenant}" if story else "",
        story and story.diary,
    )
    assert {line.split(": ")[1] for h in histories for line in h.diary} == OPERATIONS.keys()
    assert len(nightly["fact_responses"]) > 10 * HISTORIES


def differences(nightly: Contents, refreshed: Contents) -> list[tuple[str, str, Any]]:
    """Rows that are in one and not in the other, with the table and the side they are on."""
    assert nightly.keys() == refreshed.keys()
    found = []
    for name in nightly:
        ours, theirs = Counter(map(repr, nightly[name])), Counter(map(repr, refreshed[name]))
        found += [(name, "only after nights", row) for row in ours - theirs]
        found += [(name, "only after a full refresh", row) for row in theirs - ours]
    return found
